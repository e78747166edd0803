"""Options: every setting with its value and where that comes from, changed in place; and the keys of a screen.

What is chosen from a list is shown on the screen behind while the cursor moves over it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap

from opengraphs.tui import keys
from opengraphs.tui.clipboard import Clipboard
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.painters import frame, overlays
from opengraphs.tui.painters.cells import Row, fit, overlay, restyle, row_width
from opengraphs.tui.painters.text import clip_left, pad
from opengraphs.tui.screens.input_line import paint_input
from opengraphs.tui.screens.options_state import OptionsState
from opengraphs.tui.settings import Setting
from opengraphs.tui.widgets.line_edit import LineEdit

WIDTH, LIST_WIDTH, NAME, VALUE, FOOT = 84, 34, 20, 26, 5
ROOMY = 18
"""Rows from which the lines below the list stand apart from it."""

_MOVES = {"down": 1, "j": 1, "up": -1, "k": -1, "pagedown": 8, "pageup": -8, "home": -999, "end": 999}
_SIDEWAYS = {"right": 1, "l": 1, "space": 1, "plus": 1, "left": -1, "minus": -1}


class Options:
    """Takes the keys until escape. Two pages: settings, and the keys of `screen`."""

    def __init__(
        self, state: OptionsState, screen: str, keymap: Callable[[], keys.Keymap], clipboard: Clipboard
    ) -> None:
        self._state = state
        self._screen = screen
        self._keymap = keymap
        self._clipboard = clipboard
        self._edit: LineEdit | None = None
        self._choosing: tuple[str, ...] = ()
        """The list that is open, for the setting under the cursor."""
        self._capturing = False
        self._picked = 0
        self._place = (0, 0, 0, 0)
        self._foot_rows = FOOT
        self.on_keys = False
        self.cursor = self.top = 0

    @property
    def _actions(self) -> list[keys.Action]:
        return keys.actions_of(self._screen)

    @property
    def _count(self) -> int:
        return len(self._actions) if self.on_keys else len(self._state.settings)

    @property
    def _setting(self) -> Setting:
        return self._state.settings[self.cursor]

    # Keys

    def press(self, key: str, character: str | None) -> bool:
        if self._capturing:
            self._capture(key)
        elif self._edit is not None:
            self._type(self._edit, key, character)
        elif self._choosing:
            self._choose(key)
        else:
            return self._press_in_list(key)
        return True

    def _press_in_list(self, key: str) -> bool:
        if key in _MOVES:
            self._move(_MOVES[key])
        elif key in ("tab", "shift+tab"):
            self.on_keys = not self.on_keys
            self.cursor = self.top = 0
            self._forget_words()
        elif key in ("enter", "ctrl+m"):
            self._open()
        elif self.on_keys and key in ("delete", "backspace"):
            self._state.bind(self._actions[self.cursor], None)
        elif not self.on_keys and key in _SIDEWAYS:
            self._state.step(self._setting, _SIDEWAYS[key])
        else:
            return key not in ("escape", "q", "comma", "ctrl+c")
        return True

    def _move(self, step: int) -> None:
        self.cursor = max(0, min(self._count - 1, self.cursor + step))
        self._forget_words()

    def _forget_words(self) -> None:
        self._state.note = self._state.error = ""

    def _open(self) -> None:
        """What enter does on a row: catch a key, open its list, or let the value be written."""
        self._forget_words()
        if self.on_keys:
            self._capturing = True
            return
        text, choices = self._state.text(self._setting), self._state.choices(self._setting)
        if choices and self._setting.name != "ui.refresh_ms":
            self._choosing = tuple(choices)
            self._picked = self._choosing.index(text) if text in choices else 0
        elif (
            isinstance(self._setting.default, tuple) and len(self._state.chosen.texts(self._setting.name)) > 1
        ):
            self._state.error = "several texts: change them in the file"
        else:
            self._edit = LineEdit(text, clipboard=self._clipboard)

    def _capture(self, key: str) -> None:
        self._capturing = False
        if key not in ("escape", "ctrl+c"):
            self._state.bind(self._actions[self.cursor], key)

    def _type(self, edit: LineEdit, key: str, character: str | None) -> None:
        if key in ("escape", "ctrl+c"):
            self._edit = None
            self._forget_words()
        elif key in ("enter", "ctrl+m"):
            if self._state.set(self._setting, edit.text.strip()):
                self._edit = None
        else:
            edit.press(key, character)

    def _choose(self, key: str) -> None:
        """In an open list: what is under its cursor is shown at once, kept with enter, taken back with escape."""
        one = self._setting
        if key in _MOVES:
            self._pick(self._picked + _MOVES[key])
        elif key in ("enter", "ctrl+m", "space"):
            if self._state.set(one, self._choosing[self._picked]):
                self._choosing = ()
        elif key in ("escape", "q", "ctrl+c", "left"):
            self._state.show(one, self._state.text(one))
            self._choosing = ()

    def _pick(self, index: int) -> None:
        self._picked = max(0, min(len(self._choosing) - 1, index))
        self._state.show(self._setting, self._choosing[self._picked])

    # Painting

    def paint(self, rows: list[Row], width: int, height: int, glyphs: Glyphs) -> list[Row]:
        if self._choosing:
            return self._paint_choices(rows, width, height, glyphs)
        box_width = min(width, WIDTH)
        self._foot_rows = FOOT if height >= ROOMY else 2
        room = max(1, min(self._count, height - self._foot_rows - 2))
        self.top = max(0, min(self.top, self.cursor, self._count - room))
        self.top = max(self.top, self.cursor - room + 1)
        shown = range(self.top, self.top + room)
        line = self._key_row if self.on_keys else self._setting_row
        content = [self._marked(line(n, box_width - 2, glyphs), n == self.cursor) for n in shown]
        content += self._foot(box_width - 2, glyphs) if height >= room + self._foot_rows + 2 else []
        where = f"{self.cursor + 1}/{self._count}" if self._count > room else ""
        title = f"options: keys of {self._screen.title()}" if self.on_keys else "options"
        block = frame.box(
            content, box_width, min(height, len(content) + 2), glyphs, title=title, right=where, focused=True
        )
        rect = overlays.centered(block, width, height)
        self._place = (rect.x, rect.y, rect.width, rect.height)
        return overlay(restyle(rows, "faint"), block, rect.x, rect.y)

    def _paint_choices(self, rows: list[Row], width: int, height: int, glyphs: Glyphs) -> list[Row]:
        """A small box in the corner: the screen stays in its colours, so that one sees what one chooses."""
        box_width, room = min(width, LIST_WIDTH), max(1, min(len(self._choosing), height - 4))
        top = max(0, min(self._picked - room // 2, len(self._choosing) - room))
        content: list[Row] = [
            self._marked(
                fit([(f"   {glyphs.clean(text)}", "text")], box_width - 2, ellipsis=glyphs.ellipsis),
                n == self._picked,
            )
            for n, text in list(enumerate(self._choosing))[top : top + room]
        ]
        error = wrap(glyphs.clean(self._state.error), box_width - 4)[: max(0, height - 2 - room)]
        content += [[(f" {line}", "error")] for line in error]
        if not error:
            content.append(_hints([("enter", "keep"), ("esc", "back")], box_width - 2))
        block = frame.box(
            content, box_width, len(content) + 2, glyphs, title=self._setting.name, focused=True
        )
        x, y = width - box_width, 1 if height > len(block) else 0
        self._place = (x, y, box_width, len(block))
        return overlay(rows, block, x, y)

    def _marked(self, row: Row, on: bool) -> Row:
        return [(text, f"sel:{role}") for text, role in row] if on else row

    def _setting_row(self, index: int, width: int, glyphs: Glyphs) -> Row:
        one, state = self._state.settings[index], self._state
        source = state.source(one)
        value = glyphs.clean(state.text(one)) or "none"
        room = max(8, min(VALUE, width - NAME - 12))
        return fit(
            [
                (f" {pad(one.name, NAME)}", "text"),
                (pad(value, room, ellipsis=glyphs.ellipsis), "dim" if source == "default" else "b:accent"),
                (" ", "text"),
                (
                    clip_left(
                        glyphs.clean(source), max(0, width - NAME - room - 3), ellipsis=glyphs.ellipsis
                    ),
                    "dim",
                ),
            ],
            width,
            ellipsis=glyphs.ellipsis,
        )

    def _key_row(self, index: int, width: int, glyphs: Glyphs) -> Row:
        action = self._actions[index]
        bound = self._keymap().keys_of(self._screen, action.id)
        shown = "  ".join(keys.label(key, ascii_only=glyphs.ascii_only) for key in bound) or "none"
        own = action.id in self._state.chosen.keys
        title = pad(action.title, max(10, width - VALUE - 13), ellipsis=glyphs.ellipsis)
        row: Row = [(f" {title} ", "text"), (pad(shown, VALUE, ellipsis=glyphs.ellipsis), "b:accent")]
        return fit([*row, (" yours" if own else " default", "dim")], width)

    def _foot(self, width: int, glyphs: Glyphs) -> list[Row]:
        """Below the list: what the row is about, what happened, what can be done."""
        state = self._state
        about = self._actions[self.cursor].id if self.on_keys else self._setting.title.replace("`", "")
        words: Row = [(f" {state.note}", "ok")] if state.note else []
        if state.error:
            words = [(f" {state.error}", "error")]
        words = [(glyphs.clean(text), role) for text, role in words]
        words = fit(words, width, ellipsis=glyphs.ellipsis) if words else []
        note: Row = fit([(f" {glyphs.clean(about)}", "dim")], width, ellipsis=glyphs.ellipsis)
        if self._foot_rows < FOOT:
            return [words or note, self._last_row(width, glyphs)]
        return [[], note, words, [], self._last_row(width, glyphs)]

    def _last_row(self, width: int, glyphs: Glyphs) -> Row:
        if self._edit is not None:
            return paint_input(self._edit.state, width, glyphs, label=self._setting.name)
        if self._capturing:
            return fit([(" press the key ", "b:accent"), ("esc leaves it as it is", "dim")], width)
        if self.on_keys:
            return _hints(
                [("enter", "another key"), ("del", "default"), ("tab", "settings"), ("esc", "close")], width
            )
        arrows = "left right" if glyphs.ascii_only else f"{glyphs.arrows[2]} {glyphs.arrows[3]}"
        return _hints(
            [(arrows, "change"), ("enter", "choose, write"), ("tab", "keys"), ("esc", "close")], width
        )

    # Mouse

    def click(self, x: int, y: int) -> bool:
        """On a row: go there, and a second time do what enter does. Beside the box: close."""
        left, top, width, height = self._place
        inside = left <= x < left + width and top <= y < top + height
        index = y - top - 1
        if self._choosing:
            if inside and 0 <= index < len(self._choosing):
                self._pick(index)
            return True
        if not inside:
            return self._edit is not None or self._capturing
        if 0 <= index < height - 2 - self._foot_rows and self.top + index < self._count:
            if self.cursor == self.top + index:
                self._open()
            else:
                self._move(self.top + index - self.cursor)
        return True

    def wheel(self, direction: int) -> None:
        if self._choosing:
            self._pick(self._picked + direction)
        elif self._edit is None and not self._capturing:
            self._move(direction)

    def paste(self, text: str) -> None:
        if self._edit is not None:
            self._edit.insert(text)


def _hints(pairs: Sequence[tuple[str, str]], width: int) -> Row:
    """Key and what it does, as many as there is room for."""
    row: Row = []
    for key, says in pairs:
        if row_width(row) + len(key) + len(says) + 3 <= width:
            row += [(f" {key} ", "accent"), (f"{says} ", "dim")]
    return row
