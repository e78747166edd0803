"""What takes the rows: nothing is half known when the disk refuses, and few runs are open at once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from opengraphs.daemon.ingest import desk as desks
from opengraphs.daemon.ingest.desk import Desk, Sender
from opengraphs.daemon.ingest.landing import Landing
from opengraphs.daemon.ingest.quarantine import Quarantine
from opengraphs.sdk import layout
from opengraphs.store.runcopy import RunCopy


@pytest.fixture
def desk(og_home: Path) -> Desk:
    return Desk(
        og_home / "store", project="", quarantine=Quarantine(), quiet_s=60, open_file=og_home / "open.json"
    )


def batch(first: int, count: int, *, run: str = "r") -> bytes:
    logs = [
        {"project": "p", "run": run, "metrics": {"loss": step}, "step": step, "log_id": f"{run}-{step}"}
        for step in range(first, first + count)
    ]
    return json.dumps({"kwargs": {"logs": logs}}).encode()


def stored(desk: Desk) -> list[dict[str, Any]]:
    journals = sorted((desk.store / layout.RUNS).glob("*/metrics/*.jsonl"))
    return [json.loads(line) for path in journals for line in path.read_bytes().splitlines()]


def test_a_batch_that_the_disk_refused_is_stored_once_when_it_comes_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.bulk_log(batch(0, 10), Sender())

    def full(_copy: RunCopy) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(RunCopy, "flush", full)
        with pytest.raises(OSError, match="No space"):
            desk.bulk_log(batch(10, 16_000), Sender())  # much of it is written before the end refuses
    assert len(stored(desk)) > 10
    desk.bulk_log(batch(0, 16_010), Sender())
    counts = Counter(record["step"] for record in stored(desk))
    assert counts == dict.fromkeys(range(16_010), 1)
    desk.close()


def test_rows_before_one_that_failed_are_not_taken_for_stored(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Landing.metrics, iter(range(100))

    def fails_at_five(self: Landing, *args: Any) -> None:
        if next(calls) == 5:
            raise OSError(5, "Input/output error")
        real(self, *args)

    with monkeypatch.context() as disk:
        disk.setattr(Landing, "metrics", fails_at_five)
        with pytest.raises(OSError, match="Input"):
            desk.bulk_log(batch(0, 10), Sender())
    desk.bulk_log(batch(0, 10), Sender())
    assert [record["step"] for record in stored(desk)] == list(range(10))
    desk.close()


def test_the_run_that_was_silent_longest_makes_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "MAX_OPEN", 3)
    for number in range(10):
        desk.bulk_log(batch(0, 2, run=f"r{number}"), Sender())
    desk.bulk_log(batch(2, 2, run="r0"), Sender())
    assert sum(seen.is_open for seen in desk.seen()) == 3
    assert len(stored(desk)) == 22
    assert len(list((desk.store / layout.RUNS).iterdir())) == 10
    desk.close()


def test_a_desk_goes_on_with_the_runs_of_the_one_before(desk: Desk, og_home: Path) -> None:
    desk.bulk_log(batch(0, 3), Sender())
    desk.close()
    after = Desk(
        desk.store, project="", quarantine=Quarantine(), quiet_s=0.0, open_file=og_home / "open.json"
    )
    after.reopen()
    (run,) = (desk.store / layout.RUNS).iterdir()
    assert json.loads((run / "run.json").read_text())["status"] == "running"
    assert after.tick() is False
    assert json.loads((run / "run.json").read_text())["status"] == "finished"
    assert json.loads((og_home / "open.json").read_text()) == {"runs": []}
