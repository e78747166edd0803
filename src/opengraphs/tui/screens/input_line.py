"""A line the user types into: filter, search, find, prompt. What it looks like while it has the keys."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from opengraphs.tui import graphemes
from opengraphs.tui.glyphs import Glyphs
from opengraphs.tui.painters.cells import Row, fit, row_width
from opengraphs.tui.painters.text import cell_len
from opengraphs.tui.widgets.line_edit import LineState


def paint_input(
    state: LineState, width: int, glyphs: Glyphs, *, label: str, note: str = "", wrong: bool = False
) -> Row:
    """`label` text▏ … note at the right. Long text scrolls so that the caret stays in view.

    Args:
        note: what the text means now (12 metrics), or what is wrong with it.
    """
    lead: Row = [(f" {label} ", "b:accent")]
    tail: Row = [(f" {glyphs.clean(note)} ", "error" if wrong else "dim")] if note else []
    room = width - row_width(lead)
    if row_width(tail) > room - 12:
        tail = fit(tail, max(0, room - 12), ellipsis=glyphs.ellipsis) if wrong else []
    room = max(0, room - row_width(tail))
    body = fit(_body(state, room, glyphs), room, ellipsis=glyphs.ellipsis)
    return fit([*lead, *body, *tail], width)


def paint_at_rest(
    text: str, width: int, glyphs: Glyphs, *, label: str, note: str = "", wrong: bool = False
) -> Row:
    """The same line while the keys go elsewhere and its text is still in force."""
    lead: Row = [(f" {label} ", "dim"), (glyphs.clean(text), "text")]
    tail: Row = [(f"  {glyphs.clean(note)} ", "error" if wrong else "dim")] if note else []
    return fit([*lead, *tail], width, ellipsis=glyphs.ellipsis)


def _body(state: LineState, room: int, glyphs: Glyphs) -> Row:
    """The stretch of the text around the caret, selection and caret lit; a little more than fits."""
    bounds = graphemes.boundaries(state.text)
    low, high = sorted((state.anchor if state.anchor is not None else state.caret, state.caret))
    row: Row = []
    cells = 0
    for index in range(_first_shown(state, bounds, room, glyphs), len(bounds)):
        at = bounds[index]
        role = "cursor" if at == state.caret else "sel:text" if low <= at < high else "text"
        shown = _piece(state.text, bounds, index, glyphs)
        if row and row[-1][1] == role:
            row[-1] = (row[-1][0] + shown, role)
        else:
            row.append((shown, role))
        cells += cell_len(shown)
        if cells > room:
            break
    return row


def _first_shown(state: LineState, bounds: Sequence[int], room: int, glyphs: Glyphs) -> int:
    """Which character stands at the left, so that the one under the caret is still in the room."""
    index = bisect_left(bounds, state.caret)
    used = cell_len(_piece(state.text, bounds, index, glyphs))
    while index > 0:
        used += cell_len(_piece(state.text, bounds, index - 1, glyphs))
        if used > max(1, room):
            break
        index -= 1
    return index


def _piece(text: str, bounds: Sequence[int], index: int, glyphs: Glyphs) -> str:
    """One character as it is drawn; behind the text a blank, for the caret."""
    shown = glyphs.clean(text[bounds[index] : bounds[index + 1]]) if index + 1 < len(bounds) else " "
    return shown if cell_len(shown) else " "
