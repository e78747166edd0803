"""Groups on a grid, against a slow and obvious reading of the same points."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine import EngineStore, group, groupgrid, groupkeys
from opengraphs.engine.strip import Column, Points
from opengraphs.errors import NotFoundError, UsageError

Row = tuple[int, float, float]
CASES = int(os.environ.get("OG_CASES", "60"))
"""The nightly recipe asks for ten thousand."""
ReadAll = Callable[[EngineStore], None]
VALUES = st.one_of(
    st.floats(-1e6, 1e6, allow_nan=False), st.sampled_from([math.nan, math.inf, -math.inf, 0.0])
)


@st.composite
def series(draw: st.DrawFn) -> list[Row]:
    """One run's points: steps rise by any stride; times rise, now and then not."""
    count = draw(st.integers(0, 120))
    stride = draw(st.sampled_from([1, 1, 3, 10]))
    step = draw(st.integers(0, 50))
    time = 1000.0 + draw(st.integers(0, 500))
    rows = []
    falls = draw(st.booleans())
    for number in range(count):
        rows.append((step, time, draw(VALUES)))
        step += stride * (1 if number % 7 else draw(st.integers(1, 3)))
        time += -3.0 if falls and number % 11 == 5 else draw(st.sampled_from([0.0, 0.5, 1.0]))
    return rows


def strip_of(rows: list[Row]) -> Column:
    column = Column()
    if rows:
        steps, times, values = zip(*rows, strict=True)
        column.extend(Points(np.array(steps, np.int64), np.array(times), np.array(values)))
    return column


def asked_of(**request: Any) -> group.GroupAsked:
    return group.parse_request({"metric_key": "loss", "by": "tag", **request})


def slow_values(
    rows: list[Row], asked: groupgrid.GridQuestion, grid: groupgrid.Grid, zero_s: float
) -> list[tuple[float, int]]:
    """Of each cell the mean of the finite values, NaN for none, and how many others there are."""
    cells: list[list[float]] = [[] for _ in range(grid.columns)]
    for step, time, value in rows:
        x = step if asked.axis == "step" else time - zero_s
        if not grid.low <= x <= grid.high or (asked.span and not asked.span[0] <= x <= asked.span[1]):
            continue
        cells[sum(1 for edge in grid.edges.tolist() if edge <= x)].append(value)
    found = []
    for cell in cells:
        finite = [value for value in cell if math.isfinite(value)]
        found.append((math.fsum(finite) / len(finite) if finite else math.nan, len(cell) - len(finite)))
    return found


@settings(max_examples=CASES, deadline=None)
@given(
    runs=st.lists(series(), min_size=1, max_size=5),
    columns=st.integers(1, 40),
    align=st.sampled_from(group.ALIGNS),
    span=st.sampled_from([None, [0, 60], [10.5, 200.0], [1000.0, 1050.0]]),
    cell=st.sampled_from([4, 512]),
)
def test_every_cell_is_the_mean_of_all_its_points(
    runs: list[list[Row]], columns: int, align: str, span: list[float] | None, cell: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("opengraphs.engine.groupgrid.COARSE", cell)
        patch.setattr("opengraphs.engine.groupgrid._CELLS_A_COLUMN", 0 if cell == 4 else 2)
        patch.setattr("opengraphs.engine.groupgrid._WINDOW", 16)
        for name, size in (("COARSE", cell), ("FINE", 2)):
            patch.setattr(f"opengraphs.engine.strip.{name}", size)
        asked = asked_of(columns=columns, align_by=align, range=span)
        strips = [strip_of(rows) for rows in runs]
        zeros = [asked.zero_of(rows[0][1]) if rows else 0.0 for rows in runs]
        extents = [
            groupgrid.extent_of(strip, asked.question, zero)
            for strip, zero in zip(strips, zeros, strict=True)
        ]
        drawn = [extent for extent in extents if extent is not None]
        for rows, zero, extent in zip(runs, zeros, extents, strict=True):
            x = [row[0] if asked.question.axis == "step" else row[1] - zero for row in rows]
            x = [place for place in x if span is None or span[0] <= place <= span[1]]
            assert extent == (groupgrid.Extent(min(x), max(x), len(x)) if x else None)
        if not drawn:
            return
        grid = groupgrid.Grid.over(drawn, asked.question)
        assert 1 <= grid.columns <= columns
        sums = [
            groupgrid.sums_on_grid(s, grid, asked.question, zero)
            for s, zero in zip(strips, zeros, strict=True)
        ]
        slow = [slow_values(rows, asked.question, grid, zero) for rows, zero in zip(runs, zeros, strict=True)]
        for fast, obvious in zip(sums, slow, strict=True):
            np.testing.assert_allclose(
                fast.values(), [value for value, _ in obvious], rtol=1e-9, atol=1e-9, equal_nan=True
            )
            assert fast.odd.tolist() == [odd for _, odd in obvious]
        check_curve(group.aggregate(sums, grid.centres()), slow, grid)


def check_curve(curve: dict[str, Any], slow: list[list[tuple[float, int]]], grid: groupgrid.Grid) -> None:
    """The curve of one group against loops over its runs."""
    at = 0
    for column, centre in enumerate(grid.centres()):
        values = [run[column][0] for run in slow if not math.isnan(run[column][0])]
        odd = sum(run[column][1] > 0 for run in slow)
        if not values and not odd:
            continue
        assert curve["x"][at] == centre
        assert (curve["n"][at], curve["nonfinite"][at]) == (len(values), odd)
        if values:
            expected = [math.fsum(values) / len(values), *np.percentile(values, [50, 95])]
            expected += [min(values), max(values)]
            found = [curve[name][at] for name in ("mean", "p50", "p95", "min", "max")]
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
        else:
            assert [curve[name][at] for name in ("mean", "p50", "p95", "min", "max")] == ["NaN"] * 5
        at += 1
    assert at == len(curve["x"])


def test_cells_hold_the_same_number_of_steps() -> None:
    rows = [(step, float(step), float(step)) for step in range(1000)]
    asked = asked_of(columns=300)
    strip = strip_of(rows)
    extent = groupgrid.extent_of(strip, asked.question, 0.0)
    assert extent is not None
    grid = groupgrid.Grid.over([extent], asked.question)
    assert (grid.width, grid.columns) == (4, 250)
    assert set(groupgrid.sums_on_grid(strip, grid, asked.question, 0.0).finite.tolist()) == {4}
    assert grid.centres()[:2] == [1.5, 5.5]


@pytest.mark.parametrize("columns", [20, 100])
@pytest.mark.parametrize("stride", [1, 7])
def test_long_runs_of_one_script_are_grouped_without_reading_a_point(
    stride: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asked_of(columns=columns)
    strips = [
        strip_of([(step * stride, float(step), float(step % 10)) for step in range(n)])
        for n in (60_000, 50_000)
    ]
    extents = [groupgrid.extent_of(strip, asked.question, 0.0) for strip in strips]
    grid = groupgrid.Grid.over([extent for extent in extents if extent is not None], asked.question)
    assert columns // 2 <= grid.columns <= columns
    for strip in strips:
        for size in (groupgrid.COARSE, groupgrid.FINE):
            strip.cells(0, strip.n, size)
        with monkeypatch.context() as patch:
            patch.setattr(Column, "read", lambda *_: pytest.fail("a point was read"))
            sums = groupgrid.sums_on_grid(strip, grid, asked.question, 0.0)
        assert sums.finite.sum() == strip.n
        assert sums.total.sum() == pytest.approx(4.5 * strip.n)


@pytest.mark.parametrize("align", ["step", "time"])
def test_long_runs_that_no_grid_fits_are_grouped_exactly(align: str) -> None:
    steps = np.cumsum(np.random.default_rng(1).integers(1, 4, 30_000))
    rows = [(int(step), float(step) / 3, float(step % 10)) for step in steps]
    asked = asked_of(columns=100, align_by=align)
    strip = strip_of(rows)
    extent = groupgrid.extent_of(strip, asked.question, 0.0)
    assert extent is not None
    grid = groupgrid.Grid.over([extent], asked.question)
    fast = groupgrid.sums_on_grid(strip, grid, asked.question, 0.0)
    obvious = slow_values(rows, asked.question, grid, 0.0)
    np.testing.assert_allclose(fast.values(), [value for value, _ in obvious], rtol=1e-12)


def test_sparse_run_does_not_fall_apart() -> None:
    rows = [(step * 100, float(step), 1.0) for step in range(50)]
    asked = asked_of(columns=200)
    strip = strip_of(rows)
    extent = groupgrid.extent_of(strip, asked.question, 0.0)
    assert extent is not None
    curve = group.aggregate(
        [groupgrid.sums_on_grid(strip, groupgrid.Grid.over([extent], asked.question), asked.question, 0.0)],
        groupgrid.Grid.over([extent], asked.question).centres(),
    )
    assert curve["n"] == [1] * 50


@pytest.mark.parametrize("low", [-(1 << 62), 0, 1 << 61])
def test_steps_near_the_end_of_the_numbers(low: int) -> None:
    rows = [(low, 1.0, 1.0), (low + (1 << 61), 2.0, 3.0)]
    asked = asked_of(columns=1)
    strip = strip_of(rows)
    extent = groupgrid.extent_of(strip, asked.question, 0.0)
    assert extent is not None
    grid = groupgrid.Grid.over([extent], asked.question)
    assert group.aggregate([groupgrid.sums_on_grid(strip, grid, asked.question, 0.0)], grid.centres())[
        "mean"
    ] == [2.0]


@pytest.mark.parametrize("align", ["step", "time"])
def test_long_runs_are_smoothed_cell_by_cell_and_keep_their_level(align: str) -> None:
    rows = [(step, step / 2, 3.0 if step % 2 else 1.0) for step in range(20_000)]
    asked = asked_of(columns=4, smoothing="ma(1000)", align_by=align, range=[1000, 8000])
    strip = strip_of(rows)
    extent = groupgrid.extent_of(strip, asked.question, 0.0)
    assert extent is not None
    grid = groupgrid.Grid.over([extent], asked.question)
    long = groupgrid.sums_on_grid(strip, grid, asked.question, 0.0)
    assert long.values().tolist() == pytest.approx([2.0] * 4, abs=1e-2)
    assert long.finite.max() < 20  # cells of 512 points, and not the points


# through a store


def fill(maker: Any) -> None:
    for number, (lr, model) in enumerate([(0.1, "a"), (0.01, "a"), (0.1, "b"), (None, None)]):
        run_id = f"20261122-09301{number}-run{number}"
        tags = [f"model={model}", "base"] if model else []
        maker.run(run_id, config={"lr": lr, "net": {"dim": number % 2}} if lr else {}, tags=tags)
        maker.append(
            [
                {"step": step, "time": 100.0 * number + step, "metrics": {"loss": number + step / 10}}
                for step in range(10)
            ],
            run_id=run_id,
        )


def test_groups_are_sorted_by_value_and_name_who_is_in_none(maker: Any, read_all: ReadAll) -> None:
    fill(maker)
    engine = maker.open()
    read_all(engine)
    reply = engine.group({"metric_key": "loss", "by": "config.lr", "columns": 2})
    assert [(g["value"], [r[-4:] for r in g["runs"]]) for g in reply["groups"]] == [
        (0.01, ["run1"]),
        (0.1, ["run0", "run2"]),
    ]
    assert [run[-4:] for run in reply["ungrouped"]] == ["run3"]
    assert reply["grid"] == {"low": 0, "high": 9, "width": 5, "columns": 2}
    assert reply["groups"][1]["x"] == [2.0, 7.0]
    assert reply["groups"][1]["mean"] == pytest.approx([1.2, 1.7])
    assert reply["groups"][1]["p95"] == pytest.approx([2.1, 2.6])
    assert reply["groups"][1]["n"] == [2, 2]
    assert reply["pending"] == {}
    assert reply["missing"] == []


@pytest.mark.parametrize(
    ("by", "values"),
    [
        ("tag:model", ["a", "b"]),
        ("tag.model", ["a", "b"]),
        ("tag:base", [True]),
        ("tag", ["base", "model=a", "model=b"]),
        ("config.net.dim", [0, 1]),
        ("project", ["p"]),
        ("status", ["finished"]),
    ],
)
def test_runs_are_grouped_by_tags_config_and_facts(maker: Any, by: str, values: list[Any]) -> None:
    fill(maker)
    engine = maker.open()
    assert [g["value"] for g in engine.group({"metric_key": "loss", "by": by})["groups"]] == values


def test_time_is_counted_from_each_run_s_own_start(maker: Any) -> None:
    fill(maker)
    engine = maker.open()
    request = {"metric_key": "loss", "by": "project", "columns": 10}
    grid = engine.group({**request, "align_by": "time"})["grid"]
    assert (grid["low"], grid["high"]) == (0, 9)
    assert engine.group({**request, "align_by": "relative"})["grid"] == grid
    wall = engine.group({**request, "align_by": "wall"})["grid"]
    assert (wall["low"], wall["high"]) == (0, 309)


def test_filter_and_range_and_smoothing(maker: Any) -> None:
    fill(maker)
    engine = maker.open()
    reply = engine.group(
        {
            "metric_key": "loss",
            "by": "project",
            "filter": "tag:model=a",
            "range": [4, 6],
            "smoothing": "ma(3)",
        }
    )
    (found,) = reply["groups"]
    assert [run[-4:] for run in found["runs"]] == ["run0", "run1"]
    assert found["x"] == [4, 5, 6]
    assert found["mean"] == pytest.approx([0.8, 0.9, 1.0])  # the mean of 3 steps, over 2 runs


def test_runs_without_the_metric_are_named(maker: Any) -> None:
    fill(maker)
    maker.run("20261122-093020-none")
    engine = maker.open()
    reply = engine.group({"metric_key": "loss", "by": "project"})
    assert reply["missing"] == ["20261122-093020-none"]
    assert len(reply["groups"][0]["runs"]) == 5


@pytest.mark.parametrize(
    ("request_", "kind", "words"),
    [
        ({"by": "config.lrr"}, NotFoundError, "config.lr"),
        ({"by": "tag:modle"}, NotFoundError, "tag:model"),
        ({"by": "projct"}, UsageError, "project"),
        ({"by": "project", "metric_key": "los"}, NotFoundError, "loss"),
        ({"by": "project", "colums": 3}, UsageError, "columns"),
        ({"by": "project", "columns": 0}, UsageError, "columns is 1 to 1000"),
        ({"by": "project", "align_by": "steps"}, UsageError, "step"),
        ({"by": "project", "range": [2, 1]}, UsageError, "range"),
        ({"by": "project", "smoothing": "rate"}, UsageError, "ma(15)"),
        ({"by": "project", "smoothing": 3}, UsageError, "ma(15)"),
        ({"by": "project", "run_ids": []}, UsageError, "at least 1"),
        ({"by": "project", "run_ids": ["run0"], "filter": "x"}, UsageError, "do not go together"),
        ({"by": "project", "filter": "statsu:running"}, UsageError, "status"),
        ({"metric_key": "loss"}, UsageError, "by is missing"),
    ],
)
def test_bad_request_says_what_was_meant(
    maker: Any, read_all: ReadAll, request_: dict[str, Any], kind: type[Exception], words: str
) -> None:
    fill(maker)
    engine = maker.open()
    read_all(engine)
    with pytest.raises(kind) as caught:
        engine.group({"metric_key": "loss", **request_})
    assert words in f"{caught.value} {caught.value.hint}"  # type: ignore[attr-defined]


def test_too_many_runs_or_groups_are_refused_by_name(maker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(maker)
    engine = maker.open()
    monkeypatch.setattr(group, "MAX_GROUPS", 1)
    with pytest.raises(UsageError, match="2 values; at most 1 groups"):
        engine.group({"metric_key": "loss", "by": "config.lr"})
    monkeypatch.setattr(group, "MAX_RUNS", 3)
    with pytest.raises(UsageError, match="4 runs fit; at most 3"):
        engine.group({"metric_key": "loss", "by": "project"})


def test_slices_give_the_same_answer_and_survive_what_happens_between(maker: Any, read_all: ReadAll) -> None:
    fill(maker)
    engine = maker.open()
    read_all(engine)
    request = {"metric_key": "loss", "by": "config.lr"}
    whole = engine.group(request)
    question = engine.group_sliced(request)
    turns = 0
    while (reply := question.advance(0.0)) is None:
        turns += 1
        engine._runs.evict(set())
        for run_id in list(engine._catalog.entries):
            engine._runs.drop(run_id) if turns == 3 else engine.run(run_id)
    assert turns >= 4
    assert reply == whole


def test_index_that_is_lost_in_the_middle_costs_nothing_but_time(maker: Any, read_all: ReadAll) -> None:
    fill(maker)
    engine = maker.open()
    read_all(engine)
    request = {"metric_key": "loss", "by": "config.lr"}
    whole = engine.group(request)
    question = engine.group_sliced(request)
    assert question.advance(0.0) is None
    engine._runs.rebuild(full=False)
    while (reply := question.advance(0.0)) is None:
        pass
    assert reply == whole


def test_order_of_group_values_is_that_of_numbers_then_words() -> None:
    values = ["b", 10, "9", 0.5, "A", True, "1e-3", 10**400, "NaN", "Infinity"]
    found = sorted(values, key=groupkeys.order)
    assert found == ["1e-3", 0.5, "9", 10, "Infinity", 10**400, "A", "b", "NaN", True]


def test_odd_config_values_are_groups_too(maker: Any) -> None:
    values = [1, 1.0, True, math.nan, math.nan, 10**400, [1, {"a": 2}], "x", None, ""]
    for number, value in enumerate(values):
        run_id = f"20261122-0930{number:02d}-odd{number}"
        maker.run(run_id, config={"v": value})
        maker.append([{"step": 0, "time": 1.0, "metrics": {"loss": 1.0}}], run_id=run_id)
    reply = maker.open().group({"metric_key": "loss", "by": "config.v"})
    sizes = {str(found["value"]): len(found["runs"]) for found in reply["groups"]}
    assert sizes == {"1": 2, "True": 1, "NaN": 2, str(10**400): 1, '[1, {"a": 2}]': 1, "x": 1}
    assert len(reply["ungrouped"]) == 2


@pytest.mark.parametrize(
    ("by", "meant"),
    [("confg.lr", "config.lr"), ("statsu", "status"), ("lr", "config.lr or tag:lr"), ("a b", "")],
)
def test_what_cannot_be_grouped_by_names_what_was_meant(by: str, meant: str) -> None:
    with pytest.raises(UsageError, match="cannot be grouped by") as caught:
        groupkeys.parse_by(by)
    assert caught.value.hint.startswith(f"did you mean {meant}?" if meant else "known: ")
