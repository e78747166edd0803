"""What every screen has: header and status line, an input line, actions by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from opengraphs.errors import OgError
from opengraphs.protocol.chat import Attachment
from opengraphs.protocol.events import Event
from opengraphs.tui import keys
from opengraphs.tui.handover import ScreenName
from opengraphs.tui.model import Desk
from opengraphs.tui.painters import frame
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.questions import Question, Stream
from opengraphs.tui.screens.input_line import paint_at_rest, paint_input
from opengraphs.tui.widgets.line_edit import LineEdit

Handler = Callable[[], object]


class Asker(Protocol):
    """The data layer as a screen sees it."""

    def ask_once(self, question: Question) -> None: ...

    def pause(self, paused: bool) -> None: ...

    def touch(self, *names: str) -> None: ...

    def listen(self, stream: Stream | None) -> None: ...


class Drag(NamedTuple):
    """The mouse moving with a button held: from `start` to `at`, cells (x, y); `done` when it was let go.

    button: 1 left, 3 right. modifiers: of `shift`, `ctrl` and `alt` (`meta`) those that were held.
    """

    start: tuple[int, int]
    at: tuple[int, int]
    done: bool
    button: int = 1
    modifiers: frozenset[str] = frozenset()


class View:
    """One screen. `paint` also settles where everything lies, for `wants` and the mouse.

    slots: every slot it asks in. own_slots: those that no other screen has; their answers come to `take`.
    """

    name: ClassVar[ScreenName]
    slots: ClassVar[tuple[str, ...]]
    own_slots: ClassVar[tuple[str, ...]] = ()

    lasting: ClassVar[tuple[str, ...]] = ()
    """Names in `saved` that hold from one start to the next, too."""

    def __init__(self, desk: Desk, live: Asker) -> None:
        self.desk = desk
        self.live = live
        self.edit: LineEdit | None = None
        self.behind = False
        """Some of the last picture is old, so that keys need not wait; paint again soon."""
        self.hurry = False
        """The next picture answers a key: what the key is about first, the rest a moment later."""
        self._kept: dict[str, tuple[object, list[Row]]] = {}
        self.handlers: dict[str, Handler] = self.make_handlers()

    # What each screen brings

    def make_handlers(self) -> dict[str, Handler]:
        """Its own actions by name; every name of keys.py for this screen is here."""
        raise NotImplementedError

    def paint(self, width: int, height: int) -> list[Row]:
        """The whole screen: `height` rows of `width` cells."""
        raise NotImplementedError

    def wants(self) -> list[Question]:
        """What has to be known for what was just painted."""
        raise NotImplementedError

    def hint_actions(self) -> Sequence[str]:
        """The actions worth a hint now, most useful first."""
        raise NotImplementedError

    def submit(self, text: str) -> None:
        """Enter in the input line."""

    def typed(self, text: str) -> None:
        """The input line's text changed."""

    def close_input(self) -> None:
        """The keys leave the input line; what was typed stays in force."""
        self.edit = None

    def cancel_input(self) -> None:
        """Escape in the input line: its text goes, and what it did."""
        self.close_input()

    def back(self) -> bool:
        """Escape outside an input; False when there is nothing to step back from."""
        return False

    def click(self, x: int, y: int) -> None:
        """The mouse was pressed on a cell of this screen."""

    def wheel(self, x: int, y: int, direction: int) -> None:
        """The wheel turned over a cell: -1 up, 1 down."""

    def drag(self, drag: Drag) -> None:
        """The mouse moves with a button held. A press that goes nowhere is a click, and comes as one, too;
        with ctrl held, or of another button than the left, it comes here alone."""

    # The data layer

    def run_in_view(self) -> list[Question]:
        """Which run is in view, as long as that is not known: the newest one where the user named none."""
        graphs = self.desk.graphs
        if graphs.ref is None:
            return [self.desk.runs.question()]
        question = None if graphs.run else graphs.run_question()
        return [question] if question else []

    def run_in_header(self) -> list[Question]:
        """The run in view, and how far it is as long as it lives, for a header above what is no curve."""
        graphs = self.desk.graphs
        question = graphs.run_question() if graphs.live else None
        return [question] if question else self.run_in_view()

    def take(self, question: Question, reply: Mapping[str, Any]) -> None:
        """The answer to a question in one of `own_slots`."""

    def fail(self, question: Question, error: OgError) -> bool:
        """A question in one of `own_slots` was refused, or found no daemon; True when nothing else is to be said."""
        return False

    def hear(self, stream: Stream, line: Mapping[str, Any]) -> None:
        """A line of a stream in one of `own_slots`."""

    def tick_s(self) -> float | None:
        """Seconds until what is shown looks different through time alone; None when it never does."""
        return None

    def aged(self) -> Iterable[str]:
        """The slots whose answers have become old through time alone; asked after `tick_s`."""
        return ()

    def stale(self, event: Event) -> Iterable[str]:
        """The slots whose answers an event makes old; asked while the screen is shown, up to thirty times a second."""
        return ()

    # Saved views

    def saved(self) -> dict[str, Any]:
        """What of this screen a saved view keeps: plain values that TOML can hold."""
        return {}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Look as `saved` says; what it does not know of, or cannot be, stays as it is."""

    # The agent

    def attachment(self) -> Attachment | None:
        """What is under the cursor, as a message to the agent may take it along; None for nothing."""
        return None

    # Files

    def table(self) -> list[list[Any]]:
        """What is shown as values, for a CSV file: a heading and rows; [] where `saving` knows it already."""
        return []

    # Input line

    def open_input(self, text: str = "", *, kind: str = "search") -> None:
        """kind: what the line is for; lines of one kind share a history."""
        history = self.desk.histories.of(f"{self.name}.{kind}")
        self.edit = LineEdit(text, clipboard=self.desk.clipboard, history=history)

    def recalls(self, key: str, choice: int) -> bool:
        """Up and down go through the history, and not the list above the line: from its first entry (`choice` 0)
        upwards, and back."""
        edit = self.edit
        if edit is None or key not in ("up", "down"):
            return False
        return edit.recalling or (key == "up" and choice == 0 and edit.has_older)

    def press(self, key: str, character: str | None) -> bool:
        """A key while the input line is open; False when it is not, or has no use for the key."""
        edit = self.edit
        if edit is None:
            return False
        if key == "escape":
            self.cancel_input()
        elif key in ("enter", "ctrl+m"):
            if edit.accept():
                self.desk.histories.changed()
            self.submit(edit.text)
        else:
            before = edit.text
            if not edit.press(key, character):
                return False
            if edit.text != before:
                self.typed(edit.text)
        return True

    def paste(self, text: str) -> None:
        """Text the terminal pasted; into the input line when it is open."""
        if self.edit is not None:
            self.edit.insert(text)
            self.typed(self.edit.text)

    def input_row(self, width: int, *, label: str, at_rest: str, note: str = "", wrong: bool = False) -> Row:
        glyphs = self.desk.glyphs
        if self.edit is None:
            return paint_at_rest(at_rest, width, glyphs, label=label, note=note, wrong=wrong)
        return paint_input(self.edit.state, width, glyphs, label=label, note=note, wrong=wrong)

    def forget_pictures(self) -> None:
        """Glyphs, colours or keys have changed: whatever is kept painted is painted again."""
        self._kept.clear()

    def keep(self, part: str, looks_like: object, paint: Callable[[], list[Row]]) -> list[Row]:
        """A part of the picture, painted again only when what it `looks_like` has changed."""
        kept = self._kept.get(part)
        if kept is None or kept[0] != looks_like:
            kept = self._kept[part] = (looks_like, paint())
        return kept[1]

    # Around the picture

    def header(self, width: int, *, note: str = "") -> list[Row]:
        graphs, glyphs = self.desk.graphs, self.desk.glyphs
        if self.name == "runs" or not graphs.run:
            return self.keep(
                "header", (width, note), lambda: [frame.header(width, glyphs, active=self.name, note=note)]
            )
        name, status = graphs.run.get("name") or graphs.run_id or "", graphs.run.get("status", "")
        progress = graphs.header_progress(eta="series" in self.slots)
        return self.keep(
            "header",
            (width, name, status, dict(progress or {})),
            lambda: [
                frame.header(width, glyphs, active=self.name, name=name, status=status, progress=progress)
            ],
        )

    def status(self, width: int, *, source: str, mode: str, refresh: bool = True) -> list[Row]:
        refresh_ms = self.desk.choices.refresh_ms if refresh else None
        shown, hints = mode if self.desk.link.alive else "connecting", self.hints()
        return self.keep(
            "status",
            (width, source, refresh_ms, shown, hints),
            lambda: [
                frame.status_bar(
                    width, self.desk.glyphs, source=source, refresh_ms=refresh_ms, mode=shown, hints=hints
                )
            ],
        )

    def hints(self) -> list[tuple[str, str]]:
        """(key, what it does) of what can be done now; an open input line has its own."""
        if self.edit is not None:
            return [("enter", "accept"), ("esc", "cancel"), ("ctrl+u", "clear")]
        shown: list[tuple[str, str]] = []
        short = {action.id: action.short for action in keys.ACTIONS}
        for action_id in self.hint_actions():
            bound = self.desk.keymap.keys_of(self.name, action_id)
            if bound:
                label = keys.label(bound[0], ascii_only=self.desk.glyphs.ascii_only)
                shown.append((label, short.get(action_id, "") or action_id))
        return shown
