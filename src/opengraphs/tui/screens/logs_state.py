"""What the Logs screen knows: a window into the run's output, where it stands, and what was searched. Pure.

Lines are kept by number in a bounded cache; what is on the screen and not in the cache is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from opengraphs.records import LogLine
from opengraphs.tui.questions import FindQuestion, LogQuestion

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
        self._reset()

    def _reset(self) -> None:
        self.lines: dict[int, LogLine] = {}
        self.total = 0
        self.size_bytes = 0
        self.known = False
        self.top = 0
        self.left = 0
        self.follow = True
        self.pattern: re.Pattern[str] | None = None
        self.match: int | None = None
        self.searching = False
        self._serial = 0
        self._find: FindQuestion | None = None

    def view_run(self, run: str | None) -> None:
        if run != self.run:
            self.run = run
            self._reset()

    # Where it stands

    @property
    def last_top(self) -> int:
        return max(0, self.total - self.height)

    def resize(self, height: int) -> None:
        self.height = max(1, height)
        self.top = self.last_top if self.follow else min(self.top, self.last_top)

    def scroll(self, lines: int) -> bool:
        """Move by lines; reaching the end follows again."""
        return self.go_to(self.top + lines)

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

    def window(self) -> list[LogLine]:
        """The lines on the screen; one that is still being asked for is empty."""
        last = min(self.total, self.top + self.height)
        return [self.lines.get(n, LogLine(n=n, text="")) for n in range(self.top, last)]

    # Find

    def set_pattern(self, text: str) -> str:
        """What to look for; returns what is wrong with it, "" when nothing is."""
        self.match = None
        if not text:
            self.pattern = None
            return ""
        try:
            self.pattern = re.compile(text, re.IGNORECASE if text.islower() else 0)
        except re.error as error:
            self.pattern = None
            return f"not a regular expression: {error.msg}" + (
                f" at {error.pos}" if error.pos is not None else ""
            )
        return ""

    def find(self, step: int) -> FindQuestion | None:
        """Ask for the next (1) or previous (-1) match, from the last one or from the screen's edge."""
        if self.run is None or self.pattern is None or not self.total:
            return None
        if self.match is not None:
            start = self.match + step
        else:
            start = self.top if step > 0 else min(self.total, self.top + self.height) - 1
        self._serial += 1
        self.searching = True
        flag = "(?i)" if self.pattern.flags & re.IGNORECASE else ""
        direction = "forward" if step > 0 else "back"
        self._find = FindQuestion(
            self.run, flag + self.pattern.pattern, max(0, start), direction, self._serial
        )
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
        if not self.top <= self.match < self.top + self.height:
            self.go_to(self.match - self.height // 2)
        self.follow = False
        return ""
