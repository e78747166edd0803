"""Where a block stands in a file: exactly one place, or an error that says what is near.

The ladder: `exact`; `whitespace` (trailing spaces, line ends); `indent` (all lines shifted by the same);
`unicode` (typographic quotes, dashes and spaces). The best rung with a hit decides, and a second hit
at it is an error. So is a hit elsewhere of what a model may have meant: the same lines, indented deeper
(models outdent), or with other trailing spaces. There is no rung for lines that merely resemble.
"""

from __future__ import annotations

import bisect
import difflib
import heapq
import re
from collections.abc import Sequence
from typing import NamedTuple

from opengraphs.guard.patch.blocks import Block, Problem, lines_of

RUNGS = ("exact", "whitespace", "indent", "unicode")
MAX_HITS = 200
NEAR_LINES = 20_000
"""Of a file are looked at for lines that may have been meant."""

_LIKE = {
    **dict.fromkeys("“”„‟″", '"'),
    **dict.fromkeys("‘’‚‛′", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys(
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
        " ",
    ),
}
_PLAIN = str.maketrans(_LIKE)
_WHITE = " \t\r\x0b\x0c"
_WORDS = re.compile(r"\w+")


class Hit(NamedTuple):
    """line: from 0. shift: what every line of the file has more (`> 0`) or less than the block, as spaces or tabs."""

    line: int
    rung: str
    shift: str
    deeper: bool


class Text:
    """A file's lines, ready to be searched many times."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = list(lines)
        self._bare = [bare(line) for line in lines]
        self._words: list[set[str]] = []
        self._joined = "\n" + "\n".join(self._bare) + "\n"
        self._starts = [0]
        for line in self._bare:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def hits(self, search: Sequence[str]) -> list[Hit]:
        """Every place where the lines stand, whatever the rung; at most `MAX_HITS`."""
        wanted = "\n" + "\n".join(map(bare, search)) + "\n"
        found: list[Hit] = []
        at = self._joined.find(wanted)
        while at >= 0 and len(found) < MAX_HITS:
            line = bisect.bisect_left(self._starts, at)
            if hit := _judged(line, self.lines[line : line + len(search)], search):
                found.append(hit)
            at = self._joined.find(wanted, at + 1)
        return found

    def find(self, number: int, block: Block) -> Hit | Problem:
        """The one place of a block, or why there is none."""
        search = lines_of(block.search)
        hits = self.hits(search)
        if not hits:
            return Problem(number, block.path, *self._not_found(search, lines_of(block.replace)))
        best = min(RUNGS.index(hit.rung) for hit in hits)
        rivals = [hit for hit in hits if RUNGS.index(hit.rung) == best or _may_be_meant(hit)]
        if len(rivals) > 1:
            places = ", ".join(str(hit.line + 1) for hit in rivals[:6])
            more = ", …" if len(rivals) > 6 else ""
            times = f"{len(rivals)}{'+' if len(hits) >= MAX_HITS else ''} matches at lines {places}{more}"
            return Problem(number, block.path, f"{times}: add context", [])
        return next(hit for hit in hits if RUNGS.index(hit.rung) == best)

    def _not_found(self, search: Sequence[str], replace: Sequence[str]) -> tuple[str, list[str]]:
        done = self.hits(replace) if any(line.strip() for line in replace) else []
        if len(done) == 1:
            return (
                f"SEARCH is not in the file, and REPLACE stands at line {done[0].line + 1}: already applied",
                [],
            )
        return "SEARCH is not in the file; copy its lines as they are", self._near(search)

    def _near(self, search: Sequence[str]) -> list[str]:
        """The lines around the one that resembles the longest line of the search."""
        place, wanted = max(enumerate(map(bare, search)), key=lambda one: len(one[1]))
        words = set(_WORDS.findall(wanted))
        self._words = self._words or [set(_WORDS.findall(line)) for line in self._bare[:NEAR_LINES]]
        scored = ((len(words & own) / max(1, len(words | own)), -at) for at, own in enumerate(self._words))
        best = heapq.nlargest(20, scored)
        likes = [(_ratio(wanted, self._bare[-at]), -at) for score, at in best if score > 0]
        ratio, at = max(likes, default=(0.0, 0))
        if ratio < 0.5:
            return []
        first = max(0, at - min(place, 3))
        shown = self.lines[first : first + min(len(search), 7)]
        return [f"{first + more + 1}: {line.rstrip()[:200]}" for more, line in enumerate(shown)]


def bare(line: str) -> str:
    """What of a line every rung compares."""
    return line.translate(_PLAIN).strip(_WHITE)


def plain(line: str) -> str:
    """A line with typographic signs replaced by those of a keyboard; as long as before."""
    return line.translate(_PLAIN)


def is_typographic(sign: str) -> bool:
    return sign in _LIKE


def _may_be_meant(hit: Hit) -> bool:
    return hit.rung in {"exact", "whitespace"} or hit.deeper


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one[:300], other[:300], autojunk=False).ratio()


def _judged(line: int, own: Sequence[str], search: Sequence[str]) -> Hit | None:
    """The rung at which these lines of a file are the block's; None if it takes more than the ladder has."""
    if all(mine == theirs for mine, theirs in zip(own, search, strict=True)):
        return Hit(line, "exact", "", False)
    pairs = [(mine.rstrip(_WHITE), theirs.rstrip(_WHITE)) for mine, theirs in zip(own, search, strict=True)]
    if all(mine == theirs for mine, theirs in pairs):
        return Hit(line, "whitespace", "", False)
    shift = _shift([(mine, theirs) for mine, theirs in pairs if mine or theirs])
    if shift is None:
        return None
    same = all(mine.lstrip(_WHITE) == theirs.lstrip(_WHITE) for mine, theirs in pairs)
    return Hit(line, "indent" if same else "unicode", *shift)


def _shift(pairs: Sequence[tuple[str, str]]) -> tuple[str, bool] | None:
    """By how much all lines of the file are deeper than the block's, or shallower; None unless all agree.

    An odd number of spaces is no indentation: it is the sign that a diff has lost its first column.
    """
    shifts = set()
    for mine, theirs in pairs:
        here, there = indent(plain(mine)), indent(plain(theirs))
        if not (here.endswith(there) or there.endswith(here)):
            return None
        deeper = len(here) > len(there)
        longer, shorter = (here, there) if deeper else (there, here)
        shifts.add((longer[: len(longer) - len(shorter)], deeper))
    if len(shifts) != 1:
        return None
    shift, deeper = shifts.pop()
    return None if "\t" not in shift and len(shift) % 2 else (shift, deeper)


def indent(line: str) -> str:
    """The white space that a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]
