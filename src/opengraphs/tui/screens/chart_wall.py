"""The charts on the Graphs screen: each painted from its last answer, again only when it looks different.

Painting is bounded in time. After a key the focused chart comes first; charts there was no time for
stay as they were, `behind` says so, and the next picture goes on with them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from opengraphs.tui.model import Desk
from opengraphs.tui.painters import chart, family, layout
from opengraphs.tui.painters.axis import AxisState
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.painters.numbers import percent
from opengraphs.tui.screens.compose import Block
from opengraphs.tui.screens.group_bands import GroupBands
from opengraphs.tui.screens.run_marks import RunMarks
from opengraphs.tui.screens.wall import Placed, Slot, Wall

HURRIED_S, UNHURRIED_S = 0.001, 0.012
"""Charts are painted for about this long after a key and otherwise."""


class ChartWall(Wall):
    """`placed` is what stands on the screen; `lit` is whether the chart cursor is shown.

    selection: the stretch of x that the mouse is marking.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.marks = RunMarks(desk.graphs)
        self.groups = GroupBands(desk.graphs)
        self.selection: tuple[float, float] | None = None
        self.behind = False
        self.lit = True
        self._run: str | None = None

    @property
    def metrics(self) -> list[str]:
        return [metric for metric, _ in self.placed]

    def paint(self, metrics: Sequence[str], places: Sequence[layout.Rect], *, hurry: bool) -> list[Block]:
        """Charts for `metrics` in `places`, those of the last picture where time runs out."""
        state = self.desk.graphs
        if self._run != state.run_id:
            self._slots, self._run = {}, state.run_id
        self.placed = list(zip(metrics, places, strict=False))
        self.behind = False
        until = time.perf_counter() + (HURRIED_S if hurry else UNHURRIED_S)
        focused = state.focused()
        order = sorted(self.placed, key=lambda placed: placed[0] != focused)
        return [(rect, self._chart(metric, rect, until)) for metric, rect in order]

    def _chart(self, metric: str, rect: layout.Rect, until: float) -> list[Row]:
        slot = self._slots.setdefault(metric, Slot(AxisState()))
        looks = self._looks(metric, rect)
        if looks == slot.looks:
            return slot.rows
        if slot.looks is not None:
            if slot.looks[:2] == looks[:2] and time.perf_counter() > until:
                self.behind = True
                return slot.rows
            if slot.looks[2] != looks[2]:
                slot.fits = False
        if not slot.fits:
            slot.axis.reset()
            slot.fits = self.desk.graphs.answers_view(metric)
        slot.looks, slot.spec = looks, self._spec(metric, slot)
        slot.rows = chart.paint(slot.spec, rect.width, rect.height, self.desk.glyphs)
        return slot.rows

    def _looks(self, metric: str, rect: layout.Rect) -> tuple[Any, ...]:
        """Everything a chart's picture depends on; size and x axis stand in front."""
        state = self.desk.graphs
        curves = state.curves.get(metric)
        return (
            rect.width,
            rect.height,
            state.curves_x,
            curves.version if curves else 0,
            state.x.zoom,
            self._cursor(metric),
            metric in state.log_y,
            self._is_lit(metric),
            state.live,
            self._message(metric),
            state.runs_shown(),
            state.unread,
            self.marks.version,
            state.origin_s,
            self.groups.version,
            self.selection,
        )

    def _cursor(self, metric: str) -> float | None:
        """Where the read-out cursor stands in a chart: in all of them when they are linked."""
        state = self.desk.graphs
        return state.x.cursor if state.linked or metric == state.focused() else None

    def _is_lit(self, metric: str) -> bool:
        return self.lit and metric == self.desk.graphs.focused()

    def _spec(self, metric: str, slot: Slot) -> chart.ChartSpec:
        state = self.desk.graphs
        curves, bands = self.groups.drawn(metric) if self.groups.by else self._drawn(metric)
        return chart.ChartSpec(
            metric,
            curves,
            bands=bands,
            x_kind=state.curves_x,
            x_range=state.x.zoom,
            log_y=metric in state.log_y,
            live=state.live,
            axis=slot.axis,
            memo=slot.memo,
            cursor=self._cursor(metric),
            marks=self.marks.marks(),
            selection=self.selection,
            focused=self._is_lit(metric),
            message=self._message(metric),
        )

    def _drawn(self, metric: str) -> tuple[list[chart.Curve], list[chart.Band]]:
        """The curves of every run, and what their ranks span."""
        state = self.desk.graphs
        found = state.curves.get(metric)
        if found is None:
            return [], []
        names = {**state.names, state.run_id or "": state.run.get("name") or state.run_id or ""}
        if family.is_of_families(found.series):
            return (
                family.curves_of(found.series, metric=metric, colors=state.colors, labels=names),
                family.family_bands(found.series, metric=metric, colors=state.colors),
            )
        return (
            chart.curves_of(
                found.series, metric=metric, colors=state.colors, labels=names, unread=state.unread
            ),
            chart.bands_of(found.series, metric=metric, colors=state.colors, unread=state.unread),
        )

    def _message(self, metric: str) -> str:
        """What stands in a chart without a curve."""
        state = self.desk.graphs
        if self.groups.by:
            return self.groups.message(metric)
        found = state.curves.get(metric)
        if found is None and self.desk.trouble:
            return self.desk.trouble
        if found is None:
            return "asking ogd…" if self.desk.link.alive else "waiting for ogd…"
        if state.pending and not found.series:
            return f"reading {percent(1 - state.pending).strip()}"
        if metric in state.log_y:
            return "nothing above zero here"
        return "nothing in this range" if state.x.zoom else "no data yet"

    # For keys and the mouse

    def snapped(self, placed: Placed, column: int) -> float | None:
        """The x of the point nearest to a column of the screen."""
        x = self.x_under(placed, column)
        if x is None:
            return None
        xs = self._longest(placed[0])
        index = chart.nearest(xs, x)
        return None if index is None else xs[index]

    def cell_span(self, placed: Placed) -> float:
        """How much of x a cell of this chart holds; 0 while it shows nothing."""
        metric, rect = placed
        spec = self._spec_of(metric)
        return 0.0 if spec is None else chart.cell_span(spec, rect.width, rect.height)

    def inside(self, placed: Placed, column: int) -> float | None:
        """As `x_under`; beside the plot its nearest end."""
        rect = placed[1]
        columns = [c for c in range(rect.x, rect.x + rect.width) if self.x_under(placed, c) is not None]
        return self.x_under(placed, max(columns[0], min(columns[-1], column))) if columns else None

    def read_out(self, direction: int) -> float | None:
        """Where the read-out cursor stands one cell further on in the focused chart."""
        state = self.desk.graphs
        return self._moved(state.focused(), state.x.cursor, direction)
