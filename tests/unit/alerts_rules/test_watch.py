"""From readings to firings: how long, from where, how often."""

from __future__ import annotations

import math
from typing import Any

import pytest

from opengraphs.alerts.rules import Change, RuleWatch, parse_rule


def lived(text: str, points: list[tuple[int, float]], *, every_s: float = 1.0) -> list[tuple[str, int, int]]:
    """kind, onset and step of each change; the nth point has the time n * every_s."""
    rule = parse_rule(text)
    stream, watch = rule.compile(), RuleWatch(rule)
    found: list[Change | None] = []
    for n, (step, value) in enumerate(points):
        found += [watch.take(reading) for reading in stream.update("x", step, n * every_s, value)]
    return [(change.kind, change.onset_step, change.step) for change in found if change is not None]


def rows(*runs: tuple[int, float]) -> list[tuple[int, float]]:
    """(3, 9.0), (2, 1.0) are three points of 9 and two of 1, at steps from 0."""
    values = [value for count, value in runs for _ in range(count)]
    return list(enumerate(values))


def test_fires_once_and_resolves_when_cold_for_twice_as_long() -> None:
    assert lived("x > 5 for 3", rows((10, 1), (20, 9), (20, 1))) == [("fired", 10, 12), ("resolved", 10, 35)]
    assert lived("x > 5", rows((1, 9), (5, 1))) == [("fired", 0, 0), ("resolved", 0, 2)]


def test_points_must_hold_in_a_row() -> None:
    assert lived("x > 5 for 3", rows((2, 9), (1, 1), (2, 9), (1, 1))) == []


def test_unknown_points_neither_end_nor_resolve() -> None:
    assert lived("x > 5 for 3", rows((2, 9), (5, math.nan), (1, 9), (50, math.nan))) == [("fired", 0, 7)]


def test_short_relief_is_no_end() -> None:
    assert lived("x > 5 for 3", rows((3, 9), (5, 1), (3, 9))) == [("fired", 0, 2)]


def test_steps_and_seconds_are_measured_and_not_counted() -> None:
    by_ten = [(10 * step, value) for step, value in rows((10, 9))]
    assert lived("x > 5 for 20 steps", by_ten) == [("fired", 0, 20)]
    assert lived("x > 5 for 30s", rows((10, 9)), every_s=12.0) == [("fired", 0, 3)]
    assert lived("x > 5 for 30s", rows((10, 9)), every_s=1.0) == []


def test_readings_before_after_do_not_count() -> None:
    assert lived("x > 5 for 3 after 7", rows((20, 9))) == [("fired", 7, 9)]


@pytest.mark.parametrize(
    ("cooldown", "kind"), [("", "reopened"), ("cooldown 5", "fired"), ("cooldown 4s", "fired")]
)
def test_inside_the_cooldown_the_same_alert_opens_again(cooldown: str, kind: str) -> None:
    changes = lived(f"x > 5 {cooldown}", rows((1, 9), (8, 1), (1, 9)))
    assert changes == [("fired", 0, 0), ("resolved", 0, 2), (kind, 9, 9)]
    assert lived("x > 5 cooldown 20 steps", rows((1, 9), (8, 1), (1, 9)))[-1][0] == "reopened"


def test_repeated_step_is_one_point() -> None:
    assert lived("x > 5 for 3", [(0, 9), (0, 9), (0, 9), (1, 9)]) == []
    assert lived("x > 5 for 3", [(0, 9), (0, 9), (1, 9), (2, 9)]) == [("fired", 0, 2)]


def test_restart_from_an_earlier_step_begins_to_wait_anew() -> None:
    back = [(0, 1), (1, 1), (2, 9), (3, 9), (1, 9), (2, 9), (3, 9), (4, 9)]
    assert lived("x > 5 for 3", back) == [("fired", 1, 3)]


def test_ticks_count_seconds_and_no_points() -> None:
    rule = parse_rule("age(x) > 10s for 5s !error")
    stream, watch = rule.compile(), RuleWatch(rule)
    stream.update("x", 3, 100.0, 1.0)
    changes = [watch.take(reading) for now in range(101, 130) for reading in stream.tick(float(now))]
    (change,) = [change for change in changes if change is not None]
    assert (change.kind, change.detector, change.level) == ("fired", "rule:age(x) > 10s", "error")
    assert (change.time, change.onset_step, change.metric) == (116.0, 3, "x")
    assert change.evidence["value"] == 16.0
    assert watch.firing() == ["x"]


def test_tick_fires_a_rule_that_waits_for_nothing() -> None:
    rule = parse_rule("age(x) > 10s")
    stream, watch = rule.compile(), RuleWatch(rule)
    for reading in stream.update("x", 3, 100.0, 1.0):
        watch.take(reading)
    assert [change.kind for reading in stream.tick(111.0) if (change := watch.take(reading))] == ["fired"]


def test_each_instance_has_a_life_of_its_own() -> None:
    rule = parse_rule("*/loss > 5 for 2")
    stream, watch = rule.compile(), RuleWatch(rule)
    found = []
    for n in range(6):
        values = {"a/loss": 9.0, "b/loss": 9.0 if n > 2 else 1.0}
        found += [watch.take(reading) for reading in stream.record(n, float(n), values)]
    assert [(one.metric, one.step) for one in found if one] == [("a/loss", 1), ("b/loss", 4)]
    assert watch.firing() == ["a/loss", "b/loss"]


def test_damaged_state_is_refused_and_nothing_fires() -> None:
    rule = parse_rule("x > 5")
    stream, watch = rule.compile(), RuleWatch(rule)
    watch.take(stream.update("x", 0, 0.0, 9.0)[0])
    saved = watch.state()
    damages: list[Any] = [None, 3, {"x": None}, {"x": []}, {"x": [True, [1], None, None, None]}]
    for damage in damages:
        assert not watch.restore(damage)
        assert watch.firing() == []
    assert watch.restore(saved)
    assert watch.firing() == ["x"]
