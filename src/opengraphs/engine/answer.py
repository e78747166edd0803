"""One strip, one question, one curve for the wire: range, thinning, statistics.

How much is read follows the width of the screen: points where few lie in the range, fine
cells where more do, coarse cells for the rest. Counts, extremes and statistics are exact
at every level; only the edges of columns move to the edges of cells, by less than half a
column (docs/adr/0012). An axis on which points fall back is read through (engine.scan).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine import scan
from opengraphs.engine.cells import (
    COARSE,
    FINE,
    NO_CELLS,
    Cells,
    Floats,
    cells_of,
    group_starts,
    join_cells,
    merge_cells,
    slope_of,
    total_of,
)
from opengraphs.engine.decimate import Grid, thin_cells, thin_points
from opengraphs.engine.derive import Derivation
from opengraphs.engine.metricaxis import MetricAxis, PlacedPoints
from opengraphs.engine.places import PlacedCells, axis_rises, place_range, read_placed
from opengraphs.engine.refine import refine
from opengraphs.engine.strip import NO_POINTS, Points, Strip, join, one_cell
from opengraphs.engine.transforms import MAX_POINTS
from opengraphs.engine.wire import Label, described, wire_number, wire_numbers

__all__ = ["Label", "Question", "curves", "spark", "wire_number", "wire_numbers"]
KEPT_NON_FINITE = 64
METRIC = "metric:"
_CELLS_A_COLUMN = 2


class Question(NamedTuple):
    """How a curve is asked for.

    x: `step`, `time`, `relative` or `metric:KEY` (of a strip that is a MetricAxis).
    span: closed interval of x, None for everything.
    zero_s: epoch seconds that count as 0 on the relative axis.
    steady: the run lives: its points keep their columns while it grows.
    """

    x: str
    span: tuple[float, float] | None
    columns: int
    zero_s: float
    steady: bool = False

    @property
    def axis(self) -> str:
        """`step`, `time`, or `x` for the places of a metric axis."""
        return "step" if self.x == "step" else "x" if self.x.startswith(METRIC) else "time"

    def grid(self, low: float, high: float) -> Grid:
        """The columns of places `low` … `high`."""
        make = Grid.steady if self.steady and self.span is None else Grid
        return make(low, high, self.columns)

    @property
    def shift(self) -> float:
        return self.zero_s if self.x == "relative" else 0.0

    @property
    def interval(self) -> tuple[float, float] | None:
        """`span` in units of the axis."""
        return None if self.span is None else (self.span[0] + self.shift, self.span[1] + self.shift)


def curves(
    strip: Strip, question: Question, label: Label, derivations: list[Derivation]
) -> list[dict[str, Any]]:
    """The curve and what is derived of it, each a protocol `SeriesOut`.

    Raises:
        UsageError: a plug-in failed.
    """
    view = _look(strip, question, label) if axis_rises(strip, question.axis) else None
    found = [_scanned(strip, question, label) if view is None else _raw(view)]
    for wanted in derivations:
        out = _derived_apart(strip, question, label, wanted) if view is None else _derived(view, wanted)
        out["points"] = found[0]["points"]  # of the range, also where cells stand for them
        found.append(out if wanted.unit is None else {**out, "unit": wanted.unit})
    if isinstance(strip, MetricAxis):
        for out in found:
            out["left_out"] = {"missing": strip.missing, "nonfinite": strip.nonfinite}
    return found


def _cell_size(points: int, columns: int) -> int:
    """Points a cell: the coarsest that leaves a few cells a column; 1 is the points themselves."""
    for size in (COARSE, FINE):
        if points >= _CELLS_A_COLUMN * size * columns:
            return size
    return 1


class _View(NamedTuple):
    """A range of a strip at the level at which it is looked at; places rise in it.

    size: points a cell; 1: `points` holds the range and `cells` nothing, else the reverse.
    """

    strip: Strip
    question: Question
    label: Label
    grid: Grid
    first: int
    last: int
    size: int
    points: PlacedPoints
    cells: PlacedCells


def _x_of(x: NDArray[Any], question: Question) -> list[float]:
    shown: list[float] = (x - question.shift if question.shift else x).tolist()
    return shown


def thin_range(strip: Strip, axis: str, first: int, last: int, grid: Grid) -> tuple[NDArray[Any], Floats]:
    """x and y of what is kept of a range of points whose places rise."""
    size = _cell_size(last - first, grid.columns)
    if size > 1:
        cells = PlacedCells.of(strip, axis, first, last, size)
        return _thin_cells(strip, axis, first, cells, size, grid)
    points, x = read_placed(strip, axis, first, last)
    kept = thin_points(x, points.values, grid)
    return x[kept], points.values[kept]


def _thin_cells(
    strip: Strip, axis: str, first: int, cells: PlacedCells, size: int, grid: Grid
) -> tuple[NDArray[Any], Floats]:
    """M4 of cells, finer ones where points lie so far apart that a cell reaches over columns."""

    def finer(begin: int, end: int, size: int) -> Cells:
        if size > 1:
            return PlacedCells.of(strip, axis, first + begin, first + end, size).placed
        points, x = read_placed(strip, axis, first + begin, first + end)
        return cells_of(points.steps, points.times if axis == "step" else x, points.values, 1)

    return thin_cells(refine(cells.placed, cells.name, size, grid, finer), cells.name, grid)


def _look(strip: Strip, question: Question, label: Label) -> _View:
    axis, interval = question.axis, question.interval
    first, last = place_range(strip, axis, interval)
    size = _cell_size(last - first, question.columns)
    points, cells = PlacedPoints(NO_POINTS, NO_POINTS.values), PlacedCells(NO_CELLS, NO_CELLS, "step")
    low = high = 0.0
    if size > 1:
        cells = PlacedCells.of(strip, axis, first, last, size)
        low, high = cells.placed[f"{cells.name}_first"][0], cells.placed[f"{cells.name}_last"][-1]
    elif last > first:
        points = read_placed(strip, axis, first, last)
        low, high = points.x[0], points.x[-1]
    if interval is not None:
        low, high = interval
    return _View(strip, question, label, question.grid(low, high), first, last, size, points, cells)


def _raw(view: _View) -> dict[str, Any]:
    if view.size == 1:
        return _of_points(view, view.points, None)
    x, y = _thin_cells(view.strip, view.question.axis, view.first, view.cells, view.size, view.grid)
    out = described(view.label, None, view.cells.cells)
    slope = _slope_of_cells(view.strip, view.first, view.last, view.cells.cells)
    out.update(x=_x_of(x, view.question), y=wire_numbers(y), slope=slope)
    if out["nonfinite"]["nan"] or out["nonfinite"]["inf"]:
        out["nonfinite"]["at"] = _odd_of_cells(view)
    return out


def _derived(view: _View, wanted: Derivation) -> dict[str, Any]:
    strip, axis = view.strip, view.question.axis
    if wanted.transform is not None:
        placed = _transformed(strip, axis, wanted)
        if len(placed.x) == strip.n:
            begin, end = view.first, view.last
        else:
            begin, end = _cut(placed.x, view.question.interval)
    else:
        start = max(0, view.first - wanted.reach - view.size)
        before = _best_before(strip, start, wanted)
        if view.size == 1:
            lead = strip.read(start, view.first)
            points = join([lead, view.points.points])
            values = wanted.of_points(points, before)[view.first - start :]
            placed = PlacedPoints(view.points.points._replace(values=values), view.points.x)
            begin, end = 0, len(values)
        else:
            lead_cells = PlacedCells.of(strip, axis, start, view.first, view.size)
            placed = lead_cells.join(view.cells).derived(wanted, view.size, before)
            begin, end = len(lead_cells.cells), len(placed.x)
    return _of_points(view, PlacedPoints(placed.points.part(begin, end), placed.x[begin:end]), wanted.label)


def _transformed(strip: Strip, axis: str, wanted: Derivation) -> PlacedPoints:
    """What a plug-in makes of the whole series: of its points, or of the means of its cells."""
    if strip.n <= MAX_POINTS:
        points, x = read_placed(strip, axis, 0, strip.n)
        return PlacedPoints(points._replace(values=wanted.of_points(points)), x)
    size = FINE if strip.n <= MAX_POINTS * FINE else COARSE
    return PlacedCells.of(strip, axis, 0, strip.n, size).derived(wanted, size, math.nan)


def _cut(x: NDArray[Any], interval: tuple[float, float] | None) -> tuple[int, int]:
    if interval is None:
        return 0, len(x)
    return int(np.searchsorted(x, interval[0])), int(np.searchsorted(x, interval[1], "right"))


def _best_before(strip: Strip, end: int, wanted: Derivation) -> float:
    """The best of the first `end` points; NaN for none."""
    if wanted.name != "best" or end == 0:
        return math.nan
    total = total_of(strip.cells(0, end, COARSE))
    best = float(total["lo" if wanted.better == "min" else "hi"][0]) if total is not None else math.nan
    return best if math.isfinite(best) else math.nan


def _of_points(view: _View, placed: PlacedPoints, derived: str | None) -> dict[str, Any]:
    points, x = placed
    kept = thin_points(x, points.values, view.grid)
    out = described(view.label, derived, one_cell(points))
    out.update(
        x=_x_of(x[kept], view.question),
        y=wire_numbers(points.values[kept]),
        slope=_slope(points, rises=view.strip.rises),
    )
    if out["nonfinite"]["nan"] or out["nonfinite"]["inf"]:
        out["nonfinite"]["at"] = _odd_of_points(placed, view.question)
    return out


def last_fifth(first_step: int, last_step: int) -> float:
    """The step from which a slope is taken."""
    return last_step - (last_step - first_step) / 5


def _slope(points: Points, *, rises: bool) -> float | None:
    if len(points.steps) < 2:
        return None
    if not rises:
        points = points.take(np.argsort(points.steps, kind="stable"))
    edge = last_fifth(int(points.steps[0]), int(points.steps[-1]))
    return slope_of(one_cell(points.part(int(np.searchsorted(points.steps, edge)), len(points.steps))))


def _slope_of_cells(strip: Strip, first: int, last: int, cells: Cells) -> float | None:
    """Of the last fifth of a range, given its cells: the one that the edge cuts is made anew."""
    if not strip.rises:
        return _slope(strip.read(first, last), rises=False)
    edge = last_fifth(int(cells["step_first"][0]), int(cells["step_last"][-1]))
    behind = int(np.searchsorted(cells["step_first"], edge))
    end = last - int(cells["n"][behind:].sum())
    points = strip.read(end - int(cells["n"][behind - 1]), end)
    cut = points.part(int(np.searchsorted(points.steps, edge)), len(points.steps))
    total = total_of(join_cells((one_cell(cut), cells[behind:])))
    return None if total is None else slope_of(total)


def _odd_of_points(placed: PlacedPoints, question: Question) -> list[float]:
    odd = np.flatnonzero(~np.isfinite(placed.points.values))[-KEPT_NON_FINITE:]
    return _x_of(placed.x[odd], question)


def _odd_of_cells(view: _View) -> list[float]:
    """Places of the newest points that are not finite; cells say where to look for them."""
    cells = view.cells.cells
    ends = view.first + np.cumsum(cells["n"], dtype=np.int64)
    found: list[float] = []
    for cell in np.flatnonzero(cells["n"] > cells["finite"])[::-1].tolist():
        if len(found) >= KEPT_NON_FINITE:
            break
        first, last = int(ends[cell] - cells["n"][cell]), int(ends[cell])
        found = (
            _odd_of_points(read_placed(view.strip, view.question.axis, first, last), view.question) + found
        )
    return found[-KEPT_NON_FINITE:]


# -- axes on which points fall back --------------------------------------------------------------


def _scanned(strip: Strip, question: Question, label: Label) -> dict[str, Any]:
    axis, interval = question.axis, question.interval
    read = partial(read_placed, strip, axis)
    if interval is None and isinstance(strip, MetricAxis) and strip.x_span is not None:
        return _scanned_whole(strip, question, label, read)
    found = scan.scan(read, strip.n, interval, question.grid, last_fifth)
    out = described(label, None, found.total)
    out.update(x=_x_of(found.x, question), y=wire_numbers(found.y))
    out["slope"] = None if found.tail is None else slope_of(found.tail)
    out["nonfinite"]["at"] = _x_of(found.odd, question)
    return out


def _scanned_whole(strip: MetricAxis, question: Question, label: Label, read: scan.Read) -> dict[str, Any]:
    """All of a metric axis: its cells know the rest, so that points are read through once."""
    assert strip.x_span is not None
    x, y = scan.thin(read, strip.n, strip.x_span, question.grid(*strip.x_span))
    cells = PlacedCells.of(strip, question.axis, 0, strip.n, COARSE)
    out = described(label, None, cells.cells)
    out.update(x=_x_of(x, question), y=wire_numbers(y))
    out["slope"] = _slope_of_cells(strip, 0, strip.n, cells.cells)
    odd = scan.odd(read, cells.cells)
    out["nonfinite"]["at"] = _x_of(odd, question)
    return out


def _derived_apart(strip: Strip, question: Question, label: Label, wanted: Derivation) -> dict[str, Any]:
    """Derived in order of steps over the whole strip, then put in order of places."""
    axis, interval = question.axis, question.interval
    size = _cell_size(strip.n, question.columns)
    if wanted.transform is not None:
        placed = _transformed(strip, axis, wanted)
    elif size == 1:
        points, x = read_placed(strip, axis, 0, strip.n)
        placed = PlacedPoints(points._replace(values=wanted.of_points(points)), x)
    else:
        placed = PlacedCells.of(strip, axis, 0, strip.n, size).derived(wanted, size, math.nan)
    if interval is not None:
        inside = (placed.x >= interval[0]) & (placed.x <= interval[1])
        placed = PlacedPoints(placed.points.take(inside), placed.x[inside])
    points, x = placed
    order = np.argsort(x, kind="stable")
    ordered, values = x[order], points.values[order]
    low, high = interval or ((ordered[0], ordered[-1]) if len(x) else (0.0, 0.0))
    kept = thin_points(ordered, values, question.grid(low, high))
    out = described(label, wanted.label, one_cell(points))
    out.update(
        x=_x_of(ordered[kept], question),
        y=wire_numbers(values[kept]),
        slope=_slope(points, rises=strip.rises),
    )
    odd = np.flatnonzero(~np.isfinite(values))[-KEPT_NON_FINITE:]
    out["nonfinite"]["at"] = _x_of(ordered[odd], question)
    return out


def spark(strip: Strip, width: int = 32) -> list[float]:
    """Up to `width` column means, oldest first, for a list; columns without a finite value are left out."""
    if strip.n == 0:
        return []
    size = _cell_size(strip.n, width)
    cells = cells_of(*strip.read(0, strip.n), 1) if size == 1 else strip.cells(0, strip.n, size)
    grid = Grid(float(cells["step_first"][0]), float(cells["step_last"][-1]), width)
    columns = merge_cells(cells, group_starts(grid.column_of(cells["step_first"])))
    with np.errstate(all="ignore"):
        means = columns["sum"] / columns["finite"]
    found: list[float] = means[np.isfinite(means)].tolist()
    return found
