"""The time that a log line begins with."""

from __future__ import annotations

import re
from datetime import datetime

_STAMP = re.compile(
    r"(\d{4})[-/](\d\d)[-/](\d\d)[T _](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6}))?\s?(Z|[+-]\d\d:?\d\d)?"
)
_WITHIN_CHARS = 64


def stamp(text: str) -> float | None:
    """Epoch seconds of a date and time near the beginning of a line, local time where no zone is printed."""
    found = _STAMP.search(text, 0, _WITHIN_CHARS)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    zone = "+00:00" if zone == "Z" else zone or ""
    if zone and ":" not in zone:
        zone = f"{zone[:3]}:{zone[3:]}"
    micro = (fraction or "0").ljust(6, "0")
    try:
        return datetime.fromisoformat(
            f"{year}-{month}-{day}T{hour}:{minute}:{second}.{micro}{zone}"
        ).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
