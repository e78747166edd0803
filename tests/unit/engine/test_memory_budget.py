"""Memory by accounting: whatever is asked for, what the engine holds stays within its budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opengraphs.engine import EngineStore

BUDGET = 2_000_000
RUN = "20261122-093012-k7f3"


def write(path: Path, records: int, *, keys: int = 1, rank: int = 0) -> None:
    """`records` lines of `keys` metrics each."""
    template = (
        '{"step":%d,"time":%d,"metrics":{' + ",".join(f'"k{place}":%d' for place in range(keys)) + "}}\n"
    )
    with path.open("w") as file:
        for step in range(records):
            file.write(template % (step, step, *((step * 31 + place + rank) % 997 for place in range(keys))))


def read_all(engine: EngineStore) -> None:
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.05)
        engine.maintain()
        assert engine._runs.memory_bytes() <= BUDGET


def roomy_engine(maker: Any) -> EngineStore:
    """One with memory for everything, that has read everything."""
    engine: EngineStore = maker.open(index_dir=maker.path.parent / "roomy")
    while engine.backlog():
        engine.ingest_backlog(budget_s=1.0)
    return engine


def curve(engine: EngineStore, run_id: str, **more: Any) -> Any:
    return engine.series({"runs": [run_id], "metrics": ["k0"], "columns": 60, "smooth": ["ma(9)"], **more})[
        "series"
    ]


def test_many_runs_asked_in_turn(maker: Any) -> None:
    ids = [f"20261122-{number:06d}-aaaa" for number in range(150)]
    for number, run_id in enumerate(ids):
        folder = maker.run(run_id)
        write(folder / "metrics" / "a0-r0.jsonl", 1500, rank=number)
    engine = maker.open(budget_bytes=BUDGET)
    read_all(engine)
    roomy = roomy_engine(maker)
    for run_id in ids:
        found = curve(engine, run_id)
        engine.maintain()
        assert engine._runs.memory_bytes() <= BUDGET
        if run_id in ids[::30]:
            assert found == curve(roomy, run_id)
    assert [run["points"] for run in engine.runs(limit=200)["runs"]] == [1500] * len(ids)


@pytest.mark.parametrize("ranks", ["merged", "each"])
def test_many_ranks_of_one_run(maker: Any, ranks: str) -> None:
    folder = maker.run()
    for rank in range(32):
        write(folder / "metrics" / f"a0-r{rank}.jsonl", 6000, rank=rank)
    engine = maker.open(budget_bytes=BUDGET)
    read_all(engine)
    found = curve(engine, RUN, ranks=ranks)
    engine.maintain()
    assert engine._runs.memory_bytes() <= BUDGET
    roomy = roomy_engine(maker)
    assert curve(roomy, RUN, ranks=ranks) == found
    assert [one["points"] for one in found if one["derived"] is None] == [6000] * (
        32 if ranks == "each" else 1
    )


def test_one_big_run_of_many_keys(maker: Any) -> None:
    folder = maker.run()
    write(folder / "metrics" / "a0-r0.jsonl", 20_000, keys=12)
    engine = maker.open(budget_bytes=BUDGET)
    read_all(engine)
    for place in range(12):
        (raw, _) = engine.series(
            {
                "runs": [RUN],
                "metrics": [f"k{place}"],
                "columns": 60,
                "range": [5000, 5100],
                "smooth": ["ma(9)"],
            }
        )["series"]
        engine.maintain()
        assert engine._runs.memory_bytes() <= BUDGET
        assert raw["y"] == [float((step * 31 + place) % 997) for step in raw["x"]]
        assert raw["points"] == 101


def test_long_merges_are_finished_though_the_lanes_do_not_fit_beside_them(
    maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opengraphs.engine.keycurves.COLUMN_POINTS", 1000)
    monkeypatch.setattr("opengraphs.engine.keycurves.NEWEST_POINTS", 1000)
    folder = maker.run()
    for rank in range(8):
        write(folder / "metrics" / f"a0-r{rank}.jsonl", 20_000, keys=3, rank=rank)
    budget = 700_000
    engine = maker.open(budget_bytes=budget)
    while engine.backlog():
        engine.ingest_backlog(budget_s=0.05)
    asked = {"runs": [RUN], "metrics": ["k0", "k1", "k2"], "columns": 60}
    pieces = 0
    while (reply := engine.series(asked))["pending"][RUN] > 0.0:
        engine.ingest_backlog(RUN, budget_s=0.0)
        pieces += 1
        assert pieces < 100, "begun again and again"
    engine.maintain()
    assert engine._runs.memory_bytes() <= budget
    assert [curve["points"] for curve in reply["series"]] == [20_000] * 3
