"""The Alerts screen: what fired in any run, how it stands, and what it saw drawn on the curve."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from opengraphs.errors import OgError
from opengraphs.protocol.chat import Attachment
from opengraphs.protocol.events import Event
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import alerts as painter
from opengraphs.tui.painters import arrange, chart, frame
from opengraphs.tui.painters.axis import AxisState
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.painters.layout import Rect
from opengraphs.tui.questions import Question, RunQuestion, SeriesQuestion
from opengraphs.tui.screens.alerts_state import AckRequest, AlertsQuestion, AlertsState
from opengraphs.tui.screens.base import Asker, Handler
from opengraphs.tui.screens.compose import Block, compose
from opengraphs.tui.screens.list_and_detail import ListAndDetail, Split

CHART_HEIGHT = 9
EMPTY = (
    "No run of this store has an alert.",
    'run.alert("loss is flat", "no progress for 100 steps", level="warn") in a script raises one.',
)


class AlertsView(ListAndDetail):
    name: ClassVar[ScreenName] = "alerts"
    own_slots: ClassVar[tuple[str, ...]] = ("alerts", "alerts.ack", "alerts.run", "alerts.curve")
    slots: ClassVar[tuple[str, ...]] = ("run", "runs", *own_slots)

    split: ClassVar[Split] = Split(
        side_width=100, percent=50, list_width=96, stacked_height=30, list_height=6
    )
    state: AlertsState

    def __init__(self, desk: Desk, live: Asker) -> None:
        self.state = AlertsState()
        super().__init__(desk, live)
        self._axis = AxisState()
        self._metrics: dict[str, str] = {}
        """By run: the metric that alerts without one are drawn on, "" for a run without any."""
        self._curve: tuple[SeriesQuestion, Mapping[str, Any]] | None = None
        self._curve_trouble = ""

    def make_handlers(self) -> dict[str, Handler]:
        state = self.state
        return {
            "alerts.up": lambda: self._vertical(-1),
            "alerts.down": lambda: self._vertical(1),
            "alerts.page_up": lambda: self._vertical(-self._room),
            "alerts.page_down": lambda: self._vertical(self._room),
            "alerts.first": lambda: self._vertical(-1 << 30),
            "alerts.last": lambda: self._vertical(1 << 30),
            "alerts.open": self._open,
            "alerts.ack": self._acknowledge,
            "alerts.status": lambda: self.desk.say(f"shown: {state.next_status() or 'all'}"),
            "alerts.filter": self._open_filter,
            "alerts.sort": lambda: self.desk.say(f"sorted by {state.next_sort()}"),
            "alerts.reverse": state.reverse,
            "panel.next": self._switch_panel,
            "panel.previous": self._switch_panel,
        }

    # Painting

    def paint(self, width: int, height: int) -> list[Row]:
        state = self.state
        self._arrange(Rect(0, 1, width, max(0, height - 2)))
        state.resize(self._list.height - 3)
        blocks: list[Block] = [
            (Rect(0, 0, width, 1), self._heading(width)),
            (Rect(0, height - 1, width, 1), self._last_row(width)),
        ]
        if not state.total and not state.filter and not state.status:
            blocks.append((Rect(0, 1, width, height - 2), self._why(width, height - 2)))
            return compose(width, height, blocks)
        if self._list.height:
            blocks.append((self._list, self._paint_list(self._list)))
        if self._detail.height:
            blocks += self._paint_detail(self._detail)
        return compose(width, height, blocks)

    def _heading(self, width: int) -> list[Row]:
        counts = self.state.counts
        parts = [
            f"{counts[status]} {status}"
            for status in ("firing", "acknowledged", "resolved")
            if counts.get(status)
        ]
        note = ", ".join(parts)
        return self.keep(
            "heading",
            (width, note),
            lambda: [frame.header(width, self.desk.glyphs, active=self.name, note=note)],
        )

    def _last_row(self, width: int) -> list[Row]:
        state = self.state
        if self.edit is not None:
            note = f"{state.total} alert{'' if state.total == 1 else 's'}" if state.fresh else "asking ogd…"
            wrong = state.fresh and not state.total
            return [self.input_row(width, label="filter", at_rest=state.filter, note=note, wrong=wrong)]
        shown = self.desk.choices.source
        if state.unread:
            shown += f", {state.unread} runs to look at"
        return self.status(width, source=shown, mode="live")

    def _why(self, width: int, height: int) -> list[Row]:
        state = self.state
        said = (
            [state.trouble]
            if state.trouble
            else EMPTY
            if state.known and not state.unread
            else ["asking ogd…"]
        )
        return self._in_the_middle(said, width, height)

    def _paint_list(self, rect: Rect) -> list[Row]:
        state, glyphs = self.state, self.desk.glyphs
        inner, now = rect.width - 2, self.desk.clock()
        content = [painter.heading(inner, state.sort, glyphs)]
        for at in range(state.top, min(state.total, state.top + state.height)):
            content.append(painter.line(state.rows.get(at), inner, glyphs, now=now, lit=at == state.cursor))
        if not state.total:
            content = [
                [(" asking ogd…" if not state.fresh else f" no {state.status or 'such'} alert", "dim")]
            ]
        return frame.box(
            content,
            rect.width,
            rect.height,
            glyphs,
            title="alerts"
            + (f" {state.status}" if state.status else "")
            + (f" / {state.filter}" if state.filter else ""),
            right=f"{state.cursor + 1}/{state.total}" if state.total > state.height else "",
            focused=state.panel == "list",
        )

    def _paint_detail(self, rect: Rect) -> list[Block]:
        """What the alert says, and below it the curve it is about where there is room for one."""
        alert, glyphs = self.state.current(), self.desk.glyphs
        if alert is None:
            box = frame.box([[(" asking ogd…", "dim")]], rect.width, rect.height, glyphs, title="alert")
            return [(rect, box)]
        rows = painter.read(alert, rect.width - 2, glyphs)
        drawn = painter.window(alert) is not None and rect.height >= CHART_HEIGHT + 5
        most = rect.height - CHART_HEIGHT if drawn else rect.height
        height = min(most, max(rect.height * 2 // 5, min(len(rows) + 2, most))) if drawn else rect.height
        room = max(1, height - 2)
        self.state.scroll = max(0, min(self.state.scroll, len(rows) - room))
        last = min(len(rows), self.state.scroll + room)
        text = frame.box(
            rows[self.state.scroll : last],
            rect.width,
            height,
            glyphs,
            title="alert",
            right=f"{last}/{len(rows)}" if len(rows) > room else "",
            focused=self.state.panel == "detail",
        )
        blocks: list[Block] = [(Rect(rect.x, rect.y, rect.width, height), text)]
        if drawn:
            below = Rect(rect.x, rect.y + height, rect.width, rect.height - height)
            blocks.append((below, self._paint_curve(alert, below)))
        return blocks

    def _paint_curve(self, alert: Mapping[str, Any], rect: Rect) -> list[Row]:
        window = painter.window(alert)
        metric = self._metric_of(alert)
        known = self._curve if self._curve is not None and self._curve[0] == self._curve_question() else None
        looks = (alert["id"], alert["status"], rect, id(known), self._curve_trouble, metric)
        return self.keep("curve", looks, lambda: self._draw(alert, metric, window, known, rect))

    def _draw(
        self,
        alert: Mapping[str, Any],
        metric: str | None,
        window: tuple[float, float] | None,
        known: tuple[SeriesQuestion, Mapping[str, Any]] | None,
        rect: Rect,
    ) -> list[Row]:
        self._axis.reset()
        curves = (
            chart.curves_of(
                known[1]["series"],
                metric=metric or "",
                colors={alert["run_id"]: 0},
                labels={alert["run_id"]: str(alert["run"])},
            )
            if known
            else []
        )
        if curves and window:
            curves = [*curves, *painter.lines(alert, window)]
        message = self._curve_trouble or (
            "the run has no metric" if metric == "" else "asking ogd…" if not known else "no points there"
        )
        spec = chart.ChartSpec(
            metric or "curve",
            curves,
            x_range=window,
            live=False,
            axis=self._axis,
            marks=painter.marks(alert),
            message=message,
        )
        return chart.paint(spec, rect.width, rect.height, self.desk.glyphs)

    # The data layer

    def _metric_of(self, alert: Mapping[str, Any]) -> str | None:
        """The metric an alert is drawn on; None while that is not known."""
        return alert.get("metric") or self._metrics.get(alert["run_id"])

    def _curve_question(self) -> SeriesQuestion | None:
        alert = self.state.current()
        window = painter.window(alert) if alert is not None else None
        if alert is None or window is None:
            return None
        metric = self._metric_of(alert)
        if not metric:
            return None
        columns = max(10, self._detail.width - 8)
        return SeriesQuestion((alert["run_id"],), (metric,), "step", window, columns, (), slot="alerts.curve")

    def wants(self) -> list[Question]:
        alert = self.state.current()
        found: list[Question] = [*self.run_in_view(), self.state.question()]
        if alert is not None and not alert.get("metric") and alert["run_id"] not in self._metrics:
            found.append(RunQuestion(alert["run_id"], slot="alerts.run"))
        question = self._curve_question() if self._detail.height else None
        return [*found, question] if question is not None else found

    def take(self, question: Question, reply: Mapping[str, Any]) -> None:
        if isinstance(question, AlertsQuestion):
            self.state.take(question, reply)
            if self.state.unread:
                self.live.touch("alerts")
        elif isinstance(question, RunQuestion):
            metrics = arrange.metrics(reply.get("metrics", ()))
            self._metrics[question.run] = metrics[0] if metrics else ""
        elif isinstance(question, SeriesQuestion):
            self._curve, self._curve_trouble = (question, reply), ""
        elif isinstance(question, AckRequest):
            self.desk.say(f"acknowledged: {painter.title_of(reply['alert'])}", "ok")
            self.live.touch("alerts")

    def fail(self, question: Question, error: OgError) -> bool:
        if isinstance(question, AlertsQuestion):
            self.state.trouble = error.message
        elif isinstance(question, SeriesQuestion):
            self._curve_trouble = error.message
            return True
        return False

    def stale(self, event: Event) -> Iterable[str]:
        kind = event.get("kind")
        if kind in ("events", "gone", "run", "resync"):
            return ("alerts",)
        alert = self.state.current()
        return (
            ("alerts.curve",) if kind == "metrics" and alert and event.get("run") == alert["run_id"] else ()
        )

    def table(self) -> list[list[Any]]:
        """The alerts of the list."""
        names = ("fired_at", "status", "level", "run", "title", "metric", "detector", "onset_step", "step")
        rows = [self.state.rows[at] for at in sorted(self.state.rows)]
        return [list(names), *([alert.get(name) for name in names] for alert in rows)] if rows else []

    def hint_actions(self) -> Sequence[str]:
        alert = self.state.current()
        if alert is None:
            return ["help", "alerts.filter", "alerts.status", "back", "leave"]
        ack = ["alerts.ack"] if alert["status"] == "firing" else []
        one_panel = not self._list.height or not self._detail.height
        read = ["panel.next"] if one_panel else []
        return ["help", "alerts.filter", "alerts.open", *read, *ack, "alerts.status", "alerts.sort", "leave"]

    # Actions

    @property
    def _room(self) -> int:
        return max(1, (self._detail.height if self.state.panel == "detail" else self._list.height) - 4)

    def _vertical(self, step: int) -> None:
        state = self.state
        if state.panel == "detail":
            state.scroll += step
        else:
            state.go_to(state.cursor + step)

    def _open(self) -> None:
        """To Graphs, where it happened."""
        alert = self.state.current()
        if alert is None:
            return
        desk, graphs = self.desk, self.desk.graphs
        desk.open_run(alert["run_id"])
        graphs.x.set_kind("step")
        if isinstance(alert.get("step"), int):
            graphs.x.cursor = float(alert["step"])
        graphs.focus = alert.get("metric") or graphs.focus
        desk.screen = "graphs"

    def attachment(self) -> Attachment | None:
        alert = self.state.current()
        if alert is None:
            return None
        return {
            "kind": "alert",
            "ref": str(alert["id"]),
            "run": str(alert["run_id"]),
            "text": painter.title_of(alert),
        }

    def _acknowledge(self) -> None:
        alert = self.state.current()
        if alert is None:
            return
        if alert["status"] == "firing":
            self.live.ask_once(AckRequest(alert["id"]))
        else:
            self.desk.say(f"already {alert['status']}")

    def back(self) -> bool:
        state = self.state
        if state.panel == "detail":
            state.panel = "list"
        elif state.filter:
            state.set_filter("")
        elif state.status:
            state.set_status("")
        else:
            return False
        return True
