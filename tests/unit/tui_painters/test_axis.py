"""Axes: nice numbers, labels of one form, bounds that stand still."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.tui.painters import axis
from opengraphs.tui.painters.axis import AxisState

numbers = st.floats(-1e12, 1e12).map(lambda v: v if abs(v) > 1e-12 else 0.0)


@settings(deadline=None)
@given(numbers, numbers)
def test_bounds_hold_the_data(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    floor, ceiling = axis.y_bounds(low, high)
    slack = (high - low) * 1e-6
    assert floor <= low + slack
    assert ceiling >= high - slack
    assert floor < ceiling


def test_bounds_go_to_zero_when_it_is_near() -> None:
    assert axis.y_bounds(0.2, 2.4) == (0.0, 2.5)
    assert axis.y_bounds(-2.4, -0.2) == (-2.5, 0.0)
    assert axis.y_bounds(95, 101)[0] > 90


def test_a_constant_series_has_room_on_both_sides() -> None:
    assert axis.y_bounds(3e-4, 3e-4) == pytest.approx((1.5e-4, 4.5e-4))
    assert axis.y_bounds(0, 0) == (-1.0, 1.0)


def test_y_stays_until_the_data_leaves_or_shrinks_to_less_than_half() -> None:
    state = AxisState()
    first = state.fit_y(0.0, 2.4)
    assert state.fit_y(0.1, 2.3) == first
    assert state.fit_y(0.0, 1.3) == first
    assert state.fit_y(0.0, 0.5) != first
    assert state.fit_y(0.0, 7.0)[1] >= 7.0


def test_live_x_axis_ends_at_a_nice_number_and_stays_there() -> None:
    state = AxisState()
    assert state.fit_x(0, 372, live=True) == (0.0, 400.0)
    assert state.fit_x(0, 399, live=True) == (0.0, 400.0)
    assert state.fit_x(0, 401, live=True) == (0.0, 500.0)
    assert state.fit_x(0, 401, live=False) == (0.0, 401)


@given(st.floats(1e-9, 1e15))
def test_nice_bound_is_the_next_one_up_and_wastes_a_third_at_most(value: float) -> None:
    bound = axis.nice_bound(value)
    assert value * (1 - 1e-9) <= bound <= value * 1.34


@settings(deadline=None)
@given(numbers, numbers, st.integers(1, 12))
def test_ticks_lie_inside_and_are_few(a: float, b: float, parts: int) -> None:
    low, high = min(a, b), max(a, b)
    found = axis.ticks(low, high, parts)
    span = high - low
    assert len(found) <= parts + 1
    assert all(low - span * 1e-6 <= tick <= high + span * 1e-6 for tick in found)


@pytest.mark.parametrize(
    ("positions", "shown"),
    [
        ([0.0, 0.5, 1.0], ["0", "0.5", "1.0"]),
        ([0.0, 500.0, 1000.0], ["0", "500", "1000"]),
        ([0.0, 10_000.0, 20_000.0], ["0", "10k", "20k"]),
        ([2e-4, 4e-4], ["2e-4", "4e-4"]),
        ([0.0, 2.5e6, 5e6], ["0", "2.5M", "5.0M"]),
        ([-1.0, 0.0, 1.0], ["-1", "0", "1"]),
        ([], []),
    ],
)
def test_labels_of_one_axis_have_one_form(positions: list[float], shown: list[str]) -> None:
    assert axis.labels(positions) == shown


def test_log_axis_shows_decades() -> None:
    ticks = axis.log_ticks(-5, 1, 8)
    assert axis.log_labels(ticks) == ["1e-5", "1e-4", "1e-3", "0.01", "0.1", "1", "10"]
    assert axis.log_labels(axis.log_ticks(math.log10(0.2), math.log10(3), 5)) == ["0.2", "0.5", "1", "2"]


def test_time_ticks_are_whole_units() -> None:
    assert axis.x_labels(axis.x_ticks(0, 600, 5, "relative"), "relative") == [
        "0",
        "2m",
        "4m",
        "6m",
        "8m",
        "10m",
    ]
    assert axis.x_labels([0.0, 7200.0], "relative") == ["0", "2h"]
    assert all(
        label.count(":") == 1 for label in axis.x_labels(axis.x_ticks(1.7e9, 1.7e9 + 7200, 4, "time"), "time")
    )


def test_step_ticks_are_whole_numbers() -> None:
    assert axis.x_ticks(0, 3, 10, "step") == [0.0, 1.0, 2.0, 3.0]
