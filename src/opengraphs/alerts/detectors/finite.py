"""Values that are no numbers, and losses that only look like one."""

from __future__ import annotations

import math
from typing import ClassVar

from opengraphs.alerts.detectors.base import Around, Detector
from opengraphs.alerts.finding import Evidence, Level
from opengraphs.alerts.track import Track


class NotFinite(Detector):
    """A loss that is NaN or infinite, once."""

    name = "nonfinite"
    level: ClassVar[Level] = "error"
    KEPT: ClassVar[tuple[str, ...]] = ("last_odd", "well")
    __slots__ = ("last_odd", "well")
    sleeps = True
    needed = 1
    """So many of the last points must be odd."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.well = 0
        self.last_odd = ""

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if -1e300 < value < 1e300:
            self.well += 1
            if self.hot and self.well >= self.clear_after:
                self.hot, self.count = False, 0
            return
        if not self.count:
            self.onset = step
        self.count += 1
        self.well = 0
        self.last_odd = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        self.hot = self.count >= self.needed

    def title(self, metric: str) -> str:
        return f"{metric} is {self.last_odd}"

    def evidence(self, track: Track) -> Evidence:
        before = {"last_finite": track.last, "last_finite_step": track.step} if track.n else {}
        return {"value": self.last_odd, "count": self.count, **before}


class OddNotFinite(NotFinite):
    """Any other metric: worth a line, and no more; a metric that never was a number is meant so."""

    level: ClassVar[Level] = "info"
    __slots__ = ()

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if track.n or math.isfinite(value):
            super().add(step, time, value, track, around)


class GradNotFinite(NotFinite):
    """A gradient norm: mixed precision skips such steps, so a few are normal."""

    level: ClassVar[Level] = "warn"
    KEPT: ClassVar[tuple[str, ...]] = (*NotFinite.KEPT, "recent")
    __slots__ = ("recent",)

    def __init__(self) -> None:
        super().__init__()
        self.recent = 0

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        odd = not math.isfinite(value)
        if odd and not self.recent:
            self.onset = step
        self.recent = ((self.recent << 1) | odd) & ((1 << 20) - 1)
        if odd:
            self.last_odd = "NaN" if math.isnan(value) else "Infinity"
        self.count = self.recent.bit_count()
        self.hot = self.count >= 5

    def title(self, metric: str) -> str:
        return f"{metric} is {self.last_odd} again and again"


class MaskedLoss(Detector):
    """A loss of exactly 0, several times: what a trainer logs that hides NaN, or a label that leaks."""

    name = "masked_nan"
    sleeps = True
    __slots__ = ()

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        is_masked = value == 0.0 and track.n >= 6 and track.start != 0.0
        self.hot = self.streak(step, is_masked, 5)

    def title(self, metric: str) -> str:
        return f"{metric} is exactly 0"

    def evidence(self, track: Track) -> Evidence:
        return {"zeros_in_a_row": self.count, "baseline": track.level}
