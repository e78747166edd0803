"""Derived series: pure functions of stored points, the same on every machine.

    ma(n)           mean of the last n points (finite ones among them)
    ema(a)          exponential mean: each point weighs `a` times the one after it; bias corrected
    rate            change of the value per second since the point before
    best            best value so far; best(min), best(max) say which way, else the name of the metric
    steps_per_s(n)  steps a second over the last n points
    throughput(n)   units a second over the last n points (engine.throughput)

and what plug-ins bring (engine.transforms). Values are derived in order of steps, whatever
the axis they are drawn on.

Long curves are derived from cells instead of points (the `of_cells` variants): the mean
of one cell stands for its points, so that the cost follows the screen. A window smaller
than a cell is then a whole cell; at that zoom both are less than half a column. `best` is
exact from cells too: they know their lowest and highest points.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine import better, throughput
from opengraphs.engine.cells import Cells, Floats
from opengraphs.engine.strip import Points
from opengraphs.engine.transforms import REGISTRY, Registry, Transform
from opengraphs.errors import UsageError

_SPELLED = re.compile(r"^([A-Za-z_][\w.-]*)(?:\(([^()]*)\))?$")
_EMA_BLOCK = 256
_FORGOTTEN = 1e-18
MAX_WINDOW = 1_000_000
DEFAULTS = {"ma": 15.0, "ema": 0.9, "rate": 0.0, "best": 0.0, "steps_per_s": 15.0, "throughput": 15.0}
ABOUT = {
    "ma": ("ma(15)", "mean of the last n points, 1 to 1000000"),
    "ema": ("ema(0.9)", "exponential mean; what is left of the past at each point, 0 to below 1"),
    "rate": ("rate", "change of the value per second"),
    "best": ("best", "best value so far; best(min) and best(max) where the name does not tell"),
    "steps_per_s": ("steps_per_s(15)", "steps a second over the last n points"),
    "throughput": (
        "throughput(15)",
        "units a second over the last n points: of a counter, else of the steps",
    ),
}
_WINDOWED = ("ma", "steps_per_s", "throughput")


class Derivation(NamedTuple):
    """What is to be derived.

    name: a key of DEFAULTS, or a plug-in's. amount: its window or weight.
    label: as the asker spelled it. better: of `best`, "" until `for_metric` decides.
    scale: of `throughput`, units a step; None takes the values for a counter of units.
    transform, amounts: the plug-in and what it was asked with.
    """

    name: str
    amount: float
    label: str
    better: str = ""
    scale: float | None = 1.0
    unit: str | None = None
    transform: Transform | None = None
    amounts: tuple[float, ...] = ()

    @property
    def reach(self) -> int:
        """How many points before a point have a say in it, `best` aside (see `before`)."""
        if self.name == "ma":
            return int(self.amount) - 1
        if self.name in ("steps_per_s", "throughput"):
            return int(self.amount)
        if self.name == "rate":
            return 1
        if self.name == "ema" and self.amount:
            return math.ceil(math.log(_FORGOTTEN) / math.log(self.amount))
        return 0

    def for_metric(self, key: str, facts: Mapping[str, Any]) -> Derivation | None:
        """The same with what depends on the metric and its run filled in.

        Args:
            facts: run.json; its config and world size may tell the units of a step.

        Returns:
            None for `best` of a metric of which no name rule says which way is better.
        """
        if self.name == "best" and not self.better:
            found = better.direction(key)
            return self._replace(better=found) if found else None
        if self.name == "throughput":
            meaning = throughput.meaning(key, facts)
            return self._replace(scale=meaning.scale, unit=meaning.unit)
        return self

    def of_points(self, points: Points, before: float = math.nan) -> Floats:
        """One value for each point.

        Args:
            before: of `best`, the best value of all points before these; NaN for none.
        """
        if self.transform is not None:
            return self.transform.call(points, self.amounts)
        if self.name == "ma":
            return moving_average(points.values, int(self.amount))
        if self.name == "ema":
            return exponential_average(points.values, self.amount)
        if self.name == "best":
            return best_so_far(points.values, self.better, before)
        if self.name == "rate":
            return rate(points.times, points.values)
        return self._speed(points, int(self.amount))

    def of_cells(self, cells: Cells, size: int, before: float = math.nan) -> Points:
        """One value for each cell of about `size` points, at the place of its last point; of
        `best` where a cell betters it, at the place of the better one."""
        with np.errstate(all="ignore"):
            means = cells["sum"] / cells["finite"]
        steps, times = cells["step_last"].copy(), cells["time_last"].copy()
        if self.transform is not None:
            return Points(steps, times, self.transform.call(Points(steps, times, means), self.amounts))
        if self.name == "best":
            return self._best_of_cells(cells, before)
        if self.name == "ma":
            window = max(1, round(self.amount / size))
            values = moving_average(means, window, cells["finite"].astype(np.float64))
        elif self.name == "ema":
            values = exponential_average(means, self.amount**size)
        elif self.name == "rate":
            values = rate(times, cells["last"])
        else:
            values = self._speed_of_cells(cells, size)
        return Points(steps, times, values)

    def _best_of_cells(self, cells: Cells, before: float) -> Points:
        side = "lo" if self.better == "min" else "hi"
        values = best_so_far(cells[side], self.better, before)
        betters = values != np.concatenate(([before], values[:-1]))
        betters &= np.isfinite(values)
        steps = np.where(betters, cells[f"step_{side}"], cells["step_last"])
        return Points(steps, np.where(betters, cells[f"time_{side}"], cells["time_last"]), values)

    def _counted(self, steps: NDArray[np.int64], values: Floats) -> Floats:
        """What is counted of each point: steps, units, or the values of a counter."""
        if self.name == "throughput" and self.scale is None:
            return values
        counted: Floats = steps.astype(np.float64) * (
            (self.scale or 1.0) if self.name == "throughput" else 1.0
        )
        return counted

    def _speed(self, points: Points, window: int) -> Floats:
        return windowed_rate(points.times, self._counted(points.steps, points.values), window)

    def _speed_of_cells(self, cells: Cells, size: int) -> Floats:
        """From the last point of one cell to that of another; the very first cell from its own first."""
        start, end = (
            Points(cells[f"step_{side}"], cells[f"time_{side}"], cells[side]) for side in ("first", "last")
        )
        points = Points(*(np.concatenate((a[:1], b)) for a, b in zip(start, end, strict=True)))
        return self._speed(points, max(1, round(self.amount / size)))[1:]


def parse_derivation(text: str, registry: Registry = REGISTRY) -> Derivation:
    """`ma(15)`, `ema(0.9)`, `rate`, `best`, `best(min)`, `steps_per_s(15)`, `throughput`, or a plug-in's.

    Raises:
        UsageError: no such name (with the nearest), or an amount out of range.
    """
    found = _SPELLED.match(text.replace(" ", ""))
    if found is None:
        raise _unknown(text, text, registry)
    name, arguments = found[1], [word for word in (found[2] or "").split(",") if word]
    if name not in DEFAULTS:
        return _plugged(text, name, arguments, registry)
    if name == "best":
        if len(arguments) > 1 or any(word not in better.DIRECTIONS for word in arguments):
            raise UsageError(f"{text!r} is no way to be best", hint="use best, best(min) or best(max)")
        return Derivation(name, 0.0, text, better=arguments[0] if arguments else "")
    amount = _number(arguments[0]) if arguments else DEFAULTS[name]
    if len(arguments) > 1 or not _is_sound(name, amount, bool(arguments)):
        raise UsageError(
            f"{text!r} is out of range",
            hint=f"ma, steps_per_s and throughput take 1 to {MAX_WINDOW} points, ema a weight from 0 to below 1, rate nothing",
        )
    return Derivation(name, amount, text)


def names_known(registry: Registry = REGISTRY) -> list[dict[str, Any]]:
    """Every name that `parse_derivation` takes, og's own first: protocol `TransformOut`."""
    own: list[dict[str, Any]] = [
        {
            "name": name,
            "spelled": spelled,
            "about": about,
            "distribution": None,
            "version": None,
            "error": None,
        }
        for name, (spelled, about) in ABOUT.items()
    ]
    plugged: list[dict[str, Any]] = [
        {
            "name": transform.name,
            "spelled": transform.name,
            "about": transform.value,
            "distribution": transform.distribution,
            "version": transform.version,
            "error": transform.error or None,
        }
        for transform in registry.all()
        if transform.name not in DEFAULTS
    ]
    return [*own, *plugged]


def _is_sound(name: str, amount: float, is_given: bool) -> bool:
    if name in _WINDOWED:
        return math.isfinite(amount) and 1 <= amount <= MAX_WINDOW and amount == int(amount)
    return 0 <= amount < 1 if name == "ema" else not is_given


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def _plugged(text: str, name: str, arguments: list[str], registry: Registry) -> Derivation:
    transform = registry.find(name)
    if transform is None:
        raise _unknown(text, name, registry)
    amounts = tuple(_number(word) for word in arguments)
    if not all(math.isfinite(amount) for amount in amounts):
        raise UsageError(f"{text!r}: amounts are numbers", hint=f"such as {name}(50)")
    return Derivation(name, 0.0, text, transform=transform, amounts=amounts)


def _unknown(text: str, name: str, registry: Registry) -> UsageError:
    names = [*DEFAULTS, *registry.names()]
    near = difflib.get_close_matches(name.partition("(")[0], names, n=1)
    hint = f"did you mean {ABOUT[near[0]][0] if near[0] in ABOUT else near[0]}?" if near else ""
    return UsageError(f"unknown derived series {text!r}", hint=hint or f"use {', '.join(names)}")


def moving_average(values: Floats, window: int, weights: Floats | None = None) -> Floats:
    """Mean of the last `window` values (fewer at the start); NaN where none of them is finite.

    Args:
        weights: how many points each value stands for; None is one each.

    Cost: O(n); sums are never subtracted, so a huge value leaves no error behind it.
    """
    finite = np.isfinite(values)
    each = finite.astype(np.float64) if weights is None else np.where(finite, weights, 0.0)
    with np.errstate(all="ignore"):
        sums = _window_sums(np.where(finite, values, 0.0) * each, window)
        return sums / _window_sums(each, window)


def _window_sums(values: Floats, window: int) -> Floats:
    """Sum of each value and the `window - 1` before it: a suffix of one block and a prefix of the next."""
    n = len(values)
    if n == 0 or window <= 1:
        return values
    if window >= n:
        return np.cumsum(values)
    blocks = -(-n // window)
    padded = np.zeros(blocks * window)
    padded[:n] = values
    shaped = padded.reshape(blocks, window)
    prefix = np.cumsum(shaped, axis=1).ravel()[:n]
    suffix = np.cumsum(shaped[:, ::-1], axis=1)[:, ::-1].ravel()
    sums = prefix
    starts = np.arange(window - 1, n) - (window - 1)
    inside = starts % window != 0
    sums[window - 1 :][inside] += suffix[starts[inside]]
    return sums


def exponential_average(values: Floats, weight: float) -> Floats:
    """Exponential mean over the finite values; others repeat the mean before them.

    Args:
        weight: what is left of the past at each value, 0 to below 1.
    """
    finite = np.isfinite(values)
    if not finite.all():
        spread = np.full(len(values), np.nan)
        spread[finite] = exponential_average(values[finite], weight)
        filled = np.maximum.accumulate(np.where(finite, np.arange(len(values)), -1))
        return np.where(filled >= 0, spread[np.maximum(filled, 0)], np.nan)
    if len(values) == 0:
        return values
    with np.errstate(all="ignore"):
        mass = 1 - weight ** np.arange(1.0, len(values) + 1)
        averages: Floats = _decayed_sums(values, weight) / mass
    return averages


def _decayed_sums(values: Floats, weight: float) -> Floats:
    """s[i] = weight * s[i-1] + (1 - weight) * values[i], a block at a time."""
    n, size = len(values), min(_EMA_BLOCK, len(values))
    padded = np.zeros(-(-n // size) * size)
    padded[:n] = values
    places = np.arange(size)
    distance = places[:, None] - places[None, :]
    kernel = np.where(distance >= 0, (1 - weight) * weight ** np.maximum(distance, 0), 0.0)
    sums: Floats = padded.reshape(-1, size) @ kernel.T
    fading = weight ** (places + 1.0)
    for block in range(1, len(sums)):
        sums[block] += sums[block - 1, -1] * fading
    return sums.ravel()[:n]


def rate(times: Floats, values: Floats) -> Floats:
    """Change per second since the value before; NaN for the first and where time stands still."""
    return windowed_rate(times, values, 1)


def windowed_rate(times: Floats, counts: Floats, window: int) -> Floats:
    """Change per second over the last `window` points (fewer at the start).

    NaN for the first, and where time stood still or went back.
    """
    if len(counts) == 0:
        return counts
    since = np.maximum(np.arange(len(counts)) - window, 0)
    with np.errstate(all="ignore"):
        passed = times - times[since]
        change: Floats = np.where(passed > 0, (counts - counts[since]) / passed, np.nan)
    return change


def best_so_far(values: Floats, way: str, before: float = math.nan) -> Floats:
    """Lowest (`min`) or highest (`max`) of the finite values up to each; NaN before there is one.

    Args:
        before: the best of what came earlier; NaN for nothing.
    """
    worst, follow = (math.inf, np.minimum) if way == "min" else (-math.inf, np.maximum)
    usable = np.where(np.isfinite(values), values, worst)
    if len(usable) and not math.isnan(before):
        usable[0] = follow(usable[0], before)
    best: Floats = follow.accumulate(usable)
    return np.where(np.isfinite(best), best, np.nan)
