"""Compare, group and diff of runs with any history, against loops over all of their points."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_stores import CASES, RUNS, SMALL, Event, World, histories
from slow_store import Row, SlowRun, moving_average, number

pytestmark = pytest.mark.timeout(120 + CASES)
BETTER = {"loss": "min", "acc": "max", "tokens_per_s": "max"}
keys = st.sampled_from(sorted(BETTER))
aligns = st.sampled_from(("step", "step", "time", "relative", "wall"))


def rows_of(runs: dict[str, SlowRun], key: str) -> dict[str, list[Row]]:
    """Of the runs that have the metric."""
    return {run_id: run.merged(key) for run_id, run in runs.items() if key in run.keys}


def read(world: World) -> dict[str, SlowRun]:
    world.read_all()
    return {run_id: world.slow(run_id) for run_id in RUNS}


def is_point(found: Any, row: Row | None) -> bool:
    if found is None or row is None:
        return found is row
    return (found["step"], found["time"]) == row[:2] and is_same(number(found["value"]), row.value)


def is_same(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return (math.isnan(found) and math.isnan(expected)) or found == pytest.approx(
        expected, rel=1e-9, abs=1e-9
    )


def best_of(rows: list[Row], better: str) -> Row | None:
    finite = [row for row in rows if math.isfinite(row.value)]
    if not finite:
        return None
    return (min if better == "min" else max)(finite, key=lambda row: row.value)


def difference(row: Row | None, first: Row | None) -> float | None:
    if row is None or first is None:
        return None
    found = row.value - first.value
    return found if math.isfinite(found) else None


def verdict(delta: float | None, better: str) -> str:
    if delta is None:
        return "unknown"
    return "same" if delta == 0 else "better" if (delta < 0) == (better == "min") else "worse"


def shared(runs: list[list[Row]]) -> tuple[int | None, list[Row | None]]:
    """The last step that all have, else the last one that all have reached; and their points up to it."""
    if not runs:
        return None, []
    common = set.intersection(*({row.step for row in rows} for rows in runs))
    step = max(common) if common else min(rows[-1].step for rows in runs)
    points = [next((row for row in reversed(rows) if row.step <= step), None) for rows in runs]
    return (step, points) if all(points) else (None, [None] * len(runs))


@settings(max_examples=CASES, deadline=None)
@given(histories, st.booleans(), keys, aligns)
def test_any_histories_compare_as_their_points_do(
    events: list[Event], ended: bool, key: str, align: str
) -> None:
    with World(ended=ended) as world:
        for event in events:
            world.happen(event)
        known = rows_of(read(world), key)
        if not known:
            return
        reply = world.engine.compare({"run_ids": list(RUNS), "metric_key": key, "align_by": align})
        assert (reply["direction"], reply["pending"]) == (BETTER[key], {})
        step, equal = shared(list(known.values()))
        assert reply["equal_step"] == step
        at_equal = dict(zip(known, equal, strict=True))
        standing = {
            run_id: (at_equal[run_id], rows[-1], best_of(rows, BETTER[key])) for run_id, rows in known.items()
        }
        nothing: tuple[None, None, None] = (None, None, None)
        for place, (run_id, found) in enumerate(zip(RUNS, reply["runs"], strict=True)):
            assert (found["run"], found["missing"]) == (run_id, run_id not in known)
            own, first = standing.get(run_id, nothing), standing.get(RUNS[0], nothing)
            assert found["points"] == len(known.get(run_id, ()))
            for name, row in zip(("equal", "last", "best"), own, strict=True):
                assert is_point(found[name], row), name
            for name, row, other in zip(("equal_step", "last", "best"), own, first, strict=True):
                delta = difference(row, other) if place else None
                assert is_same(found["delta"][name], delta), name
                assert found["verdict"][name] == verdict(delta, BETTER[key])
        check_diff(world, known, key)


def check_diff(world: World, known: dict[str, list[Row]], key: str) -> None:
    reply = world.engine.diff({"run_ids": list(RUNS), "metrics": [key]})
    assert [(row["key"], row["values"]) for row in reply["config"]] == [("lr", [0.1, 0.2])]
    (found,) = reply["metrics"]
    step, equal = shared(list(known.values()))
    at = dict(zip(known, equal, strict=True))
    columns = {
        "equal": [at.get(run_id) for run_id in RUNS],
        "best": [best_of(known[run_id], BETTER[key]) if run_id in known else None for run_id in RUNS],
        "last": [known[run_id][-1] if run_id in known else None for run_id in RUNS],
    }
    assert (found["step"], found["better"]) == (step, BETTER[key])
    assert found["missing"] == [place for place, run_id in enumerate(RUNS) if run_id not in known]
    for name, rows in columns.items():
        said = found if name == "equal" else found[name]
        assert said["steps"] == [None if row is None else row.step for row in rows]
        values = [None if value is None else number(value) for value in said["values"]]
        assert all(
            is_same(value, None if row is None else row.value)
            for value, row in zip(values, rows, strict=True)
        )
        assert is_same(said["delta"], difference(rows[1], rows[0]))


@settings(max_examples=CASES, deadline=None)
@given(
    histories,
    st.booleans(),
    keys,
    aligns,
    st.sampled_from(("config.lr", "config.optim.name", "tag:model", "tag")),
    st.one_of(st.integers(1, 8), st.integers(1, 200)),
    st.sampled_from((None, None, "ma(5)")),
)
def test_any_histories_are_grouped_over_all_of_their_points(
    events: list[Event], ended: bool, key: str, align: str, by: str, columns: int, smoothing: str | None
) -> None:
    with World(ended=ended) as world:
        for event in events:
            world.happen(event)
        runs = read(world)
        known = rows_of(runs, key)
        if not known:
            return
        reply = world.engine.group(
            {"metric_key": key, "by": by, "run_ids": list(RUNS), "align_by": align, "columns": columns,
             "smoothing": smoothing}
        )  # fmt: skip
        members = [[run_id] for run_id in RUNS] if by == "config.lr" else [list(RUNS)]
        assert [group["runs"] for group in reply["groups"]] == members
        assert (reply["ungrouped"], reply["pending"]) == ([], {})
        assert reply["missing"] == [run_id for run_id in RUNS if run_id not in known]
        few = 2 * SMALL["COARSE"] * columns
        if smoothing is not None and any(len(rows) > few for rows in known.values()):
            return  # long runs are smoothed cell by cell
        placed = {run_id: placed_rows(rows, runs[run_id], align, smoothing) for run_id, rows in known.items()}
        check_grid(reply["grid"], placed, columns)
        for group in reply["groups"]:
            check_group(
                group, reply["grid"], [placed[run_id] for run_id in group["runs"] if run_id in placed]
            )


Placed = list[tuple[float, float]]


def placed_rows(rows: list[Row], run: SlowRun, align: str, smoothing: str | None) -> Placed:
    """(x, value) of every point."""
    values = moving_average(rows, 5) if smoothing else [row.value for row in rows]
    zero = run.first_time if align in ("time", "relative") else 0.0
    return [
        (row.step if align == "step" else row.time - zero, value)
        for row, value in zip(rows, values, strict=True)
    ]


def check_grid(grid: dict[str, Any], placed: dict[str, Placed], columns: int) -> None:
    every = [x for rows in placed.values() for x, _ in rows]
    assert (grid["low"], grid["high"]) == (min(every), max(every))
    assert 1 <= grid["columns"] <= columns
    assert grid["low"] + grid["columns"] * grid["width"] >= grid["high"] - 1e-6


def check_group(group: dict[str, Any], grid: dict[str, Any], members: list[Placed]) -> None:
    edges = [grid["low"] + place * grid["width"] for place in range(1, grid["columns"])]
    cells: dict[int, list[list[float]]] = {}
    for rows in members:
        own: dict[int, list[float]] = {}
        for x, value in rows:
            own.setdefault(bisect_right(edges, x), []).append(value)
        for cell, values in own.items():
            cells.setdefault(cell, []).append(values)
    assert len(group["x"]) == len(cells)
    for place, cell in enumerate(sorted(cells)):
        finite = [[value for value in values if math.isfinite(value)] for values in cells[cell]]
        means = sorted(sum(values) / len(values) for values in finite if values)
        assert group["n"][place] == len(means)
        assert group["nonfinite"][place] == sum(
            any(not math.isfinite(value) for value in values) for values in cells[cell]
        )
        mean = sum(means) / len(means) if means else math.nan
        assert is_same(number(group["mean"][place]), mean)
        assert is_same(number(group["p50"][place]), percentile(means, 0.5))
        assert is_same(number(group["p95"][place]), percentile(means, 0.95))
        assert is_same(number(group["min"][place]), means[0] if means else math.nan)
        assert is_same(number(group["max"][place]), means[-1] if means else math.nan)


def percentile(ordered: list[float], share: float) -> float:
    if not ordered:
        return math.nan
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
