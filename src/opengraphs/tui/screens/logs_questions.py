"""What the Logs screen asks beside its window: matching lines, the line of a moment, lines to be copied."""

from __future__ import annotations

from typing import Any, NamedTuple

from opengraphs.client.wire import run_path
from opengraphs.tui.questions import Source

PAGE = 2000
MOST_COPIED = 2000


class MatchesQuestion(NamedTuple):
    """Lines that match, from line `start` on. slot: `log.found` for find, `log.only` for the filter."""

    run: str
    pattern: str
    start: int
    slot: str

    async def ask(self, source: Source) -> dict[str, Any]:
        asked = {"from": self.start, "grep": self.pattern, "matches": PAGE}
        return await source.get(run_path(self.run, "log"), **asked)


class LineOfQuestion(NamedTuple):
    """The line of a step, or of a moment (epoch seconds) where `step` is None; `said` is what was typed."""

    run: str
    step: int | None
    time: float | None
    said: str
    slot: str = "log.at"

    async def ask(self, source: Source) -> dict[str, Any]:
        asked = {"at_step": self.step} if self.step is not None else {"at_time": self.time}
        return await source.get(run_path(self.run, "log"), **asked)


class CopyQuestion(NamedTuple):
    """Lines `start` … `start + lines - 1`, to be copied."""

    run: str
    start: int
    lines: int
    slot: str = "log.copy"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get(run_path(self.run, "log"), **{"from": self.start, "lines": self.lines})
