"""Means of noisy, correlated points, with an interval that believes neither more points nor fewer than there are."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

BLOCK = 10
"""Points of a block, at least, as far as there are enough for `LEAST_BLOCKS`."""
LEAST_BLOCKS = 4
_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
_NORMAL = 1.959964


class Mean(NamedTuple):
    """error: standard error of the mean; freedom: degrees of it."""

    mean: float
    error: float
    freedom: int

    @property
    def half(self) -> float:
        """Half of the 95 % interval."""
        return t_quantile(self.freedom) * self.error


def t_quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t; within 0.001 from one degree on."""
    if freedom <= len(_T):
        return _T[max(1, freedom) - 1]
    return (
        _NORMAL
        + (_NORMAL**3 + _NORMAL) / (4 * freedom)
        + (5 * _NORMAL**5 + 16 * _NORMAL**3 + 3 * _NORMAL) / (96 * freedom**2)
    )


def correlation_time(values: Sequence[float]) -> float:
    """How many points say as much as one independent one would, at least 1.

    The sum of the autocorrelations up to the first that is gone, at a quarter of the points at most. A short
    stretch of a slow process looks quicker than it is, so a sum that is large for its points is taken larger.
    """
    count = len(values)
    mean = sum(values) / count if count else 0.0
    off = [value - mean for value in values]
    power = sum(one * one for one in off)
    if count < 8 or power <= 0 or not math.isfinite(power):
        return 1.0
    total = 1.0
    for lag in range(1, count // 4 + 1):
        share = sum(off[at] * off[at + lag] for at in range(count - lag)) / power
        if share < 0.05:
            break
        total += 2 * share
    return total * (1 + 12 * (total - 1) / count)


def block_mean(values: Sequence[float], *, apart: float = 1.0) -> Mean:
    """The mean with the error that block means show, or that the correlation implies, whichever is larger.

    Args:
        values: 2 or more, in the order of their steps.
        apart: a correlation time that is known from elsewhere; the larger one counts.

    Source: batch means, Law and Kelton, Simulation Modeling and Analysis, ch. 9; the floor is ours.
    """
    count = len(values)
    time = max(apart, correlation_time(values))
    size = max(1, min(count // LEAST_BLOCKS, max(BLOCK, math.ceil(time))))
    blocks = [statistics.fmean(values[at : at + size]) for at in range(0, count - size + 1, size)]
    mean = statistics.fmean(values)
    by_blocks = statistics.stdev(blocks) / math.sqrt(len(blocks)) if len(blocks) > 1 else math.inf
    by_points = statistics.stdev(values) * math.sqrt(time / count)
    longer = math.sqrt(max(1.0, time / size))
    freedom = min(len(blocks), int(count / time)) - 1
    return Mean(mean, max(by_blocks * longer, by_points), max(1, freedom))


class Line(NamedTuple):
    """A straight line through points, and how well it is known."""

    middle: float
    level: float
    slope: float
    spread: float
    points: int
    apart: float
    width: float

    def at(self, step: float) -> Mean:
        """Its value at a step, further on than its points as a rule."""
        away = (step - self.middle) ** 2 / self.width if self.width > 0 else 0.0
        error = self.spread * math.sqrt(self.apart * (1 / self.points + away))
        return Mean(
            self.level + self.slope * (step - self.middle), error, max(1, int(self.points / self.apart) - 2)
        )


def line_through(steps: Sequence[float], values: Sequence[float]) -> Line:
    """The line of least squares through 3 points or more.

    `spread` is about the line; the correlation is that of what a parabola leaves, since a curve that levels
    off is no noise.
    """
    middle, level = statistics.fmean(steps), statistics.fmean(values)
    away = [step - middle for step in steps]
    width = sum(step * step for step in away)
    slope = _along(values, away)
    rest = [value - level - slope * step for step, value in zip(away, values, strict=True)]
    spread = math.sqrt(sum(one * one for one in rest) / max(1, len(rest) - 2))
    return Line(middle, level, slope, spread, len(rest), correlation_time(_unbent(rest, away)), width)


def _unbent(rest: Sequence[float], away: Sequence[float]) -> list[float]:
    """What a parabola leaves of what a line has left."""
    square = statistics.fmean(step * step for step in away)
    bend = [step * step - square for step in away]
    tilt = _along(bend, away)
    bend = [one - tilt * step for one, step in zip(bend, away, strict=True)]
    by = _along(rest, bend)
    return [value - by * one for value, one in zip(rest, bend, strict=True)]


def _along(values: Sequence[float], axis: Sequence[float]) -> float:
    """The slope of `values` along an axis whose mean is 0; 0 where the axis has no extent."""
    width = sum(one * one for one in axis)
    return sum(one * value for one, value in zip(axis, values, strict=True)) / width if width else 0.0
