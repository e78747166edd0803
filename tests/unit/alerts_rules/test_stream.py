"""Points in, readings out: unknown values, globs, the clock, late points, restarts, state."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.alerts.rules import CompiledRule, Reading, RuleWatch, parse_rule
from opengraphs.alerts.rules import compiled as compiled_module


def stream(text: str) -> CompiledRule:
    return parse_rule(text).compile()


def hots(rule: CompiledRule, metric: str, values: list[float]) -> list[bool | None]:
    return [rule.update(metric, n, float(n), value)[0].hot for n, value in enumerate(values)]


def test_comparison_with_nan_is_not_known() -> None:
    assert hots(stream("x > 5"), "x", [6.0, math.nan, 4.0, math.inf, -math.inf]) == [
        True,
        None,
        False,
        True,
        False,
    ]
    assert hots(stream("nan(x)"), "x", [6.0, math.nan, 4.0, math.inf]) == [False, True, False, True]


def test_missing_metric_makes_only_what_needs_it_unknown() -> None:
    rule = stream("x > 5 and y > 1")
    assert hots(rule, "x", [6.0, 4.0]) == [None, False]
    either = stream("x > 5 or y > 1")
    assert hots(either, "x", [6.0, 4.0]) == [True, None]
    assert hots(stream("not (x > 5 and y > 1)"), "x", [6.0, 4.0]) == [None, True]


def test_division_by_zero_is_not_known() -> None:
    assert hots(stream("1 / x > 5"), "x", [0.0, 0.1, 1.0]) == [None, True, False]


def test_metrics_that_are_not_named_change_nothing() -> None:
    rule = stream("x > 5")
    assert rule.update("y", 1, 1.0, 9.0) == ()
    assert rule.wants("x")
    assert not rule.wants("y")


def test_evidence_names_every_operand_and_the_threshold() -> None:
    rule = parse_rule("kl: mean(train/kl, 2)  > 3 * last(base) and lr > 0 and not nan(train/kl)").compile()
    rule.record(1, 1.0, {"train/kl": 4.0, "base": 1.0, "lr": 0.1})
    (reading,) = rule.record(2, 2.0, {"train/kl": 8.0})
    assert (reading.hot, reading.value, reading.threshold) == (True, 6.0, 3.0)
    assert (reading.step, reading.time, reading.metric, reading.ticked) == (2, 2.0, "train/kl", False)
    assert reading.evidence == {
        "when": "mean(train/kl, 2) > 3 * last(base) and lr > 0 and not nan(train/kl)",
        "value": 6.0,
        "threshold": 3.0,
        "mean(train/kl, 2)": 6.0,
        "3 * last(base)": 3.0,
        "lr": 0.1,
        "train/kl": 8.0,
        "last(base)": 1.0,
        "base": 1.0,
        "nan(train/kl)": False,
    }


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("x > 0.5", "threshold"),
        ("0.5 < ema(x, 1)", "threshold"),
        ("q(last(x), 50%, 1) > 0.5", "threshold"),
        ("*x > 0.5", "threshold"),
        ("x / 2 > 0.1", "bound"),
        ("count(x > 0, 1) > 0.5", "bound"),
        ("x - y > 0.5", "bound"),
        ("age(x) < 0.5", "bound"),
    ],
)
def test_only_levels_of_the_metric_are_thresholds_on_its_curve(text: str, key: str) -> None:
    (reading,) = stream(text).record(1, 1.0, {"x": 1.0, "y": 0.0})
    assert reading.hot
    assert {"threshold", "bound"} & set(reading.evidence) == {key}
    assert reading.evidence[key] == reading.threshold


def test_metric_with_the_name_of_a_figure_does_not_replace_it() -> None:
    (reading,) = stream("threshold > 1 and value > 0").record(1, 1.0, {"threshold": 3.0, "value": 7.0})
    assert (reading.evidence["threshold"], reading.evidence["value"]) == (1.0, 3.0)


def test_evidence_stays_as_it_was_when_points_follow_and_is_json() -> None:
    rule = stream("nan(x)")
    (reading,) = rule.update("x", 1, 1.0, math.nan)
    rule.update("x", 2, 2.0, 3.0)
    assert json.loads(json.dumps(reading.evidence, allow_nan=False)) == {
        "when": "nan(x)",
        "value": "NaN",
        "nan(x)": True,
        "x": "NaN",
    }


def test_limit_on_the_left_is_still_the_threshold() -> None:
    (reading,) = stream("5 < x").update("x", 1, 1.0, 7.0)
    assert (reading.value, reading.threshold) == (7.0, 5.0)


def test_glob_makes_one_instance_for_each_metric_that_matches() -> None:
    rule = stream("*/loss > 5")
    readings = rule.record(1, 1.0, {"a/loss": 6.0, "b/loss": 1.0, "a/acc": 9.0, "loss": 9.0, "a/b/loss": 7.0})
    assert {reading.metric: reading.hot for reading in readings} == {
        "a/loss": True,
        "b/loss": False,
        "a/b/loss": True,
    }
    assert readings[0].evidence["when"] == "a/loss > 5"


def test_globs_of_one_rule_stand_for_the_same_text() -> None:
    rule = stream("*/loss > 5 and norm/* > 1 and lr > 0")
    rule.record(1, 1.0, {"lr": 0.1})
    values = {"a/loss": 6.0, "b/loss": 6.0, "norm/a": 2.0, "norm/b": 0.5, "norm/c": 2.0}
    found = {reading.metric: reading.hot for reading in rule.record(2, 2.0, values)}
    assert found == {"a/loss": True, "b/loss": False, "c/loss": None}
    (a, *_) = rule.instances()
    assert (a.metric, sorted(a.inputs), a.waiting) == ("a/loss", ["a/loss", "lr", "norm/a"], [])


def test_metric_that_a_rule_names_may_match_its_glob_too() -> None:
    rule = stream("*/loss > 2 * train/loss")
    rule.record(1, 1.0, {"eval/loss": 3.0})
    found = {reading.metric: reading.hot for reading in rule.record(2, 2.0, {"train/loss": 1.0})}
    assert found == {"eval/loss": True, "train/loss": False}


def test_quoted_name_is_no_glob() -> None:
    rule = stream('"a*" > 1')
    assert rule.update("ab", 1, 1.0, 5.0) == ()
    assert rule.update("a*", 1, 1.0, 5.0)[0].hot


def test_instances_are_bounded_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_module, "MAX_INSTANCES", 10)
    rule = stream("*/loss > 5")
    for _ in range(2):
        rule.record(1, 1.0, {f"{n}/loss": 1.0 for n in range(15)})
    assert (len(rule.instances()), rule.dropped) == (10, 5)


def test_age_grows_with_ticks_and_falls_with_a_point() -> None:
    rule = stream("age(x) > 30s")
    assert [reading.hot for reading in rule.tick(100.0)] == [None]
    assert rule.update("x", 5, 110.0, 1.0)[0].hot is False
    (quiet,) = rule.tick(141.0)
    assert (quiet.hot, quiet.value, quiet.step, quiet.ticked) == (True, 31.0, 5, True)
    rule.update("x", 6, 141.5, 1.0)
    assert rule.tick(142.0)[0].value == 0.5


def test_age_of_another_metric_is_asked_at_every_point() -> None:
    rule = stream("age(x) > 30 and y > 0")
    rule.update("x", 1, 100.0, 1.0)
    assert [rule.update("y", n, 100.0 + n, 1.0)[0].hot for n in (10, 30, 31)] == [False, False, True]


def test_point_from_the_far_future_makes_nothing_old() -> None:
    rule = stream("age(x) > 30s and missing(x, 30s)")
    rule.tick(100.0)
    rule.update("x", 1, 100.0, 1.0)
    rule.update("y", 2, 4e9, 1.0)
    assert rule.tick(101.0)[0].hot is False


def test_point_from_the_far_future_does_not_move_a_clock_that_ticks() -> None:
    rule = stream("age(x) > 30s and y > 0")
    rule.tick(100.0)
    rule.update("x", 1, 100.0, 1.0)
    assert rule.update("y", 2, 4e9, 1.0)[0].hot is False


def test_clock_that_jumps_back_makes_no_age_negative() -> None:
    rule = stream("age(x) > 30s")
    rule.update("x", 1, 1000.0, 1.0)
    rule.tick(2000.0)
    assert rule.tick(500.0)[0].value == 0.0


def test_missing_until_the_first_point_and_again_after_a_while() -> None:
    ever, lately = stream("missing(x)"), stream("missing(x, 1m)")
    assert ever.tick(0.0, step=7)[0][:1] + ever.tick(0.0)[0][2:3] == (True, 7)
    assert [lately.tick(now)[0].hot for now in (0.0, 60.0, 61.0)] == [False, False, True]
    for rule in (ever, lately):
        rule.update("x", 1, 70.0, 1.0)
        assert rule.tick(71.0)[0].hot is False
    assert ever.tick(1e6)[0].hot is False
    assert lately.tick(131.0)[0].hot is True


def test_rule_without_the_clock_answers_no_tick() -> None:
    rule = stream("x > 5")
    rule.update("x", 1, 1.0, 9.0)
    assert rule.tick(2.0) == ()
    assert not rule.is_timed


def test_single_point_at_a_lower_step_is_left_out() -> None:
    rule = stream("max(x, 2) > 5")
    found = [rule.update("x", step, 1.0, value) for step, value in [(1, 1), (3, 2), (2, 99), (4, 3)]]
    assert [[reading.value for reading in readings] for readings in found] == [[None], [2.0], [], [3.0]]
    assert rule.instances()[0].inputs["x"].late == 1


def test_second_rising_point_at_a_lower_step_is_a_restart() -> None:
    rule = stream("min(x, 3) > 5")
    for step, value in [(1, 1), (2, 2), (3, -50), (4, -60)]:
        rule.update("x", step, 1.0, value)
    rule.update("x", 3, 1.0, 3.0)
    readings = rule.update("x", 4, 1.0, 4.0)
    assert [(reading.value, reading.step) for reading in readings] == [(None, 3), (2.0, 4)]
    assert rule.instances()[0].inputs["x"].late == 0


def test_equal_parts_are_computed_once() -> None:
    rule = stream("median(x, 5) > 1 and median(x, 5) < 2 or (median(x, 5)) > 7")
    assert sum(node.keeps for node in rule.instances()[0]._order) == 1


TEXTS = [
    "x > 5",
    "ema(x, 4) > 1.05 * median(x, 9) and y > 0",
    "z(x, 5) > 1 or ratio(x, 4) > 1.2 or delta(x, 3) > 1",
    "slope(x, 6) > 0.1 and std(x, 5) < q(x, 80%, 7)",
    "max(x) > 2 * min(x) or mean(x) > std(x)",
    "count(x > 0.5, 6) >= 3 and count(x) > 3 and count(nan(x)) < 2",
    "age(x) > 3 or missing(y, 2s) or nan(x)",
    "*/x > 0.5 and y < mean(*/x, 3)",
]
VALUES = st.one_of(
    st.floats(-2, 2), st.sampled_from([math.nan, math.inf, -math.inf, 1e300, -1e160, 0.0, 5e-324])
)
POINTS = st.lists(
    st.tuples(st.sampled_from(["x", "y", "a/x", "b/x", "tick"]), st.integers(-2, 12), VALUES), max_size=80
)


def feed(rule: CompiledRule, watch: RuleWatch, points: list[tuple[str, int, float]], begin: int) -> list[Any]:
    """Everything a rule says about points; steps rise by the second number of each, or fall."""
    said: list[Any] = []
    step = begin
    for n, (metric, ahead, value) in enumerate(points):
        step += ahead
        now = float(step + n)
        readings = rule.tick(now) if metric == "tick" else rule.update(metric, step, now, value)
        said += [(repr(reading[:6]), reading.evidence, watch.take(reading)) for reading in readings]
    return said


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TEXTS), POINTS, POINTS)
def test_restored_stream_goes_on_as_if_nothing_had_happened(text: str, before: Any, after: Any) -> None:
    rule = parse_rule(text + " for 2")
    lived, watch = rule.compile(), RuleWatch(rule)
    feed(lived, watch, before, 0)
    saved = json.loads(json.dumps([lived.state(), watch.state()], allow_nan=False))
    again, watch_again = rule.compile(), RuleWatch(rule)
    assert again.restore(saved[0])
    watch_again.restore(saved[1])
    assert again.state() == lived.state()
    begin = lived.state()["step"]
    assert feed(again, watch_again, after, begin) == feed(lived, watch, after, begin)


def test_state_of_another_condition_or_damaged_is_refused() -> None:
    rule = stream("mean(x, 2) > 1")
    rule.update("x", 1, 1.0, 1.0)
    other = stream("mean(x, 3) > 1")
    assert not other.restore(rule.state())
    damages: list[Any] = [{}, None, [], {**rule.state(), "instances": [{}]}, {**rule.state(), "clock": 3}]
    damages += [{**rule.state(), "version": 99}, {**rule.state(), "instances": None}]
    for damage in damages:
        assert not rule.restore(damage)
        assert rule.update("x", 1, 1.0, 1.0)[0].value is None  # it began anew


def test_state_is_bounded_by_the_windows() -> None:
    rule = stream("mean(x, 100) > 1 and max(x) > 1 and ema(x, 10) > 1")
    for n in range(20_000):
        rule.update("x", n, float(n), random.random())
    assert len(json.dumps(rule.state())) < 30_000


@pytest.mark.parametrize("step", [19_995, 19_000, 10_000, 1000, 3])
def test_going_back_forgets_an_eighth_too_many_at_most(step: int) -> None:
    rule = stream("count(x) > 1")
    for n in range(20_000):
        rule.update("x", n, 1.0, 1.0)
    rule.update("x", step, 1.0, 1.0)
    _, reading = rule.update("x", step + 1, 1.0, 1.0)
    assert isinstance(reading.value, float)
    assert step + 2 - (20_000 - step) / 8 <= reading.value <= step + 2


HOSTILE: dict[str, list[tuple[int, float]]] = {
    "empty": [],
    "one point": [(0, 1.0)],
    "all NaN": [(n, math.nan) for n in range(200)],
    "all infinite": [(n, math.inf * (-1) ** n) for n in range(200)],
    "constant zero": [(n, 0.0) for n in range(200)],
    "one step": [(7, float(n)) for n in range(200)],
    "falling steps": [(200 - n, float(n)) for n in range(200)],
    "shuffled steps": [(n * 7919 % 211, float(n)) for n in range(200)],
    "sawtooth steps": [(n % 13, float(n)) for n in range(200)],
    "huge values": [(n, 1.7e308 * (-1) ** n) for n in range(200)],
    "huge steps": [(2**62 + n, float(n)) for n in range(200)],
    "huge gaps": [(n * 2**50, float(n)) for n in range(200)],
    "tiny values": [(n, 5e-324 * n) for n in range(200)],
    "spikes": [(n, 1e149 if n % 9 == 0 else 1e-9 * n) for n in range(200)],
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("text", TEXTS)
def test_hostile_series_end_in_readings_that_json_can_hold(text: str, name: str) -> None:
    rule = stream(text)
    readings: list[Reading] = []
    for n, (step, value) in enumerate(HOSTILE[name]):
        readings += rule.record(step, [0.0, 1e18, -5.0][n % 3], {"x": value, "y": 1.0, "a/x": value})
        readings += rule.tick(float(n))
    for reading in readings:
        json.dumps(reading.evidence, allow_nan=False)
    again = parse_rule(text).compile()
    assert again.restore(json.loads(json.dumps(rule.state(), allow_nan=False)))
