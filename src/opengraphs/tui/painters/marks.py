"""The legend of marks, and the line that tells what was at the read-out cursor."""

from __future__ import annotations

from opengraphs.tui.painters.cells import cut, fit, row_width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row
    from opengraphs.tui.painters.chartspec import Mark

_KINDS = (
    ("checkpoint", "accent", "checkpoint"),
    ("note", "ok", "note"),
    ("info", "accent", "info"),
    ("warn", "warn", "warning"),
    ("error", "error", "error"),
)
_ROLES = {kind: role for kind, role, _ in _KINDS}


def with_legend(row: Row, counts: Mapping[str, int], width: int, glyphs: Glyphs) -> Row:
    """A row with `◆ 3 checkpoints  ▲ 1 warning` at its right end; as it is where that does not fit."""
    legend: Row = []
    for kind, role, name in _KINDS:
        if count := counts.get(kind):
            legend += [(glyphs.marks[kind], role), (f" {count} {name}{'' if count == 1 else 's'}  ", "dim")]
    room = width - row_width(legend)
    text = "".join(text for text, _ in row).rstrip()
    if not legend or len(text) + 2 > room:
        return row
    return [*cut(row, 0, room), *legend]


def moment_row(place: str, marks: Sequence[Mark], text: str, width: int, glyphs: Glyphs) -> Row:
    """` step 120 │ ◆ ckpt/120.pt │ epoch 3 loss 0.41`: the place, what is marked there, the line of the log."""
    row: Row = [(f" {place} ", "b:accent")]
    for mark in marks[:2]:
        row += [
            (f"{glyphs.separator} ", "faint"),
            (glyphs.marks[mark.kind], _ROLES[mark.kind]),
            (f" {glyphs.clean(mark.label)} ", "text"),
        ]
    if text:
        row += [(f"{glyphs.separator} ", "faint"), (glyphs.clean(text), "dim")]
    return fit(row, width, ellipsis=glyphs.ellipsis)
