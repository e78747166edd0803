"""A picture as SVG, drawn so that every viewer shows the same: what `s` and `og view --export` write.

Braille cells become dots, block elements rectangles and frames lines, because fonts differ most there;
everything else is text whose width is fixed run by run.
"""

from __future__ import annotations

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

_ARMS = {"l": (-0.5, 0.0), "r": (0.5, 0.0), "u": (0.0, -0.5), "d": (0.0, 0.5)}


def document(rows: Sequence[Row], theme: Theme, depth: str) -> str:
    """The whole picture as one SVG document."""
    columns = max((sum(cell_len(text) for text, _ in row) for row in rows), default=1)
    width, height = columns * CELL_WIDTH + 2 * MARGIN, len(rows) * CELL_HEIGHT + 2 * MARGIN
    ground, text = _GROUNDS[theme.dark]
    ground = _hex(theme.resolve("text", depth).bg, ground)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' font-family="{FONT}" font-size="14" xml:space="preserve">',
        f'<rect width="100%" height="100%" rx="8" fill="{ground}"/>',
    ]
    for y, row in enumerate(rows):
        parts += _row(row, MARGIN + y * CELL_HEIGHT, theme, depth, ground, text)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _row(row: Row, y: float, theme: Theme, depth: str, ground: str, text_color: str) -> Iterator[str]:
    yield from _grounds(row, y, theme, depth, ground, text_color)
    column = 0
    for text, role in row:
        style = theme.resolve(role, depth)
        front, _ = _colors(style, ground, text_color)
        cells = cell_len(text)
        marks = (' font-weight="bold"' if style.bold else "") + (' opacity="0.6"' if style.dim else "")
        marks += ' text-decoration="underline"' if style.underline else ""
        for start, piece in _pieces(text):
            yield _piece(piece, MARGIN + (column + start) * CELL_WIDTH, y, front, marks)
        column += cells


def _grounds(row: Row, y: float, theme: Theme, depth: str, ground: str, text_color: str) -> Iterator[str]:
    """One rectangle for each stretch of one ground: two that touch would show a seam."""
    column = 0
    backs = (
        (_colors(theme.resolve(role, depth), ground, text_color)[1], cell_len(text)) for text, role in row
    )
    for back, stretch in groupby(backs, lambda pair: pair[0]):
        cells = sum(size for _, size in stretch)
        if back != ground and cells:
            x = MARGIN + column * CELL_WIDTH
            yield f'<rect x="{x:.1f}" y="{y:.1f}" width="{cells * CELL_WIDTH:.1f}" height="{CELL_HEIGHT}" fill="{back}"/>'
        column += cells


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
    drawn = char == " " or char in _EIGHTHS or char in _LINES or char == "▀"
    return char if drawn else "letters"


def _piece(piece: str, x: float, y: float, color: str, marks: str) -> str:
    kind = _kind(piece[0])
    if kind == "braille":
        return _dots(piece, x, y, color, marks)
    if kind in _LINES:
        return _line(piece, x, y, color, marks)
    length = cell_len(piece) * CELL_WIDTH
    if kind != "letters":
        high = CELL_HEIGHT * (0.5 if kind == "▀" else (_EIGHTHS.index(kind) + 1) / 8)
        top = y if kind == "▀" else y + CELL_HEIGHT - high
        return f'<rect x="{x:.1f}" y="{top:.1f}" width="{length:.1f}" height="{high:.1f}" fill="{color}"{marks}/>'
    return (
        f'<text x="{x:.1f}" y="{y + CELL_HEIGHT * 0.74:.1f}" fill="{color}"{marks} textLength="{length:.1f}"'
        f' lengthAdjust="spacingAndGlyphs">{_escaped(piece)}</text>'
    )


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


def _line(chars: str, x: float, y: float, color: str, marks: str) -> str:
    """From the middle of each cell to its edges; a line straight through several is drawn at once."""
    arms, y = _LINES[chars[0]], y + CELL_HEIGHT / 2
    if arms.lower() == "lr":
        path = f"M{x:.1f} {y:.1f}h{len(chars) * CELL_WIDTH:.1f}"
    else:
        middles = [x + (number + 0.5) * CELL_WIDTH for number in range(len(chars))]
        ends = [(_ARMS[arm][0] * CELL_WIDTH, _ARMS[arm][1] * CELL_HEIGHT) for arm in arms.lower()]
        path = " ".join(f"M{at:.1f} {y:.1f}l{dx:.1f} {dy:.1f}" for at in middles for dx, dy in ends)
    return f'<path d="{path}" stroke="{color}" stroke-width="{3 if arms.isupper() else 1}"{marks}/>'


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
