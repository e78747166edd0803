"""Rewards that were earned and are lost again."""

from __future__ import annotations

import math
from typing import ClassVar

from opengraphs.alerts.detectors.base import Around, Detector, figures
from opengraphs.alerts.finding import Evidence
from opengraphs.alerts.track import Track

_ALPHA = 2 / 101
_WARM_UP = 150
_ERRORS = 0.1
"""The standard error of an average over 100 points, in sigmas of one."""


class RewardCollapse(Detector):
    """The average of 100 points has fallen by two fifths of what was gained, for 100 points."""

    name = "reward_collapse"
    clear_after = 50
    KEPT: ClassVar[tuple[str, ...]] = ("n", "mean", "scale", "base", "best", "best_step", "limit")
    __slots__ = ("base", "best", "best_step", "limit", "mean", "n", "scale")

    def __init__(self) -> None:
        super().__init__()
        self.n = self.count = self.best_step = 0
        self.mean = self.scale = self.base = self.limit = 0.0
        self.best = -math.inf

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if not math.isfinite(value):
            return
        self.n += 1
        alpha = max(_ALPHA, 1 / self.n)
        off = value - self.mean
        self.mean += alpha * off
        self.scale += alpha * (abs(off) * 1.2533 - self.scale)
        if self.n < _WARM_UP:
            return
        if self.n == _WARM_UP:
            self.base = self.best = self.mean
        if self.mean > self.best:
            self.best, self.best_step = self.mean, step
        error = _ERRORS * self.scale
        gained = self.best - self.base
        self.limit = self.best - max(0.4 * gained, 3 * error)
        self.hot = self.streak(step, gained > 3 * error and self.mean < self.limit, 100)

    def title(self, metric: str) -> str:
        return f"{metric} has collapsed"

    def evidence(self, track: Track) -> Evidence:
        return {
            **figures(
                (("now", self.mean), ("best", self.best), ("start", self.base), ("threshold", self.limit))
            ),
            "best_step": self.best_step,
        }
