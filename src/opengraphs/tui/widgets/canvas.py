"""The one big widget: rows from the painters on Textual's line API.

A new picture is compared with the one on the screen, and only the changed stretches of each
changed line are refreshed. Strips are built when a line is first shown and kept until it changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from opengraphs.tui.painters.cells import Row, plain
from opengraphs.tui.painters.text import cell_len
from opengraphs.tui.theme import Theme


class Palette:
    """Roles as Rich styles, for one theme at one colour depth."""

    def __init__(self, theme: Theme, depth: str) -> None:
        self.theme = theme
        self.depth = depth
        self._styles: dict[str, RichStyle] = {}

    def style(self, role: str) -> RichStyle:
        found = self._styles.get(role)
        if found is None:
            found = self._styles[role] = self._make(role)
        return found

    def _make(self, role: str) -> RichStyle:
        look = self.theme.resolve(role, self.depth)
        return RichStyle(
            color=look.fg,
            bgcolor=look.bg,
            bold=look.bold or None,
            dim=look.dim or None,
            underline=look.underline or None,
            reverse=look.reverse or None,
        )


@lru_cache(maxsize=8192)
def _cells(text: str) -> int:
    return cell_len(text)


_APART = 8
"""Changed stretches with fewer equal cells between them are refreshed as one."""


def changed_spans(old: Row, new: Row) -> list[tuple[int, int]]:
    """The stretches of cells [start, stop) in which two rows of equal width may differ, from left to right."""
    if old == new:
        return []
    head, tail, start = 0, 0, 0
    for before, after in zip(old, new, strict=False):
        if before != after:
            break
        start += _cells(after[0])
        head += 1
    for before, after in zip(reversed(old[head:]), reversed(new[head:]), strict=False):
        if before != after:
            break
        tail += 1
    return _between(old[head : len(old) - tail], new[head : len(new) - tail], start)


def _between(old: Row, new: Row, x: int) -> list[tuple[int, int]]:
    """Run by run where both rows are cut at the same cells, else all of it. x: where they begin."""
    spans: list[tuple[int, int]] = []
    at = x
    aligned = len(old) == len(new)
    for number, run in enumerate(new):
        size = _cells(run[0])
        if aligned and _cells(old[number][0]) != size:
            aligned = False
        if not aligned or run != old[number]:
            if spans and at - spans[-1][1] < _APART:
                spans[-1] = (spans[-1][0], at + size)
            else:
                spans.append((at, at + size))
        at += size
    return spans if aligned else [(x, at)]


class Hands(Protocol):
    """Who takes what the user does on the canvas."""

    def take_key(self, key: str, character: str | None) -> None: ...

    def take_paste(self, text: str) -> None: ...

    def take_click(self, x: int, y: int) -> None: ...

    def take_drag(
        self,
        start: tuple[int, int],
        at: tuple[int, int],
        *,
        done: bool,
        button: int,
        modifiers: frozenset[str],
    ) -> None: ...

    def take_wheel(self, x: int, y: int, direction: int) -> None: ...

    def take_size(self) -> None: ...


class Canvas(Widget, can_focus=True):
    """Shows rows: `show` is the only way in. What the user does goes straight to `hands`,
    without climbing through the DOM, so that a key costs one message."""

    DEFAULT_CSS = "Canvas { width: 100%; height: 100%; }"
    ALLOW_SELECT = False

    def __init__(self, palette: Palette, hands: Hands) -> None:
        super().__init__(id="canvas")
        self._palette = palette
        self._hands = hands
        self._rows: list[Row] = []
        self._strips: list[Strip | None] = []
        self._width = 0
        self._pressed: tuple[int, int, int] | None = None
        self._dragging = False

    @property
    def rows(self) -> Sequence[Row]:
        """The picture as it was last shown."""
        return self._rows

    def text(self) -> list[str]:
        """The picture as plain lines: what tests and a text export read."""
        return plain(self._rows)

    def set_palette(self, palette: Palette) -> None:
        """Draw the same rows in other colours."""
        self._palette = palette
        self._strips = [None] * len(self._rows)
        self.refresh()

    def show(self, rows: list[Row]) -> int:
        """Put a picture on the screen; returns how many lines changed."""
        if len(rows) != len(self._rows) or self._width != self.size.width:
            self._rows, self._strips, self._width = rows, [None] * len(rows), self.size.width
            self.refresh()
            return len(rows)
        changed, regions = 0, list[Region]()
        for y, row in enumerate(rows):
            spans = changed_spans(self._rows[y], row)
            if spans:
                self._rows[y], self._strips[y] = row, None
                changed += 1
                regions += [Region(start, y, max(1, stop - start), 1) for start, stop in spans]
        if regions:
            self.refresh(*regions)
        return changed

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self._hands.take_key(event.key, event.character)

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._hands.take_paste(event.text)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        event.stop()
        self._pressed, self._dragging = (int(event.x), int(event.y), event.button), False
        if event.button == 1 and not event.ctrl:
            self._hands.take_click(int(event.x), int(event.y))
        else:
            self._drag(event, done=False)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        event.stop()
        if self._pressed is not None and (self._dragging or self._left_its_cell(event)):
            self._drag(event, done=False)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        event.stop()
        if self._pressed is not None and self._dragging:
            self._drag(event, done=True)
        self._pressed, self._dragging = None, False

    def _left_its_cell(self, event: events.MouseEvent) -> bool:
        return self._pressed is not None and self._pressed[:2] != (int(event.x), int(event.y))

    def _drag(self, event: events.MouseEvent, *, done: bool) -> None:
        if self._pressed is None:
            return
        self._dragging = True
        held = {"shift": event.shift, "ctrl": event.ctrl, "alt": event.meta}
        self._hands.take_drag(
            self._pressed[:2],
            (int(event.x), int(event.y)),
            done=done,
            button=self._pressed[2],
            modifiers=frozenset(name for name, on in held.items() if on),
        )

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._hands.take_wheel(int(event.x), int(event.y), -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._hands.take_wheel(int(event.x), int(event.y), 1)

    def on_resize(self, event: events.Resize) -> None:
        self._hands.take_size()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines of the picture. Overridden because nothing of the CSS box model applies here."""
        width = self.size.width
        strips = [self._strip(y, width) for y in range(crop.y, crop.bottom)]
        if crop.x == 0 and crop.width == width:
            return strips
        return [strip.crop(crop.x, crop.right) for strip in strips]

    def _strip(self, y: int, width: int) -> Strip:
        if y >= len(self._rows):
            return Strip.blank(width, self._palette.style("text"))
        strip = self._strips[y]
        if strip is None or strip.cell_length != width:
            style = self._palette.style
            segments = [Segment(text, style(role)) for text, role in self._rows[y]]
            strip = Strip(segments, self._width)  # painters promise rows of exactly this width
            if self._width != width:
                strip = strip.crop_extend(0, width, style("text"))
            self._strips[y] = strip
        return strip
