"""A metric as the x axis of another: the points of both that share a step.

A point's place is the value that the other metric has at the same step. Steps that only
one of them has are left out, and so are those where the place is not finite; both are
counted. Coarse cells are kept and grow with what is new, so that a long curve whose place
only rises (loss over tokens, over epochs) costs what the screen shows; points are joined
again where one looks closely.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import CELL, COARSE, NO_CELLS, Cells, cells_of, join_cells
from opengraphs.engine.lane import Lane
from opengraphs.engine.strip import (
    NO_POINTS,
    CellRow,
    Column,
    Points,
    Strip,
    exact_cells,
    find_in,
    join,
    one_cell,
)

_PIECE = 1 << 16


class PlacedPoints(NamedTuple):
    """Points and the place of each on the axis."""

    points: Points
    x: NDArray[Any]


def pair(points: Points, axis: Points) -> tuple[PlacedPoints, int]:
    """Points at whose step the axis has a finite value, in order of steps, and how many more
    have a place that is not finite. Steps rise in both arguments."""
    if len(points.steps) == len(axis.steps) and bool((points.steps == axis.steps).all()):
        both, x = points, axis.values
    else:
        at = np.searchsorted(axis.steps, points.steps)
        inside = at < len(axis.steps)
        inside[inside] = axis.steps[at[inside]] == points.steps[inside]
        both, x = points.take(inside), axis.values[at[inside]]
    finite = np.isfinite(x)
    if finite.all():
        return PlacedPoints(both, x), 0
    return PlacedPoints(both.take(finite), x[finite]), int((~finite).sum())


class MetricAxis:
    """A strip of the points of one series that have a place on another, in order of steps.

    Attributes:
        n: how many there are.
        missing: points at whose step the other series has none.
        nonfinite: points whose place would not be finite.
        x_rises: places never fall.
        x_span: lowest and highest place; None while there is no point.
    """

    def __init__(self) -> None:
        self._strips: tuple[Strip, Strip] | None = None
        self._counts = (0, 0)
        self._restart()

    def _restart(self) -> None:
        self.n = self.missing = self.nonfinite = 0
        self.x_rises = True
        self.x_span: tuple[float, float] | None = None
        self._last_x = -math.inf
        self._last_step: int | None = None
        """Both strips were joined up to here; neither will have more at or before it."""
        self._missed = 0
        self._size = COARSE
        self._open = PlacedPoints(NO_POINTS, NO_POINTS.values)
        """Less than a cell of points, not in the cells yet."""
        self._cells = self._x_cells = NO_CELLS
        self._rows: tuple[CellRow, CellRow] | None = None

    @property
    def rises(self) -> bool:
        return True

    @property
    def time_rises(self) -> bool:
        return self._strips is None or self._strips[0].time_rises

    def memory_bytes(self) -> int:
        return 2 * len(self._cells) * CELL.itemsize * (1 if self._rows is None else 2)

    def update(self, series: Strip, axis: Strip) -> MetricAxis:
        """Bring it up to date. O(what is new) where both are lanes that only rose, else O(all)."""
        counts = (series.n, axis.n)
        lanes = all(isinstance(strip, Lane) and strip.rises for strip in (series, axis))
        same = self._strips is not None and self._strips[0] is series and self._strips[1] is axis
        if lanes and same and counts == self._counts:
            return self
        if not (lanes and same and counts[0] >= self._counts[0] and counts[1] >= self._counts[1]):
            self._restart()
        self._strips = None  # should reading fail half-way, the next one begins anew
        self._take_in(series, axis)
        self._strips, self._counts = (series, axis), counts
        return self

    # -- joining ---------------------------------------------------------------------------------

    def _take_in(self, series: Strip, axis: Strip) -> None:
        self.missing = self._missed + series.n
        if not (series.n and axis.n):
            return
        last = min(int(strip.read(strip.n - 1, strip.n).steps[0]) for strip in (series, axis))
        places = [_place_after(strip, self._last_step) for strip in (series, axis)]
        ends = [_place_after(strip, last) for strip in (series, axis)]
        fresh: list[Cells] = []
        fresh_x: list[Cells] = []
        known = self.n + self.nonfinite
        for points, places_of in _stretches(series, axis, places, ends):
            placed, nonfinite = pair(points, places_of)
            self.nonfinite += nonfinite
            self._add(placed, fresh, fresh_x)
        self._missed += ends[0] - places[0] - (self.n + self.nonfinite - known)
        if fresh:
            self._cells = join_cells((self._cells, *fresh))
            self._x_cells = join_cells((self._x_cells, *fresh_x))
        self._last_step = last
        self._rows = None
        self.missing = self._missed + series.n - ends[0]

    def _add(self, placed: PlacedPoints, fresh: list[Cells], fresh_x: list[Cells]) -> None:
        points, x = placed
        if len(x) == 0:
            return
        self.x_rises = self.x_rises and bool(x[0] >= self._last_x) and bool((np.diff(x) >= 0).all())
        self._last_x = float(x[-1])
        low, high = self.x_span or (math.inf, -math.inf)
        self.x_span = min(low, float(x.min())), max(high, float(x.max()))
        self.n += len(x)
        points = join([self._open.points, points])
        x = np.concatenate((self._open.x, x))
        whole = len(x) - len(x) % self._size
        if whole:
            fresh.append(cells_of(*points.part(0, whole), self._size))
            fresh_x.append(cells_of(points.steps[:whole], x[:whole], points.values[:whole], self._size))
        rest = points.part(whole, len(x))
        self._open = PlacedPoints(Points(*(column.copy() for column in rest)), x[whole:].copy())

    # -- a strip ---------------------------------------------------------------------------------

    def _both_rows(self) -> tuple[CellRow, CellRow]:
        if self._rows is None:
            points, x = self._open
            last = one_cell(points), one_cell(Points(points.steps, x, points.values))
            cells = [join_cells(parts) for parts in zip((self._cells, self._x_cells), last, strict=True)]
            self._rows = CellRow(cells[0]), CellRow(cells[1])
        return self._rows

    def read(self, first: int, last: int) -> Points:
        return self.read_placed(first, last).points

    def read_placed(self, first: int, last: int) -> PlacedPoints:
        """The points `first` … `last - 1` and their places, joined anew."""
        last = min(last, self.n)
        if first >= last or self._strips is None:
            return PlacedPoints(NO_POINTS, NO_POINTS.values)
        row = self._both_rows()[0]
        begin = int(np.searchsorted(row.ends, first, "right"))
        end = int(np.searchsorted(row.ends, last, "left"))
        low, high = int(row.cells["step_first"][begin]), int(row.cells["step_last"][end])
        parts = [
            strip.read(strip.find("step", low), strip.find("step", high, right=True))
            for strip in self._strips
        ]
        (points, x), _ = pair(*parts)
        offset = row.start(begin)
        return PlacedPoints(points.part(first - offset, last - offset), x[first - offset : last - offset])

    def cells(self, first: int, last: int, size: int) -> Cells:
        if size != self._size:
            return cells_of(*self.read(first, last), size)
        return exact_cells(self, self._both_rows()[0], first, last)

    def x_cells(self, first: int, last: int, size: int) -> Cells:
        """The same cells with places where the others have times."""
        turned = _Turned(self)
        if size != self._size:
            return cells_of(*turned.read(first, last), size)
        return exact_cells(turned, self._both_rows()[1], first, last)

    def find(self, axis: str, x: float, *, right: bool = False) -> int:
        """As of any strip; `axis` may be `x` too, where `x_rises`."""
        if self.n == 0:
            return 0
        if axis == "x":
            return find_in(_Turned(self), self._both_rows()[1], "time", x, right=right)
        return find_in(self, self._both_rows()[0], axis, x, right=right)


class _Turned(Column):
    """A metric axis whose times are places, as far as cells and searches need a strip."""

    def __init__(self, axis: MetricAxis) -> None:
        super().__init__()
        self._axis = axis

    @property
    def n(self) -> int:
        return self._axis.n

    def read(self, first: int, last: int) -> Points:
        points, x = self._axis.read_placed(first, last)
        return Points(points.steps, x, points.values)


def _place_after(strip: Strip, step: int | None) -> int:
    return 0 if step is None else strip.find("step", step, right=True)


def _stretches(
    series: Strip, axis: Strip, places: list[int], ends: list[int]
) -> Iterator[tuple[Points, Points]]:
    """Stretches of equal steps of both, none of them with many more than _PIECE points."""
    both = (series, axis)
    while all(place < end for place, end in zip(places, ends, strict=True)):
        edges = [
            int(strip.read(place + _PIECE - 1, place + _PIECE).steps[0])
            for strip, place, end in zip(both, places, ends, strict=True)
            if place + _PIECE < end
        ]
        upto = [strip.find("step", min(edges), right=True) for strip in both] if edges else ends
        yield series.read(places[0], upto[0]), axis.read(places[1], upto[1])
        places = upto
