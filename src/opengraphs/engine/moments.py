"""Times in filters: dates that stand for a whole day or month, ages, and how long a run took. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple

from opengraphs.store import runjson

epoch = lru_cache(maxsize=1 << 16)(runjson.epoch)
"""Epoch seconds of a run's time; the same stamps are asked for again with every filter."""
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}
_AGE = re.compile(r"^(\d+(?:\.\d+)?)([smhdwy])$")
_DATE = re.compile(r"^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2})(?::(\d{2}))?)?)?)?$")


class Span(NamedTuple):
    """Epoch seconds, `end` not included; both the same for a moment."""

    start: float
    end: float


def age_s(text: str) -> float | None:
    """Seconds of `90s`, `12h`, `2d`, `6w`; None when it is no such thing."""
    found = _AGE.match(text)
    return float(found[1]) * UNITS_S[found[2]] if found is not None else None


def span(text: str, *, now_s: float) -> Span | None:
    """What a date means, in UTC: `2026-11` a month, `today` a day, a time with seconds a moment."""
    if text.lower() in ("today", "yesterday"):
        today = now_s - now_s % 86400
        midnight = today - (86400 if text.lower() == "yesterday" else 0)
        return Span(midnight, midnight + 86400)
    found = _DATE.match(text)
    if found is None:
        moment = epoch(text)
        return Span(moment, moment) if moment is not None else None
    year, month, day, hour, minute = (int(part) if part else None for part in found.groups())
    try:
        start = datetime(year or 1, month or 1, day or 1, hour or 0, minute or 0, tzinfo=timezone.utc)
        if month is None:
            end = start.replace(year=start.year + 1)
        elif day is None:
            end = (start + timedelta(days=32)).replace(day=1)
        else:
            unit = "hours" if hour is not None else "days"
            end = start + (timedelta(minutes=1) if minute is not None else timedelta(**{unit: 1}))
    except (ValueError, OverflowError):
        return None
    return Span(start.timestamp(), end.timestamp())


def holds(moment: float, op: str, wanted: Span) -> bool:
    """Whether a moment is in, before or behind a span, as `op` asks."""
    if op == ">":
        return moment >= wanted.end if wanted.end > wanted.start else moment > wanted.start
    if op == ">=":
        return moment >= wanted.start
    if op == "<":
        return moment < wanted.start
    if op == "<=":
        return moment < wanted.end if wanted.end > wanted.start else moment <= wanted.start
    is_in = wanted.start <= moment < wanted.end or moment == wanted.start
    return is_in != (op == "!=")


def duration_s(facts: Mapping[str, Any], *, now_s: float) -> float | None:
    """Seconds from start to end; to now while it runs; None when a time is not known."""
    start = epoch(facts.get("started_at")) or epoch(facts.get("created_at"))
    if start is None:
        return None
    if facts.get("status") == "running":
        return max(0.0, now_s - start)
    end = epoch(facts.get("ended_at"))
    if end is None:  # a heartbeat from the very start says nothing
        end = epoch(facts.get("heartbeat_at"))
        return None if end is None or end <= start else end - start
    return max(0.0, end - start)
