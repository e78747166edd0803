"""Derived series: pure functions of stored points, the same on every machine.

    ma(n)    mean of the last n points (finite ones among them)
    ema(a)   exponential mean: each point weighs `a` times the one after it; bias corrected
    rate     change of the value per second since the point before

Long curves are derived from cells instead of points (the `_of_cells` variants): the mean
of one cell stands for its points, so that the cost follows the screen. A window smaller
than a cell is then a whole cell; at that zoom both are less than half a column.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import Cells, Floats
from opengraphs.engine.strip import Points
from opengraphs.errors import UsageError

_SPELLED = re.compile(r"^(ma|ema|rate)(?:\(([^()]*)\))?$")
_EMA_BLOCK = 256
_FORGOTTEN = 1e-12
MAX_WINDOW = 1_000_000


class Derivation(NamedTuple):
    """name: `ma`, `ema` or `rate`; amount: its window or weight; label: as the asker spelled it."""

    name: str
    amount: float
    label: str

    @property
    def reach(self) -> int:
        """How many points before a point have a say in it."""
        if self.name == "ma":
            return int(self.amount) - 1
        if self.name == "rate":
            return 1
        return math.ceil(math.log(_FORGOTTEN) / math.log(self.amount)) if self.amount else 0

    def of_points(self, points: Points) -> Floats:
        """One value for each point."""
        if self.name == "ma":
            return moving_average(points.values, int(self.amount))
        if self.name == "ema":
            return exponential_average(points.values, self.amount)
        return rate(points.times, points.values)

    def of_cells(self, cells: Cells, size: int) -> Points:
        """One value for each cell of about `size` points, at the place of its last point."""
        with np.errstate(all="ignore"):
            means = cells["sum"] / cells["finite"]
        if self.name == "ma":
            window = max(1, round(self.amount / size))
            values = moving_average(means, window, cells["finite"].astype(np.float64))
        elif self.name == "ema":
            values = exponential_average(means, self.amount**size)
        else:
            values = rate(cells["time_last"], cells["last"])
        return Points(cells["step_last"].copy(), cells["time_last"].copy(), values)


def parse_derivation(text: str) -> Derivation:
    """`ma(15)`, `ema(0.9)`, `rate`.

    Raises:
        UsageError: not one of them, or an amount out of range.
    """
    found = _SPELLED.match(text.replace(" ", ""))
    if found is None:
        raise UsageError(f"unknown derived series {text!r}", hint="use ma(15), ema(0.9) or rate")
    name, argument = found[1], found[2]
    try:
        amount = float(argument) if argument else {"ma": 15.0, "ema": 0.9, "rate": 0.0}[name]
    except ValueError:
        amount = math.nan
    sound = {
        "ma": 1 <= amount <= MAX_WINDOW and amount == int(amount) if math.isfinite(amount) else False,
        "ema": 0 <= amount < 1,
        "rate": not argument,
    }[name]
    if not sound:
        raise UsageError(
            f"{text!r} is out of range",
            hint=f"ma takes 1 to {MAX_WINDOW} points, ema a weight from 0 to below 1",
        )
    return Derivation(name, amount, text)


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
    if len(values) == 0:
        return values
    passed = np.diff(times)
    with np.errstate(all="ignore"):
        change: NDArray[np.float64] = np.where(passed > 0, np.diff(values) / passed, np.nan)
    return np.concatenate(([np.nan], change))
