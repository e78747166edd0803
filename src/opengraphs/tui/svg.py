"""A picture as SVG, drawn so that every viewer shows the same: what `s` and `og view --export` write.

Braille cells become dots, block elements and shades rectangles and frames lines, because fonts differ most there;
everything else is text whose width is fixed run by run.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from opengraphs.tui.painters.cells import Row
from opengraphs.tui.painters.text import cell_len
from opengraphs.tui.theme import Style, Theme

CELL_WIDTH, CELL_HEIGHT, MARGIN = 8.4, 18.0, 12.0
FONT = "ui-monospace, 'DejaVu Sans Mono', 'SF Mono', Menlo, Consolas, monospace"
_GROUNDS = {True: ("#101318", "#d5d9e0"), False: ("#ffffff", "#24292f")}
"""Of a dark and a light terminal: background and text, where a theme leaves them to it."""

_SIXTEEN = (
    "#1b1f27", "#e06c75", "#7fb77e", "#d9a24b", "#6aa0d8", "#c08bd0", "#56b6c2", "#d5d9e0",
    "#6b7280", "#ef8a8a", "#9fd19a", "#ecc06c", "#8fbcf0", "#d7a8e4", "#7fd3dd", "#ffffff",
)  # fmt: skip
_LEVELS = (0, 95, 135, 175, 215, 255)
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of each bit of a braille character."""

_EIGHTHS = "▁▂▃▄▅▆▇█"
_LINES = {
    "─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ru", "┘": "lu", "├": "udr", "┤": "udl", "┬": "lrd", "┴": "lru",
    "┼": "lrud", "━": "LR", "╸": "L", "╺": "R",
}  # fmt: skip
"""Where the arms of a frame's character point; capitals are thick."""

_SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}
"""How much of the colour there is."""


class _Shapes:
    """What is filled and what is stroked in one colour is one path each: parts of one path that touch show no seam."""

    def __init__(self) -> None:
        self._filled: dict[str, list[str]] = defaultdict(list)
        self._stroked: dict[str, list[str]] = defaultdict(list)

    def fill(self, x: float, y: float, width: float, height: float, look: str) -> None:
        self._filled[look].append(f"M{x:.5g} {y:.5g}h{width:.5g}v{height:.5g}h{-width:.5g}z")

    def stroke(self, path: str, look: str) -> None:
        self._stroked[look].append(path)

    def paths(self) -> Iterator[str]:
        for look, parts in self._filled.items():
            yield f'<path d="{"".join(parts)}" {look}/>'
        for look, parts in self._stroked.items():
            yield f'<path d="{"".join(parts)}" fill="none" {look}/>'


def document(rows: Sequence[Row], theme: Theme, depth: str) -> str:
    """The whole picture as one SVG document."""
    columns = max((sum(cell_len(text) for text, _ in row) for row in rows), default=1)
    width, height = columns * CELL_WIDTH + 2 * MARGIN, len(rows) * CELL_HEIGHT + 2 * MARGIN
    ground, text = _GROUNDS[theme.dark]
    ground = _hex(theme.resolve("text", depth).bg, ground)
    grounds, shapes, letters = _Shapes(), _Shapes(), list[str]()
    for number, row in enumerate(rows):
        y = MARGIN + number * CELL_HEIGHT
        _grounds(row, y, theme, depth, ground, text, grounds)
        letters += _row(row, y, theme, depth, ground, text, shapes)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' font-family="{FONT}" font-size="14" xml:space="preserve">',
        f'<rect width="100%" height="100%" rx="8" fill="{ground}"/>',
    ]
    return "\n".join([*head, *grounds.paths(), *shapes.paths(), *letters, "</svg>"]) + "\n"


def _grounds(
    row: Row, y: float, theme: Theme, depth: str, ground: str, text_color: str, shapes: _Shapes
) -> None:
    column = 0
    for text, role in row:
        back = _colors(theme.resolve(role, depth), ground, text_color)[1]
        cells = cell_len(text)
        if back != ground and cells:
            x = MARGIN + column * CELL_WIDTH
            shapes.fill(x, y, cells * CELL_WIDTH, CELL_HEIGHT, f'fill="{back}"')
        column += cells


def _row(
    row: Row, y: float, theme: Theme, depth: str, ground: str, text_color: str, shapes: _Shapes
) -> Iterator[str]:
    """Elements for what is no shape; shapes go to `shapes`."""
    column = 0
    for text, role in row:
        style = theme.resolve(role, depth)
        front, _ = _colors(style, ground, text_color)
        dim = ' opacity="0.6"' if style.dim else ""
        marks = (' font-weight="bold"' if style.bold else "") + dim
        marks += ' text-decoration="underline"' if style.underline else ""
        for start, piece in _pieces(text):
            x = MARGIN + (column + start) * CELL_WIDTH
            kind = _kind(piece[0])
            if kind == "letters":
                yield _letters(piece, x, y, front, marks)
            elif kind == "braille":
                yield _dots(piece, x, y, front, dim)
            elif kind in _LINES:
                _line(piece, x, y, f'stroke="{front}"{dim}', shapes)
            else:
                _block(piece, x, y, f'fill="{front}"{dim}', shapes)
        column += cell_len(text)


def _colors(style: Style, ground: str, text_color: str) -> tuple[str, str]:
    """Front and back."""
    front, back = _hex(style.fg, text_color), _hex(style.bg, ground)
    return (back, front) if style.reverse else (front, back)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """(first cell, characters): runs of letters, of braille, and of one and the same drawn character; no blanks."""
    at = 0
    for kind, group in groupby(text, _kind):
        piece = "".join(group)
        if kind != " ":
            yield at, piece
        at += cell_len(piece)


def _kind(char: str) -> str:
    """What stands together in one element has one kind."""
    if 0x2800 <= ord(char) <= 0x28FF:
        return "braille"
    drawn = char == " " or char in _EIGHTHS or char in _LINES or char in _SHADES or char == "▀"
    return char if drawn else "letters"


def _letters(piece: str, x: float, y: float, color: str, marks: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y + CELL_HEIGHT * 0.74:.1f}" fill="{color}"{marks}'
        f' textLength="{cell_len(piece) * CELL_WIDTH:.1f}" lengthAdjust="spacingAndGlyphs">{_escaped(piece)}</text>'
    )


def _block(piece: str, x: float, y: float, look: str, shapes: _Shapes) -> None:
    """Eighths stand on the ground of the cell, a half block hangs from its top, shades are full and thin."""
    char, width = piece[0], cell_len(piece) * CELL_WIDTH
    if char in _SHADES:
        shapes.fill(x, y, width, CELL_HEIGHT, f'{look} fill-opacity="{_SHADES[char]}"')
        return
    high = CELL_HEIGHT * (0.5 if char == "▀" else (_EIGHTHS.index(char) + 1) / 8)
    shapes.fill(x, y if char == "▀" else y + CELL_HEIGHT - high, width, high, look)


def _dots(cells: str, x: float, y: float, color: str, marks: str) -> str:
    """One path of lines without length, whose round ends are the dots: a third of the bytes of circles."""
    path, last_x, last_y = [], 0.0, 0.0
    for number, cell in enumerate(cells):
        for bit, (dx, dy) in enumerate(_DOTS):
            if ord(cell) >> bit & 1:
                dot_x = round(x + CELL_WIDTH * (number + 0.25 + 0.5 * dx), 1)
                dot_y = round(y + CELL_HEIGHT * (0.125 + 0.25 * dy), 1)
                path.append(f"m{dot_x - last_x:.4g} {dot_y - last_y:.4g}h0")
                last_x, last_y = dot_x, dot_y
    return f'<path d="{"".join(path)}" fill="none" stroke="{color}" stroke-width="2.3" stroke-linecap="round"{marks}/>'


def _line(chars: str, x: float, y: float, look: str, shapes: _Shapes) -> None:
    """From the middle of each cell, which is the middle of a pixel, to its edges; a straight line is drawn at once."""
    arms, middle = _LINES[chars[0]], math.floor(y + CELL_HEIGHT / 2) + 0.5
    look += f' stroke-width="{3 if arms.isupper() else 1}"'
    if arms.lower() == "lr":
        shapes.stroke(f"M{x:.5g} {middle:.5g}h{len(chars) * CELL_WIDTH:.5g}", look)
        return
    for number in range(len(chars)):
        left = x + number * CELL_WIDTH
        at = math.floor(left + CELL_WIDTH / 2) + 0.5
        if "u" in arms or "d" in arms:
            top = y if "u" in arms else middle
            shapes.stroke(f"M{at:.5g} {top:.5g}V{y + CELL_HEIGHT if 'd' in arms else middle:.5g}", look)
        if "l" in arms.lower() or "r" in arms.lower():
            start = left if "l" in arms.lower() else at
            shapes.stroke(
                f"M{start:.5g} {middle:.5g}H{left + CELL_WIDTH if 'r' in arms.lower() else at:.5g}", look
            )


def _escaped(text: str) -> str:
    """For XML, which has no place for control characters."""
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _hex(color: str | None, default: str) -> str:
    """`#rrggbb` of a resolved colour."""
    if color is None:
        return default
    if not color.startswith("color("):
        return color
    number = int(color[6:-1])
    if number < 16:
        return _SIXTEEN[number]
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    steps = ((number - 16) // 36, (number - 16) // 6 % 6, (number - 16) % 6)
    return "#" + "".join(f"{_LEVELS[step]:02x}" for step in steps)
