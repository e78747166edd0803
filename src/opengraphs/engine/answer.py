"""One strip, one question, one curve for the wire: range, thinning, statistics.

How much is read follows the width of the screen: points where few lie in the range, fine
cells where more do, coarse cells for the rest. Counts, extremes and statistics are exact
at every level; only the edges of columns move to the edges of cells, by less than half a
column (docs/adr/0012).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import (
    CELL,
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
from opengraphs.engine.strip import NO_POINTS, Column, Points, Strip, join, one_cell

KEPT_NON_FINITE = 64
_CELLS_A_COLUMN = 2


class Question(NamedTuple):
    """How a curve is asked for.

    x: `step`, `time` or `relative`. span: closed interval of x, None for everything.
    zero_s: epoch seconds that count as 0 on the relative axis.
    """

    x: str
    span: tuple[float, float] | None
    columns: int
    zero_s: float

    @property
    def axis(self) -> str:
        return "step" if self.x == "step" else "time"

    @property
    def shift(self) -> float:
        return self.zero_s if self.x == "relative" else 0.0


class Label(NamedTuple):
    """Whose curve it is."""

    run: str
    metric: str
    rank: int | None


def curves(
    strip: Strip, question: Question, label: Label, derivations: list[Derivation]
) -> list[dict[str, Any]]:
    """The curve and what is derived of it, each a protocol `SeriesOut`."""
    if question.axis == "time" and not strip.time_rises:
        strip = _TimeOrdered(strip)
    view = _look(strip, question, label)
    return [_raw(view), *(_derived(view, wanted) for wanted in derivations)]


class _TimeOrdered(Column):
    """A copy whose points lie in order of time: for clocks that went back, and merged legs."""

    def __init__(self, strip: Strip) -> None:
        super().__init__()
        points = strip.read(0, strip.n)
        self.extend(points.take(np.argsort(points.times, kind="stable")))

    @property
    def rises(self) -> bool:
        return False


def _range(strip: Strip, question: Question) -> tuple[int, int]:
    if question.span is None:
        return 0, strip.n
    low, high = (edge + question.shift for edge in question.span)
    return strip.find(question.axis, low), strip.find(question.axis, high, right=True)


def _places(points: Points, question: Question) -> NDArray[Any]:
    return points.steps if question.axis == "step" else points.times


def _cell_size(points: int, columns: int) -> int:
    """Points a cell: the coarsest that leaves a few cells a column; 1 is the points themselves."""
    for size in (COARSE, FINE):
        if points >= _CELLS_A_COLUMN * size * columns:
            return size
    return 1


class _View(NamedTuple):
    """A range of a strip at the level at which it is looked at.

    size: points a cell; 1: `points` holds the range and `cells` nothing, else the reverse.
    """

    strip: Strip
    question: Question
    label: Label
    grid: Grid
    first: int
    last: int
    size: int
    points: Points
    cells: Cells

    def x_of(self, x: NDArray[Any]) -> list[float]:
        shown: list[float] = (x - self.question.shift if self.question.shift else x).tolist()
        return shown


def _look(strip: Strip, question: Question, label: Label) -> _View:
    first, last = _range(strip, question)
    size = _cell_size(last - first, question.columns)
    points, cells = NO_POINTS, NO_CELLS
    low = high = 0.0
    if size > 1:
        cells = strip.cells(first, last, size)
        low, high = cells[f"{question.axis}_first"][0], cells[f"{question.axis}_last"][-1]
    elif last > first:
        points = strip.read(first, last)
        x = _places(points, question)
        low, high = x[0], x[-1]
    if question.span is not None:
        low, high = (edge + question.shift for edge in question.span)
    return _View(strip, question, label, Grid(low, high, question.columns), first, last, size, points, cells)


def _raw(view: _View) -> dict[str, Any]:
    if view.size == 1:
        return _of_points(view, view.points, None)
    x, y = thin_cells(view.cells, view.question.axis, view.grid)
    out = _described(view.label, None, total_of(view.cells))
    out.update(x=view.x_of(x), y=wire_numbers(y), slope=_slope_of_cells(view))
    if out["nonfinite"]["nan"] or out["nonfinite"]["inf"]:
        out["nonfinite"]["at"] = _odd_of_cells(view)
    return out


def _derived(view: _View, wanted: Derivation) -> dict[str, Any]:
    begin = max(0, view.first - wanted.reach - view.size)
    if view.size == 1:
        points = join([view.strip.read(begin, view.first), view.points])
        points = Points(points.steps, points.times, wanted.of_points(points))
        return _of_points(view, points.part(view.first - begin, view.last - begin), wanted.label)
    lead = view.strip.cells(begin, view.first, view.size) if begin < view.first else NO_CELLS
    points = wanted.of_cells(join_cells((lead, view.cells)), view.size)
    out = _of_points(view, points.part(len(lead), len(points.steps)), wanted.label)
    return {**out, "points": view.last - view.first}


def _of_points(view: _View, points: Points, derived: str | None) -> dict[str, Any]:
    x = _places(points, view.question)
    kept = thin_points(x, points.values, view.grid)
    out = _described(view.label, derived, one_cell(points))
    out.update(x=view.x_of(x[kept]), y=wire_numbers(points.values[kept]), slope=_slope(points, view.question))
    out["nonfinite"]["at"] = _odd_of_points(points, view.question)
    return out


def _described(label: Label, derived: str | None, total: Cells | None) -> dict[str, Any]:
    """A `SeriesOut` with all but the curve itself."""
    out: dict[str, Any] = {
        "run": label.run,
        "metric": label.metric,
        "derived": derived,
        "rank": label.rank,
        "x": [],
        "y": [],
        "points": 0,
        "last": None,
        "min": None,
        "max": None,
        "mean": None,
        "slope": None,
        "first_step": None,
        "last_step": None,
        "nonfinite": {"nan": 0, "inf": 0, "at": []},
    }
    if total is None or len(total) == 0:
        return out
    (cell,) = total.tolist()
    facts = dict(zip(CELL.names or (), cell, strict=True))
    finite = facts["finite"]
    mean = facts["sum"] / finite if finite else math.nan
    out["points"] = facts["n"]
    out["last"] = {
        "step": facts["step_last"],
        "time": facts["time_last"],
        "value": wire_number(facts["last"]),
    }
    if finite:
        out.update(min=facts["lo"], max=facts["hi"], mean=mean if math.isfinite(mean) else None)
    out.update(first_step=facts["step_first"], last_step=facts["step_last"])
    out["nonfinite"].update(nan=facts["nan"], inf=facts["inf"])
    return out


def wire_number(value: float) -> float | str:
    """A float as JSON can carry it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def wire_numbers(values: Floats) -> list[float | str]:
    """Floats as JSON can carry them, the rare non-finite ones as strings."""
    listed: list[float | str] = values.tolist()
    for place in np.flatnonzero(~np.isfinite(values)).tolist():
        listed[place] = wire_number(float(values[place]))
    return listed


def last_fifth(first_step: int, last_step: int) -> float:
    """The step from which a slope is taken."""
    return last_step - (last_step - first_step) / 5


def _slope(points: Points, question: Question) -> float | None:
    if len(points.steps) < 2:
        return None
    if question.axis == "time":
        points = points.take(np.argsort(points.steps, kind="stable"))
    edge = last_fifth(int(points.steps[0]), int(points.steps[-1]))
    return slope_of(one_cell(points.part(int(np.searchsorted(points.steps, edge)), len(points.steps))))


def _slope_of_cells(view: _View) -> float | None:
    strip = view.strip
    if not strip.rises:
        return _slope(strip.read(view.first, view.last), view.question)
    edge = last_fifth(int(view.cells["step_first"][0]), int(view.cells["step_last"][-1]))
    begin = max(view.first, strip.find("step", edge))
    total = total_of(strip.cells(begin, view.last, COARSE))
    return None if total is None else slope_of(total)


def _odd_of_points(points: Points, question: Question) -> list[float]:
    odd = np.flatnonzero(~np.isfinite(points.values))[-KEPT_NON_FINITE:]
    found: list[float] = (_places(points, question)[odd] - question.shift).tolist()
    return found


def _odd_of_cells(view: _View) -> list[float]:
    """Places of the newest points that are not finite; cells say where to look for them."""
    cells = view.cells
    ends = view.first + np.cumsum(cells["n"], dtype=np.int64)
    found: list[float] = []
    for cell in np.flatnonzero(cells["n"] > cells["finite"])[::-1].tolist():
        if len(found) >= KEPT_NON_FINITE:
            break
        points = view.strip.read(int(ends[cell] - cells["n"][cell]), int(ends[cell]))
        found = _odd_of_points(points, view.question) + found
    return found[-KEPT_NON_FINITE:]


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
