"""Which lines of a log match, as far as the daemon has told. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from opengraphs.records import LogLine
from opengraphs.tui.screens.logs_questions import MatchesQuestion

MOST = 20_000
"""Matching lines that are kept."""

CASES = ("smart", "exact", "ignored")


class Wanted:
    """How words are looked for: regex or as they are; case exact, ignored, or smart: exact with a capital in them."""

    def __init__(self, *, regex: bool = True, case: str = CASES[0]) -> None:
        self.regex = regex
        self.case = case

    def cycle_case(self) -> str:
        self.case = CASES[(CASES.index(self.case) + 1) % len(CASES)]
        return self.case

    def compiled(self, text: str) -> re.Pattern[str]:
        """Raises re.error."""
        ignored = self.case == "ignored" or (self.case == "smart" and text.lower() == text)
        return re.compile(text if self.regex else re.escape(text), re.IGNORECASE if ignored else 0)

    @property
    def words(self) -> str:
        """regex, smart case."""
        return f"{'regex' if self.regex else 'plain'}, case {self.case}"


def for_daemon(pattern: re.Pattern[str]) -> str:
    """The pattern as the daemon takes it."""
    return ("(?i)" if pattern.flags & re.IGNORECASE else "") + pattern.pattern


class LogMatches:
    """The lines that match `pattern`, in order; `next` is the line to go on from, None at the end of the log."""

    def __init__(self, pattern: re.Pattern[str], slot: str) -> None:
        self.pattern = pattern
        self.lines: list[LogLine] = []
        self.next: int | None = 0
        self._slot = slot
        self._total = 0

    @property
    def full(self) -> bool:
        return len(self.lines) >= MOST

    def question(self, run: str) -> MatchesQuestion | None:
        """What to ask for the rest."""
        if self.next is None or self.full:
            return None
        return MatchesQuestion(run, for_daemon(self.pattern), self.next, self._slot)

    def take(self, question: MatchesQuestion, reply: Mapping[str, Any]) -> None:
        if question.pattern != for_daemon(self.pattern) or question.start != self.next:
            return
        while self.lines and self.lines[-1]["n"] >= question.start:
            self.lines.pop()  # the last line of a live log may have grown
        self.lines += reply["lines"]
        self.next, self._total = reply["next"], reply["total_lines"]

    def grown(self, total: int) -> None:
        """The log has so many lines now."""
        if self.next is None and total > self._total:
            self.next = max(0, self._total - 1)

    def place(self, line: int) -> int:
        """Where a line stands among the matches, or would."""
        return bisect_left(self.lines, line, key=lambda one: one["n"])

    def count_text(self, line: int | None) -> str:
        """3 of 120; 120+ while there may be more."""
        more = "+" if self.next is not None or self.full else ""
        total = f"{len(self.lines)}{more}"
        if line is None:
            return f"{total} match{'' if total == '1' else 'es'}"
        at = self.place(line)
        known = at < len(self.lines) and self.lines[at]["n"] == line
        return f"{at + 1} of {total}" if known else f"one of {total}"
