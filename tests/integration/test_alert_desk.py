"""Which runs the desk takes in when ogd starts: nothing missed, nothing told twice."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opengraphs.daemon.alerting.desk import SHORT_S, AlertDesk
from opengraphs.daemon.alerting.keeping import Keeping
from opengraphs.engine import Change, EngineStore
from opengraphs.sdk.layout import host_name

RUN = "20261122-093012-k7f3"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


def stamp(ago_s: float) -> str:
    return datetime.fromtimestamp(time.time() - ago_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def failed_run(store: Path, ago_s: float, run_id: str = RUN) -> None:
    """A training that went wrong so long ago."""
    folder = store / "runs" / run_id
    for name in ("metrics", "system", "events", "samples"):
        (folder / name).mkdir(parents=True)
    began = stamp(ago_s + 5)
    facts = {
        "schema": 1, "run_id": run_id, "project": "p", "name": "quick", "status": "running", "created_at": began,
        "started_at": began, "host": host_name(), "config": {}, "summary": {}, "tags": [], "notes": "",
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "exit.json").write_text(json.dumps({"code": 3, "signal": None, "ended_at": stamp(ago_s)}))
    said = {
        "time": time.time() - ago_s - 1,
        "kind": "alert",
        "state": "fired",
        "alert_id": "mine",
        "level": "warn",
    }
    (folder / "events" / "a0-r0.jsonl").write_text(json.dumps({**said, "title": "tokens fell"}) + "\n")


def titles_after_a_start(store: Path, index_dir: Path) -> list[str]:
    """What a fresh ogd tells of; it is killed afterwards, so nothing is closed."""
    engine = EngineStore.open(store, index_dir=index_dir)
    try:
        engine.scan()
        desk, changes = AlertDesk(store), list[Change]()
        for _ in range(3):
            desk.look(engine, changes)
        alerts: list[Any] = [event for change in changes for event in change.get("alerts", ())]
        return sorted(str(event.get("title")) for event in alerts)
    finally:
        engine.close()


def test_a_run_that_ended_before_ogd_was_up_is_told_of_once(tmp_path: Path) -> None:
    failed_run(tmp_path / "store", 3.0)
    first = titles_after_a_start(tmp_path / "store", tmp_path / "index")
    assert len(first) == 2
    assert "tokens fell" in first
    assert titles_after_a_start(tmp_path / "store", tmp_path / "index") == []


def test_a_run_of_yesterday_is_nobodys_news(tmp_path: Path) -> None:
    failed_run(tmp_path / "store", SHORT_S + 5)
    assert titles_after_a_start(tmp_path / "store", tmp_path / "index") == []


@pytest.mark.parametrize("kept", [b"", b"\xff torn", b"\x81\xa4runs\xa1x"])
def test_a_torn_note_of_ended_runs_is_as_none(tmp_path: Path, kept: bytes) -> None:
    keeping = Keeping(tmp_path / "store")
    keeping.forget(RUN)
    assert list(Keeping(tmp_path / "store").over()) == [RUN]
    (note,) = (tmp_path / "state").glob("**/over")
    note.write_bytes(kept)
    assert Keeping(tmp_path / "store").over() == {}
