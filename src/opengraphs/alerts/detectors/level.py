"""A loss that is where it should not be: above its level, back where it came from, or too low to be true."""

from __future__ import annotations

from typing import ClassVar

from opengraphs.alerts.detectors.base import Around, Detector, figures
from opengraphs.alerts.finding import Evidence, Level
from opengraphs.alerts.track import LEAST_RISE, WARM_UP, Track

CUSUM_SLACK = 1.0
CUSUM_HIGH = 25.0
MOST_Z = 4.0
"""One point adds no more to the sum than this: a single outlier is no shift."""


class LevelUp(Detector):
    """Seven of ten points above the level, or a drift that adds up."""

    name = "level_up"
    KEPT: ClassVar[tuple[str, ...]] = ("total", "begun")
    __slots__ = ("begun", "total")

    def __init__(self) -> None:
        super().__init__()
        self.total = 0.0
        self.begun: int | None = None

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if track.n <= WARM_UP:
            return
        z = track.z
        total = self.total + (MOST_Z if z > MOST_Z else -MOST_Z if z < -MOST_Z else z) - CUSUM_SLACK
        if total <= 0:
            total, self.begun = 0.0, None
        elif self.begun is None:
            self.begun = step
        self.total = total if total < 2 * CUSUM_HIGH else 2 * CUSUM_HIGH
        drifts = total > CUSUM_HIGH and track.fast > track.level + LEAST_RISE * abs(track.level)
        jumped = track.hots.bit_count() >= 7
        if (drifts or jumped) and not self.hot:
            self.onset = track.onset if jumped else self.begun
        self.hot = drifts or jumped

    def title(self, metric: str) -> str:
        return f"{metric} went up and stays up"

    def evidence(self, track: Track) -> Evidence:
        high = track.level + max(4 * track.scale, LEAST_RISE * abs(track.level))
        rise = (track.fast - track.level) / abs(track.level) * 100 if track.level else 0.0
        return figures(
            (("now", track.fast), ("baseline", track.level), ("threshold", high), ("sigma", track.scale), ("rise_percent", rise))
        )  # fmt: skip


class Divergence(Detector):
    """More than a quarter of all progress is lost again, for ten points."""

    name = "divergence"
    level: ClassVar[Level] = "error"
    KEPT: ClassVar[tuple[str, ...]] = ("count", "limit")
    __slots__ = ("count", "limit")

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.limit = 0.0

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if track.n <= WARM_UP:
            return
        best, progress = track.best, track.start - track.best
        if progress > 4 * track.scale:
            self.limit = best + max(0.25 * progress, LEAST_RISE * abs(best), 3 * track.scale)
        else:
            self.limit = track.start + abs(track.start) + 3 * track.scale
        if track.fast <= self.limit:
            self.count = 0
            self.hot = False
            return
        if not self.count:
            self.onset = step
        self.count += 1
        self.hot = self.count >= 10

    def title(self, metric: str) -> str:
        return f"{metric} diverges"

    def evidence(self, track: Track) -> Evidence:
        lost = track.start - track.best
        share = (track.fast - track.best) / lost * 100 if lost > 0 else 0.0
        return {
            **figures((("now", track.fast), ("best", track.best), ("start", track.start), ("threshold", self.limit), ("progress_lost_percent", share))),
            "best_step": track.best_step,
        }  # fmt: skip


class TooGood(Detector):
    """The loss falls to a fraction of its level within a few points and stays there: labels leak, or it is masked."""

    name = "too_good"
    KEPT: ClassVar[tuple[str, ...]] = ("recent", "before")
    __slots__ = ("before", "recent")

    def __init__(self) -> None:
        super().__init__()
        self.recent = 0
        self.before = 0.0

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if track.n <= WARM_UP:
            return
        if not self.recent:
            self.before = track.level
        fell = 0 <= value < 0.3 * self.before and self.before - value > 6 * track.scale
        if fell and not self.recent:
            self.onset = step
        self.recent = ((self.recent << 1) | fell) & 1023
        self.hot = self.recent.bit_count() >= 7

    def title(self, metric: str) -> str:
        return f"{metric} is too good to be true"

    def evidence(self, track: Track) -> Evidence:
        return figures((("now", track.last), ("baseline", self.before), ("threshold", 0.3 * self.before)))
