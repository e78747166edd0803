"""Stores written by hand, and the slow, obvious meaning of a journal to compare with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opengraphs.engine import EngineStore
from opengraphs.sdk.layout import host_name

RUN = "20261122-093012-k7f3"


class StoreMaker:
    """A store folder; every method writes plain files, as any other program could."""

    def __init__(self, root: Path) -> None:
        self.path = root / "store"
        self.index_dir = root / "index"
        self._opened: list[EngineStore] = []

    def run_dir(self, run_id: str = RUN) -> Path:
        folder = self.path / "runs" / run_id
        for name in ("metrics", "system", "events", "samples"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        return folder

    def run(self, run_id: str = RUN, *, ended: bool = True, **facts: Any) -> Path:
        folder = self.run_dir(run_id)
        stamp = "2026-11-22T09:30:12.000000Z"
        whole = {
            "schema": 1, "run_id": run_id, "project": "p", "name": f"train-{run_id[-4:]}", "status": "running",
            "created_at": stamp, "started_at": stamp, "host": host_name(), "config": {}, "summary": {}, "tags": [],
            "notes": "", **facts,
        }  # fmt: skip
        (folder / "run.json").write_text(json.dumps(whole))
        if ended:
            (folder / "exit.json").write_text(
                '{"code":0,"signal":null,"ended_at":"2026-11-22T10:00:00.000000Z"}'
            )
        else:
            (folder / "run.lock").touch()  # just made, so its owner counts as about to lock it
        return folder

    def append(
        self,
        records: list[dict[str, Any]],
        *,
        writer: str = "a0-r0",
        run_id: str = RUN,
        kind: str = "metrics",
    ) -> None:
        data = "".join(json.dumps(record) + "\n" for record in records)
        self.append_bytes(data.encode(), writer=writer, run_id=run_id, kind=kind)

    def append_bytes(
        self, data: bytes, *, writer: str = "a0-r0", run_id: str = RUN, kind: str = "metrics"
    ) -> None:
        with (self.run_dir(run_id) / kind / f"{writer}.jsonl").open("ab") as file:
            file.write(data)

    def open(self, **options: Any) -> EngineStore:
        engine = EngineStore.open(self.path, **{"index_dir": self.index_dir, **options})
        self._opened.append(engine)
        engine.scan()
        return engine

    def close(self) -> None:
        for engine in self._opened:
            engine.close()


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[StoreMaker]:
    made = StoreMaker(tmp_path)
    yield made
    made.close()


@pytest.fixture
def store_maker_type() -> type[StoreMaker]:
    return StoreMaker


def read_everything(engine: EngineStore) -> None:
    while waiting := engine.backlog():
        for run_id in waiting:
            engine.ingest_backlog(run_id, budget_s=0.05)


@pytest.fixture
def read_all() -> Callable[[EngineStore], None]:
    """Reads a store's backlog to its end."""
    return read_everything
