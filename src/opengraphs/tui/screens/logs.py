"""The Logs screen: a window into the output of the run in view, with find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import layout, log, numbers
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.questions import Question
from opengraphs.tui.screens.base import Asker, Handler, View
from opengraphs.tui.screens.compose import Block, compose

WHEEL_LINES = 3


class LogsView(View):
    name: ClassVar[ScreenName] = "logs"
    slots: ClassVar[tuple[str, ...]] = ("log", "run", "runs")

    def __init__(self, desk: Desk, live: Asker) -> None:
        super().__init__(desk, live)
        self._wrong = ""

    def make_handlers(self) -> dict[str, Handler]:
        state = self.desk.logs
        return {
            "logs.up": lambda: state.scroll(-1),
            "logs.down": lambda: state.scroll(1),
            "logs.left": lambda: state.scroll_side(-1),
            "logs.right": lambda: state.scroll_side(1),
            "logs.page_up": lambda: state.scroll(-max(1, state.height - 1)),
            "logs.page_down": lambda: state.scroll(max(1, state.height - 1)),
            "logs.first": lambda: state.go_to(0),
            "logs.last": lambda: state.go_to(state.last_top),
            "logs.find": self._open_find,
            "logs.next": lambda: self._find(1),
            "logs.previous": lambda: self._find(-1),
            "panel.next": lambda: None,
            "panel.previous": lambda: None,
        }

    def paint(self, width: int, height: int) -> list[Row]:
        lay = self._lay = layout.logs(width, height)
        with_line = self._find_line and lay.log.height > 1
        lines_height = lay.log.height - with_line
        self.desk.logs.resize(lines_height)
        blocks: list[Block] = [
            (lay.header, self.header(width, note=self.desk.trouble)),
            (lay.log, log.paint(self._spec(), lay.log.width, lines_height, self.desk.glyphs)),
            (lay.status, self.status(width, source=self._source(), mode=self._mode(), refresh=False)),
        ]
        if with_line:
            rect = layout.Rect(lay.log.x, lay.log.y + lines_height, lay.log.width, 1)
            blocks.append((rect, [self._paint_find(lay.log.width)]))
        return compose(width, height, blocks)

    def _spec(self) -> log.LogSpec:
        state = self.desk.logs
        return log.LogSpec(
            state.window(),
            total_lines=state.total,
            left=state.left,
            search=state.pattern,
            current=state.match,
            follow=state.follow,
            message=self._empty_message(),
        )

    def _empty_message(self) -> str:
        if self.desk.trouble:
            return self.desk.trouble
        if self.desk.logs.run is None and self.desk.runs.known:
            return "no runs yet"
        if not self.desk.logs.known:
            return "asking ogd…"
        return log.nothing_printed(ended=self.desk.graphs.ended)

    @property
    def _find_line(self) -> bool:
        return self.edit is not None or self.desk.logs.pattern is not None

    def _paint_find(self, width: int) -> Row:
        state = self.desk.logs
        at_rest = state.pattern.pattern if state.pattern else ""
        where = f"line {state.match + 1}" if state.match is not None else ""
        note = self._wrong or ("searching…" if state.searching else where)
        return self.input_row(width, label="find", at_rest=at_rest, note=note, wrong=bool(self._wrong))

    def _source(self) -> str:
        state = self.desk.logs
        if not state.known:
            return "stdout.log"
        last = min(state.total, state.top + state.height)
        where = f"{state.top + 1}-{last} of {state.total}" if state.total else "empty"
        return f"stdout.log {numbers.size_bytes(state.size_bytes)} {self.desk.glyphs.separator} {where}"

    def _mode(self) -> str:
        if self.desk.graphs.ended:
            return "ended"
        if not self.desk.logs.known:
            return "connecting"
        return "live" if self.desk.logs.follow else "paused"

    def wants(self) -> list[Question]:
        graphs = self.desk.graphs
        questions: list[Question | None] = [self.desk.logs.question()]
        if graphs.ref is None:
            questions.append(self.desk.runs.question())
        elif not graphs.run:
            questions.append(graphs.run_question())
        return [question for question in questions if question is not None]

    def hint_actions(self) -> Sequence[str]:
        state = self.desk.logs
        found = ["logs.next"] if state.pattern else []
        return ["help", "logs.find", *found, "logs.first" if state.follow else "logs.last", "leave"]

    # Actions

    def _open_find(self) -> None:
        self._wrong = ""
        self.open_input()

    def typed(self, text: str) -> None:
        self._wrong = self.desk.logs.set_pattern(text)

    def submit(self, text: str) -> None:
        """Look from the screen on; a wrong expression keeps the line open."""
        self._wrong = self.desk.logs.set_pattern(text)
        if not self._wrong:
            self.close_input()
            self._find(1)

    def cancel_input(self) -> None:
        self.close_input()
        self._wrong = self.desk.logs.set_pattern("")

    def _find(self, step: int) -> None:
        question = self.desk.logs.find(step)
        if question is not None:
            self.live.ask_once(question)
        elif self.desk.logs.pattern is None:
            self._open_find()

    def back(self) -> bool:
        if self.desk.logs.pattern is None:
            return False
        self.desk.logs.set_pattern("")
        return True

    def wheel(self, x: int, y: int, direction: int) -> None:
        self.desk.logs.scroll(direction * WHEEL_LINES)
