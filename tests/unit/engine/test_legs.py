"""Restarts, late points, disorder: the rule in plain loops beside the two ways it is computed."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine.chunkcache import ChunkCache
from opengraphs.engine.curve import LaneGroup, curve_of
from opengraphs.engine.index import Index
from opengraphs.engine.lane import Lane
from opengraphs.engine.legs import Hidden, last_of_each_step, visible
from opengraphs.engine.merge import first_source_wins, merge_ranks, merge_strips
from opengraphs.engine.strip import Column, Points

Row = tuple[int, float]


def slow_visible(attempts: list[list[Row]]) -> list[Row]:
    """The rule of engine.legs said once more, point by point."""
    rows = [row for attempt in attempts for row in attempt]
    begins: set[int] = set()
    at = 0
    for attempt in attempts:
        if attempt:
            begins.add(at)
        at += len(attempt)
    legs: list[list[int]] = []
    drops = 0
    for place, (step, _) in enumerate(rows):
        falls = place > 0 and step < rows[place - 1][0]
        if place == 0 or falls or place in begins:
            legs.append([])
            drops += falls and place not in begins
        legs[-1].append(place)
    hidden: set[int] = set()
    if not (drops >= 2 and drops * 8 > len(rows)):
        highest = None
        for number, leg in enumerate(legs):
            steps = [rows[place][0] for place in leg]
            below = [step for step in steps if highest is not None and step <= highest]
            restarts = len(below) >= 2 or (below and leg[0] in begins)
            low, high = (steps[0], steps[-1]) if restarts else (steps[0], steps[0])
            hidden |= {p for earlier in legs[:number] for p in earlier if low <= rows[p][0] <= high}
            highest = max(steps) if highest is None else max(highest, *steps)
    last: dict[int, float] = {}
    for place, (step, value) in enumerate(rows):
        if place not in hidden:
            last[step] = value
    return sorted(last.items())


def points_of(rows: list[Row]) -> Points:
    steps = np.array([step for step, _ in rows], np.int64)
    return Points(
        steps, np.arange(len(rows), dtype=np.float64), np.array([value for _, value in rows], np.float64)
    )


def rows_of(points: Points) -> list[Row]:
    return list(zip(points.steps.tolist(), points.values.tolist(), strict=True))


CASES: list[tuple[list[list[int]], list[int]]] = [
    ([[0, 1, 2, 3]], [0, 1, 2, 3]),
    ([[0, 1, 1, 2]], [0, 1, 2]),
    ([[3, 1, 2]], [1, 2, 3]),
    ([[1, 3, 2, 5, 4, 7, 6]], [1, 2, 3, 4, 5, 6, 7]),
    ([[5, 3, 4, 1, 2]], [1, 2, 3, 4, 5]),
    ([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 4, 6, 8]], [0, 1, 2, 3, 4, 6, 8, 9]),
    ([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 4, 6, 8, 10, 12]], [0, 1, 2, 3, 4, 6, 8, 10, 12]),
    ([[0, 10, 20, 30, 40, 15, 50, 60]], [0, 10, 15, 20, 30, 40, 50, 60]),
    ([[0, 1, 2, 3, 4], [2, 4]], [0, 1, 2, 4]),
    ([[0, 1, 2, 3, 4], [3]], [0, 1, 2, 3, 4]),
    ([[0, 1, 2, 3, 4], [5, 6]], [0, 1, 2, 3, 4, 5, 6]),
    ([[0, 1, 2, 3, 4], [], [1, 3], [2]], [0, 1, 2, 3, 4]),
    ([[]], []),
]


@pytest.mark.parametrize(("attempts", "steps"), CASES)
def test_which_steps_are_visible(attempts: list[list[int]], steps: list[int]) -> None:
    value = iter(range(1000))
    rows = [[(step, float(next(value))) for step in attempt] for attempt in attempts]
    assert [step for step, _ in slow_visible(rows)] == steps
    starts = np.cumsum([0, *(len(attempt) for attempt in rows)])[:-1].tolist()
    found = visible(points_of([row for attempt in rows for row in attempt]), starts)
    assert rows_of(found) == slow_visible(rows)


leg = st.tuples(st.integers(0, 60), st.lists(st.integers(0, 6), max_size=25)).map(
    lambda start_gaps: np.cumsum([start_gaps[0], *start_gaps[1]]).tolist()
)
attempt = st.one_of(
    st.lists(leg, max_size=4).map(lambda legs: [step for one in legs for step in one]),
    st.lists(st.integers(0, 30), max_size=30),
    leg.map(lambda steps: [*range(50), *steps]),
)
attempts_strategy = st.lists(attempt, min_size=1, max_size=3)


def valued(attempts: list[list[int]]) -> list[list[Row]]:
    value = iter(range(100_000))
    return [[(step, float(next(value))) for step in attempt] for attempt in attempts]


@settings(max_examples=400, deadline=None)
@given(attempts_strategy)
def test_arrays_follow_the_rule(attempts: list[list[int]]) -> None:
    rows = valued(attempts)
    starts = np.cumsum([0, *(len(one) for one in rows)])[:-1].tolist()
    assert rows_of(visible(points_of([row for one in rows for row in one]), starts)) == slow_visible(rows)


@settings(max_examples=200, deadline=None)
@given(attempts_strategy, st.data())
def test_slices_of_lanes_follow_the_rule(attempts: list[list[int]], data: st.DataObject) -> None:
    """Each attempt lies in one lane or, half read, in two; curve_of may decline, never be wrong."""
    rows = valued(attempts)
    groups = []
    with closing(Index.private("test")) as index:
        cache = ChunkCache(index, 1 << 20)
        for number, one in enumerate(rows):
            cut = data.draw(st.integers(0, len(one)))
            lanes = []
            for part in (one[:cut], one[cut:]):
                lane = Lane("k", None, None, cache)
                lane.append(points_of(part))
                lanes.append(lane)
            groups.append(LaneGroup(number, tuple(lanes)))
        strip = curve_of(groups)
    if strip is None:
        return
    expected = slow_visible(rows)
    whole = strip.read(0, strip.n)
    if not strip.rises:
        assert (np.diff(whole.steps) >= 0).all()
        assert rows_of(last_of_each_step(whole)) == expected
        return
    assert rows_of(whole) == expected
    x = data.draw(st.integers(-1, 150))
    for right in (False, True):
        assert strip.find("step", x, right=right) == sum(s < x or (right and s == x) for s, _ in expected)
    first = data.draw(st.integers(0, strip.n))
    last = data.draw(st.integers(first, strip.n))
    assert rows_of(strip.read(first, last)) == expected[first:last]
    cells = strip.cells(first, last, 64)
    assert int(cells["n"].sum()) == last - first
    if last > first:
        assert cells["hi"].max() == max(value for _, value in expected[first:last])


def test_plain_restart_is_served_as_slices() -> None:
    with closing(Index.private("test")) as index:
        lane = Lane("k", None, None, ChunkCache(index, 1 << 20))
        lane.append(points_of(valued([[*range(100), *range(50, 80)]])[0]))
        strip = curve_of([LaneGroup(0, (lane,))])
    assert strip is not None
    assert strip is not lane
    assert strip.n == 100


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), max_size=30))
def test_union_of_intervals(intervals: list[tuple[int, int]]) -> None:
    hidden, slow = Hidden(), set[int]()
    for first, length in intervals:
        hidden.add(first, first + length)
        slow |= set(range(first, first + length + 1))
    covered = {step for low, high in hidden.within(0, 100) for step in range(low, high + 1)}
    assert covered == slow
    edges = hidden.within(0, 100)
    assert all(before[1] < after[0] for before, after in pairwise(edges))


rising = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([0.5, 1.0, 2.0, float("nan"), float("inf")])), max_size=60
)


def column_of(pairs: list[tuple[int, float]]) -> Column:
    column = Column()
    steps = np.cumsum([gap for gap, _ in pairs]).astype(np.int64)
    if len(steps):
        column.extend(Points(steps, steps * 2.0, np.array([value for _, value in pairs])))
    return column


@settings(max_examples=200, deadline=None)
@given(
    st.lists(rising, min_size=1, max_size=4),
    st.booleans(),
    st.integers(1, 20),
    st.one_of(st.none(), st.integers(0, 60)),
)
def test_ranks_merge_step_by_step(
    ranks: list[list[tuple[int, float]]], add: bool, window: int, start: int | None
) -> None:
    columns = [column_of(pairs) for pairs in ranks]
    slow: dict[int, list[float]] = {}
    for column in columns:
        for step, value in rows_of(column.read(0, column.n)):
            slow.setdefault(step, []).append(value)
    expected = [
        (
            step,
            repr(
                sum(numbers) if add else numbers[0] if len(set(numbers)) == 1 else sum(numbers) / len(numbers)
            ),
        )
        for step, numbers in sorted(slow.items())
        if start is None or step >= start
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("opengraphs.engine.merge._WINDOW", window)
        pieces = list(merge_strips(columns, start, lambda parts: merge_ranks(parts, add=add)))
    assert [(step, repr(value)) for piece in pieces for step, value in rows_of(piece)] == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(rising, min_size=1, max_size=4))
def test_the_first_source_that_has_a_step_gives_it(sources: list[list[tuple[int, float]]]) -> None:
    parts = [column_of(pairs).read(0, 10_000) for pairs in sources]
    slow: dict[int, float] = {}
    for part in reversed(parts):
        slow.update(dict(rows_of(part)))
    assert repr(rows_of(first_source_wins(parts))) == repr(sorted(slow.items()))
