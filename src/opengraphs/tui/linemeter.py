"""What the line to the terminal carries, in words: for the foot of the help."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from opengraphs.tui.painters import numbers

WINDOW_S = 5.0


class LineFacts(NamedTuple):
    """What a terminal was sent since it was taken.

    dropped: pictures that a newer one replaced before the line was free. answered: frames whose arrival the
    terminal has told; answer_s: how long it took the last time, None before the first. lagging: an answer is due.
    """

    size_bytes: int
    frames: int
    dropped: int
    answered: int
    answer_s: float | None
    lagging: bool


class LineMeter:
    """Bytes a second over the last few seconds in which it was asked."""

    def __init__(self, facts: Callable[[], LineFacts | None], clock: Callable[[], float]) -> None:
        self._facts = facts
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    def text(self) -> str:
        """One line; "" where there is no terminal."""
        facts = self._facts()
        if facts is None:
            return ""
        told = "no answers from this terminal"
        if facts.answer_s is not None:
            told = f"{numbers.count(facts.answered)} acknowledged, the last in {facts.answer_s * 1000:.0f} ms"
        if facts.lagging:
            told += ", one under way"
        frames = f"{numbers.count(facts.frames)} frames, {numbers.count(facts.dropped)} dropped"
        return f"terminal: {self._rate(facts.size_bytes)}, {numbers.size_bytes(facts.size_bytes)} in all; {frames}; {told}"

    def _rate(self, size_bytes: int) -> str:
        now = self._clock()
        self._samples.append((now, size_bytes))
        while len(self._samples) > 2 and now - self._samples[1][0] > WINDOW_S:
            self._samples.popleft()
        since, before = self._samples[0]
        if now - since < 0.5:
            return "measuring"
        return f"{numbers.size_bytes((size_bytes - before) / (now - since))}/s"
