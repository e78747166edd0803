"""Which of the checkpoints that were found are news, whose they are, and of which step."""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import checkpoint_kit as kit
import pytest

from opengraphs.daemon import checkpointwatch
from opengraphs.daemon.checkpointwatch import CheckpointWatch, _event_of, unknown_of
from opengraphs.engine import EngineStore
from opengraphs.sdk import layout
from opengraphs.store.checkpointlook import Found
from opengraphs.store.checkpointnames import Step

RUN, OTHER = "20261122-093012-k7f3", "20261122-093013-m2m2"


def found(
    path: str = "/out/ckpt.pt", step: int | None = None, mtime: float = 100.0, *, sure: bool = True
) -> Found:
    return Found(path, "torch", None if step is None else Step(step, sure), 10, mtime, False)


@pytest.mark.parametrize(
    ("event", "is_news"),
    [
        ({"path": "/out/ckpt.pt", "time": 101.0}, False),
        ({"path": "/out/ckpt.pt", "time": 50.0}, True),
        ({"path": "/out/ckpt.pt", "time": 50.0, "origin": "found", "mtime": 100.0}, False),
        ({"path": "/out/ckpt.pt", "time": 500.0, "origin": "found", "mtime": 90.0}, True),
        ({"path": "/out", "time": 50.0}, False),
        ({"path": "/out/ckpt.pt/weights", "time": 50.0}, False),
        ({"path": "/out", "time": 50.0, "origin": "found"}, True),
        ({"path": "/other", "time": 500.0}, True),
        ({"path": None}, True),
        ({}, True),
    ],
)
def test_one_that_was_told_of_is_no_news(event: dict[str, Any], is_news: bool) -> None:
    assert bool(unknown_of([found()], [event])) is is_news


def test_the_same_step_at_the_same_place_is_no_news() -> None:
    told = [{"path": "/out/checkpoint-5", "time": 50.0, "step": 5}]
    assert unknown_of([found("/out/checkpoint-5", 5)], told) == []
    assert len(unknown_of([found("/out/checkpoint-5", 6)], told)) == 1


@pytest.mark.parametrize(
    ("one", "logged", "step", "by"),
    [
        (found(step=300), 10, 300, "name"),
        (found(), 42, 42, "time"),
        (found(), None, None, ""),
        (found(step=100, sure=False), 98, 100, "name"),
        (found(step=3, sure=False), 4000, 4000, "time"),
        (found(step=3, sure=False), None, 3, "name"),
    ],
)
def test_the_step_is_that_of_the_name_or_of_the_moment(
    one: Found, logged: int | None, step: int | None, by: str
) -> None:
    event = _event_of(one, logged)
    assert (event["step"], event["step_from"]) == (step, by)
    assert event["checkpoint_id"].startswith(f"found-{'x' if step is None else step}-")
    assert event == _event_of(one, logged)


# -- rounds ----------------------------------------------------------------------------------------


class Lab:
    """Live runs in one store, and rounds over them with a clock of the test's own."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = root / "store"
        self.work = root / "work"
        self.work.mkdir()
        self._now = 1000.0
        monkeypatch.setattr(checkpointwatch, "time", self)
        self.engine = EngineStore.open(self.store, index_dir=root / "index")
        self.watch = CheckpointWatch(self._ask)

    def monotonic(self) -> float:
        return self._now

    async def _ask(self, act: Callable[[EngineStore, list[Any]], Any]) -> Any:
        return act(self.engine, [])

    def run(self, run_id: str = RUN, **facts: Any) -> Path:
        folder = self.store / "runs" / run_id
        for name in ("metrics", "system", "events", "samples"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        now = layout.utc_iso()
        told = {
            "schema": 1, "run_id": run_id, "status": "running", "created_at": now, "started_at": now, "cwd": str(self.work),
            "host": layout.host_name(), "config": {}, "summary": {}, "tags": [], **facts,
        }  # fmt: skip
        (folder / "run.json").write_text(json.dumps(told))
        (folder / "run.lock").touch()
        return folder

    def round(self, after_s: float = 3.0) -> float:
        """One round, so much later."""
        self._now += after_s
        self.engine.scan()
        return asyncio.run(self.watch.round())

    def told(self, run_id: str = RUN) -> list[str]:
        path = self.store / "runs" / run_id / "events" / "ogd.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [os.path.relpath(json.loads(line)["path"], self.work) for line in lines]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    made = Lab(tmp_path, monkeypatch)
    yield made
    made.engine.close()


def test_without_a_live_run_there_is_no_next_round(lab: Lab) -> None:
    assert math.isinf(lab.round())


def test_a_checkpoint_is_told_once_also_by_an_ogd_that_starts_anew(lab: Lab) -> None:
    lab.run()
    kit.hf(lab.work / "out" / "checkpoint-5", 5)
    for _ in range(4):
        lab.round()
    assert lab.told() == ["out/checkpoint-5"]
    lab.watch = CheckpointWatch(lab._ask)
    for _ in range(4):
        lab.round()
    assert lab.told() == ["out/checkpoint-5"]


def test_a_round_comes_sooner_while_something_has_to_settle(lab: Lab) -> None:
    lab.run()
    assert lab.round() == checkpointwatch.LOOK_S
    kit.zipped(lab.work / "ckpt.pt")
    assert lab.round() == checkpointwatch.WAITING_S


def test_the_last_checkpoint_of_a_run_that_ends_is_told(lab: Lab) -> None:
    folder = lab.run()
    lab.round()
    kit.zipped(lab.work / "ckpt.pt")
    (folder / "exit.json").write_text(json.dumps({"code": 0, "signal": None, "ended_at": layout.utc_iso()}))
    lab.round()
    lab.round()
    assert lab.told() == ["ckpt.pt"]
    assert math.isinf(lab.round())


def test_what_is_written_after_the_end_is_another_runs(lab: Lab) -> None:
    folder = lab.run()
    lab.round()
    (folder / "exit.json").write_text(json.dumps({"code": 0, "signal": None, "ended_at": layout.utc_iso()}))
    later = time.time() + 60
    os.utime(kit.zipped(lab.work / "ckpt.pt"), (later, later))
    for _ in range(3):
        lab.round()
    assert lab.told() == []


def test_what_a_run_saved_between_its_last_heartbeat_and_a_crash_is_told(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.run(heartbeat_at=layout.utc_iso())
    lab.round()
    saved = time.time() + 10
    os.utime(kit.zipped(lab.work / "ckpt.pt"), (saved, saved))
    monkeypatch.setattr("opengraphs.store.liveness.YOUNG_S", -1.0)  # nobody holds the lock
    for _ in range(3):
        lab.round()
    assert lab.engine.facts(RUN)["status"] == "crashed"
    assert lab.told() == ["ckpt.pt"]


def test_a_place_that_two_live_runs_share_is_nobodys_unless_one_names_it(lab: Lab) -> None:
    (lab.work / "mine").mkdir()
    lab.run(config={"output_dir": "mine"})
    lab.run(OTHER)
    kit.zipped(lab.work / "ckpt.pt")
    kit.zipped(lab.work / "mine" / "ckpt.pt")
    for _ in range(3):
        lab.round()
    assert (lab.told(), lab.told(OTHER)) == (["mine/ckpt.pt"], [])


def test_runs_of_other_hosts_and_other_programs_are_left_alone(lab: Lab) -> None:
    lab.run(host="elsewhere")
    lab.run(OTHER, source_path="/x")
    kit.zipped(lab.work / "ckpt.pt")
    assert math.isinf(lab.round())


def test_a_store_that_cannot_be_written_is_no_trouble(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.run()
    kit.zipped(lab.work / "ckpt.pt")

    def refused(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(checkpointwatch, "append_events", refused)
    for _ in range(3):
        lab.round()
    assert lab.told() == []
