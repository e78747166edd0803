"""What an edit is once it was read, and what is wrong with one that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

MAX_TEXT = 400_000
"""Characters of an answer that are looked at; a longer one is refused whole."""
MAX_BLOCKS = 60
MAX_BLOCK_LINES = 2_000
WHOLE_FILE_LINES = 150
"""A file of this many lines or more is not replaced by a whole new text."""


class Block(NamedTuple):
    """These lines, once in the file, become those.

    path: as the model wrote it, `./` and the `a/` of a diff taken off. search, replace: whole lines, each with
    its newline. whole: `replace` is the new text of a short file, and `search` is empty.
    """

    path: str
    search: str
    replace: str
    whole: bool = False


class Problem(NamedTuple):
    """block: from 1 as they stand in the text, 0 for the text as a whole. near: lines that may have been meant."""

    block: int
    path: str
    message: str
    near: list[str]


class EditError(Exception):
    """The edits were not read, or do not fit: nothing of them was done. The text is meant for the model."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(map(_told, self.problems)))


def wrong(message: str, *, block: int = 0, path: str = "", near: Sequence[str] = ()) -> EditError:
    """An error with one problem."""
    return EditError([Problem(block, path, message, list(near))])


def lines_of(text: str) -> list[str]:
    """The lines of a block's text; only a newline ends one, whatever else Unicode calls a line end."""
    return text.removesuffix("\n").split("\n") if text else []


def _told(problem: Problem) -> str:
    where = f"block {problem.block}" if problem.block else "edits"
    name = f"{where} ({problem.path})" if problem.path else where
    near = "".join(f"\n    {line}" for line in problem.near)
    return f"{name}: {problem.message}" + (f"\n  did you mean:{near}" if near else "")
