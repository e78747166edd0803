"""The bind picker: which metrics have a chart, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from opengraphs.tui.clipboard import Clipboard
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.painters import frame, overlays
from opengraphs.tui.painters.cells import Row, fit, overlay, restyle
from opengraphs.tui.painters.text import clip_left
from opengraphs.tui.screens.input_line import paint_at_rest, paint_input
from opengraphs.tui.widgets.line_edit import LineEdit

WIDTH, ROWS = 64, 20


class MetricPicker:
    """Every metric in the order of its chart; `choose` gets those that are ticked when it closes with enter."""

    def __init__(
        self,
        offered: Sequence[str],
        shown: Iterable[str],
        choose: Callable[[Sequence[str]], object],
        clipboard: Clipboard,
    ) -> None:
        self.order = list(offered)
        self.ticked = set(shown)
        self._choose = choose
        self._edit = LineEdit(clipboard=clipboard)
        self.searching = False
        self.cursor = self.top = 0
        self._place = (0, 0, 0)

    def found(self) -> list[str]:
        """The metrics that have every word of the search line."""
        words = self._edit.text.lower().split()
        return [metric for metric in self.order if all(word in metric.lower() for word in words)]

    def press(self, key: str, character: str | None) -> bool:
        if key in ("escape", "ctrl+c"):
            return self._leave_search() if self.searching or self._edit.text else False
        if key in ("enter", "ctrl+m"):
            if self.searching:
                self.searching = False
                return True
            self._choose([metric for metric in self.order if metric in self.ticked])
            return False
        if key in _STEPS and not (self.searching and key in ("j", "k", "home", "end")):
            self._move(_STEPS[key])
        elif key in ("shift+up", "shift+down", "K", "J") and not (self.searching and key in ("K", "J")):
            self._carry(-1 if key in ("shift+up", "K") else 1)
        elif self.searching:
            self._type(key, character)
        elif key == "space":
            self.ticked ^= set(self.found()[self.cursor : self.cursor + 1])
        elif key == "a":
            self._tick_all()
        elif key == "slash":
            self.searching = True
        return True

    def _leave_search(self) -> bool:
        self._edit.set("")
        self.searching, self.cursor = False, 0
        return True

    def _type(self, key: str, character: str | None) -> None:
        before = self._edit.text
        self._edit.press(key, character)
        if self._edit.text != before:
            self.cursor = self.top = 0

    def _tick_all(self) -> None:
        """All that is found, or none of it when all are."""
        found = set(self.found())
        self.ticked = self.ticked - found if found <= self.ticked else self.ticked | found

    def _move(self, step: int) -> None:
        self.cursor = max(0, min(len(self.found()) - 1, self.cursor + step))

    def _carry(self, step: int) -> None:
        """The metric under the cursor changes places with its neighbour among those found."""
        found = self.found()
        there = self.cursor + step
        if 0 <= there < len(found) and found:
            one, other = (self.order.index(found[at]) for at in (self.cursor, there))
            self.order[one], self.order[other] = self.order[other], self.order[one]
            self.cursor = there

    def paste(self, text: str) -> None:
        self.searching = True
        self._edit.insert(text)
        self.cursor = self.top = 0

    def paint(self, rows: list[Row], width: int, height: int, glyphs: Glyphs) -> list[Row]:
        found, box_width = self.found(), min(width, WIDTH)
        room = max(1, min(ROWS, height - 5))
        self.cursor = max(0, min(self.cursor, len(found) - 1))
        self.top = max(0, min(self.top, self.cursor, len(found) - room))
        self.top = max(self.top, self.cursor - room + 1)
        content = [self._search_row(box_width - 2, glyphs, len(found))]
        shown = found[self.top : self.top + room]
        content += [self._line(metric, n, box_width - 2, glyphs) for n, metric in enumerate(shown, self.top)]
        content += [[]] * (min(room, len(self.order)) - len(shown))
        hint = "space toggle  shift+up/down move  a all  / search  enter accept"
        content.append(fit([(f" {hint}", "faint")], box_width - 2, ellipsis=glyphs.ellipsis))
        count = f"{len(self.ticked & set(self.order))}/{len(self.order)}"
        block = frame.box(
            content,
            box_width,
            min(height, len(content) + 2),
            glyphs,
            title="charts",
            right=count,
            focused=True,
        )
        rect = overlays.centered(block, width, height)
        self._place = (rect.x, rect.y, rect.width)
        return overlay(restyle(rows, "faint"), block, rect.x, rect.y)

    def _search_row(self, width: int, glyphs: Glyphs, count: int) -> Row:
        note = f"{count} found" if self._edit.text else ""
        if self.searching:
            return paint_input(self._edit.state, width, glyphs, label="search", note=note, wrong=not count)
        return paint_at_rest(self._edit.text, width, glyphs, label="search", note=note, wrong=not count)

    def _line(self, metric: str, index: int, width: int, glyphs: Glyphs) -> Row:
        on = metric in self.ticked
        name = clip_left(glyphs.clean(metric), width - 6, ellipsis=glyphs.ellipsis)
        row = fit(
            [(f" [{'x' if on else ' '}] ", "accent" if on else "dim"), (name, "text" if on else "dim")], width
        )
        return [(text, f"sel:{role}") for text, role in row] if index == self.cursor else row

    def click(self, x: int, y: int) -> bool:
        """On a metric: tick it. Beside the box: close, nothing chosen."""
        left, top, width = self._place
        if not left <= x < left + width or y < top:
            return False
        index = self.top + y - top - 2
        if y >= top + 2 and index < len(self.found()):
            self.cursor = index
            self.ticked ^= {self.found()[index]}
        return True

    def wheel(self, direction: int) -> None:
        self._move(3 * direction)


_STEPS = {
    "down": 1, "j": 1, "tab": 1, "up": -1, "k": -1, "shift+tab": -1,
    "pagedown": 10, "pageup": -10, "home": -1_000_000, "end": 1_000_000,
}  # fmt: skip
