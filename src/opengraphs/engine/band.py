"""The extent of the single ranks, for a chart to fill: exact, from all points of all ranks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from opengraphs.engine import scan
from opengraphs.engine.answer import Question, thin_range
from opengraphs.engine.cells import group_starts
from opengraphs.engine.decimate import Grid
from opengraphs.engine.metricaxis import MetricAxis
from opengraphs.engine.places import axis_rises, place_range, read_placed
from opengraphs.engine.strip import Strip


def band(strips: Sequence[Strip], question: Question) -> dict[str, list[float]] | None:
    """Protocol `Band`: per column the lowest and highest finite value of any rank.

    Args:
        strips: one a rank.

    Returns:
        None below two ranks. A column in which no rank has a finite value is left out, so
        that a chart breaks the band there.
    """
    if len(strips) < 2:
        return None
    axis, interval = question.axis, question.interval
    if interval is None:
        ends = [found for strip in strips if (found := _extent(strip, axis)) is not None]
        if not ends:
            return {"x": [], "low": [], "high": []}
        interval = min(low for low, _ in ends), max(high for _, high in ends)
    grid = question.grid(*interval)
    thinned = [_thinned(strip, axis, interval, grid) for strip in strips]
    x, y = (np.concatenate(columns) for columns in zip(*thinned, strict=True))
    x, y = x[np.isfinite(y)].astype(np.float64), y[np.isfinite(y)]
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    starts = group_starts(grid.column_of(x))
    if len(starts) == 0:
        return {"x": [], "low": [], "high": []}
    return {
        "x": (x[starts] - question.shift).tolist(),
        "low": np.minimum.reduceat(y, starts).tolist(),
        "high": np.maximum.reduceat(y, starts).tolist(),
    }


def _extent(strip: Strip, axis: str) -> tuple[float, float] | None:
    if strip.n == 0:
        return None
    read = partial(read_placed, strip, axis)
    if not axis_rises(strip, axis):
        known = strip.x_span if isinstance(strip, MetricAxis) and axis == "x" else None
        return known or scan.places(read, strip.n, None)
    return float(read(0, 1).x[0]), float(read(strip.n - 1, strip.n).x[0])


def _thinned(strip: Strip, axis: str, interval: tuple[float, float], grid: Grid) -> tuple[Any, Any]:
    if axis_rises(strip, axis):
        return thin_range(strip, axis, *place_range(strip, axis, interval), grid)
    found = scan.scan(
        partial(read_placed, strip, axis), strip.n, interval, lambda _, __: grid, lambda _, last: last
    )
    return found.x, found.y
