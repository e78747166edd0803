"""A curve of one rank, put together from slices of lanes without copying their points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from opengraphs.engine.cells import Cells, join_cells
from opengraphs.engine.lane import Lane
from opengraphs.engine.legs import Hidden, Leg, hidden_by, is_disorder
from opengraphs.engine.strip import Points, Strip, join
from opengraphs.engine.summary import KEPT_BREAKS


class Slice(NamedTuple):
    """Points `first` … `last - 1` of a strip; steps rise inside."""

    strip: Strip
    first: int
    last: int


class Curve:
    """Slices one after the other, steps rising over all of them. A strip itself.

    Args:
        rises: False: neighbours may share a step (the later one counts); they never fall.
    """

    def __init__(self, slices: list[Slice], *, rises: bool = True) -> None:
        self.slices = slices
        self._rises = rises
        self._ends = np.cumsum([part.last - part.first for part in slices], dtype=np.int64)

    @property
    def n(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def rises(self) -> bool:
        return self._rises

    def continues(self, before: Curve) -> bool:
        """Whether it is the other one, or that with points behind its last."""
        if len(self.slices) != len(before.slices) or self.slices[:-1] != before.slices[:-1]:
            return False
        if not self.slices:
            return True
        own, old = self.slices[-1], before.slices[-1]
        return own.strip is old.strip and own.first == old.first and own.last >= old.last

    @property
    def time_rises(self) -> bool:
        """Judged by whole lanes and the seams between slices."""
        if not all(part.strip.time_rises for part in self.slices):
            return False
        edges = [
            (part.strip.read(part.first, part.first + 1), part.strip.read(part.last - 1, part.last))
            for part in self.slices
        ]
        return all(before[1].times[0] <= after[0].times[0] for before, after in pairwise(edges))

    def _parts(self, first: int, last: int) -> list[Slice]:
        """The slices of a range of this curve's points."""
        found, start = [], 0
        for part, end in zip(self.slices, self._ends.tolist(), strict=True):
            low, high = max(first, start), min(last, end)
            if low < high:
                found.append(Slice(part.strip, part.first + low - start, part.first + high - start))
            start = end
        return found

    def read(self, first: int, last: int) -> Points:
        return join([part.strip.read(part.first, part.last) for part in self._parts(first, last)])

    def cells(self, first: int, last: int, size: int) -> Cells:
        parts = [part.strip.cells(part.first, part.last, size) for part in self._parts(first, last)]
        return join_cells(parts)

    def find(self, axis: str, x: float, *, right: bool = False) -> int:
        start = 0
        for part, end in zip(self.slices, self._ends.tolist(), strict=True):
            place = find_in_slice(part, axis, x, right=right)
            if place < part.last:
                return start + place - part.first
            start = end
        return self.n


def find_in_slice(part: Slice, axis: str, x: float, *, right: bool = False) -> int:
    """First index of a slice at (or after) x, its `last` when there is none."""
    low, high = part.first, part.last
    strip = part.strip
    whole = (
        strip.time_rises if axis == "time" else strip.rises or (isinstance(strip, Lane) and not strip.falls)
    )
    if whole:
        return min(high, max(low, part.strip.find(axis, x, right=right)))
    while low < high:  # a lane with restarts rises only inside its legs
        middle = (low + high) // 2
        point = part.strip.read(middle, middle + 1)
        value = point.steps[0] if axis == "step" else point.times[0]
        if value < x or (right and value == x):
            low = middle + 1
        else:
            high = middle
    return low


class LaneGroup(NamedTuple):
    """The lanes of one attempt, in the order their points were logged."""

    attempt: int
    lanes: tuple[Lane, ...]


class _SlicedLeg(NamedTuple):
    """A leg and its points."""

    part: Slice
    leg: Leg


def curve_of(attempts: Sequence[LaneGroup]) -> Strip | None:
    """The visible series of one rank as slices of its lanes.

    Returns:
        A strip in which steps never fall; where it does not `rise`, of neighbours at one
        step the last counts. None when nothing can be said without reading all points:
        disorder, or more legs than lanes remember. Then `legs.visible` has to.
    """
    lanes = [lane for group in attempts for lane in group.lanes if lane.n]
    if any(lane.summary.drops > KEPT_BREAKS for lane in lanes):
        return None
    if len(lanes) == 1 and not lanes[0].falls:
        return lanes[0]
    legs: list[_SlicedLeg] = []
    rises = not any(lane.summary.equal for lane in lanes)
    for group in attempts:
        slices, meets = _rising_slices(group)
        rises = rises and not meets
        legs += [_sliced_leg(parts, begins_attempt=place == 0) for place, parts in enumerate(slices)]
    drops = sum(1 for _, leg in legs if not leg.begins_attempt)
    if is_disorder(sum(lane.n for lane in lanes), drops):
        return None
    return Curve(_visible_slices(legs), rises=rises)


def _rising_slices(group: LaneGroup) -> tuple[list[list[Slice]], bool]:
    """The legs of one attempt, each as the slices it lies in; and whether a step stays equal
    from one lane to the next."""
    legs: list[list[Slice]] = []
    last, meets = None, False
    for lane in (lane for lane in group.lanes if lane.n):
        summary = lane.summary
        bounds = [0, *(fall.index for fall in summary.breaks), lane.n]
        slices = [Slice(lane, first, end) for first, end in pairwise(bounds)]
        meets = meets or last == summary.first_step
        if last is not None and last <= summary.first_step:
            legs[-1].append(slices.pop(0))
        legs += [[part] for part in slices]
        last = summary.last_step
    return legs, meets


def _sliced_leg(parts: list[Slice], *, begins_attempt: bool) -> _SlicedLeg:
    whole = parts[0] if len(parts) == 1 else Slice(joined := Curve(parts), 0, joined.n)
    start = whole.strip.read(whole.first, min(whole.first + 2, whole.last)).steps
    end = whole.strip.read(whole.last - 1, whole.last).steps
    second = int(start[1]) if len(start) > 1 else None
    return _SlicedLeg(whole, Leg(int(start[0]), int(end[0]), second, begins_attempt))


def _visible_slices(legs: list[_SlicedLeg]) -> list[Slice]:
    hidden = Hidden()
    shown: list[tuple[int, Slice]] = []
    for (part, leg), span in zip(reversed(legs), reversed(hidden_by([leg for _, leg in legs])), strict=True):
        covered = hidden.within(leg.first, leg.last)
        for piece in _pieces(part, restarts=span == (leg.first, leg.last)):
            shown += _uncovered(piece, covered)
        hidden.add(*span)
    return [part for _, part in sorted(shown, key=lambda entry: entry[0])]


def _pieces(part: Slice, *, restarts: bool) -> list[Slice]:
    """A late point stands among earlier ones; what follows it lies behind them all."""
    if restarts or part.last - part.first < 2:
        return [part]
    return [Slice(part.strip, part.first, part.first + 1), Slice(part.strip, part.first + 1, part.last)]


def _uncovered(part: Slice, covered: list[tuple[int, int]]) -> list[tuple[int, Slice]]:
    """What is left of a slice outside closed intervals of steps, each with its first step."""
    starts, ends = [part.first], []
    for low, high in covered:
        ends.append(find_in_slice(part, "step", low))
        starts.append(find_in_slice(part, "step", high, right=True))
    left = [
        Slice(part.strip, first, last)
        for first, last in zip(starts, [*ends, part.last], strict=True)
        if first < last
    ]
    return [(int(one.strip.read(one.first, one.first + 1).steps[0]), one) for one in left]
