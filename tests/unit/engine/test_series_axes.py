"""Curves over another metric, and over axes that fall back, against a slow reading of the same points."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine import EngineStore, answer, scan
from opengraphs.engine.metricaxis import MetricAxis
from opengraphs.engine.strip import Column, Points
from opengraphs.errors import NotFoundError, UsageError

RUN = "20261122-093012-k7f3"
NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
Row = tuple[float, float]


@pytest.fixture(autouse=True)
def small_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred points have all levels."""
    for module in ("lane", "strip", "answer", "digest", "metricaxis"):
        for name, size in (("FINE", 4), ("COARSE", 16), ("CHUNK", 32)):
            monkeypatch.setattr(f"opengraphs.engine.{module}.{name}", size, raising=False)
    monkeypatch.setattr("opengraphs.engine.metricaxis._PIECE", 23)
    monkeypatch.setattr(scan, "PIECE", 29)
    monkeypatch.setattr(scan, "_HELD", 60)


class Run:
    """One run in a store of its own; records may be appended while the engine is open."""

    def __init__(self, root: Path, *, live: bool = False, **facts: Any) -> None:
        self.folder = root / "store" / "runs" / RUN
        (self.folder / "metrics").mkdir(parents=True)
        (self.folder / "run.json").write_text(json.dumps(facts))
        if not live:
            (self.folder / "exit.json").write_text('{"code":0}')
        self.engine = EngineStore.open(root / "store", index_dir=root / "index")

    def log(self, records: list[dict[str, Any]], writer: str = "a0-r0") -> None:
        with (self.folder / "metrics" / f"{writer}.jsonl").open("a") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)

    def series(self, metric: str = "loss", **asked: Any) -> dict[str, Any]:
        return self.all(metric, **asked)[0]

    def all(self, metric: str = "loss", **asked: Any) -> list[dict[str, Any]]:
        self.engine.scan()
        found: list[dict[str, Any]] = self.engine.series({"runs": [RUN], "metrics": [metric], **asked})[
            "series"
        ]
        return found


@pytest.fixture
def run(tmp_path: Path) -> Any:
    made = Run(tmp_path)
    yield made
    made.engine.close()


def number(value: Any) -> float:
    return NUMBERS[value] if isinstance(value, str) else value


def shown(curve: dict[str, Any]) -> list[Row]:
    return [(x, number(y)) for x, y in zip(curve["x"], curve["y"], strict=True)]


def check_thinned(got: list[Row], rows: list[Row], columns: int) -> None:
    """Real points in order of places, M4 of them."""
    assert [x for x, _ in got] == sorted(x for x, _ in got)
    assert len(got) <= 4 * columns
    known = {(x, repr(y)) for x, y in rows}
    assert all((x, repr(y)) in known for x, y in got)
    if not rows:
        assert got == []
        return
    ordered = sorted(rows, key=lambda row: row[0])
    assert repr(got[0][1]) == repr(ordered[0][1])
    assert repr(got[-1][1]) == repr(ordered[-1][1])
    finite = [y for _, y in rows if math.isfinite(y)]
    if finite:
        visible = [y for _, y in got if math.isfinite(y)]
        assert (min(visible), max(visible)) == (min(finite), max(finite))


def check_columns(got: list[Row], rows: list[Row], columns: int, span: list[float] | None) -> None:
    """Exactly the extremes of every column."""
    xs = [x for x, _ in rows]
    low, high = span or (min(xs), max(xs))
    if high <= low:
        return

    def extremes(points: list[Row]) -> dict[int, tuple[float, float]]:
        found: dict[int, list[float]] = {}
        for x, y in points:
            column = min(int((x - low) * (columns / (high - low))), columns - 1)
            if math.isfinite(y):
                found.setdefault(column, []).append(y)
        return {column: (min(ys), max(ys)) for column, ys in found.items()}

    assert extremes(got) == extremes(rows)


places = st.one_of(
    st.just("rising"), st.just("anything"), st.just("flat"), st.just("rarely"), st.just("not always finite")
)


def place_of(kind: str, step: int, rng: np.random.Generator) -> Any:
    if kind == "rising":
        return step * 100 + int(rng.integers(0, 100))
    if kind == "flat":
        return step // 40
    if kind == "rarely":
        return step * 7 if step % 5 == 0 else None
    if kind == "not always finite":
        return str(rng.choice(["NaN", "Infinity"])) if rng.random() < 0.2 else step * 3
    return float(rng.integers(-50, 50)) / 4


@settings(max_examples=60, deadline=None)
@given(
    places, st.integers(0, 700), st.integers(1, 30), st.integers(0, 10_000), st.sampled_from([None, 0.2, 0.6])
)
def test_curve_over_a_metric_is_that_of_the_paired_points(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    count: int,
    columns: int,
    seed: int,
    part: float | None,
) -> None:
    rng = np.random.default_rng(seed)
    run = Run(tmp_path_factory.mktemp("axis"))
    records, rows, left_out = [], [], {"missing": 0, "nonfinite": 0}
    for step in range(count):
        value = "NaN" if rng.random() < 0.05 else float(rng.integers(-1000, 1000)) / 8
        place = place_of(kind, step, rng)
        metrics = {"loss": value} if place is None else {"loss": value, "tokens": place}
        records.append({"step": step, "time": 1.7e9 + step, "metrics": metrics})
        if place is None:
            left_out["missing"] += 1
        elif not math.isfinite(number(place)):
            left_out["nonfinite"] += 1
        else:
            rows.append((float(place), number(value)))
    run.log([{"step": 5000, "time": 2e9, "metrics": {"tokens": 3}}, *records])
    span = None
    if part is not None and rows:
        high = sorted(x for x, _ in rows)[int((len(rows) - 1) * part)]
        span = [min(x for x, _ in rows) + 0.5, high + 0.5]
        span = span if span[0] <= span[1] else None
    if count == 0:
        with pytest.raises(NotFoundError):
            run.series(x="metric:tokens")
        run.engine.close()
        return
    curve, best = run.all(x="metric:tokens", columns=columns, range=span, smooth=["best(min)"])
    run.engine.close()
    inside = [row for row in rows if span is None or span[0] <= row[0] <= span[1]]
    assert curve["left_out"] == best["left_out"] == left_out
    assert curve["points"] == len(inside)
    assert curve["nonfinite"]["nan"] == sum(math.isnan(y) for _, y in inside)
    assert curve["nonfinite"]["at"] == sorted(x for x, y in inside if not math.isfinite(y))[-64:]
    finite = [y for _, y in inside if math.isfinite(y)]
    assert curve["min"] == (min(finite) if finite else None)
    assert curve["max"] == (max(finite) if finite else None)
    check_thinned(shown(curve), inside, columns)
    if inside and kind in ("anything",):
        check_columns(shown(curve), inside, columns, span)
    if finite and span is None:
        assert min(y for _, y in shown(best) if math.isfinite(y)) == min(finite)


def test_axis_grows_with_its_lanes(tmp_path: Path) -> None:
    run = Run(tmp_path, live=True)
    for start in range(0, 400, 37):
        stop = start + 37
        run.log([{"step": s, "time": 1.7e9 + s, "metrics": {"loss": s % 7}} for s in range(start, stop)])
        run.log(  # the axis is some steps behind its curve
            [
                {"step": s, "time": 1.7e9 + s, "metrics": {"tokens": s * 10}}
                for s in range(max(0, start - 5), stop - 5)
            ],
            writer="mirror-a0-r0",
        )
        run.engine.scan()
        run.engine.poll()
        curve = run.series(x="metric:tokens", columns=4000)
        assert curve["x"] == [s * 10 for s in range(stop - 5)]
        assert curve["y"] == [s % 7 for s in range(stop - 5)]
        assert curve["left_out"] == {"missing": 5, "nonfinite": 0}
        assert curve["last"]["step"] == stop - 6
        thin = run.series(x="metric:tokens", columns=3)
        assert (thin["points"], thin["max"]) == (stop - 5, 6)
    run.engine.close()


def test_axis_of_ranks_and_restarts_is_that_of_their_series(tmp_path: Path) -> None:
    run = Run(tmp_path, live=True)
    for start in range(0, 200, 23):
        for rank in (0, 1):
            run.log(
                [
                    {"step": s, "time": 1.7e9 + s, "metrics": {"loss": s + rank, "tokens": s * 10}}
                    for s in range(start, start + 23)
                ],
                writer=f"a0-r{rank}",
            )
        run.engine.scan()
        run.engine.poll()
        curve = run.series(x="metric:tokens", columns=4000)
        assert curve["x"] == [s * 10 for s in range(start + 23)]
        assert curve["y"] == [s + 0.5 for s in range(start + 23)]
    for rank in (0, 1):  # both go back to step 100
        run.log(
            [
                {"step": s, "time": 1.8e9 + s, "metrics": {"loss": -s, "tokens": s * 10}}
                for s in range(100, 120)
            ],
            writer=f"a0-r{rank}",
        )
    run.engine.scan()
    run.engine.poll()
    again = dict(zip((curve := run.series(x="metric:tokens", columns=4000))["x"], curve["y"], strict=True))
    assert again[1000] == -100
    assert again[1190] == -119
    assert again[990] == 99.5
    assert curve["points"] == len(again)
    run.engine.close()


def column_of(steps: list[int], values: list[float]) -> Column:
    made = Column()
    made.extend(Points(np.array(steps, np.int64), np.array(steps, float), np.array(values, float)))
    return made


def test_parts_of_a_metric_axis_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(3)
    steps = np.flatnonzero(rng.random(500) < 0.7).tolist()
    others = np.flatnonzero(rng.random(500) < 0.7).tolist()
    axis = MetricAxis().update(
        column_of(steps, [s / 3 for s in steps]), column_of(others, [s * 2.0 for s in others])
    )
    both = sorted(set(steps) & set(others))
    assert axis.n == len(both)
    assert axis.x_rises
    points, x = axis.read_placed(0, axis.n)
    assert (points.steps.tolist(), x.tolist()) == (both, [step * 2.0 for step in both])
    for first in range(0, axis.n, 13):
        for last in range(first, axis.n, 29):
            part, places_of = axis.read_placed(first, last)
            assert part.steps.tolist() == both[first:last]
            assert places_of.tolist() == [step * 2.0 for step in both[first:last]]
            for size in (4, 16):
                cells, placed = axis.cells(first, last, size), axis.x_cells(first, last, size)
                assert int(cells["n"].sum()) == int(placed["n"].sum()) == last - first
    for place in (-1.0, 0.0, 301.0, both[40] * 2.0, 5000.0):
        assert axis.find("x", place) == sum(step * 2.0 < place for step in both)
        assert axis.find("x", place, right=True) == sum(step * 2.0 <= place for step in both)


def test_axis_that_could_not_be_read_is_not_half_there(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = list(range(100))
    series, over = column_of(steps, [1.0] * 100), column_of(steps, [2.0] * 100)
    axis = MetricAxis()
    read, calls = over.read, 0

    def fails_once(first: int, last: int) -> Points:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise OSError("the disk is gone")
        return read(first, last)

    monkeypatch.setattr(over, "read", fails_once)
    with pytest.raises(OSError, match="the disk is gone"):
        axis.update(series, over)
    assert axis.update(series, over).n == 100
    assert axis.read(0, 100).steps.tolist() == steps


def test_rank_is_drawn_over_its_own_axis_where_it_has_one(run: Run) -> None:
    for rank in (0, 1):
        run.log(
            [{"step": s, "time": s, "metrics": {"loss": rank, "tokens": s * (rank + 1)}} for s in range(5)],
            writer=f"a0-r{rank}",
        )
    run.log([{"step": s, "time": s, "metrics": {"loss": 2}} for s in range(5)], writer="a0-r2")
    curves = run.all(x="metric:tokens", ranks="each")
    assert [curve["x"][-1] for curve in curves] == [4, 8, 6]  # a rank without: the mean of those that have
    assert [curve["rank"] for curve in curves] == [0, 1, 2]


def test_axis_that_no_run_has_is_named(run: Run) -> None:
    run.log([{"step": 1, "time": 1, "metrics": {"loss": 1, "tokens": 2}}])
    with pytest.raises(NotFoundError, match="tokns") as caught:
        run.series(x="metric:tokns")
    assert "tokens" in caught.value.hint
    with pytest.raises(UsageError, match="metric:KEY"):
        run.series(x="metric:")
    with pytest.raises(UsageError, match="metric:KEY") as caught_usage:
        run.series(x="relativ")
    assert "relative" in caught_usage.value.hint


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 500),
    st.integers(1, 25),
    st.integers(0, 10_000),
    st.sampled_from([None, (100.0, 300.0)]),
    st.sampled_from(["time", "relative"]),
)
def test_clock_that_went_back_leaves_nothing_out(
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    columns: int,
    seed: int,
    span: tuple[float, float] | None,
    axis: str,
) -> None:
    rng = np.random.default_rng(seed)
    run = Run(tmp_path_factory.mktemp("clock"))
    times = [10.0 + float(s - (200 if s > count // 2 else 0) + rng.integers(0, 3)) for s in range(count)]
    values = ["Infinity" if rng.random() < 0.05 else float(rng.integers(-99, 99)) for _ in range(count)]
    run.log(
        [
            {"step": s, "time": time, "metrics": {"loss": value}}
            for s, (time, value) in enumerate(zip(times, values, strict=True))
        ]
    )
    curve, derived = run.all(x=axis, columns=columns, range=span, smooth=["steps_per_s(1)"])
    run.engine.close()
    zero = times[0] if axis == "relative" else 0.0
    rows = [(time - zero, number(value)) for time, value in zip(times, values, strict=True)]
    inside = [row for row in rows if span is None or span[0] <= row[0] <= span[1]]
    assert curve["points"] == len(inside)
    assert derived["points"] <= len(inside)
    check_thinned(shown(curve), inside, columns)
    if inside and any(b < a for a, b in pairwise(times)):
        check_columns(shown(curve), inside, columns, list(span) if span else None)
    if inside:
        steps = [s for s, row in enumerate(rows) if row in inside]
        assert (curve["first_step"], curve["last_step"]) == (min(steps), max(steps))
        assert curve["last"]["step"] == max(steps)


def test_same_question_is_not_computed_again_until_a_point_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path, live=True)
    run.log([{"step": s, "time": s, "metrics": {"loss": s}} for s in range(10)])
    calls: list[Any] = []
    compute = answer.curves
    monkeypatch.setattr(answer, "curves", lambda *asked: calls.append(asked) or compute(*asked))
    first, again = run.series(), run.series()
    assert first == again
    assert len(calls) == 1
    run.series(columns=7)
    assert len(calls) == 2
    run.log([{"step": 10, "time": 10, "metrics": {"loss": 10}}])
    run.engine.scan()
    run.engine.poll()
    assert run.series()["last"]["value"] == 10
    assert len(calls) == 3
    run.engine.close()
