"""Where one character ends as people see it: base and marks, a family of emoji, a flag, a Hangul syllable.

The extended grapheme clusters of Unicode (UAX 29), from the general categories that `unicodedata` has.
Not told apart: prepended marks (GB9b) and Indic conjuncts (GB9c), which stay two.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

JOINER = "\u200d"
NON_JOINER = "\u200c"
_ARROWS_OF_EMOJI = "\u2194"
"""Pictographs that Unicode files under mathematics."""


def boundaries(text: str) -> Sequence[int]:
    """The offsets at which a cluster starts, and the end: 0 … len(text), increasing."""
    return range(len(text) + 1) if text.isascii() else _segment(text)


def before(text: str, at: int) -> int:
    """The nearest boundary before `at`; 0 where there is none."""
    found = boundaries(text)
    return found[max(0, bisect_left(found, at) - 1)]


def after(text: str, at: int) -> int:
    """The nearest boundary after `at`; the end where there is none."""
    found = boundaries(text)
    return found[min(len(found) - 1, bisect_right(found, at))]


def at_or_before(text: str, at: int) -> int:
    """`at`, or the start of the cluster it lies in; offsets outside the text become its ends."""
    found = boundaries(text)
    return found[max(0, bisect_right(found, at) - 1)]


def clusters(text: str) -> list[str]:
    """The text in pieces that are never taken apart."""
    found = boundaries(text)
    return [text[start:stop] for start, stop in pairwise(found)]


@lru_cache(maxsize=8)
def _segment(text: str) -> tuple[int, ...]:
    found = [0]
    flags = 0
    pictograph = False
    """The cluster so far is a pictograph and what extends it, so that a joiner joins."""
    for at in range(1, len(text)):
        left, right = text[at - 1], text[at]
        flags = flags + 1 if _is_flag_letter(left) else 0
        pictograph = _is_pictograph(left) or (pictograph and _extends(left))
        joined = left == JOINER and pictograph and _is_pictograph(right)
        paired = flags % 2 == 1 and _is_flag_letter(right)
        if not (joined or paired or _extends(right) or _in_syllable(left, right)):
            found.append(at)
    if text:
        found.append(len(text))
    return tuple(found)


def _category(char: str) -> str:
    import unicodedata  # only text outside ASCII pays for the tables

    return unicodedata.category(char)


def _extends(char: str) -> bool:
    """A mark, a variation selector, a skin tone, a tag of a flag, or a joiner: part of what stands before it."""
    if char < "\u0300":
        return False
    return (
        char in (JOINER, NON_JOINER)
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
        or char in "\uff9e\uff9f"
        or _category(char) in ("Mn", "Me", "Mc")
    )


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _is_pictograph(char: str) -> bool:
    return char in _ARROWS_OF_EMOJI or (
        char > "\x7f" and not _is_flag_letter(char) and _category(char) == "So"
    )


def _in_syllable(left: str, right: str) -> bool:
    """Hangul letters of one syllable: leading, vowel, trailing, and syllables that a letter completes."""
    if not ("\u1100" <= right <= "\u11ff" or "\ua960" <= right <= "\ud7fb"):
        return False
    kinds = (_hangul(left), _hangul(right))
    return kinds in _JOINED


_JOINED = {
    *((left, right) for left in ("L",) for right in ("L", "V", "LV", "LVT")),
    *((left, right) for left in ("LV", "V") for right in ("V", "T")),
    ("LVT", "T"),
    ("T", "T"),
}


def _hangul(char: str) -> str:
    """L, V or T for a letter, LV or LVT for a syllable, "" for anything else."""
    if "\u1100" <= char <= "\u115f" or "\ua960" <= char <= "\ua97c":
        return "L"
    if "\u1160" <= char <= "\u11a7" or "\ud7b0" <= char <= "\ud7c6":
        return "V"
    if "\u11a8" <= char <= "\u11ff" or "\ud7cb" <= char <= "\ud7fb":
        return "T"
    if "\uac00" <= char <= "\ud7a3":
        return "LVT" if (ord(char) - 0xAC00) % 28 else "LV"
    return ""
