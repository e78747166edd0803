"""How far a run is, how fast, and when it will be done. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from opengraphs.engine import rules
from opengraphs.engine.strip import Points, Strip

RECENT_S = 60.0
RECENT_POINTS = 4096


def speed(points: Points, *, recent_s: float = RECENT_S) -> float | None:
    """Steps per second over the last `recent_s` seconds, or the last two points if they are rarer.

    None for less than two points, or when neither time nor step moved on.
    """
    if len(points.steps) < 2:
        return None
    steps, times = points.steps, points.times
    begin = int(np.searchsorted(times, times[-1] - recent_s))
    begin = min(begin, len(times) - 2)
    passed = float(times[-1] - times[begin])
    moved = int(steps[-1]) - int(steps[begin])
    return moved / passed if passed > 0 and moved > 0 else None


def overall_speed(strip: Strip) -> float | None:
    """Steps per second from the first point to the last."""
    if strip.n < 2:
        return None
    ends = [strip.read(at, at + 1) for at in (0, strip.n - 1)]
    passed = float(ends[1].times[0] - ends[0].times[0])
    moved = int(ends[1].steps[0]) - int(ends[0].steps[0])
    return moved / passed if passed > 0 and moved > 0 else None


def steps_done(said: Mapping[str, Any], last_step: int | None) -> int | None:
    """How many steps are done: what the script said, or the last step it logged, whichever is further.

    The last step of a loop that counts from 0 completes it. Units other than steps are
    the script's own business.
    """
    step: int | None = said.get("step")
    if said.get("unit", "step") != "step" or last_step is None:
        return step
    done = last_step + 1 if said.get("total") == last_step + 1 else last_step
    return done if step is None else max(step, done)


def with_steps_done(facts: Mapping[str, Any], last_step: int | None) -> dict[str, Any] | None:
    """run.json's `progress` with its step filled in; None when the run has no progress."""
    said = facts.get("progress")
    return {**said, "step": steps_done(said, last_step)} if said else None


def progress_of(facts: Mapping[str, Any], strip: Strip | None, *, live: bool) -> dict[str, Any]:
    """Protocol `ProgressOut`: step, total, unit, steps_per_s, eta_s.

    Args:
        strip: the run's metric that was logged last, None when it has none.
        live: only a live run has an ETA and a present speed; an ended one has its average.
    """
    said = facts.get("progress") or {}
    last = int(strip.read(strip.n - 1, strip.n).steps[0]) if strip is not None and strip.n else None
    total = said.get("total") or rules.total_steps(facts.get("config") or {})
    step = steps_done({**said, "total": total}, last)
    per_s = None
    if strip is not None and strip.n:
        recent = strip.read(max(0, strip.n - RECENT_POINTS), strip.n) if live else None
        per_s = overall_speed(strip) if recent is None else speed(recent)
    eta = None
    if live and total and step is not None and per_s and said.get("unit", "step") == "step":
        eta = max(0.0, (total - step) / per_s)
    return {
        "step": step,
        "total": total,
        "unit": said.get("unit", "step"),
        "eta_s": eta,
        "steps_per_s": per_s,
    }
