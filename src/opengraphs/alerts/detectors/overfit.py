"""Better on what is trained on, worse on what is not."""

from __future__ import annotations

import math
from typing import ClassVar

from opengraphs.alerts.detectors.base import Around, Detector, figures
from opengraphs.alerts.finding import Evidence
from opengraphs.alerts.track import Track


class Overfit(Detector):
    """Three evaluations in a row above the best one, while the training loss fell 2 % since.

    Above: 5 %, and eight times what evaluations jump about. Medians of three, so that a lucky one is no best.
    """

    name = "overfit"
    clear_after = 2
    KEPT: ClassVar[tuple[str, ...]] = ("best", "best_step", "trained", "train_now", "three", "noise", "limit")
    __slots__ = ("best", "best_step", "limit", "noise", "three", "train_now", "trained")

    def __init__(self) -> None:
        super().__init__()
        self.best = self.limit = math.inf
        self.best_step = 0
        self.trained: float | None = None
        self.train_now = self.noise = 0.0
        self.three: list[float] = []

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        train = around.train.fast if around.train is not None and around.train.n else None
        middle = self._middle(value)
        if middle is None:
            return
        if middle < self.best:
            self.best, self.best_step, self.trained, self.count, self.hot = middle, step, train, 0, False
            return
        self.limit = self.best + max(0.05 * abs(self.best), 8 * self.noise)
        self.count = self.count + 1 if middle > self.limit else 0
        if train is None or self.trained is None:
            self.hot = False
            return
        self.train_now = train
        learns = self.trained - train >= 0.02 * abs(self.trained)
        if self.count >= 3 and learns and not self.hot:
            self.onset = self.best_step
        self.hot = self.count >= 3 and (learns or self.hot)

    def _middle(self, value: float) -> float | None:
        """The median of the last three evaluations, None before; how far the one in between lies off it is noise."""
        if not math.isfinite(value):
            return None
        three = self.three = [*self.three[-2:], value]
        if len(three) < 3:
            return None
        middle = sorted(three)[1]
        self.noise += (abs(three[1] - middle) - self.noise) * 0.2
        return middle

    def title(self, metric: str) -> str:
        return f"{metric} gets worse while training gets better"

    def evidence(self, track: Track) -> Evidence:
        return {
            **figures((("now", track.last), ("best", self.best), ("threshold", self.limit), ("train_now", self.train_now), ("train_then", self.trained or 0.0))),
            "best_step": self.best_step, "evaluations": self.count,
        }  # fmt: skip
