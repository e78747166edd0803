"""One run on a grid of x: the sum and number of its points in each cell, every point counted.

The grid cuts the common x axis into cells of equal width (whole steps by step). Long runs
are summed from the pyramid: cells of points that lie in one cell of the grid count whole,
those that an edge cuts are read point by point. The result is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import COARSE, FINE, Floats
from opengraphs.engine.derive import Derivation
from opengraphs.engine.strip import Points, Strip

_WINDOW = 1 << 16
_CELLS_A_COLUMN = 2
_CUT_SHARE = 8
_EXACT_STEPS = 1 << 53
Counts = NDArray[np.int64]


class GridQuestion(NamedTuple):
    """How a grid is asked for. axis: `step` or `time`; span: closed interval of x, None for everything."""

    axis: str
    span: tuple[float, float] | None
    columns: int
    smoothing: Derivation | None


class Extent(NamedTuple):
    """Where one run's points lie on the axis of the question, and how many they are."""

    low: int | float
    high: int | float
    points: int


def extent_of(strip: Strip, asked: GridQuestion, zero_s: float) -> Extent | None:
    """The part of a run that the question is about; None when nothing of it is."""
    if strip.n == 0:
        return None
    if asked.axis == "time" and not strip.time_rises:
        times = np.concatenate([points.times for points in _windows(strip, 0, strip.n)]) - zero_s
        if asked.span is not None:
            times = times[(times >= asked.span[0]) & (times <= asked.span[1])]
        return Extent(float(times.min()), float(times.max()), len(times)) if len(times) else None
    first, last = _places(strip, asked, zero_s)
    if first >= last:
        return None
    low, high = (
        _x_of(strip.read(place, place + 1), asked.axis, zero_s)[0].item() for place in (first, last - 1)
    )
    return Extent(low, high, last - first)


class Grid(NamedTuple):
    """`columns` cells of equal `width` from `low` on; `high` is the last x that counts.

    edges: where the second cell begins, and so on; a point on an edge belongs to what begins
    there. is_whole: x is a step, and low and width are whole numbers of them.
    """

    low: int | float
    high: int | float
    width: int | float
    columns: int
    edges: NDArray[Any]
    is_whole: bool

    @classmethod
    def over(cls, extents: Sequence[Extent], asked: GridQuestion) -> Grid:
        """The grid of all runs: from the first asked point of any to the last of any."""
        low, high = min(part.low for part in extents), max(part.high for part in extents)
        columns = min(asked.columns, max(part.points for part in extents))
        if asked.axis == "step" and high - low < _EXACT_STEPS:
            steps = int(high) - int(low) + 1
            width = _even_width(-(-steps // columns), max(extents, key=lambda part: part.points))
            columns = -(-steps // width)
            return cls(low, high, width, columns, low + np.arange(1, columns) * width, True)
        width_s = (float(high) - float(low)) / columns
        if not width_s > 0:
            width_s, columns = 1.0, 1
        return cls(low, high, width_s, columns, low + np.arange(1, columns) * width_s, False)

    def column_of(self, x: NDArray[Any]) -> NDArray[np.intp]:
        """The cell of each x; the outer cells take what lies beyond them."""
        return np.searchsorted(self.edges, x, "right")

    def bounds_in(self, x: NDArray[Any]) -> NDArray[np.intp]:
        """Where each cell begins in an ascending x, and where the last one ends; (columns + 1,)."""
        inner = np.searchsorted(x, self.edges, "left")
        ends = np.searchsorted(x, [self.low], "left"), np.searchsorted(x, [self.high], "right")
        return np.concatenate((ends[0], inner, ends[1]))

    def centres(self) -> list[float]:
        """The middle of each cell: of its first and last step by step."""
        middle = (self.width - 1) / 2 if self.is_whole else self.width / 2
        found: list[float] = (self.low + np.arange(self.columns) * self.width + middle).tolist()
        return found


def _even_width(width: int, longest: Extent) -> int:
    """A little more than `width` steps where that makes edges of the grid edges of the pyramid too.

    So it is for long runs that log every so many steps from the same one on, which most
    groups are made of: then no cell is cut, and no point has to be read.
    """
    between, left = divmod(int(longest.high) - int(longest.low), max(1, longest.points - 1))
    for unit in (COARSE * between, FINE * between):
        if unit and not left and width >= _CELLS_A_COLUMN * unit:
            return -(-width // unit) * unit
    return width


class Sums(NamedTuple):
    """Of one run, for each cell of the grid: the sum and number of finite points, and of others."""

    total: Floats
    finite: Counts
    odd: Counts

    def values(self) -> Floats:
        """The mean of each cell, NaN where nothing finite is."""
        with np.errstate(all="ignore"):
            return np.where(self.finite > 0, self.total / self.finite, np.nan)


def sums_on_grid(strip: Strip, grid: Grid, asked: GridQuestion, zero_s: float) -> Sums:
    """One run on the grid, every point of it."""
    sums = Sums(np.zeros(grid.columns), np.zeros(grid.columns, np.int64), np.zeros(grid.columns, np.int64))
    if strip.n == 0:
        return sums
    is_sorted = asked.axis == "step" or strip.time_rises
    first, last = _places(strip, asked, zero_s) if is_sorted else (0, strip.n)
    size = _cell_size(last - first, grid, asked.axis) if is_sorted else 1
    if asked.smoothing is not None:
        _add_smoothed(sums, strip, first, last, grid, asked, asked.smoothing, size, zero_s)
    elif size == 1 or not _add_cells(sums, strip, first, last, grid, asked.axis, size, zero_s):
        add = _add_ordered if is_sorted else _add
        for points in _windows(strip, first, last):
            add(sums, points, grid, asked.axis, zero_s)
    return sums


def _cell_size(points: int, grid: Grid, axis: str) -> int:
    """Points a cell of the pyramid where a few of them lie in a cell of the grid; 1: the points themselves.

    Fine cells are worth it only where hardly any is cut, which does not happen by time.
    """
    for size in (COARSE, FINE) if axis == "step" else (COARSE,):
        if points > _CELLS_A_COLUMN * size * grid.columns:
            return size
    return 1


def _places(strip: Strip, asked: GridQuestion, zero_s: float) -> tuple[int, int]:
    """First and last place of the asked range in a strip that rises along the axis."""
    if asked.span is None:
        return 0, strip.n
    low, high = (edge + (0.0 if asked.axis == "step" else zero_s) for edge in asked.span)
    return strip.find(asked.axis, low), strip.find(asked.axis, high, right=True)


def _windows(strip: Strip, first: int, last: int) -> list[Points]:
    return [strip.read(start, min(start + _WINDOW, last)) for start in range(first, last, _WINDOW)]


def _x_of(points: Points, axis: str, zero_s: float) -> NDArray[Any]:
    return points.steps if axis == "step" else points.times - zero_s


def _add(sums: Sums, points: Points, grid: Grid, axis: str, zero_s: float) -> None:
    x, values = _x_of(points, axis, zero_s), points.values
    inside = (x >= grid.low) & (x <= grid.high)
    if not inside.all():
        x, values = x[inside], values[inside]
    columns = grid.column_of(x)
    finite = np.isfinite(values)
    if not finite.all():
        sums.odd[:] += np.bincount(columns[~finite], minlength=grid.columns)
        columns, values = columns[finite], values[finite]
    sums.finite[:] += np.bincount(columns, minlength=grid.columns)
    sums.total[:] += np.bincount(columns, weights=values, minlength=grid.columns)


def _add_ordered(sums: Sums, points: Points, grid: Grid, axis: str, zero_s: float) -> None:
    """The same for points in order of x, in a third of the time."""
    bounds = grid.bounds_in(_x_of(points, axis, zero_s))
    held = np.flatnonzero(bounds[:-1] < bounds[1:])
    if len(held) == 0:
        return
    values = points.values[: bounds[-1]]
    counts = np.diff(bounds)[held]
    finite = np.isfinite(values)
    if not finite.all():
        sound = np.add.reduceat(finite, bounds[held], dtype=np.int64)
        sums.odd[held] += counts - sound
        values, counts = np.where(finite, values, 0.0), sound
    sums.finite[held] += counts
    with np.errstate(all="ignore"):
        sums.total[held] += np.add.reduceat(values, bounds[held])


def _add_cells(
    sums: Sums, strip: Strip, first: int, last: int, grid: Grid, axis: str, size: int, zero_s: float
) -> bool:
    """Add a long run from cells; False, and nothing added, where too many fine ones would be cut."""
    cells = strip.cells(first, last, size)
    shift = zero_s if axis == "time" else 0
    begins, closes = (cells[f"{axis}_{side}"] - shift for side in ("first", "last"))
    begin, end = grid.column_of(begins), grid.column_of(closes)
    is_whole = (begin == end) & (begins >= grid.low) & (closes <= grid.high)
    cut = np.flatnonzero(~is_whole).tolist()
    if size == FINE and len(cut) > grid.columns // _CUT_SHARE:
        return False
    columns, whole = begin[is_whole], cells[is_whole]
    with np.errstate(all="ignore"):
        sums.total[:] += np.bincount(columns, weights=whole["sum"], minlength=grid.columns)
    sums.finite[:] += _counted(columns, whole["finite"], grid.columns)
    sums.odd[:] += _counted(columns, whole["n"] - whole["finite"], grid.columns)
    ends = first + np.cumsum(cells["n"], dtype=np.int64)
    for cell in cut:
        _add(sums, strip.read(int(ends[cell] - cells["n"][cell]), int(ends[cell])), grid, axis, zero_s)
    return True


def _counted(columns: NDArray[np.intp], counts: NDArray[Any], length: int) -> Counts:
    """Whole numbers added up by column."""
    found = np.zeros(length, np.int64)
    np.add.at(found, columns, counts)
    return found


def _add_smoothed(
    sums: Sums,
    strip: Strip,
    first: int,
    last: int,
    grid: Grid,
    asked: GridQuestion,
    smoothing: Derivation,
    size: int,
    zero_s: float,
) -> None:
    """Add a run smoothed; a long one is smoothed cell by cell, as curves of POST /series are."""
    begin = max(0, first - smoothing.reach)
    if size < COARSE:
        points = strip.read(begin, last)
        smooth = Points(points.steps, points.times, smoothing.of_points(points)).part(
            first - begin, last - begin
        )
    else:
        begin = max(0, begin - COARSE)
        cells = strip.cells(begin, last, COARSE)
        ends = begin + np.cumsum(cells["n"], dtype=np.int64)
        smooth = smoothing.of_cells(cells, COARSE).take(ends > first)
    _add(sums, smooth, grid, asked.axis, zero_s)
