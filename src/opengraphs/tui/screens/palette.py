"""The palette: every action of the screen by name, and the runs, metrics and views there are, while one types.

Our own and not Textual's, so that it opens within a frame, draws with the same glyphs and colours
as everything else, and adds nothing to the DOM.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from opengraphs.tui.clipboard import Clipboard
from opengraphs.tui.fuzzy import Fit, fit
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.painters import cells, frame, overlays
from opengraphs.tui.painters.cells import Row, overlay, restyle, row_width
from opengraphs.tui.painters.text import clip
from opengraphs.tui.screens.input_line import paint_input
from opengraphs.tui.widgets.line_edit import LineEdit

WIDTH, ROWS, MAX_FOUND, MAX_RATED, MAX_RECENT = 72, 16, 200, 1000, 20
ACTION = "action"
_STEPS = {"down": 1, "tab": 1, "ctrl+n": 1, "up": -1, "shift+tab": -1, "pagedown": 10, "pageup": -10}


class Target(NamedTuple):
    """One thing to choose. kind: `action`, `run`, `metric` or `view`. more: also searched, not shown (an id).

    keys: what does the same without the palette, as people read it.
    """

    kind: str
    name: str
    more: str
    keys: str
    run: Callable[[], object]

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.more or self.name}"


class Palette:
    """Takes the keys until something is chosen, or escape.

    Without a word the actions are shown, those of `recent` (ids, newest first) in front; with one, everything
    that fits. What is chosen is put in front of `recent`.
    """

    def __init__(
        self,
        actions: Sequence[Target],
        others: Callable[[], Iterable[Target]],
        recent: list[str],
        clipboard: Clipboard,
        *,
        title: str = "actions",
    ) -> None:
        """`others` is asked when the first letter is typed."""
        self._title = title
        self._actions = list(actions)
        self._others = others
        self._all: list[tuple[str, Target]] = []
        self._recent = recent
        self._edit = LineEdit(clipboard=clipboard)
        self._last: tuple[str, list[tuple[Target, Fit]]] | None = None
        self._place = (0, 0, 0)
        self.cursor = 0
        self.top = 0

    def found(self) -> list[tuple[Target, Fit]]:
        """What fits, best first; a longer text is looked for only in what the shorter one found."""
        text = " ".join(self._edit.text.split())
        if self._last is None or self._last[0] != text:
            self._last = (text, self._search(text))
        return self._last[1]

    def _search(self, text: str) -> list[tuple[Target, Fit]]:
        rank = {name: number for number, name in enumerate(self._recent)}
        if not text:
            order = sorted(self._actions, key=lambda one: rank.get(one.id, MAX_RECENT))
            return [(one, Fit(0, ())) for one in order]
        if not self._all:
            self._all = [(f"{one.name} {one.more}".lower(), one) for one in (*self._actions, *self._others())]
        fitting: list[tuple[float, Target, Fit]] = []
        for target in _candidates(self._all, text.lower().split()):
            found = fit(text, target.name) or _by_more(text, target)
            if found is not None:
                bonus = 8 if target.id in rank else 0
                fitting.append((-found.score - bonus - (target.kind == ACTION), target, found))
        fitting.sort(key=lambda one: one[0])
        return [(target, found) for _, target, found in fitting[:MAX_FOUND]]

    def press(self, key: str, character: str | None) -> bool:
        if key in _STEPS:
            self._move(_STEPS[key])
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
        target = found[index][0]
        self._recent[:] = [target.id, *(one for one in self._recent if one != target.id)][:MAX_RECENT]
        target.run()
        return True

    def paint(self, rows: list[Row], width: int, height: int, glyphs: Glyphs) -> list[Row]:
        found, box_width = self.found(), min(width, WIDTH)
        room = max(1, min(ROWS, height - 4))
        self.top = max(0, min(self.top, self.cursor, len(found) - room))
        self.top = max(self.top, self.cursor - room + 1)
        shown = found[self.top : self.top + room]
        content = [paint_input(self._edit.state, box_width - 2, glyphs, label=glyphs.prompt)]
        content += [self._line(*one, n, box_width - 2, glyphs) for n, one in enumerate(shown, self.top)]
        if not found:
            content.append([("   nothing fits", "dim")])
        more = "+" if len(found) == MAX_FOUND else ""
        where = f"{self.cursor + 1}/{len(found)}{more}" if len(found) > room else ""
        block = frame.box(
            content, box_width, min(height, room + 3), glyphs, title=self._title, right=where, focused=True
        )
        rect = overlays.centered(block, width, height)
        self._place = (rect.x, rect.y, rect.width)
        return overlay(restyle(rows, "faint"), block, rect.x, rect.y)

    def _line(self, target: Target, found: Fit, index: int, width: int, glyphs: Glyphs) -> Row:
        """The name with its letters that were typed lit, and at the right its keys, or what kind of thing it is."""
        right: Row = [(target.keys, "accent")] if target.kind == ACTION else [(target.kind, "dim")]
        name = _lit(target.name, found.places, glyphs)
        room = max(4, width - row_width(right) - 6)
        if row_width(name) > room:
            name = [(clip(glyphs.clean(target.name), room, ellipsis=glyphs.ellipsis), "text")]
        row: Row = [("   ", "text"), *name]
        gap = width - row_width(row) - row_width(right) - 2
        row = cells.fit([*row, (" " * max(1, gap), "text"), *right], width, ellipsis=glyphs.ellipsis)
        return [(text, f"sel:{role}") for text, role in row] if index == self.cursor else row

    def click(self, x: int, y: int) -> bool:
        """On a line: choose it. Beside the box: close."""
        left, top, width = self._place
        index = y - top - 2
        if not left <= x < left + width or y < top:
            return False
        return not self._choose(self.top + index) if index >= 0 else True

    def wheel(self, direction: int) -> None:
        self._move(3 * direction)


def _candidates(everything: Sequence[tuple[str, Target]], words: Sequence[str]) -> list[Target]:
    """What has every word as it was typed; where that is little, also what has its letters in their order.

    Bounded, because a key must not wait for ten thousand metrics.
    """
    whole = [target for text, target in everything if all(word in text for word in words)]
    if len(whole) >= MAX_FOUND:
        return whole[:MAX_RATED]
    patterns = [re.compile(".*?".join(map(re.escape, word)), re.DOTALL) for word in words]
    known = set(map(id, whole))
    loose = (
        target
        for text, target in everything
        if id(target) not in known and all(pattern.search(text) for pattern in patterns)
    )
    return [*whole, *islice(loose, MAX_RATED)]


def _by_more(text: str, target: Target) -> Fit | None:
    """It fits by what is not shown: an id."""
    hidden = f"{target.name} {target.more}".lower()
    return Fit(0, ()) if target.more and all(word in hidden for word in text.lower().split()) else None


def _lit(name: str, places: Sequence[int], glyphs: Glyphs) -> Row:
    """The letters at `places` stand out."""
    row: Row = []
    on = set(places)
    for at, char in enumerate(name):
        role = "b:accent" if at in on else "text"
        shown = glyphs.clean(char)
        if row and row[-1][1] == role:
            row[-1] = (row[-1][0] + shown, role)
        else:
            row.append((shown, role))
    return row
