"""What Alerts and Samples have in common: a list with a filter, and what one line of it says in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from opengraphs.tui.model import Desk
from opengraphs.tui.painters.cells import Row, blank, fit
from opengraphs.tui.painters.layout import Rect
from opengraphs.tui.painters.text import clip
from opengraphs.tui.screens.base import Asker, View

WHEEL_LINES = 3
_NOWHERE = Rect(0, 0, 0, 0)


class ListState(Protocol):
    """A window into a long list. panel: `list` or `detail` has the keys. scroll: rows of the detail above the box."""

    panel: str
    filter: str
    top: int
    height: int
    total: int
    scroll: int

    def set_filter(self, text: str) -> None: ...

    def go_to(self, cursor: int) -> bool: ...

    def scroll_list(self, lines: int) -> None: ...

    def saved(self) -> dict[str, Any]: ...

    def restore(self, saved: Mapping[str, Any]) -> None: ...


class Split(NamedTuple):
    """Where the room is for both. side_width: columns from which they stand side by side, the list in `percent`
    of them and at most `list_width`; stacked_height: rows from which the list, of at least `list_height`, stands
    above."""

    side_width: int
    percent: int
    list_width: int
    stacked_height: int
    list_height: int


class ListAndDetail(View):
    split: ClassVar[Split]
    state: ListState

    def __init__(self, desk: Desk, live: Asker) -> None:
        super().__init__(desk, live)
        self._list = self._detail = _NOWHERE

    @property
    def _reading(self) -> bool:
        """The keys go to the detail."""
        return self.state.panel == "detail"

    def _arrange(self, body: Rect) -> None:
        """Beside or below each other; one at a time where there is no room for both."""
        split = self.split
        if body.width >= split.side_width:
            left = min(split.list_width, body.width * split.percent // 100)
            self._list = Rect(0, body.y, left, body.height)
            self._detail = Rect(left, body.y, body.width - left, body.height)
        elif body.height >= split.stacked_height:
            top = max(split.list_height, body.height * 2 // 5)
            self._list = Rect(0, body.y, body.width, top)
            self._detail = Rect(0, body.y + top, body.width, body.height - top)
        else:
            self._list, self._detail = (_NOWHERE, body) if self._reading else (body, _NOWHERE)

    def _in_the_middle(self, said: Sequence[str], width: int, height: int) -> list[Row]:
        """In place of both: why there is nothing to list."""
        rows = blank(width, height)
        top = max(0, (height - len(said)) // 2)
        for at, text in enumerate(said[: max(0, height - top)]):
            shown = clip(self.desk.glyphs.clean(text), width, ellipsis=self.desk.glyphs.ellipsis)
            rows[top + at] = fit([(" " * ((width - len(shown)) // 2), "text"), (shown, "dim")], width)
        return rows

    def _switch_panel(self) -> None:
        self.state.panel = "list" if self._reading else "detail"

    # Saved views

    def saved(self) -> dict[str, Any]:
        return self.state.saved()

    def restore(self, saved: Mapping[str, Any]) -> None:
        self.state.restore(saved)

    # The filter

    def _open_filter(self) -> None:
        self.open_input(self.state.filter, kind="filter")

    def typed(self, text: str) -> None:
        self.state.set_filter(text)

    def submit(self, text: str) -> None:
        self.state.set_filter(text)
        self.close_input()

    def cancel_input(self) -> None:
        self.state.set_filter("")
        self.close_input()

    # Mouse

    def click(self, x: int, y: int) -> None:
        state = self.state
        if self._list.has(x, y):
            state.panel = "list"
            at = state.top + y - self._list.y - 2
            if state.top <= at < min(state.total, state.top + state.height):
                state.go_to(at)
        elif self._detail.has(x, y):
            state.panel = "detail"

    def wheel(self, x: int, y: int, direction: int) -> None:
        if self._detail.has(x, y):
            self.state.scroll += direction * WHEEL_LINES
        else:
            self.state.scroll_list(direction * WHEEL_LINES)
