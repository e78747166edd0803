"""What of the screens and input lines lasts from one start to the next: a small file for each store."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAX_BYTES = 1 << 20

Saved = dict[str, dict[str, Any]]
"""Screen -> what it keeps; under HISTORY what was entered in the input lines."""

HISTORY = "history"


def load(path: Path) -> Saved:
    """What was kept; nothing where the file is missing, too large or no such thing."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    found = found if isinstance(found, dict) else {}
    return {name: kept for name, kept in found.items() if isinstance(kept, dict)}


def save(path: Path, screens: Mapping[str, Mapping[str, Any]]) -> None:
    """Write it, whole or not at all. A disk that takes nothing costs no more than the memory of it."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o600)  # what was typed is the user's own
        fresh.write_text(json.dumps(screens, indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)
