"""Blocks of rows put on one screen. Linear in the number of runs; blocks must not overlap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from opengraphs.tui.painters.cells import Row


class Rect(Protocol):
    x: int
    y: int
    width: int
    height: int


Block = tuple[Rect, list[Row]]


def compose(width: int, height: int, blocks: Iterable[Block]) -> list[Row]:
    """`height` rows of `width` cells with every block at its place and blanks between."""
    lines: list[list[tuple[int, int, Row]]] = [[] for _ in range(height)]
    for rect, rows in blocks:
        for offset, row in enumerate(rows[: rect.height]):
            if 0 <= rect.y + offset < height:
                lines[rect.y + offset].append((rect.x, rect.width, row))
    return [_line(width, pieces) for pieces in lines]


def _line(width: int, pieces: list[tuple[int, int, Row]]) -> Row:
    row: Row = []
    at = 0
    for x, piece_width, piece in sorted(pieces, key=lambda piece: piece[0]):
        if x > at:
            row.append((" " * (x - at), "text"))
        row.extend(piece)
        at = x + piece_width
    if at < width:
        row.append((" " * (width - at), "text"))
    return row
