"""Series whose steps fall again and again, sorted in bounded memory.

The points of a branch, in the order they were logged, are cut into runs; each is sorted
by step, the last point of a step kept, and laid into the scratch file. The runs in their
order are strips of which at every step the last one counts. What follows the last whole
run is sorted in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import Cells, cells_of
from opengraphs.engine.curve import LaneGroup
from opengraphs.engine.index import IndexDoubtError
from opengraphs.engine.lane import Lane
from opengraphs.engine.legs import Hidden, Leg, hidden_by, is_disorder, last_of_each_step
from opengraphs.engine.scratch import BLOCK_POINTS, Scratch
from opengraphs.engine.strip import Column, Points, Strip, join

_MARK = 512


class SortedRun:
    """Points with rising steps in one block of the scratch file. A strip itself."""

    def __init__(self, points: Points, scratch: Scratch) -> None:
        self._scratch = scratch
        self._block: int | None = None
        self._n = len(points.steps)
        self._marks = points.steps[::_MARK].copy()
        try:
            self._block = scratch.put(b"".join(column.tobytes() for column in points))
        except OSError as error:
            raise IndexDoubtError(
                f"the scratch file cannot be written ({error.strerror})", full=True
            ) from error

    def __del__(self) -> None:
        if self._block is not None:
            self._scratch.give_back(self._block)

    @property
    def n(self) -> int:
        return self._n

    @property
    def rises(self) -> bool:
        return True

    @property
    def time_rises(self) -> bool:
        return False

    def memory_bytes(self) -> int:
        return 200 + int(self._marks.nbytes)

    def read(self, first: int, last: int) -> Points:
        last = min(last, self._n)
        columns = [self._column(place, first, last) for place in range(3)]
        return Points(
            np.frombuffer(columns[0], np.int64), np.frombuffer(columns[1]), np.frombuffer(columns[2])
        )

    def _column(self, place: int, first: int, last: int) -> bytes:
        assert self._block is not None, "a run is written when it is made"
        length = max(0, last - first) * 8
        data = self._scratch.read(self._block, (place * self._n + first) * 8, length)
        if len(data) != length:
            raise IndexDoubtError("the scratch file was cut")
        return data

    def cells(self, first: int, last: int, size: int) -> Cells:
        return cells_of(*self.read(first, last), size)

    def find(self, axis: str, x: float, *, right: bool = False) -> int:
        """By step only: times need not rise."""
        side = "right" if right else "left"
        mark = int(np.searchsorted(self._marks, x, side))  # type: ignore[call-overload]
        if mark == 0:
            return 0
        first = (mark - 1) * _MARK
        last = min(first + _MARK, self._n)
        steps = np.frombuffer(self._column(0, first, last), np.int64)
        return first + int(np.searchsorted(steps, x, side))  # type: ignore[call-overload]


class SortedTail(Column):
    """The points behind the last whole run, sorted.

    Attributes:
        grew_from: the tail as it was before; first_new: the lowest step that came since.
    """

    def __init__(self, points: Points, *, grew_from: SortedTail | None, first_new: int | None) -> None:
        super().__init__()
        self.extend(last_of_each_step(points))
        self.grew_from = grew_from
        self.first_new = first_new


class SortedRuns:
    """The strips of a branch: runs, then the tail; brought up to date with its lanes."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._runs: list[SortedRun] = []
        self._tail: SortedTail | None = None
        self._taken = 0
        """Points that lie in runs."""
        self._counts: tuple[int, ...] = ()
        self._lanes: tuple[Lane, ...] = ()
        self._is_disorder = True

    def memory_bytes(self) -> int:
        tail = self._tail.memory_bytes() if self._tail is not None else 0
        return tail + sum(run.memory_bytes() for run in self._runs)

    def update(self, groups: Sequence[LaneGroup], budget: int) -> int:
        """Take in what the lanes have, sorting at most about `budget` points into runs.

        Returns:
            How many points are left; 0: `strips` has all of them.
        """
        lanes = tuple(lane for group in groups for lane in group.lanes)
        counts = tuple(lane.n for lane in lanes)
        disorder = is_disorder(sum(counts), _falls(groups))
        grows = (
            lanes == self._lanes
            and counts[:-1] == self._counts[:-1]
            and disorder
            and self._is_disorder
            and counts[-1:] >= self._counts[-1:]
        )
        if counts == self._counts and lanes == self._lanes and self._tail is not None:
            return 0
        if not grows:
            self._runs, self._tail, self._taken = [], None, 0
        self._lanes, self._is_disorder = lanes, disorder
        if not disorder:
            self._runs = [SortedRun(part, self._scratch) for part in _visible_blocks(groups)]
            self._taken, self._counts = sum(counts), counts
            self._tail = SortedTail(join([]), grew_from=None, first_new=None)
            return 0
        before, self._counts = sum(self._counts), counts
        while self._left() >= BLOCK_POINTS and budget > 0:
            points = _read(lanes, self._taken, self._taken + BLOCK_POINTS)
            self._runs.append(SortedRun(last_of_each_step(points), self._scratch))
            self._taken += BLOCK_POINTS
            self._tail = None
            budget -= BLOCK_POINTS
        if self._left() < BLOCK_POINTS:
            self._renew_tail(before if grows else 0)
            return 0
        return self._left()

    def _left(self) -> int:
        return sum(self._counts) - self._taken

    def _renew_tail(self, before: int) -> None:
        """Sort what lies behind the runs; `before`: how many points there were the last time."""
        points = _read(self._lanes, self._taken, sum(self._counts))
        fresh = points.steps[max(0, before - self._taken) :]
        first_new = int(fresh.min()) if len(fresh) and self._tail is not None else None
        if self._tail is not None:
            self._tail.grew_from = None  # only one step back is ever compared
        self._tail = SortedTail(points, grew_from=self._tail, first_new=first_new)

    def strips(self) -> list[Strip]:
        """The later one counts where two have a step."""
        return [*self._runs, *([self._tail] if self._tail is not None else [])]

    def newest(self) -> Points:
        """The last points that were logged, sorted, while not all are."""
        total = sum(lane.n for lane in self._lanes)
        return last_of_each_step(_read(self._lanes, max(0, total - BLOCK_POINTS), total))


def _falls(groups: Sequence[LaneGroup]) -> int:
    """How often the step falls inside attempts."""
    drops = 0
    for group in groups:
        last: int | None = None
        for lane in (lane for lane in group.lanes if lane.n):
            drops += lane.summary.drops + (last is not None and lane.summary.first_step < last)
            last = lane.summary.last_step
    return drops


def _read(lanes: Sequence[Lane], first: int, last: int) -> Points:
    """The points `first` … `last - 1` of lanes one after the other."""
    parts, start = [], 0
    for lane in lanes:
        low, high = max(0, first - start), min(lane.n, last - start)
        if low < high:
            parts.append(lane.read(low, high))
        start += lane.n
    return join(parts)


def _visible_blocks(groups: Sequence[LaneGroup]) -> Iterator[Points]:
    """What restarts leave visible (`legs.visible`), a block at a time, each sorted; the later
    block counts."""
    lanes = [lane for group in groups for lane in group.lanes]
    total = sum(lane.n for lane in lanes)
    attempts = _attempt_starts(groups)
    spans = [(at, min(at + BLOCK_POINTS, total)) for at in range(0, total, BLOCK_POINTS)]
    starts = _leg_starts(lanes, spans, attempts)
    legs = _legs(lanes, spans, starts, attempts)
    covers = _covers(legs)
    del legs
    for first, last in spans:
        points = _read(lanes, first, last)
        shown = np.ones(last - first, bool)
        leg = int(np.searchsorted(starts, first, "right")) - 1
        while leg < len(starts) and starts[leg] < last:
            low = max(first, int(starts[leg])) - first
            high = (min(last, int(starts[leg + 1])) if leg + 1 < len(starts) else last) - first
            steps = points.steps[low:high]
            for begin, end in covers[leg]:
                shown[low + np.searchsorted(steps, begin) : low + np.searchsorted(steps, end, "right")] = (
                    False
                )
            leg += 1
        yield last_of_each_step(points.take(shown))


def _attempt_starts(groups: Sequence[LaneGroup]) -> set[int]:
    starts, at = set[int](), 0
    for group in groups:
        starts.add(at)
        at += sum(lane.n for lane in group.lanes)
    return starts


def _leg_starts(
    lanes: Sequence[Lane], spans: Sequence[tuple[int, int]], attempts: set[int]
) -> NDArray[np.int64]:
    found = [np.array(sorted(attempts), np.int64)]
    for first, last in spans:
        begin = max(0, first - 1)
        steps = _read(lanes, begin, last).steps
        found.append(np.flatnonzero(steps[1:] < steps[:-1]) + begin + 1)
    return np.unique(np.concatenate(found))


def _legs(
    lanes: Sequence[Lane], spans: Sequence[tuple[int, int]], starts: NDArray[np.int64], attempts: set[int]
) -> list[Leg]:
    """The legs that begin at these places; a second look at the steps, block by block."""
    total = spans[-1][1] if spans else 0
    starts = starts[starts < total]
    ends = np.append(starts[1:], total)
    places = np.stack((starts, np.minimum(starts + 1, ends - 1), ends - 1))
    steps = np.zeros(places.shape, np.int64)
    for first, last in spans:
        inside = (places >= first) & (places < last)
        steps[inside] = _read(lanes, first, last).steps[places[inside] - first]
    return [
        Leg(low, high, second if end - start > 1 else None, start in attempts)
        for start, end, (low, second, high) in zip(
            starts.tolist(), ends.tolist(), steps.T.tolist(), strict=True
        )
    ]


def _covers(legs: list[Leg]) -> list[list[tuple[int, int]]]:
    """For each leg the intervals of steps in which later ones hide it."""
    hidden, covers = Hidden(), list[list[tuple[int, int]]]()
    for leg, span in zip(reversed(legs), reversed(hidden_by(legs)), strict=True):
        covers.append(hidden.within(leg.first, leg.last))
        hidden.add(*span)
    covers.reverse()
    return covers
