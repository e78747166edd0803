"""A long journal: its newest part first, the rest behind, and never a point lost or doubled."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from opengraphs.engine import EngineStore, rundata
from opengraphs.store import tail

RUN = "20261122-093012-k7f3"


@pytest.fixture(autouse=True)
def _small_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and pieces so small that a few kilobytes are a long journal."""
    monkeypatch.setattr(rundata, "FIRST_LOOK_BYTES", 6000)
    monkeypatch.setattr(rundata, "_LEAST_AHEAD_BYTES", 1000)
    monkeypatch.setattr(rundata, "POLL_BYTES", 3000)
    monkeypatch.setattr("opengraphs.engine.journal.PIECE_BYTES", 2000)
    monkeypatch.setattr("opengraphs.engine.core.FIRST_LOOK_BYTES", 6000)
    monkeypatch.setattr(rundata, "COMMIT_POINTS", 100)
    monkeypatch.setattr(tail, "PIECE_BYTES", 2000)


def record(step: int, **more: Any) -> dict[str, Any]:
    return {"step": step, "time": 100.0 + step, "metrics": {"loss": step * 0.5, "lr": 0.1}, **more}


def values(engine: EngineStore, metric: str = "loss") -> list[tuple[int, float]]:
    page = engine.points(RUN, metric, limit=100_000)
    return list(zip(page["step"], page["value"], strict=True))


def ask(engine: EngineStore, **fields: Any) -> dict[str, Any]:
    return engine.series({"runs": [RUN], "metrics": ["loss"], "columns": 4000, **fields})


def test_first_look_has_the_newest_points_and_says_what_is_missing(maker: Any, read_all: Any) -> None:
    maker.run()
    maker.append([record(step) for step in range(1000)])
    engine = maker.open()
    reply = ask(engine)
    (curve,) = reply["series"]
    assert 0.5 < reply["pending"][RUN] < 1.0
    assert curve["x"][-1] == 999
    assert curve["x"] == list(range(curve["x"][0], 1000))
    assert engine.backlog() == {RUN: reply["pending"][RUN]}
    fractions = [reply["pending"][RUN]]
    while engine.backlog():
        fractions.append(engine.ingest_backlog(budget_s=0.0))
    assert fractions == sorted(fractions, reverse=True)
    assert fractions[-1] == 0.0
    assert len(fractions) > 10
    assert values(engine) == [(step, step * 0.5) for step in range(1000)]
    assert ask(engine)["pending"] == {RUN: 0.0}


def test_both_parts_are_drawn_while_the_middle_is_read(maker: Any) -> None:
    maker.run()
    maker.append([record(step) for step in range(1000)])
    engine = maker.open()
    ask(engine)
    for _ in range(5):
        engine.ingest_backlog(RUN, budget_s=0.0)
    (curve,) = ask(engine)["series"]
    x = curve["x"]
    assert (x[0], x[-1]) == (0, 999)
    assert x == sorted(set(x))
    assert 150 < len(x) < 1000


@pytest.mark.parametrize(("axis", "base"), [("step", 0.0), ("time", 100.0), ("relative", 0.0)])
def test_the_stretch_that_is_missing_is_named_on_every_axis(maker: Any, axis: str, base: float) -> None:
    maker.run()
    maker.append([record(step) for step in range(1000)])
    engine = maker.open()
    assert ask(engine, x=axis)["unread"] == {}, "the newest part alone has no gap"
    found = []
    while True:
        engine.ingest_backlog(RUN, budget_s=0.0)
        reply = ask(engine, x=axis)
        if RUN not in reply["unread"]:
            break
        low, high = reply["unread"][RUN]
        x = reply["series"][0]["x"]
        assert low in x
        assert high in x
        assert [place for place in x if low < place < high] == []
        assert [b - a for a, b in itertools.pairwise(x) if b - a > 1] == [high - low]
        found.append((low, high))
    assert len(found) > 10
    assert len({high for _, high in found}) == 1, "the end stays, the beginning comes nearer"
    assert [low for low, _ in found] == sorted(low for low, _ in found)
    assert found[0][0] >= base
    assert reply["pending"] == {RUN: 0.0}


def test_relative_time_counts_from_the_first_line_even_while_that_is_unread(maker: Any) -> None:
    maker.run()
    maker.append([record(step) for step in range(1000)])
    engine = maker.open()
    reply = ask(engine, x="relative")
    assert reply["pending"][RUN] > 0.5
    assert reply["series"][0]["x"][-1] == 999.0


def test_what_is_appended_meanwhile_is_there_at_once(maker: Any, read_all: Any) -> None:
    maker.run(ended=False)
    maker.append([record(step) for step in range(1000)])
    engine = maker.open()
    while engine.poll([RUN]) and ask(engine)["series"][0]["last"]["step"] < 999:
        pass
    for step in range(1000, 1200):
        maker.append([record(step)])
        (change,) = [change for change in engine.poll([RUN]) if change["kind"] == "metrics"]
        assert change["keys"] == {"loss": step, "lr": step}
        if step % 10 == 0:
            engine.ingest_backlog(RUN, budget_s=0.0)
            assert ask(engine)["series"][0]["last"]["step"] == step
    read_all(engine)
    assert values(engine) == [(step, step * 0.5) for step in range(1200)]


def test_lines_without_steps_are_read_from_the_start(maker: Any, read_all: Any) -> None:
    maker.run()
    records = [record(step) for step in range(800)]
    for one in records[1:]:
        del one["step"]
    maker.append(records)
    engine = maker.open()
    (curve,) = ask(engine)["series"]
    assert curve["x"][0] == 0
    assert engine.backlog()
    read_all(engine)
    assert values(engine) == [(step, step * 0.5) for step in range(800)]


def test_a_restart_in_the_middle_of_the_unread_part(maker: Any, read_all: Any) -> None:
    maker.run()
    maker.append([record(step) for step in range(600)])
    maker.append([{**record(step), "metrics": {"loss": -1.0}} for step in range(300, 900)])
    engine = maker.open()
    ask(engine)
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.0)
        ask(engine)
    assert values(engine) == [(step, step * 0.5 if step < 300 else -1.0) for step in range(900)]


def test_several_ranks_behind(maker: Any, read_all: Any) -> None:
    maker.run()
    for rank in range(3):
        maker.append(
            [{**record(step), "metrics": {"loss": float(rank)}} for step in range(700)], writer=f"a0-r{rank}"
        )
    engine = maker.open()
    (curve,) = ask(engine)["series"]
    assert curve["x"][-1] == 699
    assert set(curve["y"]) == {1.0}
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.0)
        assert set(ask(engine)["series"][0]["y"]) <= {0.0, 1.0, 2.0, 0.5, 1.5}
    assert values(engine) == [(step, 1.0) for step in range(700)]


def test_segments_and_system_samples(maker: Any, read_all: Any) -> None:
    folder = maker.run()
    for segment, name in enumerate(["a0-r0", "a0-r0.000001", "a0-r0.000003"]):
        maker.append([record(segment * 300 + step) for step in range(300)], writer=name)
    maker.append(
        [{"time": 50.0 + step, "metrics": {"cpu.percent": step}} for step in range(500)],
        writer="node",
        kind="system",
    )
    assert len(list((folder / "metrics").iterdir())) == 3
    engine = maker.open()
    reply = engine.system(RUN, columns=4000)
    assert reply["hosts"] == ["node"]
    assert reply["series"][0]["x"][-1] == 549.0
    read_all(engine)
    assert engine.system(RUN, columns=4000)["series"][0]["points"] == 500
    assert values(engine) == [(step, step * 0.5) for step in range(900)]


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_work_ends_in_the_same_answer(
    maker: Any, read_all: Callable[[EngineStore], None], seed: int
) -> None:
    """Appends, polls, slices, commits, evictions and restarts of the engine, at random."""
    rng = random.Random(seed)
    maker.run(ended=False)
    maker.append([record(step) for step in range(rng.randrange(900))])
    step = 900
    engine = maker.open(budget_bytes=rng.choice([1, 50_000, 1 << 30]))
    for _ in range(60):
        match rng.randrange(7):
            case 0 | 1:
                count = rng.randrange(1, 60)
                maker.append([record(step + number) for number in range(count)])
                step += count
            case 2:
                engine.poll()
            case 3:
                engine.ingest_backlog(RUN, budget_s=0.0)
            case 4:
                engine.maintain()
            case 5:
                ask(engine, columns=rng.randrange(1, 500))
            case 6:
                engine.close()
                engine = maker.open(budget_bytes=rng.choice([1, 50_000, 1 << 30]))
    engine.poll()
    read_all(engine)
    found = engine.points(RUN, "loss", limit=100_000)
    fresh = maker.open(index_dir=maker.path.parent / "fresh")
    read_all(fresh)
    assert found == fresh.points(RUN, "loss", limit=100_000)
    assert len(found["step"]) > 0
    steps = [
        json.loads(line)["step"]
        for line in (maker.run_dir() / "metrics" / "a0-r0.jsonl").read_text().splitlines()
    ]
    assert found["step"] == steps


def test_commits_and_pieces_take_turns(maker: Any) -> None:
    """So that what comes between two slices waits for one of them, not for both."""
    maker.run()
    maker.append([record(step) for step in range(2000)])
    engine = maker.open()
    ask(engine)
    data = engine._runs.find(RUN)
    commits = pieces = 0
    while engine.backlog():
        before = (data.unsaved_points(), data.left_bytes())
        engine.ingest_backlog(RUN, budget_s=0.0)
        after = (data.unsaved_points(), data.left_bytes())
        if after[0] < before[0] and data.left_bytes():
            commits += 1
            assert after[1] == before[1]
        pieces += after[1] < before[1]
    assert commits > 5
    assert pieces > 20


def test_runs_that_nobody_asked_for_are_read_and_closed(maker: Any, read_all: Any) -> None:
    for number in range(30):
        maker.run(f"20261122-0930{number:02d}-aaaa")
        maker.append([record(step) for step in range(20)], run_id=f"20261122-0930{number:02d}-aaaa")
    engine = maker.open()
    engine.run("20261122-093007-aaaa")
    read_all(engine)
    assert [run_id for run_id, _ in engine._runs.items()] == ["20261122-093007-aaaa"]
    assert {row["points"] for row in engine.runs()["runs"]} == {40}


def test_listed_runs_are_read_first_and_short_ones_at_once(
    maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opengraphs.engine.core.LIST_READ_BYTES", 3000)
    monkeypatch.setattr("opengraphs.engine.core.LIST_READ_S", 60.0)
    names = [f"20261122-0930{number:02d}-aaaa" for number in range(10)]
    for place, name in enumerate(names):
        maker.run(name, project="short" if place % 2 else "long")
        maker.append([record(step) for step in range(10 if place % 2 else 400)], run_id=name)
    engine = maker.open()
    assert engine.most_wanted() == names[9]
    rows = engine.runs(project="short", sort="run_id", limit=2)["runs"]
    assert [(row["run_id"], row["points"]) for row in rows] == [(names[1], 20), (names[3], 20)]
    engine.runs(project="long", sort="run_id", limit=2)
    assert list(engine.backlog())[:2] == [names[0], names[2]]
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.0)
    assert {row["points"] for row in engine.runs(project="long")["runs"]} == {800}


def test_budget_holds_while_one_huge_run_is_read_and_others_wait(maker: Any) -> None:
    names = [f"20261122-0930{number:02d}-aaaa" for number in range(6)]
    for name in names:
        maker.run(name)
        maker.append([record(step) for step in range(3000)], run_id=name)
    budget = 20_000
    engine = maker.open(budget_bytes=budget)
    for name in names:
        engine.series({"runs": [name], "metrics": ["loss"], "columns": 50})
    held = sum(data.memory_bytes() for _, data in engine._runs.items())
    assert held > budget  # six readers ahead of six backlogs
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.0)
        assert engine._runs.memory_bytes() <= budget + 30_000  # a reader ahead, and what waits for a commit
    for name in names:
        page = engine.points(name, "loss", limit=100_000)
        assert page["value"] == [step * 0.5 for step in range(3000)]


def test_long_merge_is_built_by_the_backlog_and_pending_until_then(
    maker: Any, monkeypatch: pytest.MonkeyPatch, read_all: Any
) -> None:
    monkeypatch.setattr("opengraphs.engine.keycurves.COLUMN_POINTS", 100)
    monkeypatch.setattr("opengraphs.engine.keycurves.NEWEST_POINTS", 300)
    monkeypatch.setattr("opengraphs.engine.combined.WINDOW_POINTS", 400)
    monkeypatch.setattr("opengraphs.engine.combined._LEAST_WINDOW", 50)
    monkeypatch.setattr(rundata, "BUILD_POINTS", 400)
    maker.run()
    for rank in range(3):
        maker.append(
            [record(step, metrics={"loss": step + rank}) for step in range(1500)], writer=f"a0-r{rank}"
        )
    engine = maker.open()
    read_all(engine)
    assert not engine.is_reading(RUN)
    reply = ask(engine)
    (curve,) = reply["series"]
    assert reply["pending"][RUN] > 0.5
    assert curve["x"] == list(range(curve["x"][0], 1500))
    assert curve["y"] == [step + 1.0 for step in curve["x"]]
    assert list(engine.backlog()) == [RUN]
    slices = 0
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.0)
        slices += 1
        (curve,) = ask(engine)["series"]
        assert curve["y"] == [step + 1.0 for step in curve["x"]]
    assert slices > 5
    reply = ask(engine)
    assert reply["pending"][RUN] == 0.0
    assert reply["series"][0]["x"] == list(range(1500))
    fresh = maker.open(index_dir=maker.path.parent / "fresh")
    assert fresh.points(RUN, "loss", limit=100_000)["value"] == [step + 1.0 for step in range(1500)]


def test_a_file_cut_while_it_is_read_behind_is_begun_again(maker: Any, read_all: Any) -> None:
    folder = maker.run()
    maker.append([record(step) for step in range(1000)])
    engine = maker.open()
    ask(engine)
    engine.ingest_backlog(RUN, budget_s=0.0)
    journal = folder / "metrics" / "a0-r0.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:100]))
    engine.ingest_backlog(RUN, budget_s=0.0)
    changes = engine.scan()
    assert {"kind": "metrics", "run": RUN, "keys": {}, "points": 0, "reset": True} in changes
    read_all(engine)
    assert values(engine) == [(step, step * 0.5) for step in range(100)]


def test_last_step_is_known_the_moment_both_readers_meet(maker: Any) -> None:
    """The backlog fills in behind a second reader that has read nothing yet."""
    maker.run()
    maker.append([record(step) for step in range(300)])
    engine = maker.open()
    left, seen = 1.0, []
    while left > 0.0:
        left = engine.ingest_backlog(RUN, budget_s=0.0)
        data = engine._runs.find(RUN)
        seen += [data.journals()[0].last_step] if data is not None else []
    steps = [step for step in seen if step is not None]
    assert steps == sorted(steps)
    assert steps[0] >= 0


def test_commit_that_breaks_off_loses_nothing_and_keeps_no_other_run_from_it(
    maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "20261122-093013-m2m2"
    for run_id in (RUN, other):
        maker.run(run_id, ended=False)
        for rank in range(2):
            maker.append([record(step) for step in range(10)], writer=f"a0-r{rank}", run_id=run_id)
    engine = maker.open()
    engine.poll()
    mark = tail.JournalTail.mark

    def failing(self: tail.JournalTail) -> tail.Mark:
        if RUN in str(self.folder) and self.writer == "a0-r1":  # the first rank's lanes are written by then
            raise OSError(24, "Too many open files")
        return mark(self)

    monkeypatch.setattr(tail.JournalTail, "mark", failing)
    with pytest.raises(OSError, match="open files"):
        engine._runs.find(RUN).commit()
    monkeypatch.setattr("opengraphs.engine.openruns.COMMIT_AFTER_S", 0.0)
    engine.maintain()
    engine.poll()
    engine.maintain()
    assert not engine._runs.find(other).unsaved_points()
    monkeypatch.setattr(tail.JournalTail, "mark", mark)
    engine.maintain()
    engine.close()
    for _ in range(2):
        engine = maker.open()
        for run_id in (RUN, other):
            curves = engine.series({"runs": [run_id], "metrics": ["loss"], "ranks": "each"})["series"]
            assert [curve["points"] for curve in curves] == [10, 10]
        engine.close()
