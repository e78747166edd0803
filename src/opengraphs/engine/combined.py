"""A series that is computed from several strips where it is asked for, and never held.

Ranks of ten million points each cannot be merged in memory. Of the merged series only the
coarse cells are kept, and where each of them begins in every strip: a quarter of a byte a
point. Points and fine cells are combined anew for the range in question. Cells count from
the first step in whole blocks, whatever the strips' history, so that a series that grew
is drawn exactly as one that was read at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import CELL, COARSE, FINE, NO_CELLS, Cells, Steps, cells_of, join_cells
from opengraphs.engine.curve import Curve, Slice
from opengraphs.engine.lane import Lane
from opengraphs.engine.legs import last_of_each_step
from opengraphs.engine.merge import Combine, window_ends
from opengraphs.engine.sortedruns import SortedTail
from opengraphs.engine.strip import CellRow, Points, Strip, exact_cells, find_in, join

WINDOW_POINTS = 1 << 17
"""Points of all strips together that are combined at a time: some 5 ms."""
_LEAST_WINDOW = 1024
_MOST_READ = 4 * WINDOW_POINTS
_KEPT_POINTS = 1 << 15
_KEPT_READS = 4
_KEPT_FINE = 100
"""Stretches of fine cells, each some 40 kB for eight strips: what a wide chart asks for again and again."""


class Combined:
    """Strips as one, up to where it was built. A strip itself.

    Args:
        strips: steps never fall in any; read as they are asked for.
        start: where it begins in each strip.
    """

    def __init__(self, strips: Sequence[Strip], combine: Combine, start: Sequence[int]) -> None:
        self._strips = list(strips)
        self._combine = combine
        self._cells: Cells = NO_CELLS
        self._places: NDArray[np.int64] = np.array([start], np.int64)
        """Where cell i begins in each strip; a last row says where all was built to."""
        self._time_rises = [True]
        """Whether times rise up to the end of cell i - 1."""
        self._row: CellRow | None = None
        self._reads: dict[tuple[int, int], Points] = {}
        self._fine: dict[int, Cells] = {}
        """Fine cells of whole stretches, by their first point; growth leaves them as they are."""

    # -- building --------------------------------------------------------------------------------

    @property
    def top(self) -> list[int]:
        """Where it ends in each strip."""
        ends: list[int] = self._places[-1].tolist()
        return ends

    def left(self) -> int:
        """Points of the strips that are still to be combined."""
        return sum(strip.n for strip in self._strips) - sum(self.top)

    def build(self, budget: int) -> int:
        """Combine on, until about `budget` points of the strips were taken in; how many it were."""
        size = max(_LEAST_WINDOW, WINDOW_POINTS // len(self._strips))
        used = 0
        while used < budget and self.left():
            reached = self.top
            ends = window_ends(self._strips, reached, size)
            used += sum(ends) - sum(reached)
            self._drop_short_cell()
            self._append(self.top, ends)
        return used

    def _drop_short_cell(self) -> None:
        if len(self._cells) and self._cells["n"][-1] < COARSE:
            self._cut_cells(len(self._cells) - 1)

    def _append(self, start: Sequence[int], ends: Sequence[int]) -> None:
        slices = [Slice(*span) for span in zip(self._strips, start, ends, strict=True)]
        parts = [_read(part) for part in slices]
        points = self._combine(parts)
        firsts = points.steps[COARSE::COARSE]
        inner = [_places(*pair, firsts) for pair in zip(slices, parts, strict=True)]
        cells = cells_of(*points, COARSE)
        self._note_times(points, cells)
        self._cells = join_cells((self._cells, cells))
        self._places = np.concatenate((self._places, np.array(inner, np.int64).T, np.array([ends], np.int64)))
        self._changed()

    def _note_times(self, points: Points, cells: Cells) -> None:
        rises = self._time_rises[-1]
        if len(self._cells):
            rises = rises and bool(self._cells["time_last"][-1] <= points.times[0])
        falls = np.flatnonzero(points.times[1:] < points.times[:-1])
        whole = len(cells) if not len(falls) else int(falls[0] + 1) // COARSE
        self._time_rises += [rises and cell < whole for cell in range(len(cells))]

    def _changed(self) -> None:
        self._row = None
        self._reads.clear()

    def _cut_cells(self, cells: int) -> None:
        self._cells, self._places = self._cells[:cells], self._places[: cells + 1]
        del self._time_rises[cells + 1 :]
        self._changed()
        stays = self.n - self._stretch()
        self._fine = {begin: fine for begin, fine in self._fine.items() if begin <= stays}

    def cut(self, step: int) -> None:
        """Forget what was combined at or after a step (and a little before it)."""
        cell = int(np.searchsorted(self._cells["step_first"], step, "right"))
        keeps = cell == len(self._cells) and (not cell or self._cells["step_last"][-1] < step)
        if not keeps:
            self._cut_cells(max(0, cell - 1))

    def renew(self, strips: Sequence[Strip]) -> None:
        """The strips grew: these stand for them now, and are the same as far as it was built."""
        self._strips = list(strips)

    def memory_bytes(self) -> int:
        kept = sum(len(points.steps) for points in self._reads.values()) * 24
        kept += sum(len(fine) for fine in self._fine.values()) * CELL.itemsize
        return (
            400
            + 2 * len(self._cells) * CELL.itemsize
            + self._places.nbytes
            + 8 * len(self._time_rises)
            + kept
        )

    # -- a strip ---------------------------------------------------------------------------------

    @property
    def n(self) -> int:
        return int(self._cell_row().ends[-1]) if len(self._cells) else 0

    @property
    def rises(self) -> bool:
        return True

    @property
    def time_rises(self) -> bool:
        return self._time_rises[-1]

    def first_step(self) -> int | None:
        return int(self._cells["step_first"][0]) if len(self._cells) else None

    def _cell_row(self) -> CellRow:
        if self._row is None:
            self._row = CellRow(self._cells)
        return self._row

    def read(self, first: int, last: int) -> Points:
        row, last = self._cell_row(), min(last, self.n)
        if first >= last:
            return join([])
        begin = int(np.searchsorted(row.ends, first, "right"))
        end = int(np.searchsorted(row.ends, last, "left")) + 1
        size = self._cells_at_once()
        parts = [self._read_cells(at, min(at + size, end)) for at in range(begin, end, size)]
        offset = row.start(begin)
        return join(parts).part(first - offset, last - offset)

    def _cells_at_once(self) -> int:
        """Cells to combine at a time, so that the points of all strips stay few."""
        return max(1, WINDOW_POINTS // (COARSE * len(self._strips)))

    def _read_cells(self, begin: int, end: int) -> Points:
        found = self._reads.get((begin, end))
        if found is None:
            spans = zip(self._strips, self._places[begin].tolist(), self._places[end].tolist(), strict=True)
            found = self._combine([_read(Slice(*span)) for span in spans])
            if len(found.steps) <= _KEPT_POINTS:
                self._reads[(begin, end)] = found
                if len(self._reads) > _KEPT_READS:
                    del self._reads[next(iter(self._reads))]
        return found

    def cells(self, first: int, last: int, size: int) -> Cells:
        if size == COARSE:
            return exact_cells(self, self._cell_row(), first, last)
        step = self._stretch()
        ends = [*range(first - first % step + step, last, step), last] if first < last else []
        return join_cells([self._cells_of(begin, end, size) for begin, end in pairwise([first, *ends])])

    def _stretch(self) -> int:
        """Points of the series that are combined at a time."""
        return self._cells_at_once() * COARSE

    def _cells_of(self, begin: int, end: int, size: int) -> Cells:
        """Cells of a stretch or a part of one."""
        is_whole = size == FINE and begin % self._stretch() == 0 and end - begin == self._stretch()
        found = self._fine.get(begin) if is_whole else None
        if found is None:
            found = cells_of(*self.read(begin, end), size)
            if is_whole:
                self._fine[begin] = found
                if len(self._fine) > _KEPT_FINE:
                    del self._fine[next(iter(self._fine))]
        return found

    def find(self, axis: str, x: float, *, right: bool = False) -> int:
        return find_in(self, self._cell_row(), axis, x, right=right)


def _read(part: Slice) -> Points:
    """The points of a slice; of very many at one step only those that count."""
    strip, first, last = part
    if last - first <= _MOST_READ:
        return strip.read(first, last)
    pieces = [
        last_of_each_step(strip.read(at, min(at + WINDOW_POINTS, last)))
        for at in range(first, last, WINDOW_POINTS)
    ]
    return last_of_each_step(join(pieces))


def _places(part: Slice, points: Points, steps: Steps) -> NDArray[np.int64]:
    """Where steps begin in the strip of a slice that was read."""
    if part.last - part.first == len(points.steps):
        return np.searchsorted(points.steps, steps).astype(np.int64) + part.first
    return np.array([part.strip.find("step", step) for step in steps.tolist()], np.int64)


class Merge:
    """The combined series of strips that grow: brought up to date, whole or newest part first."""

    def __init__(self, combine: Combine) -> None:
        self._combine = combine
        self._strips: list[Strip] = []
        self._seen: list[int] = []
        self._main: Combined | None = None
        self._tail: Combined | None = None

    def take(self, strips: Sequence[Strip]) -> None:
        """These are the strips now."""
        counts = [strip.n for strip in strips]
        change = _first_change(self._strips, self._seen, strips)
        if self._main is None or isinstance(change, _Other):
            self._main, self._tail = Combined(strips, self._combine, [0] * len(strips)), None
        else:
            for one in (self._main, self._tail):
                if one is not None:
                    one.renew(strips)
                    if change is not None:
                        one.cut(change)
            if self._tail is not None and change is not None and self._starts_after(change):
                self._tail = None  # a rank that lags far behind
        self._strips, self._seen = list(strips), counts

    def _starts_after(self, step: int) -> bool:
        first = self._tail.first_step() if self._tail is not None else None
        return first is None or step <= first

    def left(self) -> int:
        """Points of the strips still to be combined; 0: all is there."""
        return self._main.left() if self._main is not None else 0

    def memory_bytes(self) -> int:
        return sum(one.memory_bytes() for one in (self._main, self._tail) if one is not None)

    def build(self, budget: int) -> int:
        """Combine on; how many points of the strips were taken in."""
        if self._main is None:
            return 0
        used = self._main.build(budget)
        if not self._main.left():
            self._tail = None
        return used

    def whole(self) -> Strip:
        """All of it."""
        assert self._main is not None, "whole() comes after take()"
        while self._main.left():
            self.build(1 << 62)
        return self._main

    def newest(self, budget: int) -> Strip:
        """As much as `budget` points of the strips give: the newest part, and what was built before."""
        assert self._main is not None, "newest() comes after take()"
        if self._main.left() <= budget:
            return self.whole()
        if self._tail is None:
            self._tail = Combined(self._strips, self._combine, self._near_end(budget))
        self._tail.build(1 << 62)
        first = self._tail.first_step()
        end = self._main.n if first is None else self._main.find("step", first)
        slices = [Slice(self._main, 0, end), Slice(self._tail, 0, self._tail.n)]
        return Curve([part for part in slices if part.first < part.last])

    def _near_end(self, budget: int) -> list[int]:
        """Where the strips have about `budget` points left, all at one step."""
        share = max(1, budget // len(self._strips))
        steps = [
            int(strip.read(strip.n - share, strip.n - share + 1).steps[0])
            for strip in self._strips
            if strip.n > share
        ]
        return (
            [strip.find("step", max(steps)) for strip in self._strips] if steps else [0] * len(self._strips)
        )


class _Other:
    """Not the same strips any more."""


_OTHER = _Other()


def _first_change(
    before: Sequence[Strip], seen: Sequence[int], strips: Sequence[Strip]
) -> int | _Other | None:
    """The lowest step that is new in strips that grew; None: nothing is."""
    if len(before) != len(strips):
        return _OTHER
    changes: list[int] = []
    for pair in zip(before, seen, strips, strict=True):
        change = _change(*pair)
        if isinstance(change, _Other):
            return change
        if change is not None:
            changes.append(change)
    return min(changes, default=None)


def _change(before: Strip, seen: int, now: Strip) -> int | _Other | None:
    if isinstance(now, SortedTail) and now is not before:
        return now.first_new if now.grew_from is before else _OTHER
    is_same = now is before or (
        isinstance(now, Curve) and isinstance(before, Curve) and now.continues(before)
    )
    if not is_same or now.n < seen or (isinstance(now, Lane) and now.falls):
        return _OTHER
    return None if now.n == seen else int(now.read(seen, seen + 1).steps[0])
