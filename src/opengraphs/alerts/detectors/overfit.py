"""Better on what is trained on, worse on what is not."""

from __future__ import annotations

import math
from typing import ClassVar

from opengraphs.alerts.detectors.base import Around, Detector, figures
from opengraphs.alerts.finding import Evidence
from opengraphs.alerts.track import Track


class Overfit(Detector):
    """Three evaluations in a row 5 % above the best one, while the training loss fell 2 % since."""

    name = "overfit"
    clear_after = 2
    KEPT: ClassVar[tuple[str, ...]] = ("best", "best_step", "bad", "trained", "train_now")
    __slots__ = ("bad", "best", "best_step", "train_now", "trained")

    def __init__(self) -> None:
        super().__init__()
        self.best = math.inf
        self.best_step = self.bad = 0
        self.trained: float | None = None
        self.train_now = 0.0

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if not math.isfinite(value):
            return
        train = around.train.fast if around.train is not None and around.train.n else None
        if value < self.best:
            self.best, self.best_step, self.trained, self.bad, self.hot = value, step, train, 0, False
            return
        self.bad = self.bad + 1 if value > self.best + 0.05 * abs(self.best) else 0
        if train is None or self.trained is None:
            self.hot = False
            return
        self.train_now = train
        learns = self.trained - train >= 0.02 * abs(self.trained)
        if self.bad >= 3 and learns and not self.hot:
            self.onset = self.best_step
        self.hot = self.bad >= 3 and (learns or self.hot)

    def title(self, metric: str) -> str:
        return f"{metric} gets worse while training gets better"

    def evidence(self, track: Track) -> Evidence:
        return {
            **figures((("now", track.last), ("best", self.best), ("threshold", self.best + 0.05 * abs(self.best)), ("train_now", self.train_now), ("train_then", self.trained or 0.0))),
            "best_step": self.best_step, "evaluations": self.bad,
        }  # fmt: skip
