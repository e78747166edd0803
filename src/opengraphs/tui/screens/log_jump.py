"""Where in a log somebody wants to go: a line, a share, a step, a time. Pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

HINT = "1200   50%   step 300   12:30   -5m"

_STEP = re.compile(r"(?:step\s*|s|@)(\d+)", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_SPAN = re.compile(r"([-+])(\d+(?:\.\d+)?)\s*([smhd])")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Jump(NamedTuple):
    """One of the three is set. line: counts from 0. time: epoch seconds."""

    line: int | None = None
    step: int | None = None
    time: float | None = None


def parse(text: str, *, total: int, start_s: float | None, end_s: float) -> Jump:
    """What was typed. start_s, end_s: when the run began, and ended or is now, for times of day and spans.

    Raises:
        ValueError: it says no place; the message says why.
    """
    text = text.strip()
    if text.isdigit():
        return Jump(line=max(0, min(int(text), total) - 1))
    if text.endswith("%") and text[:-1].strip().isdigit():
        return Jump(line=min(100, int(text[:-1])) * max(0, total - 1) // 100)
    if step := _STEP.fullmatch(text):
        return Jump(step=int(step[1]))
    if span := _SPAN.fullmatch(text):
        seconds = float(span[2]) * _UNITS[span[3]]
        if span[1] == "-":
            return Jump(time=end_s - seconds)
        return Jump(time=_known(start_s) + seconds)
    if clock := _CLOCK.fullmatch(text):
        return Jump(time=_at_clock(clock, _known(start_s), end_s))
    raise ValueError(f"a place is one of {HINT}")


def _known(start_s: float | None) -> float:
    if start_s is None:
        raise ValueError("nobody knows when the run began")
    return start_s


def _at_clock(clock: re.Match[str], start_s: float, end_s: float) -> float:
    """The last time within the run that a clock here showed this; else the first after its start."""
    from datetime import datetime, timedelta

    hour, minute, second = (int(part or 0) for part in clock.groups())
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{clock.group()} is no time of day")
    day = datetime.fromtimestamp(end_s).astimezone()
    moment = day.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if moment.timestamp() > end_s:
        moment -= timedelta(days=1)
    if moment.timestamp() < start_s - 60:
        moment += timedelta(days=1)
    return moment.timestamp()


def epoch(stamp: Any) -> float | None:
    """Epoch seconds of a run's time; None without one."""
    from opengraphs.tui.painters.table import epoch as parsed

    return parsed(stamp) if isinstance(stamp, str) else None
