"""The Graphs screen: a page of charts, statistics, the machine, the prompt line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import chart, frame, layout, panels
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.painters.screen import LEFT_TO_TELL, source_or_reading
from opengraphs.tui.plugins import data_of
from opengraphs.tui.questions import Question
from opengraphs.tui.screens.base import Asker, Handler, View
from opengraphs.tui.screens.chart_wall import ChartWall
from opengraphs.tui.screens.compose import Block, compose

AGENT_LATER = "the agent arrives with the chat; until then og only watches"
WHEEL_ZOOM = 0.8


class GraphsView(View):
    name: ClassVar[ScreenName] = "graphs"
    slots: ClassVar[tuple[str, ...]] = ("run", "series", "system", "ranks", "panels", "runs")

    def __init__(self, desk: Desk, live: Asker) -> None:
        super().__init__(desk, live)
        self.purpose = ""
        self.prompt_text = ""
        self.panel = "charts"
        self.wall = ChartWall(desk)
        self._panel_metrics: tuple[str, ...] = ()

    def make_handlers(self) -> dict[str, Handler]:
        state = self.desk.graphs
        return {
            "graphs.up": lambda: self._move(-self._columns),
            "graphs.down": lambda: self._move(self._columns),
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
            "graphs.ranks": self._ranks,
            "graphs.cursor_left": lambda: self._read_out(-1),
            "graphs.cursor_right": lambda: self._read_out(1),
            "graphs.zoom_in": lambda: self._rescaled(state.x.zoom_in()),
            "graphs.zoom_out": lambda: self._rescaled(state.x.zoom_out()),
            "graphs.zoom_reset": lambda: self._rescaled(state.x.reset()),
            "graphs.pan_left": lambda: self._rescaled(state.x.pan(-1)),
            "graphs.pan_right": lambda: self._rescaled(state.x.pan(1)),
            "graphs.pause": self._pause,
            "panel.next": lambda: self._switch_panel(1),
            "panel.previous": lambda: self._switch_panel(-1),
        }

    # Painting

    def paint(self, width: int, height: int) -> list[Row]:
        desk, state = self.desk, self.desk.graphs
        shown = state.shown()
        lay = self._lay = self._arrange(width, height, len(shown))
        blocks: list[Block] = [
            (lay.header, self.header(width, note=desk.trouble or "no run in view")),
            (lay.status, self._status_rows(width, lay.prompt is None)),
        ]
        if lay.prompt:
            blocks.append((lay.prompt, [self._line_row(lay.prompt.width)]))
        self.wall.lit = self.panel != "prompt"
        blocks += self.wall.paint(self._on_page(shown), lay.grid.slots, hurry=self.hurry)
        self.behind, self.hurry = self.wall.behind, False
        if not self.wall.placed:
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

    def _arrange(self, width: int, height: int, count: int) -> layout.GraphsLayout:
        """The layout with the page that holds the chart cursor."""
        state, minimal = self.desk.graphs, self.desk.choices.minimal
        panels = len(self.desk.panels.names)
        if state.enlarged:
            return layout.graphs(width, height, 1, panels=panels, minimal=minimal)
        lay = layout.graphs(width, height, count, page=state.page, panels=panels, minimal=minimal)
        state.follow_focus(per_page=self._per_page(lay))
        if lay.grid.page != state.page:
            lay = layout.graphs(width, height, count, page=state.page, panels=panels, minimal=minimal)
        return lay

    def _per_page(self, lay: layout.GraphsLayout) -> int:
        return max(1, lay.grid.columns * lay.grid.rows)

    def _on_page(self, shown: Sequence[str]) -> Sequence[str]:
        focused = self.desk.graphs.focused()
        if self.desk.graphs.enlarged and focused is not None:
            return [focused]
        first = self._lay.grid.first
        return shown[first : first + len(self._lay.grid.slots)]

    @property
    def _columns(self) -> int:
        if self.desk.graphs.enlarged or self.panel == "stats":
            return 1
        return max(1, self._lay.grid.columns)

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

    def _stats(self, rect: layout.Rect) -> list[Row]:
        state = self.desk.graphs
        metrics = self.wall.metrics
        versions = [state.curves[metric].version if metric in state.curves else 0 for metric in metrics]
        series = [raw for metric in metrics if (raw := state.raw(metric)) is not None]
        ranks = state.run.get("ranks_seen", [])
        return self.keep(
            "stats",
            (rect, state.run_id, metrics, versions, state.focused(), ranks if len(ranks) > 1 else ()),
            lambda: panels.paint_stats(
                series,
                rect.width,
                rect.height,
                self.desk.glyphs,
                colors=state.colors,
                focused=state.focused(),
                ranks=ranks,
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

    # The prompt and search line

    def _line_row(self, width: int) -> Row:
        state, glyphs = self.desk.graphs, self.desk.glyphs
        if self.purpose == "search" or (state.search and self.edit is None):
            count = len(state.shown())
            note = f"{count} metric{'' if count == 1 else 's'}"
            return self.input_row(width, label="search", at_rest=state.search, note=note, wrong=not count)
        if self.edit is not None:
            return self.input_row(width, label=glyphs.prompt, at_rest="")
        return frame.prompt(width, glyphs, text=self.prompt_text)

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
        return source + pages if state.pending < LEFT_TO_TELL else source

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
        return [question for question in questions if question is not None]

    # Actions

    def _move(self, step: int) -> None:
        self.desk.graphs.move_focus(step)

    def _turn(self, step: int) -> None:
        if self.desk.graphs.enlarged:
            self._move(step)
        else:
            self.desk.graphs.turn_page(step, per_page=self._per_page(self._lay))

    def _enlarge(self) -> None:
        state = self.desk.graphs
        state.enlarged = not state.enlarged and state.focused() is not None

    def _log_y(self) -> None:
        said = self.desk.graphs.toggle_log_y()
        if said:
            self.desk.say(said)

    def _ranks(self) -> None:
        self.desk.say(self.desk.graphs.cycle_ranks())
        self.wall.refit()

    def _x_axis(self) -> None:
        kind = self.desk.graphs.x.cycle()
        self.desk.say(
            {"step": "x: step", "time": "x: wall time", "relative": "x: time since the start"}[kind]
        )

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

    def _switch_panel(self, step: int) -> None:
        """Charts, statistics, prompt: those that are on the screen."""
        there = ["charts", *(["stats"] if self._lay.stats else []), *(["prompt"] if self._lay.prompt else [])]
        at = there.index(self.panel) if self.panel in there else 0
        self._leave_prompt()
        self.panel = there[(at + step) % len(there)]
        if self.panel == "prompt":
            self._open("ask", self.prompt_text)

    # Typing

    def _open(self, purpose: str, text: str) -> None:
        self.purpose = purpose
        self.panel = "prompt" if purpose == "ask" else "charts"
        self.open_input(text)

    def _leave_prompt(self) -> None:
        if self.edit is not None:
            self.close_input()

    def press(self, key: str, character: str | None) -> bool:
        if self.edit is not None and key in ("tab", "shift+tab"):
            self._switch_panel(1 if key == "tab" else -1)
            return True
        return super().press(key, character)

    def typed(self, text: str) -> None:
        if self.purpose == "search":
            self.desk.graphs.set_search(text)
        else:
            self.prompt_text = text

    def submit(self, text: str) -> None:
        if self.purpose == "ask":
            if text.strip():
                self.desk.say(AGENT_LATER)
            return
        self.close_input()

    def close_input(self) -> None:
        super().close_input()
        self.purpose, self.panel = "", "charts"

    def cancel_input(self) -> None:
        if self.purpose == "search":
            self.desk.graphs.set_search("")
        self.close_input()

    def back(self) -> bool:
        state = self.desk.graphs
        if state.x.cursor is not None:
            state.x.cursor = None
        elif state.enlarged:
            state.enlarged = False
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
        prompt = self._lay.prompt
        if prompt and y == prompt.y:
            self._open("ask", self.prompt_text)
            return
        found = self.wall.at(x, y)
        if found is None:
            return
        self._leave_prompt()
        if self.desk.graphs.focused() == found[0]:
            self._enlarge()
        self.desk.graphs.focus = found[0]

    def wheel(self, x: int, y: int, direction: int) -> None:
        found = self.wall.at(x, y)
        if found is None:
            return
        factor = WHEEL_ZOOM if direction < 0 else 1 / WHEEL_ZOOM
        self._rescaled(self.desk.graphs.x.scale(factor, about=self.wall.x_under(found, x)))
