"""Numbers, times and names as people read them. Pure functions, stdlib only."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Any

_ESCAPE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?"
_CONTROL = re.compile(_ESCAPE + r"|[\x00-\x1f\x7f-\x9f]")
_NOT_COLOUR = re.compile(rf"(?!\x1b\[[0-9;:]*m)(?:{_ESCAPE})|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9f]")
_AGES = (
    (60, 1, "s"),
    (3600, 60, "m"),
    (86_400, 3600, "h"),
    (14 * 86_400, 86_400, "d"),
    (730 * 86_400, 7 * 86_400, "w"),
)
"""Of each unit: below how many seconds it is used, its own seconds, its letter."""

_YEAR_S = 365.25 * 86_400
_SGR = re.compile(r"\x1b\[[0-9;:]*m")


def clean(text: str) -> str:
    """`text` without control characters and escape sequences: names and notes are not trusted."""
    return _CONTROL.sub(" ", text).strip() if not text.isprintable() else text


def coloured(text: str) -> str:
    """`text` with its colours and tabs, and no other control character or escape sequence."""
    return _NOT_COLOUR.sub("", text) if not text.isprintable() else text


def without_colour(text: str) -> str:
    """`text` without its SGR colour sequences; everything else stays."""
    return _SGR.sub("", text) if "\x1b" in text else text


def number(value: float | str | None) -> str:
    """A metric's value in four significant digits: `0.412`, `3e-04`, `NaN`; `-` for None."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == int(value) and abs(value) < 1e7:
        return str(int(value))
    return f"{value:.4g}"


def count(value: int | None) -> str:
    """`372`, `12k`, `3.4M`: a count of points or steps in at most five characters."""
    if value is None:
        return "-"
    for limit, unit in ((10_000_000_000, "G"), (10_000_000, "M"), (10_000, "k")):
        if abs(value) >= limit:
            scaled = value / (limit / 10)
            return f"{scaled:.3g}{unit}" if scaled < 1000 else f"{scaled:.0f}{unit}"
    return str(value)


def size(size_bytes: float) -> str:
    """`512 B`, `3.4 kB`, `1.2 GB` (powers of 1000, as disks are sold)."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float | None) -> str:
    """`0.4s`, `12s`, `4m12s`, `1h02m`, `3d04h`; `-` for None."""
    if seconds is None or seconds < 0 or not math.isfinite(seconds):
        return "-"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def epoch(iso: str | None) -> float | None:
    """Epoch seconds of a UTC ISO-8601 time as run.json holds it; None when there is none to read."""
    if not iso:
        return None
    try:
        return datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def age(iso: str | None, *, now: float) -> str:
    """`ago` of a time as run.json holds it; `-` when it is not known."""
    then = epoch(iso)
    return "-" if then is None else ago(now - then)


def ago(elapsed_s: float) -> str:
    """`just now`, `4m ago`, `3h ago`, `2d ago`, `9w ago`, from two years on `6.9y ago`."""
    if elapsed_s < 2:
        return "just now"
    for limit, unit_s, unit in _AGES:
        if elapsed_s < limit:
            return f"{elapsed_s // unit_s:.0f}{unit} ago"
    years = elapsed_s / _YEAR_S
    return f"{years:.1f}y ago" if years < 9.95 else f"{years:.0f}y ago"


def took(run: dict[str, Any], *, now: float) -> float | None:
    """Seconds from the start of a run to its end; to now, or its last sign of life, without one."""
    start = epoch(run.get("started_at") or run.get("created_at"))
    if start is None:
        return None
    if run.get("status") == "running":
        return max(0.0, now - start)
    end = epoch(run.get("ended_at"))
    if end is None:  # a heartbeat from the very start says nothing
        end = epoch(run.get("heartbeat_at"))
        return None if end is None or end <= start else end - start
    return max(0.0, end - start)


def progress(run: dict[str, Any]) -> str:
    """`372/1000` where a total is known, else the last step, else `-`. The furthest step that was seen counts."""
    known = run.get("progress") or {}
    steps = [step for step in (known.get("step"), run.get("last_step")) if step is not None]
    if not steps:
        return "-"
    return f"{max(steps)}/{known['total']}" if known.get("total") else str(max(steps))


def shown_metric(run: dict[str, Any]) -> str:
    """`train/loss 0.412`: the main metric and its last value; empty when nothing was logged."""
    key = run.get("main_metric")
    if not key:
        return ""
    last = run.get("last") or {}
    value = last.get(key) if isinstance(last, dict) else last
    return f"{clean(str(key))} {number(value)}" if value is not None else clean(str(key))
