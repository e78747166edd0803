"""The line of a log that belongs to a step or a moment, and what is said where nothing tells."""

from __future__ import annotations

import json
import os
from pathlib import Path

from opengraphs.engine import logmoments
from opengraphs.store.logfile import BLOCK_BYTES, LogFile


def journal(tmp_path: Path, records: list[dict[str, object]]) -> int:
    path = tmp_path / "stdout.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + "\0" * 100)
    return os.open(path, os.O_RDONLY)


def test_a_moment_finds_the_last_mark_before_it(tmp_path: Path) -> None:
    records = [
        {"step": n, "time": 100.0 + n // 3, "metrics": {}, "offset": 20 * (n + 1)} for n in range(5000)
    ]
    fd = journal(tmp_path, records)
    size = os.fstat(fd).st_size
    for n in (0, 1, 700, 2500, 4999):
        found = logmoments._search(fd, size, 100.0 + n // 3, n)
        assert found == logmoments.Mark(100.0 + n // 3, 20 * (n + 1), n)
    later = logmoments._search(fd, size, 100.0 + 500, None)
    assert later == logmoments.Mark(600.0, 20 * 1503, 1502)
    assert logmoments._search(fd, size, 99.0, None) is None
    os.close(fd)


def test_the_line_is_the_last_that_had_begun(tmp_path: Path) -> None:
    path = tmp_path / "stdout.log"
    path.write_text("".join(f"line {n:09d}\n" for n in range(60_000)))
    log = LogFile(path)
    assert path.stat().st_size > 2 * BLOCK_BYTES
    for n in (0, 1, BLOCK_BYTES // 15, BLOCK_BYTES // 15 + 1, 59_999):
        found = logmoments.line_of(log, logmoments.Mark(1.0, 15 * (n + 1)))
        assert found is not None
        assert found["text"] == f"line {n:09d}"
    assert logmoments.line_of(log, logmoments.Mark(1.0, 0)) is None
    assert log.line_before(10**9) == 59_999
