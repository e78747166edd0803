"""The functions of rules: what they take, and what they give. The one table of them.

`Function.params` says each argument in turn: `value` a number that changes, `metric` a plain
metric, `any` a number or a condition, `points` a window of 1 to MAX_WINDOW, `share` a number
from 0 to 1, `duration` a time. A `?` at its end: may be left out.
"""

from __future__ import annotations

from typing import NamedTuple

MAX_WINDOW = 10_000


class Function(NamedTuple):
    """gives: number, seconds or condition. least: the smallest window that means something."""

    params: tuple[str, ...]
    gives: str
    does: str
    least: int = 1


FUNCTIONS: dict[str, Function] = {
    "last": Function(("value",), "number", "the newest value, the same as the bare metric"),
    "ema": Function(("value", "points"), "number", "exponential moving average of span n"),
    "mean": Function(("value", "points?"), "number", "average of the last n points"),
    "median": Function(("value", "points"), "number", "middle of the last n points"),
    "min": Function(("value", "points?"), "number", "lowest of the last n points"),
    "max": Function(("value", "points?"), "number", "highest of the last n points"),
    "std": Function(("value", "points?"), "number", "sample standard deviation of the last n points", 2),
    "q": Function(("value", "share", "points"), "number", "quantile of the last n points"),
    "slope": Function(("value", "points"), "number", "least-squares change a step over the last n points", 2),
    "delta": Function(("value", "points?"), "number", "newest value minus the one n points before"),
    "ratio": Function(("value", "points"), "number", "newest value over the median of the n points before"),
    "z": Function(
        ("value", "points"), "number", "deviations of the newest value from the n points before", 2
    ),
    "count": Function(("any", "points?"), "number", "how many of the last n points hold, or have a value"),
    "age": Function(("metric",), "seconds", "seconds since the metric's last point"),
    "missing": Function(("metric", "duration?"), "condition", "never logged, or not for the given time"),
    "nan": Function(("value",), "condition", "the newest value is NaN or infinite"),
}


def signature(name: str) -> str:
    """`q(value, share, points)`, for messages."""
    params = ", ".join(f"[{p[:-1]}]" if p.endswith("?") else p for p in FUNCTIONS[name].params)
    return f"{name}({params})"
