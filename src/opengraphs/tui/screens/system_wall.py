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

METRIC = "metric|"
"""What the key of a metric's chart begins with."""


class _Slot:
    __slots__ = ("axis", "looks", "memo", "rows", "spec")

    def __init__(self, axis: AxisState) -> None:
        self.axis, self.memo = axis, chart.Memo()
        self.looks: tuple[Any, ...] | None = None
        self.rows: list[Row] = []
        self.spec: chart.ChartSpec | None = None


class SystemWall:
    """`placed`: (key, where it stands) of what is on the screen."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.placed: list[tuple[str, layout.Rect]] = []
        self._slots: dict[str, _Slot] = {}
        self._run: str | None = None
        self._shared = AxisState()

    @property
    def columns(self) -> int:
        """Dot columns of the widest picture."""
        return max((chart.dot_columns(rect.width, self.desk.glyphs) for _, rect in self.placed), default=1)

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
        self, title: str, slot: _Slot, curves: Sequence[chart.Curve], *, focused: bool
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
        slot = self._slots.setdefault(key, _Slot(AxisState()))
        data = [one for one in self.desk.system.metrics if one["metric"] == metric]
        looks = self._looks(key, rect, data, focused)
        if looks == slot.looks:
            return slot.rows
        curves = chart.curves_of(self._moved(data), metric=metric, colors=self.desk.graphs.colors)
        slot.spec = self._spec(metric, slot, curves, focused=key == focused)
        slot.looks, slot.rows = looks, chart.paint(slot.spec, rect.width, rect.height, self.desk.glyphs)
        return slot.rows

    def _moved(self, data: list[SeriesOut]) -> list[SeriesOut]:
        """The same curves on the axis in force."""
        if not self.zero:
            return data
        return [{**one, "x": [x - self.zero for x in one["x"]]} for one in data]

    def _panel(self, panel: Panel, rect: layout.Rect, focused: str | None) -> list[Row]:
        full = panel.full[0]
        axis = FilledAxis(full / panel.divide if full else None)
        slot = self._slots.setdefault(panel.key, _Slot(axis))
        figures = self.desk.system.figures
        data = [figures.get((panel.host, metric)) for metric in panel.metrics]
        looks = self._looks(panel.key, rect, data, focused)
        if looks == slot.looks:
            return slot.rows
        slot.looks = looks
        slot.rows = self._painted(panel, data, slot, rect, lit=panel.key == focused)
        return slot.rows

    def _painted(
        self, panel: Panel, data: Sequence[SeriesOut | None], slot: _Slot, rect: layout.Rect, *, lit: bool
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

    def forget_pictures(self) -> None:
        """Paint every chart again, with the axes it has."""
        for slot in self._slots.values():
            slot.looks = None

    def refit(self) -> None:
        for slot in self._slots.values():
            slot.axis.reset()

    def at(self, x: int, y: int) -> str | None:
        """What stands under a cell of the screen."""
        for key, rect in self.placed:
            if rect.has(x, y):
                return key
        return None

    def x_under(self, key: str, column: int) -> float | None:
        """Epoch seconds under a column of the screen, inside a picture."""
        for placed, rect in self.placed:
            spec = self._slots[placed].spec if placed == key else None
            if spec is not None:
                x = chart.x_at(spec, rect.width, rect.height, column - rect.x, self.desk.glyphs)
                return None if x is None else x + self.zero
        return None

    def read_out(self, direction: int, focused: str | None) -> float | None:
        """Where the cursor stands one cell further on in the focused picture, in epoch seconds."""
        cursor = self.desk.system.x.cursor
        for key, rect in self.placed:
            spec = self._slots[key].spec
            if key == focused and spec is not None:
                spec.cursor = None if cursor is None else cursor - self.zero
                x = chart.move_cursor(spec, rect.width, rect.height, direction, self.desk.glyphs)
                return None if x is None else x + self.zero
        return None

    def xs(self, focused: str | None) -> Sequence[float]:
        """Where the focused picture has points, in epoch seconds."""
        spec = self._slots[focused].spec if focused in self._slots else None
        longest = max((curve.x for curve in spec.curves), key=len, default=()) if spec else ()
        return [x + self.zero for x in longest]
