"""The Graphs screen: a page of charts, statistics, the machine, the prompt line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from opengraphs.errors import OgError
from opengraphs.protocol.chat import Attachment
from opengraphs.protocol.events import Event
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import chart, layout, panels, sections
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.painters.screen import LEFT_TO_TELL, pace_of, source_or_reading
from opengraphs.tui.plugins import data_of
from opengraphs.tui.questions import (
    BandsQuestion,
    EventRequest,
    EventsQuestion,
    LogAtQuestion,
    Question,
)
from opengraphs.tui.screens import run_marks
from opengraphs.tui.screens.base import Asker, Drag, Handler
from opengraphs.tui.screens.chart_wall import ChartWall
from opengraphs.tui.screens.compose import Block, compose
from opengraphs.tui.screens.graphs_line import GraphsLine
from opengraphs.tui.screens.graphs_mouse import ChartMouse
from opengraphs.tui.screens.moment import Moment


class GraphsView(GraphsLine):
    name: ClassVar[ScreenName] = "graphs"
    slots: ClassVar[tuple[str, ...]] = (
        "run", "series", "system", "ranks", "panels", "runs", "logat", "events", "bands", "write",
    )  # fmt: skip
    own_slots: ClassVar[tuple[str, ...]] = ("logat", "events", "bands", "write")

    def __init__(self, desk: Desk, live: Asker) -> None:
        super().__init__(desk, live)
        self.wall = ChartWall(desk)
        self.moment = Moment(desk.graphs)
        self._mouse = ChartMouse(desk, self.wall, self._rescaled)
        self._panel_metrics: tuple[str, ...] = ()

    def make_handlers(self) -> dict[str, Handler]:
        state = self.desk.graphs
        return {
            "graphs.up": lambda: self._move_line(-1),
            "graphs.down": lambda: self._move_line(1),
            "graphs.next": lambda: self._move(1),
            "graphs.previous": lambda: self._move(-1),
            "graphs.page_up": lambda: self._turn(-1),
            "graphs.page_down": lambda: self._turn(1),
            "graphs.first": lambda: state.x.cursor_to_end(self._xs(), -1),
            "graphs.last": lambda: state.x.cursor_to_end(self._xs(), 1),
            "graphs.enlarge": self._enlarge,
            "graphs.search": lambda: self._open("search", state.search),
            "graphs.ask": lambda: self._open("ask", self.prompt_text),
            "graphs.log_y": self._log_y,
            "graphs.smooth": lambda: self.desk.say(state.cycle_smoothing()),
            "graphs.x_axis": self._x_axis,
            "graphs.x_metric": lambda: self._open("x axis", ""),
            "graphs.fold": self._fold,
            "graphs.link": self._link,
            "graphs.log_line": self._to_log_line,
            "graphs.group": lambda: self._open("group by", self.wall.groups.by),
            "graphs.note": self._begin_note,
            "graphs.tag": lambda: self._open("tag", ""),
            "graphs.ranks": self._ranks,
            "graphs.family": self._family,
            "graphs.cursor_left": lambda: self._read_out(-1),
            "graphs.cursor_right": lambda: self._read_out(1),
            "graphs.zoom_in": lambda: self._rescaled(state.x.zoom_in()),
            "graphs.zoom_out": lambda: self._rescaled(state.x.zoom_out()),
            "graphs.zoom_reset": lambda: self._rescaled(state.x.reset()),
            "graphs.pan_left": lambda: self._rescaled(state.x.pan(-1)),
            "graphs.pan_right": lambda: self._rescaled(state.x.pan(1)),
            "graphs.pause": self._pause,
            "graphs.compare": lambda: setattr(self.desk, "screen", "compare"),
            "panel.next": lambda: self._switch_panel(1),
            "panel.previous": lambda: self._switch_panel(-1),
        }

    def attachment(self) -> Attachment | None:
        """The chart under the cursor, with the stretch of x that is in view."""
        state = self.desk.graphs
        metric = state.focused()
        if not metric or not state.run_id:
            return None
        window = state.x.view
        text = f"x = {state.x.kind}" + (f", from {window[0]:g} to {window[1]:g} in view" if window else "")
        return {"kind": "metric", "ref": metric, "run": state.run_id, "text": text}

    # Painting

    def paint(self, width: int, height: int) -> list[Row]:
        desk = self.desk
        lay = self._lay = self._arrange(width, height)
        blocks: list[Block] = [
            (lay.header, self.header(width, note=desk.trouble or "no run in view")),
            (lay.status, self._status_rows(width, lay.prompt is None)),
        ]
        if lay.prompt:
            blocks.append((lay.prompt, [self._line_row(lay.prompt.width)]))
        self.wall.lit = self.panel != "prompt"
        blocks += self.wall.paint(self._on_page(), lay.grid.slots, hurry=self.hurry)
        self.behind, self.hurry = self.wall.behind, False
        blocks += self._heads(lay)
        if not self.wall.placed and not lay.grid.heads:
            blocks.append((lay.charts, self._empty(lay.charts)))
        if lay.stats:
            blocks.append((lay.stats, self._stats(lay.stats)))
        if lay.system:
            blocks.append((lay.system, self._system(lay.system)))
        blocks += self._panels(lay)
        return compose(width, height, blocks)

    def _panels(self, lay: layout.GraphsLayout) -> list[Block]:
        """The panels of plug-ins: asked for what they want, shown as they painted last."""
        state, host = self.desk.graphs, self.desk.panels
        self._panel_metrics = host.metrics(state.order) if lay.panels and state.run else ()
        version = (state.run_id, state.panels_version, state.run.get("status"))
        return [
            (
                rect,
                host.rows(
                    name,
                    rect.width,
                    rect.height,
                    self.desk.glyphs,
                    version=version,
                    data=lambda metrics: data_of(state.run, state.x.kind, state.panels, metrics),
                ),
            )
            for name, rect in zip(host.names, lay.panels, strict=False)
        ]

    def _heads(self, lay: layout.GraphsLayout) -> list[Block]:
        """The heads of sections; the one of a folded section can be under the chart cursor."""
        state = self.desk.graphs
        stops = state.stops() if lay.grid.heads else []
        lit = state.focused() if self.wall.lit else None
        return [
            (
                head.rect,
                [sections.paint_head(head, self.desk.glyphs, lit=head.folded and stops[head.stop] == lit)],
            )
            for head in lay.grid.heads
        ]

    def _arrange(self, width: int, height: int) -> layout.GraphsLayout:
        """The layout with the page that holds the chart cursor."""
        state = self.desk.graphs
        lay = self._layout(width, height)
        if state.enlarged:
            return lay
        if state.settle(headed=bool(lay.grid.heads), columns=lay.grid.columns):
            lay = self._layout(width, height)
        state.follow_focus(starts=lay.grid.starts)
        return lay if lay.grid.page == state.page else self._layout(width, height)

    def _layout(self, width: int, height: int) -> layout.GraphsLayout:
        state, minimal = self.desk.graphs, self.desk.choices.minimal
        panels = len(self.desk.panels.names)
        if state.enlarged:
            return layout.graphs(width, height, 1, panels=panels, minimal=minimal)
        found = [(name, len(keys), state.is_folded(name)) for name, keys in state.sections()]
        return layout.graphs(
            width,
            height,
            len(state.shown()),
            page=state.page,
            panels=panels,
            minimal=minimal,
            sections=found,
        )

    def _on_page(self) -> Sequence[str]:
        state = self.desk.graphs
        focused = state.focused()
        if state.enlarged and focused is not None:
            return [focused]
        stops = state.stops()
        return [stops[place] for place in self._lay.grid.places]

    def _empty(self, rect: layout.Rect) -> list[Row]:
        """The picture area when there is no chart at all: one calm message."""
        spec = chart.ChartSpec(self._empty_title(), message=self._empty_message())
        return chart.paint(spec, rect.width, rect.height, self.desk.glyphs)

    def _empty_title(self) -> str:
        return "metrics" if self.desk.graphs.run else "graphs"

    def _empty_message(self) -> str:
        desk, state = self.desk, self.desk.graphs
        if desk.trouble:
            return desk.trouble
        if state.ref is None:
            return "no runs yet" if desk.runs.known else "asking ogd…"
        if not state.run:
            return "asking ogd…" if desk.link.alive else "waiting for ogd…"
        if state.order:
            return f"no metric fits {state.search!r}" if state.search else "no metric passes the filter"
        return "no metrics logged yet" if state.live else "this run logged no metrics"

    def forget_pictures(self) -> None:
        super().forget_pictures()
        self.wall.forget_pictures()

    def _stats(self, rect: layout.Rect) -> list[Row]:
        state = self.desk.graphs
        metrics = self.wall.metrics
        versions = [state.curves[metric].version if metric in state.curves else 0 for metric in metrics]
        series = [raw for metric in metrics if (raw := state.raw(metric)) is not None]
        ranks = state.run.get("ranks_seen", [])
        pace = pace_of(state.run, state.header_progress(eta=True))
        return self.keep(
            "stats",
            (rect, state.run_id, metrics, versions, state.focused(), ranks if len(ranks) > 1 else (), pace),
            lambda: panels.paint_stats(
                series,
                rect.width,
                rect.height,
                self.desk.glyphs,
                colors=state.colors,
                focused=state.focused(),
                ranks=ranks,
                steps_per_s=pace,
            ),
        )

    def _system(self, rect: layout.Rect) -> list[Row]:
        state = self.desk.graphs
        return self.keep(
            "system",
            (rect, state.run_id, state.system_version),
            lambda: panels.paint_system(
                state.system_latest(),
                rect.width,
                rect.height,
                self.desk.glyphs,
                history=state.system_history(),
                host=state.hosts[0] if state.hosts else "",
            ),
        )

    # The status line

    def _status_rows(self, width: int, no_prompt: bool) -> list[Row]:
        """The status line; where there is no prompt row, it lends its place to what is typed."""
        if no_prompt and self.edit is not None:
            return [self._line_row(width)]
        return self.status(width, source=self._source(), mode=self._mode())

    def _source(self) -> str:
        state = self.desk.graphs
        if not state.run:
            return self.desk.choices.source
        pages = (
            f" {self.desk.glyphs.separator} page {state.page + 1}/{self._lay.grid.pages}"
            if self._many_pages
            else ""
        )
        source = source_or_reading(state.run, state.pending)
        source = source + pages if state.pending < LEFT_TO_TELL else source
        return f"{self.wall.groups.summary()}" if self.wall.groups.by else source

    @property
    def _many_pages(self) -> bool:
        return not self.desk.graphs.enlarged and self._lay.grid.pages > 1

    def _mode(self) -> str:
        state = self.desk.graphs
        if not state.run:
            return "connecting"
        if self.desk.paused:
            return "paused"
        return "live" if state.live else "ended"

    def hint_actions(self) -> Sequence[str]:
        state = self.desk.graphs
        if state.enlarged:
            return [
                "help",
                "back",
                "graphs.zoom_in",
                "graphs.log_y",
                "graphs.smooth",
                "graphs.x_axis",
                "leave",
            ]
        if self.wall.groups.by:
            return [
                "help",
                "back",
                "graphs.group",
                "graphs.enlarge",
                "graphs.smooth",
                "graphs.x_axis",
                "leave",
            ]
        if state.x.cursor is not None:
            log = ["graphs.log_line"] if self.moment.line is not None else []
            return ["help", "back", *log, "graphs.note", "graphs.zoom_in", "graphs.enlarge", "leave"]
        if state.on_folded_head():
            return ["help", "graphs.fold", "graphs.search", "leave"]
        page = ["graphs.page_down"] if self._many_pages else []
        pause = ["graphs.pause"] if state.live else []
        some = ["graphs.enlarge", *page, "graphs.smooth", *pause] if self.wall.placed else []
        return ["help", "graphs.search", *some, "graphs.ask", "leave"]

    # Questions

    def wants(self) -> list[Question]:
        state = self.desk.graphs
        if state.ref is None:
            return [self.desk.runs.question()]
        questions: list[Question | None] = [state.run_question()]
        if state.run:
            questions.append(state.series_question(self.wall.metrics, self.wall.columns))
            questions.append(state.system_question() if self._lay.system else None)
            questions.append(state.ranks_question() if self._lay.stats else None)
            columns = max((2 * rect.width for rect in self._lay.panels), default=1)
            questions.append(state.panels_question(self._panel_metrics, columns))
            questions.append(self.wall.marks.question())
            questions.append(self.moment.question())
            questions.append(self.wall.groups.question(self.wall.metrics, self.wall.columns // 2))
        return [question for question in questions if question is not None]

    def take(self, question: Question, reply: Mapping[str, Any]) -> None:
        if isinstance(question, LogAtQuestion):
            self.moment.take(question, reply)
        elif isinstance(question, EventsQuestion):
            self.wall.marks.take(question, reply)
        elif isinstance(question, BandsQuestion):
            self.wall.groups.take(question, reply)
        elif isinstance(question, EventRequest):
            self.desk.say(_WRITTEN[dict(question.fields)["kind"]], "ok")
            self.live.ask_once(EventsQuestion(question.run, run_marks.MOST))

    def fail(self, question: Question, error: OgError) -> bool:
        """A log without times, or none: the line under the grid goes without it."""
        if isinstance(question, LogAtQuestion):
            self.moment.fail()
            return True
        if isinstance(question, BandsQuestion):
            self.wall.groups.fail(error.message)
            return True
        return False

    def stale(self, event: Event) -> Iterable[str]:
        kind, state = event.get("kind"), self.desk.graphs
        if kind == "metrics" and self.wall.groups.by:
            return ("bands",)
        return ("events",) if kind in ("events", "alert") and event.get("run") == state.run_id else ()

    def saved(self) -> dict[str, Any]:
        return {**self.desk.graphs.saved(), "group": self.wall.groups.by}

    def restore(self, saved: Mapping[str, Any]) -> None:
        self.desk.graphs.restore(saved)
        if isinstance(saved.get("group"), str):
            self.wall.groups.set_by(saved["group"])
        self.wall.refit()

    # Actions

    def _move_line(self, step: int) -> None:
        if self.desk.graphs.enlarged or self.panel == "stats":
            self._move(step)
        else:
            self.desk.graphs.move_line(step, self._lay.grid.lines)

    def _move(self, step: int) -> None:
        self.desk.graphs.move_focus(step)

    def _turn(self, step: int) -> None:
        if self.desk.graphs.enlarged:
            self._move(step)
        else:
            self.desk.graphs.turn_page(step, starts=self._lay.grid.starts)

    def _enlarge(self) -> None:
        state = self.desk.graphs
        if state.on_folded_head():
            self._fold()
        else:
            state.enlarged = not state.enlarged and state.focused() is not None

    def _fold(self) -> None:
        said = self.desk.graphs.toggle_fold()
        if said:
            self.desk.say(said)

    def _link(self) -> None:
        state = self.desk.graphs
        state.linked = not state.linked
        self.desk.say("read-out in every chart" if state.linked else "read-out in the focused chart only")

    def _to_log_line(self) -> None:
        """Logs, with the line of the read-out in the middle."""
        line, logs = self.moment.line, self.desk.logs
        if line is None or self.desk.graphs.run_id is None:
            self.desk.say(
                "no log line is known of this moment"
                if self.desk.graphs.x.cursor is not None
                else "set the read-out first: arrow keys or a click"
            )
            return
        logs.view_run(self.desk.graphs.run_id)
        logs.set_only("")
        logs.go_to_line(line)
        self.desk.screen = "logs"

    def _log_y(self) -> None:
        said = self.desk.graphs.toggle_log_y()
        if said:
            self.desk.say(said)

    def _ranks(self) -> None:
        self.desk.say(self.desk.graphs.cycle_ranks())
        self.wall.refit()

    def _family(self) -> None:
        self.desk.say(self.desk.graphs.toggle_family())
        self.wall.refit()

    def _x_axis(self) -> None:
        self.desk.graphs.x.cycle()
        self.desk.say(f"x: {self.desk.graphs.x.text}")

    def _rescaled(self, changed: bool) -> None:
        if changed:
            self.wall.refit()

    def _read_out(self, direction: int) -> None:
        at = self.wall.read_out(direction)
        if at is not None:
            self.desk.graphs.x.cursor = at

    def _xs(self) -> Sequence[float]:
        raw = self.desk.graphs.raw(self.desk.graphs.focused())
        return raw["x"] if raw else ()

    def _pause(self) -> None:
        desk = self.desk
        if not desk.graphs.live and not desk.paused:
            desk.say("the run has ended; nothing to pause")
            return
        desk.paused = not desk.paused
        self.live.pause(desk.paused)

    def back(self) -> bool:
        state = self.desk.graphs
        if state.x.cursor is not None:
            state.x.cursor = None
        elif state.enlarged:
            state.enlarged = False
        elif self.wall.groups.by:
            self._set_group("")
        elif state.search:
            state.set_search("")
        elif state.x.zoom is not None:
            self._rescaled(state.x.reset())
        elif self.panel != "charts":
            self.panel = "charts"
        else:
            self.desk.screen = "runs"
        return True

    # Mouse

    def click(self, x: int, y: int) -> None:
        """On a title: that chart, and enlarge it when it was that already. In a chart: the read-out."""
        prompt = self._lay.prompt
        if prompt and y == prompt.y:
            self._open("ask", self.prompt_text)
            return
        for head in self._lay.grid.heads:
            if y == head.rect.y and head.rect.x <= x < head.rect.x + head.rect.width:
                self.desk.graphs.toggle_fold(head.name)
                return
        found = self.wall.at(x, y)
        if found is None:
            return
        self._leave_prompt()
        state = self.desk.graphs
        self._mouse.press()
        if y == found[1].y and state.focused() == found[0]:
            self._enlarge()
        elif y != found[1].y:
            self._mouse.read_out(found, x)
        state.focus = found[0]

    def drag(self, drag: Drag) -> None:
        self._mouse.drag(drag)

    def wheel(self, x: int, y: int, direction: int) -> None:
        self._mouse.wheel(x, y, direction)


_WRITTEN = {"note": "note written", "tag": "tagged", "untag": "tag taken off"}
