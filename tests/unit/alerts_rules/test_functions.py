"""Each function against the slow, obvious meaning of it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from opengraphs.alerts.rules import Rule, parse_rule
from opengraphs.alerts.rules.functions import FUNCTIONS
from opengraphs.alerts.rules.nodes import Value

Steps = list[int]
Values = list[float]
Naive = Callable[[Steps, Values], float | None]


def full(n: int, compute: Callable[[np.ndarray, np.ndarray], float | None]) -> Naive:
    """Of the last n points; None before there are so many."""

    def naive(steps: Steps, values: Values) -> float | None:
        if len(values) < n:
            return None
        return compute(np.array(steps[-n:], float), np.array(values[-n:]))

    return naive


def naive_ema(steps: Steps, values: Values) -> float | None:
    keep = 1 - 2 / 21
    weights = keep ** np.arange(len(values))[::-1]
    return float(np.dot(weights, values) / weights.sum()) if len(values) >= 20 else None


def naive_z(steps: np.ndarray, values: np.ndarray) -> float | None:
    std = values[:-1].std(ddof=1)
    return float((values[-1] - values[:-1].mean()) / std) if std else None


def naive_ratio(steps: np.ndarray, values: np.ndarray) -> float | None:
    middle = np.median(values[:-1])
    return float(values[-1] / middle) if middle else None


NAIVE: dict[str, Naive] = {
    "last(x)": lambda steps, values: values[-1] if values else None,
    "ema(x, 20)": naive_ema,
    "mean(x, 30)": full(30, lambda s, v: float(v.mean())),
    "mean(x, 1)": full(1, lambda s, v: float(v[0])),
    "mean(x)": lambda s, v: float(np.mean(v)) if v else None,
    "median(x, 31)": full(31, lambda s, v: float(np.median(v))),
    "median(x, 30)": full(30, lambda s, v: float(np.median(v))),
    "min(x, 17)": full(17, lambda s, v: float(v.min())),
    "max(x, 17)": full(17, lambda s, v: float(v.max())),
    "min(x)": lambda s, v: min(v) if v else None,
    "max(x)": lambda s, v: max(v) if v else None,
    "std(x, 25)": full(25, lambda s, v: float(v.std(ddof=1))),
    "std(x)": lambda s, v: float(np.std(v, ddof=1)) if len(v) > 1 else None,
    "q(x, 0.9, 23)": full(23, lambda s, v: float(np.quantile(v, 0.9))),
    "q(x, 5%, 40)": full(40, lambda s, v: float(np.quantile(v, 0.05))),
    "slope(x, 19)": full(19, lambda s, v: float(np.polyfit(s - s.mean(), v, 1)[0])),
    "delta(x)": full(2, lambda s, v: float(v[1] - v[0])),
    "delta(x, 12)": full(13, lambda s, v: float(v[-1] - v[0])),
    "ratio(x, 15)": full(16, naive_ratio),
    "z(x, 20)": full(21, naive_z),
}


def noise(count: int, seed: int) -> Values:
    """Noise about a level that falls, with a shift, a spike and a flat stretch."""
    chance = random.Random(seed)
    values = [10 * math.exp(-n / 100) + chance.gauss(0, 0.3) for n in range(count)]
    values[count // 2] = 1e9
    for n in range(count * 6 // 10, count * 8 // 10):
        values[n] = 3.0
    return values


SERIES = {
    "noise": noise(400, 1),
    "small numbers on a large level": [1e6 + 1e-3 * math.sin(n) for n in range(400)],
    "large level, then small": [1e4] * 150 + [1e-4 * math.sin(n) for n in range(250)],
    "constant": [2.5] * 120,
    "two values": [1.0, 2.0] * 100,
    "huge": [1e140 * (1 + n % 7) for n in range(200)],
}


def value_after(rule: Rule, points: list[tuple[int, float]]) -> list[Value]:
    stream = rule.compile()
    return [stream.update("x", step, float(step), value)[0].value for step, value in points]


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("call", NAIVE)
def test_function_agrees_with_its_naive_meaning(call: str, name: str) -> None:
    chance = random.Random(7)
    steps = np.cumsum([chance.choice([1, 1, 1, 5, 10]) for _ in SERIES[name]]).tolist()
    points = list(zip(steps, SERIES[name], strict=True))
    found = value_after(parse_rule(f"{call} > 0"), points)
    for n, value in enumerate(found):
        expected = NAIVE[call](steps[: n + 1], SERIES[name][: n + 1])
        if expected is None or value is None:
            is_flat = name in ("constant", "noise", "large level, then small") and call.startswith("z")
            assert value is None
            assert expected is None or (is_flat and abs(expected) > 1e3) or not np.isfinite(expected)
        else:
            scale = max(map(abs, SERIES[name][max(0, n - 40) : n + 1]))
            limit = 1e-5 * max(1.0, abs(expected)) if call.startswith("z") else 1e-9 * scale
            assert value == pytest.approx(expected, rel=1e-6, abs=limit), (n, value, expected)


CONSTANT = [
    "ema(x, 20)",
    "mean(x, 30)",
    "mean(x)",
    "median(x, 30)",
    "q(x, 33%, 31)",
    "x - slope(x, 30)",
    "x + std(x, 30)",
]


@pytest.mark.parametrize("call", [*CONSTANT, "x + std(x)"])
def test_constant_metric_is_exactly_what_it_always_was(call: str) -> None:
    """So that `lr > mean(lr, 30)` does not fire for a rounding error."""
    stream = parse_rule(f"x != {call}").compile()
    values = [7.3] * 50 + [0.1] * 200 + [1e-3] * 200
    hot = [stream.update("x", n, 0.0, value)[0].hot for n, value in enumerate(values)]
    is_windowed = call not in ("mean(x)", "x + std(x)", "ema(x, 20)")
    assert True not in hot[:50]
    assert not is_windowed or True not in hot[90:250] + hot[290:]


@pytest.mark.parametrize("call", ["mean(x, 100)", "std(x, 100)", "slope(x, 100)"])
def test_outlier_that_leaves_takes_no_digits_along(call: str) -> None:
    values = [*noise(300, 8)[:150], 1e14, *noise(300, 8)[:149]]
    found = value_after(parse_rule(f"{call} > 0"), list(enumerate(values)))
    fresh = value_after(parse_rule(f"{call} > 0"), list(enumerate(values))[151:])
    assert found[251:] == [pytest.approx(value, rel=1e-9) for value in fresh[100:]]


@pytest.mark.parametrize("call", ["mean(x, 100)", "std(x, 100)", "slope(x, 100)"])
def test_level_far_away_takes_no_digits_along(call: str) -> None:
    low = noise(300, 9)[:140]
    values = [*(1e12 + n % 7 for n in range(137)), *low]
    found = value_after(parse_rule(f"{call} > 0"), list(enumerate(values)))
    fresh = value_after(parse_rule(f"{call} > 0"), list(enumerate(values))[137:])
    assert found[236:] == [pytest.approx(value, rel=1e-9) for value in fresh[99:]]


@pytest.mark.parametrize(("call", "value"), [("delta(x, 2)", 5.0 - 3.0), ("ratio(x, 2)", 5.0 / 3.5)])
def test_past_of_a_restarted_run_has_nothing_of_what_it_left(call: str, value: float) -> None:
    stream = parse_rule(f"{call} > 0").compile()
    for step, logged in enumerate([1.0, 2.0, 90.0, 91.0, 92.0]):
        stream.update("x", step, 0.0, logged)
    stream.update("x", 2, 0.0, 3.0)
    found = [reading.value for n in (3, 4) for reading in stream.update("x", n, 0.0, n + 1.0)]
    assert found == [None, found[1], value]


def test_z_of_a_constant_past_is_not_known() -> None:
    found = value_after(parse_rule("z(x, 30) > 4"), list(enumerate([0.1] * 60 + [0.2])))
    assert set(found) == {None}


def test_constant_after_repeated_steps_is_still_constant() -> None:
    points = [(n, value) for n in range(60) for value in (0.3, 0.1)]
    found = value_after(parse_rule("std(x, 20) > 0"), points)
    assert found[1::2] == [None] * 19 + [0.0] * 41


def test_every_function_has_a_test() -> None:
    tested = {call.split("(")[0] for call in NAIVE} | {"count", "age", "missing", "nan"}
    assert tested == set(FUNCTIONS)


def test_count_of_a_condition_is_of_the_last_points() -> None:
    chance = random.Random(3)
    values = [chance.random() for _ in range(100)]
    found = value_after(parse_rule("count(x > 0.5, 10) >= 7"), list(enumerate(values)))
    expected = [None if n < 9 else sum(v > 0.5 for v in values[n - 9 : n + 1]) for n in range(100)]
    assert found == expected


def test_count_without_a_window_is_of_all_points() -> None:
    values = [1.0, math.nan, 3.0, math.inf, 5.0]
    assert value_after(parse_rule("count(x) > 0"), list(enumerate(values))) == [1, 1, 2, 2, 3]
    assert value_after(parse_rule("count(nan(x)) > 0"), list(enumerate(values))) == [0, 1, 1, 2, 2]
    assert value_after(parse_rule("count(x, 2) > 0"), list(enumerate(values))) == [None, 1, 1, 1, 1]


@pytest.mark.parametrize("call", [call for call in NAIVE if call != "last(x)"])
def test_points_that_are_not_finite_are_left_out_of_windows(call: str) -> None:
    values = noise(120, 4)
    holes = [(2 * n, value) for n, value in enumerate(values)]
    holes += [(2 * n + 1, [math.nan, math.inf, -math.inf, 1e200][n % 4]) for n in range(120)]
    clean = value_after(parse_rule(f"{call} > 0"), [(2 * n, value) for n, value in enumerate(values)])
    dirty = value_after(parse_rule(f"{call} > 0"), sorted(holes))
    assert dirty[::2] == clean
    if call.split("(", maxsplit=1)[0] in ("z", "ratio", "delta"):
        assert set(dirty[1::2]) == {None}
    else:
        assert dirty[1::2] == clean


@pytest.mark.parametrize("call", NAIVE)
def test_repeated_step_replaces_the_point(call: str) -> None:
    values = noise(120, 5)
    once = value_after(parse_rule(f"{call} > 0"), list(enumerate(values)))
    points = [point for n, value in enumerate(values) for point in ((n, 0.5 + n), (n, value))]
    twice = value_after(parse_rule(f"{call} > 0"), points)
    for first, second in zip(once, twice[1::2], strict=True):
        assert first == (second if second is None else pytest.approx(second, rel=1e-9, abs=1e-6))


@pytest.mark.parametrize("call", NAIVE)
def test_run_that_goes_on_from_an_earlier_step_forgets_what_it_left(call: str) -> None:
    values = noise(110, 6)
    abandoned = [(n, 1e6 + n) for n in range(90, 110)]
    lived = list(enumerate(values + values))
    straight = value_after(parse_rule(f"{call} > 0"), lived)
    stream = parse_rule(f"{call} > 0").compile()
    resumed = [stream.update("x", point[0], 0.0, point[1]) for point in lived[:90] + abandoned + lived[90:]]
    assert resumed[110] == ()  # one point at a lower step may have come late
    after = [readings[0].value for readings in resumed[110 + 50 :]]
    for first, second in zip(straight[90 + 50 :], after, strict=True):
        assert first == (second if second is None else pytest.approx(second, rel=1e-6, abs=1e-6))


def test_wide_expressions_take_windows_of_what_they_compute() -> None:
    stream = parse_rule("mean(a - b, 3) > 0").compile()
    found = [stream.record(n, float(n), {"a": float(n), "b": 1.0})[0].value for n in range(5)]
    assert found == [None, None, 0.0, 1.0, 2.0]


def test_metrics_logged_one_by_one_count_once_a_step() -> None:
    stream = parse_rule("mean(a - b, 3) > 0").compile()
    found: list[Value] = []
    for n in range(5):
        stream.update("a", n, float(n), float(n))
        found.append(stream.update("b", n, float(n), 1.0)[0].value)
    assert found == [None, None, 0.0, 1.0, 2.0]
