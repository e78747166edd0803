"""What stands beside the run table for a while: the column picker, and what may complete a word."""

from __future__ import annotations

from opengraphs.tui.painters.cells import fit, row_width
from opengraphs.tui.painters.frame import box
from opengraphs.tui.painters.text import cell_len, clip_left, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

PICKER_WIDTH = 48
_FORM = 10

PickerLine = tuple[bool, str, str]
"""(shown in the table, column, its format or how many runs have it)."""
CompletionLine = tuple[str, str]
"""(text, what it is or how many runs have it)."""


def paint_picker(
    lines: Sequence[PickerLine],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    entry: Row,
    top: int,
    cursor: int,
    count: int,
) -> list[Row]:
    """The columns in a box: `entry` is the line one narrows them with, `lines` those from `top` on."""
    on, off = ("x", " ") if glyphs.ascii_only else ("✓", " ")
    content: list[Row] = [entry]
    for index, (shown, key, note) in enumerate(lines, top):
        mark: Row = [(f" {on if shown else off} ", "accent")]
        room = max(1, width - 2 - row_width(mark) - _FORM - 2)
        name = pad(clip_left(glyphs.clean(key), room, ellipsis=glyphs.ellipsis), room)
        row: Row = [*mark, (name, "text" if shown else "dim"), (" ", "text")]
        row.append((pad(note, _FORM, align="right"), "dim"))
        row = fit(row, width - 2)
        content.append([(text, f"sel:{role}") for text, role in row] if index == cursor else row)
    if not lines:
        content.append([("   no column fits", "dim")])
    where = f"{cursor + 1}/{count}" if count > len(lines) else ""
    return box(content, width, height, glyphs, title="columns", right=where, focused=True)


def paint_completions(
    lines: Sequence[CompletionLine], most_width: int, glyphs: Glyphs, *, cursor: int
) -> list[Row]:
    """Words that may be meant, one a row, as wide as they need."""
    cleaned = [(glyphs.clean(text), glyphs.clean(note)) for text, note in lines]
    left = max((cell_len(text) for text, _ in cleaned), default=0)
    right = max((cell_len(note) for _, note in cleaned), default=0)
    width = min(most_width, left + right + 4)
    rows = []
    for index, (text, note) in enumerate(cleaned):
        room = max(1, width - right - 4)
        row: Row = [(" ", "text"), (pad(text, room, ellipsis=glyphs.ellipsis), "text"), ("  ", "text")]
        row = fit([*row, (pad(note, right, align="right"), "dim"), (" ", "text")], width)
        rows.append([(piece, f"sel:{'b:accent' if index == cursor else role}") for piece, role in row])
    return rows
