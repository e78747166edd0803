"""How far a run is, how fast, and when it will be done. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from opengraphs.engine import rules
from opengraphs.engine.logtotal import Place
from opengraphs.engine.strip import Points, Strip
from opengraphs.store.jsonl import finite

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


def known_progress(
    facts: Mapping[str, Any],
    last_step: int | None,
    printed: Callable[[int | None], int | None] | None,
    place: Callable[[], Place | None] | None = None,
    *,
    live: bool = False,
) -> dict[str, Any] | None:
    """`with_steps_done`, or what config and log tell where the script said nothing of a total.

    Args:
        place: where the run is by its progress bars; asked where nothing was logged.

    Returns:
        Protocol `ProgressOut`, with speed and ETA only where nothing but bars tells them; None
        when nobody knows a total and the script said nothing.
    """
    said = facts.get("progress") or {}
    total, source = total_of(facts, last_step, printed)
    if not said and total is None:
        return None
    step = steps_done({**said, "total": total}, last_step)
    if step is None and source == "stdout" and place is not None and (shown := place()) is not None:
        times = {"steps_per_s": shown.per_s, "eta_s": _eta(shown.step, total, shown.per_s, live=live)}
        return {"unit": "step", **said, "step": shown.step, "total": total, "total_source": source, **times}
    return {"unit": "step", **said, "step": step, "total": total, "total_source": source}


class Total(NamedTuple):
    """How many units a run will take, and who says so; None and None when nobody does."""

    total: int | None
    source: Literal["progress", "config", "stdout"] | None


def total_of(
    facts: Mapping[str, Any], last_step: int | None, printed: Callable[[int | None], int | None] | None
) -> Total:
    """What the script said, else what its config says, else what it prints.

    Args:
        printed: last step → the total that the log tells; asked only where the others say
            nothing and the unit is steps. None for no log.
    """
    said = facts.get("progress") or {}
    if said.get("total"):
        return Total(said["total"], "progress")
    configured = rules.total_steps(facts.get("config") or {})
    if configured:
        return Total(configured, "config")
    found = printed(last_step) if printed is not None and said.get("unit", "step") == "step" else None
    return Total(found, "stdout") if found else Total(None, None)


def progress_of(
    facts: Mapping[str, Any],
    strip: Strip | None,
    *,
    live: bool,
    printed: Callable[[int | None], int | None] | None = None,
    place: Callable[[], Place | None] | None = None,
) -> dict[str, Any]:
    """Protocol `ProgressOut`: step, total, total_source, unit, steps_per_s, eta_s.

    Args:
        strip: the run's metric that was logged last, None when it has none.
        live: only a live run has an ETA and a present speed; an ended one has its average.
        printed: see `total_of`. place: see `known_progress`.
    """
    said = facts.get("progress") or {}
    last = int(strip.read(strip.n - 1, strip.n).steps[0]) if strip is not None and strip.n else None
    total, source = total_of(facts, last, printed)
    step = steps_done({**said, "total": total}, last)
    per_s = None
    if strip is not None and strip.n:
        recent = strip.read(max(0, strip.n - RECENT_POINTS), strip.n) if live else None
        per_s = overall_speed(strip) if recent is None else speed(recent)
    elif step is None and source == "stdout" and place is not None and (shown := place()) is not None:
        step, per_s = shown.step, shown.per_s
    eta = None
    if said.get("unit", "step") == "step":
        eta = _eta(step, total, per_s, live=live)
    return {
        "step": step,
        "total": total,
        "total_source": source,
        "unit": said.get("unit", "step"),
        "eta_s": eta,
        "steps_per_s": per_s,
    }


def _eta(step: int | None, total: int | None, per_s: float | None, *, live: bool) -> float | None:
    """Seconds to go; None for a run that has ended, or while something is not known."""
    if not live or not total or step is None or not per_s:
        return None
    left = finite(total - step)
    return None if left is None else max(0.0, left / per_s)
