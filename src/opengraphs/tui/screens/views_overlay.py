"""The overlay of saved views: apply, save, remove, make one the project's default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opengraphs.tui.clipboard import Clipboard
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.painters import frame, overlays
from opengraphs.tui.painters.cells import Row, fit, overlay, restyle, row_width
from opengraphs.tui.screens.input_line import paint_input
from opengraphs.tui.screens.views_state import ViewsState
from opengraphs.tui.widgets.line_edit import LineEdit

WIDTH, ROWS, MAX_NAME = 64, 12, 100
_MOVES = {"down": 1, "j": 1, "tab": 1, "up": -1, "k": -1, "shift+tab": -1, "pagedown": 8, "pageup": -8}


class ViewsOverlay:
    """`apply` gets a view's name; `change` what `PUT /views` shall change; `current` is how all looks now."""

    def __init__(
        self,
        state: ViewsState,
        *,
        apply: Callable[[str], object],
        change: Callable[[dict[str, Any]], object],
        current: Callable[[], dict[str, Any]],
        clipboard: Clipboard,
    ) -> None:
        self._state = state
        self._apply, self._change, self._current = apply, change, current
        self._clipboard = clipboard
        self._edit: LineEdit | None = None
        self._asked: tuple[str, str] | None = None
        """(what is asked, the view it is about): remove it, or save over it."""
        self._place = (0, 0, 0, 0)
        self.cursor = 0
        self.top = 0

    @property
    def chosen(self) -> str:
        """The name under the cursor."""
        names = self._state.names()
        return names[min(self.cursor, len(names) - 1)]

    def press(self, key: str, character: str | None) -> bool:
        if self._asked is not None:
            return self._answer(key)
        if self._edit is not None:
            return self._type(self._edit, key, character)
        if key in _MOVES:
            self._move(_MOVES[key])
        elif key in ("enter", "ctrl+m"):
            self._apply(self.chosen)
            return False
        elif key in ("a", "s", "plus"):
            self._edit = LineEdit(clipboard=self._clipboard)
        elif key in ("d", "delete", "asterisk"):
            self._change_chosen(key)
        else:
            return key not in ("escape", "q", "v", "ctrl+c")
        return True

    def _change_chosen(self, key: str) -> None:
        """Of those that are saved: the built-in ones are not the project's."""
        name = self.chosen
        if name not in self._state.saved:
            self._state.error = f"{name} is built in; save it under a name first"
        elif key == "asterisk":
            self._change({"default": "" if name == self._state.default else name})
        else:
            self._asked = ("remove", name)

    def _type(self, edit: LineEdit, key: str, character: str | None) -> bool:
        """The name that the present look is to be saved under."""
        name = edit.text.strip()[:MAX_NAME]
        if key in ("escape", "ctrl+c"):
            self._edit = None
        elif key not in ("enter", "ctrl+m"):
            edit.press(key, character)
        elif name in self._state.saved:
            self._edit, self._asked = None, ("save over", name)
        elif name:
            self._edit = None
            self._save(name)
        return True

    def _answer(self, key: str) -> bool:
        what, name = self._asked or ("", "")
        self._asked = None
        if key == "y" and what == "remove":
            self._change({"views": {name: None}, "version": self._state.version})
        elif key == "y":
            self._save(name, version=self._state.version)
        return True

    def _save(self, name: str, **version: str) -> None:
        self._change({"views": {name: self._current()}, **version})

    def _move(self, step: int) -> None:
        self.cursor = max(0, min(len(self._state.names()) - 1, self.cursor + step))

    def paint(self, rows: list[Row], width: int, height: int, glyphs: Glyphs) -> list[Row]:
        names, box_width = self._state.names(), min(width, WIDTH)
        self.cursor = min(self.cursor, len(names) - 1)
        room = max(1, min(ROWS, len(names), height - 4))
        self.top = max(0, min(self.top, self.cursor, len(names) - room))
        self.top = max(self.top, self.cursor - room + 1)
        shown = list(enumerate(names))[self.top : self.top + room]
        content = [self._line(n, name, box_width - 2, glyphs) for n, name in shown]
        content += [[], self._foot(box_width - 2, glyphs)]
        where = f"{self.cursor + 1}/{len(names)}" if len(names) > room else ""
        title = "views of " + (self._state.project or "no project")
        block = frame.box(
            content, box_width, min(height, room + 4), glyphs, title=title, right=where, focused=True
        )
        rect = overlays.centered(block, width, height)
        self._place = (rect.x, rect.y, rect.width, rect.height)
        return overlay(restyle(rows, "faint"), block, rect.x, rect.y)

    def _line(self, index: int, name: str, width: int, glyphs: Glyphs) -> Row:
        state = self._state
        mark = "*" if name == state.default else " "
        view = state.get(name) or {}
        kind = str(view.get("screen", "")) if name in state.saved else "built in"
        row: Row = [(f" {mark} ", "accent"), (glyphs.clean(name), "text" if name in state.saved else "dim")]
        kind = glyphs.clean(kind)[:10]
        row = fit(row, width - len(kind) - 2, ellipsis=glyphs.ellipsis)
        row = fit([*row, (kind, "dim")], width)
        return [(text, f"sel:{role}") for text, role in row] if index == self.cursor else row

    def _foot(self, width: int, glyphs: Glyphs) -> Row:
        """The line below: a question, the name being typed, what went wrong, or what can be done."""
        if self._asked is not None:
            what, name = self._asked
            return fit(
                [(f" {what} {glyphs.clean(name)}? ", "warn"), ("y yes  any other key no", "dim")], width
            )
        if self._edit is not None:
            return paint_input(self._edit.state, width, glyphs, label="save as")
        if self._state.error:
            return fit([(f" {glyphs.clean(self._state.error)}", "error")], width, ellipsis=glyphs.ellipsis)
        row: Row = []
        for key, says in (
            ("enter", "apply"),
            ("a", "save this"),
            ("d", "remove"),
            ("*", "default"),
            ("esc", "close"),
        ):
            if row_width(row) + len(key) + len(says) + 3 <= width:
                row += [(f" {key} ", "accent"), (f"{says} ", "dim")]
        return row

    def click(self, x: int, y: int) -> bool:
        """On a view: apply it. Beside the box: close."""
        left, top, width, height = self._place
        if not (left <= x < left + width and top <= y < top + height):
            return False
        index = self.top + y - top - 1
        if y - top - 1 < 0 or y - top >= height - 3 or index >= len(self._state.names()):
            return True
        self._apply(self._state.names()[index])
        return False

    def wheel(self, direction: int) -> None:
        self._move(direction)

    def paste(self, text: str) -> None:
        if self._edit is not None:
            self._edit.insert(text)
