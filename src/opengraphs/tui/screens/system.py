"""The System screen: the machine beside the run's metrics, or the machine as it is now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from opengraphs.protocol.events import Event
from opengraphs.records import ENDED
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import chart, layout, top
from opengraphs.tui.painters.cells import Row, fit
from opengraphs.tui.painters.devices import Panel
from opengraphs.tui.painters.screen import source_of
from opengraphs.tui.questions import HostQuestion, MachineQuestion, Question, SeriesQuestion
from opengraphs.tui.screens.base import Asker, Handler, View
from opengraphs.tui.screens.compose import Block, compose
from opengraphs.tui.screens.system_state import SORTS, why_none
from opengraphs.tui.screens.system_wall import METRIC, SystemWall

WHEEL_ZOOM = 0.8
BESIDE_FROM = 18
"""Rows from which metrics have a line of charts of their own above the figures."""

STRIP_WIDTH = 50
"""Least cells of a picture of rows."""


class SystemView(View):
    name: ClassVar[ScreenName] = "system"
    own_slots: ClassVar[tuple[str, ...]] = ("machine", "machine.names", "machine.metrics", "host")
    slots: ClassVar[tuple[str, ...]] = ("run", "runs", *own_slots)

    def __init__(self, desk: Desk, live: Asker) -> None:
        super().__init__(desk, live)
        self.wall = SystemWall(desk)
        self._pages: list[list[Panel]] = []
        self._per_row = 1
        self._process_rows = 0

    def make_handlers(self) -> dict[str, Handler]:
        state = self.desk.system
        return {
            "system.up": lambda: self._move(-self._per_row, -1),
            "system.down": lambda: self._move(self._per_row, 1),
            "system.next": lambda: self._move(1, 1),
            "system.previous": lambda: self._move(-1, -1),
            "system.page_up": lambda: self._turn(-1),
            "system.page_down": lambda: self._turn(1),
            "system.first": lambda: self._to_end(-1),
            "system.last": lambda: self._to_end(1),
            "system.cursor_left": lambda: self._read_out(-1),
            "system.cursor_right": lambda: self._read_out(1),
            "system.zoom_in": lambda: self._rescaled(state.x.zoom_in()),
            "system.zoom_out": lambda: self._rescaled(state.x.zoom_out()),
            "system.zoom_reset": lambda: self._rescaled(state.x.reset()),
            "system.pan_left": lambda: self._rescaled(state.x.pan(-1)),
            "system.pan_right": lambda: self._rescaled(state.x.pan(1)),
            "system.enlarge": self._enlarge,
            "system.search": lambda: self.open_input(self._typed_before, kind=state.mode),
            "system.x_axis": self._x_axis,
            "system.metric": lambda: self.desk.say(state.turn_metric(self._order, 1)),
            "system.metric_back": lambda: self.desk.say(state.turn_metric(self._order, -1)),
            "system.beside": lambda: self.desk.say(state.turn_beside()),
            "system.mode": self._switch_mode,
            "system.sort": self._sort,
            "panel.next": lambda: self._switch_section(1),
            "panel.previous": lambda: self._switch_section(-1),
        }

    # Painting

    def paint(self, width: int, height: int) -> list[Row]:
        state = self.desk.system
        state.view_run(self.desk.graphs.run.get("run_id"))
        line = self.edit is not None or bool(self._typed_before)
        body = layout.Rect(0, 1, width, max(1, height - 2 - line))
        blocks: list[Block] = [
            (layout.Rect(0, 0, width, 1), self.header(width, note=self.desk.trouble or self._note())),
            *(self._paint_host(body) if state.mode == "host" else self._paint_run(body)),
            (
                layout.Rect(0, height - 1, width, 1),
                self.status(width, source=self._source(), mode=self._mode(), refresh=self._tells_refresh),
            ),
        ]
        if line:
            blocks.append((layout.Rect(0, height - 2, width, 1), [self._line_row(width)]))
        return compose(width, height, blocks)

    def _note(self) -> str:
        return "this machine" if self.desk.system.mode == "host" else "no run in view"

    def _paint_host(self, body: layout.Rect) -> list[Block]:
        state = self.desk.system
        self.wall.placed, self._pages = [], []
        picture = top.paint(
            state.sample,
            state.history_of,
            body.width,
            body.height,
            self.desk.glyphs,
            process=state.process,
            sort=state.sort,
            message="asking ogd…" if self.desk.link.alive else "waiting for ogd…",
        )
        self._process_rows = picture.process_rows
        return [(body, picture.rows)]

    def _paint_run(self, body: layout.Rect) -> list[Block]:
        state = self.desk.system
        shown, metrics = state.shown() if self.desk.graphs.run else [], self._metrics()
        if not shown:
            return self._paint_empty(body, metrics)
        blocks: list[Block] = []
        if body.height >= 12:
            blocks.append((layout.Rect(body.x, body.y, body.width, 1), [self._section_row(body.width)]))
            body = layout.Rect(body.x, body.y + 1, body.width, body.height - 1)
        if body.height < BESIDE_FROM or not metrics:
            beside: list[tuple[str, layout.Rect]] = []
        else:
            beside, body = self._beside(metrics, body)
        self._pages = self._paged(shown, body)
        self._follow_focus([METRIC + metric for metric, _ in beside])
        page = self._pages[state.page]
        focused = next((panel for panel in page if panel.key == state.focus), None)
        if state.enlarged:
            if focused is None:
                beside, page = (
                    [(m, self._whole(body, beside)) for m, _ in beside if METRIC + m == state.focus],
                    [],
                )
            else:
                page = [focused]
        placed = list(zip(page, self._places(page, body), strict=True))
        return blocks + self.wall.paint(beside, placed, state.focus)

    def _places(self, page: Sequence[Panel], body: layout.Rect) -> list[layout.Rect]:
        """Where the pictures of a page stand; tall ones get as much height as can be."""
        if not page:
            return []
        if not _tall(page[0]):
            grid = layout.grid(body, len(page))
            self._per_row = grid.columns
            return grid.slots
        self._per_row = min(len(page), max(1, body.width // STRIP_WIDTH))
        return layout.even(body, self._per_row, len(page))

    def _whole(self, body: layout.Rect, beside: Sequence[tuple[str, layout.Rect]]) -> layout.Rect:
        """The body with the line of metrics above it."""
        first = beside[0][1]
        return layout.Rect(body.x, first.y, body.width, body.height + first.height)

    def _beside(
        self, metrics: list[str], body: layout.Rect
    ) -> tuple[list[tuple[str, layout.Rect]], layout.Rect]:
        """The metrics in a line above, and what is left for the figures."""
        height = max(layout.MIN_CHART_HEIGHT, body.height // 3)
        most = max(1, min(len(metrics), body.width // layout.MIN_CHART_WIDTH))
        size, rest = divmod(body.width, most)
        placed, x = [], body.x
        for index, metric in enumerate(metrics[:most]):
            width = size + (index < rest)
            placed.append((metric, layout.Rect(x, body.y, width, height)))
            x += width
        return placed, layout.Rect(body.x, body.y + height, body.width, body.height - height)

    def _paged(self, shown: list[Panel], body: layout.Rect) -> list[list[Panel]]:
        """Pages of pictures; tall ones (a row for each of many devices) do not share a page with charts."""
        most_columns, most_rows = layout.most(body)
        pages: list[list[Panel]] = []
        room = 0
        for panel in shown:
            tall = _tall(panel)
            if not pages or len(pages[-1]) >= room or _tall(pages[-1][0]) != tall:
                pages.append([])
                rows = max(1, body.height // (len(panel.metrics) + 2)) if tall else most_rows
                room = rows * (max(1, body.width // STRIP_WIDTH) if tall else most_columns)
            pages[-1].append(panel)
        return pages

    def _follow_focus(self, beside: list[str]) -> None:
        """The page is the one with the focused picture; where that went, the first of the page."""
        state = self.desk.system
        state.page = max(0, min(state.page, len(self._pages) - 1))
        if state.focus in beside:
            return
        for number, page in enumerate(self._pages):
            if any(panel.key == state.focus for panel in page):
                state.page = number
                return
        state.focus, state.enlarged = self._pages[state.page][0].key, False

    def _section_row(self, width: int) -> Row:
        """Hosts and devices, the focused one lit."""
        state, glyphs = self.desk.system, self.desk.glyphs
        now = self._section()
        row: Row = [(" ", "text")]
        host = ""
        sections = state.sections()
        first = max(0, sections.index(now) - 6) if now in sections else 0
        for section in sections[first:]:
            if state.several_hosts and section[0] != host:
                host = section[0]
                row += [(f"{glyphs.clean(host)} ", "title"), (f"{glyphs.separator} ", "border")]
            lit = section == now
            row.append((f"[{section[1]}]" if lit else f" {section[1]} ", "b:accent" if lit else "dim"))
        return fit(row, width, ellipsis=glyphs.ellipsis)

    def _section(self) -> tuple[str, str] | None:
        state = self.desk.system
        return next(((one.host, one.section) for one in state.shown() if one.key == state.focus), None)

    def _paint_empty(self, body: layout.Rect, metrics: list[str]) -> list[Block]:
        """No figure to show: why, below the metrics that there are."""
        state = self.desk.system
        self._pages = []
        beside: list[tuple[str, layout.Rect]] = []
        if state.known and not state.panels and metrics and body.height >= BESIDE_FROM:
            beside, body = self._beside(metrics, body)
        spec = chart.ChartSpec("system", message=self._empty_message())
        blocks = self.wall.paint(beside, (), state.focus)
        return [*blocks, (body, chart.paint(spec, body.width, body.height, self.desk.glyphs))]

    def _empty_message(self) -> str:
        desk, state = self.desk, self.desk.system
        if desk.trouble:
            return desk.trouble
        if desk.graphs.ref is None and desk.runs.known:
            return "no runs yet; t shows this machine"
        if not desk.graphs.run or not state.known:
            return "asking ogd…" if desk.link.alive else "waiting for ogd…"
        return f"no figure fits {state.search!r}" if state.panels else why_none(desk.graphs.run)

    @property
    def _order(self) -> list[str]:
        return list(self.desk.graphs.order)

    def _metrics(self) -> list[str]:
        return self.desk.system.beside_of(self._order)

    # The lines below

    @property
    def _typed_before(self) -> str:
        state = self.desk.system
        return state.process_filter if state.mode == "host" else state.search

    def _line_row(self, width: int) -> Row:
        state = self.desk.system
        if state.mode == "host":
            count = state.sample.get("matching", 0)
            note = f"{count} process{'' if count == 1 else 'es'}"
            return self.input_row(width, label="filter", at_rest=state.process_filter, note=note)
        count = len(state.shown())
        note = f"{count} figure{'' if count == 1 else 's'}"
        return self.input_row(width, label="search", at_rest=state.search, note=note, wrong=not count)

    def _source(self) -> str:
        state, graphs = self.desk.system, self.desk.graphs
        if state.mode == "host":
            return str(state.sample.get("host", ""))
        source = source_of(graphs.run) if graphs.run else self.desk.choices.source
        if len(self._pages) > 1 and not state.enlarged:
            source += f" {self.desk.glyphs.separator} page {state.page + 1}/{len(self._pages)}"
        return source

    @property
    def _tells_refresh(self) -> bool:
        """The machine is looked at no more often than `SLOW_SLOTS` says."""
        return self.desk.system.mode == "host" and self.desk.choices.refresh_ms >= 500

    def _mode(self) -> str:
        if self.desk.system.mode == "host":
            return "live"
        if not self.desk.graphs.run:
            return "connecting"
        return "live" if self.desk.graphs.live else "ended"

    def hint_actions(self) -> Sequence[str]:
        state = self.desk.system
        if state.mode == "host":
            return ["help", "system.search", "system.sort", "back", "leave"]
        if not self._pages:
            return ["help", "back", "system.mode", "leave"]
        page = ["system.page_down"] if len(self._pages) > 1 and not state.enlarged else []
        step = ["back"] if state.enlarged else ["system.enlarge"]
        return [
            "help",
            "system.search",
            *step,
            *page,
            "system.zoom_in",
            "system.metric",
            "system.mode",
            "leave",
        ]

    # Questions

    def wants(self) -> list[Question]:
        state, graphs = self.desk.system, self.desk.graphs
        if state.mode == "host":
            return [HostQuestion(max(1, self._process_rows), state.sort, state.process_filter)]
        questions = self.run_in_header()
        if not graphs.run or graphs.run_id is None:
            return questions
        questions.append(MachineQuestion(graphs.run_id, 1, slot="machine.names"))
        placed = {key for key, _ in self.wall.placed}
        panels = [panel for page in self._pages for panel in page if panel.key in placed]
        keys = tuple(sorted({metric for panel in panels for metric in panel.metrics}))
        hosts = {panel.host for panel in panels}
        if keys:
            host = hosts.pop() if len(hosts) == 1 else ""
            questions.append(MachineQuestion(graphs.run_id, self.wall.columns, keys, host, state.x.zoom))
        metrics = tuple(key.removeprefix(METRIC) for key, _ in self.wall.placed if key.startswith(METRIC))
        if metrics:
            columns, zoom = self.wall.columns, state.x.zoom
            questions.append(
                SeriesQuestion(
                    (graphs.run_id,), metrics, "time", zoom, columns, (), "merged", "machine.metrics"
                )
            )
        return questions

    def forget_pictures(self) -> None:
        super().forget_pictures()
        self.wall.forget_pictures()

    def take(self, question: Question, reply: Mapping[str, Any]) -> None:
        state = self.desk.system
        if isinstance(question, HostQuestion):
            state.take_host(reply)
            self.live.touch("host")  # it changes all the time: asked again as long as it is wanted
        elif isinstance(question, MachineQuestion) and question.run == state.run:
            if question.slot == "machine.names":
                state.take_names(reply)
            else:
                state.take_figures(reply, whole=question.range is None)
        elif isinstance(question, SeriesQuestion) and question.runs == (state.run,):
            state.take_metrics(reply)

    def stale(self, event: Event) -> Iterable[str]:
        run, kind = self.desk.graphs.run_id, event.get("kind")
        if event.get("run") != run or self.desk.system.mode == "host":
            return ()
        if kind == "system":
            return ("machine", "machine.names")
        if kind == "metrics":
            return ("machine.metrics",)
        ended = kind == "run" and event.get("facts", {}).get("status") in ENDED
        return ("machine", "machine.names", "machine.metrics") if ended else ()

    # Actions

    def _keys(self) -> list[str]:
        """Every picture that can have the focus, in order."""
        beside = [key for key, _ in self.wall.placed if key.startswith(METRIC)]
        return beside + [panel.key for page in self._pages for panel in page]

    def _move(self, pictures: int, processes: int) -> None:
        state = self.desk.system
        if state.mode == "host":
            state.move_process(processes)
        else:
            state.move_focus(self._keys(), pictures)

    def _turn(self, step: int) -> None:
        state = self.desk.system
        if state.mode == "host":
            state.move_process(step * max(1, self._process_rows - 1))
        elif state.enlarged:
            state.move_focus(self._keys(), step)
        elif 0 <= state.page + step < len(self._pages):
            state.page += step
            state.focus = self._pages[state.page][0].key

    def _to_end(self, direction: int) -> None:
        state = self.desk.system
        if state.mode == "host":
            state.move_process(direction * len(state.processes()))
        else:
            state.x.cursor_to_end(self.wall.xs(state.focus), direction)

    def _read_out(self, direction: int) -> None:
        at = self.wall.read_out(direction, self.desk.system.focus)
        if at is not None:
            self.desk.system.x.cursor = at

    def _rescaled(self, changed: bool) -> None:
        if changed:
            self.wall.refit()

    def _enlarge(self) -> None:
        state = self.desk.system
        state.enlarged = not state.enlarged and bool(self._pages)

    def _x_axis(self) -> None:
        x = self.desk.system.x
        x.kind = "relative" if x.kind == "time" else "time"
        self.wall.refit()
        self.desk.say("x: wall time" if x.kind == "time" else "x: time since the first sample")

    def _switch_mode(self) -> None:
        state = self.desk.system
        self.edit = None
        state.mode = "run" if state.mode == "host" else "host"

    def _sort(self) -> None:
        state = self.desk.system
        state.sort = SORTS[(SORTS.index(state.sort) + 1) % len(SORTS)]
        self.desk.say(f"processes by {state.sort}")

    def _switch_section(self, step: int) -> None:
        """To the first picture of the next device."""
        state = self.desk.system
        sections = state.sections()
        if state.mode == "host" or not sections:
            return
        now = self._section()
        at = (sections.index(now) + step) % len(sections) if now in sections else 0
        state.focus = next(one.key for one in state.shown() if (one.host, one.section) == sections[at])

    # Typing

    def typed(self, text: str) -> None:
        state = self.desk.system
        if state.mode == "host":
            state.process_filter = text
        else:
            state.search = text

    def submit(self, text: str) -> None:
        self.close_input()

    def cancel_input(self) -> None:
        self.typed("")
        self.close_input()

    def back(self) -> bool:
        state = self.desk.system
        if self._typed_before:
            self.typed("")
        elif state.mode == "host":
            state.mode = "run"
        elif state.x.cursor is not None:
            state.x.cursor = None
        elif state.enlarged:
            state.enlarged = False
        elif state.x.zoom is not None:
            self._rescaled(state.x.reset())
        else:
            self.desk.screen = "runs"
        return True

    # Mouse

    def click(self, x: int, y: int) -> None:
        state = self.desk.system
        found = self.wall.at(x, y)
        if found is None:
            return
        if found[0] == state.focus:
            self._enlarge()
        state.focus = found[0]

    def wheel(self, x: int, y: int, direction: int) -> None:
        state = self.desk.system
        if state.mode == "host":
            state.move_process(direction)
            return
        found = self.wall.at(x, y)
        if found is not None:
            factor = WHEEL_ZOOM if direction < 0 else 1 / WHEEL_ZOOM
            self._rescaled(state.x.scale(factor, about=self.wall.x_under(found, x)))

    # Saved views

    def saved(self) -> dict[str, Any]:
        state = self.desk.system
        kept: dict[str, Any] = {
            "mode": state.mode,
            "metrics": list(state.chosen),
            "beside": state.beside,
            "search": state.search,
            "sort": state.sort,
            "x": state.x.kind,
        }
        if state.focus is not None:
            kept |= {"focus": state.focus, "enlarged": state.enlarged}
        return kept | ({"zoom": list(state.x.zoom)} if state.x.zoom else {})

    def restore(self, saved: Mapping[str, Any]) -> None:
        state = self.desk.system
        state.view_run(self.desk.graphs.run.get("run_id"))
        state.mode = _one_of(saved.get("mode"), ("run", "host"), state.mode)
        state.sort = _one_of(saved.get("sort"), SORTS, state.sort)
        state.x.kind = _one_of(saved.get("x"), ("time", "relative"), state.x.kind)
        if isinstance(saved.get("beside"), int) and 0 <= saved["beside"] <= 2:
            state.beside = saved["beside"]
        if isinstance(saved.get("metrics"), list):
            state.chosen = tuple(one for one in saved["metrics"] if isinstance(one, str))
        for name in ("search", "focus"):
            if isinstance(saved.get(name), str):
                setattr(state, name, saved[name])
        state.enlarged = saved.get("enlarged") is True
        zoom = saved.get("zoom")
        if isinstance(zoom, list) and len(zoom) == 2 and all(isinstance(end, int | float) for end in zoom):
            state.x.zoom = (float(zoom[0]), float(zoom[1])) if zoom[0] < zoom[1] else None


def _tall(panel: Panel) -> bool:
    return panel.strips and len(panel.metrics) + 2 > layout.MIN_CHART_HEIGHT


def _one_of(value: object, allowed: Sequence[str], otherwise: str) -> str:
    return value if isinstance(value, str) and value in allowed else otherwise
