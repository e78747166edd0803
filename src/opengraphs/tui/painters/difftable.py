"""On what runs differ: a tree of keys, a column a run. Pure.

    config   2 differ, 12 equal   ● base      ▲ bigger
      lr                          3e-4        1e-4
      model
        width                     256         512

The first run is the baseline: its column stays, the others scroll. A value equal to it is dim.
"""

from __future__ import annotations

from opengraphs.tui.painters.cells import fit
from opengraphs.tui.painters.text import cell_len, clip, clip_left, pad
from opengraphs.tui.painters.verdicts import value_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

SECTIONS = ("config", "args", "env", "git", "packages", "files")
_NESTED = ("config", "env", "git")
NOTHING = "(none)"
_MOST_KEY, _LEAST_VALUE, _MOST_VALUE = 34, 9, 40
_GAP = 2


class Line:
    """A section, a group of keys, or a key with its values (None for the other two)."""

    __slots__ = ("depth", "note", "text", "values")

    def __init__(self, text: str, depth: int, values: list[str] | None = None, note: str = "") -> None:
        self.text = text
        self.depth = depth
        self.values = values
        self.note = note


class Columns:
    """How wide the key and each run is, and which runs are shown beside the baseline from `left` on."""

    __slots__ = ("key", "shown", "widths")

    def __init__(self, key: int, widths: list[int], shown: list[int]) -> None:
        self.key = key
        self.widths = widths
        self.shown = shown


def lines_of(reply: Mapping[str, Any], needle: str, glyphs: Glyphs) -> list[Line]:
    """The rows of a `/diff` answer whose key or values have every word of `needle`."""
    words = needle.lower().split()
    out: list[Line] = []
    for section in SECTIONS:
        rows = [(row["key"], _texts(row, glyphs)) for row in reply.get(section, ())]
        kept = [(key, texts) for key, texts in rows if _fits(words, f"{section}.{key}", texts)]
        if kept:
            out.append(Line(section, 0, note=_counts(section, len(rows), reply)))
            out += _tree(kept, glyphs) if section in _NESTED else _flat(kept, glyphs)
    return out


def _texts(row: Mapping[str, Any], glyphs: Glyphs) -> list[str]:
    return [
        NOTHING if at in row["missing"] else glyphs.clean(value_text(value))
        for at, value in enumerate(row["values"])
    ]


def _fits(words: Sequence[str], key: str, texts: Sequence[str]) -> bool:
    where = "\n".join((key, *texts)).lower() if words else ""
    return all(word in where for word in words)


def _counts(section: str, rows: int, reply: Mapping[str, Any]) -> str:
    left = reply.get("left_out", {}).get(section, 0)
    same = reply.get("same", {}).get(section, 0)
    return f"{rows + left} differ" + (f", {same} equal" if same else "")


def _flat(rows: Sequence[tuple[str, list[str]]], glyphs: Glyphs) -> list[Line]:
    return [Line(glyphs.clean(key), 1, texts) for key, texts in rows]


def _tree(rows: Sequence[tuple[str, list[str]]], glyphs: Glyphs) -> list[Line]:
    """Keys below what they share, where at least two share it."""
    return _branch([(key.split("."), texts) for key, texts in rows], 1, glyphs)


def _branch(rows: Sequence[tuple[list[str], list[str]]], depth: int, glyphs: Glyphs) -> list[Line]:
    heads: dict[str, list[tuple[list[str], list[str]]]] = {}
    for parts, texts in rows:
        heads.setdefault(parts[0], []).append((parts, texts))
    out: list[Line] = []
    for head, members in heads.items():
        inner = [(parts[1:], texts) for parts, texts in members if len(parts) > 1]
        out += [Line(glyphs.clean(head), depth, texts) for parts, texts in members if len(parts) == 1]
        if len(inner) == 1:
            out.append(Line(glyphs.clean(".".join([head, *inner[0][0]])), depth, inner[0][1]))
        elif inner:
            out += [Line(glyphs.clean(head), depth), *_branch(inner, depth + 1, glyphs)]
    return out


def columns_for(lines: Sequence[Line], names: Sequence[str], width: int, *, left: int = 0) -> Columns:
    """Widths that show as much as there is room for; `left` is how many runs after the baseline are scrolled away."""
    rows = [line for line in lines if line.values is not None]
    key = max((2 * line.depth + cell_len(line.text) for line in rows), default=12)
    key = max(6, min(key, _MOST_KEY, width // 3))
    if not names:
        return Columns(key, [], [])
    widths = [
        max(
            _LEAST_VALUE,
            min(_MOST_VALUE, max([cell_len(name) + 2, *(cell_len(line.values[at]) for line in rows)])),  # type: ignore[index]
        )
        for at, name in enumerate(names)
    ]
    room = width - key - 1
    if sum(widths) + _GAP * len(widths) > room:
        most = max(_LEAST_VALUE, room // min(len(widths), 3) - _GAP)
        widths = [min(own, most) for own in widths]
    pinned = _GAP + widths[0] if widths and room >= 2 * (_LEAST_VALUE + _GAP) else 0
    shown, used = ([0], pinned) if pinned else ([], 0)
    for at in range(
        1 + min(left, max(0, len(names) - 2)) if pinned else min(left, len(names) - 1), len(names)
    ):
        if shown and len(shown) > bool(pinned) and used + _GAP + widths[at] > room:
            break
        shown.append(at)
        used += _GAP + widths[at]
    if shown and used > room:
        widths[shown[-1]] = max(1, widths[shown[-1]] - (used - room))
    return Columns(key, widths, shown)


def paint(
    lines: Sequence[Line],
    names: Sequence[str],
    colors: Sequence[int],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    top: int = 0,
    left: int = 0,
    message: str = "",
) -> list[Row]:
    """A header and the lines from `top` on; `message` where there is none."""
    columns = columns_for(lines, names, width, left=left)
    rows = [_header(names, colors, columns, width, glyphs)]
    if not lines:
        blank: list[Row] = [[] for _ in range(max(0, (height - 2) // 2))]
        text = pad(glyphs.clean(message), width, align="center", ellipsis=glyphs.ellipsis)
        return [*rows, *blank, [(text, "dim")]][:height]
    rows += [_line(line, columns, width, glyphs) for line in lines[top : top + max(0, height - 1)]]
    return rows[:height]


def _header(names: Sequence[str], colors: Sequence[int], columns: Columns, width: int, glyphs: Glyphs) -> Row:
    row: Row = [(" " * (columns.key + 1), "text")]
    for at in columns.shown:
        size = columns.widths[at]
        color = colors[at]
        row.append((" " * _GAP, "text"))
        row.append((f"{glyphs.legend[color % len(glyphs.legend)]} "[:size], f"series.{color}"))
        name = clip_left(names[at], max(0, size - 2), ellipsis=glyphs.ellipsis)
        row.append((pad(name, max(0, size - 2), ellipsis=glyphs.ellipsis), "b:text"))
    return fit(row, width, ellipsis=glyphs.ellipsis)


def _line(line: Line, columns: Columns, width: int, glyphs: Glyphs) -> Row:
    indent = " " * min(2 * line.depth, max(0, columns.key - 4))
    if line.values is None:
        role = "b:title" if line.depth == 0 else "text"
        return fit(
            [(f" {indent}{line.text}", role), (f"  {line.note}" if line.note else "", "dim")],
            width,
            ellipsis=glyphs.ellipsis,
        )
    key = clip_left(line.text, columns.key - len(indent), ellipsis=glyphs.ellipsis)
    row: Row = [(" " + pad(indent + key, columns.key, ellipsis=glyphs.ellipsis), "text")]
    for at, text in zip(columns.shown, _clipped(line.values, columns, glyphs), strict=True):
        same = at > 0 and line.values[at] == line.values[0]
        role = "dim" if same or line.values[at] == NOTHING else "text" if at == 0 else "b:text"
        row += [(" " * _GAP, "text"), (pad(text, columns.widths[at], ellipsis=glyphs.ellipsis), role)]
    return fit(row, width, ellipsis=glyphs.ellipsis)


def _clipped(values: Sequence[str], columns: Columns, glyphs: Glyphs) -> list[str]:
    """Values as far as their columns go; where their beginnings are alike, their ends are shown."""
    heads = [clip(values[at], columns.widths[at], ellipsis=glyphs.ellipsis) for at in columns.shown]
    if len(heads) > 1 and len({*heads}) == 1 and len({values[at] for at in columns.shown}) > 1:
        return [clip_left(values[at], columns.widths[at], ellipsis=glyphs.ellipsis) for at in columns.shown]
    return heads


def furthest(lines: Sequence[Line], names: Sequence[str], width: int) -> int:
    """How far the runs can be scrolled: until the last one is shown."""
    for left in range(len(names)):
        if len(names) - 1 in columns_for(lines, names, width, left=left).shown:
            return left
    return 0
