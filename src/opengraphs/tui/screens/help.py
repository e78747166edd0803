"""Help: the keys of a screen as they are bound, searched with /; below them what the line to the terminal carries."""

from __future__ import annotations

from collections.abc import Callable

from opengraphs.tui import keys
from opengraphs.tui.clipboard import Clipboard
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.painters import overlays
from opengraphs.tui.painters.cells import Row, fit
from opengraphs.tui.screens.input_line import paint_input
from opengraphs.tui.screens.overlays import on_top
from opengraphs.tui.widgets.line_edit import LineEdit

WIDTH = 110
_STEPS = {
    "down": 1,
    "j": 1,
    "up": -1,
    "k": -1,
    "pagedown": 10,
    "space": 10,
    "pageup": -10,
    "home": -999,
    "end": 999,
}


class Help:
    """Scrolls where the keys do not fit. `line` tells in a few words what the line carries, "" for nothing."""

    live = True
    """Painted anew every second while it is open."""

    def __init__(
        self,
        screen: str,
        keymap: keys.Keymap,
        *,
        line: Callable[[], str] = lambda: "",
        clipboard: Clipboard | None = None,
    ) -> None:
        self._screen = screen
        self._keymap = keymap
        self._line = line
        self._clipboard = clipboard
        self._edit: LineEdit | None = None
        self._words: list[str] = []
        self.top = 0

    def press(self, key: str, character: str | None) -> bool:
        if self._edit is not None:
            return self._type(self._edit, key, character)
        if key in _STEPS:
            self.top = max(0, self.top + _STEPS[key])
        elif key == "slash":
            self._edit = LineEdit(" ".join(self._words), clipboard=self._clipboard)
        elif key == "escape" and self._words:
            self._find("")
        else:
            return False
        return True

    def _type(self, edit: LineEdit, key: str, character: str | None) -> bool:
        """In the line for a word: what fits is shown at once; enter leaves it so, escape shows all again."""
        if key in ("enter", "ctrl+m", "escape", "ctrl+c"):
            self._edit = None
            if key in ("escape", "ctrl+c"):
                self._find("")
        elif key in ("down", "up", "pagedown", "pageup"):
            self.top = max(0, self.top + _STEPS[key])
        elif edit.press(key, character):
            self._find(edit.text)
        return True

    def _find(self, text: str) -> None:
        self._words, self.top = text.lower().split(), 0

    def sections(self, glyphs: Glyphs) -> list[overlays.HelpSection]:
        """This screen's own keys, those of every screen, and those of input lines, as far as they fit the words."""
        found = self._all(glyphs)
        if not self._words:
            return found
        fitting = [
            (heading, [pair for pair in pairs if self._fits(" ".join(pair))]) for heading, pairs in found
        ]
        return [section for section in fitting if section[1]]

    def _all(self, glyphs: Glyphs) -> list[overlays.HelpSection]:
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for action in keys.actions_of(self._screen):
            bound = self._keymap.keys_of(self._screen, action.id)
            if bound:
                shown = "  ".join(keys.label(key, ascii_only=glyphs.ascii_only) for key in bound)
                (common if action.screens == keys.ALL else own).append((shown, action.title))
        text = [
            (keys.label(bound[0], ascii_only=glyphs.ascii_only), title) for bound, title in keys.TEXT_KEYS
        ]
        return [(self._screen.title(), own), ("Everywhere", common), ("Input lines", text)]

    def _fits(self, text: str) -> bool:
        return all(word in text.lower() for word in self._words)

    def paint(self, rows: list[Row], width: int, height: int, glyphs: Glyphs) -> list[Row]:
        sections, inner = self.sections(glyphs), min(width, WIDTH) - 4
        below = self._below(inner, glyphs)[: max(1, height - 4)]
        lines = len(overlays.help_rows(sections, inner, glyphs)) if sections else 1
        most = len(
            overlays.help_rows(self._all(glyphs), inner, glyphs)
        )  # the box does not shrink while one types
        height_in = min(height, most + 2 + len(below))
        self.top = max(0, min(self.top, lines - (height_in - 2 - len(below))))
        block = overlays.paint_help(
            f"{self._screen.title()}: keys",
            sections or [("nothing fits", [])],
            min(width, WIDTH),
            height_in,
            glyphs,
            top=self.top,
            below=below,
        )
        return on_top(rows, block, width, height)

    def _below(self, width: int, glyphs: Glyphs) -> list[Row]:
        """What can be done, or the word being typed; then the line to the terminal."""
        line = self._line()
        told: list[Row] = (
            [fit([(glyphs.clean(line), "dim")], width, ellipsis=glyphs.ellipsis)] if line else []
        )
        if self._edit is not None:
            return [paint_input(self._edit.state, width, glyphs, label="/"), *told]
        hints: Row = [("/", "accent"), (" search  ", "dim")]
        if self._words:
            words = glyphs.clean(" ".join(self._words))
            hints = [("/ ", "accent"), (f"{words}  ", "b:accent"), ("esc", "accent"), (" all keys  ", "dim")]
        return [fit([*hints, ("any other key closes", "dim")], width, ellipsis=glyphs.ellipsis), *told]

    def click(self, x: int, y: int) -> bool:
        return False

    def wheel(self, direction: int) -> None:
        self.top = max(0, self.top + 3 * direction)

    def paste(self, text: str) -> None:
        if self._edit is not None:
            self._edit.insert(text)
            self._find(self._edit.text)
