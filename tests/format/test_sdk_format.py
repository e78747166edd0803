"""The bytes the SDK writes, held against what version 1 wrote: files outlive the code.

`OG_TEST_WRITE_GOLDEN=1` writes the golden folder anew; a difference in it is a change of
format, to be made on purpose.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import opengraphs as og
from opengraphs.sdk import api, exits, facts, keeper, layout, owner, start, writers
from opengraphs.sdk import run as run_module

GOLDEN = Path(__file__).parent / "golden" / "sdk-1"
RUN_ID = "20261122-093012-k7f3"


@pytest.fixture
def frozen(og_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose every byte is known: clock, names and numbers are fixed. Its folder."""
    ticks = count(1763803812)
    clock = lambda: next(ticks) + 0.25  # noqa: E731
    monkeypatch.setattr(run_module, "time", clock)
    monkeypatch.setattr(writers, "time", SimpleNamespace(time=clock))
    monkeypatch.setattr(layout, "utc_iso", lambda *_: "2026-11-22T09:30:12.250000Z")
    monkeypatch.setattr(layout, "new_run_id", lambda *_: RUN_ID)
    monkeypatch.setattr(layout, "host_name", lambda: "node1")
    monkeypatch.setattr(facts, "user_name", lambda: "ada")
    monkeypatch.setattr(facts, "command", lambda: ["python", "train.py", "--lr", "0.1"])
    monkeypatch.setattr(facts, "script_path", lambda: "/home/ada/train.py")
    monkeypatch.setattr(facts, "git_facts", lambda _cwd: {"commit": "a" * 40, "branch": "main"})
    monkeypatch.setattr(facts.os, "getcwd", lambda: "/home/ada")
    monkeypatch.setattr(facts.sys, "version_info", (3, 11, 7))
    monkeypatch.setattr(start.os, "getpid", lambda: 4711)
    monkeypatch.setattr(
        owner, "_rusage", lambda: {"user_s": 1.5, "system_s": 0.25, "max_rss_bytes": 1048576.0}
    )
    monkeypatch.setattr(api, "_run", None)
    monkeypatch.setattr(api, "_has_joined", False)
    monkeypatch.setattr(exits, "watch", lambda _run: None)
    monkeypatch.setattr(keeper.Keeper, "add", lambda *_: None)
    for name in ("RANK", "WORLD_SIZE", "OG_JOURNAL"):
        monkeypatch.delenv(name, raising=False)
    return og_home / "store" / "runs" / RUN_ID


def write_a_run() -> None:
    """One of everything the SDK records."""
    run = og.init(
        project="digits", config={"lr": 0.1, "net": {"layers": [64, 10]}}, tags=["base"], notes="first try"
    )
    run.log({"train/loss": 0.31, "lr": 0.0003}, step=12)
    run.log({"train/loss": math.nan, "eval": {"acc": 1}, "up": math.inf, "down": -math.inf})
    run.progress(12, 1000)
    run.config.seed = 7
    run.summary["best"] = 0.31
    run.tag("k=v")
    run.untag("base")
    run.note("loss is back", step=12)
    run.alert("loss", "it is nan", level="warn")
    run.sample(prompt="2+2", completion="4", score=1.0)
    run.log_system({"gpu.0.watts": 250.5})
    run.log({"picture": og.Image([[0, 255]])}, step=14)
    run.finish()


def written(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != layout.RUN_LOCK
    }


@pytest.mark.parametrize("mode", ["mapped", "append"])
def test_sdk_writes_the_golden_bytes(frozen: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("OG_JOURNAL", mode)
    write_a_run()
    files = {
        name: data.replace(b'"append"', b'"mapped"') if mode == "append" else data
        for name, data in written(frozen).items()
    }
    if os.environ.get("OG_TEST_WRITE_GOLDEN") == "1" and mode == "mapped":
        for name, data in files.items():
            (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name).write_bytes(data)
    golden = written(GOLDEN)
    assert sorted(files) == sorted(golden)
    for name, data in files.items():
        if name.startswith(layout.MEDIA):  # compressed, and not every zlib compresses alike
            assert data[:4] == golden[name][:4]
        elif mode == "append":  # one word differs in an event, so its seal does
            assert _without_seals(data) == _without_seals(golden[name]), name
        else:
            assert data == golden[name], name


def _without_seals(data: bytes) -> list[bytes]:
    return [line for line in data.splitlines() if not line.startswith(b'{"seal"')]


def test_golden_journals_are_json_lines_with_true_seals() -> None:
    journals = list(GOLDEN.rglob("*.jsonl"))
    assert len(journals) == 4
    for journal in journals:
        data = journal.read_bytes()
        records: list[dict[str, Any]] = [json.loads(line) for line in data.splitlines()]
        seals = [record["seal"] for record in records if "seal" in record]
        assert seals
        assert all(zlib.crc32(data[seal["from"] : seal["to"]]) == seal["crc32"] for seal in seals)
