"""A one-line text editor: text, caret, selection and the keys of docs/keys.md. Pure, no Textual."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from opengraphs.tui import graphemes
from opengraphs.tui.clipboard import Clipboard
from opengraphs.tui.widgets.line_history import Changes, History, Moment, Recall

MAX_CHARACTERS = 10_000


class LineState(NamedTuple):
    """What a painter needs. `anchor` is the other end of the selection, None without one."""

    text: str
    caret: int
    anchor: int | None


_SEPARATORS = "\x1c\x1d\x1e\x1f"
_JOINERS = (graphemes.JOINER, graphemes.NON_JOINER)


def _clean(text: str) -> str:
    """Pasted text as one line: its last newline goes, others and tabs become spaces, control characters go."""
    one_line = text.rstrip("\r\n").replace("\r\n", " ")
    return "".join(
        " " if char.isspace() and char not in _SEPARATORS else char if _is_text(char) else ""
        for char in one_line
    )


def _is_text(char: str) -> bool:
    """It shows, or joins what shows: families of emoji and several scripts need their joiners."""
    return char.isprintable() or char in _JOINERS


class LineEdit:
    """Takes keys, keeps text. Copy, cut and deletions of more than a character go to `clipboard`.

    text, caret: the caret always stands between two clusters of `graphemes`. history: what up and down go
    through; without one those keys are left to others.
    """

    def __init__(
        self, text: str = "", *, clipboard: Clipboard | None = None, history: History | None = None
    ) -> None:
        self.text = text
        self.caret = len(text)
        self.anchor: int | None = None
        self.clipboard = clipboard or Clipboard()
        self._changes = Changes()
        self._recall = Recall(history) if history is not None else None

    @property
    def state(self) -> LineState:
        return LineState(self.text, self.caret, self.anchor)

    @property
    def selection(self) -> tuple[int, int] | None:
        """The selected span (start, end), or None when nothing is selected."""
        if self.anchor is None or self.anchor == self.caret:
            return None
        return min(self.anchor, self.caret), max(self.anchor, self.caret)

    def set(self, text: str) -> None:
        """Replace everything; the caret goes to the end."""
        self.replace(0, len(self.text), text)

    def replace(self, start: int, stop: int, text: str) -> None:
        """Put text in place of a span, as a completion does; the caret goes behind it."""
        before = self._moment
        self._show(Moment(self.text[:start] + text + self.text[stop:], start + len(text)))
        self._noted(before)

    def press(self, key: str, character: str | None) -> bool:
        """Handle one key; False when the editor has no use for it (enter, escape, tab, …)."""
        step = _UNDOES.get(key)
        if step is not None:
            self._show(step(self._changes, self._moment))
            return True
        before = self._moment
        if self.selection:
            self._changes.rest()
        kind = self._take(key, character)
        if kind is None:
            return False
        self._noted(before, kind)
        return True

    def _take(self, key: str, character: str | None) -> str | None:
        """Do what the key means; the kind of change for `Changes`, None when the key means nothing."""
        action = _BINDINGS.get(key)
        if action is not None:
            action(self)
            return "erase" if key in _ERASES else ""
        if key in _RECALLS and self._recall is not None:
            self.recall(_RECALLS[key])
            return ""
        if key == "ctrl+c" and self.selection:
            self.copy()
            return ""
        if character is None or not _is_text(character) or key.startswith(("ctrl+", "alt+", "super+")):
            return None
        return self._type(character)

    def _type(self, character: str) -> str:
        """A word is a step of undo: its first letter begins one."""
        if not character.isspace() and self.text[: self.caret][-1:].isspace():
            self._changes.rest()
        self._put(character)
        return "type"

    def insert(self, text: str) -> None:
        """Put text at the caret, in place of the selection; also what a paste calls."""
        before = self._moment
        self._put(text)
        self._noted(before)

    def recall(self, step: int) -> bool:
        """Show an older (-1) or newer (1) text of the history; False when there is none."""
        text = self._recall.step(self.text, step) if self._recall is not None else None
        if text is not None:
            self._show(Moment(text, len(text)))
        return text is not None

    @property
    def recalling(self) -> bool:
        """The line shows a text of the history, unchanged."""
        return self._recall is not None and self._recall.active(self.text)

    @property
    def has_older(self) -> bool:
        """There is something else that was entered before."""
        return self._recall is not None and self._recall.has_older(self.text)

    def accept(self) -> bool:
        """The text was entered: the history has it from now on. True when that is new."""
        return self._recall is not None and self._recall.accept(self.text)

    def copy(self) -> None:
        """Take the selection, or the whole line when nothing is selected."""
        start, end = self.selection or (0, len(self.text))
        self.clipboard.copy(self.text[start:end])

    def cut(self) -> None:
        span = self.selection or (0, len(self.text))
        self.copy()
        self._remove(*span)

    def paste_own(self) -> None:
        self._put(self.clipboard.text)

    def transpose(self) -> None:
        """The character before the caret changes places with the one after it, at the end with the one before."""
        at = self.caret if self.caret < len(self.text) else graphemes.before(self.text, self.caret)
        start, stop = graphemes.before(self.text, at), graphemes.after(self.text, at)
        if start < at < stop:
            swapped = self.text[at:stop] + self.text[start:at]
            self._show(Moment(self.text[:start] + swapped + self.text[stop:], stop))

    def select_all(self) -> None:
        self.anchor, self.caret = 0, len(self.text)

    def move_to(self, caret: int, *, select: bool = False) -> None:
        """Put the caret somewhere; `select` keeps or starts a selection."""
        if not select:
            self.anchor = None
        elif self.anchor is None:
            self.anchor = self.caret
        self.caret = graphemes.at_or_before(self.text, caret)

    @property
    def left(self) -> int:
        """Where the character before the caret starts."""
        return graphemes.before(self.text, self.caret)

    @property
    def right(self) -> int:
        """Where the character after the caret ends."""
        return graphemes.after(self.text, self.caret)

    def word_left(self) -> int:
        """Where the word before the caret starts."""
        at = self.caret
        while at > 0 and not self._is_word(graphemes.before(self.text, at)):
            at = graphemes.before(self.text, at)
        while at > 0 and self._is_word(graphemes.before(self.text, at)):
            at = graphemes.before(self.text, at)
        return at

    def word_right(self) -> int:
        """Where the word after the caret ends."""
        at, size = self.caret, len(self.text)
        while at < size and not self._is_word(at):
            at = graphemes.after(self.text, at)
        while at < size and self._is_word(at):
            at = graphemes.after(self.text, at)
        return at

    def _is_word(self, start: int) -> bool:
        """The character that starts there is a letter or a digit, whatever marks it has."""
        return self.text[start].isalnum()

    def space_left(self) -> int:
        """Where the run of non-blank characters before the caret starts (what ctrl+w takes)."""
        head = self.text[: self.caret].rstrip(" ")
        return head.rfind(" ") + 1

    def kill(self, start: int, end: int) -> None:
        """Delete a span and keep it for our own paste."""
        self.clipboard.keep(self.text[start:end])
        self._remove(start, end)

    def delete(self, start: int, end: int) -> None:
        """Delete the selection when there is one, else the span."""
        if not self._drop_selection():
            self._remove(start, end)

    @property
    def _moment(self) -> Moment:
        return Moment(self.text, self.caret)

    def _show(self, moment: Moment) -> None:
        self.text, self.caret, self.anchor = moment.text, moment.caret, None
        self._settle()

    def _noted(self, before: Moment, kind: str = "") -> None:
        """After whatever was done: a change can be undone, a move ends the step."""
        if self.text != before.text:
            self._changes.add(before, kind)
        elif self.caret != before.caret:
            self._changes.rest()

    def _put(self, text: str) -> None:
        self._drop_selection()
        added, room = _clean(text), MAX_CHARACTERS - len(self.text)
        added = added[: graphemes.at_or_before(added, room)] if len(added) > room else added
        self.text = self.text[: self.caret] + added + self.text[self.caret :]
        self.caret += len(added)
        self._settle()

    def _remove(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.caret, self.anchor = start, None
        self._settle()

    def _settle(self) -> None:
        """What is now beside the caret may have become one character: the caret goes behind it."""
        if graphemes.at_or_before(self.text, self.caret) != self.caret:
            self.caret = self.right

    def _drop_selection(self) -> bool:
        span = self.selection
        if span:
            self._remove(*span)
        self.anchor = None
        return span is not None


_Edit = Callable[[LineEdit], object]


def _collapse_left(edit: LineEdit) -> None:
    edit.move_to(edit.selection[0] if edit.selection else edit.left)


def _collapse_right(edit: LineEdit) -> None:
    edit.move_to(edit.selection[1] if edit.selection else edit.right)


def _kill_or_selection(edit: LineEdit, start: int, end: int) -> None:
    if edit.selection:
        edit.kill(*edit.selection)
    else:
        edit.kill(start, end)


_EDITS: tuple[tuple[tuple[str, ...], _Edit], ...] = (
    (("left", "ctrl+b"), _collapse_left),
    (("right", "ctrl+f"), _collapse_right),
    (("ctrl+left", "alt+left", "alt+b"), lambda e: e.move_to(e.word_left())),
    (("ctrl+right", "alt+right", "alt+f"), lambda e: e.move_to(e.word_right())),
    (("home", "ctrl+a", "super+left"), lambda e: e.move_to(0)),
    (("end", "ctrl+e", "super+right"), lambda e: e.move_to(len(e.text))),
    (("shift+left",), lambda e: e.move_to(e.left, select=True)),
    (("shift+right",), lambda e: e.move_to(e.right, select=True)),
    (("ctrl+shift+left", "alt+shift+left"), lambda e: e.move_to(e.word_left(), select=True)),
    (("ctrl+shift+right", "alt+shift+right"), lambda e: e.move_to(e.word_right(), select=True)),
    (("shift+home", "shift+super+left"), lambda e: e.move_to(0, select=True)),
    (("shift+end", "shift+super+right"), lambda e: e.move_to(len(e.text), select=True)),
    (("super+a", "alt+a"), LineEdit.select_all),
    (("backspace", "ctrl+h"), lambda e: e.delete(e.left, e.caret)),
    (("delete", "ctrl+d"), lambda e: e.delete(e.caret, e.right)),
    (("ctrl+w", "ctrl+backspace"), lambda e: _kill_or_selection(e, e.space_left(), e.caret)),
    (("alt+backspace",), lambda e: _kill_or_selection(e, e.word_left(), e.caret)),
    (("alt+d", "ctrl+delete", "alt+delete"), lambda e: _kill_or_selection(e, e.caret, e.word_right())),
    (("ctrl+u", "super+backspace"), lambda e: e.kill(0, e.caret)),
    (("ctrl+k", "super+delete"), lambda e: e.kill(e.caret, len(e.text))),
    (("ctrl+t",), LineEdit.transpose),
    (("ctrl+v", "ctrl+y", "super+v"), LineEdit.paste_own),
    (("alt+c", "ctrl+shift+c", "super+c"), LineEdit.copy),
    (("ctrl+x", "super+x"), LineEdit.cut),
)

_BINDINGS: dict[str, _Edit] = {key: edit for keys, edit in _EDITS for key in keys}
_ERASES = frozenset(("backspace", "ctrl+h", "delete", "ctrl+d"))
_UNDO = ("ctrl+underscore", "ctrl+slash", "ctrl+shift+minus", "alt+z", "super+z")
_REDO = ("alt+shift+z", "ctrl+shift+z", "shift+super+z")
_UNDOES = dict.fromkeys(_UNDO, Changes.undo) | dict.fromkeys(_REDO, Changes.redo)
_RECALLS = {"up": -1, "alt+p": -1, "down": 1, "alt+n": 1}
