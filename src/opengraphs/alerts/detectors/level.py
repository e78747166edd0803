"""A loss that is where it should not be: above its level, back where it came from, or too low to be true."""

from __future__ import annotations

from typing import ClassVar

from opengraphs.alerts.detectors.base import Around, Detector, figures
from opengraphs.alerts.finding import Evidence, Level
from opengraphs.alerts.track import HIGH_DRIFT, LEAST_RISE, WARM_UP, Track

LEAST_DRIFT = 0.03
"""A drift that adds up counts from so much above the level on: less is within what data do."""


class LevelUp(Detector):
    """Seven of ten points above the level, or a drift that adds up."""

    name = "level_up"
    __slots__ = ()

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        jumped = track.hots.bit_count() >= 7
        drifts = track.drift > HIGH_DRIFT and track.fast > track.level + LEAST_DRIFT * abs(track.level)
        if (drifts or jumped) and not self.hot:
            self.onset = track.onset if jumped else track.drift_from
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
    KEPT: ClassVar[tuple[str, ...]] = ("limit", "recent")
    __slots__ = ("limit", "recent")

    def __init__(self) -> None:
        super().__init__()
        self.count = self.recent = 0
        self.limit = 0.0

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if track.n <= WARM_UP:
            return
        best, progress = track.best, track.start - track.best
        if progress > 4 * track.sigma:
            self.limit = best + max(0.25 * progress, LEAST_RISE * abs(best), 3 * track.sigma)
        else:
            self.limit = track.start + abs(track.start) + 3 * track.sigma
        self.recent = ((self.recent << 1) | (value > self.limit)) & 1023
        is_long = self.streak(step, track.fast > self.limit, 10)
        self.hot = is_long and (self.hot or self.recent.bit_count() >= 7)

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
