"""Whatever happened to a store, every answer about its numbers is that of a slow reader.

Random histories (restarts, gaps, duplicates, attempts, ranks, mirrors, segments, torn
tails, journals cut and replaced, the engine reopened, starved and rebuilt) with questions
in between; `slow_store` reads the same files by loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_stores import CASES, FINE, RUNS, Event, World, histories
from slow_store import (
    Row,
    SlowRun,
    described,
    exponential_average,
    moving_average,
    number,
    rate,
)

pytestmark = pytest.mark.timeout(120 + CASES)
POINTS_A_COLUMN = 2 * FINE
"""Of a column; where fewer lie in the range points are read, where more do cells (decision 0012)."""
KEPT_ODD = 64


class Ask(NamedTuple):
    """One `POST /series`. span: low edge and width, in points of the range there is."""

    axis: str
    span: tuple[float, float] | None
    columns: int
    smooth: tuple[str, ...]
    ranks: str | tuple[int, ...]


asks = st.builds(
    Ask,
    st.sampled_from(("step", "step", "time", "relative")),
    st.one_of(st.none(), st.tuples(st.floats(-0.1, 1.0), st.floats(0.0, 1.2))),
    st.one_of(st.integers(1, 60), st.integers(1, 4)),
    st.sampled_from(((), ("ma(7)",), ("ema(0.6)", "rate"), ("ma(1)", "ma(40)"))),
    st.sampled_from(("merged", "merged", "each", (1,), (0, 1, 5))),
)


@settings(max_examples=CASES, deadline=None)
@given(histories, st.booleans(), st.lists(asks, min_size=1, max_size=3))
def test_any_history_has_the_curves_of_a_slow_reader(
    events: list[Event], ended: bool, questions: list[Ask]
) -> None:
    with World(ended=ended) as world:
        for place, event in enumerate(events):
            world.happen(event)
            if place == len(events) // 2:
                check_series(world, questions[0])
        for question in questions:
            check_series(world, question)
        world.rebuild()
        check_series(world, questions[-1])


@settings(max_examples=CASES, deadline=None)
@given(histories, st.booleans(), st.integers(1, 80))
def test_any_history_has_the_points_and_summaries_of_a_slow_reader(
    events: list[Event], ended: bool, limit: int
) -> None:
    with World(ended=ended) as world:
        for place, event in enumerate(events):
            world.happen(event)
            if place == len(events) // 2:
                check_points(world, limit)
        check_points(world, limit)
        check_summaries(world)
        world.reopen()
        check_points(world, limit)
        check_summaries(world)


# -- points and summaries ------------------------------------------------------------------------


def check_points(world: World, limit: int) -> None:
    world.read_all()
    for run_id in RUNS:
        slow = world.slow(run_id)
        for key in slow.keys:
            assert pages(world, run_id, key, limit, ranks=False) == spelled(slow.merged(key))
            each = [(rank, row) for rank in slow.ranks(key) for row in slow.of_rank(key, rank)]
            found = pages(world, run_id, key, 7 * limit, ranks=True)
            assert found == [
                (rank, *row) for (rank, _), row in zip(each, spelled(r for _, r in each), strict=True)
            ]


def pages(world: World, run_id: str, key: str, limit: int, *, ranks: bool) -> list[tuple[Any, ...]]:
    """All points, page by page."""
    columns = ("rank", "step", "time", "value") if ranks else ("step", "time", "value")
    rows: list[tuple[Any, ...]] = []
    after = None
    while True:
        page = world.engine.points(run_id, key, after=after, limit=limit, ranks=ranks)
        assert len(page["step"]) <= limit
        rows += zip(*(page[name] for name in columns), strict=True)
        after = page["next"]
        if after is None:
            return [(*row[:-1], spell(row[-1])) for row in rows]


def spelled(rows: Any) -> list[tuple[int, float, str]]:
    return [(row.step, row.time, spell(row.value)) for row in rows]


def spell(value: Any) -> str:
    """A value as text, to nine digits: sums of ranks may be added in another order."""
    return f"{number(value) if abs(number(value)) > 1e-9 or math.isnan(number(value)) else 0.0:.9g}"


def check_summaries(world: World) -> None:
    world.read_all()
    for run_id in RUNS:
        slow = world.slow(run_id)
        run = world.engine.run(run_id)
        assert [metric["key"] for metric in run["metrics"]] == slow.keys
        listed = world.engine.keys(run=run_id)["keys"]
        assert listed == [{name: metric[name] for name in listed[0]} for metric in run["metrics"]]
        for metric in run["metrics"]:
            said = described(slow.merged(metric["key"]))
            assert {name: metric[name] for name in ("points", "first_step", "last_step")} == {
                name: said[name] for name in ("points", "first_step", "last_step")
            }
            assert spell(metric["last"]) == spell(said["last"].value)
            assert_close(metric["min"], said["min"])
            assert_close(metric["max"], said["max"])
        assert {
            rank["writer"]: rank["last_step"] for rank in run["ranks_seen"] if rank["last_step"] is not None
        } == (slow.last_lines)
        assert run["ingest"]["pending"] == 0.0
        (row,) = [row for row in world.engine.runs()["runs"] if row["run_id"] == run_id]
        assert row["points"] == sum(map(slow.logged, slow.keys))


def assert_close(found: float | None, expected: float | None) -> None:
    assert found == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9))


# -- curves --------------------------------------------------------------------------------------


def check_series(world: World, ask: Ask) -> None:
    """Ask about both runs at once, all keys, and hold each curve against the slow reader."""
    world.read_all()
    slow = {run_id: world.slow(run_id) for run_id in RUNS}
    keys = sorted({key for run in slow.values() for key in run.keys})
    if not keys:
        return
    span = span_of(ask, slow)
    request = {
        "runs": list(RUNS), "metrics": [*keys, "absent"], "x": ask.axis, "range": span, "columns": ask.columns,
        "smooth": list(ask.smooth), "ranks": ask.ranks if isinstance(ask.ranks, str) else list(ask.ranks),
    }  # fmt: skip
    reply = world.engine.series(request)
    assert reply["pending"] == dict.fromkeys(RUNS, 0.0)
    curves = iter(reply["series"])
    for run_id, run in slow.items():
        for key in keys:
            for rank in wanted_ranks(ask, run, key):
                rows = run.merged(key) if rank is None else run.of_rank(key, rank)
                for derived in (None, *ask.smooth):
                    curve = next(curves)
                    assert (curve["run"], curve["metric"], curve["rank"], curve["derived"]) == (
                        run_id, key, rank, derived
                    )  # fmt: skip
                    check_curve(curve, rows, ask, span, run, key)
    assert next(curves, None) is None


def wanted_ranks(ask: Ask, run: SlowRun, key: str) -> list[int | None]:
    if key not in run.keys:
        return []
    if ask.ranks == "merged":
        return [None]
    ranks = run.ranks(key)
    return [rank for rank in ranks if ask.ranks == "each" or rank in ask.ranks]


def span_of(ask: Ask, slow: dict[str, SlowRun]) -> list[float] | None:
    if ask.span is None:
        return None
    places = [
        x_on(ask.axis, run.first_time)(row)
        for run in slow.values()
        for key in run.keys
        for row in run.merged(key)
    ]
    low, high = min(places), max(places)
    start = low + ask.span[0] * (high - low)
    edges = [start, start + ask.span[1] * (high - low)]
    return [float(round(edge)) for edge in edges] if ask.axis == "step" else edges


def x_on(axis: str, zero: float) -> Callable[[Row], float]:
    if axis == "step":
        return lambda row: row.step
    return (lambda row: row.time - zero) if axis == "relative" else (lambda row: row.time)


def check_curve(
    curve: dict[str, Any], rows: list[Row], ask: Ask, span: list[float] | None, run: SlowRun, key: str
) -> None:
    zero = run.first_time
    x_of = x_on(ask.axis, zero)
    on_axis = (lambda row: row.step) if ask.axis == "step" else (lambda row: row.time)
    if curve["derived"] is not None:  # in order of steps, whatever the axis
        values = derived_values(curve["derived"], rows)
        plain, rows = rows, [row._replace(value=value) for row, value in zip(rows, values, strict=True)]
    # The engine compares on the time axis, where a span of the relative one is moved by its zero.
    edges = None if span is None else [edge + (zero if ask.axis == "relative" else 0.0) for edge in span]
    inside = [row for row in rows if edges is None or edges[0] <= on_axis(row) <= edges[1]]
    shown = sorted(inside, key=on_axis)  # stable: steps decide among equal times
    few = POINTS_A_COLUMN * ask.columns
    by_points = len(shown) < few or shown != inside
    falls = ask.axis != "step" and (rows != sorted(rows, key=on_axis) or run.clock_falls(key))
    if curve["derived"] is not None and (not by_points or (falls and len(rows) >= few)):
        check_derived_from_cells(curve, shown, plain, ask, x_of)
        return
    check_description(curve, inside, shown, x_of)
    if edges is None and run.lives and shown:
        edges = steady_edges(float(on_axis(shown[0])), float(on_axis(shown[-1])), ask.columns)
    if by_points:
        check_columns_of_points(curve, shown, ask.columns, edges, on_axis, x_of)
    else:
        check_columns_of_cells(curve, shown, ask.columns, edges, on_axis, x_of)


def steady_edges(low: float, high: float, columns: int) -> list[float] | None:
    """Of a run that lives: columns a multiple of a quarter power of two wide, from a multiple of that on."""
    if columns == 1 or low == high:
        return None
    power = 2.0 ** math.floor(math.log2((high - low) / (columns - 1)))
    width = next(
        power * part for part in (1, 1.25, 1.5, 1.75, 2) if power * part * (columns - 1) >= high - low
    )
    return [low // width * width, low // width * width + columns * width]


def derived_values(label: str, rows: list[Row]) -> list[float]:
    name, _, amount = label.rstrip(")").partition("(")
    if name == "ma":
        return moving_average(rows, int(amount))
    return exponential_average(rows, float(amount)) if name == "ema" else rate(rows)


def check_description(
    curve: dict[str, Any], inside: list[Row], shown: list[Row], x_of: Callable[[Row], float]
) -> None:
    said = described(inside)
    for name in ("points", "first_step", "last_step"):
        assert curve[name] == said[name]
    for name in ("min", "max", "mean"):
        assert_close(curve[name], said[name])
    assert (curve["nonfinite"]["nan"], curve["nonfinite"]["inf"]) == (said["nan"], said["inf"])
    odd = [x_of(row) for row in shown if not math.isfinite(row.value)][-KEPT_ODD:]
    assert curve["nonfinite"]["at"] == pytest.approx(odd)
    if said["last"] is None:
        assert curve["last"] is None
    else:
        assert (curve["last"]["step"], curve["last"]["time"]) == said["last"][:2]
        assert spell(curve["last"]["value"]) == spell(said["last"].value)
    expected = said["slope"]
    assert curve["slope"] == (None if expected is None else pytest.approx(expected, rel=1e-6, abs=1e-6))


Places = Callable[[Row], float]


def places_of(shown: list[Row], columns: int, edges: list[float] | None, on_axis: Places) -> list[float]:
    """Where each row stands, in columns."""
    low, high = edges or (on_axis(shown[0]), on_axis(shown[-1]))
    width = high - low
    return [(on_axis(row) - low) * columns / width if width > 0 else 0.0 for row in shown]


def check_columns_of_points(
    curve: dict[str, Any],
    shown: list[Row],
    columns: int,
    edges: list[float] | None,
    on_axis: Places,
    x_of: Places,
) -> None:
    """Where points are read: first, lowest, highest and last of each column, and nothing else."""
    got = [(x, number(y)) for x, y in zip(curve["x"], curve["y"], strict=True)]
    assert len(got) <= 4 * columns
    assert [x for x, _ in got] == sorted(x for x, _ in got)
    if not shown:
        assert got == []
        return
    places = places_of(shown, columns, edges, on_axis)
    expected: dict[int, list[int]] = {}
    unsure = set()
    for index, place in enumerate(places):
        expected.setdefault(min(columns - 1, int(place)), []).append(index)
        edge = round(place)
        if abs(place - edge) < 1e-6 and 0 < edge < columns:
            unsure |= {edge - 1, edge}  # rounding may put it on the other side of the edge
    kept = {index: column for column, indices in expected.items() for index in m4(shown, indices)}
    if not unsure and curve["derived"] is None:
        assert [x for x, _ in got] == pytest.approx([x_of(shown[index]) for index in sorted(kept)])
        assert [spell(y) for _, y in got] == [spell(shown[index].value) for index in sorted(kept)]
        return
    # Also where averages that are equal but for rounding compete for lowest and highest.
    known: dict[str, list[float]] = {}
    for row in shown:
        known.setdefault(f"{x_of(row):.9g}", []).append(row.value)
    assert all(any(same(y, value) for value in known[f"{x:.9g}"]) for x, y in got)
    drawn: dict[str, list[float]] = {}
    for x, y in got:
        drawn.setdefault(f"{x:.9g}", []).append(y)
    for column, indices in expected.items():
        if column in unsure:
            continue
        for index in (indices[0], indices[-1]):
            row = shown[index]
            assert any(same(y, row.value) for y in drawn[f"{x_of(row):.9g}"])
        finite = [shown[index].value for index in indices if math.isfinite(shown[index].value)]
        at = {f"{x_of(shown[index]):.9g}" for index in indices}
        found = [y for x, y in got if f"{x:.9g}" in at and math.isfinite(y)]
        if finite:
            assert min(found) <= min(finite) + 1e-9
            assert max(found) >= max(finite) - 1e-9


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def m4(shown: list[Row], indices: list[int]) -> set[int]:
    finite = [index for index in indices if math.isfinite(shown[index].value)]
    kept = {indices[0], indices[-1]}
    if finite:
        kept |= {min(finite, key=lambda at: shown[at].value), max(finite, key=lambda at: shown[at].value)}
    return kept


def check_columns_of_cells(
    curve: dict[str, Any],
    shown: list[Row],
    columns: int,
    edges: list[float] | None,
    on_axis: Places,
    x_of: Places,
) -> None:
    """Where cells are read: real points only, the ends, and every extreme in its column or one beside it."""
    got = [(x, number(y)) for x, y in zip(curve["x"], curve["y"], strict=True)]
    assert len(got) <= 4 * columns
    assert [x for x, _ in got] == sorted(x for x, _ in got)
    known = {(f"{x_of(row):.9g}", spell(row.value)) for row in shown}
    assert {(f"{x:.9g}", spell(y)) for x, y in got} <= known
    assert (got[0][0], spell(got[0][1])) == (pytest.approx(x_of(shown[0])), spell(shown[0].value))
    assert (got[-1][0], spell(got[-1][1])) == (pytest.approx(x_of(shown[-1])), spell(shown[-1].value))
    places = places_of(shown, columns, edges, on_axis)
    place_of = {f"{x_of(row):.9g}": place for row, place in zip(shown, places, strict=True)}
    drawn = [(place_of[f"{x:.9g}"], y) for x, y in got if math.isfinite(y)]
    for place, row in zip(places, shown, strict=True):
        if not math.isfinite(row.value):
            continue
        column = math.floor(place)
        near = [y for at, y in drawn if column - 1 - 1e-6 <= at <= column + 2 + 1e-6]
        assert min(near, default=math.inf) <= row.value + 1e-9
        assert max(near, default=-math.inf) >= row.value - 1e-9


def check_derived_from_cells(
    curve: dict[str, Any], shown: list[Row], rows: list[Row], ask: Ask, x_of: Places
) -> None:
    """Of cells: at real places, few, and (averages) between the extremes of what they cover."""
    assert curve["points"] == len(shown)
    assert len(curve["x"]) <= 4 * ask.columns
    assert curve["x"] == sorted(curve["x"])
    known = {f"{x_of(row):.9g}" for row in shown}
    assert {f"{x:.9g}" for x in curve["x"]} <= known
    if curve["derived"].startswith("rate"):
        return
    finite = [row.value for row in rows if math.isfinite(row.value)]
    averages = [y for y in map(number, curve["y"]) if not math.isnan(y)]
    if averages:
        assert min(finite) - 1e-9 <= min(averages) <= max(averages) <= max(finite) + 1e-9
