"""The Logs screen: a window into the output of the run in view; find, filter, jump, copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from opengraphs.errors import OgError
from opengraphs.protocol.chat import Attachment
from opengraphs.records import LogLine
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import layout, log, numbers
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.questions import Question
from opengraphs.tui.screens import log_jump
from opengraphs.tui.screens.base import Asker, Drag, Handler, View
from opengraphs.tui.screens.compose import Block, compose
from opengraphs.tui.screens.logs_questions import (
    MOST_COPIED,
    CopyQuestion,
    LineOfQuestion,
    MatchesQuestion,
)

WHEEL_LINES = 3


class LogsView(View):
    name: ClassVar[ScreenName] = "logs"
    own_slots: ClassVar[tuple[str, ...]] = ("log.found", "log.only", "log.at", "log.copy")
    slots: ClassVar[tuple[str, ...]] = ("log", "run", "runs", *own_slots)

    def __init__(self, desk: Desk, live: Asker) -> None:
        super().__init__(desk, live)
        self.purpose = "find"
        """What the input line is for: find, filter or go to."""
        self._wrong = ""
        self._numbers: list[int] = []
        """The line of each row on the screen."""
        self._pane = layout.Rect(0, 0, 0, 0)

    def make_handlers(self) -> dict[str, Handler]:
        state = self.desk.logs
        return {
            "logs.up": lambda: self._move(-1),
            "logs.down": lambda: self._move(1),
            "logs.left": lambda: state.scroll_side(-1),
            "logs.right": lambda: state.scroll_side(1),
            "logs.page_up": lambda: self._move(-max(1, state.fits - 1)),
            "logs.page_down": lambda: self._move(max(1, state.fits - 1)),
            "logs.first": lambda: state.go_to(0),
            "logs.last": lambda: state.go_to(state.last_top),
            "logs.find": lambda: self._open("find", ""),
            "logs.filter": lambda: self._open("filter", state.only_text),
            "logs.jump": lambda: self._open("go to", ""),
            "logs.next": lambda: self._find(1),
            "logs.previous": lambda: self._find(-1),
            "logs.regex": self._toggle_regex,
            "logs.case": self._cycle_case,
            "logs.wrap": self._toggle_wrap,
            "logs.mark": self._mark,
            "logs.copy": self._copy,
            "panel.next": lambda: None,
            "panel.previous": lambda: None,
        }

    # Painting

    def paint(self, width: int, height: int) -> list[Row]:
        lay = layout.logs(width, height)
        with_line = self._find_line and lay.log.height > 1
        state, lines_height = self.desk.logs, lay.log.height - with_line
        self._pane = layout.Rect(lay.log.x, lay.log.y, lay.log.width, lines_height)
        state.resize(lines_height, self._rows_of if state.wrap else None)
        spec = self._spec()
        self._numbers = [n for n, _ in log.numbered(spec, lay.log.width, lines_height, self.desk.glyphs)]
        blocks: list[Block] = [
            (lay.header, self.header(width, note=self.desk.trouble)),
            (lay.log, log.paint(spec, lay.log.width, lines_height, self.desk.glyphs)),
            (lay.status, self.status(width, source=self._source(), mode=self._mode(), refresh=False)),
        ]
        if with_line:
            rect = layout.Rect(lay.log.x, lay.log.y + lines_height, lay.log.width, 1)
            blocks.append((rect, [self._paint_find(lay.log.width)]))
        return compose(width, height, blocks)

    def _rows_of(self, line: LogLine) -> int:
        return log.rows_of(line, self._pane.width, self.desk.logs.total, self.desk.glyphs)

    def _spec(self) -> log.LogSpec:
        state = self.desk.logs
        window = state.window()
        marked = None if state.marked is None else (min(state.marked), max(state.marked))
        return log.LogSpec(
            window,
            total_lines=state.total,
            left=state.left,
            search=state.pattern,
            current=state.match,
            follow=state.follow,
            message=self._empty_message(),
            wrap=state.wrap,
            below=max(0, state.shown_total - state.top - len(window)),
            marked=marked,
        )

    def _empty_message(self) -> str:
        state = self.desk.logs
        if self.desk.trouble:
            return self.desk.trouble
        if state.run is None and self.desk.runs.known:
            return "no runs yet"
        if not state.known:
            return "asking ogd…"
        if state.only is not None and state.total:
            return "looking…" if state.only.next is not None else "no line fits the filter"
        return log.nothing_printed(ended=self.desk.graphs.ended)

    @property
    def _find_line(self) -> bool:
        return self.edit is not None or self.desk.logs.pattern is not None or self.desk.logs.only is not None

    def _paint_find(self, width: int) -> Row:
        state = self.desk.logs
        if self.edit is not None:
            wanted = log_jump.HINT if self.purpose == "go to" else state.wanted.words
            note = self._wrong or wanted
            return self.input_row(width, label=self.purpose, at_rest="", note=note, wrong=bool(self._wrong))
        if state.pattern is None and state.only is not None:
            note = f"{state.only.count_text(None)} in {state.total} lines"
            return self.input_row(width, label="filter", at_rest=state.only_text, note=note)
        return self.input_row(width, label="find", at_rest=state.text, note=self._found_text())

    def _found_text(self) -> str:
        state = self.desk.logs
        if state.searching:
            return "searching…"
        line = f"line {state.match + 1}" if state.match is not None else ""
        count = state.found.count_text(state.match) if state.found is not None and state.found.lines else ""
        return ", ".join(part for part in (line, count) if part)

    def _source(self) -> str:
        state = self.desk.logs
        if not state.known:
            return "stdout.log"
        last = min(state.shown_total, state.top + state.fits)
        where = f"{state.top + 1}-{last} of {state.shown_total}" if state.shown_total else "empty"
        if state.only is not None:
            where += " that fit"
        if state.marked is not None:
            where = f"{abs(state.marked[0] - state.marked[1]) + 1} marked"
        return f"stdout.log {numbers.size_bytes(state.size_bytes)} {self.desk.glyphs.separator} {where}"

    def _mode(self) -> str:
        if self.desk.graphs.ended:
            return "ended"
        if not self.desk.logs.known:
            return "connecting"
        return "live" if self.desk.logs.follow else "paused"

    def hint_actions(self) -> Sequence[str]:
        state = self.desk.logs
        if state.marked is not None:
            return ["help", "logs.copy", "back", "leave"]
        found = ["logs.next"] if state.pattern else []
        ends = "logs.first" if state.follow else "logs.last"
        return ["help", "logs.find", *found, "logs.filter", "logs.jump", "logs.wrap", ends, "leave"]

    # The data layer

    def wants(self) -> list[Question]:
        questions: list[Question | None] = [self.desk.logs.question(), *self.desk.logs.more_questions()]
        questions += self.run_in_header()
        return [question for question in questions if question is not None]

    def take(self, question: Question, reply: Mapping[str, Any]) -> None:
        if isinstance(question, MatchesQuestion):
            self.desk.logs.take_matches(question, reply)
        elif isinstance(question, LineOfQuestion):
            self._take_line(question, reply)
        elif isinstance(question, CopyQuestion):
            self.desk.clipboard.copy("\n".join(log.without_escapes(line["text"]) for line in reply["lines"]))

    def _take_line(self, question: LineOfQuestion, reply: Mapping[str, Any]) -> None:
        if question.run != self.desk.logs.run:
            return
        if isinstance(reply.get("line"), int):
            self.desk.logs.go_to_line(reply["line"])
        else:
            self.desk.say(
                f"no line is known of {question.said}: {reply.get('why') or 'nothing was printed then'}"
            )

    def fail(self, question: Question, error: OgError) -> bool:
        if isinstance(question, MatchesQuestion) and self.desk.logs.only is not None:
            self.desk.logs.only.next = None
        return False

    def saved(self) -> dict[str, Any]:
        return self.desk.logs.saved()

    def restore(self, saved: Mapping[str, Any]) -> None:
        self.desk.logs.restore(saved)

    def table(self) -> list[list[Any]]:
        """The lines on the screen."""
        lines = self.desk.logs.window()
        rows = [[line["n"] + 1, log.without_escapes(line["text"])] for line in lines]
        return [["line", "text"], *rows] if rows else []

    # Actions

    def _open(self, purpose: str, text: str) -> None:
        self.purpose, self._wrong = purpose, ""
        self.open_input(text, kind=purpose)

    def typed(self, text: str) -> None:
        if self.purpose == "find":
            self._wrong = self.desk.logs.set_pattern(text)
        elif self.purpose == "filter":
            self._wrong = self.desk.logs.set_only(text)
        else:
            self._wrong = ""

    def submit(self, text: str) -> None:
        """Look from the screen on; what is wrong keeps the line open."""
        self.typed(text)
        if self._wrong:
            return
        if self.purpose == "go to":
            self._jump(text)
        else:
            self.close_input()
            if self.purpose == "find":
                self._find(1)

    def cancel_input(self) -> None:
        self.close_input()
        self._wrong = ""
        if self.purpose == "find":
            self.desk.logs.set_pattern("")
        elif self.purpose == "filter":
            self.desk.logs.set_only("")

    def _jump(self, text: str) -> None:
        state, run = self.desk.logs, self.desk.graphs.run
        if not text.strip():
            self.close_input()
            return
        end = log_jump.epoch(run.get("ended_at")) or self.desk.clock()
        try:
            place = log_jump.parse(
                text, total=state.total, start_s=log_jump.epoch(run.get("started_at")), end_s=end
            )
        except ValueError as error:
            self._wrong = str(error)
            return
        self.close_input()
        if place.line is not None:
            state.go_to_line(place.line)
        elif state.run is not None:
            self.live.ask_once(LineOfQuestion(state.run, place.step, place.time, text.strip()))

    def _find(self, step: int) -> None:
        state = self.desk.logs
        question = state.find(step)
        if question is not None:
            state.count_found()
            self.live.ask_once(question)
        elif state.pattern is None:
            self._open("find", "")

    def _toggle_regex(self) -> None:
        wanted = self.desk.logs.wanted
        wanted.regex = not wanted.regex
        self._look_again()

    def _cycle_case(self) -> None:
        self.desk.logs.wanted.cycle_case()
        self._look_again()

    def _look_again(self) -> None:
        self.desk.logs.look_again()
        if self.edit is not None:
            self.typed(self.edit.text)
        else:
            self.desk.say(self.desk.logs.wanted.words)

    def _toggle_wrap(self) -> None:
        state = self.desk.logs
        state.wrap, state.left = not state.wrap, 0

    def _move(self, lines: int) -> None:
        if self.desk.logs.marking:
            self.desk.logs.extend(lines)
        else:
            self.desk.logs.scroll(lines)

    def _mark(self) -> None:
        state = self.desk.logs
        if state.marking:
            state.marking = False
        else:
            state.begin_marking()

    def _copy(self) -> None:
        """What is marked, the line that is lit, or what is on the screen."""
        state = self.desk.logs
        chosen = state.to_copy()
        if chosen is None and self._numbers:
            chosen = (self._numbers[0], self._numbers[-1] - self._numbers[0] + 1)
        if chosen is None or state.run is None:
            self.desk.say("nothing to copy")
        elif chosen[1] > MOST_COPIED:
            self.desk.say(f"{chosen[1]} lines are too many to copy; {MOST_COPIED} at most", "warn")
        else:
            self.live.ask_once(CopyQuestion(state.run, *chosen))
            state.unmark()

    def attachment(self) -> Attachment | None:
        """The lines that are marked, the one that is lit, or what is on the screen."""
        state = self.desk.logs
        chosen = state.to_copy()
        if chosen is None and self._numbers:
            chosen = (self._numbers[0], self._numbers[-1] - self._numbers[0] + 1)
        if chosen is None or state.run is None:
            return None
        first, count = chosen
        ref = f"{first + 1}-{first + count}"
        return {"kind": "log", "ref": ref, "run": self.desk.graphs.run_id or state.run}

    def back(self) -> bool:
        state = self.desk.logs
        if state.unmark():
            return True
        if state.pattern is not None:
            state.set_pattern("")
        elif state.only is not None:
            state.set_only("")
        else:
            return False
        return True

    # Mouse

    def wheel(self, x: int, y: int, direction: int) -> None:
        self.desk.logs.scroll(direction * WHEEL_LINES)

    def drag(self, drag: Drag) -> None:
        """Marks lines; copying them is a key of its own."""
        first, last = (self._line_at(y) for _, y in (drag.start, drag.at))
        if drag.button == 1 and first is not None and last is not None and drag.start[1] != drag.at[1]:
            self.desk.logs.mark(first, last)

    def _line_at(self, y: int) -> int | None:
        at = y - self._pane.y
        return self._numbers[at] if 0 <= at < len(self._numbers) else None
