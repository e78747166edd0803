"""A one-line text editor: text, caret, selection and the keys of docs/keys.md. Pure, no Textual."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from opengraphs.tui.clipboard import Clipboard

MAX_CHARACTERS = 10_000


class LineState(NamedTuple):
    """What a painter needs. `anchor` is the other end of the selection, None without one."""

    text: str
    caret: int
    anchor: int | None


def _clean(text: str) -> str:
    """Pasted text as one line: newlines and tabs become spaces, control characters go."""
    spaced = text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ").replace("\t", " ")
    return "".join(char for char in spaced if char.isprintable())


class LineEdit:
    """Takes keys, keeps text. Copy, cut and deletions of more than a character go to `clipboard`."""

    def __init__(self, text: str = "", *, clipboard: Clipboard | None = None) -> None:
        self.text = text
        self.caret = len(text)
        self.anchor: int | None = None
        self.clipboard = clipboard or Clipboard()

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
        self.text, self.caret, self.anchor = text, len(text), None

    def press(self, key: str, character: str | None) -> bool:
        """Handle one key; False when the editor has no use for it (enter, escape, tab, …)."""
        action = _BINDINGS.get(key)
        if action is not None:
            action(self)
            return True
        if key == "ctrl+c" and self.selection:
            self.copy()
            return True
        if character is None or not character.isprintable() or key.startswith(("ctrl+", "alt+", "super+")):
            return False
        self.insert(character)
        return True

    def insert(self, text: str) -> None:
        """Put text at the caret, in place of the selection; also what a paste calls."""
        self._drop_selection()
        added = _clean(text)[: MAX_CHARACTERS - len(self.text)]
        self.text = self.text[: self.caret] + added + self.text[self.caret :]
        self.caret += len(added)

    def copy(self) -> None:
        """Take the selection, or the whole line when nothing is selected."""
        start, end = self.selection or (0, len(self.text))
        self.clipboard.copy(self.text[start:end])

    def cut(self) -> None:
        span = self.selection or (0, len(self.text))
        self.copy()
        self._remove(*span)

    def paste_own(self) -> None:
        self.insert(self.clipboard.text)

    def select_all(self) -> None:
        self.anchor, self.caret = 0, len(self.text)

    def move_to(self, caret: int, *, select: bool = False) -> None:
        """Put the caret somewhere; `select` keeps or starts a selection."""
        if not select:
            self.anchor = None
        elif self.anchor is None:
            self.anchor = self.caret
        self.caret = max(0, min(caret, len(self.text)))

    def word_left(self) -> int:
        """Where the word before the caret starts."""
        at = self.caret
        while at > 0 and not self.text[at - 1].isalnum():
            at -= 1
        while at > 0 and self.text[at - 1].isalnum():
            at -= 1
        return at

    def word_right(self) -> int:
        """Where the word after the caret ends."""
        at, size = self.caret, len(self.text)
        while at < size and not self.text[at].isalnum():
            at += 1
        while at < size and self.text[at].isalnum():
            at += 1
        return at

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
            self._remove(max(0, start), end)

    def _remove(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.caret, self.anchor = start, None

    def _drop_selection(self) -> bool:
        span = self.selection
        if span:
            self._remove(*span)
        self.anchor = None
        return span is not None


_Edit = Callable[[LineEdit], object]


def _collapse_left(edit: LineEdit) -> None:
    edit.move_to(edit.selection[0] if edit.selection else edit.caret - 1)


def _collapse_right(edit: LineEdit) -> None:
    edit.move_to(edit.selection[1] if edit.selection else edit.caret + 1)


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
    (("shift+left",), lambda e: e.move_to(e.caret - 1, select=True)),
    (("shift+right",), lambda e: e.move_to(e.caret + 1, select=True)),
    (("ctrl+shift+left", "alt+shift+left"), lambda e: e.move_to(e.word_left(), select=True)),
    (("ctrl+shift+right", "alt+shift+right"), lambda e: e.move_to(e.word_right(), select=True)),
    (("shift+home", "shift+super+left"), lambda e: e.move_to(0, select=True)),
    (("shift+end", "shift+super+right"), lambda e: e.move_to(len(e.text), select=True)),
    (("super+a", "alt+a"), LineEdit.select_all),
    (("backspace", "ctrl+h"), lambda e: e.delete(e.caret - 1, e.caret)),
    (("delete", "ctrl+d"), lambda e: e.delete(e.caret, e.caret + 1)),
    (("ctrl+w", "ctrl+backspace"), lambda e: _kill_or_selection(e, e.space_left(), e.caret)),
    (("alt+backspace",), lambda e: _kill_or_selection(e, e.word_left(), e.caret)),
    (("alt+d", "ctrl+delete", "alt+delete"), lambda e: _kill_or_selection(e, e.caret, e.word_right())),
    (("ctrl+u", "super+backspace"), lambda e: e.kill(0, e.caret)),
    (("ctrl+k", "super+delete"), lambda e: e.kill(e.caret, len(e.text))),
    (("ctrl+v", "ctrl+y", "super+v"), LineEdit.paste_own),
    (("alt+c", "ctrl+shift+c", "super+c"), LineEdit.copy),
    (("ctrl+x", "super+x"), LineEdit.cut),
)

_BINDINGS: dict[str, _Edit] = {key: edit for keys, edit in _EDITS for key in keys}
