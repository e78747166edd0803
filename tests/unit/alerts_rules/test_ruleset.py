"""Several rules over one run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opengraphs.alerts.rules import Answer, RuleSet, parse_rule
from opengraphs.errors import UsageError

TEXTS = (
    "high: x > 5",
    "far: x > 2 * y",
    "any: */loss > 1",
    "mean: mean(x, 3) > 1",
    "quiet: age(x) > 10s",
    "no: z > 1",
)


def rules(*texts: str) -> RuleSet:
    return RuleSet(parse_rule(text) for text in texts)


def told(answers: list[Answer]) -> list[tuple[str, bool | None]]:
    return [(answer.rule.name, answer.reading.hot) for answer in answers]


def test_record_is_answered_by_the_rules_that_name_its_metrics() -> None:
    several = rules(*TEXTS)
    found = several.record(1, 1.0, {"x": 6.0, "y": 1.0, "lr": 0.1, "a/loss": 2.0})
    assert told(found) == [("high", True), ("far", True), ("any", True), ("mean", None), ("quiet", False)]
    assert told(several.record(2, 2.0, {"lr": 0.1})) == []
    assert told(several.record(3, 3.0, {"y": 9.0})) == [("far", False)]


def test_ticks_reach_rules_about_time_at_the_step_of_the_run() -> None:
    several = rules(*TEXTS)
    assert several.is_timed
    several.record(1, 1.0, {"x": 6.0})
    several.record(9, 2.0, {"lr": 1.0})
    (answer,) = several.tick(12.0)
    assert (answer.rule.name, answer.reading.hot, answer.reading.step) == ("quiet", True, 9)
    assert not rules("x > 5").is_timed


def test_rule_about_what_never_came_fires_after_its_step() -> None:
    several = rules("late: missing(eval/loss) after 1000")
    for step in (999, 1000):
        several.record(step, float(step), {"train/loss": 1.0})
        (answer,) = several.tick(float(step))
        assert (answer.reading.hot, answer.reading.step) == (True, step)


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="two rules are named 'x > 5'"):
        rules("x > 5", "x > 5 !error")


def test_restored_rules_go_on_and_changed_ones_begin_anew() -> None:
    several = rules(*TEXTS)
    for n in range(5):
        several.record(n, float(n), {"x": float(n)})
    saved = json.loads(json.dumps(several.state(), allow_nan=False))
    again = rules(*TEXTS[:3], "mean: mean(x, 4) > 1", TEXTS[4], "new: x > 0")
    assert again.restore(saved) == ["mean", "new"]
    assert told(again.tick(20.0)) == told(several.tick(20.0)) == [("quiet", True)]


@pytest.mark.parametrize("damage", [None, 3, {}, {"streams": 3}, {"streams": {"high": 7}}])
def test_damaged_state_begins_anew(damage: Any) -> None:
    several = rules("high: x > 5")
    assert several.restore(damage) == ["high"]
    assert told(several.record(1, 1.0, {"x": 6.0})) == [("high", True)]
