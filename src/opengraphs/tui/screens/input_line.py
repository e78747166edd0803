"""A line the user types into: filter, search, find, prompt. What it looks like while it has the keys."""

from __future__ import annotations

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
    body = fit(_body(state, room - row_width(tail), glyphs), max(0, room - row_width(tail)))
    return fit([*lead, *body, *tail], width)


def paint_at_rest(
    text: str, width: int, glyphs: Glyphs, *, label: str, note: str = "", wrong: bool = False
) -> Row:
    """The same line while the keys go elsewhere and its text is still in force."""
    lead: Row = [(f" {label} ", "dim"), (glyphs.clean(text), "text")]
    tail: Row = [(f"  {glyphs.clean(note)} ", "error" if wrong else "dim")] if note else []
    return fit([*lead, *tail], width, ellipsis=glyphs.ellipsis)


def _body(state: LineState, room: int, glyphs: Glyphs) -> Row:
    """The stretch of the text around the caret, selection and caret lit."""
    text = "".join(glyphs.clean(char) or " " for char in state.text) + " "
    start = 0
    while start < state.caret and cell_len(text[start : state.caret + 1]) > max(1, room):
        start += 1
    low, high = sorted((state.anchor if state.anchor is not None else state.caret, state.caret))
    row: Row = []
    for index in range(start, len(text)):
        role = "cursor" if index == state.caret else "sel:text" if low <= index < high else "text"
        if row and row[-1][1] == role:
            row[-1] = (row[-1][0] + text[index], role)
        else:
            row.append((text[index], role))
    return row
