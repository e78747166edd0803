"""A terminal screen as SVG, drawn so that every viewer shows the same picture.

Braille cells become dots and block elements become rectangles, because fonts differ
most there; everything else is text whose width is fixed cell by cell.
"""

from __future__ import annotations

from html import escape
from typing import Any

import pyte

CELL_W, CELL_H, PAD = 8.4, 18.0, 12.0
BACKGROUND, FOREGROUND = "#101318", "#d5d9e0"
FONT = "ui-monospace, 'DejaVu Sans Mono', 'SF Mono', Menlo, Consolas, monospace"
NAMED = {
    "black": "#1b1f27", "red": "#e06c75", "green": "#7fb77e", "brown": "#d9a24b", "blue": "#6aa0d8",
    "magenta": "#c08bd0", "cyan": "#56b6c2", "white": "#d5d9e0", "brightblack": "#6b7280", "brightred": "#ef8a8a",
    "brightgreen": "#9fd19a", "brightbrown": "#ecc06c", "brightblue": "#8fbcf0", "brightmagenta": "#d7a8e4",
    "brightcyan": "#7fd3dd", "brightwhite": "#ffffff",
}  # fmt: skip
BRAILLE_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
EIGHTHS = "▁▂▃▄▅▆▇█"


def colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return NAMED.get(name) or f"#{name}"


def cell_colours(cell: Any) -> tuple[str, str]:
    fg, bg = colour(cell.fg, FOREGROUND), colour(cell.bg, BACKGROUND)
    return (bg, fg) if cell.reverse else (fg, bg)


def shape(char: str, x: float, y: float, fg: str) -> str | None:
    """Dots for braille, a rectangle for a block element, None for what is drawn as text."""
    code = ord(char)
    if 0x2800 <= code <= 0x28FF:
        dots = (at for bit, at in enumerate(BRAILLE_DOTS) if (code - 0x2800) >> bit & 1)
        where = ((x + CELL_W * (0.25 + 0.5 * col), y + CELL_H * (0.125 + 0.25 * row)) for col, row in dots)
        return "".join(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="1.15" fill="{fg}"/>' for cx, cy in where)
    if char in EIGHTHS:
        height = CELL_H * (EIGHTHS.index(char) + 1) / 8
        return f'<rect x="{x:.1f}" y="{y + CELL_H - height:.1f}" width="{CELL_W}" height="{height:.1f}" fill="{fg}"/>'
    return None


def row_svg(line: Any, y: float, columns: int) -> list[str]:
    parts: list[str] = []
    for column in range(columns):
        cell = line[column]
        x = PAD + column * CELL_W
        fg, bg = cell_colours(cell)
        if bg != BACKGROUND:
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{CELL_W + 0.3}" height="{CELL_H + 0.3}" fill="{bg}"/>'
            )
        if not cell.data.strip():
            continue
        drawn = shape(cell.data[0], x, y, fg)
        weight = ' font-weight="bold"' if cell.bold else ""
        parts.append(
            drawn
            or f'<text x="{x:.1f}" y="{y + CELL_H * 0.74:.1f}" fill="{fg}"{weight} textLength="{CELL_W}"'
            f' lengthAdjust="spacingAndGlyphs">{escape(cell.data)}</text>'
        )
    return parts


def screen_svg(screen: pyte.Screen) -> str:
    """The whole screen as one SVG document."""
    width, height = screen.columns * CELL_W + 2 * PAD, screen.lines * CELL_H + 2 * PAD
    rows = [
        part
        for y in range(screen.lines)
        for part in row_svg(screen.buffer[y], PAD + y * CELL_H, screen.columns)
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' font-family="{FONT}" font-size="14">'
        f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>'
    )
    return head + "\n".join(rows) + "</svg>\n"
