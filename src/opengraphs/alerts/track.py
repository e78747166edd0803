"""The level of a noisy, falling series, and how far a point lies from it: what several detectors share.

Level and scale are exponentially weighted, residuals clipped at three sigma (Huber), so that a
single bad batch moves neither. While points are hot the baseline stands still; after 200 of them
the new level is accepted for what it is.
"""

from __future__ import annotations

from typing import Any

WARM_UP = 50
SPAN = 100
FAST_SPAN = 10
LEAST_RISE = 0.05
"""A point is hot only so much above the level, in parts of it: less is nobody's concern."""
HOT_Z = 4.0
MOST_FROZEN = 200
_ALPHA = 2 / (SPAN + 1)
_FAST = 2 / (FAST_SPAN + 1)
_DOWN = 2 / 41
"""A level follows a fall faster than a rise: a rise is what it is there to find."""
_TO_SIGMA = 1.2533
"""Mean absolute deviation to standard deviation, of normal noise."""
_MOST_WANDER = 3.0
"""How far a healthy series strays from its level, in parts of its noise: what lies farther is lag behind a fall."""
_STEP_TO_SIGMA = _TO_SIGMA / 2**0.5
"""The same of the difference of two points."""
_FLOOR = 1e-3
"""Noise is at least so many parts of the level: a constant series is not infinitely sure of itself."""
_TEN = (1 << 10) - 1


class Track:
    """One series. `add` in order of steps, finite values only.

    Attributes:
        n: points so far. z: of the newest point, in sigmas from the level before it.
        level, scale: where the series is, and how far from it its points lie, one sigma; of a falling series
            that is mostly lag, so `noise`, from point to point, bounds it. fast: of the last ten points, medians
            of five. hots: a bit for each of the last ten points, 1 where it was hot.
        start: median of the first ten points. best: lowest `fast` so far, at step best_step.
        onset: the step of the first of the hot points now.
    """

    KEPT = (
        "n", "z", "level", "scale", "noise", "fast", "hots", "frozen", "start", "best", "best_step", "onset", "five",
        "first", "step", "last",
    )  # fmt: skip
    __slots__ = KEPT

    def __init__(self) -> None:
        self.n = 0
        self.z = 0.0
        self.level = self.scale = self.noise = self.fast = self.last = 0.0
        self.hots = 0
        self.frozen = 0
        self.start = 0.0
        self.best = float("inf")
        self.best_step = 0
        self.onset: int | None = None
        self.five: list[float] = []
        self.first: list[float] = []
        self.step = -1

    def add(self, step: int, value: float) -> None:
        """Take in the next point."""
        self.n = n = self.n + 1
        before, self.step, self.last = self.last if n > 1 else value, step, value
        five = self.five
        five.append(value)
        if len(five) > 5:
            del five[0]
        middle = sorted(five)[len(five) >> 1]
        if n == 1:
            self.level = self.fast = value
        self.fast += (middle - self.fast) * (_FAST if n > FAST_SPAN else 1 / n)
        if n <= FAST_SPAN:
            self.first.append(value)
            self.start = sorted(self.first)[len(self.first) >> 1]
        elif self.fast < self.best:
            self.best, self.best_step = self.fast, step
        self._follow(value, before)

    def _follow(self, value: float, before: float) -> None:
        level = self.level
        sigma = max(min(self.scale, _MOST_WANDER * self.noise), _FLOOR * abs(level), 1e-12)
        off = value - level
        self.z = z = off / sigma
        hot = self.n > WARM_UP and z > HOT_Z and off > LEAST_RISE * abs(level)
        if hot and not self.hots & _TEN:
            self.onset = self.step
        self.hots = ((self.hots << 1) | hot) & _TEN
        if self.hots.bit_count() >= 3 and self.frozen < MOST_FROZEN:
            self.frozen += 1
            return
        if self.frozen >= MOST_FROZEN:
            self.level, self.hots, self.frozen = self.fast, 0, 0
            return
        if not self.hots:
            self.frozen = 0
        alpha = max(_ALPHA, 1 / self.n)
        if self.n > FAST_SPAN:
            off = min(3 * sigma, off)
            if self.fast < level:  # what ten points agree on is no outlier
                self.level = level + max(_DOWN, alpha) * (self.fast - level)
            else:
                self.level = level + alpha * max(-3 * sigma, off)
        else:
            self.level = level + alpha * off
        self.scale += alpha * (abs(off) * _TO_SIGMA - self.scale)
        step = min(abs(value - before), 6 * sigma) if self.n > FAST_SPAN else abs(value - before)
        self.noise += alpha * (step * _STEP_TO_SIGMA - self.noise)

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {name: _copy(getattr(self, name)) for name in self.KEPT}

    def restore(self, state: dict[str, Any]) -> None:
        """As `state()` was."""
        for name in self.KEPT:
            setattr(self, name, _copy(state[name]))


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value
