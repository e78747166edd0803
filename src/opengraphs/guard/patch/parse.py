"""Read the edits in a model's answer: SEARCH/REPLACE blocks, unified diffs, Codex envelopes, short whole files.

All become `Block`s. Line numbers are never believed. What is cut, empty, malformed or enormous is an
`EditError` that names the block: half an answer is no edit.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from opengraphs.guard.patch.blocks import (
    MAX_BLOCK_LINES,
    MAX_BLOCKS,
    MAX_TEXT,
    Block,
    EditError,
    Problem,
    lines_of,
    wrong,
)
from opengraphs.guard.patch.hunks import read_envelope, read_hunks
from opengraphs.guard.patch.names import named_above, path_only

_SEARCH = re.compile(r"(\s*)<{5,9} ?SEARCH>?\s*")
_DIVIDER = re.compile(r"(\s*)={7}\s*")
_REPLACE = re.compile(r"(\s*)>{5,9} ?REPLACE<?\s*")
_BROKEN = re.compile(r"\s*(?:<{3}|>{7})")
_HALF_EDIT = re.compile(r"(?m)^\s*(?:<{5}|>{5}|\*{3} |@@ |--- |\+\+\+ )")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_LEFT_OUT = re.compile(
    r"\s*(?:#|//|--|<!--)\s*(?:\.\.\.|…)|\s*(?:#|//)\s*(?:rest of|remaining|existing|unchanged)\b.*(?:code|unchanged|same|as before)",
    re.IGNORECASE,
)
_NOTHING = (
    "no edit found; write the file's path on a line of its own, then a block of "
    "<<<<<<< SEARCH, the lines as they are, =======, the new lines, >>>>>>> REPLACE"
)


class Fence(NamedTuple):
    """A fenced stretch. start: its first line's number; end: its closing line's, None when it has none."""

    start: int
    end: int | None
    info: str


def parse_edits(text: str) -> list[Block]:
    """The edits in an answer, in its order; those that were said twice, once.

    Args:
        text: what the model wrote, prose and all. Tool results never belong in here.

    Raises:
        EditError: there is none, or one of them cannot be read with certainty.

    Cost: O(len(text)).
    """
    if len(text) > MAX_TEXT:
        raise wrong(f"the answer has {len(text)} characters; edits are read up to {MAX_TEXT}")
    if "\0" in text:
        raise wrong("the answer has NUL characters in it")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    blocks = _Reader(lines).read() or _whole_files(lines)
    if not blocks:
        raise wrong(_NOTHING)
    problems = [problem for at, block in enumerate(blocks, 1) if (problem := _trouble(at, block))]
    if len(blocks) > MAX_BLOCKS:
        problems.append(Problem(0, "", f"{len(blocks)} blocks; at most {MAX_BLOCKS} are read", []))
    if problems:
        raise EditError(problems)
    return list(dict.fromkeys(blocks))


class _Reader:
    """Goes over the lines once; every format's reader says where it stopped."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.blocks: list[Block] = []
        self.fence: str | None = None
        self.has_diff = False
        """In the fence that is open."""

    def read(self) -> list[Block]:
        at = 0
        while at < len(self.lines):
            at = self._step(at)
        if self.fence and self.has_diff:
            raise wrong("the diff is cut: its fence is never closed", block=len(self.blocks))
        return self.blocks

    def _step(self, at: int) -> int:
        line, number = self.lines[at], len(self.blocks) + 1
        if begun := _SEARCH.fullmatch(line):
            return self._search_replace(at, begun[1])
        if _REPLACE.fullmatch(line):
            raise wrong("a >>>>>>> REPLACE without its <<<<<<< SEARCH", block=number)
        if _BROKEN.match(line):
            raise wrong(f"{line[:40]!r} is no marker of an edit; it is <<<<<<< SEARCH", block=number)
        if line.strip() == "*** Begin Patch":
            found, after = read_envelope(self.lines, at, number)
            self.blocks += found
            return after
        if self._is_diff(at):
            found, after = read_hunks(self.lines, at, number, self.fence)
            self.blocks += found
            self.has_diff = True
            return after
        self._note_fence(line)
        return at + 1

    def _is_diff(self, at: int) -> bool:
        after = self.lines[at + 1 : at + 3]
        return (
            self.lines[at].startswith("--- ")
            and len(after) == 2
            and after[0].startswith("+++ ")
            and after[1].startswith("@@")
        )

    def _note_fence(self, line: str) -> None:
        found = _FENCE.fullmatch(line)
        if not found:
            return
        if self.fence is None:
            self.fence, self.has_diff = found[1], False
        elif found[1].startswith(self.fence) and not found[2].strip():
            self.fence = None

    def _search_replace(self, at: int, indent: str) -> int:
        number, path = len(self.blocks) + 1, self._path(at)
        divider = end = None
        for place in range(at + 1, len(self.lines)):
            line = self.lines[place]
            if _SEARCH.fullmatch(line):
                raise wrong("another <<<<<<< SEARCH begins before >>>>>>> REPLACE", block=number, path=path)
            if (found := _DIVIDER.fullmatch(line)) and found[1] == indent:
                if divider is not None:
                    raise wrong(
                        "two lines of ======= in one block: it is not clear where SEARCH ends",
                        block=number,
                        path=path,
                    )
                divider = place
            elif _REPLACE.fullmatch(line):
                end = place
                break
        if end is None:
            raise wrong("the block is cut: it has no >>>>>>> REPLACE", block=number, path=path)
        if divider is None:
            raise wrong("no line of ======= between SEARCH and REPLACE", block=number, path=path)
        if not path:
            raise wrong("no path: write the file's path on the line before the block", block=number)
        self.blocks.append(
            Block(path, _text(self.lines[at + 1 : divider]), _text(self.lines[divider + 1 : end]))
        )
        return end + 1

    def _path(self, at: int) -> str:
        """The path above a block; without one there, that of the block before it if nothing else was named since."""
        above = []
        for line in reversed(self.lines[:at]):
            if _REPLACE.fullmatch(line):
                break
            above.append(line)
        return named_above(above, self.blocks[-1].path if self.blocks else "")


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _trouble(at: int, block: Block) -> Problem | None:
    message = _said_wrong(block)
    return Problem(at, block.path, message, []) if message else None


def _said_wrong(block: Block) -> str:
    if max(block.search.count("\n"), block.replace.count("\n")) > MAX_BLOCK_LINES:
        return f"more than {MAX_BLOCK_LINES} lines"
    if not block.whole and not block.search.strip():
        return "nothing to search for: name the lines to be replaced, three or more; files are not created"
    if block.search == block.replace:
        return "SEARCH and REPLACE are the same: it changes nothing"
    old = set(lines_of(block.search))
    left_out = next(
        (line for line in lines_of(block.replace) if _LEFT_OUT.match(line) and line not in old), None
    )
    if left_out is not None:
        return f"code is left out at {left_out.strip()!r}: write every line of REPLACE"
    return ""


def _whole_files(lines: list[str]) -> list[Block]:
    """Fenced texts, each with nothing but a path above it or behind its fence."""
    blocks: list[Block] = []
    for fence in _fences(lines):
        named = [path for word in fence.info.split() if (path := path_only(word))]
        above = next((line for line in reversed(lines[: fence.start]) if line.strip()), "")
        path = path_only(above) or (named[0] if len(named) == 1 else "")
        if fence.end is None and (path or blocks):
            raise wrong("the text is cut: its fence is never closed", block=len(blocks) + 1, path=path)
        if not path:
            continue
        text = _text(lines[fence.start + 1 : fence.end])
        if _HALF_EDIT.search(text):
            raise wrong(
                "neither an edit nor a file: its marks are incomplete", block=len(blocks) + 1, path=path
            )
        blocks.append(Block(path, "", text, whole=True))
    twice = [block.path for block in blocks]
    if len(set(twice)) < len(twice):
        raise wrong("two whole texts for one file: write SEARCH/REPLACE blocks", path=twice[0])
    return blocks


def _fences(lines: list[str]) -> list[Fence]:
    found: list[Fence] = []
    opened: tuple[int, str, str] | None = None
    for at, line in enumerate(lines):
        mark = _FENCE.fullmatch(line)
        if mark and opened is None:
            opened = (at, mark[1], mark[2].strip())
        elif mark and opened is not None and mark[1].startswith(opened[1]) and not mark[2].strip():
            found.append(Fence(opened[0], at, opened[2]))
            opened = None
    return [*found, Fence(opened[0], None, opened[2])] if opened else found
