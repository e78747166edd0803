"""Metric names with `*` and `?`: one instance of a rule for each set of metrics they match.

All globs of a rule move together: what `*` stands for in `*/loss` it also stands for in
`*/grad_norm`, so `*/loss > 5 and */grad_norm > 1` speaks about one model at a time.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from opengraphs.alerts.rules.faults import fault_at
from opengraphs.alerts.rules.tree import Expr, Metric, walk

_WILD = re.compile(r"([*?])")

Captures = tuple[str, ...]


class Glob(NamedTuple):
    """One name with wildcards, ready to match and to be filled in.

    pieces: text and wildcards by turns: `*/loss` is `"", "*", "/loss"`. between: a pattern for
    what stands before, between and after the stars. last: characters of the last of them.
    """

    pieces: tuple[str, ...]
    between: tuple[re.Pattern[str], ...]
    last: int

    def captures(self, metric: str) -> Captures | None:
        """What the wildcards stand for in `metric`, the stars as little as they can; None: no match.

        Every piece is looked for once, so no name takes long.
        """
        first, *rest = self.between
        match = first.match(metric) if rest else first.fullmatch(metric)
        if match is None:
            return None
        found, at = [*match.groups()], match.end()
        for n, piece in enumerate(rest):
            is_last = n == len(rest) - 1
            begin = max(at, len(metric) - self.last) if is_last else at
            match = piece.fullmatch(metric, begin) if is_last else piece.search(metric, begin)
            if match is None:
                return None
            found += [metric[at : match.start()], *match.groups()]
            at = match.end()
        return tuple(found)

    def filled(self, captures: Captures) -> str:
        """The metric that these captures make of the glob."""
        wild = iter(captures)
        return "".join(next(wild) if n % 2 else piece for n, piece in enumerate(self.pieces))


def glob(name: str) -> Glob:
    fixed = name.split("*")
    between = (re.compile("(.)".join(map(re.escape, part.split("?"))), re.DOTALL) for part in fixed)
    return Glob(tuple(_WILD.split(name)), tuple(between), len(fixed[-1]))


def globs_of(expr: Expr) -> dict[str, Glob]:
    """The globs of a condition by their text, in the order they stand."""
    found = (part for part in walk(expr) if isinstance(part, Metric) and part.is_glob)
    return {part.name: glob(part.name) for part in found}


def check_globs(expr: Expr, text: str) -> None:
    """That all globs of a condition can move together.

    Raises:
        UsageError: they have different wildcards, or too many.
    """
    found = [part for part in walk(expr) if isinstance(part, Metric) and part.is_glob]
    for part in found:
        wild = _WILD.findall(part.name)
        if len(wild) > 4:
            raise fault_at(text, part.at, f"{part.name!r} has more than 4 wildcards")
        if wild != _WILD.findall(found[0].name):
            what = f"{part.name!r} and {found[0].name!r} have different wildcards"
            raise fault_at(
                text, part.at, what, "all globs of a rule stand for the same text; give each as many"
            )
