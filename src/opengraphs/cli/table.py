"""Aligned text tables that shrink to the terminal. Pure, stdlib only."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from opengraphs.cli.output import Ink

GAP = "  "
_LEAST_WIDTH = 4
"""No elastic column is cut below."""


class Column(NamedTuple):
    """`weight`: columns of the highest weight leave first where the terminal is narrow; 0 stays.
    `elastic`: may be cut, at its end or, with `keeps_end`, in front.
    """

    title: str
    weight: int = 0
    right: bool = False
    elastic: bool = False
    keeps_end: bool = False


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


def clip_front(text: str, limit: int) -> str:
    """`text` in at most `limit` columns, beginning with `…` where something was cut."""
    if cells(text) <= limit:
        return text
    kept, used = len(text), 0
    while kept and used + _cells(text[kept - 1]) <= limit - 1:
        kept -= 1
        used += _cells(text[kept])
    return "…" + text[kept:] if limit > 0 else ""


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


def natural_width(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> int:
    """Terminal columns that the table takes when nothing of it is cut."""
    return sum(_natural(columns, rows, at) for at in range(len(columns))) + len(GAP) * (len(columns) - 1)


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
    elastic = [at for at in kept if columns[at].elastic]
    while over > 0 and elastic:
        widest = max(elastic, key=widths.__getitem__)
        if widths[widest] <= _LEAST_WIDTH:
            break
        widths[widest] -= 1
        over -= 1
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
        fitted = (clip_front if columns[at].keeps_end else clip)(text, widths[at])
        blank = " " * max(0, widths[at] - cells(fitted))
        if paint is not None:
            fitted = paint[0](fitted, *paint[1][at])
        parts.append(blank + fitted if columns[at].right else fitted + blank)
    return GAP.join(parts).rstrip()
