"""A strip: points in the order in which they count, wherever they lie.

Curves are drawn from strips. A strip is either a lane (points of one journal, chunks in
the index and a tail in memory) or a column in memory (the result of a merge). Both answer
the same few questions, each in time that depends on what is asked and not on their length.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import (
    CELL,
    COARSE,
    FINE,
    NO_CELLS,
    Cells,
    Floats,
    Steps,
    cell_of,
    cells_of,
    join_cells,
)


class Points(NamedTuple):
    """Equal lengths; steps int64, times epoch seconds."""

    steps: Steps
    times: Floats
    values: Floats

    def part(self, first: int, last: int) -> Points:
        return Points(self.steps[first:last], self.times[first:last], self.values[first:last])

    def take(self, where: NDArray[np.intp] | NDArray[np.bool_]) -> Points:
        """The points at these indices, or where a mask is true. A copy."""
        return Points(self.steps[where], self.times[where], self.values[where])


NO_POINTS = Points(np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.float64))


def join(parts: list[Points]) -> Points:
    """One after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return NO_POINTS
    steps, times, values = zip(*parts, strict=True)
    return Points(np.concatenate(steps), np.concatenate(times), np.concatenate(values))


class Strip(Protocol):
    """What a curve is drawn from. Indices count its points from 0; ranges are half open."""

    @property
    def n(self) -> int: ...

    @property
    def rises(self) -> bool:
        """Steps strictly increase."""
        ...

    @property
    def time_rises(self) -> bool:
        """Times never fall."""
        ...

    def read(self, first: int, last: int) -> Points:
        """The points themselves."""
        ...

    def cells(self, first: int, last: int, size: int) -> Cells:
        """Cells of about `size` points (FINE or COARSE) that cover exactly these points."""
        ...

    def find(self, axis: str, x: float, *, right: bool = False) -> int:
        """Index of the first point at or after `x` (after `x` when `right`); n if there is none.

        `axis` is `step` (only where it `rises`) or `time` (only where `time_rises`).
        """
        ...


class CellRow:
    """Neighbouring cells and the places of their points; `offset` is that of the first one."""

    __slots__ = ("cells", "ends", "offset")

    def __init__(self, cells: Cells, offset: int = 0) -> None:
        self.cells = cells
        self.offset = offset
        self.ends: NDArray[np.int64] = np.cumsum(cells["n"], dtype=np.int64) + offset

    def start(self, cell: int) -> int:
        return int(self.ends[cell - 1]) if cell else self.offset

    def within(self, first: int, last: int) -> tuple[int, int]:
        """Cells that lie wholly in a range of points: from, to; empty when from >= to."""
        begin = int(np.searchsorted(self.ends, first, "right"))
        if begin < len(self.ends) and self.start(begin) < first:
            begin += 1
        return begin, int(np.searchsorted(self.ends, last, "right"))


def exact_cells(strip: Strip, row: CellRow, first: int, last: int) -> Cells:
    """Cells of `row` inside a range, and cut ones, made from points, at its two edges."""
    begin, end = row.within(first, last)
    if begin >= end:
        return one_cell(strip.read(first, last))
    parts = [row.cells[begin:end]]
    left, right = row.start(begin), int(row.ends[end - 1])
    if first < left:
        parts.insert(0, one_cell(strip.read(first, left)))
    if right < last:
        parts.append(one_cell(strip.read(right, last)))
    return join_cells(parts)


def one_cell(points: Points) -> Cells:
    """The cell of these points; none for none."""
    with np.errstate(all="ignore"):
        return cell_of(*points) if len(points.steps) else NO_CELLS


def find_in(strip: Strip, row: CellRow, axis: str, x: float, *, right: bool) -> int:
    """`Strip.find` by the first places of cells, then inside one cell."""
    side = "right" if right else "left"
    cell = int(np.searchsorted(row.cells[f"{axis}_first"], x, side))  # type: ignore[call-overload]
    if cell == 0:
        return 0
    first, last = row.start(cell - 1), int(row.ends[cell - 1])
    points = strip.read(first, last)
    inside = points.steps if axis == "step" else points.times
    return first + int(np.searchsorted(inside, x, side))  # type: ignore[call-overload]


class Column:
    """A strip whose points are all in memory; grows and shrinks at its end.

    Cells of whole blocks are kept from one growth to the next, so that a live merged
    curve costs what is new of it.
    """

    def __init__(self) -> None:
        self._points = NO_POINTS
        self._n = 0
        self._rows: dict[int, CellRow] = {}
        self._whole: dict[int, Cells] = {FINE: NO_CELLS, COARSE: NO_CELLS}
        self._time_checked = 0
        self._time_rises = True

    @property
    def n(self) -> int:
        return self._n

    @property
    def rises(self) -> bool:
        return True

    @property
    def time_rises(self) -> bool:
        if self._time_rises and self._time_checked < self._n:
            start = max(0, self._time_checked - 1)
            self._time_rises = bool((np.diff(self._points.times[start : self._n]) >= 0).all())
            self._time_checked = self._n
        return self._time_rises

    def memory_bytes(self) -> int:
        cells = sum(len(whole) for whole in self._whole.values())
        return len(self._points.steps) * 24 + cells * 2 * CELL.itemsize

    def cut(self, n: int) -> None:
        """Forget the points from index `n` on."""
        if n >= self._n:
            return
        self._n = n
        self._rows.clear()
        self._time_checked = min(self._time_checked, n) if self._time_rises else 0
        self._time_rises = True
        for size, whole in self._whole.items():
            self._whole[size] = whole[: n // size]

    def extend(self, points: Points) -> None:
        """Append points whose steps rise and lie after the last one."""
        more = len(points.steps)
        if more == 0:
            return
        if self._n + more > len(self._points.steps):
            self._grow(self._n + more)
        for own, new in zip(self._points, points, strict=True):
            own[self._n : self._n + more] = new
        self._n += more
        self._rows.clear()

    def _grow(self, least: int) -> None:
        capacity = max(least, 64, len(self._points.steps) * 3 // 2)
        grown = Points(np.empty(capacity, np.int64), np.empty(capacity), np.empty(capacity))
        for own, old in zip(grown, self._points, strict=True):
            own[: self._n] = old[: self._n]
        self._points = grown

    def read(self, first: int, last: int) -> Points:
        return self._points.part(first, min(last, self._n))

    def cells(self, first: int, last: int, size: int) -> Cells:
        return exact_cells(self, self._row(size), first, last)

    def find(self, axis: str, x: float, *, right: bool = False) -> int:
        inside = (self._points.steps if axis == "step" else self._points.times)[: self._n]
        return int(np.searchsorted(inside, x, "right" if right else "left"))

    def _row(self, size: int) -> CellRow:
        row = self._rows.get(size)
        if row is None:
            whole = self._whole[size]
            fresh = cells_of(*self.read(len(whole) * size, self._n), size)
            cells = join_cells((whole, fresh))
            self._whole[size] = cells[: self._n // size]
            row = self._rows[size] = CellRow(cells)
        return row
