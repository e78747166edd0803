"""What lies on top of a screen and takes the keys; menus; toasts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.painters import overlays
from opengraphs.tui.painters.cells import Row, overlay, restyle

MENU_WIDTH, TOAST_WIDTH = 66, 72


class Overlay(Protocol):
    """One overlay; `press` returns False when it is done and shall go away."""

    def press(self, key: str, character: str | None) -> bool: ...

    def paint(self, rows: list[Row], width: int, height: int, glyphs: Glyphs) -> list[Row]: ...

    def click(self, x: int, y: int) -> bool: ...

    def wheel(self, direction: int) -> None: ...

    def paste(self, text: str) -> None: ...


class Entry(NamedTuple):
    """One line of a menu; `run` happens when it is chosen."""

    key: str
    name: str
    explanation: str
    run: Callable[[], object]


class Menu:
    """A few choices, the harmless one under the cursor first. `on_ctrl_c` is a second ctrl+c."""

    def __init__(
        self,
        title: str,
        entries: Sequence[Entry],
        *,
        note: str = "",
        on_ctrl_c: Callable[[], object] | None = None,
    ) -> None:
        self.title = title
        self.entries = list(entries)
        self.note = note
        self.cursor = 0
        self._on_ctrl_c = on_ctrl_c
        self._place = (0, 0, 0, 0)

    def press(self, key: str, character: str | None) -> bool:
        if key in ("down", "j", "tab", "up", "k", "shift+tab"):
            step = 1 if key in ("down", "j", "tab") else -1
            self.cursor = (self.cursor + step) % len(self.entries)
            return True
        if key == "ctrl+c" and self._on_ctrl_c:
            self._on_ctrl_c()
            return False
        if key in ("enter", "ctrl+m"):
            self.entries[self.cursor].run()
            return False
        for entry in self.entries:
            if entry.key == key:
                entry.run()
                return False
        return key not in ("escape", "q")

    def paint(self, rows: list[Row], width: int, height: int, glyphs: Glyphs) -> list[Row]:
        items = [(entry.key, entry.name, entry.explanation) for entry in self.entries]
        block = overlays.paint_menu(
            self.title, items, min(width, MENU_WIDTH), glyphs, cursor=self.cursor, note=self.note
        )
        rect = overlays.centered(block, width, height)
        self._place = (rect.x, rect.y, rect.width, rect.height)
        return on_top(rows, block, width, height)

    def click(self, x: int, y: int) -> bool:
        """On an entry: choose it. Outside the box: close."""
        left, top, width, height = self._place
        inside = left <= x < left + width and top <= y < top + height
        index = y - top - 1
        if inside and 0 <= index < len(self.entries):
            self.entries[index].run()
            return False
        return inside

    def wheel(self, direction: int) -> None:
        self.cursor = max(0, min(len(self.entries) - 1, self.cursor + direction))

    def paste(self, text: str) -> None:
        """There is nowhere to put it."""


def on_top(rows: list[Row], block: list[Row], width: int, height: int) -> list[Row]:
    """The screen, faded, with the block in its middle."""
    rect = overlays.centered(block, width, height)
    return overlay(restyle(rows, "faint"), block, rect.x, rect.y)


def with_toast(rows: list[Row], text: str, kind: str, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """A message at the lower right, above the status line; at the top edge where the screen is too low."""
    block = overlays.paint_toast(text, max(1, min(width - 2, TOAST_WIDTH)), glyphs, kind=kind)
    if height < len(block) + 3:
        return rows
    size = sum(len(piece) for piece, _ in block[0])
    return overlay(rows, block, max(0, width - size - 1), height - len(block) - 1)
