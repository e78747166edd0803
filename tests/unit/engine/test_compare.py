"""Runs side by side, against loops over the same points."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine import EngineStore, compare
from opengraphs.engine.strip import Column, Points
from opengraphs.errors import NotFoundError, UsageError
from opengraphs.records import Point

CASES = int(os.environ.get("OG_CASES", "100"))
"""The nightly recipe asks for ten thousand."""
ReadAll = Callable[[EngineStore], None]
VALUES = st.one_of(st.integers(-3, 3).map(float), st.sampled_from([math.nan, math.inf, -math.inf]))
A, B, C = "20261122-093012-aaaa", "20261122-093013-bbbb", "20261122-093014-cccc"


@st.composite
def series(draw: st.DrawFn) -> list[Point]:
    start, stride = draw(st.integers(0, 30)), draw(st.sampled_from([1, 2, 3, 10]))
    values = draw(st.lists(VALUES, max_size=60))
    return [Point(start + stride * at, 100.0 + at, value) for at, value in enumerate(values)]


def strip_of(points: list[Point]) -> Column:
    column = Column()
    if points:
        steps, times, values = zip(*points, strict=True)
        column.extend(Points(np.array(steps, np.int64), np.array(times), np.array(values)))
    return column


def like(one: Point | None, other: Point | None) -> bool:
    return repr(one) == repr(other)  # NaN is like NaN


@settings(max_examples=CASES, deadline=None)
@given(points=series(), better=st.sampled_from(["min", "max", None]))
def test_best_is_the_earliest_of_the_lowest_or_highest_finite_points(
    points: list[Point], better: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in ("compare", "strip"):
            patch.setattr(f"opengraphs.engine.{module}.COARSE", 8)
        standing = compare.standing_of(strip_of(points), better)
    if not points:
        assert standing is None
        return
    assert standing is not None
    finite = [point for point in points if math.isfinite(point.value)]
    best = None
    if better and finite:
        wanted = min if better == "min" else max
        best = wanted(finite, key=lambda point: point.value)  # the first among equals
    assert (standing.points, repr(standing.last)) == (len(points), repr(points[-1]))
    assert like(standing.best, best)


@settings(max_examples=CASES, deadline=None)
@given(runs=st.lists(series(), min_size=1, max_size=4))
def test_common_step_is_the_last_that_all_have_or_else_have_reached(runs: list[list[Point]]) -> None:
    found = compare.common_step([strip_of(points) for points in runs])
    steps = [{point.step for point in points} for points in runs]
    shared = set.intersection(*steps)
    if not all(runs):
        assert found.step is None
        return
    reached = min(points[-1].step for points in runs)
    if shared:
        assert found.step == max(shared)
    elif any(points[0].step > reached for points in runs):
        assert found.step is None
    else:
        assert found.step == reached
    for points, point in zip(runs, found.points, strict=True):
        before = [one for one in points if found.step is not None and one.step <= found.step]
        assert like(point, before[-1] if before else None)


# through a store


def fill(maker: Any) -> None:
    losses = {A: [3.0, 2.0, 1.0, 1.5], B: [4.0, 2.0, 0.5], C: []}
    for run_id, values in losses.items():
        maker.run(run_id, name=f"run-{run_id[-4:]}")
        records = [
            {"step": step, "time": 50.0 * step + int(run_id[14]), "metrics": {"loss": value, "lr": 0.1}}
            for step, value in enumerate(values)
        ]
        maker.append(records or [{"step": 0, "time": 1.0, "metrics": {"other": 1.0}}], run_id=run_id)


def test_runs_are_measured_against_the_first(maker: Any, read_all: ReadAll) -> None:
    fill(maker)
    engine = maker.open()
    read_all(engine)
    reply = engine.compare({"run_ids": ["aaaa", "bbbb", "cccc"], "metric_key": "loss", "smoothing": "ma(2)"})
    assert (reply["direction"], reply["equal_step"], reply["align_by"]) == ("min", 2, "step")
    first, second, third = reply["runs"]
    assert first["last"] == {"step": 3, "time": 152.0, "value": 1.5}
    assert first["best"] == {"step": 2, "time": 102.0, "value": 1.0}
    assert first["equal"]["value"] == 1.0
    assert first["delta"] == {"equal_step": None, "last": None, "best": None}
    assert first["series"]["y"] == [3.0, 2.0, 1.0, 1.5]
    assert first["smoothed"]["y"] == [3.0, 2.5, 1.5, 1.25]
    assert second["delta"] == {"equal_step": -0.5, "last": -1.0, "best": -0.5}
    assert set(second["verdict"].values()) == {"better"}
    assert (third["missing"], third["series"], third["points"], third["last"]) == (True, None, 0, None)
    assert set(third["verdict"].values()) == {"unknown"}
    assert reply["pending"] == {}


def test_value_that_another_program_rounded_to_float32_is_the_same() -> None:
    kept = 0.26799993
    whole, rounded, other = (
        Point(9, 0.0, value) for value in (kept, float(np.float32(kept)), kept * 1.000001)
    )
    assert whole.value != rounded.value
    assert compare.difference(rounded, whole) == 0.0
    assert compare.difference(other, whole) == other.value - whole.value


def test_time_counts_from_each_run_s_first_point_and_wall_time_is_there(maker: Any) -> None:
    fill(maker)
    engine = maker.open()
    request = {"run_ids": [A, B], "metric_key": "loss"}

    def places(align: str) -> list[list[float]]:
        return [run["series"]["x"] for run in engine.compare({**request, "align_by": align})["runs"]]

    assert places("time") == places("relative") == [[0, 50, 100, 150], [0, 50, 100]]
    assert places("wall") == [[2, 52, 102, 152], [3, 53, 103]]
    assert engine.compare({**request, "align_by": "relative"})["align_by"] == "time"


def test_range_and_width_bound_the_curve_and_not_what_is_said_of_the_run(maker: Any) -> None:
    fill(maker)
    engine = maker.open()
    reply = engine.compare({"run_ids": [A], "metric_key": "loss", "range": [0, 1], "downsample": 1})
    (run,) = reply["runs"]
    assert run["series"]["x"] == [0, 1]
    assert run["last"]["step"] == 3
    assert run["points"] == 4


def test_direction_can_be_overruled(maker: Any) -> None:
    fill(maker)
    engine = maker.open()
    reply = engine.compare({"run_ids": [A, B], "metric_key": "loss", "better": "max"})
    assert [run["best"]["value"] for run in reply["runs"]] == [3.0, 4.0]
    assert reply["runs"][1]["verdict"]["best"] == "better"
    neither = engine.compare({"run_ids": [A, B], "metric_key": "lr"})
    assert neither["direction"] is None
    assert [run["best"] for run in neither["runs"]] == [None, None]
    assert neither["runs"][1]["verdict"] == {"equal_step": "same", "last": "same", "best": "unknown"}


def test_ranks_are_merged_by_the_rule_of_the_engine(maker: Any, read_all: ReadAll) -> None:
    maker.run(A)
    for rank, value in enumerate((1.0, 3.0)):
        maker.append([{"step": 0, "time": 1.0, "metrics": {"loss": value}}], run_id=A, writer=f"a0-r{rank}")
    engine = maker.open()
    read_all(engine)
    (run,) = engine.compare({"run_ids": [A], "metric_key": "loss"})["runs"]
    assert run["last"]["value"] == 2.0


def test_value_that_is_no_number_has_no_delta_and_stays_visible(maker: Any) -> None:
    for run_id, value in ((A, 1.0), (B, "NaN")):
        maker.run(run_id)
        maker.append([{"step": 0, "time": 1.0, "metrics": {"loss": value}}], run_id=run_id)
    engine = maker.open()
    second = engine.compare({"run_ids": [A, B], "metric_key": "loss"})["runs"][1]
    assert second["last"]["value"] == "NaN"
    assert second["best"] is None
    assert second["delta"] == {"equal_step": None, "last": None, "best": None}


@pytest.mark.parametrize(
    ("request_", "kind", "words"),
    [
        ({"metric_key": "los"}, NotFoundError, "loss"),
        ({"run_ids": ["zzzz"]}, NotFoundError, "zzzz"),
        ({"run_ids": []}, UsageError, "at least 1 run"),
        ({"run_ids": "aaaa"}, UsageError, "list of names"),
        ({"run_ids": [str(number) for number in range(51)]}, UsageError, "at most 50 runs"),
        ({"metric": "loss"}, UsageError, "metric_key"),
        ({"align_by": "steps"}, UsageError, "did you mean step?"),
        ({"smoothing": "mean(3)"}, UsageError, "ma"),
        ({"downsample": 4001}, UsageError, "1 to 4000"),
        ({"downsample": True}, UsageError, "1 to 4000"),
        ({"better": "low"}, UsageError, "min or max"),
        ({"range": [1, "2"]}, UsageError, "low <= high"),
        ({"range": [1, 10**400]}, UsageError, "low <= high"),
        ({"metric_key": 3}, UsageError, "metric_key"),
    ],
)
def test_bad_request_says_what_was_meant(
    maker: Any, read_all: ReadAll, request_: dict[str, Any], kind: type[Exception], words: str
) -> None:
    fill(maker)
    engine = maker.open()
    read_all(engine)
    with pytest.raises(kind) as caught:
        engine.compare({"run_ids": [A, B], "metric_key": "loss", **request_})
    assert words in f"{caught.value} {caught.value.hint}"  # type: ignore[attr-defined]


def test_runs_nobody_has_read_are_pending_and_not_read_all_at_once(
    maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(maker)
    monkeypatch.setattr("opengraphs.engine.comparing.FIRST_LOOKS_S", 0.0)
    engine = maker.open()
    request = {"run_ids": [A, B], "metric_key": "loss"}
    reply = engine.compare(request)
    assert reply["pending"] == {A: 1.0, B: 1.0}
    assert [run["missing"] for run in reply["runs"]] == [True, True]
    while reply["pending"]:
        assert next(iter(engine.backlog())) in (A, B)  # what was asked about is read first
        engine.ingest_backlog(budget_s=0.0)
        reply = engine.compare(request)
    assert [run["points"] for run in reply["runs"]] == [4, 3]


def test_points_that_go_between_two_slices_are_nobody_else_s(maker: Any, read_all: ReadAll) -> None:
    fill(maker)
    engine = maker.open()
    read_all(engine)
    question = engine.compare_sliced({"run_ids": [A, B], "metric_key": "loss"})
    assert question.advance(-1.0) is None  # the first run's row is made
    (maker.path / "runs" / A / "metrics" / "a0-r0.jsonl").unlink()
    engine.scan()
    while (reply := question.advance(-1.0)) is None:
        pass
    first, second = reply["runs"]
    alone = engine.compare({"run_ids": [B], "metric_key": "loss"})["runs"][0]
    assert (first["run"], first["points"], first["equal"]) == (A, 0, None)
    assert (second["run"], second["equal"]) == (B, alone["equal"])
