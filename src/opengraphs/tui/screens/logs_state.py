"""What the Logs screen knows: a window into the run's output, where it stands, and what was searched. Pure.

Lines are kept by number in a bounded cache; what is on the screen and not in the cache is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opengraphs.records import LogLine
from opengraphs.tui.questions import FindQuestion, LogQuestion
from opengraphs.tui.screens.log_matches import CASES, LogMatches, Wanted, for_daemon
from opengraphs.tui.screens.logs_questions import MatchesQuestion

WINDOW = 200
"""Lines asked for at once when scrolling; also how windows are aligned, so that a line down asks nothing."""

KEPT_LINES = 4_000
SIDE_STEP = 8
MAX_LEFT = 100_000


class LogsState:
    """`top` is the number of the line at the top of the screen; `follow` keeps the newest line in view."""

    def __init__(self) -> None:
        self.run: str | None = None
        self.height = 1
        self.wrap = False
        self.wanted = Wanted()
        self.only_text = ""
        """Only lines with this are shown; "" shows all."""
        self._reset()

    def _reset(self) -> None:
        self.lines: dict[int, LogLine] = {}
        self.total = 0
        self.size_bytes = 0
        self.known = False
        self.top = 0
        self.left = 0
        self.fits = 1
        self.follow = True
        self.text = ""
        self.pattern: re.Pattern[str] | None = None
        self.found: LogMatches | None = None
        self.only: LogMatches | None = None
        self.match: int | None = None
        self.marked: tuple[int, int] | None = None
        """Where marking began, and where it is now: numbers of lines."""
        self.marking = False
        self.searching = False
        self._serial = 0
        self._find: FindQuestion | None = None

    def view_run(self, run: str | None) -> None:
        if run != self.run:
            self.run = run
            self._reset()
            self.set_only(self.only_text)

    # Where it stands

    @property
    def shown_total(self) -> int:
        """Lines that can be scrolled through: all, or those of the filter."""
        return self.total if self.only is None else len(self.only.lines)

    @property
    def last_top(self) -> int:
        return max(0, self.shown_total - self.fits)

    def resize(self, height: int, rows_of: Callable[[LogLine], int] | None = None) -> None:
        """rows_of: the rows of a wrapped line; None where every line takes one."""
        self.height = max(1, height)
        self.fits = self.height if rows_of is None else self._fitting(rows_of)
        self.top = self.last_top if self.follow else min(self.top, self.last_top)

    def _fitting(self, rows_of: Callable[[LogLine], int]) -> int:
        """How many of the last lines fit on the screen."""
        room, count = self.height, 0
        for at in range(self.shown_total - 1, max(-1, self.shown_total - 1 - self.height), -1):
            room -= rows_of(self.line_at(at))
            if room < 0:
                break
            count += 1
        return max(1, count)

    def scroll(self, lines: int) -> bool:
        """Move by lines; reaching the end follows again."""
        return self.go_to(self.top + lines)

    def go_to_line(self, line: int) -> None:
        """Show a line, by its number, and light it."""
        at = line if self.only is None else self.only.place(line)
        self.known = True
        self.total = max(self.total, line + 1)
        self.top = max(0, at - self.height // 2)
        self.follow = False
        self.match = line

    def line_at(self, at: int) -> LogLine:
        """A line by its place among those shown; one that is still being asked for is empty."""
        if self.only is not None:
            return self.only.lines[at]
        return self.lines.get(at, LogLine(n=at, text=""))

    def go_to(self, top: int) -> bool:
        before = (self.top, self.follow)
        self.top = max(0, min(self.last_top, top))
        self.follow = self.top >= self.last_top
        return (self.top, self.follow) != before

    def scroll_side(self, direction: int) -> bool:
        before = self.left
        self.left = max(0, min(MAX_LEFT, self.left + direction * SIDE_STEP))
        return self.left != before

    # Questions and answers

    def question(self) -> LogQuestion | None:
        """The window the screen needs: the end while following, else aligned pieces around the top line."""
        if self.run is None:
            return None
        if self.only is not None:
            return LogQuestion(self.run, -1, 1)
        if self.follow or not self.known:
            return LogQuestion(self.run, -self.height, self.height)
        missing = [n for n in range(self.top, min(self.total, self.top + self.height)) if n not in self.lines]
        if not missing:
            return None
        start = missing[0] // WINDOW * WINDOW
        return LogQuestion(self.run, start, 2 * WINDOW)

    def take(self, question: LogQuestion, reply: dict[str, Any]) -> None:
        """`GET /runs/{ref}/log` answered."""
        if question.run != self.run:
            return
        self.known = True
        self.total, self.size_bytes = reply.get("total_lines", 0), reply.get("size_bytes", 0)
        for matches in (self.found, self.only):
            if matches is not None:
                matches.grown(self.total)
        for line in reply.get("lines", []):
            self.lines[line["n"]] = line
        if self.follow:
            self.top = self.last_top
        self._forget_far()

    def _forget_far(self) -> None:
        """Keep what is near the screen."""
        if len(self.lines) > KEPT_LINES:
            low, high = self.top - KEPT_LINES // 4, self.top + self.height + KEPT_LINES // 4
            self.lines = {n: line for n, line in self.lines.items() if low <= n <= high}

    def more_questions(self) -> list[MatchesQuestion]:
        """What is still to be known of the lines that match."""
        if self.run is None or not self.known:
            return []
        asked = [matches.question(self.run) for matches in (self.found, self.only) if matches is not None]
        return [question for question in asked if question is not None]

    def take_matches(self, question: MatchesQuestion, reply: Mapping[str, Any]) -> None:
        matches = self.only if question.slot == "log.only" else self.found
        if question.run == self.run and matches is not None:
            matches.take(question, reply)
            if self.follow:
                self.top = self.last_top

    def window(self) -> list[LogLine]:
        """The lines on the screen."""
        last = min(self.shown_total, self.top + self.height)
        return [self.line_at(at) for at in range(self.top, last)]

    # Marking

    def mark(self, first: int, last: int) -> None:
        self.marked = (first, last)

    def begin_marking(self) -> None:
        """From the line that is lit, else from the top of the screen."""
        if not self.shown_total:
            return
        at = self.match if self.match is not None else self.line_at(min(self.top, self.shown_total - 1))["n"]
        self.marked, self.marking = (at, at), True

    def extend(self, step: int) -> None:
        """The end of what is marked goes up or down, and the screen along with it."""
        if self.marked is None:
            return
        last = max(0, min(self.total - 1, self.marked[1] + step))
        self.marked = (self.marked[0], last)
        at = last if self.only is None else self.only.place(last)
        if not self.top <= at < self.top + self.fits:
            self.go_to(at if at < self.top else at - self.fits + 1)

    def unmark(self) -> bool:
        was = self.marked is not None
        self.marked, self.marking = None, False
        return was

    def to_copy(self) -> tuple[int, int] | None:
        """(first line, how many): what is marked, else the line that is lit."""
        if self.marked is not None:
            low, high = sorted(self.marked)
            return low, high - low + 1
        return None if self.match is None else (self.match, 1)

    # Find

    def set_pattern(self, text: str) -> str:
        """What to look for; returns what is wrong with it, "" when nothing is."""
        self.match, self.text, self.found = None, text, None
        self.pattern, wrong = self._compiled(text)
        return wrong

    def count_found(self) -> None:
        """Have every match counted."""
        if self.pattern is not None and (self.found is None or self.found.pattern != self.pattern):
            self.found = LogMatches(self.pattern, "log.found")

    def set_only(self, text: str) -> str:
        """Show only lines with this; returns what is wrong with it."""
        pattern, wrong = self._compiled(text)
        if wrong:
            return wrong
        here = self.line_at(self.top)["n"] if self.shown_total > self.top else 0
        self.only_text = text
        self.only = LogMatches(pattern, "log.only") if pattern is not None else None
        self.marked, self.marking = None, False
        if self.only is None and not self.follow:
            self.top = here
        return ""

    def _compiled(self, text: str) -> tuple[re.Pattern[str] | None, str]:
        if not text:
            return None, ""
        try:
            return self.wanted.compiled(text), ""
        except re.error as error:
            place = f" at {error.pos}" if error.pos is not None else ""
            return None, f"not a regular expression: {error.msg}{place}"

    def look_again(self) -> None:
        """How words are looked for has changed."""
        match = self.match
        self.set_pattern(self.text)
        self.match = match
        self.set_only(self.only_text)

    def find(self, step: int) -> FindQuestion | None:
        """Ask for the next (1) or previous (-1) match, from the last one or from the screen's edge."""
        if self.run is None or self.pattern is None or not self.total:
            return None
        if self.match is not None:
            start = self.match + step
        elif self.shown_total:
            edge = self.top if step > 0 else min(self.shown_total, self.top + self.fits) - 1
            start = self.line_at(edge)["n"]
        else:
            start = 0
        self._serial += 1
        self.searching = True
        direction = "forward" if step > 0 else "back"
        self._find = FindQuestion(self.run, for_daemon(self.pattern), max(0, start), direction, self._serial)
        return self._find

    def take_find(self, question: FindQuestion, reply: dict[str, Any]) -> str:
        """The daemon looked. Returns what to tell the user, "" when the match is on the screen."""
        if question != self._find:
            return ""
        self.searching = False
        found: Sequence[LogLine] = reply.get("lines", [])
        if not found:
            where = "below" if question.direction == "forward" else "above"
            return f"no match {where}"
        self.match = found[0]["n"]
        self.lines[self.match] = found[0]
        at = self.match if self.only is None else self.only.place(self.match)
        if not self.top <= at < self.top + self.fits:
            self.go_to(at - self.height // 2)
        self.follow = False
        return ""

    # Saved views

    def saved(self) -> dict[str, Any]:
        return {
            "wrap": self.wrap,
            "only": self.only_text,
            "regex": self.wanted.regex,
            "case": self.wanted.case,
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        if isinstance(saved.get("wrap"), bool):
            self.wrap = saved["wrap"]
        if isinstance(saved.get("regex"), bool):
            self.wanted.regex = saved["regex"]
        if saved.get("case") in CASES:
            self.wanted.case = str(saved["case"])
        if isinstance(saved.get("only"), str):
            self.set_only(saved["only"])
