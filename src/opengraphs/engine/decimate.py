"""Thin a curve to the width of a screen without losing the spike that matters.

M4 (Jugel et al., PVLDB 7(10), 2014): of every column the first, last, lowest and highest
point stay. A line drawn through those has the same pixels as one drawn through all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import Cells, Floats, first_of_group, group_starts


class Grid(NamedTuple):
    """`columns` equal columns over the closed interval `low` … `high` of x."""

    low: float
    high: float
    columns: int

    def column_of(self, x: NDArray[Any]) -> NDArray[np.intp]:
        """Column of each x, ascending where x is; outside the interval the nearest one."""
        width = float(self.high) - float(self.low)
        if not width > 0:
            return np.zeros(len(x), np.intp)
        place = (x - self.low) * (self.columns / width)
        return np.clip(place, 0, self.columns - 1).astype(np.intp)


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
    return np.unique(np.concatenate(kept))


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
    keep = [np.ones(len(rises), bool), np.isfinite(y[1]), np.isfinite(y[2]), np.ones(len(rises), bool)]
    for later in range(1, 4):
        for earlier in range(later):
            same = x[later] == x[earlier]
            if ties:
                same &= _same(y[later], y[earlier])
            keep[later] &= ~(same & keep[earlier])
    kept = np.stack(keep, axis=1)
    return np.stack(x, axis=1)[kept], np.stack(y, axis=1)[kept]


def _same(a: Floats, b: Floats) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (a == b) | ((a != a) & (b != b))  # noqa: PLR0124  (NaN is like NaN here)
    return same
