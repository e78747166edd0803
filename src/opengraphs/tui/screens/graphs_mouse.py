"""The mouse in the charts of Graphs: reading out, marking a stretch to zoom to, panning, zooming with the wheel."""

from __future__ import annotations

from collections.abc import Callable

from opengraphs.tui.model import Desk
from opengraphs.tui.painters import chart
from opengraphs.tui.screens.base import Drag
from opengraphs.tui.screens.chart_wall import ChartWall
from opengraphs.tui.screens.wall import Placed

WHEEL_ZOOM = 0.8


class ChartMouse:
    """`rescaled` is told whether another stretch of x is shown. A drag remembers what it began with: the view it
    moves, and the read-out cursor of before its click."""

    def __init__(self, desk: Desk, wall: ChartWall, rescaled: Callable[[bool], object]) -> None:
        self.desk = desk
        self.wall = wall
        self._rescaled = rescaled
        self._grabbed: tuple[float, float] | None = None
        self._before: float | None = None

    def press(self) -> None:
        """A button went down in a chart; what the cursor reads now comes back when that begins a drag."""
        self._before = self.desk.graphs.x.cursor

    def read_out(self, found: Placed, column: int) -> None:
        at = self.wall.snapped(found, column)
        if at is not None:
            self.desk.graphs.x.cursor = at

    def drag(self, drag: Drag) -> None:
        """Left marks a stretch to zoom to; right, or shift with left, pans; right without a move reads out."""
        found = self.wall.at(*drag.start)
        if found is None:
            return
        if drag.button == 3 or "shift" in drag.modifiers:
            self._drag_view(found, drag)
        elif drag.button == 1:
            self._drag_selection(found, drag)
        if drag.done:
            self._grabbed = None

    def _drag_selection(self, found: Placed, drag: Drag) -> None:
        state = self.desk.graphs
        state.x.cursor = self._before
        start, end = self.wall.inside(found, drag.start[0]), self.wall.inside(found, drag.at[0])
        self.wall.selection = None
        if start is None or end is None or drag.start[0] == drag.at[0]:
            return
        marked = (min(start, end), max(start, end))
        if not drag.done:
            self.wall.selection = marked
        elif abs(drag.at[0] - drag.start[0]) > 1:
            self._rescaled(state.x.show(*marked))

    def _drag_view(self, found: Placed, drag: Drag) -> None:
        state = self.desk.graphs
        if drag.button == 3 and drag.start == drag.at:
            if drag.done or self._grabbed is None:
                self.read_out(found, drag.at[0])
                state.focus = found[0]
            self._grabbed = state.x.zoom
            return
        if drag.button == 1:
            state.x.cursor = self._before
        if self._grabbed is None:
            self._grabbed = state.x.zoom
        if self._grabbed is None:
            return
        low, high = self._grabbed
        columns = max(1, chart.dot_columns(found[1].width, self.desk.glyphs) // self.desk.glyphs.dots[0])
        shift = (drag.start[0] - drag.at[0]) * (high - low) / columns
        self._rescaled(state.x.show(low + shift, high + shift))

    def wheel(self, x: int, y: int, direction: int) -> None:
        found = self.wall.at(x, y)
        if found is None:
            return
        factor = WHEEL_ZOOM if direction < 0 else 1 / WHEEL_ZOOM
        self._rescaled(self.desk.graphs.x.scale(factor, about=self.wall.x_under(found, x)))
