"""Unified diffs and Codex envelopes: each hunk is a block of the lines it shows, wherever its numbers point.

A hunk in a fence ends with the fence. One without a fence has only the counts in its `@@` line to say
where it ends, and a cut answer looks like a shorter hunk: so there, and only there, the counts must be right.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from opengraphs.guard.patch.blocks import Block, EditError, wrong
from opengraphs.guard.patch.names import cleaned

_COUNTS = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@.*")
_NO_NEWLINE = "\\ No newline at end of file"
_ONE_FILE = "files are changed, not made, removed or renamed"


def read_hunks(lines: Sequence[str], at: int, number: int, fence: str | None) -> tuple[list[Block], int]:
    """The blocks of one file's hunks.

    Args:
        at: the line of `--- a/path`.
        number: of the first block, for errors.
        fence: what opened the fence around it, None without one.

    Returns:
        The blocks, and the number of the line after them.
    """
    path = _path(lines[at], lines[at + 1], number)
    at += 2
    blocks: list[Block] = []
    while at < len(lines) and lines[at].startswith("@@"):
        one = _Hunk(path, number + len(blocks), lines[at])
        at = one.fenced(lines, at + 1, fence) if fence else one.bare(lines, at + 1)
        blocks.append(one.block())
    return blocks, at


def read_envelope(lines: Sequence[str], at: int, number: int) -> tuple[list[Block], int]:
    """The blocks between `*** Begin Patch` and `*** End Patch`, and the number of the line after it."""
    end = next((place for place in range(at, len(lines)) if lines[place].strip() == "*** End Patch"), None)
    if end is None:
        raise wrong("the patch is cut: it has no *** End Patch", block=number)
    blocks: list[Block] = []
    hunk: _Hunk | None = None
    path = ""
    for line in [*lines[at + 1 : end], "@@"]:
        if line.startswith(("@@", "*** ")):
            blocks += [hunk.block()] if hunk is not None and hunk.has_lines else []
            hunk = None
        if line.startswith("*** "):
            path = _of_envelope(line, path, number + len(blocks))
        elif not line.startswith("@@"):
            hunk = hunk or _Hunk(path, number + len(blocks), "")
            hunk.take(line)
    return blocks, end + 1


def _of_envelope(line: str, path: str, number: int) -> str:
    if line.startswith("*** Update File: "):
        return cleaned(line.removeprefix("*** Update File: "))
    if line.strip() == "*** End of File":
        return path
    raise wrong(f"{line.strip()!r}: {_ONE_FILE}", block=number)


def _path(old: str, new: str, number: int) -> str:
    """The path that both header lines name."""
    before, after = (_bare(line[4:]) for line in (old, new))
    if "/dev/null" in (before, after) or before != after:
        raise wrong(f"{old!r}, {new!r}: {_ONE_FILE}", block=number)
    return before


def _bare(path: str) -> str:
    name = path.partition("\t")[0].strip().strip('"')
    return cleaned(name[2:] if name.startswith(("a/", "b/")) else name)


class _Hunk:
    def __init__(self, path: str, number: int, header: str) -> None:
        self.path, self.number, self.header = path, number, header
        self.old: list[str] = []
        self.new: list[str] = []
        self.blank = 0
        """Empty lines at the end so far: context, if more follows."""

    @property
    def has_lines(self) -> bool:
        return bool(self.old or self.new)

    def block(self) -> Block:
        if not self.path:
            raise self.wrong("no path: *** Update File: PATH comes before its lines")
        old, new = ("".join(f"{line}\n" for line in side) for side in (self.old, self.new))
        return Block(self.path, old, new)

    def wrong(self, message: str) -> EditError:
        return wrong(message, block=self.number, path=self.path)

    def take(self, line: str) -> None:
        """Add a line of the hunk."""
        if line == _NO_NEWLINE:
            return
        if not line:
            self.blank += 1
            return
        if line[0] not in " +-":
            raise self.wrong(f"{line[:80]!r} begins with none of ' ', '+' and '-'")
        self._add_blank()
        if line[0] != "+":
            self.old.append(line[1:])
        if line[0] != "-":
            self.new.append(line[1:])

    def _add_blank(self) -> None:
        self.old += [""] * self.blank
        self.new += [""] * self.blank
        self.blank = 0

    def fenced(self, lines: Sequence[str], at: int, fence: str) -> int:
        """Take lines up to the next hunk, the next file or the end of the fence."""
        while at < len(lines):
            line = lines[at]
            if line.rstrip() == fence or line.startswith("@@") or _is_header(lines, at):
                return at
            if not line.startswith(("diff --git ", "index ")):
                self.take(line)
            at += 1
        raise self.wrong("the diff is cut: its fence is never closed")

    def bare(self, lines: Sequence[str], at: int) -> int:
        """Take as many lines as the header counts, and make sure that there are no more and no fewer.

        The last piece of a text has no newline behind it, so it may be half a line.
        """
        counts = _COUNTS.fullmatch(self.header)
        if not counts:
            raise self.wrong(
                "a diff without a fence and without counts in its @@ line: put it into a ```diff fence"
            )
        old, new = (int(count) if count is not None else 1 for count in counts.groups())
        while len(self.old) < old or len(self.new) < new:
            if at >= len(lines) - 1:
                raise self.wrong("the diff is cut, or its counts are wrong: put it into a ```diff fence")
            self.take(lines[at])
            if not lines[at]:
                self._add_blank()
            at += 1
        rest = next((line for line in lines[at:] if line and line != _NO_NEWLINE), "")
        goes_on = rest.startswith((" ", "+", "-")) and not rest.startswith("--- ")
        goes_on |= not lines[at].startswith(("@@", "--- ", "diff --git ", "\\")) and bool(lines[at])
        if goes_on or (len(self.old), len(self.new)) != (old, new):
            raise self.wrong("the counts in its @@ line are wrong: put the diff into a ```diff fence")
        while at < len(lines) and lines[at] in ("", _NO_NEWLINE):
            at += 1
        return at


def _is_header(lines: Sequence[str], at: int) -> bool:
    return lines[at].startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")
