"""Rules that do not parse: what is wrong, where, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from opengraphs.errors import UsageError

_SIDE_CHARS = 60
"""How much of a long line is shown on each side of the place."""


def fault_at(text: str, at: int, what: str, hint: str = "") -> UsageError:
    """An error of a rule at one place of it.

    Args:
        at: characters from the start of `text`; its length stands for the end.

    Returns:
        The message says line and column, both from 1; the hint draws the line with a caret
        under the place, and ends with `hint`.
    """
    line, column = _place(text, at)
    place = f"column {column}" if "\n" not in text else f"line {line}, column {column}"
    drawn = picture(text, at)
    return UsageError(f"rule: {what} at {place}", hint=f"{drawn}\n{hint}" if hint else drawn)


def picture(text: str, at: int) -> str:
    """The line that has the place, and a caret under the place."""
    line, column = _place(text, at)
    shown = "".join(char if char.isprintable() else " " for char in text.split("\n")[line - 1])
    start = max(0, column - 1 - _SIDE_CHARS)
    return f"{shown[start : column - 1 + _SIDE_CHARS]}\n{' ' * (column - 1 - start)}^"


def _place(text: str, at: int) -> tuple[int, int]:
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def meant(word: str, names: Iterable[str], *, known: str = "") -> str:
    """`did you mean median?`; where nothing is near, what there is."""
    pool = sorted(set(names))
    lower = {name.lower(): name for name in pool}
    near = difflib.get_close_matches(word.lower(), lower, n=2, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(lower[name] for name in near)}?"
    return f"{known or 'there are'} {', '.join(pool)}" if pool else ""
