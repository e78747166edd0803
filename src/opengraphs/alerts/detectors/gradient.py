"""Gradient norms that explode."""

from __future__ import annotations

import math
from typing import ClassVar

from opengraphs.alerts.detectors.base import Around, Detector, figures
from opengraphs.alerts.finding import Evidence
from opengraphs.alerts.track import MOST_FROZEN, Track

_ALPHA = 2 / 101
_WARM_UP = 30
_RATIO, _RATIO_ONCE = math.log(10.0), math.log(50.0)


class GradExplosion(Detector):
    """Ten times its usual size for three points, or fifty times once. On logarithms: norms are skewed."""

    name = "grad_explosion"
    KEPT: ClassVar[tuple[str, ...]] = ("n", "log", "high", "frozen", "well", "ratio")
    __slots__ = ("frozen", "high", "log", "n", "ratio", "well")

    def __init__(self) -> None:
        super().__init__()
        self.n = self.high = self.frozen = self.well = 0
        self.log = self.ratio = 0.0

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if not 0 < value < math.inf:
            return
        self.n += 1
        off = math.log(value) - self.log if self.n > 1 else 0.0
        if self.n == 1:
            self.log = math.log(value)
        if off > _RATIO and self.n > _WARM_UP and self.frozen < MOST_FROZEN:
            self._note_high(step, off)
            return
        self.high = self.frozen = 0
        self.well += 1
        if self.hot and self.well >= self.clear_after:
            self.hot = False
        limit = 1.0 if self.n > _WARM_UP else math.inf
        self.log += max(_ALPHA, 1 / self.n) * max(-limit, min(limit, off))

    def _note_high(self, step: int, off: float) -> None:
        if not self.high and not self.hot:
            self.onset = step
        self.high += 1
        self.frozen += 1
        self.well = 0
        self.ratio = max(off, self.ratio) if self.hot else off
        self.hot = self.hot or self.high >= 3 or off > _RATIO_ONCE

    def title(self, metric: str) -> str:
        return f"{metric} is {math.exp(min(700.0, self.ratio)):.3g} times its usual size"

    def evidence(self, track: Track) -> Evidence:
        usual = math.exp(min(700.0, self.log))
        return figures((("now", track.last), ("baseline", usual), ("threshold", 10 * usual)))
