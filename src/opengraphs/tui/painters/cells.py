"""Rows of cells: what every painter returns, and how rows are put together.

A row is a list of runs, a run is (text, role). Roles are names; `tui.theme` turns
them into colours. A painter returns exactly `height` rows of exactly `width` cells,
and text from outside has been through `text.clean` before it becomes a run.

Roles: `text dim faint border title accent ok warn error mark hit`, `series.N` and
`series.N.dim` (N counts runs or curves, any size; themes wrap around), `ansi.N` (the
16 colours a program printed). Prefixes: `b:` bold, `sel:` on the selection's
background; `sel:b:accent` has both.
"""

from __future__ import annotations

from opengraphs.tui.painters.text import cell_len, clip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Run = tuple[str, str]
Row = list[Run]


def row_width(row: Row) -> int:
    """Cells a row covers."""
    return sum(cell_len(text) for text, _ in row)


def plain(rows: Iterable[Row]) -> list[str]:
    """The text of rows, without roles."""
    return ["".join(text for text, _ in row) for row in rows]


def fit(row: Row, width: int, *, role: str = "text", ellipsis: str = "…") -> Row:
    """Clip or pad a row to exactly `width` cells; padding carries `role`."""
    out: Row = []
    left = max(0, width)
    for text, run_role in row:
        if not left:
            break
        shown = text if cell_len(text) <= left else clip(text, left, ellipsis=ellipsis)
        if shown:
            out.append((shown, run_role))
            left -= cell_len(shown)
    if left:
        out.append((" " * left, role))
    return out


def join(chars: Sequence[str], roles: Sequence[str]) -> Row:
    """One row from a character and a role per cell; a cell without a role ("") joins the run at its left."""
    out: Row = []
    start = 0
    role = ""
    for x, own in enumerate(roles):
        if own and own != role:
            if role:
                out.append(("".join(chars[start:x]), role))
                start = x
            role = own
    if chars:
        out.append(("".join(chars[start:]), role or "text"))
    return out


def blank(width: int, height: int, *, role: str = "text") -> list[Row]:
    """An empty block."""
    return [[(" " * width, role)] if width > 0 else [] for _ in range(height)]


def beside(*blocks: list[Row]) -> list[Row]:
    """Blocks of equal height, left to right."""
    return [[run for row in rows for run in row] for rows in zip(*blocks, strict=True)]


def cut(row: Row, start: int, stop: int) -> Row:
    """The cells [start, stop) of a row; half a wide character becomes a blank."""
    out: Row = []
    x = 0
    for text, role in row:
        if x >= stop:
            break
        size = cell_len(text)
        if x + size > start:
            piece = _cut_text(text, max(0, start - x), min(size, stop - x))
            if piece:
                out.append((piece, role))
        x += size
    return out


def _cut_text(text: str, start: int, stop: int) -> str:
    if text.isascii():
        return text[start:stop]
    out: list[str] = []
    x = 0
    for char in text:
        size = cell_len(char)
        if x >= start and x + size <= stop:
            out.append(char)
        elif x + size > start and x < stop:
            out.append(" " * (min(x + size, stop) - max(x, start)))
        x += size
    return "".join(out)


def overlay(rows: list[Row], block: list[Row], x: int, y: int) -> list[Row]:
    """`rows` with `block` pasted at (x, y); what lies outside is cut off."""
    out = list(rows)
    for offset, patch in enumerate(block):
        if not 0 <= y + offset < len(out):
            continue
        base = out[y + offset]
        total = row_width(base)
        piece = cut(patch, max(0, -x), total - x)
        left = max(0, x)
        out[y + offset] = [*cut(base, 0, left), *piece, *cut(base, left + row_width(piece), total)]
    return out


def restyle(rows: Iterable[Row], role: str) -> list[Row]:
    """Every run in one role: dimming under an overlay or for stale data."""
    return [[(text, role) for text, _ in row] for row in rows]


def faded(rows: Iterable[Row]) -> list[Row]:
    """Stale data: the same picture without a bright colour."""
    return [[(text, _faded_role(role)) for text, role in row] for row in rows]


def _faded_role(role: str) -> str:
    base = role.rpartition(":")[2]
    if base.startswith("series.") and not base.endswith(".dim"):
        return base + ".dim"
    return base if base in ("border", "focus", "faint") or base.endswith(".dim") else "dim"
