"""Markdown as an agent writes it, in rows: paragraphs, lists, headings, code, **bold**, `code`. Pure.

Links stay text: nothing in a conversation can be followed but `[train/loss @ 420]`, which is a place in a run.
"""

from __future__ import annotations

import re

from opengraphs.tui.painters.cells import fit
from opengraphs.tui.painters.text import cell_len

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row, Run

CITATION = re.compile(r"\[([^\[\]\n]{1,200}?) @ (\d{1,15})\]")
_INLINE = re.compile(
    r"(?P<cite>\[[^\[\]\n]{1,200}? @ \d{1,15}\])|(?P<code>`[^`\n]+`)|(?P<bold>\*\*[^*\n]+\*\*)"
)
_LIST = re.compile(r"^(\s*)([-*+]|\d{1,4}[.)])\s+(.*)$")
_HEADING = re.compile(r"^#{1,6}\s+(.*)$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_MOST_INDENT = 12

Place = tuple[int, int, int, str]
"""Row, first column, column after the last, and what lies there."""


def paint(text: str, width: int, glyphs: Glyphs, *, role: str = "text") -> tuple[list[Row], list[Place]]:
    """Rows of `width` cells in the role of who speaks, and where citations stand in them."""
    width = max(4, width)
    rows: list[Row] = []
    for indent, hang, row in _lines(text, glyphs, role):
        rows += _wrap(row, width, indent, hang)
    return [fit(row, width) for row in rows], _places(rows)


def _lines(text: str, glyphs: Glyphs, role: str) -> Iterator[tuple[str, str, Row]]:
    """(what its first row begins with, what the others do, its runs) of every line."""
    in_code = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            in_code = not in_code
            continue
        if in_code:
            bar = f"{glyphs.separator} "
            yield bar, bar, [(glyphs.clean(line), "text")]
            continue
        listed, heading = _LIST.match(line), _HEADING.match(line)
        if heading:
            yield "", "", list(_inline(heading[1], glyphs, f"b:{role}"))
        elif listed:
            indent = " " * min(_MOST_INDENT, cell_len(listed[1].expandtabs(4)))
            mark = listed[2] if listed[2][0].isdigit() else "*" if glyphs.ascii_only else "•"
            yield f"{indent}{mark} ", indent + " " * (len(mark) + 1), list(_inline(listed[3], glyphs, role))
        else:
            yield "", "", list(_inline(line, glyphs, role))


def _inline(text: str, glyphs: Glyphs, role: str) -> Iterator[Run]:
    at = 0
    for found in _INLINE.finditer(text):
        if found.start() > at:
            yield glyphs.clean(text[at : found.start()]), role
        if found["cite"]:
            yield glyphs.clean(found["cite"]), "cite"
        elif found["code"]:
            yield glyphs.clean(found["code"]), "text"
        else:
            yield glyphs.clean(found["bold"][2:-2]), role if role.startswith("b:") else f"b:{role}"
        at = found.end()
    if at < len(text):
        yield glyphs.clean(text[at:]), role


def _wrap(row: Row, width: int, indent: str, hang: str) -> list[Row]:
    """One line over as many rows as it needs, broken between words; a citation stays in one piece."""
    room = max(1, width - cell_len(hang))
    rows: list[Row] = [[(indent, "dim")] if indent else []]
    used = 0
    for text, role in row:
        for word in [text] if role == "cite" and cell_len(text) <= room else re.findall(r" +|[^ ]+", text):
            for piece in _pieces(word, room):
                size = cell_len(piece)
                if used + size > room:
                    rows.append([(hang, "dim")] if hang else [])
                    used = 0
                    if piece.isspace():
                        continue
                rows[-1].append((piece, role))
                used += size
    return [_joined(one) for one in rows]


def _pieces(word: str, room: int) -> list[str]:
    """A word that is wider than a row, in rows."""
    if cell_len(word) <= room:
        return [word]
    if word.isascii():
        return [word[at : at + room] for at in range(0, len(word), room)]
    pieces, piece, used = list[str](), "", 0
    for char in word:
        size = cell_len(char)
        if used + size > room and piece:
            pieces.append(piece)
            piece, used = "", 0
        piece, used = piece + char, used + size
    return [*pieces, piece] if piece else pieces


def _joined(row: Row) -> Row:
    out: Row = []
    for text, role in row:
        if out and out[-1][1] == role and role != "cite":
            out[-1] = (out[-1][0] + text, role)
        else:
            out.append((text, role))
    return out


def _places(rows: list[Row]) -> list[Place]:
    """Where citations stand; they get a colour that themes know."""
    found: list[Place] = []
    for y, row in enumerate(rows):
        x = 0
        for at, (text, role) in enumerate(row):
            size = cell_len(text)
            if role == "cite":
                if CITATION.fullmatch(text):
                    found.append((y, x, x + size, text))
                row[at] = (text, "b:accent")
            x += size
    return found
