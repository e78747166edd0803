"""An engine that answers from a script."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from opengraphs import engine
from opengraphs.errors import NotFoundError


class ScriptedEngine:
    """Says what the test put into its lists, and notes in `calls` what it was asked."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.scans: list[list[dict[str, Any]]] = []
        self.polls: list[list[dict[str, Any]]] = []
        self.live: list[str] = []
        self.folders: list[Path] = []
        self.to_settle: list[str] = []
        self.left: dict[str, float] = {}
        self.known: set[str] = set()
        self.maintain_again_s = float("inf")

    def open(self, path: Path, **options: Any) -> ScriptedEngine:
        self.calls.append("open")
        return self

    def close(self) -> None:
        self.calls.append("close")

    def scan(self) -> list[dict[str, Any]]:
        self.calls.append("scan")
        return self.scans.pop(0) if self.scans else []

    def poll(self, run_ids: Iterable[str] | None = None) -> list[dict[str, Any]]:
        self.calls.append(("poll", None if run_ids is None else sorted(run_ids)))
        return self.polls.pop(0) if self.polls else []

    def watch_folders(self) -> list[Path]:
        return self.folders

    def live_runs(self) -> list[str]:
        return self.live

    def backlog(self) -> dict[str, float]:
        return dict(self.left)

    def most_wanted(self) -> str | None:
        return next(iter(self.left), None)

    def is_reading(self, run_id: str) -> bool:
        return run_id in self.left

    def ingest_backlog(self, run_id: str | None = None, *, budget_s: float) -> float:
        assert run_id is not None
        self.calls.append(("ingest", run_id))
        if run_id not in self.left:
            return 0.0
        self.left[run_id] = round(self.left[run_id] - 0.5, 3)
        if self.left[run_id] <= 0:
            return self.left.pop(run_id)
        return self.left[run_id]

    def unsettled(self) -> list[str]:
        return list(self.to_settle)

    def settle(self, run_id: str) -> bool:
        self.calls.append(("settle", run_id))
        if run_id in self.to_settle and run_id != "read-only":
            self.to_settle.remove(run_id)
            return True
        return False

    def maintain(self) -> float:
        self.calls.append("maintain")
        return self.maintain_again_s

    def resolve(self, ref: str) -> str:
        if ref not in self.known:
            raise NotFoundError("no such run", path=ref)
        return ref


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """The engine that every store opened in this test gets."""
    one = ScriptedEngine()
    monkeypatch.setattr(engine, "EngineStore", one)
    return one
