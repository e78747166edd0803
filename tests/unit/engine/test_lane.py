"""Lanes and the index under them: what was committed comes back, exactly and alone."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine.cells import CELL, cells_of, total_of
from opengraphs.engine.chunkcache import ChunkCache
from opengraphs.engine.index import FILE, SCHEMA, Index, IndexDoubtError
from opengraphs.engine.lane import Lane
from opengraphs.engine.strip import Points
from opengraphs.engine.summary import KEPT_BREAKS, Summary


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    opened = Index.open(tmp_path / "index")
    yield opened
    opened.close()


def some_points(n: int, start: int = 0, stride: int = 1, seed: int = 0) -> Points:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n)
    values[rng.random(n) < 0.01] = math.nan
    steps = start + stride * np.arange(n, dtype=np.int64)
    if seed % 2:
        steps = start + np.cumsum(rng.integers(1, 5, n))
    return Points(steps, 1000.0 + steps * 0.5, values)


def commit(index: Index, lane: Lane) -> None:
    with index.transaction():
        writer = index.put_writer("run", "metrics", "a0-r0", b"state")
        lane.save(index, writer)
    lane.saved()


def reload(index: Index, cache: ChunkCache) -> Lane:
    (writer,) = index.writers("run")
    (row,) = index.lanes(writer.id)
    return Lane.load(row, cache)


def same(left: Points, right: Points) -> bool:
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(left, right, strict=True))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3000), st.sampled_from("acrsel")), min_size=1, max_size=10),
    st.integers(0, 3),
)
def test_any_order_of_appends_and_commits_keeps_every_point(moves: list[tuple[int, str]], seed: int) -> None:
    index = Index.private("test")
    cache = ChunkCache(index, 100_000)
    lane = Lane("k", 3, "wandb", cache)
    parts: list[Points] = []
    at = 0
    for count, move in moves:
        part = some_points(count, at, seed=seed)
        lane.append(part)
        parts.append(part)
        at = int(part.steps[-1]) + 1
        if move in "crel":
            commit(index, lane)
        if move in "re":
            lane.release()
        if move == "s":
            lane.seal_open()
        if move == "l":
            lane = reload(index, cache)
    whole = Points(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))  # type: ignore[arg-type]
    assert lane.n == len(whole.steps)
    assert same(lane.read(0, lane.n), whole)
    middle = lane.n // 3
    assert same(lane.read(middle, 2 * middle), whole.part(middle, 2 * middle))
    for size in (64, 512):
        total, expected = (
            total_of(lane.cells(middle, lane.n, size)),
            total_of(cells_of(*whole.part(middle, lane.n), 64)),
        )
        assert total is not None
        assert expected is not None
        for name in ("n", "finite", "nan", "lo", "hi", "step_lo", "first", "last", "time_last"):
            assert repr(total[name][0]) == repr(expected[name][0])
        assert total["sum"][0] == pytest.approx(expected["sum"][0])
    for step in (0, int(whole.steps[middle]), int(whole.steps[-1]) + 1):
        assert lane.find("step", step) == int(np.searchsorted(whole.steps, step))
    assert lane.rises
    index.close()


rows = st.lists(
    st.tuples(
        st.integers(-4, 20),
        st.integers(0, 9),
        st.sampled_from([0.0, 1.5, -2.0, math.nan, math.inf, -math.inf]),
    ),
    max_size=80,
)


@settings(max_examples=200, deadline=None)
@given(rows, st.integers(1, 30))
def test_summary_is_the_same_however_points_come_in(points: list[tuple[int, int, float]], size: int) -> None:
    """Few at once go through plain Python, many through arrays."""

    def summed(step: int) -> list[object]:
        summary = Summary()
        for at in range(0, len(points), step):
            part = points[at : at + step]
            summary.add(
                Points(
                    np.array([row[0] for row in part], np.int64),
                    np.array([row[1] for row in part], np.float64),
                    np.array([row[2] for row in part], np.float64),
                )
            )
        fields = {name: getattr(summary, name) for name in summary.__struct_fields__}
        return [repr(round(value, 9) if name == "total" else value) for name, value in fields.items()]

    assert summed(size) == summed(1) == summed(1000)


@settings(max_examples=60, deadline=None)
@given(rows, rows)
def test_summaries_follow_each_other_as_their_points_do(
    first: list[tuple[int, int, float]], second: list[tuple[int, int, float]]
) -> None:
    def summary(rows: list[tuple[int, int, float]]) -> Summary:
        made = Summary()
        for row in rows:
            made.add(Points(np.array([row[0]], np.int64), np.array([float(row[1])]), np.array([row[2]])))
        return made

    whole, joined = summary([*first, *second]), summary(first)
    joined.follow(summary(second))
    for name in Summary.__struct_fields__:
        own, other = getattr(joined, name), getattr(whole, name)
        if name == "total":
            assert own == pytest.approx(other, nan_ok=True)
        else:
            assert own == other or whole.n == 0, name


@pytest.mark.parametrize(
    ("own", "others"), [(0, 9000), (5000, 9000), (5000, 10), (4096, 4096 * 3), (70, 5000)]
)
def test_lane_takes_over_another_without_losing_a_point(index: Index, own: int, others: int) -> None:
    cache = ChunkCache(index, 1 << 20)
    points = some_points(own + others, seed=3)
    lane, ahead = Lane("k", None, None, cache), Lane("k", None, None, cache)
    lane.append(points.part(0, own))
    if own > 4096:
        commit(index, lane)
    ahead.append(points.part(own, own + others))
    lane.take_over(ahead)
    more = some_points(3, start=int(points.steps[-1]) + 1)
    lane.append(more)
    for one in (lane, None):
        if one is None:
            commit(index, lane)
            one = reload(index, cache)
        assert one.n == own + others + 3
        assert one.summary.n == one.n
        assert same(one.read(0, own + others), points)
        assert same(one.read(own + others, one.n), more)
        assert int(one.cells(0, one.n, 64)["n"].sum()) == one.n
        assert int(one.cells(10, one.n, 512)["n"].sum()) == one.n - 10
        assert one.find("step", float(points.steps[-1])) == own + others - 1


def test_summary_remembers_a_bounded_number_of_falls() -> None:
    summary = Summary()
    steps = np.array([5, 1] * 500, np.int64)
    summary.add(Points(steps, steps * 1.0, steps * 1.0))
    assert summary.drops == 500
    assert len(summary.breaks) == KEPT_BREAKS


def test_open_chunk_is_written_over_until_it_is_full(index: Index) -> None:
    cache = ChunkCache(index, 1 << 20)
    lane = Lane("k", None, None, cache)
    for start in range(0, 9000, 700):
        lane.append(some_points(700, start, seed=2))
        commit(index, lane)
        again = reload(index, cache)
        assert again.n == lane.n
        assert same(again.read(0, again.n), lane.read(0, lane.n))


def break_off(index: Index, lane: Lane) -> None:
    with index.transaction():
        lane.save(index, 1)
        raise RuntimeError


def test_failed_transaction_leaves_the_last_commit(index: Index) -> None:
    cache = ChunkCache(index, 1 << 20)
    lane = Lane("k", None, None, cache)
    lane.append(some_points(5000, seed=2))
    commit(index, lane)
    lane.append(some_points(5000, 5000, seed=2))
    with pytest.raises(RuntimeError):
        break_off(index, lane)
    assert reload(index, cache).n == 5000


def test_dropped_writer_leaves_nothing_and_numbers_are_never_used_again(index: Index) -> None:
    cache = ChunkCache(index, 1 << 20)
    lane = Lane("k", None, None, cache)
    lane.append(some_points(5000, seed=2))
    commit(index, lane)
    (writer,) = index.writers("run")
    with index.transaction():
        index.put_digest("run", b"d")
        index.drop_run("run")
    assert index.writers("run") == []
    assert index.runs() == set()
    with pytest.raises(IndexDoubtError):
        index.points(lane.id or 0, 0, 1)
    other = Lane("k", None, None, cache)
    other.append(some_points(10))
    commit(index, other)
    assert (other.id or 0) > (lane.id or 0)
    folder = index.folder
    index.close()
    again = Index.open(folder)
    third = Lane("x", None, None, ChunkCache(again, 1 << 20))
    third.append(some_points(10))
    commit(again, third)
    assert (third.id or 0) > (other.id or 0)
    again.close()
    assert writer.id


def test_second_process_gets_an_index_of_its_own(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from opengraphs.engine.index import Index;"
        "i=Index.open(Path(sys.argv[1])); print(i.kept, flush=True); sys.stdin.read(); i.close()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "i")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"True\n"
    index = Index.open(tmp_path / "i")
    assert not index.kept
    assert "another process" in index.why_private
    private = index.folder
    index.close()
    assert not private.exists()
    child.communicate(b"")
    index = Index.open(tmp_path / "i")
    assert index.kept
    index.close()


@pytest.mark.parametrize("damage", ["garbage", "schema", "truncated"])
def test_index_that_cannot_be_trusted_is_made_anew(tmp_path: Path, damage: str) -> None:
    index = Index.open(tmp_path / "i")
    lane = Lane("k", None, None, ChunkCache(index, 1 << 20))
    lane.append(some_points(5000, seed=2))
    commit(index, lane)
    index.close()
    path = tmp_path / "i" / FILE
    if damage == "garbage":
        path.write_bytes(b"not a database" * 1000)
    elif damage == "truncated":
        os.truncate(path, 1000)
    else:
        db = sqlite3.connect(path)
        db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
        db.close()
    index = Index.open(tmp_path / "i")
    assert index.kept
    assert index.runs() == set()
    index.close()


def test_chunk_cache_stays_within_its_budget(index: Index) -> None:
    cache = ChunkCache(index, 100_000)
    for seq in range(50):
        cache.put(1, seq, some_points(1000))
    assert cache.memory_bytes() <= 100_000
    assert cache.get(1, 49) is not None
    assert cache.get(1, 0) is None
    cache.forget_lanes({1})
    assert cache.memory_bytes() == 0


def test_cells_have_no_gaps_in_memory() -> None:
    assert CELL.itemsize == 144
