"""What is fed of a run: every point once, in order of time, and after a restart where one stood."""

from __future__ import annotations

import math
from typing import Any

import pytest

from opengraphs.engine import EngineStore
from opengraphs.engine.feed import MOST_POINTS, Fed, RunFeed

RUN = "20261122-093012-k7f3"
T0 = 1_763_803_800.0


def record(step: int, time: float | None = None, **metrics: Any) -> dict[str, Any]:
    return {"step": step, "time": T0 + (step if time is None else time), "metrics": metrics}


def everything(engine: EngineStore, feed: RunFeed) -> list[Fed]:
    engine.poll()
    found: list[Fed] = []
    while points := engine.fed(RUN, feed)[0]:
        found += points
    return found


def whole(_: str) -> bool:
    return True


def test_every_point_is_fed_once(maker):
    maker.run(ended=False)
    maker.append([record(step, loss=step / 2) for step in range(5)])
    engine, feed = maker.open(), RunFeed(whole)
    first = everything(engine, feed)
    assert first == [Fed("loss", 0, step, T0 + step, step / 2) for step in range(5)]
    assert everything(engine, feed) == []
    maker.append([record(5, loss=9.0, lr=0.1)])
    assert sorted(point.key for point in everything(engine, feed)) == ["loss", "lr"]


def test_a_cursor_goes_on_where_it_stood(maker):
    maker.run(ended=False)
    maker.append([record(step, loss=1.0) for step in range(5)])
    feed = RunFeed(whole)
    everything(maker.open(), feed)
    cursor = feed.cursor()
    maker.close()
    maker.append([record(5, loss=2.0)])
    again = everything(maker.open(), RunFeed(whole, cursor))
    assert [(point.step, point.value) for point in again] == [(5, 2.0)]


def test_lanes_are_cut_at_one_moment(maker):
    """Of a long past a sparse metric does not run ahead of a dense one."""
    maker.run(ended=False)
    maker.append(
        [record(step, loss=1.0, **({"lr": 0.1} if step % 100 == 0 else {})) for step in range(12_000)]
    )
    engine, feed = maker.open(), RunFeed(whole)
    engine.poll()
    while points := engine.fed(RUN, feed)[0]:
        assert [point.time for point in points] == sorted(point.time for point in points)
        ends = {key: max(point.step for point in points if point.key == key) for key in ("loss", "lr")}
        assert 0 <= ends["loss"] - ends["lr"] < 100


def test_of_a_key_that_is_not_wanted_only_what_is_no_number_is_fed(maker):
    maker.run(ended=False)
    maker.append([record(0, other=1.0), record(1, other="NaN"), record(2, other=1.0)])
    engine, feed = maker.open(), RunFeed(lambda key: key == "loss")
    (point,) = everything(engine, feed)
    assert (point.key, point.step, math.isnan(point.value)) == ("other", 1, True)
    maker.append([record(3, other="Infinity")])
    assert [point.step for point in everything(engine, feed)] == [3]
    assert everything(engine, feed) == []


def test_of_one_metric_that_came_two_ways_the_better_source_is_fed(maker):
    maker.run(ended=False)
    maker.append([record(0, loss=1.0)])
    maker.append([{**record(0, loss=7.0), "source": "wandb"}], writer="mirror-a0-r0")
    found = everything(maker.open(), RunFeed(whole))
    assert [point.value for point in found] == [1.0]


def test_ranks_are_told_apart(maker):
    maker.run(ended=False)
    for rank in (0, 1):
        maker.append([record(0, loss=float(rank))], writer=f"a0-r{rank}")
    engine, feed = maker.open(), RunFeed(whole)
    assert sorted((point.rank, point.value) for point in everything(engine, feed)) == [(0, 0.0), (1, 1.0)]
    assert feed.ranks() == {"loss": (0, 1)}


def test_a_clock_that_falls_back_loses_no_point_and_keeps_their_order(maker):
    maker.run(ended=False)
    maker.append(
        [record(step, time=step if step < 6000 else step - 5990, loss=1.0) for step in range(12_000)]
    )
    found = everything(maker.open(), RunFeed(whole))
    assert [point.step for point in found] == list(range(12_000))


def test_of_a_past_nobody_followed_the_newest_points_count(maker, read_all):
    maker.run(ended=False)
    maker.append([record(step, loss=1.0) for step in range(MOST_POINTS + 500)])
    engine = maker.open()
    read_all(engine)
    found = everything(engine, RunFeed(whole))
    assert [found[0].step, found[-1].step] == [500, MOST_POINTS + 499]


def test_samples_of_the_machine_are_fed_apart(maker):
    maker.run(ended=False)
    maker.append([{"time": T0, "metrics": {"cpu.percent": 5.0}}], writer="box", kind="system")
    engine, feed = maker.open(), RunFeed(whole)
    engine.poll()
    points, samples = engine.fed(RUN, feed)
    assert points == []
    assert [(sample.key, sample.value) for sample in samples] == [("cpu.percent", 5.0)]
    assert engine.fed(RUN, feed) == ([], [])


@pytest.mark.parametrize("run", ["nothing", "20261122-093012-zzzz"])
def test_a_run_that_is_not_there_feeds_nothing(maker, run):
    maker.run(ended=False)
    assert maker.open().fed(run, RunFeed(whole)) == ([], [])
