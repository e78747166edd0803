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
DRIFT_SLACK = 1.0
MOST_Z = 4.0
"""One point adds no more to a drift than this: a single outlier is no shift."""
HIGH_DRIFT = 25.0
MOST_DRIFT = 2 * HIGH_DRIFT
_DOUBT = 8.0
"""From so much drift on the baseline waits for what comes of it."""
_ALPHA = 2 / (SPAN + 1)
_FAST = 2 / (FAST_SPAN + 1)
_DOWN = 2 / 41
"""A level follows a fall faster than a rise: a rise is what it is there to find."""
_TO_SIGMA = 1.2533
"""Mean absolute deviation to standard deviation, of normal noise."""
_MOST_WANDER = 3.0
"""The most room that wandering is given, in parts of the scale."""
_STEP_TO_SIGMA = _TO_SIGMA / 2**0.5
"""The same of the difference of two points."""
_FLOOR = 1e-3
"""Noise is at least so many parts of the level: a constant series is not infinitely sure of itself."""
_TEN = (1 << 10) - 1


class Track:
    """One series. `add` in order of steps, finite values only.

    Attributes:
        n: points so far. z: of the newest point, in sigmas from the level before it.
        level, scale: where the series is, and how far from it, or from `fast` while it falls, its points lie.
            noise: from point to point. sigma: what follows from both, one sigma of a healthy point. fast: of the
            last ten points, medians of five. hots: a bit for each of the last ten points, 1 where it was hot.
        start: median of the first ten points. best: lowest `fast` so far, at step best_step.
        onset: the step of the first of the hot points now. drift: what has added up above the level since
            step drift_from (CUSUM).
    """

    KEPT = (
        "n", "z", "level", "scale", "noise", "sigma", "fast", "hots", "frozen", "start", "best", "best_step", "onset", "drift", "drift_from", "five",
        "first", "step", "last",
    )  # fmt: skip
    __slots__ = KEPT

    def __init__(self) -> None:
        self.n = 0
        self.z = 0.0
        self.level = self.scale = self.noise = self.sigma = self.fast = self.last = 0.0
        self.hots = 0
        self.frozen = 0
        self.start = 0.0
        self.best = float("inf")
        self.best_step = 0
        self.onset: int | None = None
        self.drift = 0.0
        self.drift_from: int | None = None
        self.five: list[float] = []
        self.first: list[float] = []
        self.step = -1

    def add(self, step: int, value: float) -> None:
        """Take in the next point."""
        self.n = n = self.n + 1
        before, self.step, self.last = self.last, step, value
        five = self.five
        five.append(value)
        if n <= FAST_SPAN:
            self._begin(n, value, before)
            return
        del five[0]
        fast = self.fast + (sorted(five)[2] - self.fast) * _FAST
        self.fast = fast
        if fast < self.best:
            self.best, self.best_step = fast, step
        self._follow(value, before)

    def _begin(self, n: int, value: float, before: float) -> None:
        """The first ten points: plain averages."""
        if len(self.five) > 5:
            del self.five[0]
        if n == 1:
            self.level, before = value, value
        off = value - self.level
        self.fast += (sorted(self.five)[len(self.five) >> 1] - self.fast) / n
        self.first.append(value)
        self.start = sorted(self.first)[n >> 1]
        self.level += off / n
        self.scale += (abs(value - min(self.level, self.fast)) * _TO_SIGMA - self.scale) / n
        self.noise += (abs(value - before) * _STEP_TO_SIGMA - self.noise) / n

    def _follow(self, value: float, before: float) -> None:
        level, scale, noise, n = self.level, self.scale, self.noise, self.n
        room = scale if scale <= noise else scale * min(_MOST_WANDER, (scale / (noise or scale)) ** 0.5)
        floor = _FLOOR * (level if level >= 0 else -level) + 1e-12
        self.sigma = sigma = room if room > noise and room > floor else noise if noise > floor else floor
        off = value - level
        self.z = z = off / sigma
        if n > WARM_UP:
            self._judge(z, off, level)
            if self.hots.bit_count() >= 3 or self.drift > _DOUBT:
                self._wait()
                return
            if not self.hots:
                self.frozen = 0
        alpha = _ALPHA if n > SPAN // 2 else 1 / n
        fast = self.fast
        if fast < level:  # what ten points agree on is no outlier
            self.level = level + (_DOWN if alpha < _DOWN else alpha) * (fast - level)
            apart = value - fast
        else:
            bound = 3 * sigma
            self.level = level + alpha * (bound if off > bound else -bound if off < -bound else off)
            apart = off
        most = 3 * (scale if scale > noise else noise)
        self.scale = scale + alpha * (min(abs(apart), most) * _TO_SIGMA - scale)
        self.noise = noise + alpha * (min(abs(value - before), 6 * sigma) * _STEP_TO_SIGMA - noise)

    def _judge(self, z: float, off: float, level: float) -> None:
        """Whether the point is hot, and what has added up: many small steps count as one big one."""
        hot = z > HOT_Z and off > LEAST_RISE * abs(level)
        if hot and not self.hots:
            self.onset = self.step
        self.hots = ((self.hots << 1) | hot) & _TEN
        drift = self.drift + (MOST_Z if z > MOST_Z else -MOST_Z if z < -MOST_Z else z) - DRIFT_SLACK
        if drift <= 0:
            if self.drift:
                self.drift, self.drift_from = 0.0, None
            return
        if self.drift_from is None:
            self.drift_from = self.step
        self.drift = drift if drift < MOST_DRIFT else MOST_DRIFT

    def _wait(self) -> None:
        """Leave the baseline where it is; after so many points the new level is how things are."""
        self.frozen += 1
        if self.frozen > MOST_FROZEN:
            self.level, self.hots, self.frozen, self.drift = self.fast, 0, 0, 0.0

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {name: _copy(getattr(self, name)) for name in self.KEPT}

    def restore(self, state: dict[str, Any]) -> None:
        """As `state()` was."""
        for name in self.KEPT:
            setattr(self, name, _copy(state[name]))


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value
