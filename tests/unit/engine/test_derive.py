"""Derived series are pure functions of the points, the same from points and from cells."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine.cells import cells_of
from opengraphs.engine.derive import (
    ABOUT,
    DEFAULTS,
    Derivation,
    best_so_far,
    names_known,
    parse_derivation,
    windowed_rate,
)
from opengraphs.engine.strip import Points
from opengraphs.engine.throughput import counted_unit, meaning, units_of_step
from opengraphs.engine.transforms import Registry
from opengraphs.errors import UsageError

NOTHING = Registry(list)
values = st.lists(
    st.one_of(st.integers(-9, 9).map(float), st.sampled_from([math.nan, math.inf, -math.inf])), max_size=60
)


def parse(text: str) -> Derivation:
    return parse_derivation(text, NOTHING)


def points_of(numbers: list[float], *, step: int = 3, seconds: float = 0.5) -> Points:
    places = np.arange(len(numbers))
    return Points(places * step, 1000.0 + places * seconds, np.array(numbers, float))


@settings(max_examples=100)
@given(values, st.sampled_from(["min", "max"]), st.sampled_from([math.nan, 0.0, -20.0, 20.0]))
def test_best_is_the_best_finite_value_so_far(numbers: list[float], way: str, before: float) -> None:
    choose: Any = min if way == "min" else max
    expected = []
    for place in range(len(numbers)):
        seen = [x for x in [before, *numbers[: place + 1]] if math.isfinite(x)]
        expected.append(choose(seen) if seen else math.nan)
    found = best_so_far(np.array(numbers, float), way, before)
    assert np.array_equal(found, expected, equal_nan=True)


@settings(max_examples=100)
@given(values, st.integers(0, 60), st.integers(1, 7), st.sampled_from(["best(min)", "best(max)"]))
def test_best_from_cells_is_best_from_points(numbers: list[float], cut: int, size: int, name: str) -> None:
    points, wanted = points_of(numbers), parse(name)
    whole = wanted.of_points(points)
    cut = min(cut, len(numbers))
    before = float(whole[cut - 1]) if cut else math.nan
    part = points.part(cut, len(numbers))
    assert np.array_equal(wanted.of_points(part, before), whole[cut:], equal_nan=True)
    derived = wanted.of_cells(cells_of(*part, size), size, before)
    at = {int(step): value for step, value in zip(points.steps, whole, strict=True)}
    for step, value in zip(derived.steps.tolist(), derived.values.tolist(), strict=True):
        assert value == at[step] or (math.isnan(value) and math.isnan(at[step]))
    if len(part.steps):
        assert np.array_equal(derived.values[-1:], whole[-1:], equal_nan=True)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(-4, 12).map(lambda quarters: quarters / 4)),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 50),
)
def test_steps_per_s_is_steps_over_seconds_of_the_window(gaps: list[tuple[int, float]], window: int) -> None:
    steps = np.cumsum([gap for gap, _ in gaps])
    times = np.cumsum([passed for _, passed in gaps])
    found = parse(f"steps_per_s({window})").of_points(Points(steps, times, np.zeros(len(gaps))))
    assert math.isnan(found[0])
    for place in range(1, len(gaps)):
        since = max(0, place - window)
        passed = float(times[place] - times[since])
        if passed > 0:
            assert found[place] == pytest.approx(int(steps[place] - steps[since]) / passed)
        else:
            assert math.isnan(found[place])


@pytest.mark.parametrize("name", ["steps_per_s", "steps_per_s(100)", "throughput(10)"])
def test_even_pace_is_the_same_from_points_and_cells(name: str) -> None:
    points = points_of([0.0] * 4000, step=3, seconds=0.5)
    wanted = parse(name)
    assert wanted.of_points(points)[1:] == pytest.approx(6.0)
    assert wanted.of_cells(cells_of(*points, 64), 64).values == pytest.approx(6.0)


def test_a_part_derived_with_its_reach_is_the_part_of_the_whole() -> None:
    rng = np.random.default_rng(1)
    points = Points(np.arange(500) * 2, np.cumsum(rng.random(500)), rng.normal(size=500))
    for text in ("ma(7)", "rate", "steps_per_s(20)", "throughput(20)", "ema(0.5)"):
        wanted = parse(text)
        start = 300 - wanted.reach
        part = wanted.of_points(points.part(start, 500))[wanted.reach :]
        assert part == pytest.approx(wanted.of_points(points)[300:], nan_ok=True)


def test_infinities_show_in_a_rate() -> None:
    found = windowed_rate(np.array([0.0, 1.0, 2.0, 2.0]), np.array([1.0, math.inf, 3.0, 4.0]), 1)
    assert np.array_equal(found, [math.nan, math.inf, -math.inf, math.nan], equal_nan=True)
    assert len(windowed_rate(np.empty(0), np.empty(0), 5)) == 0


def test_best_asks_the_name_which_way() -> None:
    wanted = parse("best")
    loss, accuracy = wanted.for_metric("eval/loss", {}), wanted.for_metric("eval/accuracy", {})
    assert loss is not None
    assert accuracy is not None
    assert (loss.better, accuracy.better) == ("min", "max")
    assert wanted.for_metric("lr", {}) is None
    assert parse("best(max)").for_metric("lr", {}) is not None


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("ma(0)", "out of range", "1 to"),
        ("ma(1.5)", "out of range", "1 to"),
        ("ma(3,4)", "out of range", "1 to"),
        ("ma(many)", "out of range", "1 to"),
        ("ema(1)", "out of range", "below 1"),
        ("rate(3)", "out of range", "rate nothing"),
        ("steps_per_s(0)", "out of range", "1 to"),
        ("best(least)", "no way to be best", "best(min)"),
        ("besst", "unknown derived series 'besst'", "did you mean best?"),
        ("steps_per_sec", "unknown", "did you mean steps_per_s(15)?"),
        ("zz", "unknown", "use ma, ema"),
        ("ma(15", "unknown", "did you mean ma(15)?"),
        ("", "unknown", "use ma"),
    ],
)
def test_wrong_names_and_amounts_are_refused(text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_every_name_is_listed_as_it_is_spelled() -> None:
    assert list(ABOUT) == list(DEFAULTS)
    assert [row["name"] for row in names_known(NOTHING)] == list(DEFAULTS)
    for row in names_known(NOTHING):
        assert parse(row["spelled"]).name == row["name"]
        assert parse(f" {row['name']} ").amount == parse(row["spelled"]).amount


# -- throughput ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("tokens", "tokens"),
        ("train/num_tokens_seen", "tokens"),
        ("train/consumed_samples", "samples"),
        ("total_frames", "frames"),
        ("n_episodes", "episodes"),
        ("num_input_tokens_seen", "tokens"),
        ("image-count", "images"),
        ("tokens_per_s", None),
        ("loss", None),
        ("tokens_loss", None),
        ("step", None),
        ("mean_tokens_length", None),
    ],
)
def test_counters_are_told_by_their_names(key: str, unit: str | None) -> None:
    assert counted_unit(key) == unit


@pytest.mark.parametrize(
    ("config", "world_size", "units"),
    [
        ({"global_batch_size": 512}, 8, (512, "samples")),
        ({"train/tokens_per_step": 4096, "global_batch_size": 8}, 1, (4096, "tokens")),
        ({"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}, 8, (64, "samples")),
        ({"batch_size": 32}, 1, (32, "samples")),
        ({"data": {"batch_size": 32}}, 1, (32, "samples")),
        ({"batch_size": 32}, 8, None),  # of one rank, or of all? nobody knows
        ({"batch_size": "32"}, 1, None),
        ({"batch_size": True}, 1, None),
        ({"batch_size": -1}, 1, None),
        ({}, 1, None),
    ],
)
def test_units_of_a_step_are_what_the_config_says_plainly(
    config: dict[str, Any], world_size: int, units: tuple[float, str] | None
) -> None:
    assert units_of_step(config, world_size) == units


def test_throughput_is_in_the_units_that_are_known() -> None:
    assert meaning("tokens", {}) == (None, "tokens/s")
    assert meaning("loss", {"config": {"batch_size": 8}}) == (8, "samples/s")
    assert meaning("loss", {"config": {"batch_size": 8}, "ranks": {"world_size": 2}}) == (1, "steps/s")
    assert meaning("loss", {"ranks": {"world_size": "many"}, "config": None}) == (1, "steps/s")
    points = points_of([0.0, 100.0, 300.0, 300.0], step=1, seconds=0.5)
    counter = parse("throughput(1)").for_metric("tokens", {})
    steps = parse("throughput(1)").for_metric("loss", {"config": {"batch_size": 8}})
    assert counter is not None
    assert steps is not None
    assert counter.of_points(points)[1:].tolist() == [200.0, 400.0, 0.0]
    assert steps.of_points(points)[1:].tolist() == [16.0, 16.0, 16.0]
