"""Where points lie on an axis: at their step, their time, or the value of another metric.

Axes are named `step`, `time`, and `x` for the places of a `MetricAxis`.
"""

from __future__ import annotations

from typing import NamedTuple

from opengraphs.engine.cells import NO_CELLS, Cells, join_cells
from opengraphs.engine.derive import Derivation
from opengraphs.engine.metricaxis import MetricAxis, PlacedPoints
from opengraphs.engine.strip import Strip


def axis_rises(strip: Strip, axis: str) -> bool:
    """Whether places never fall in order of the strip's points."""
    if axis == "x":
        return isinstance(strip, MetricAxis) and strip.x_rises
    return strip.time_rises if axis == "time" else True


def read_placed(strip: Strip, axis: str, first: int, last: int) -> PlacedPoints:
    """Points of a strip and their places on an axis."""
    if isinstance(strip, MetricAxis) and axis == "x":
        return strip.read_placed(first, last)
    points = strip.read(first, last)
    return PlacedPoints(points, points.times if axis == "time" else points.steps)


def place_range(strip: Strip, axis: str, interval: tuple[float, float] | None) -> tuple[int, int]:
    """First point in an interval of places and the one behind its last; places rise."""
    if interval is None:
        return 0, strip.n
    first = strip.find(axis, interval[0])
    return first, max(first, strip.find(axis, interval[1], right=True))


class PlacedCells(NamedTuple):
    """Cells, and the same ones with places for times where the axis is a metric.

    placed, name: whose fields `name_first`, `name_last`, … are places on the axis.
    """

    cells: Cells
    placed: Cells
    name: str

    @classmethod
    def of(cls, strip: Strip, axis: str, first: int, last: int, size: int) -> PlacedCells:
        cells = strip.cells(first, last, size) if first < last else NO_CELLS
        if isinstance(strip, MetricAxis) and axis == "x":
            return cls(cells, strip.x_cells(first, last, size) if first < last else NO_CELLS, "time")
        return cls(cells, cells, "step" if axis == "step" else "time")

    def join(self, more: PlacedCells) -> PlacedCells:
        cells = join_cells((self.cells, more.cells))
        placed = cells if more.placed is more.cells else join_cells((self.placed, more.placed))
        return PlacedCells(cells, placed, more.name)

    def derived(self, wanted: Derivation, size: int, before: float) -> PlacedPoints:
        points = wanted.of_cells(self.cells, size, before)
        if self.placed is self.cells:
            return PlacedPoints(points, points.times if self.name == "time" else points.steps)
        if wanted.name == "best":
            return PlacedPoints(points, wanted.of_cells(self.placed, size, before).times)
        return PlacedPoints(points, self.placed["time_last"].copy())
