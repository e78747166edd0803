"""What goes wrong in reinforcement learning while the reward still looks fine."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from typing import ClassVar

from opengraphs.alerts.detectors.base import Around, Detector, figures
from opengraphs.alerts.finding import Evidence
from opengraphs.alerts.track import Track

_LONG = 20


class _Streak(Detector):
    """A condition that holds for so many points in a row."""

    KEPT: ClassVar[tuple[str, ...]] = ("limit",)
    __slots__ = ("limit",)
    needed = _LONG

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.limit = 0.0

    def holds(self, value: float, track: Track) -> bool:
        raise NotImplementedError

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        if math.isfinite(value):
            self.hot = self.streak(step, self.holds(value, track), self.needed)

    def evidence(self, track: Track) -> Evidence:
        return {**figures((("now", track.last), ("threshold", self.limit))), "points": self.count}


class EntropyCollapse(_Streak):
    """Less than 15 % of the entropy at the start: the policy has stopped exploring."""

    name = "entropy_collapse"
    __slots__ = ()

    def holds(self, value: float, track: Track) -> bool:
        self.limit = 0.15 * track.start
        return track.n > 10 and track.start > 0 and value < self.limit

    def title(self, metric: str) -> str:
        return f"{metric} has collapsed: the policy no longer explores"


class ZeroVariance(_Streak):
    """More than four of five groups have one reward for all: nothing is left to learn from."""

    name = "zero_variance"
    __slots__ = ()

    def holds(self, value: float, track: Track) -> bool:
        self.limit = 0.8
        return 0.8 < value <= 1.0

    def title(self, metric: str) -> str:
        return f"{metric} is high: groups without differences teach nothing"


class ClippedLength(_Streak):
    """More than half of the completions are cut at the length limit."""

    name = "clipped_length"
    __slots__ = ()

    def holds(self, value: float, track: Track) -> bool:
        self.limit = 0.5
        return 0.5 < value <= 1.0

    def title(self, metric: str) -> str:
        return f"{metric} is high: most completions are cut off"


class KlBlowUp(_Streak):
    """Five times its own median of 100 points, and rising. Absolute limits do not carry over between set-ups."""

    name = "kl_blow_up"
    KEPT: ClassVar[tuple[str, ...]] = ("limit", "recent", "ordered")
    __slots__ = ("ordered", "recent")
    needed = 10

    def __init__(self) -> None:
        super().__init__()
        self.recent: list[float] = []
        self.ordered: list[float] = []
        """The same by size."""

    def holds(self, value: float, track: Track) -> bool:
        recent, ordered = self.recent, self.ordered
        high = False
        if len(recent) >= 50:
            self.limit = max(5 * ordered[len(ordered) >> 1], 0.05)
            high = value > self.limit and value > recent[-10]
        if not high or self.count > 200:
            recent.append(value)
            insort(ordered, value)
            if len(recent) > 100:
                del ordered[bisect_left(ordered, recent.pop(0))]
        return high

    def title(self, metric: str) -> str:
        return f"{metric} runs away from the reference"
