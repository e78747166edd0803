"""Steps that fall: what a restart hides, and what is mere disorder.

The points of one rank, in the order they were logged, are cut into legs where the step
falls. DESIGN: the later leg wins where they overlap, and the last write wins at one step.

- A leg is a *restart* when it begins a new attempt, or when at least two of its points lie
  at or below the highest step before it. It hides earlier points from its first to its
  last step, also at steps that it does not have itself.
- Any other leg is a *late point*: its first point hides an earlier one at the same step.
- Steps that fall more often than once in eight points (and more than once) are no
  restarts but disorder: only equal steps replace each other.

Pure functions; `visible` on arrays is the meaning, `hidden_by` serves long series that are
never held in memory (engine.curve).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import Steps
from opengraphs.engine.strip import Points

_DISORDER = 8


class Leg(NamedTuple):
    """first, last: its lowest and highest step. second: step of its second point, None for one point."""

    first: int
    last: int
    second: int | None
    begins_attempt: bool


def is_disorder(points: int, drops: int) -> bool:
    """Whether steps fall too often for restarts."""
    return drops >= 2 and drops * _DISORDER > points


def hidden_by(legs: list[Leg]) -> list[tuple[int, int]]:
    """For each leg the closed interval of steps in which it hides earlier legs."""
    hidden = []
    highest: int | None = None
    for leg in legs:
        overlaps = highest is not None and leg.first <= highest
        twice = highest is not None and leg.second is not None and leg.second <= highest
        restarts = twice or (overlaps and leg.begins_attempt)
        hidden.append((leg.first, leg.last if restarts else leg.first))
        highest = leg.last if highest is None else max(highest, leg.last)
    return hidden


class Hidden:
    """A growing union of closed intervals of whole numbers."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def add(self, first: int, last: int) -> None:
        begin = bisect_left(self._lasts, first)
        end = bisect_right(self._firsts, last)
        if begin < end:
            first, last = min(first, self._firsts[begin]), max(last, self._lasts[end - 1])
        self._firsts[begin:end] = [first]
        self._lasts[begin:end] = [last]

    def within(self, first: int, last: int) -> list[tuple[int, int]]:
        """The parts of the union that touch `first` … `last`, ascending."""
        begin, end = bisect_left(self._lasts, first), bisect_right(self._firsts, last)
        return list(zip(self._firsts[begin:end], self._lasts[begin:end], strict=True))


def visible(points: Points, attempts: list[int]) -> Points:
    """The series that a sequence of points stands for: steps strictly increase.

    Args:
        points: in the order they were logged, attempts one after the other.
        attempts: indices at which an attempt begins (0 need not be named).

    Cost: O(n log n), a copy of the points.
    """
    n = len(points.steps)
    if n == 0:
        return points
    falls = np.flatnonzero(np.diff(points.steps) < 0) + 1
    starts = np.unique(np.concatenate(([0], falls, [at for at in attempts if 0 < at < n])).astype(np.int64))
    drops = len(np.setdiff1d(falls, attempts))
    if len(starts) > 1 and not is_disorder(n, drops):
        points = _without_hidden(points, starts, frozenset(attempts))
    return last_of_each_step(points)


def _without_hidden(points: Points, starts: NDArray[np.int64], attempts: frozenset[int]) -> Points:
    bounds = [*starts.tolist(), len(points.steps)]
    spans = list(pairwise(bounds))
    legs = [_leg(points.steps, first, last, first in attempts) for first, last in spans]
    shown = np.ones(len(points.steps), bool)
    hidden = Hidden()
    for (first, last), leg, span in zip(
        reversed(spans), reversed(legs), reversed(hidden_by(legs)), strict=True
    ):
        steps = points.steps[first:last]
        for low, high in hidden.within(leg.first, leg.last):
            shown[first + np.searchsorted(steps, low) : first + np.searchsorted(steps, high, "right")] = False
        hidden.add(*span)
    return points.take(shown)


def _leg(steps: Steps, first: int, last: int, begins_attempt: bool) -> Leg:
    second = int(steps[first + 1]) if last - first > 1 else None
    return Leg(int(steps[first]), int(steps[last - 1]), second, begins_attempt)


def last_of_each_step(points: Points) -> Points:
    """In order of steps; of several points at one step the one logged last."""
    steps = points.steps
    if len(steps) < 2 or bool((np.diff(steps) > 0).all()):
        return points
    order = np.argsort(steps, kind="stable")
    ordered = steps[order]
    kept = order[np.append(ordered[1:] != ordered[:-1], True)]
    return points.take(kept)
