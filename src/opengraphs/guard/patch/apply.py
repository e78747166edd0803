"""Apply blocks to files in memory: all of them, or none and an error.

Every block is matched against the file as it was, never against what another block left. What a block
only shows as context keeps its own bytes; newline style, byte order mark and final newline stay.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from opengraphs.guard.ends import shared_ends
from opengraphs.guard.patch.blocks import WHOLE_FILE_LINES, Block, EditError, Problem, lines_of
from opengraphs.guard.patch.fit import Fit, Refused
from opengraphs.guard.patch.match import Text

MAX_FILE = 4_000_000
"""Characters of a file that is edited."""
CONTEXT = 3
_ALIGNED = 250_000
"""Lines of SEARCH times lines of REPLACE up to which common lines inside a change are looked for."""


class Applied(NamedTuple):
    """One file's edit. rungs: of its blocks, in order; added, removed: lines; diff: unified."""

    path: str
    before: str
    after: str
    rungs: list[str]
    added: int
    removed: int
    diff: str


class Change(NamedTuple):
    """Lines start … end - 1 of the file (from 0) become `lines`, which have no newlines."""

    start: int
    end: int
    lines: list[str]


def apply_edits(files: Mapping[str, str], blocks: Sequence[Block]) -> list[Applied]:
    """What the files would be.

    Args:
        files: text by path, newlines as they are in the file (read with `newline=""`).
        blocks: from `parse_edits`.

    Returns:
        One `Applied` a file that is named, in the order of its first block.

    Raises:
        EditError: one block or more does not fit; every one that does not is named.

    Cost: O(file + blocks) for a file of a million lines as for a short one.
    """
    problems: list[Problem] = []
    applied: list[Applied] = []
    for path in dict.fromkeys(block.path for block in blocks):
        own = [(number, block) for number, block in enumerate(blocks, 1) if block.path == path]
        text = files.get(path)
        if text is None:
            problems.append(_unknown(own[0][0], path, files))
        elif len(text) > MAX_FILE:
            problems.append(Problem(own[0][0], path, f"the file is longer than {MAX_FILE} characters", []))
        else:
            done = _File(path, text).edited(own, problems)
            applied += [done] if done else []
    if problems or not applied:
        raise EditError(problems or [Problem(0, "", "there are no blocks", [])])
    return applied


def _unknown(number: int, path: str, files: Mapping[str, str]) -> Problem:
    near = difflib.get_close_matches(path, list(files), n=3, cutoff=0.4)
    return Problem(number, path, "no such file among those that may be edited", near or sorted(files)[:5])


class Found(NamedTuple):
    """A block's place: lines start … end - 1 of the file, and what changes in them."""

    number: int
    rung: str
    start: int
    end: int
    changes: list[Change]


class _File:
    def __init__(self, path: str, text: str) -> None:
        self.path, self.before = path, text
        self.mark = "\ufeff" if text.startswith("\ufeff") else ""
        body = text.removeprefix("\ufeff")
        self.ends_open = not body.endswith("\n")
        self.pieces = body.split("\n") if body else []
        """The lines, each with the carriage return it may have."""
        last = self.pieces.pop() if self.pieces else ""
        returns = sum(piece.endswith("\r") for piece in self.pieces)
        self.newline = "\r" if returns * 2 > len(self.pieces) else ""
        if self.ends_open and last:
            self.pieces.append(last + self.newline)
        self.text = Text(self.pieces)

    def edited(self, blocks: Sequence[tuple[int, Block]], problems: list[Problem]) -> Applied | None:
        """The edit, or None and what is wrong among `problems`."""
        found: list[Found] = []
        already = len(problems)
        for number, block in blocks:
            try:
                found.append(self._whole(number, block) if block.whole else self._placed(number, block))
            except EditError as error:
                problems += error.problems
        problems += self._conflicts(found)
        if len(problems) > already:
            return None
        changes = sorted({(one.start, one.end, tuple(one.lines)) for place in found for one in place.changes})
        ordered = [Change(start, end, list(lines)) for start, end, lines in changes]
        after = self._after(ordered)
        if after == self.before or not after.strip():
            what = (
                "the edit changes nothing" if after == self.before else "the edit would leave an empty file"
            )
            problems.append(Problem(blocks[0][0], self.path, what, []))
            return None
        removed, added = sum(one.end - one.start for one in ordered), sum(len(one.lines) for one in ordered)
        rungs = [place.rung for place in found]
        return Applied(self.path, self.before, after, rungs, added, removed, self._diff(ordered))

    def _placed(self, number: int, block: Block) -> Found:
        """A block's place; what both of its sides have is left alone."""
        hit = self.text.find(number, block)
        if isinstance(hit, Problem):
            raise EditError([hit])
        search, replace = lines_of(block.search), lines_of(block.replace)
        own = self.pieces[hit.line : hit.line + len(search)]
        sides = (search, replace) if hit.rung == "exact" else (_trimmed(search), _trimmed(replace))
        steps = _steps(*sides)
        try:
            fit = Fit(hit, search, replace, own, steps)
            changes = [
                Change(hit.line + i, hit.line + j, [fit.line(line) + self.newline for line in replace[k:m]])
                for i, j, k, m in steps
            ]
        except Refused as refused:
            raise EditError([Problem(number, self.path, str(refused), [])]) from None
        self._refuse_other_blanks(number, changes)
        self._refuse_repeated(number, hit.line, hit.line + len(search), changes)
        return Found(number, hit.rung, hit.line, hit.line + len(search), changes)

    def _refuse_other_blanks(self, number: int, changes: Sequence[Change]) -> None:
        """Tabs in a file of spaces, or the reverse: in Python they mean something else, or nothing at all."""
        indents = {line[0] for line in self.pieces if line[:1] in ("\t", " ") and line.strip()}
        for line in (line for change in changes for line in change.lines):
            tab = "\t" in line and "\t" not in self.before
            if tab or (line[:1] == " " and indents == {"\t"}):
                message = f"{line.strip()[:60]!r} has {'tabs' if tab else 'spaces'}, which the file does not"
                raise EditError([Problem(number, self.path, message, [])])

    def _refuse_repeated(self, number: int, start: int, end: int, changes: Sequence[Change]) -> None:
        """New lines at the edge of a block that stand just outside of it: SEARCH has left them out."""
        for change in changes:
            beside = self.pieces[start - 1 : start] if start and change.start == start else []
            beside += self.pieces[end : end + 1] if change.end == end else []
            edges = {line.rstrip() for line in (*change.lines[:1], *change.lines[-1:])}
            mine = edges | {line.rstrip() for line in change.lines if line.strip()}
            twice = next((line.strip() for line in beside if line.rstrip() in mine), None)
            if twice is not None:
                what = repr(twice[:60]) if twice else "an empty line"
                message = f"REPLACE repeats {what}, which stands beside SEARCH: put it into SEARCH too"
                raise EditError([Problem(number, self.path, message, [])])

    def _whole(self, number: int, block: Block) -> Found:
        fences = any(piece.lstrip().startswith(("```", "~~~")) for piece in self.pieces)
        if fences or len(self.pieces) >= WHOLE_FILE_LINES:
            what = "with fences in it" if fences else f"of {len(self.pieces)} lines"
            message = f"a whole text for a file {what}: write SEARCH/REPLACE blocks"
            raise EditError([Problem(number, self.path, message, [])])
        old = [piece.removesuffix("\r") for piece in self.pieces]
        new = lines_of(block.replace)
        steps = _steps(old, new, limit=_ALIGNED * 4)
        kept = len(old) - sum(j - i for i, j, _, _ in steps)
        if kept * 2 < len(old):
            message = (
                f"the text has {kept} of the file's {len(old)} lines: it looks like a part, not the whole"
            )
            raise EditError([Problem(number, self.path, message, [])])
        changes = [Change(i, j, [line + self.newline for line in new[k:m]]) for i, j, k, m in steps]
        return Found(number, "whole", 0, len(old), changes)

    def _conflicts(self, found: Sequence[Found]) -> list[Problem]:
        """Blocks that reach into each other. The same change twice is one; shared context is none."""
        ordered = sorted(found, key=lambda place: (place.start, place.number))
        problems = []
        for at, one in enumerate(ordered):
            for other in ordered[at + 1 :]:
                if other.start > one.end:
                    break
                if one.changes != other.changes and (_reaches(one, other) or _reaches(other, one)):
                    number = max(one.number, other.number)
                    message = f"it and block {min(one.number, other.number)} reach into each other: write them as one block"
                    problems.append(Problem(number, self.path, message, []))
        return problems

    def _after(self, changes: Sequence[Change]) -> str:
        lines: list[str] = []
        at = 0
        for change in changes:
            lines += self.pieces[at : change.start]
            lines += change.lines
            at = change.end
        lines += self.pieces[at:]
        if self.ends_open and lines:
            lines[-1] = lines[-1].removesuffix(self.newline)
        text = "\n".join(lines)
        return self.mark + text + ("" if self.ends_open or not lines else "\n")

    def _diff(self, changes: Sequence[Change]) -> str:
        return f"--- a/{self.path}\n+++ b/{self.path}\n" + "".join(_hunks(self.pieces, changes))


def _reaches(one: Found, other: Found) -> bool:
    """Whether a change of one lies in the lines that the other was matched by, or the same lines are added at its edge."""
    for change in one.changes:
        if change.start == change.end:
            at_edge = change.start in (other.start, other.end)
            again = any(change.lines == more.lines and more.start == more.end for more in other.changes)
            if other.start < change.start < other.end or (at_edge and again):
                return True
        elif change.start < other.end and other.start < change.end:
            return True
    return False


def _trimmed(lines: Sequence[str]) -> list[str]:
    return [line.rstrip() for line in lines]


def _steps(
    old: Sequence[str], new: Sequence[str], *, limit: int = _ALIGNED
) -> list[tuple[int, int, int, int]]:
    """What is different: old[i:j] became new[k:m]."""
    head, tail = shared_ends(old, new)
    inner_old, inner_new = old[head : len(old) - tail], new[head : len(new) - tail]
    if len(inner_old) * len(inner_new) > limit:
        return [(head, len(old) - tail, head, len(new) - tail)]
    match = difflib.SequenceMatcher(None, inner_old, inner_new, autojunk=False)
    return [
        (i + head, j + head, k + head, m + head) for tag, i, j, k, m in match.get_opcodes() if tag != "equal"
    ]


def _hunks(lines: Sequence[str], changes: Sequence[Change]) -> list[str]:
    """The hunks of a unified diff, carriage returns not shown."""
    groups: list[list[Change]] = []
    for change in changes:
        if groups and change.start - groups[-1][-1].end <= 2 * CONTEXT:
            groups[-1].append(change)
        else:
            groups.append([change])
    told, grown = [], 0
    for group in groups:
        told.append(_hunk(lines, group, grown))
        grown += sum(len(change.lines) - (change.end - change.start) for change in group)
    return told


def _hunk(lines: Sequence[str], group: Sequence[Change], grown: int) -> str:
    first, last = max(0, group[0].start - CONTEXT), min(len(lines), group[-1].end + CONTEXT)
    body: list[str] = []
    at = first
    for change in group:
        body += [f" {line}" for line in lines[at : change.start]]
        body += [f"-{line}" for line in lines[change.start : change.end]]
        body += [f"+{line}" for line in change.lines]
        at = change.end
    body += [f" {line}" for line in lines[at:last]]
    olds = sum(line[0] != "+" for line in body)
    news = sum(line[0] != "-" for line in body)
    before = first + 1 if olds else first
    after = first + grown + 1 if news else first + grown
    return f"@@ -{before},{olds} +{after},{news} @@\n" + "".join(line.rstrip("\r") + "\n" for line in body)
