"""Copies of foreign runs in the catalog: beside the store's own, judged by their records, left alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opengraphs.engine import EngineStore
from opengraphs.sdk import layout
from opengraphs.store.runfacts import QUIET_AFTER_S, judge_followed

RUN = "20260101-120000-aaaa"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EngineStore]:
    opened = EngineStore.open(tmp_path / "store", index_dir=tmp_path / "index")
    yield opened
    opened.close()


def write_run(runs: Path, run_id: str = RUN, *, steps: int = 3, **facts: Any) -> Path:
    folder = runs / run_id
    (folder / layout.METRICS).mkdir(parents=True, exist_ok=True)
    known = {"schema": 1, "run_id": run_id, "name": "copied", "host": "", "source": "csv", **facts}
    (folder / layout.RUN_JSON).write_text(json.dumps(known))
    lines = [
        json.dumps({"step": step, "time": 1.0 + step, "metrics": {"loss": 1.0}}) for step in range(steps)
    ]
    (folder / layout.METRICS / "csv.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return folder


def attached(tmp_path: Path) -> Path:
    return tmp_path / "index" / "attached" / layout.RUNS


def test_copy_is_listed_resolved_and_read_like_any_run(tmp_path: Path, store: EngineStore) -> None:
    write_run(tmp_path / "store" / layout.RUNS, "20260101-110000-bbbb", status="finished", host="elsewhere")
    folder = write_run(attached(tmp_path), status="finished")
    store.scan()
    assert {run["run_id"] for run in store.runs()["runs"]} == {RUN, "20260101-110000-bbbb"}
    assert (store.is_followed(RUN), store.folder_of(RUN)) == (True, folder)
    assert not store.is_followed("20260101-110000-bbbb")
    assert {row["key"]: row["points"] for row in store.run("aaaa")["metrics"]} == {"loss": 3}


def test_run_of_the_store_comes_before_a_copy_of_the_same_id(tmp_path: Path, store: EngineStore) -> None:
    write_run(attached(tmp_path), status="finished")
    store.scan()
    own = write_run(tmp_path / "store" / layout.RUNS, status="finished", steps=5)
    changes = [(change["kind"], change["run"]) for change in store.scan()]
    assert changes == [("gone", RUN), ("run", RUN)]
    assert store.folder_of(RUN) == own
    assert store.run(RUN)["metrics"][0]["points"] == 5


@pytest.mark.parametrize(
    ("told", "age_s", "status"),
    [
        ("running", 1.0, "running"),
        ("running", QUIET_AFTER_S + 5, "finished"),
        ("running", None, "finished"),
        ("failed", 1.0, "failed"),
        ("finished", 1.0, "finished"),
    ],
)
def test_status_is_what_the_source_told_or_by_the_last_record(
    told: str, age_s: float | None, status: str
) -> None:
    now_s = time.time()
    heard = None if age_s is None else layout.utc_iso(now_s - age_s)
    assert judge_followed({"status": told, "heartbeat_at": heard}, now_s=now_s) == status  # type: ignore[typeddict-item]


def test_quiet_copy_ends_with_its_last_record_and_is_never_made_whole(
    tmp_path: Path, store: EngineStore
) -> None:
    last = layout.utc_iso(time.time() - 600)
    folder = write_run(attached(tmp_path), status="running", heartbeat_at=last, host=layout.host_name())
    before = (folder / layout.RUN_JSON).read_bytes()
    store.scan()
    facts = store.facts(RUN)
    assert (facts["status"], facts["ended_at"]) == ("finished", last)
    assert (store.unsettled(), store.settle(RUN)) == ([], False)
    assert (folder / layout.RUN_JSON).read_bytes() == before
    assert not (folder / layout.RUN_LOCK).exists()


def test_snapshot_knows_copies_again(tmp_path: Path, store: EngineStore) -> None:
    write_run(attached(tmp_path), status="finished")
    store.scan()
    store.maintain()
    store.close()
    again = EngineStore.open(tmp_path / "store", index_dir=tmp_path / "index")
    try:
        again.scan()
        assert again.is_followed(RUN)
    finally:
        again.close()


def test_live_copy_is_polled_and_not_watched_by_file_events(tmp_path: Path, store: EngineStore) -> None:
    folder = write_run(attached(tmp_path), status="running", heartbeat_at=layout.utc_iso())
    store.scan()
    assert store.live_runs() == [RUN]
    store.poll()
    with (folder / layout.METRICS / "csv.jsonl").open("a") as journal:
        journal.write('{"step":9,"time":9.0,"metrics":{"loss":0.5}}\n')
    assert [change["keys"] for change in store.poll() if change["kind"] == "metrics"] == [{"loss": 9}]
    assert all(folder not in (place, *place.parents) for place in store.watch_folders())
