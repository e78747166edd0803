"""What is known of a lane without reading its points."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np

from opengraphs.engine.strip import Points

KEPT_NON_FINITE = 64
KEPT_BREAKS = 64
_FEW = 8


def _of_known(
    choose: Callable[[float, float], float], one: float | None, other: float | None
) -> float | None:
    return choose(one, other) if one is not None and other is not None else one if other is None else other


class Break(msgspec.Struct, array_like=True, frozen=True):
    """The step fell here. before: the last step of the leg that ended; at: the new one's first."""

    index: int
    before: int
    at: int


class Summary(msgspec.Struct, array_like=True):
    """Over all points, in the order they were logged.

    equal: neighbours share a step. drops: how often the step fell; `breaks` holds the
    first KEPT_BREAKS of them. odd: (step, time) of the newest points that are not finite.
    low, high: of finite values; None when there is none. last_time of no points is NaN-free
    (0.0), and first_step and last_step mean nothing while n is 0.
    """

    n: int = 0
    finite: int = 0
    nan: int = 0
    inf: int = 0
    total: float = 0.0
    low: float | None = None
    high: float | None = None
    first_step: int = 0
    last_step: int = 0
    least_step: int = 0
    most_step: int = 0
    first_time: float = 0.0
    last_time: float = 0.0
    last_value: float | None = None
    """None stands for NaN, infinities are in `last_inf`: msgpack keeps both, JSON would not."""
    last_inf: int = 0
    equal: bool = False
    time_falls: bool = False
    drops: int = 0
    breaks: list[Break] = []
    odd: list[tuple[int, float]] = []

    @property
    def last(self) -> float:
        if self.last_value is not None:
            return self.last_value
        return math.copysign(math.inf, self.last_inf) if self.last_inf else math.nan

    @property
    def rises(self) -> bool:
        return not self.equal and self.drops == 0

    def add(self, points: Points) -> None:
        """Take in the points that follow. O(len)."""
        steps, times, values = points
        count = len(steps)
        if count <= _FEW:
            for point in zip(steps.tolist(), times.tolist(), values.tolist(), strict=True):
                self._add_one(*point)
            return
        self._note_order(points)
        with np.errstate(all="ignore"):  # sums of huge values may overflow: the answer says so
            self._note_values(points)
        self.n += count
        self._set_last(int(steps[-1]), float(times[-1]), float(values[-1]))

    def _note_values(self, points: Points) -> None:
        values = sound = points.values
        total = float(np.add.reduce(values))
        if not math.isfinite(total):  # something in it is not finite, or the sum alone
            finite = np.isfinite(values)
            sound = values if finite.all() else values[finite]
            if len(sound) < len(values):
                self._note_odd(points, ~finite)
            total = float(np.add.reduce(sound))
        self.finite += len(sound)
        if len(sound):
            low, high = float(sound.min()), float(sound.max())
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)
            self.total += total

    def _add_one(self, step: int, time: float, value: float) -> None:
        """The same for one point: a tenth of the cost of arrays of length 1."""
        if self.n == 0:
            self.first_step, self.first_time = step, time
            self.least_step = self.most_step = step
        else:
            if step < self.last_step:
                self.drops += 1
                if len(self.breaks) < KEPT_BREAKS:
                    self.breaks = [*self.breaks, Break(self.n, self.last_step, step)]
            self.equal = self.equal or step == self.last_step
            self.time_falls = self.time_falls or time < self.last_time
            self.least_step, self.most_step = min(self.least_step, step), max(self.most_step, step)
        if math.isfinite(value):
            self.finite += 1
            self.total += value
            self.low = value if self.low is None else min(self.low, value)
            self.high = value if self.high is None else max(self.high, value)
        else:
            self.nan += math.isnan(value)
            self.inf += math.isinf(value)
            self.odd = [*self.odd, (step, time)][-KEPT_NON_FINITE:]
        self.n += 1
        self._set_last(step, time, value)

    def follow(self, later: Summary) -> None:
        """Take in the points of another summary, which follow."""
        if later.n == 0 or self.n == 0:
            if later.n:
                for name in self.__struct_fields__:
                    setattr(self, name, getattr(later, name))
            return
        self._note_seam(later)
        self.n += later.n
        self.finite += later.finite
        self.nan += later.nan
        self.inf += later.inf
        self.total += later.total
        self.low = _of_known(min, self.low, later.low)
        self.high = _of_known(max, self.high, later.high)
        self.least_step = min(self.least_step, later.least_step)
        self.most_step = max(self.most_step, later.most_step)
        self.odd = [*self.odd, *later.odd][-KEPT_NON_FINITE:]
        self.last_step, self.last_time = later.last_step, later.last_time
        self.last_value, self.last_inf = later.last_value, later.last_inf

    def _note_seam(self, later: Summary) -> None:
        """Where steps or times fall, also from one to the other."""
        falls = later.first_step < self.last_step
        seam = [Break(self.n, self.last_step, later.first_step)] if falls else []
        moved = [Break(self.n + one.index, one.before, one.at) for one in later.breaks]
        self.drops += later.drops + falls
        self.breaks = [*self.breaks, *seam, *moved][:KEPT_BREAKS]
        self.equal = self.equal or later.equal or later.first_step == self.last_step
        self.time_falls = self.time_falls or later.time_falls or later.first_time < self.last_time

    def _set_last(self, step: int, time: float, value: float) -> None:
        self.last_step, self.last_time = step, time
        self.last_value = value if math.isfinite(value) else None
        self.last_inf = 0 if not math.isinf(value) else 1 if value > 0 else -1

    def _note_order(self, points: Points) -> None:
        steps, times, _ = points
        ahead = self.n == 0 or steps[0] > self.last_step
        if ahead and (steps[1:] > steps[:-1]).all():
            least, most = int(steps[0]), int(steps[-1])
        else:
            ahead = False
            least, most = int(steps.min()), int(steps.max())
        if self.n == 0:
            self.first_step, self.first_time = int(steps[0]), float(times[0])
            self.least_step, self.most_step = least, most
        else:
            self.least_step, self.most_step = min(self.least_step, least), max(self.most_step, most)
        if not ahead:
            change = np.diff(steps, prepend=steps[:1] - 1 if self.n == 0 else np.array([self.last_step]))
            self.equal = self.equal or bool((change == 0).any())
            self._note_drops(np.flatnonzero(change < 0), points)
        if not self.time_falls:
            falls = self.n > 0 and times[0] < self.last_time
            self.time_falls = bool(falls or (times[1:] < times[:-1]).any())

    def _note_drops(self, places: np.ndarray[tuple[int], np.dtype[np.intp]], points: Points) -> None:
        self.drops += len(places)
        for place in places[: max(0, KEPT_BREAKS - len(self.breaks))].tolist():
            before = int(points.steps[place - 1]) if place else self.last_step
            self.breaks = [*self.breaks, Break(self.n + place, before, int(points.steps[place]))]

    def _note_odd(self, points: Points, odd: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        nan = int(np.isnan(points.values).sum())
        self.nan += nan
        self.inf += int(odd.sum()) - nan
        where = np.flatnonzero(odd)[-KEPT_NON_FINITE:]
        newest = list(zip(points.steps[where].tolist(), points.times[where].tolist(), strict=True))
        self.odd = [*self.odd, *newest][-KEPT_NON_FINITE:]
