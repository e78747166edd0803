"""The moment under the read-out cursor: which log line was printed then. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opengraphs.tui.questions import LogAtQuestion
from opengraphs.tui.screens.graphs_state import GraphsState


class Moment:
    """`line` and `text` of the log at the cursor; None and "" while they are not known."""

    def __init__(self, state: GraphsState) -> None:
        self._state = state
        self._answered: LogAtQuestion | None = None
        self.line: int | None = None
        self.text = ""

    def question(self) -> LogAtQuestion | None:
        """None without a cursor, or on an axis that tells no moment."""
        state = self._state
        cursor = state.x.cursor
        if cursor is None or not state.run or state.run_id is None:
            return None
        if state.x.kind == "step":
            return LogAtQuestion(state.run_id, max(0, round(cursor)), None)
        origin = {"time": 0.0, "relative": state.origin_s}.get(state.x.kind)
        return None if origin is None else LogAtQuestion(state.run_id, None, origin + cursor)

    def take(self, question: LogAtQuestion, reply: Mapping[str, Any]) -> None:
        """The daemon looked; a log without such a moment has no line."""
        line = reply.get("line")
        self._answered = question
        self.line = line if isinstance(line, int) else None
        self.text = str(reply.get("text") or "") if self.line is not None else ""

    def fail(self) -> None:
        self._answered, self.line, self.text = None, None, ""

    def known(self) -> bool:
        """Whether what is known is about where the cursor stands now."""
        return self._answered is not None and self._answered == self.question()
