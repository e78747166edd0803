"""Steps that take longer than they did."""

from __future__ import annotations

import math
from typing import ClassVar

from opengraphs.alerts.detectors.base import Around, Detector, figures
from opengraphs.alerts.finding import Evidence
from opengraphs.alerts.track import Track

_WINDOW = 20
_ALPHA = 2 / 201
_SLOWER = 1.5
_MOST_FROZEN_S = 3600.0


class Slow(Detector):
    """The median of 20 points is half as much again as usual, for a minute.

    for_s: that minute. rate: of a throughput, where less is slower.
    """

    name = "slow"
    KEPT: ClassVar[tuple[str, ...]] = ("recent", "n", "usual", "since", "now")
    __slots__ = ("for_s", "n", "now", "rate", "recent", "since", "usual")

    def __init__(self) -> None:
        super().__init__()
        self.for_s = 60.0
        self.rate = False
        self.recent: list[float] = []
        self.n = 0
        self.usual = self.now = 0.0
        self.since: float | None = None

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if not 0 < value < math.inf:
            return
        self.recent.append(1 / value if self.rate else value)
        if len(self.recent) > _WINDOW:
            del self.recent[0]
        self.n += 1
        if self.n % 4 or self.n < 2 * _WINDOW:
            return
        self.now = sorted(self.recent)[len(self.recent) // 2]
        if not self.usual:
            self.usual = self.now
        if self.now > _SLOWER * self.usual:
            self._note_slow(step, time)
            return
        self.since = None
        self.hot = False
        self.usual += max(4 * _ALPHA, 4 / self.n) * (self.now - self.usual)

    def _note_slow(self, step: int, time: float) -> None:
        if self.since is None or time < self.since:
            self.since, self.onset = time, step
        lasted = time - self.since
        self.hot = lasted >= self.for_s
        if lasted > _MOST_FROZEN_S:  # an hour of it is how it is now
            self.usual, self.since, self.hot = self.now, None, False

    def title(self, metric: str) -> str:
        return f"steps take {self.now / self.usual:.2g} times as long" if self.usual else "steps take longer"

    def evidence(self, track: Track) -> Evidence:
        now, usual = (1 / self.now, 1 / self.usual) if self.rate else (self.now, self.usual)
        limit = usual / _SLOWER if self.rate else usual * _SLOWER
        return figures((("now", now), ("baseline", usual), ("threshold", limit)))
