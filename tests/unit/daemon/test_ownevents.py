"""What the daemon appends to a run."""

from __future__ import annotations

import json
from pathlib import Path

from opengraphs.daemon.ownevents import append_event
from opengraphs.sdk.layout import create_run_folder


def test_events_are_whole_lines_also_after_a_torn_one(tmp_path: Path) -> None:
    run = Path(create_run_folder(str(tmp_path), "20261122-093012-k7f3"))
    journal = run / "events" / "ogd.jsonl"
    append_event(run, "status", status="stopped")
    journal.write_bytes(journal.read_bytes() + b'{"time": 1, "ki')
    append_event(run, "tag", tags=["x"])
    first, torn, last = journal.read_bytes().splitlines()
    assert json.loads(first).items() >= {"kind": "status", "status": "stopped"}.items()
    assert torn == b'{"time": 1, "ki'
    assert json.loads(last)["tags"] == ["x"]
    assert journal.read_bytes().endswith(b"\n")
