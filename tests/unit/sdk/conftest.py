"""What the SDK's tests share: a clean SDK in this process, and a strict reader of journals."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sdk_records import Records

from opengraphs.sdk import api, exits, layout, warn
from opengraphs.sdk.window import Sizes

TINY = Sizes(first=8192, largest=8192, segment=64 << 10, overlap=4096)
"""Windows of a page or two, segments of 16 pages: every border is near."""


def read_journal(folder: Path, writer: str) -> list[dict[str, Any]]:
    """All records of a closed journal but its seals, which must be true.

    Fails on NUL bytes, on torn lines and on lines that are no JSON objects.
    """
    found = [(layout.split_segment(path.name), path) for path in folder.iterdir()]
    segments = sorted((split[1], path) for split, path in found if split and split[0] == writer)
    records: list[dict[str, Any]] = []
    for _, path in segments:
        data = path.read_bytes()
        assert b"\0" not in data
        assert data.endswith(b"\n") or not data
        for line in data.split(b"\n")[:-1]:
            record = json.loads(line)
            if "seal" in record:
                seal = record["seal"]
                assert zlib.crc32(data[seal["from"] : seal["to"]]) == seal["crc32"]
            else:
                records.append(record)
    return records


@pytest.fixture
def journal_of() -> Callable[[Path, str], list[dict[str, Any]]]:
    return read_journal


@pytest.fixture
def tiny() -> Sizes:
    return TINY


@pytest.fixture
def fresh_sdk(og_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The SDK as a new process finds it; the store's folder. Ends the run a test left open."""
    for name in ("RANK", "WORLD_SIZE", "OG_STRICT", "OG_MODE", "OG_JOURNAL", "SLURM_JOB_ID", "PMI_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(api, "_run", None)
    monkeypatch.setattr(api, "_has_joined", False)
    monkeypatch.setattr(warn, "_told", set())
    monkeypatch.setattr(exits, "watch", lambda _run: None)
    yield og_home / "store"
    if api._run is not None:
        api._run.finish()


@pytest.fixture
def records(fresh_sdk: Path) -> Records:
    return Records()
