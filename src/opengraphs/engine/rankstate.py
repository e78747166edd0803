"""Which ranks lag behind, fall silent, or never came. Pure functions.

What is slow depends on the run, so everything is measured against a rank's own habit over
its last RECENT points: its typical (median) interval and its longest.

    lagging  behind the furthest by at least LAG_POINTS of its own points, and by more time
             than LAG_S: of a moment, when journals are read one after the other, nothing is said
    silent   no point for SILENT_INTERVALS typical intervals, and for SILENT_LONGEST times the
             longest, and for SILENT_S seconds; below three points only for FIRST_S seconds
    ended    nobody writes the journal any more, and nothing came lately; or the run has ended
    missing  a rank below the world size that never logged

A rank that is both is `silent`. Writers are compared with those of their kind: the newest
attempt of one branch (a mirror counts steps its own way).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from opengraphs.engine.cells import Floats, Steps

RECENT = 256
LAG_POINTS, LAG_S = 3, 2.0
SILENT_INTERVALS, SILENT_LONGEST, SILENT_S = 10.0, 2.0, 10.0
FIRST_S = 600.0
MAX_MISSING = 4096


class Habit(NamedTuple):
    """interval_s, longest_s: typical and longest seconds between points; stride: typical steps
    between them. None below three points."""

    interval_s: float | None
    longest_s: float | None
    stride: float | None


class Writer(NamedTuple):
    """One journal as it stands. alive: somebody holds its lock."""

    rank: int
    attempt: int
    branch: str
    last_step: int | None
    last_time: float | None
    alive: bool
    habit: Habit


class RankState(NamedTuple):
    """See protocol `RankSeen`."""

    lag_steps: int | None
    silent_s: float | None
    state: str


def habit_of(steps: Steps, times: Floats) -> Habit:
    """The habit that the last points of a rank show; times that go back count as no interval."""
    passed, moved = np.diff(times), np.diff(steps)
    passed, moved = passed[passed >= 0], moved[moved > 0]
    if len(passed) < 2:
        return Habit(None, None, None)
    stride = float(np.median(moved)) if len(moved) else None
    return Habit(float(np.median(passed)), float(passed.max()), stride)


def states(writers: Sequence[Writer], *, live: bool, now_s: float) -> list[RankState]:
    """What is to be said of each writer, in their order.

    Args:
        live: the run lives; else all have ended.
        now_s: epoch seconds.
    """
    newest: dict[str, int] = {}
    for writer in writers:
        newest[writer.branch] = max(newest.get(writer.branch, 0), writer.attempt)
    furthest: dict[str, int] = {}
    for writer in writers:
        if writer.attempt == newest[writer.branch] and writer.last_step is not None:
            furthest[writer.branch] = max(furthest.get(writer.branch, writer.last_step), writer.last_step)
    return [
        _state(
            writer,
            furthest.get(writer.branch) if writer.attempt == newest[writer.branch] else None,
            live=live,
            now_s=now_s,
        )
        for writer in writers
    ]


def _state(writer: Writer, furthest: int | None, *, live: bool, now_s: float) -> RankState:
    lag = None
    if furthest is not None and writer.last_step is not None:
        lag = furthest - writer.last_step
    silent_s = None if writer.last_time is None else max(0.0, now_s - writer.last_time)
    is_silent = silent_s is not None and silent_s > silent_after_s(writer.habit)
    is_old = furthest is None and lag is None and writer.last_step is not None  # of an earlier attempt
    if not live or is_old or (not writer.alive and (silent_s is None or is_silent)):
        return RankState(lag, None, "ended")
    if is_silent:
        return RankState(lag, silent_s, "silent")
    return RankState(lag, silent_s, "lagging" if lag is not None and lags(lag, writer.habit) else "ok")


def silent_after_s(habit: Habit) -> float:
    """For how long a rank of this habit may be quiet."""
    if habit.interval_s is None or habit.longest_s is None:
        return FIRST_S
    return max(SILENT_S, SILENT_INTERVALS * habit.interval_s, SILENT_LONGEST * habit.longest_s)


def lags(lag_steps: int, habit: Habit) -> bool:
    """Whether a rank of this habit is behind by more than it makes good in a moment."""
    if habit.stride is None or habit.interval_s is None:
        return False
    points = lag_steps / habit.stride
    return points >= LAG_POINTS and points * habit.interval_s > LAG_S


def missing_ranks(seen: Iterable[int], world_size: int | None) -> list[int]:
    """Ranks below the world size that never logged, MAX_MISSING at most."""
    known = set(seen)
    absent = (rank for rank in range(world_size or 0) if rank not in known)
    return [rank for _, rank in zip(range(MAX_MISSING), absent, strict=False)]
