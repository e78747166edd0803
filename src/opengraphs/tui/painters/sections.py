"""The heads of sections: one quiet line above the charts whose names begin alike."""

from __future__ import annotations

from opengraphs.tui.painters.cells import fit, row_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row
    from opengraphs.tui.painters.layout import Head

UNNAMED = "general"
"""Metrics without a `/` in their name."""


def paint_head(head: Head, glyphs: Glyphs, *, lit: bool = False) -> Row:
    """`▾ train ─────`, folded `▸ eval  12 metrics ─────`; on further pages `▾ train  5-8 of 12 ─────`."""
    width = head.rect.width
    name = glyphs.clean(head.name) or UNNAMED
    row: Row = [
        (f" {glyphs.fold[head.folded]} ", "accent" if lit else "faint"),
        (name, "b:accent" if lit else "title"),
        (f"  {note} " if (note := _note(head)) else " ", "dim"),
    ]
    line = max(0, width - row_width(row) - 1)
    return fit([*row, (glyphs.box[0] * line, "border")], width, ellipsis=glyphs.ellipsis)


def _note(head: Head) -> str:
    if head.folded:
        return f"{head.count} metric{'' if head.count == 1 else 's'}"
    if head.last - head.first + 1 < head.count:
        return (
            f"{head.first}-{head.last} of {head.count}"
            if head.last > head.first
            else f"{head.first} of {head.count}"
        )
    return ""
