"""Another metric as x axis, the best so far, and the band of ranks, against loops over points."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_stores import CASES, RUNS, Event, World, histories
from slow_store import Row, SlowRun, number
from test_series_histories import POINTS_A_COLUMN, same, spell, steady_edges

pytestmark = pytest.mark.timeout(120 + CASES)
RUN = RUNS[0]
BETTER = {"loss": "min", "acc": "max", "tokens_per_s": "max"}
columns_wide = st.one_of(st.integers(1, 60), st.integers(1, 4))


def ask(world: World, key: str, **more: Any) -> dict[str, Any]:
    reply = world.engine.series({"runs": [RUN], "metrics": [key], **more})
    assert reply["pending"] == {RUN: 0.0}
    return reply["series"][-1]


@settings(max_examples=CASES, deadline=None)
@given(
    histories,
    st.booleans(),
    st.permutations(sorted(BETTER)),
    st.one_of(st.none(), st.tuples(st.integers(-12, 9), st.integers(0, 20))),
    columns_wide,
)
def test_any_metric_is_an_axis_for_any_other(
    events: list[Event], ended: bool, keys: list[str], span: tuple[int, int] | None, columns: int
) -> None:
    key, axis = keys[:2]
    with World(ended=ended) as world:
        for event in events:
            world.happen(event)
        world.read_all()
        run = world.slow(RUN)
        if key not in run.keys or axis not in run.keys:
            return
        wanted = None if span is None else [float(span[0]), float(span[0] + span[1])]
        curve = ask(world, key, x=f"metric:{axis}", columns=columns, range=wanted)
        place = {row.step: row.value for row in run.merged(axis)}
        rows = run.merged(key)
        placed = [row for row in rows if math.isfinite(place.get(row.step, math.nan))]
        assert curve["left_out"] == {
            "missing": sum(row.step not in place for row in rows),
            "nonfinite": sum(row.step in place and not math.isfinite(place[row.step]) for row in rows),
        }
        inside = [row for row in placed if wanted is None or wanted[0] <= place[row.step] <= wanted[1]]
        shown = sorted(inside, key=lambda row: place[row.step])  # stable: steps decide among equals
        check_placed(curve, inside, shown, place, columns)


def check_placed(
    curve: dict[str, Any], inside: list[Row], shown: list[Row], place: dict[int, float], columns: int
) -> None:
    finite = [row.value for row in inside if math.isfinite(row.value)]
    assert curve["points"] == len(inside)
    assert curve["min"] == (pytest.approx(min(finite)) if finite else None)
    assert curve["max"] == (pytest.approx(max(finite)) if finite else None)
    got = [(x, number(y)) for x, y in zip(curve["x"], curve["y"], strict=True)]
    assert len(got) <= 4 * columns
    assert [x for x, _ in got] == sorted(x for x, _ in got)
    known = {(f"{place[row.step]:.9g}", spell(row.value)) for row in shown}
    assert {(f"{x:.9g}", spell(y)) for x, y in got} <= known
    if not shown:
        return
    for row, (x, y) in ((shown[0], got[0]), (shown[-1], got[-1])):
        assert x == pytest.approx(place[row.step])
        assert same(y, row.value)
    drawn = [y for _, y in got if math.isfinite(y)]
    if finite:
        assert (min(drawn), max(drawn)) == (pytest.approx(min(finite)), pytest.approx(max(finite)))


@settings(max_examples=CASES, deadline=None)
@given(histories, st.booleans(), st.sampled_from(sorted(BETTER)), columns_wide)
def test_best_so_far_is_exact_at_every_zoom(events: list[Event], ended: bool, key: str, columns: int) -> None:
    with World(ended=ended) as world:
        for event in events:
            world.happen(event)
        world.read_all()
        run = world.slow(RUN)
        if key not in run.keys:
            return
        rows = run.merged(key)
        found = best_so_far(rows, key)
        low = rows[len(rows) // 3].step
        for wanted in (None, [float(low), float(rows[-1].step)]):
            curve = ask(world, key, columns=columns, range=wanted, smooth=["best"])
            assert curve["derived"] == "best"
            assert all(
                same(number(y), found[x]) or len(rows) >= POINTS_A_COLUMN * columns
                for x, y in zip(curve["x"], curve["y"], strict=True)
            )
            inside = {step: value for step, value in found.items() if wanted is None or step >= low}
            finite = [value for value in inside.values() if math.isfinite(value)]
            if finite:  # the last best is the best of all, and never missed
                ys = [number(y) for y in curve["y"] if math.isfinite(number(y))]
                last = min(finite) if BETTER[key] == "min" else max(finite)
                assert same(min(ys) if BETTER[key] == "min" else max(ys), last)


def best_so_far(rows: list[Row], key: str) -> dict[int, float]:
    best, found = math.nan, {}
    for row in rows:
        if math.isfinite(row.value):
            better = min if BETTER[key] == "min" else max
            best = row.value if math.isnan(best) else better(best, row.value)
        found[row.step] = best
    return found


@settings(max_examples=CASES, deadline=None)
@given(histories, st.booleans(), st.sampled_from(sorted(BETTER)), columns_wide)
def test_band_holds_every_rank(events: list[Event], ended: bool, key: str, columns: int) -> None:
    with World(ended=ended) as world:
        for event in events:
            world.happen(event)
        world.read_all()
        run = world.slow(RUN)
        if key not in run.keys:
            return
        curve = ask(world, key, columns=columns, ranks="band")
        ranks = {rank: run.of_rank(key, rank) for rank in run.ranks(key)}
        if len(ranks) < 2:
            assert curve["band"] is None
            return
        check_band(curve["band"], run, key, columns, ranks)


def check_band(
    band: dict[str, list[float]], run: SlowRun, key: str, columns: int, ranks: dict[int, list[Row]]
) -> None:
    every = [row for rows in ranks.values() for row in rows]
    finite = [row for row in every if math.isfinite(row.value)]
    if not finite:
        assert band == {"x": [], "low": [], "high": []}
        return
    assert len(band["x"]) <= columns
    assert band["x"] == sorted(band["x"])
    assert min(band["low"]) == min(row.value for row in finite)
    assert max(band["high"]) == max(row.value for row in finite)
    if any(len(rows) >= POINTS_A_COLUMN * columns for rows in ranks.values()):
        return  # from cells, whose points may count to the column beside
    low, high = (float(end(row.step for row in every)) for end in (min, max))
    if run.lives:
        low, high = steady_edges(low, high, columns) or (low, high)
    cells: dict[int, list[Row]] = {}
    for row in finite:
        place = (row.step - low) * columns / (high - low) if high > low else 0.0
        if abs(place - round(place)) < 1e-9 and 0 < round(place) < columns and place != int(place):
            return  # on an edge, where rounding decides
        cells.setdefault(min(columns - 1, int(place)), []).append(row)
    edges_exact = all(
        ((row.step - low) * columns) % ((high - low) or 1) or row.step in (low, high) for row in finite
    )
    if edges_exact:
        expected = [cells[cell] for cell in sorted(cells)]
        assert band["low"] == [min(row.value for row in rows) for rows in expected]
        assert band["high"] == [max(row.value for row in rows) for rows in expected]
