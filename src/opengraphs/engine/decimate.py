"""Thin a curve to the width of a screen without losing the spike that matters.

M4 (Jugel et al., PVLDB 7(10), 2014): of every column the first, last, lowest and highest
point stay. A line drawn through those has the same pixels as one drawn through all.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import Cells, Floats, first_of_group, group_starts


class Grid(NamedTuple):
    """`columns` equal columns over the closed interval `low` … `high` of x."""

    low: float
    high: float
    columns: int

    @classmethod
    def steady(cls, low: float, high: float, columns: int) -> Grid:
        """A grid that holds [low, high] and stays as it is while `high` grows.

        Its columns are an even number of units wide and begin at multiples of that width, so that
        the points of a live curve keep their columns: a new point changes what is drawn at the end
        and nowhere else, until the columns get wider by a fifth to a third.
        """
        span = float(high) - float(low)
        least = span / (columns - 1) if columns > 1 else 0.0
        width = _steady_width(least) if 0 < least < math.inf else 0.0
        if not width > 0 or columns * width < span:  # too fine, or too far out, for a float
            return cls(low, high, columns)
        start = math.floor(low / width) * width
        return cls(start, start + columns * width, columns)

    def column_of(self, x: NDArray[Any]) -> NDArray[np.intp]:
        """Column of each x, ascending where x is; outside the interval the nearest one."""
        width = float(self.high) - float(self.low)
        if not width > 0:
            return np.zeros(len(x), np.intp)
        place = (x - self.low) * (self.columns / width)
        np.minimum(place, self.columns - 1, out=place)  # a third of the cost of np.clip
        return np.maximum(place, 0, out=place).astype(np.intp)


def _steady_width(least: float) -> float:
    """The next of 1, 1.25, 1.5, 1.75 × 2^k."""
    power = 2.0 ** math.floor(math.log2(least))
    return power * math.ceil(least / power * 4) / 4


def thin_points(x: NDArray[Any], y: Floats, grid: Grid) -> NDArray[np.intp]:
    """Indices of the points that stay, ascending: at most 4 a column.

    Args:
        x: ascending (equal neighbours allowed), (n,).
        y: (n,); a value that is not finite stays where it is first or last of its column
            and is never the lowest or highest.

    Cost: O(n).
    """
    if len(x) == 0:
        return np.empty(0, np.intp)
    starts = group_starts(grid.column_of(x))
    groups = len(starts)
    ends = np.append(starts[1:], len(x))
    group = np.repeat(np.arange(groups), ends - starts)
    finite = np.isfinite(y)
    kept = [starts, ends - 1]
    for reduce, worst in ((np.minimum, np.inf), (np.maximum, -np.inf)):
        values = np.where(finite, y, worst)
        best = reduce.reduceat(values, starts)
        at = first_of_group((values == best[group]), group, groups)
        kept.append(at[np.isfinite(best)])
    stays = np.zeros(len(x), bool)  # a third of the cost of np.unique
    for places in kept:
        stays[places] = True
    return np.flatnonzero(stays)


def thin_cells(cells: Cells, axis: str, grid: Grid) -> tuple[NDArray[Any], Floats]:
    """The same from cells: every kept point is a real one; a column's edges move to cell edges.

    Args:
        cells: neighbours in order of `axis`.
        axis: `step` or `time`.

    Returns:
        x and y of at most 4 points a column, in order of x. The lowest and highest of all
        points are among them; a point may count to the column beside its own when its cell
        reaches over the edge.

    Cost: O(len(cells)).
    """
    if len(cells) == 0:
        return np.empty(0, np.float64), np.empty(0, np.float64)
    starts = group_starts(grid.column_of(cells[f"{axis}_first"]))
    ends = np.append(starts[1:], len(cells))
    group = np.repeat(np.arange(len(starts)), ends - starts)
    low, high = (
        first_of_group(values == reduce.reduceat(values, starts)[group], group, len(starts))
        for values, reduce in ((cells["lo"], np.minimum), (cells["hi"], np.maximum))
    )
    sides = [(starts, "first"), (low, "lo"), (high, "hi"), (ends - 1, "last")]
    x = [cells[f"{axis}_{name}"][at] for at, name in sides]
    y = [cells[name][at] for at, name in sides]
    return _in_order(x, y, ties=axis == "time")


def _in_order(x: list[NDArray[Any]], y: list[Floats], *, ties: bool) -> tuple[NDArray[Any], Floats]:
    """First, lowest, highest, last of each column in order of x, each point once.

    Args:
        ties: several points may have the same x, so that only x and y tell them apart.
    """
    rises = x[1] <= x[2]
    x[1], x[2] = np.where(rises, x[1], x[2]), np.where(rises, x[2], x[1])
    y[1], y[2] = np.where(rises, y[1], y[2]), np.where(rises, y[2], y[1])
    kept = np.ones((len(rises), 4), bool)
    keep = kept.T
    if not ties:
        # A column without a finite value has its first place for both, so neighbours tell.
        keep[1] = np.isfinite(y[1]) & (x[1] != x[0])
        keep[2] = np.isfinite(y[2]) & (x[2] != x[1])
        keep[3] = x[3] != x[2]
        return _side_by_side(x)[kept], _side_by_side(y)[kept]

    def same(one: int, other: int) -> NDArray[np.bool_]:
        return _same(x[one], x[other]) & _same(y[one], y[other])

    keep[1] = np.isfinite(y[1]) & ~same(1, 0) & ~same(1, 3)
    keep[2] = np.isfinite(y[2]) & ~same(2, 0) & ~same(2, 3) & ~(same(2, 1) & keep[1])
    keep[3] = ~same(3, 0) | keep[1] | keep[2]  # the curve ends where its points end
    return _side_by_side(x)[kept], _side_by_side(y)[kept]


def _side_by_side(columns: list[NDArray[Any]]) -> NDArray[Any]:
    """`np.stack` of four, at a fifth of its cost."""
    both = np.empty((len(columns[0]), len(columns)), columns[0].dtype)
    for place, column in enumerate(columns):
        both[:, place] = column
    return both


def _same(a: Floats, b: Floats) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (a == b) | ((a != a) & (b != b))  # noqa: PLR0124  (NaN is like NaN here)
    return same
