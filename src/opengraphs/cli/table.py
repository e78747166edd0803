"""Aligned text tables that shrink to the terminal. Pure, stdlib only."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from opengraphs.cli.output import Ink

GAP = "  "


class Column(NamedTuple):
    """`weight`: columns of the highest weight leave first where the terminal is narrow; 0 stays."""

    title: str
    weight: int = 0
    right: bool = False
    elastic: bool = False


def cells(text: str) -> int:
    """Terminal columns that `text` takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clip(text: str, limit: int) -> str:
    """`text` in at most `limit` columns, ending in `…` where something was cut."""
    if cells(text) <= limit:
        return text
    kept, used = [], 0
    for char in text:
        used += _cells(char)
        if used > limit - 1:
            break
        kept.append(char)
    return "".join(kept) + "…" if limit > 0 else ""


def render(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    *,
    limit: int | None,
    ink: Ink,
    styles: dict[tuple[int, int], tuple[str, ...]] | None = None,
) -> list[str]:
    """The lines of a table, its header first.

    Args:
        limit: columns of the terminal; None when there is none, and nothing is cut.
        styles: (row, column) → ink styles of that cell.
    """
    kept = _fitting(columns, rows, limit)
    widths = _widths(columns, rows, kept, limit)
    header = [columns[at].title for at in kept]
    lines = [ink(_line(header, columns, kept, widths, None), "dim")]
    for number, row in enumerate(rows):
        painted = {at: (styles or {}).get((number, at), ()) for at in kept}
        lines.append(_line([row[at] for at in kept], columns, kept, widths, (ink, painted)))
    return lines


def _natural(columns: Sequence[Column], rows: Sequence[Sequence[str]], at: int) -> int:
    return max([cells(columns[at].title), *(cells(row[at]) for row in rows)])


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], limit: int | None) -> list[int]:
    """The columns that stay: those of the highest weight go until the rest fits."""
    kept = list(range(len(columns)))
    if limit is None:
        return kept
    need = {at: min(_natural(columns, rows, at), 12 if columns[at].elastic else 9999) for at in kept}
    while len(kept) > 1 and sum(need[at] for at in kept) + len(GAP) * (len(kept) - 1) > limit:
        heaviest = max(kept, key=lambda at: (columns[at].weight, at))
        if columns[heaviest].weight == 0:
            break
        kept.remove(heaviest)
    return kept


def _widths(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], kept: list[int], limit: int | None
) -> dict[int, int]:
    widths = {at: _natural(columns, rows, at) for at in kept}
    if limit is None:
        return widths
    over = sum(widths.values()) + len(GAP) * (len(kept) - 1) - limit
    for at in sorted((at for at in kept if columns[at].elastic), key=lambda at: -widths[at]):
        cut = min(max(0, over), max(0, widths[at] - 4))
        widths[at] -= cut
        over -= cut
    return widths


def _line(
    texts: list[str],
    columns: Sequence[Column],
    kept: list[int],
    widths: dict[int, int],
    paint: tuple[Ink, dict[int, tuple[str, ...]]] | None,
) -> str:
    parts = []
    for text, at in zip(texts, kept, strict=True):
        fitted = clip(text, widths[at])
        blank = " " * max(0, widths[at] - cells(fitted))
        if paint is not None:
            fitted = paint[0](fitted, *paint[1][at])
        parts.append(blank + fitted if columns[at].right else fitted + blank)
    return GAP.join(parts).rstrip()
