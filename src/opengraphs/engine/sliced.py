"""A question that may take long, answered a slice at a time, so that others get a turn between."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

Steps = Generator[None, None, dict[str, Any]]
"""Does the work; yields wherever it may be interrupted, and then holds nothing that another
question could take away (no strips: a run may be let go between two slices)."""
Retry = Callable[[Callable[[], dict[str, Any] | None]], dict[str, Any] | None]


class Sliced:
    """Work in steps. A step that fails because the index does begins all of it anew.

    Args:
        begin: makes the steps.
        retry: calls a function again when the index had to be made anew.
    """

    def __init__(self, begin: Callable[[], Steps], retry: Retry) -> None:
        self._begin = begin
        self._retry = retry
        self._steps: Steps | None = None

    def advance(self, budget_s: float) -> dict[str, Any] | None:
        """Go on for about `budget_s` seconds, at least one step; the answer, or None: not yet."""
        deadline = time.monotonic() + budget_s
        return self._retry(lambda: self._go_on(deadline))

    def answer(self) -> dict[str, Any]:
        """All of it in one go."""
        while (found := self.advance(3600.0)) is None:
            pass
        return found

    def _go_on(self, deadline: float) -> dict[str, Any] | None:
        if self._steps is None:
            self._steps = self._begin()
        try:
            next(self._steps)
            while time.monotonic() < deadline:
                next(self._steps)
        except StopIteration as done:
            answer: dict[str, Any] = done.value
            return answer
        except BaseException:
            self._steps = None
            raise
        return None
