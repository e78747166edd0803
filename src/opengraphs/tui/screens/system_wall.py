"""The pictures on the System screen: figures and metrics over one stretch of time, painted when they look different."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opengraphs.protocol.series import SeriesOut
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import chart, layout, strips
from opengraphs.tui.painters.axis import AxisState, FilledAxis
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.painters.devices import Panel
from opengraphs.tui.painters.numbers import to_float
from opengraphs.tui.screens.compose import Block
from opengraphs.tui.screens.wall import Placed, Slot, Wall

METRIC = "metric|"
"""What the key of a metric's chart begins with."""


class SystemWall(Wall):
    """`placed`: (key, where it stands) of what is on the screen."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._run: str | None = None
        self._shared = AxisState()

    def paint(
        self,
        metrics: Sequence[tuple[str, layout.Rect]],
        panels: Sequence[tuple[Panel, layout.Rect]],
        focused: str | None,
    ) -> list[Block]:
        """Charts of `metrics` and pictures of `panels`, each in its place."""
        state = self.desk.system
        if self._run != state.run:
            self._slots, self._run = {}, state.run
            self._shared.reset()
        keys = [METRIC + metric for metric, _ in metrics] + [panel.key for panel, _ in panels]
        rects = [rect for _, rect in (*metrics, *panels)]
        self.placed = list(zip(keys, rects, strict=True))
        blocks: list[Block] = []
        for metric, rect in metrics:
            blocks.append((rect, self._metric(metric, rect, focused)))
        for panel, rect in panels:
            blocks.append((rect, self._panel(panel, rect, focused)))
        return blocks

    def window(self) -> tuple[float, float] | None:
        """The stretch of time that all pictures show, on the axis in force."""
        state = self.desk.system
        if state.x.view is None:
            return None
        low, high = state.x.view
        if state.x.zoom is None:
            low, high = self._shared.fit_x(low, high, live=self.desk.graphs.live)
        return low - self.zero, high - self.zero

    @property
    def zero(self) -> float:
        """Epoch seconds that count as 0 on the axis in force."""
        state = self.desk.system
        return state.x.domain[0] if state.x.kind == "relative" and state.x.domain else 0.0

    def _looks(self, key: str, rect: layout.Rect, data: object, focused: str | None) -> tuple[Any, ...]:
        x = self.desk.system.x
        alive = self.desk.link.alive
        return (rect, data, x.kind, self.window(), x.cursor, key == focused, self.desk.graphs.live, alive)

    def _spec(
        self, title: str, slot: Slot, curves: Sequence[chart.Curve], *, focused: bool
    ) -> chart.ChartSpec:
        x = self.desk.system.x
        cursor = None if x.cursor is None else x.cursor - self.zero
        return chart.ChartSpec(
            title,
            curves,
            x_kind=x.kind,
            x_range=self.window(),
            live=self.desk.graphs.live and x.zoom is not None,
            axis=slot.axis,
            memo=slot.memo,
            cursor=cursor,
            focused=focused,
            message="asking ogd…" if self.desk.link.alive else "waiting for ogd…",
        )

    def _metric(self, metric: str, rect: layout.Rect, focused: str | None) -> list[Row]:
        key = METRIC + metric
        slot = self._slots.setdefault(key, Slot(AxisState()))
        data = [one for one in self.desk.system.metrics if one["metric"] == metric]
        looks = self._looks(key, rect, data, focused)
        if looks == slot.looks:
            return slot.rows
        curves = chart.curves_of(self._shifted(data), metric=metric, colors=self.desk.graphs.colors)
        slot.spec = self._spec(metric, slot, curves, focused=key == focused)
        slot.looks, slot.rows = looks, chart.paint(slot.spec, rect.width, rect.height, self.desk.glyphs)
        return slot.rows

    def _shifted(self, data: list[SeriesOut]) -> list[SeriesOut]:
        """The same curves on the axis in force."""
        if not self.zero:
            return data
        return [{**one, "x": [x - self.zero for x in one["x"]]} for one in data]

    def _panel(self, panel: Panel, rect: layout.Rect, focused: str | None) -> list[Row]:
        full = panel.full[0]
        axis = FilledAxis(full / panel.divide if full else None)
        slot = self._slots.setdefault(panel.key, Slot(axis))
        figures = self.desk.system.figures
        data = [figures.get((panel.host, metric)) for metric in panel.metrics]
        looks = self._looks(panel.key, rect, data, focused)
        if looks == slot.looks:
            return slot.rows
        slot.looks = looks
        slot.rows = self._painted(panel, data, slot, rect, lit=panel.key == focused)
        return slot.rows

    def _painted(
        self, panel: Panel, data: Sequence[SeriesOut | None], slot: Slot, rect: layout.Rect, *, lit: bool
    ) -> list[Row]:
        glyphs = self.desk.glyphs
        host = f"{panel.host}: " if self.desk.system.several_hosts else ""
        points = [
            ([x - self.zero for x in one["x"]], [to_float(y) / panel.divide for y in one["y"]])
            if one
            else ([], [])
            for one in data
        ]
        curves = [
            chart.Curve(x, y, series=index, label=label)
            for index, ((x, y), label) in enumerate(zip(points, panel.labels, strict=True))
        ]
        slot.spec = self._spec(host + panel.title, slot, curves, focused=lit)
        if not panel.strips:
            return chart.paint(slot.spec, rect.width, rect.height, glyphs)
        rows = [
            strips.Strip(label, x, y, None if full is None else full / panel.divide)
            for label, (x, y), full in zip(panel.labels, points, panel.full, strict=True)
        ]
        return strips.paint(
            rows, rect.width, rect.height, glyphs, spec=slot.spec, lowest="util" in panel.title
        )

    # For keys and the mouse

    def x_under(self, placed: Placed, column: int) -> float | None:
        """Epoch seconds under a column of the screen, inside a picture."""
        x = super().x_under(placed, column)
        return None if x is None else x + self.zero

    def read_out(self, direction: int, focused: str | None) -> float | None:
        """Where the cursor stands one cell further on in the focused picture, in epoch seconds."""
        cursor = self.desk.system.x.cursor
        x = self._moved(focused, None if cursor is None else cursor - self.zero, direction)
        return None if x is None else x + self.zero

    def xs(self, focused: str | None) -> Sequence[float]:
        """Where the focused picture has points, in epoch seconds."""
        return [x + self.zero for x in self._longest(focused)]
