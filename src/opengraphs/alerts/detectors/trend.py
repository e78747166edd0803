"""A loss that gets nowhere: never learned, or stopped learning."""

from __future__ import annotations

import math
from typing import ClassVar

from opengraphs.alerts.detectors.base import Around, Detector, figures
from opengraphs.alerts.finding import Evidence, Level
from opengraphs.alerts.track import Track

_KEPT_PAST = 128
_LEAST_GAIN = 0.005
_DECIDED = 400
"""After so many points a run has learned something, or is known not to."""
_EVERY = 25
"""Both look at the series every so many points: they speak of hundreds."""


class Plateau(Detector):
    """Less than half a percent better over the last two fifths of at least 150 points, twice in a row.

    Not while the learning rate is nearly spent (but not 0, which is no way to train) or the run
    nearly over: that is how runs end.
    """

    name = "plateau"
    level: ClassVar[Level] = "info"
    clear_after = _EVERY
    KEPT: ClassVar[tuple[str, ...]] = ("past", "stride", "strikes", "then")
    __slots__ = ("past", "stride", "strikes", "then")

    def __init__(self) -> None:
        super().__init__()
        self.past: list[float] = []
        """`fast` every `stride` points."""
        self.stride = 1
        self.strikes = 0
        self.then = 0.0

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if track.n % self.stride == 0:
            self.past.append(track.fast)
            if len(self.past) == _KEPT_PAST:
                del self.past[::2]
                self.stride *= 2
        if track.n >= 150 and track.n % _EVERY == 0:
            self._look(step, track, around)

    def _look(self, step: int, track: Track, around: Around) -> None:
        over = (around.lr_share is not None and 0 < around.lr_share < 0.1) or (around.done or 0.0) > 0.9
        self.then = self.past[int(len(self.past) * 0.6)]
        gain = self.then - track.fast
        if self.hot:  # twice as much, twice in a row, is going on again
            self.strikes = max(0, self.strikes - 1) if over or gain > 2 * _LEAST_GAIN * abs(self.then) else 2
            self.hot = self.strikes > 0
            return
        self.strikes = self.strikes + 1 if gain < _LEAST_GAIN * abs(self.then) and not over else 0
        if self.strikes == 1:
            self.onset = step
        self.hot = self.strikes >= 2

    def title(self, metric: str) -> str:
        return f"{metric} has stopped improving"

    def evidence(self, track: Track) -> Evidence:
        return figures((("now", track.fast), ("baseline", self.then)))


class NoLearning(Detector):
    """After 200 points no better than at the start: less than 2 %, and no trend that noise could not explain."""

    name = "no_learning"
    clear_after = _EVERY
    KEPT: ClassVar[tuple[str, ...]] = ("recent", "sums")
    __slots__ = ("recent", "sums")

    def __init__(self) -> None:
        super().__init__()
        self.recent: list[float] = []
        self.sums = [0.0, 0.0, 0.0, 0.0, 0.0]
        """n, Σv, Σv², Σiv, Σi of residuals from the start: enough for a trend and its error."""

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        n = track.n
        if n <= 10 or (n > _DECIDED and not self.hot) or not math.isfinite(value):
            return
        self.recent.append(value)
        if len(self.recent) > 20:
            del self.recent[0]
        sums, off, at = self.sums, value - track.start, float(n)
        sums[0] += 1
        sums[1] += off
        sums[2] += off * off
        sums[3] += at * off
        sums[4] += at
        if n >= 200 and n % _EVERY == 0:
            self._look(step, track)

    def _look(self, step: int, track: Track) -> None:
        last = sorted(self.recent)[len(self.recent) // 2]
        nowhere = track.start - last < 0.02 * abs(track.start)
        if nowhere and not self.hot:
            self.onset = 0
        self.hot = nowhere and self._trend() > -2.5

    def _trend(self) -> float:
        """The slope in standard errors."""
        n, total, squares, weighted, places = self.sums
        width = (n * n - 1) * n / 12
        slope = (weighted - places * total / n) / width
        rest = max(0.0, squares - total * total / n - slope * slope * width)
        error = math.sqrt(rest / max(1.0, n - 2) / width)
        return slope / error if error > 0 else 0.0

    def title(self, metric: str) -> str:
        return f"{metric} does not learn"

    def evidence(self, track: Track) -> Evidence:
        return {
            **figures((("now", track.fast), ("start", track.start), ("threshold", 0.98 * track.start))),
            "points": track.n,
        }
