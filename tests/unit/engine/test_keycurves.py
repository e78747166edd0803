"""Series of many ranks, sources and restarts: the same whether they are short or long, read at
once or grown, put together in one go or piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opengraphs.engine import combined, keycurves, sortedruns
from opengraphs.engine.cells import COARSE, FINE
from opengraphs.engine.chunkcache import ChunkCache
from opengraphs.engine.combined import Combined
from opengraphs.engine.index import Index
from opengraphs.engine.keycurves import KeyCurves, Origin
from opengraphs.engine.lane import Lane
from opengraphs.engine.legs import visible
from opengraphs.engine.merge import first_source_wins, merge_ranks
from opengraphs.engine.scratch import Scratch
from opengraphs.engine.strip import Points, Strip, join

RANKS = ((0, 1, "", 0), (0, 1, "", 1), (0, 3, "mirror-", 0), (1, 1, "", 0), (2, 1, "", 0))
"""rank, source class, branch, attempt."""


@pytest.fixture
def index() -> Iterator[Index]:
    made = Index.private("test")
    yield made
    made.close()


@pytest.fixture
def _long(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few hundred points are long series."""
    monkeypatch.setattr(keycurves, "COLUMN_POINTS", 20)
    monkeypatch.setattr(keycurves, "NEWEST_POINTS", 60)
    monkeypatch.setattr(combined, "WINDOW_POINTS", 90)
    monkeypatch.setattr(combined, "_LEAST_WINDOW", 7)
    monkeypatch.setattr(combined, "_MOST_READ", 40)
    monkeypatch.setattr(combined, "COARSE", 8)
    monkeypatch.setattr(sortedruns, "BLOCK_POINTS", 32)
    monkeypatch.setattr(sortedruns, "_MARK", 4)


def points_of(steps: list[int], seed: float) -> Points:
    n = len(steps)
    return Points(
        np.array(steps, np.int64),
        np.arange(n, dtype=np.float64) + np.float64(seed),
        np.arange(n) * 0.37 + seed + np.array(steps) % 7,
    )


def make(index: Index, columns: list[tuple[tuple[int, int, str, int], Lane]], **options: Any) -> KeyCurves:
    lanes: list[tuple[Origin, tuple[Lane, ...]]] = [
        (Origin(*origin[:3], "", origin[3], f"w{place}"), (lane,))
        for place, (origin, lane) in enumerate(columns)
    ]
    return KeyCurves("k", lanes, **{"add": False, "scratch": index.scratch, **options})


def expected(columns: list[tuple[tuple[int, int, str, int], Points]], *, add: bool = False) -> Points:
    """The meaning, from all points at once."""
    ranks = []
    for rank in sorted({origin[0] for origin, _ in columns}):
        branches = []
        for branch in sorted({origin[:3] for origin, _ in columns if origin[0] == rank}):
            attempts = [points for origin, points in columns if origin[:3] == branch]
            starts = np.cumsum([0, *(len(points.steps) for points in attempts)])[:-1].tolist()
            branches.append(visible(join(attempts), starts))
        ranks.append(first_source_wins(branches))
    return merge_ranks(ranks, add=add)


def same(found: Points, wanted: Points) -> None:
    for own, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(own, other)


def check_strip(strip: Strip, wanted: Points) -> None:
    n = len(wanted.steps)
    assert strip.n == n
    same(strip.read(0, n), wanted)
    assert strip.rises
    for first, last in ((0, n), (n // 3, n // 2), (n // 2, n), (1, 2)):
        same(strip.read(first, last), wanted.part(first, last))
        for size in (FINE, COARSE, 8) if isinstance(strip, Combined) else (FINE, COARSE):
            cells = strip.cells(first, last, size)
            part = wanted.part(first, last)
            assert int(cells["n"].sum()) == len(part.steps)
            if len(part.steps):
                np.testing.assert_allclose(cells["sum"].sum(), part.values.sum(), rtol=1e-9)
                assert cells["hi"].max() == part.values.max()
                assert cells["lo"].min() == part.values.min()
                assert (cells["step_first"][0], cells["step_last"][-1]) == (part.steps[0], part.steps[-1])
    for x in (-1, *wanted.steps[:: max(1, n // 7)].tolist(), 10**6):
        for right in (False, True):
            place = np.searchsorted(wanted.steps, x, "right" if right else "left")
            assert strip.find("step", x, right=right) == place
    if strip.time_rises:
        assert (np.diff(wanted.times) >= 0).all()


steps_of_lane = st.one_of(
    st.integers(1, 120).map(lambda n: list(range(n))),
    st.lists(st.integers(0, 90), max_size=120),
    st.lists(st.integers(0, 12), max_size=90).map(sorted),
    st.lists(st.integers(1, 30), max_size=7).map(lambda legs: [s for leg in legs for s in range(leg)]),
    st.just([5] * 100),
)


@pytest.mark.usefixtures("_long")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lanes=st.lists(steps_of_lane, min_size=1, max_size=5), data=st.data())
def test_long_series_grown_in_any_pieces_mean_what_all_points_mean(
    index: Index, lanes: list[list[int]], data: st.DataObject
) -> None:
    cache = ChunkCache(index, 1 << 20)
    add = data.draw(st.booleans())
    columns = [(RANKS[place], Lane("k", None, None, cache)) for place in range(len(lanes))]
    wholes = [points_of(steps, place * 0.1) for place, steps in enumerate(lanes)]
    curves = make(index, columns, add=add)
    taken = [0] * len(lanes)
    for _ in range(data.draw(st.integers(1, 4))):
        for place, (_, lane) in enumerate(columns):
            end = data.draw(st.integers(taken[place], len(lanes[place])))
            lane.append(wholes[place].part(taken[place], end))
            taken[place] = end
        so_far = [(RANKS[place], whole.part(0, taken[place])) for place, whole in enumerate(wholes)]
        match data.draw(st.integers(0, 3)):
            case 0:
                check_strip(curves.merged(), expected(so_far, add=add))
            case 1:
                curves.newest()
                curves.build(data.draw(st.integers(1, 200)))
            case 2:
                rank = data.draw(st.sampled_from(curves.ranks))
                check_strip(curves.of_rank(rank), expected([one for one in so_far if one[0][0] == rank]))
            case 3:
                curves.forget_columns()
    check_newest(curves, expected(so_far, add=add))
    check_strip(curves.merged(), expected(so_far, add=add))
    assert curves.unfinished == 0


def check_newest(curves: KeyCurves, wanted: Points) -> None:
    """What is shown meanwhile is true, and it comes to an end."""
    for _ in range(1000):
        strip = curves.newest()
        if not curves.unfinished:
            break
        shown = strip.read(0, strip.n)
        assert (np.diff(shown.steps) > 0).all()
        assert strip.n
        curves.build(50)
    assert curves.unfinished == 0
    check_strip(curves.newest(), wanted)


@pytest.mark.usefixtures("_long")
def test_newest_part_of_a_long_merge_is_shown_first_and_the_rest_fills_in(index: Index) -> None:
    cache = ChunkCache(index, 1 << 20)
    columns = [(RANKS[place], Lane("k", None, None, cache)) for place in (0, 3, 4)]
    for place, (_, lane) in enumerate(columns):
        lane.append(points_of(list(range(400)), float(place)))
    curves = make(index, columns)
    wanted = expected([(origin, lane.read(0, lane.n)) for origin, lane in columns])
    strip = curves.newest()
    shown = strip.read(0, strip.n)
    assert 0 < strip.n < 100
    same(shown, wanted.part(400 - strip.n, 400))
    left = [curves.unfinished]
    while curves.unfinished:
        curves.build(60)
        left.append(curves.unfinished)
        strip = curves.newest()
        shown = strip.read(0, strip.n)
        assert shown.steps[-1] == 399
        same(shown, wanted.take(np.isin(wanted.steps, shown.steps)))
    assert left == sorted(left, reverse=True)
    assert len(left) > 5
    same(curves.newest().read(0, 400), wanted)


@pytest.mark.usefixtures("_long")
def test_growing_rank_costs_what_is_new(index: Index) -> None:
    """Counted in points that the combination takes in, not in time."""
    cache = ChunkCache(index, 1 << 20)
    columns = [(RANKS[place], Lane("k", None, None, cache)) for place in (0, 3)]
    for place, (_, lane) in enumerate(columns):
        lane.append(points_of(list(range(2000)), float(place)))
    curves = make(index, columns)
    curves.merged()
    for step in range(2000, 2060):
        for place, (_, lane) in enumerate(columns):
            lane.append(points_of([step], float(place)))
        merge = curves._merges[None][1]
        merge.take([lane for _, lane in columns])
        assert merge.left() <= 2 * (8 + 8 + 1)
        strip = curves.merged()
        assert strip.n == step + 1
    check_strip(strip, expected([(origin, lane.read(0, lane.n)) for origin, lane in columns]))


def test_memory_of_long_merges_and_of_disorder_is_a_small_part_of_their_points(index: Index) -> None:
    cache = ChunkCache(index, 1 << 20)
    n = 400_000
    columns = [(RANKS[place], Lane("k", None, None, cache)) for place in (0, 3, 4)]
    rng = np.random.default_rng(3)
    for place, (_, lane) in enumerate(columns[:2]):
        lane.append(Points(np.arange(n), np.arange(n, dtype=np.float64), rng.normal(size=n) + place))
    order = np.argsort(np.arange(n) + rng.integers(0, 50, n), kind="stable")  # jitter: thousands of falls
    columns[2][1].append(Points(order.astype(np.int64), np.arange(n, dtype=np.float64), rng.normal(size=n)))
    curves = make(index, columns)
    strip = curves.merged()
    assert strip.n == n
    assert index.scratch.used_bytes() > 0
    assert curves.memory_bytes() < n * 24 // 2  # a tail of at most a block, and cells
    merged = strip.read(123_456, 123_466)
    parts = [lane.read(0, n) for _, lane in columns]
    whole = [part.take(np.argsort(part.steps)) for part in parts]
    same(merged, merge_ranks([part.part(123_456, 123_466) for part in whole], add=False))
    del strip
    curves.forget_columns()
    assert curves.memory_bytes() == 0
    assert index.scratch.used_bytes() == 0


def test_scratch_uses_blocks_again_and_leaves_no_file(tmp_path: Any) -> None:
    scratch = Scratch(tmp_path)
    blocks = [scratch.put(bytes([number]) * 100) for number in range(3)]
    assert list(tmp_path.iterdir()) == []
    scratch.give_back(blocks[1])
    assert scratch.put(b"new") == blocks[1]
    assert scratch.read(blocks[1], 0, 3) == b"new"
    assert scratch.read(blocks[2], 99, 1) == b"\2"
    for block in blocks:
        scratch.give_back(block)
    assert scratch.used_bytes() == 0
    scratch.close()
    scratch.close()


@pytest.mark.usefixtures("_long")
def test_fine_cells_that_were_kept_go_when_a_late_rank_changes_their_points(index: Index) -> None:
    cache = ChunkCache(index, 1 << 20)
    columns = [(RANKS[0], Lane("k", None, None, cache)), (RANKS[3], Lane("k", None, None, cache))]
    ahead, behind = points_of(list(range(300)), 0.1), points_of(list(range(300)), 5.0)
    curves = make(index, columns)
    columns[0][1].append(ahead)
    for reached, upto in ((0, 100), (100, 130), (130, 300)):
        columns[1][1].append(behind.part(reached, upto))
        strip = curves.merged()
        assert isinstance(strip, Combined)
        wanted = expected([(RANKS[0], ahead), (RANKS[3], behind.part(0, upto))])
        cells = strip.cells(0, strip.n, FINE)
        ends = np.cumsum(cells["n"])
        sums = [wanted.values[end - n : end].sum() for n, end in zip(cells["n"], ends, strict=True)]
        np.testing.assert_allclose(cells["sum"], sums, rtol=1e-9)
