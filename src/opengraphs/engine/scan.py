"""Curves over an axis on which points fall back: a clock that was set, an x that is no counter.

There is no range of a strip for an interval of such an axis, and cells tell nothing of
places inside them. So all points are read through, in pieces of bounded memory: once to
see what lies in the interval, once to thin it. The result is exact; points come in order
of places, and in order of steps where places are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import (
    NO_CELLS,
    Cells,
    Floats,
    first_of_group,
    group_starts,
    join_cells,
    total_of,
)
from opengraphs.engine.decimate import Grid, thin_points
from opengraphs.engine.metricaxis import PlacedPoints
from opengraphs.engine.strip import one_cell

PIECE = 1 << 16
_HELD = 4 * PIECE
"""Up to so many points are read once and held for the second look."""
KEPT_NON_FINITE = 64
Read = Callable[[int, int], PlacedPoints]
MakeGrid = Callable[[float, float], Grid]
"""The columns from the lowest place to the highest."""


class Scanned(NamedTuple):
    """x, y: the thinned curve. total: the cell of all points in the interval, tail: of those
    from the step on from which a slope is taken; None for no points. odd: the highest places
    of values that are not finite, ascending."""

    x: NDArray[Any]
    y: Floats
    total: Cells | None
    tail: Cells | None
    odd: NDArray[Any]


class _Extent(NamedTuple):
    """Of the points in the interval: places and steps from … to."""

    low: float
    high: float
    first_step: int
    last_step: int


def thin(
    read: Read,
    n: int,
    interval: tuple[float, float],
    grid: Grid,
) -> tuple[NDArray[Any], Floats]:
    """x and y of what is kept of the points in a closed interval of places, which need not rise.

    Args:
        read: points and places from … to, in order of steps.
        n: how many points there are.

    Cost: O(n) time; memory for PIECE points, and 4 a column and piece.
    """
    kept = [_candidates(x, points.values, grid) for points, x in _pieces(read, n, interval)]
    if not kept:
        return np.empty(0), np.empty(0)
    return _thin(np.concatenate([x for x, _ in kept]), np.concatenate([y for _, y in kept]), grid)


def scan(
    read: Read,
    n: int,
    interval: tuple[float, float] | None,
    make_grid: MakeGrid,
    tail_from: Callable[[int, int], float],
) -> Scanned:
    """`thin`, and what there is to say of the points in the interval.

    Args:
        interval: closed interval of places; None for all.
        tail_from: first and last step → the step at which `tail` begins.
    """
    held = [_inside(read(0, n), interval)] if n <= _HELD else None
    extent = _extent_of(held if held is not None else _pieces(read, n, interval))
    if extent is None:
        return Scanned(np.empty(0), np.empty(0), None, None, np.empty(0))
    low, high = interval or (extent.low, extent.high)
    grid, edge = make_grid(low, high), tail_from(extent.first_step, extent.last_step)
    cells, tails = [], []
    kept: list[tuple[NDArray[Any], Floats]] = []
    odd: NDArray[Any] = np.empty(0)
    for points, x in held if held is not None else _pieces(read, n, interval):
        cells.append(one_cell(points))
        if len(points.steps) and points.steps.max() >= edge:
            tails.append(one_cell(points.take(points.steps >= edge)))
        kept.append(_candidates(x, points.values, grid))
        strange = ~np.isfinite(points.values)
        if strange.any():
            odd = np.sort(np.concatenate((odd, x[strange])))[-KEPT_NON_FINITE:]
    x, y = _thin(np.concatenate([x for x, _ in kept]), np.concatenate([y for _, y in kept]), grid)
    return Scanned(x, y, _joined(cells), _joined(tails), odd)


def _joined(cells: list[Cells]) -> Cells | None:
    filled = [cell for cell in cells if len(cell)]
    return total_of(join_cells(filled) if filled else NO_CELLS)


def _pieces(read: Read, n: int, interval: tuple[float, float] | None) -> Iterator[PlacedPoints]:
    for first in range(0, n, PIECE):
        yield _inside(read(first, min(n, first + PIECE)), interval)


def _inside(placed: PlacedPoints, interval: tuple[float, float] | None) -> PlacedPoints:
    if interval is None:
        return placed
    inside = (placed.x >= interval[0]) & (placed.x <= interval[1])
    return PlacedPoints(placed.points.take(inside), placed.x[inside])


def places(read: Read, n: int, interval: tuple[float, float] | None) -> tuple[float, float] | None:
    """Lowest and highest place in the interval; None for no point."""
    extent = _extent_of(_pieces(read, n, interval))
    return None if extent is None else (extent.low, extent.high)


def odd(read: Read, cells: Cells) -> NDArray[Any]:
    """The highest places of values that are not finite, ascending; only cells that have some are read.

    Args:
        cells: of all points, in their order.
    """
    ends = np.cumsum(cells["n"], dtype=np.int64)
    found: NDArray[Any] = np.empty(0)
    for cell in np.flatnonzero(cells["n"] > cells["finite"]).tolist():
        points, x = read(int(ends[cell] - cells["n"][cell]), int(ends[cell]))
        found = np.sort(np.concatenate((found, x[~np.isfinite(points.values)])))[-KEPT_NON_FINITE:]
    return found


def _extent_of(pieces: list[PlacedPoints] | Iterator[PlacedPoints]) -> _Extent | None:
    found: _Extent | None = None
    for points, x in pieces:
        if len(x) == 0:
            continue
        low, high = float(x.min()), float(x.max())
        first, last = int(points.steps.min()), int(points.steps.max())
        if found is not None:
            low, high = min(low, found.low), max(high, found.high)
            first, last = min(first, found.first_step), max(last, found.last_step)
        found = _Extent(low, high, first, last)
    return found


def _thin(x: NDArray[Any], y: Floats, grid: Grid) -> tuple[NDArray[Any], Floats]:
    """M4 of points in any order, in order of places."""
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    kept = thin_points(x, y, grid)
    return x[kept], y[kept]


def _candidates(x: NDArray[Any], y: Floats, grid: Grid) -> tuple[NDArray[Any], Floats]:
    """A few points of each column, in order of steps, among them those that `_thin` keeps of all.

    Cost: O(n), a fraction of sorting places: column numbers are sorted digit by digit.
    """
    if len(x) <= 4 * grid.columns:
        return x, y
    column = grid.column_of(x).astype(np.uint16)
    order = np.argsort(column, kind="stable")
    place, value = x[order], y[order]
    starts = group_starts(column[order])
    groups = len(starts)
    group = np.repeat(np.arange(groups), np.diff(np.append(starts, len(x))))
    first = np.minimum.reduceat(place, starts)
    last = np.maximum.reduceat(place, starts)
    kept = [
        first_of_group(place == first[group], group, groups),
        _last_of_group(place == last[group], group, groups),
    ]
    finite = np.isfinite(value)
    for reduce, worst in ((np.minimum, np.inf), (np.maximum, -np.inf)):
        values = np.where(finite, value, worst)
        best = reduce.reduceat(values, starts)
        nearest = np.where(values == best[group], place, np.inf)  # of equal values the first in order of x
        at = first_of_group(nearest == np.minimum.reduceat(nearest, starts)[group], group, groups)
        kept.append(at[np.isfinite(best)])
    chosen = np.unique(order[np.concatenate(kept)])
    return x[chosen], y[chosen]


def _last_of_group(mask: NDArray[np.bool_], group: NDArray[np.intp], groups: int) -> NDArray[np.intp]:
    where = np.flatnonzero(mask)
    found = np.zeros(groups, np.intp)
    found[group[where]] = where  # assigned from the front, so the last one stays
    return found
