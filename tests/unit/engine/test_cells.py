"""Cells, their sums, and thinning, against plain loops over points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine.cells import cells_of, group_starts, merge_cells, slope_of, total_of
from opengraphs.engine.decimate import Grid, thin_cells, thin_points
from opengraphs.engine.strip import CellRow, Column, Points

values = st.one_of(
    st.floats(-100, 100, width=32), st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0, 1.0, -1.0])
)


def points_of(steps: list[int], numbers: list[float]) -> Points:
    return Points(
        np.array(steps, np.int64),
        np.array([step * 0.5 for step in steps], np.float64),
        np.array(numbers, np.float64),
    )


series = st.lists(st.tuples(st.integers(1, 9), values), max_size=120).map(
    lambda pairs: points_of(
        np.cumsum([gap for gap, _ in pairs]).tolist() if pairs else [], [v for _, v in pairs]
    )
)


def slow_total(points: Points) -> dict[str, float]:
    rows = list(zip(points.steps.tolist(), points.times.tolist(), points.values.tolist(), strict=True))
    finite = [row for row in rows if math.isfinite(row[2])]
    return {
        "n": len(rows),
        "finite": len(finite),
        "nan": sum(math.isnan(row[2]) for row in rows),
        "inf": sum(math.isinf(row[2]) for row in rows),
        "lo": min((row[2] for row in finite), default=math.inf),
        "hi": max((row[2] for row in finite), default=-math.inf),
        "step_first": rows[0][0],
        "step_last": rows[-1][0],
        "time_last": rows[-1][1],
        "sum": math.fsum(row[2] for row in finite),
    }


@settings(max_examples=200, deadline=None)
@given(series, st.integers(1, 40), st.integers(1, 6))
def test_merged_cells_say_what_their_points_say(points: Points, size: int, grouped: int) -> None:
    cells = cells_of(*points, size)
    assert int(cells["n"].sum()) == len(points.steps)
    starts = np.arange(0, len(cells), grouped)
    for group, start in zip(merge_cells(cells, starts), starts.tolist(), strict=True):
        part = points.part(start * size, (start + grouped) * size)
        slow = slow_total(part)
        for name, expected in slow.items():
            assert group[name] == pytest.approx(expected, rel=1e-9, abs=1e-6), name
        if slow["finite"]:
            low = part.steps[np.where(np.isfinite(part.values), part.values, np.inf).argmin()]
            assert group["step_lo"] == low


@settings(max_examples=200, deadline=None)
@given(series, st.integers(1, 40))
def test_slope_is_that_of_least_squares(points: Points, size: int) -> None:
    total = total_of(cells_of(*points, size))
    finite = np.isfinite(points.values)
    if total is None or finite.sum() < 2:
        assert total is None or slope_of(total) is None
        return
    expected = np.polyfit(points.steps[finite].astype(float), points.values[finite], 1)[0]
    assert slope_of(total) == pytest.approx(expected, rel=1e-6, abs=1e-8)


def slow_m4(points: Points, grid: Grid) -> list[tuple[int, float]]:
    """Every column by itself, with loops."""
    columns: dict[int, list[tuple[int, float]]] = {}
    for step, value in zip(points.steps.tolist(), points.values.tolist(), strict=True):
        width = grid.high - grid.low
        place = int((step - grid.low) * (grid.columns / width)) if width > 0 else 0
        columns.setdefault(min(max(place, 0), grid.columns - 1), []).append((step, value))
    kept: list[tuple[int, float]] = []
    for _, rows in sorted(columns.items()):
        finite = [row for row in rows if math.isfinite(row[1])]
        chosen = {rows[0], rows[-1]}
        if finite:
            chosen |= {min(finite, key=lambda row: row[1]), max(finite, key=lambda row: row[1])}
        kept += sorted(chosen)
    return kept


def same(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> bool:
    return repr(found) == repr([(step, float(value)) for step, value in expected])


@settings(max_examples=300, deadline=None)
@given(series, st.integers(1, 50))
def test_thinned_points_are_first_last_lowest_highest_of_each_column(points: Points, columns: int) -> None:
    if len(points.steps) == 0:
        assert len(thin_points(points.steps, points.values, Grid(0, 1, columns))) == 0
        return
    grid = Grid(float(points.steps[0]), float(points.steps[-1]), columns)
    kept = thin_points(points.steps, points.values, grid)
    found = list(zip(points.steps[kept].tolist(), points.values[kept].tolist(), strict=True))
    assert same(found, slow_m4(points, grid))


@settings(max_examples=300, deadline=None)
@given(series, st.integers(1, 12), st.integers(1, 20))
def test_thinned_cells_are_those_of_columns_with_edges_at_cells(
    points: Points, size: int, columns: int
) -> None:
    if len(points.steps) == 0:
        return
    grid = Grid(float(points.steps[0]), float(points.steps[-1]), columns)
    cells = cells_of(*points, size)
    x, y = thin_cells(cells, "step", grid)
    # The reference: a point counts to the column of the first point of its cell.
    moved = points.steps[(np.arange(len(points.steps)) // size) * size]
    expected: list[tuple[int, float]] = []
    columns_of = grid.column_of(moved)
    for column in sorted(set(columns_of.tolist())):
        inside = points.take(columns_of == column)
        expected += slow_m4(inside, Grid(float(inside.steps[0]), float(inside.steps[0]), 1))
    assert same(list(zip(x.tolist(), y.tolist(), strict=True)), expected)
    assert len(x) <= 4 * columns


@settings(max_examples=150, deadline=None)
@given(series, st.data())
def test_column_answers_as_its_points_do(points: Points, data: st.DataObject) -> None:
    column = Column()
    at = 0
    while at < len(points.steps):
        step = data.draw(st.integers(1, 60))
        column.extend(points.part(at, at + step))
        at += step
        if data.draw(st.booleans()):
            column.cells(0, column.n, 64)
    if data.draw(st.booleans()):
        cut = data.draw(st.integers(0, column.n))
        column.cut(cut)
        points = points.part(0, cut)
    assert column.n == len(points.steps)
    first = data.draw(st.integers(0, column.n))
    last = data.draw(st.integers(first, column.n))
    assert np.array_equal(column.read(first, last).values, points.part(first, last).values, equal_nan=True)
    total, expected = (
        total_of(column.cells(first, last, 64)),
        total_of(cells_of(*points.part(first, last), 7)),
    )
    if expected is None:
        assert total is None
    else:
        assert total is not None
        for name in ("n", "finite", "lo", "hi", "step_first", "step_last", "last"):
            assert repr(total[name][0]) == repr(expected[name][0])
    x = data.draw(st.integers(-1, 1200))
    for right in (False, True):
        assert column.find("step", x, right=right) == sum(
            s < x or (right and s == x) for s in points.steps.tolist()
        )


def test_rows_of_cells_know_which_lie_inside_a_range() -> None:
    cells = cells_of(np.arange(10), np.arange(10.0), np.arange(10.0), 3)
    for offset in (0, 100):
        row = CellRow(cells, offset)
        for first in range(11):
            for last in range(first, 11):
                begin, end = row.within(offset + first, offset + last)
                inside = [c for c in range(4) if first <= 3 * c and min(3 * c + 3, 10) <= last]
                assert list(range(begin, end)) == inside


def test_groups_of_nothing() -> None:
    assert len(group_starts(np.empty(0))) == 0
    assert total_of(cells_of(np.empty(0, np.int64), np.empty(0), np.empty(0), 5)) is None


def test_huge_values_do_not_warn() -> None:
    steps = np.arange(200)
    cells = cells_of(steps, steps.astype(float), np.full(200, 1e308), 64)
    total = total_of(cells)
    assert total is not None
    assert slope_of(total) is None
    assert total["hi"][0] == 1e308
