"""Run folders written by hand, byte by byte, as docs/reference/files.md describes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder
from opengraphs.store.tail import JournalTail

HOST = "this-host"


class RunMaker:
    """Builds one run folder; every method overwrites or appends plain bytes."""

    def __init__(self, path: Path) -> None:
        self.folder = RunFolder(path)
        for folder in self.folder.journal_folders():
            folder.mkdir(parents=True, exist_ok=True)

    def facts(self, **fields: Any) -> dict[str, Any]:
        facts = {
            "schema": 1,
            "run_id": self.folder.run_id,
            "project": "p",
            "name": "train",
            "status": "running",
            "created_at": "2026-11-22T09:30:12.000000Z",
            "started_at": "2026-11-22T09:30:12.000000Z",
            "host": HOST,
            "config": {},
            "summary": {},
            "tags": [],
            "notes": "",
            **fields,
        }
        self.folder.run_json.write_text(json.dumps(facts))
        return facts

    def event(self, writer: str = "a0-r0", **fields: Any) -> None:
        with (self.folder.events / f"{writer}.jsonl").open("a") as file:
            file.write(json.dumps(fields) + "\n")

    def exit(self, **fields: Any) -> None:
        self.folder.exit_json.write_text(json.dumps(fields))


@pytest.fixture
def run_maker(tmp_path: Path) -> RunMaker:
    return RunMaker(tmp_path / "store" / "runs" / "20261122-093012-k7f3")


@pytest.fixture
def fds() -> Iterator[FdPool]:
    pool = FdPool()
    yield pool
    pool.close()


@pytest.fixture
def make_tail(tmp_path: Path, fds: FdPool) -> Callable[..., JournalTail]:
    """A tail of writer `w` in `tmp_path`, told of the segments that are there."""

    def make(*segments: int) -> JournalTail:
        tail = JournalTail(tmp_path, "w", fds)
        tail.see(list(segments) or [0])
        return tail

    return make
