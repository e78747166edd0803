"""Patterns of paths below a project: `*` and `?` within a name, `**` any number of folders.

Brackets mean themselves, so that a file called `run[1].yaml` can be named.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache


def folded(text: str) -> str:
    """`text` such that names a file system or a reader may take for one another are equal."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def allows(pattern: str, parts: Sequence[str]) -> bool:
    """Whether the whole path fits, letter for letter: `*.py` is a file at the top, `**/*.py` anywhere."""
    return _fits(tuple(pattern.split("/")), tuple(parts))


def denies(pattern: str, parts: Sequence[str]) -> bool:
    """Whether the path, or a folder on it, fits; without a slash any name on it. Case makes no difference."""
    names, wanted = tuple(map(folded, parts)), tuple(folded(pattern).strip("/").split("/"))
    if len(wanted) == 1:
        return any(_name(wanted[0]).fullmatch(name) for name in names)
    return any(_fits(wanted, names[:end]) for end in range(1, len(names) + 1))


def _fits(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(pattern[1:], parts[skipped:]) for skipped in range(len(parts) + 1))
    return bool(parts) and bool(_name(pattern[0]).fullmatch(parts[0])) and _fits(pattern[1:], parts[1:])


@lru_cache(maxsize=512)
def _name(pattern: str) -> re.Pattern[str]:
    words = {"*": ".*", "?": "."}
    return re.compile("".join(words.get(letter) or re.escape(letter) for letter in pattern), re.DOTALL)
