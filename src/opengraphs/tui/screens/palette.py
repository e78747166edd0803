"""The palette: every action of the screen by name, narrowed while one types.

Our own and not Textual's, so that it opens within a frame, draws with the same glyphs and colours
as everything else, and adds nothing to the DOM.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from opengraphs.tui import keys
from opengraphs.tui.clipboard import Clipboard
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.painters import frame, overlays
from opengraphs.tui.painters.cells import Row, fit, overlay, restyle, row_width
from opengraphs.tui.screens.input_line import paint_input
from opengraphs.tui.widgets.line_edit import LineEdit

WIDTH, ROWS = 72, 16


class Palette:
    """Takes the keys until an action is chosen (`perform` gets its id) or escape."""

    def __init__(
        self,
        actions: Sequence[keys.Action],
        keymap: keys.Keymap,
        screen: str,
        perform: Callable[[str], object],
        clipboard: Clipboard,
    ) -> None:
        self._all = [action for action in actions if action.id != "palette"]
        self._keymap = keymap
        self._screen = screen
        self._perform = perform
        self._edit = LineEdit(clipboard=clipboard)
        self._place = (0, 0, 0)
        self.cursor = 0
        self.top = 0

    def found(self) -> list[keys.Action]:
        """The actions whose name has every typed word, those that begin with the first one in front."""
        words = self._edit.text.lower().split()
        fitting = [a for a in self._all if all(word in f"{a.title} {a.id}".lower() for word in words)]
        return sorted(fitting, key=lambda a: not a.title.lower().startswith(words[0])) if words else fitting

    def press(self, key: str, character: str | None) -> bool:
        steps = {"down": 1, "tab": 1, "ctrl+n": 1, "up": -1, "shift+tab": -1, "pagedown": 10, "pageup": -10}
        if key in steps:
            self._move(steps[key])
            return True
        if key in ("enter", "ctrl+m"):
            return not self._choose(self.cursor)
        if key in ("escape", "ctrl+p", "ctrl+c"):
            return False
        before = self._edit.text
        self._edit.press(key, character)
        if self._edit.text != before:
            self.cursor = self.top = 0
        return True

    def paste(self, text: str) -> None:
        self._edit.insert(text)
        self.cursor = self.top = 0

    def _move(self, step: int) -> None:
        self.cursor = max(0, min(len(self.found()) - 1, self.cursor + step))

    def _choose(self, index: int) -> bool:
        found = self.found()
        if not 0 <= index < len(found):
            return False
        self._perform(found[index].id)
        return True

    def paint(self, rows: list[Row], width: int, height: int, glyphs: Glyphs) -> list[Row]:
        found, box_width = self.found(), min(width, WIDTH)
        room = max(1, min(ROWS, height - 4))
        self.top = max(0, min(self.top, self.cursor, len(found) - room))
        self.top = max(self.top, self.cursor - room + 1)
        shown = found[self.top : self.top + room]
        content = [paint_input(self._edit.state, box_width - 2, glyphs, label=glyphs.prompt)]
        content += [self._line(action, n, box_width - 2, glyphs) for n, action in enumerate(shown, self.top)]
        if not found:
            content.append([("   no action fits", "dim")])
        where = f"{self.cursor + 1}/{len(found)}" if len(found) > room else ""
        block = frame.box(
            content, box_width, min(height, room + 3), glyphs, title="actions", right=where, focused=True
        )
        rect = overlays.centered(block, width, height)
        self._place = (rect.x, rect.y, rect.width)
        return overlay(restyle(rows, "faint"), block, rect.x, rect.y)

    def _line(self, action: keys.Action, index: int, width: int, glyphs: Glyphs) -> Row:
        bound = self._keymap.keys_of(self._screen, action.id)
        shown = "  ".join(keys.label(key, ascii_only=glyphs.ascii_only) for key in bound)
        row: Row = [("   ", "text"), (action.title, "text")]
        gap = width - row_width(row) - len(shown) - 2
        row = fit([*row, (" " * max(1, gap), "text"), (shown, "accent")], width, ellipsis=glyphs.ellipsis)
        return [(text, f"sel:{role}") for text, role in row] if index == self.cursor else row

    def click(self, x: int, y: int) -> bool:
        """On an action: do it. Beside the box: close."""
        left, top, width = self._place
        index = y - top - 2
        if not left <= x < left + width or y < top:
            return False
        return not self._choose(self.top + index) if index >= 0 else True

    def wheel(self, direction: int) -> None:
        self._move(3 * direction)
