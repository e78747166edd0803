"""The pump of an open store, over a scripted engine: what makes it look, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from opengraphs.daemon import tasks
from opengraphs.daemon.alerting.sending import Sending
from opengraphs.daemon.coalesce import Coalescer, Topic
from opengraphs.daemon.forward.service import Forwarder
from opengraphs.daemon.inotify import FolderEvents
from opengraphs.daemon.openstore import OpenStore

Told = list[tuple[str, str, dict[str, Any]]]
GREW = {"kind": "metrics", "run": "a", "keys": {"loss": 1}, "points": 1}


def with_store(path: Path, scenario: Callable[[OpenStore, Told], Awaitable[None]]) -> None:
    """Open a store, run the scenario, close it."""

    async def run() -> None:
        told: Told = []

        def publish(topic: Topic, payload: dict[str, Any]) -> None:
            told.append((topic.kind, topic.run, payload))

        loop = asyncio.get_running_loop()
        events = FolderEvents(loop)
        await events.start()
        coalescer = Coalescer(loop, publish, interval_s=0.001)
        store = OpenStore(path, events=events, coalescer=coalescer, forwarder=Forwarder(), sending=Sending())
        try:
            await store.start()
            await asyncio.wait_for(scenario(store, told), 20)
        finally:
            await store.close()
            events.close()

    asyncio.run(run())


async def until(happened: Callable[[], object]) -> None:
    """Return when `happened` says so; the caller has the deadline."""
    while not happened():
        await asyncio.sleep(0.002)


def read(pending: float) -> dict[str, Any]:
    return {"keys": {}, "points": 0, "pending": pending}


def polls(scripted: Any) -> list[Any]:
    return [call[1] for call in scripted.calls if call[0] == "poll"]


def test_opening_scans_and_tells_nobody(tmp_path: Path, scripted: Any) -> None:
    scripted.scans, scripted.live = [[{"kind": "run", "run": "a", "facts": {"name": "n"}}]], ["a"]

    async def scenario(store: OpenStore, told: Told) -> None:
        assert scripted.calls[:2] == ["open", "scan"]
        assert store.live == {"a"}
        assert told == []

    with_store(tmp_path, scenario)


def test_unwatched_idle_store_is_left_alone(tmp_path: Path, scripted: Any) -> None:
    (tmp_path / "runs").mkdir()
    scripted.folders = [tmp_path / "runs"]

    async def scenario(store: OpenStore, told: Told) -> None:
        await asyncio.sleep(0.1)
        assert scripted.calls == ["open", "scan"]

    with_store(tmp_path, scenario)


def test_listened_live_run_is_polled_and_its_points_are_told(tmp_path: Path, scripted: Any) -> None:
    scripted.live = ["a"]

    async def scenario(store: OpenStore, told: Told) -> None:
        with store.listen("a"):
            scripted.polls = [[], [GREW]]
            await until(lambda: told)
        assert told[-1] == ("metrics", "a", {"keys": {"loss": 1}, "points": 1})
        assert ["a"] in polls(scripted)

    with_store(tmp_path, scenario)


def test_new_run_folder_is_scanned_by_its_file_event(tmp_path: Path, scripted: Any) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    scripted.folders = [runs]

    async def scenario(store: OpenStore, told: Told) -> None:
        with store.listen(None):
            scripted.scans = [[{"kind": "run", "run": "new", "facts": {}}]]
            (runs / "new").mkdir()
            await until(lambda: told)
            before = scripted.calls.count("scan")
            (runs / "new" / "run.json").write_text("{}")
            await until(lambda: scripted.calls.count("scan") > before)

    with_store(tmp_path, scenario)


def test_store_that_does_not_exist_yet_is_seen_when_it_comes(tmp_path: Path, scripted: Any) -> None:
    async def scenario(store: OpenStore, told: Told) -> None:
        with store.listen(None):
            scans = scripted.calls.count("scan")
            (tmp_path / "later" / "runs").mkdir(parents=True)
            await until(lambda: scripted.calls.count("scan") > scans)

    with_store(tmp_path / "later", scenario)


def test_append_to_a_watched_file_polls_that_run(tmp_path: Path, scripted: Any) -> None:
    folder = tmp_path / "runs" / "a"
    folder.mkdir(parents=True)
    scripted.folders, scripted.live = [tmp_path / "runs", folder], ["b"]

    async def scenario(store: OpenStore, told: Told) -> None:
        with store.listen("a"):
            (folder / "stdout.log").write_text("x")
            await until(lambda: ["a"] in polls(scripted))

    with_store(tmp_path, scenario)


def test_ended_runs_are_settled_once_and_scanned_again(tmp_path: Path, scripted: Any) -> None:
    scripted.to_settle = ["a", "read-only"]

    async def scenario(store: OpenStore, told: Told) -> None:
        with store.listen(None):
            await until(lambda: scripted.calls.count("scan") >= 2)
            await asyncio.sleep(0.05)
        settled = [call[1] for call in scripted.calls if call[0] == "settle"]
        assert sorted(settled) == ["a", "read-only"]

    with_store(tmp_path, scenario)


def test_backlog_is_read_behind_and_its_progress_told(tmp_path: Path, scripted: Any) -> None:
    scripted.left = {"big": 1.0}

    async def scenario(store: OpenStore, told: Told) -> None:
        await until(lambda: told and told[-1] == ("metrics", "big", read(0.0)))
        assert scripted.left == {}

    with_store(tmp_path, scenario)


def test_of_runs_that_nobody_looks_at_one_event_stands_for_many(tmp_path: Path, scripted: Any) -> None:
    scripted.left = {f"r{number}": 0.5 for number in range(50)}
    scripted.known = {"r7"}
    scripted.scans = [[], [{"kind": "run", "run": "r0", "facts": {}}]]

    async def scenario(store: OpenStore, told: Told) -> None:
        await store.ask(lambda engine: None, runs=["r7"])
        await until(lambda: not scripted.left and any(run == "r49" for _, run, _ in told))
        runs = [run for kind, run, _ in told if kind == "metrics"]
        assert "r7" in runs  # somebody asked about it
        assert len(runs) < 20

    with_store(tmp_path, scenario)


def test_question_that_was_answered_in_part_starts_the_backlog(tmp_path: Path, scripted: Any) -> None:
    scripted.known = {"a"}

    async def scenario(store: OpenStore, told: Told) -> None:
        await until(lambda: not scripted.left)
        scripted.left = {"a": 1.0}
        await store.ask(lambda engine: None, runs=["a"])
        await until(lambda: not scripted.left)
        assert scripted.calls.count(("ingest", "a")) == 2

    with_store(tmp_path, scenario)


def test_reading_for_a_while_stops_at_the_end(tmp_path: Path, scripted: Any) -> None:
    async def scenario(store: OpenStore, told: Told) -> None:
        scripted.left = {"a": 1.0, "b": 0.5}
        await store.read_backlog(60.0)
        assert not scripted.left
        await store.read_backlog(0.0)

    with_store(tmp_path, scenario)


def test_question_brings_changes_along(tmp_path: Path, scripted: Any) -> None:
    scripted.known = {"a"}

    async def scenario(store: OpenStore, told: Told) -> None:
        scripted.polls = [[GREW]]
        assert await store.ask(lambda engine: 5, runs=("a",)) == 5
        assert [kind for kind, _, _ in told] == ["metrics"]

    with_store(tmp_path, scenario)


def test_read_whole_goes_on_to_the_end(tmp_path: Path, scripted: Any) -> None:
    async def scenario(store: OpenStore, told: Told) -> None:
        scripted.left = {"a": 2.0}
        await store.read_whole("a")
        assert scripted.left == {}

    with_store(tmp_path, scenario)


def test_pump_that_failed_is_tried_again(tmp_path: Path, scripted: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(tasks, "RESTART_S", 0.01)
    scripted.live = ["a"]
    failures = [OSError(5, "input/output error")]
    real_poll = scripted.poll

    def poll(run_ids: Any = None) -> list[dict[str, Any]]:
        if failures:
            raise failures.pop()
        found: list[dict[str, Any]] = real_poll(run_ids)
        return found

    monkeypatch.setattr(scripted, "poll", poll)

    async def scenario(store: OpenStore, told: Told) -> None:
        with store.listen("a"):
            scripted.polls = [[GREW]]
            await until(lambda: told)

    with_store(tmp_path, scenario)


def test_engine_is_closed_with_the_store(tmp_path: Path, scripted: Any) -> None:
    async def scenario(store: OpenStore, told: Told) -> None:
        assert "close" not in scripted.calls

    with_store(tmp_path, scenario)
    assert scripted.calls[-1] == "close"
