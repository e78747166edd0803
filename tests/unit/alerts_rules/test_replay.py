"""Replay over stored points and over tables."""

from __future__ import annotations

import json
import random

import pytest

from opengraphs.alerts import replay as replaying
from opengraphs.alerts.rules import MetricPoint, Rule, parse_rule, read_points
from opengraphs.errors import UsageError


def replay(rules: list[Rule], points: list[MetricPoint]) -> list[replaying.Firing]:
    """What rules alone find."""
    return replaying.replay(points, rules=rules, only_rules=True)


def curve(*, shift: float) -> list[MetricPoint]:
    chance = random.Random(1)
    return [
        MetricPoint("train/loss", n, n / 2, 1 + chance.gauss(0, 0.1) + shift * (n >= 400)) for n in range(800)
    ]


def test_firing_has_the_documented_keys_and_the_onset() -> None:
    rule = parse_rule("jump: train/loss > 1.5 * median(train/loss, 100) for 10 after 200 !critical")
    (firing,) = replay([rule], curve(shift=5.0))
    assert set(firing) == {"detector", "metric", "level", "onset_step", "fired_step", "evidence"}
    assert (firing["detector"], firing["metric"], firing["level"]) == ("rule:jump", "train/loss", "error")
    assert (firing["onset_step"], firing["fired_step"]) == (400, 409)
    assert json.loads(json.dumps(firing, allow_nan=False)) == firing


def test_healthy_curve_fires_nothing() -> None:
    rule = parse_rule("train/loss > 1.5 * median(train/loss, 100) for 10 after 200")
    assert list(replay([rule], curve(shift=0.0))) == []


def test_firings_of_several_rules_come_in_order_of_time() -> None:
    rules = [parse_rule("b: train/loss > 3 for 20"), parse_rule("a: train/loss > 3 for 5")]
    assert [firing["detector"] for firing in replay(rules, curve(shift=5.0))] == ["rule:a", "rule:b"]


def test_metrics_of_one_step_are_one_record() -> None:
    points = [MetricPoint(metric, n, float(n), float(n)) for n in range(50) for metric in "ab"]
    assert replay([parse_rule("a != b")], points) == []


def test_silence_between_points_is_found_as_it_would_be_live() -> None:
    points = [MetricPoint("x", n, float(n), 1.0) for n in range(50)]
    points += [MetricPoint("x", n, 1000.0 + n, 1.0) for n in range(50, 60)]
    (firing,) = replay([parse_rule("age(x) > 60s for 2m")], points)
    assert firing["onset_step"] == firing["fired_step"] == 49
    assert 180 <= firing["evidence"]["value"] <= 180 + 2 * 950 / 20, "a gap is looked at twenty times"


def test_wide_table_gives_a_point_a_cell() -> None:
    lines = ["\ufeffstep,time,loss,lr\n", "\n", "1,10.5,0.5,\n", '2.0, 11,"nan", 1e-3\n', "3,,-Infinity,\n"]
    assert [str(point) for point in read_points(lines)] == [
        str(MetricPoint(*one))
        for one in [
            ("loss", 1, 10.5, 0.5),
            ("loss", 2, 11.0, float("nan")),
            ("lr", 2, 11.0, 0.001),
            ("loss", 3, 0.0, float("-inf")),
        ]
    ]


def test_long_table_is_what_export_writes() -> None:
    lines = ["run_id,metric,rank,step,time,value", "r,train/loss,0,1,10.0,0.5", "r,lr,,1,10.0,"]
    assert list(read_points(lines)) == [MetricPoint("train/loss", 1, 10.0, 0.5)]


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        ([], "no header line", "step"),
        (["iteration,loss"], "line 1: no column named step", "iteration, loss"),
        (["step,time"], "line 1: no column besides step and time", "each metric"),
        (["step,a,b,a"], "line 1: the column 'a' stands twice", ""),
        (["step,a", "1,2", "2,oops"], "line 3: a is 'oops'", "nan, inf, or empty"),
        (["step,a", "1,2", "x,2"], "line 3: step is 'x'", "a whole number"),
        (["step,a", "1.5,2"], "line 2: step is '1.5'", "a whole number"),
        (["step,a", "nan,2"], "line 2: step is 'nan'", ""),
        (["step,a", "1e300,2"], "line 2: step is '1e300'", ""),
        (["step,time,a", "1,inf,2"], "line 2: time is 'inf'", "epoch seconds"),
        (["step,time,a", "1,noon,2"], "line 2: time is 'noon'", ""),
        (["step,a", "", "1,2,3"], "line 3: 3 cells where the header has 2", ""),
        (["step,a", '1,"2'], "line 2: no CSV", ""),
    ],
)
def test_bad_table_is_told_with_its_line(lines: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(read_points(lines, path="runs.csv"))
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint
    assert caught.value.path == "runs.csv"
