"""Cells fine enough for the columns of a screen, also where points lie far apart.

A level of cells is chosen by the number of points in the range. Where a run logs often at
first and rarely later, a cell of its rare part may reach over several columns and would
keep one lowest and one highest point for all of them. Such cells are looked into.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from opengraphs.engine.cells import FINE, Cells, group_starts, join_cells
from opengraphs.engine.decimate import Grid

Finer = Callable[[int, int, int], Cells]


def refine(cells: Cells, name: str, size: int, grid: Grid, finer: Finer) -> Cells:
    """The same points in cells of which none reaches over more than a column.

    Args:
        cells: of about `size` points, in order of the places `name_first`, `name_last`.
        finer: cells of the points first … last - 1 (counted from the first one in `cells`)
            of a smaller size; size 1 is a cell a point.

    Cost: at most `grid.columns` cells a level are looked into; none where points lie evenly.
    """
    width = (float(grid.high) - float(grid.low)) / grid.columns
    wide = np.flatnonzero(cells[f"{name}_last"] - cells[f"{name}_first"] > width)
    if size == 1 or len(wide) == 0:
        return cells
    smaller = FINE if size > FINE else 1
    ends = np.cumsum(cells["n"], dtype=np.int64)
    parts, done = [], 0
    for run in np.split(wide, group_starts(wide - np.arange(len(wide)))[1:]):
        begin, end = int(run[0]), int(run[-1]) + 1
        start = int(ends[begin - 1]) if begin else 0

        def inside(first: int, last: int, size: int, start: int = start) -> Cells:
            return finer(start + first, start + last, size)

        piece = inside(0, int(ends[end - 1]) - start, smaller)
        parts += [cells[done:begin], refine(piece, name, smaller, grid, inside)]
        done = end
    return join_cells([*parts, cells[done:]])
