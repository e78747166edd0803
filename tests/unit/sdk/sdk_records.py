"""Reading back what a run of the SDK has recorded so far, in the process that records it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import opengraphs as og


def run_dir() -> Path:
    assert og.run is not None
    assert og.run.dir is not None
    return Path(og.run.dir)


class Records:
    """What the current run has recorded so far, read from its files while it lives."""

    def __call__(self, folder: str, writer: str = "a0-r0") -> list[dict[str, Any]]:
        data = (run_dir() / folder / f"{writer}.jsonl").read_bytes().rstrip(b"\0")
        return [record for line in data.splitlines() if "seal" not in (record := json.loads(line))]

    def metrics(self) -> list[dict[str, Any]]:
        return self("metrics")

    def samples(self) -> list[dict[str, Any]]:
        return self("samples")

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self("events") if event["kind"] == kind]

    def run_json(self) -> dict[str, Any]:
        return dict(json.loads((run_dir() / "run.json").read_bytes()))
