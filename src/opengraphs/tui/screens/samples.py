"""The Samples screen: what the model wrote, to be read, searched, sorted and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from opengraphs.errors import OgError
from opengraphs.protocol.chat import Attachment
from opengraphs.protocol.events import Event
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import frame, numbers
from opengraphs.tui.painters import samples as painter
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.painters.layout import Rect
from opengraphs.tui.questions import Question
from opengraphs.tui.screens.base import Asker, Handler
from opengraphs.tui.screens.compose import Block, compose
from opengraphs.tui.screens.list_and_detail import ListAndDetail, Split
from opengraphs.tui.screens.samples_questions import (
    SampleQuestion,
    SamplesQuestion,
    SiblingsQuestion,
)
from opengraphs.tui.screens.samples_state import SamplesState

MOST_ATTACHED = 10_000
"""Characters of a sample that go along with a message."""
EMPTY = (
    "This run logged no samples.",
    "run.sample(prompt=…, completion=…, expected=…, score=…) in the script shows them here.",
)


class SamplesView(ListAndDetail):
    name: ClassVar[ScreenName] = "samples"
    slots: ClassVar[tuple[str, ...]] = ("run", "runs", "samples", "samples.whole", "samples.like")
    own_slots: ClassVar[tuple[str, ...]] = ("samples", "samples.whole", "samples.like")

    split: ClassVar[Split] = Split(side_width=96, percent=45, list_width=90, stacked_height=20, list_height=7)
    state: SamplesState

    def __init__(self, desk: Desk, live: Asker) -> None:
        self.state = SamplesState()
        super().__init__(desk, live)
        self._lines = 0
        """Rows the sample takes when it is read."""

    def make_handlers(self) -> dict[str, Handler]:
        state = self.state
        return {
            "samples.up": lambda: self._vertical(-1),
            "samples.down": lambda: self._vertical(1),
            "samples.left": lambda: self._sideways(-1),
            "samples.right": lambda: self._sideways(1),
            "samples.page_up": lambda: self._page(-1),
            "samples.page_down": lambda: self._page(1),
            "samples.first": lambda: self._to_end(-1),
            "samples.last": lambda: self._to_end(1),
            "samples.read": self._switch_panel,
            "samples.filter": self._open_filter,
            "samples.next": lambda: self._find(1),
            "samples.previous": lambda: self._find(-1),
            "samples.sort": lambda: self.desk.say(f"sorted by {state.next_sort()}"),
            "samples.reverse": state.reverse,
            "samples.diff": lambda: self._switch_view("diff"),
            "samples.raw": lambda: self._switch_view("raw"),
            "panel.next": self._switch_panel,
            "panel.previous": self._switch_panel,
        }

    # Painting

    def paint(self, width: int, height: int) -> list[Row]:
        state = self.state
        state.view_run(self.desk.graphs.run_id)
        self._arrange(Rect(0, 1, width, max(0, height - 2)))
        blocks: list[Block] = [
            (Rect(0, 0, width, 1), self.header(width, note=self.desk.trouble)),
            (Rect(0, height - 1, width, 1), self._last_row(width)),
        ]
        state.resize(self._list.height - 3)
        if not state.total and not state.filter:
            blocks.append((Rect(0, 1, width, height - 2), self._why(width, height - 2)))
            return compose(width, height, blocks)
        if self._list.height:
            blocks.append((self._list, self._paint_list(self._list)))
        if self._detail.height:
            blocks.append((self._detail, self._paint_detail(self._detail)))
        return compose(width, height, blocks)

    def _last_row(self, width: int) -> list[Row]:
        if self.edit is not None:
            return [self._paint_filter(width)]
        mode = "ended" if self.desk.graphs.ended else "live" if self.state.known else "connecting"
        return self.status(width, source=self._source(), mode=mode, refresh=False)

    def _paint_filter(self, width: int) -> Row:
        state = self.state
        note = f"{state.total} of {state.all}{self._unread()}" if state.known else "asking ogd…"
        wrong = state.known and not state.total and not state.unread
        return self.input_row(width, label="filter", at_rest=state.filter, note=note, wrong=wrong)

    def _unread(self) -> str:
        return f", {numbers.count(self.state.unread).strip()} to look at" if self.state.unread else ""

    def _source(self) -> str:
        state = self.state
        if not state.total:
            return "samples"
        shown = f"sample {state.cursor + 1} of {state.total}"
        if state.filter:
            shown += f" that fit, {state.all} in all"
        if state.new:
            shown += f", {state.new} new below"
        return shown + self._unread()

    def _why(self, width: int, height: int) -> list[Row]:
        state = self.state
        known = state.known and state.run is not None
        trouble = state.trouble or self.desk.trouble
        said = [trouble] if trouble else EMPTY if known else [self._waiting()]
        return self._in_the_middle(said, width, height)

    def _waiting(self) -> str:
        none = self.desk.graphs.ref is None and self.desk.runs.known and not self.desk.runs.rows
        return "no runs yet" if none else "asking ogd…"

    def _paint_list(self, rect: Rect) -> list[Row]:
        state, glyphs = self.state, self.desk.glyphs
        inner = rect.width - 2
        by = state.sort.removeprefix("-")
        number = by if by not in ("time", "step") else painter.score_column(list(state.rows.values()))
        content = [painter.heading(inner, glyphs, number=number, sort=state.sort)]
        for at in range(state.top, min(state.total, state.top + state.height)):
            sample, lit = state.rows.get(at), at == state.cursor
            content.append(painter.line(sample, inner, glyphs, number=number, lit=lit, words=state.words))
        if not state.total:
            content = [[(f" no sample fits {glyphs.clean(state.filter)!r}{self._unread()}", "dim")]]
        right = f"{state.cursor + 1}/{state.total}" if state.total > state.height else ""
        return frame.box(
            content,
            rect.width,
            rect.height,
            glyphs,
            title=f"samples {glyphs.arrows[1 if state.sort.startswith('-') else 0]}{glyphs.clean(by)}",
            right=right,
            focused=state.panel == "list",
        )

    def _paint_detail(self, rect: Rect) -> list[Row]:
        state, glyphs = self.state, self.desk.glyphs
        rows, title = self._content(rect.width - 2)
        room = max(1, rect.height - 2)
        self._lines = len(rows)
        state.scroll = max(0, min(state.scroll, len(rows) - room))
        last = min(len(rows), state.scroll + room)
        return frame.box(
            rows[state.scroll : last],
            rect.width,
            rect.height,
            glyphs,
            title=title,
            right=f"{last}/{len(rows)}" if len(rows) > room else "",
            focused=state.panel == "detail",
        )

    def _content(self, width: int) -> tuple[list[Row], str]:
        """(every row of the sample, title) in the view that is chosen."""
        state, glyphs = self.state, self.desk.glyphs
        sample = state.current()
        if sample is None:
            return ([[(" asking ogd…" if state.total else "", "dim")]], "sample")
        words = tuple(state.words)
        if state.view == "diff":
            return self._difference(sample, width)
        paint: Callable[[], list[Row]] = {
            "text": lambda: painter.read(sample, width, glyphs, words=words),
            "raw": lambda: painter.raw(sample, width, glyphs, words=words),
        }[state.view]
        rows = self.keep("detail", (sample, width, state.view, words), paint)
        return rows, "as logged" if state.view == "raw" else "sample"

    def _difference(self, sample: Mapping[str, Any], width: int) -> tuple[list[Row], str]:
        state, glyphs = self.state, self.desk.glyphs
        compared = state.compared_with()
        if compared is None:
            known = state.siblings_trouble or (
                "no other answer to this prompt" if state.answered() else "asking ogd…"
            )
            return ([[(f" {glyphs.clean(known)}", "dim")]], "diff")
        name, base = compared
        siblings = state.siblings()
        rows = self.keep(
            "detail",
            (sample, base, width, "diff"),
            lambda: painter.difference(base, sample, width, glyphs),
        )
        place = f" ({state.base_at(siblings) + 1} of {len(siblings)})" if len(siblings) > 1 else ""
        whose = f"{name} " if name else ""
        arrow = glyphs.arrows[3]
        return rows, f"diff{place}: {whose}step {base.get('step')} {arrow} step {sample.get('step')}"

    # The data layer

    def wants(self) -> list[Question]:
        found: list[Question] = [*self.run_in_header(), *self.state.questions(self._others())]
        return found

    def _others(self) -> list[tuple[str, str]]:
        """Runs whose answers stand beside those of the run in view."""
        graphs = self.desk.graphs
        chosen = {**self.desk.runs.selected, **{run: graphs.names.get(run, run) for run in graphs.overlay}}
        return [(run, name) for run, name in chosen.items() if run != self.state.run]

    def take(self, question: Question, reply: Mapping[str, Any]) -> None:
        if isinstance(question, SamplesQuestion):
            self.state.take(question, reply)
            if self.state.unread:
                self.live.touch("samples")
        elif isinstance(question, SampleQuestion):
            self.state.take_whole(question, reply)
        elif isinstance(question, SiblingsQuestion):
            self.state.take_siblings(question, reply)

    def attachment(self) -> Attachment | None:
        sample, run = self.state.current(), self.desk.graphs.run_id
        if sample is None or not run:
            return None
        columns = painter.columns_of(sample)
        text = "\n".join(f"{name}: {painter.text_of(value)}" for name, value in columns.items())
        return {
            "kind": "text",
            "ref": f"sample of step {sample.get('step')}",
            "run": run,
            "text": text[:MOST_ATTACHED],
        }

    def fail(self, question: Question, error: OgError) -> bool:
        if isinstance(question, SiblingsQuestion):
            self.state.siblings_trouble = error.message
        elif isinstance(question, SamplesQuestion):
            self.state.trouble = error.message
        return False

    def stale(self, event: Event) -> Iterable[str]:
        """No event tells of samples; whatever else a run tells says that it goes on."""
        of_run = event.get("run") == self.state.run
        return ("samples",) if of_run and event.get("kind") in ("metrics", "log", "system", "run") else ()

    def table(self) -> list[list[Any]]:
        """The samples of the list, a column each."""
        samples = [self.state.rows[n] for n in sorted(self.state.rows)]
        names = list(dict.fromkeys(name for sample in samples for name in painter.columns_of(sample)))
        rows: list[list[Any]] = [["step", *names]]
        for sample in samples:
            columns = painter.columns_of(sample)
            values = [painter.text_of(columns[name]) if name in columns else "" for name in names]
            rows.append([sample.get("step"), *values])
        return rows if len(rows) > 1 else []

    def hint_actions(self) -> Sequence[str]:
        state = self.state
        if not state.total and not state.filter:
            return ["help", "back", "leave"]
        marks = ["samples.next"] if state.words else []
        sides = ["samples.left"] if state.view == "diff" and len(state.siblings()) > 1 else []
        read = ["samples.read"] if state.panel == "list" else ["back"]
        return [
            "help",
            "samples.filter",
            *read,
            *marks,
            *sides,
            "samples.diff",
            "samples.raw",
            "samples.sort",
            "leave",
        ]

    # Actions

    @property
    def _room(self) -> int:
        rect = self._detail if self._reading else self._list
        return max(1, rect.height - (3 if self._reading else 4))

    def _vertical(self, step: int) -> None:
        if self._reading:
            self.state.scroll += step
        else:
            self.state.move(step)

    def _page(self, direction: int) -> None:
        self._vertical(direction * self._room)

    def _to_end(self, direction: int) -> None:
        if self._reading:
            self.state.scroll = 0 if direction < 0 else self._lines
        else:
            self.state.go_to(0 if direction < 0 else self.state.last)

    def _sideways(self, step: int) -> None:
        """Another answer to compare with; without a comparison the panel at that side."""
        if self.state.view == "diff":
            self.state.move_base(step)
        else:
            self.state.panel = "list" if step < 0 else "detail"

    def _switch_view(self, view: str) -> None:
        state = self.state
        state.view = "text" if state.view == view else view
        state.scroll = 0

    def _find(self, step: int) -> None:
        """To the next row of the sample with a lit word, else to the next sample."""
        width = (self._detail.width or self._list.width) - 2
        rows = self._content(width)[0]
        lit = [at for at, row in enumerate(rows) if any(role == "hit" for _, role in row)]
        ahead = [at for at in lit if (at > self.state.scroll if step > 0 else at < self.state.scroll)]
        room = max(1, self._detail.height - 2)
        if ahead and len(rows) > room and (self.state.scroll < len(rows) - room or step < 0):
            self.state.scroll = ahead[0 if step > 0 else -1]
        elif not self.state.move(step):
            self.desk.say("no match " + ("below" if step > 0 else "above"))

    def back(self) -> bool:
        state = self.state
        if self._reading:
            state.panel = "list"
        elif state.view != "text":
            state.view = "text"
        elif state.filter:
            state.set_filter("")
        else:
            return False
        return True
