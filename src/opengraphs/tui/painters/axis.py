"""Axes with nice numbers, and the memory that keeps them still.

A live curve moves its bounds at every point; an axis that follows repaints the whole
chart at every tick. `AxisState` keeps the bounds it chose until the data leaves them,
or fills less than half of them, so that a tick changes a few cells.
"""

from __future__ import annotations

import itertools
import math
import time

from opengraphs.tui.painters import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_BOUNDS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_SMALLEST = 1e-290
"""Values closer to 0 are drawn as 0: their span would divide into infinity."""

_TIME_STEPS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800,
)  # fmt: skip


class AxisState:
    """The bounds a chart shows now. One per chart, kept by the caller between frames.

    `y`, `x`: (low, high) shown, None before the first data; y in log10 where `log_y`.
    `label_width`: cells of the y labels, only ever growing. `reset()` after zoom or
    another metric set.
    """

    __slots__ = ("label_width", "log_y", "x", "y")

    def __init__(self) -> None:
        self.x: tuple[float, float] | None = None
        self.y: tuple[float, float] | None = None
        self.log_y = False
        self.label_width = 0

    def reset(self) -> None:
        """Forget the bounds: the next frame fits the data afresh."""
        self.x = None
        self.y = None
        self.label_width = 0

    def fit_y(self, low: float, high: float, *, log: bool = False) -> tuple[float, float]:
        """Bounds that hold [low, high]: the old ones while they serve, else new nice ones."""
        if log != self.log_y:
            self.log_y, self.y = log, None
        if self.y is None or not _still_good(self.y, low, high):
            self.y = _log_bounds(low, high) if log else y_bounds(low, high)
        return self.y

    def fit_x(self, low: float, high: float, *, live: bool) -> tuple[float, float]:
        """Bounds of x: up to the last point when the run has ended, to the next nice number while it lives."""
        start = 0.0 if 0 <= low <= 0.05 * high else low
        if not live:
            self.x = (start, high) if high > start else (start, start + 1.0)
        elif self.x is None or self.x[0] != start or not _holds_x(self.x, high):
            self.x = (start, start + nice_bound(high - start))
        return self.x


class FilledAxis(AxisState):
    """From 0 up to what is full: a figure that hardly moves looks as calm as it is."""

    __slots__ = ("full",)

    def __init__(self, full: float | None) -> None:
        super().__init__()
        self.full = full

    def fit_y(self, low: float, high: float, *, log: bool = False) -> tuple[float, float]:
        return super().fit_y(min(0.0, low), max(high, self.full or 0.0) or 1.0, log=log)


def _still_good(bounds: tuple[float, float], low: float, high: float) -> bool:
    inside = bounds[0] <= low and high <= bounds[1]
    return inside and (high - low) * 2.2 >= bounds[1] - bounds[0]


def _holds_x(bounds: tuple[float, float], high: float) -> bool:
    return bounds[0] <= high <= bounds[1] and (high - bounds[0]) * 2 >= bounds[1] - bounds[0]


def y_bounds(low: float, high: float) -> tuple[float, float]:
    """Nice bounds around [low, high]; down to 0 when 0 is near; around a constant there is room on both sides."""
    span, size = high - low, max(abs(low), abs(high))
    if span <= 1e-12 * size or size < _SMALLEST:
        half = size / 2 if size > _SMALLEST else _SMALLEST if size else 1.0
        return low - half, high + half
    if not math.isfinite(span):
        return low, high
    quantum = nice_step(span, 10)
    floor, ceiling = math.floor(low / quantum + 1e-9) * quantum, math.ceil(high / quantum - 1e-9) * quantum
    if 0 < floor <= 0.25 * span:
        floor = 0.0
    if -0.25 * span <= ceiling < 0:
        ceiling = 0.0
    if not floor < ceiling:
        return low, high
    return floor, ceiling


def _log_bounds(low: float, high: float) -> tuple[float, float]:
    """Bounds in log10: whole decades when there are several, else a margin of a tenth."""
    if high - low >= 2:
        return float(math.floor(low + 1e-9)), float(math.ceil(high - 1e-9))
    margin = max(0.05, (high - low) / 10)
    return low - margin, high + margin


def nice_step(span: float, parts: int) -> float:
    """The smallest of 1, 2, 5 × 10^k that cuts `span` into at most `parts` parts."""
    raw = span / max(1, parts)
    if raw <= 0 or not math.isfinite(raw):
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    if not 1e-300 < power < 1e300:
        return raw  # at the ends of what a float holds nothing is nice
    for factor in (1.0, 2.0, 5.0):
        if raw <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power


def nice_bound(value: float) -> float:
    """`value` rounded up to 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 × 10^k: where a live x axis ends."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    for factor in _BOUNDS:
        if value <= factor * power * (1 + 1e-9):
            return factor * power
    return 10.0 * power


def ticks(low: float, high: float, parts: int) -> list[float]:
    """Nice positions inside [low, high], at most `parts` + 1."""
    if not low < high or not math.isfinite(high - low):
        return [low]
    return _multiples(low, high, nice_step(high - low, parts))


def _multiples(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, min(last, first + 99) + 1)]


def time_ticks(low: float, high: float, parts: int) -> list[float]:
    """Positions at whole seconds, minutes, hours or days."""
    span = high - low
    if span < 2:
        return ticks(low, high, parts)
    raw = span / max(1, parts)
    step = next((size for size in _TIME_STEPS if size >= raw), None)
    return _multiples(low, high, float(step)) if step else ticks(low, high, parts)


def log_ticks(low: float, high: float, parts: int) -> list[float]:
    """Decades (in log10) inside the bounds; 1, 2, 5 of each where there is room, else nice values."""
    decades = [float(power) for power in range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)]
    if len(decades) > parts + 1:
        stride = -(-len(decades) // (parts + 1))
        return decades[::stride]
    if len(decades) >= 2 and len(decades) * 2 > parts:
        return decades
    fine = [
        power + math.log10(factor)
        for power in range(math.floor(low), math.ceil(high) + 1)
        for factor in (1, 2, 5)
        if low - 1e-9 <= power + math.log10(factor) <= high + 1e-9
    ]
    if 2 <= len(fine) <= parts + 1:
        return fine
    if high < 300 and low > -300 and len(fine) < 2:
        return [math.log10(v) for v in ticks(10**low, 10**high, parts) if v > 0] or decades
    return decades or fine[:: max(1, len(fine) // max(1, parts))]


def labels(positions: Sequence[float]) -> list[str]:
    """The numbers of one axis in one form: the decimals its step needs, one suffix for all.

    0 0.5 1.0 · 0 500 1000 · 10k 20k · 2e-4 4e-4.
    """
    if not positions:
        return []
    biggest = max(abs(v) for v in positions)
    gaps = [abs(b - a) for a, b in itertools.pairwise(positions)]
    step = min(gaps) if gaps else biggest
    if biggest == 0:
        return ["0" for _ in positions]
    if biggest < 1e-2 or biggest >= 1e15:
        return [_plain_scientific(v, step) for v in positions]
    if biggest < 1e4:
        return [_decimal(v, _decimals(step, biggest)) for v in positions]
    scale, suffix = next((s, u) for s, u in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")) if biggest >= s)
    return [
        _decimal(v / scale, _decimals(step / scale, biggest / scale)) + (suffix if v else "")
        for v in positions
    ]


def _decimals(step: float, biggest: float) -> int:
    """Decimals that tell two ticks apart, as far as six digits go."""
    if step <= 0:
        return 0
    first = max(0, -math.floor(math.log10(step) + 1e-9))
    exact = next((n for n in range(first, first + 3) if abs(round(step, n) - step) < step * 1e-6), first)
    return min(exact, max(0, 6 - len(str(int(biggest)))))


def _decimal(v: float, decimals: int) -> str:
    text = f"{v:.{decimals}f}"
    return "0" if float(text) == 0 else text


def _plain_scientific(v: float, step: float) -> str:
    if v == 0:
        return "0"
    exponent = math.floor(math.log10(abs(v)) + 1e-12)
    digits = max(0, min(3, exponent - math.floor(math.log10(step) + 1e-9))) if step > 0 else 1
    mantissa, _, power = f"{v:.{digits}e}".partition("e")
    return f"{mantissa}e{int(power)}"


def log_labels(positions: Sequence[float]) -> list[str]:
    """Labels of log ticks (given in log10): 0.01 0.1 1 10 100 1k 1e-5."""
    return [_log_label(position) for position in positions]


def _log_label(position: float) -> str:
    power = math.floor(position + 1e-9)
    factor = 10 ** (position - power)
    if not -3 <= power < 15:
        return f"{factor:.2g}e{power}"
    return numbers.short(round(10**position, 6 if power >= -3 else 12))


def x_labels(positions: Sequence[float], kind: str) -> list[str]:
    """Labels of x ticks: steps as 500, 12k, 1.5M; relative as 2m30s; time as 14:05."""
    if kind == "relative":
        return [_span_label(v) for v in positions]
    if kind == "time":
        return _clock_labels(positions)
    return _step_labels(positions)


def _step_labels(positions: Sequence[float]) -> list[str]:
    if any(v != int(v) for v in positions if math.isfinite(v)):
        return labels(positions)
    return labels(positions)


def _span_label(seconds: float) -> str:
    text = numbers.duration(seconds) if seconds else "0"
    for tail in ("00s", "00m", "00h"):
        if len(text) > 3 and text.endswith(tail):
            return text[: -len(tail)]
    return text


def _clock_labels(positions: Sequence[float]) -> list[str]:
    gaps = [b - a for a, b in itertools.pairwise(positions)]
    step = min(gaps) if gaps else 60.0
    form = "%d %b" if step >= 86400 else "%H:%M" if step >= 60 else "%H:%M:%S"
    return [time.strftime(form, time.localtime(v)) for v in positions]


def x_ticks(low: float, high: float, parts: int, kind: str) -> list[float]:
    """Positions on the x axis; steps only at whole numbers; clock times at whole local units."""
    if kind == "step":
        found = ticks(low, high, parts)
        return (
            found
            if all(v == int(v) for v in found)
            else sorted({float(math.floor(v)) for v in found if math.floor(v) >= low})
        )
    if kind == "time":
        offset = float(time.localtime(low).tm_gmtoff)
        return [v - offset for v in time_ticks(low + offset, high + offset, parts)]
    return time_ticks(low, high, parts) if kind == "relative" else ticks(low, high, parts)


def x_text(x: float, kind: str) -> str:
    """One x position for the read-out: step 372, 2m30s, 14:05:31."""
    if kind == "relative":
        return numbers.duration(x)
    if kind == "time":
        return time.strftime("%H:%M:%S", time.localtime(x))
    return numbers.step(x) if kind == "step" else numbers.value(x).strip()
