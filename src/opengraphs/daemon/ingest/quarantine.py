"""Rows that could not be stored: kept with their reason, shown by `og doctor`.

A client that is refused a batch sends it again and again, and everything else with it. So a
batch is always taken, and what makes no sense in it goes here.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

from opengraphs import paths

MAX_BYTES = 8 << 20
"""A longer file becomes `quarantine.1.jsonl`, in the place of the one before."""
MAX_ROW_CHARS = 64 << 10


class Quarantine:
    """Appends to `ingest/quarantine.jsonl` in the state folder. One thread at a time.

    Attributes:
        count: rows since the daemon started. reason: of the newest.
    """

    def __init__(self) -> None:
        self.path = path_in_force()
        self.count = 0
        self.reason = ""

    def put(self, api: str, row: Any, reason: str, *, project: str = "", run: str = "") -> None:
        """Keep one row. A disk that takes no more loses the row and keeps the count."""
        self.count += 1
        self.reason = reason
        record = {"time": time.time(), "api": api, "project": project, "run": run, "reason": reason}
        record["row"] = _text(row)[:MAX_ROW_CHARS]
        with contextlib.suppress(OSError):
            self._append(json.dumps(record).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(fd).st_size > MAX_BYTES:
                self.path.replace(self.path.with_name("quarantine.1.jsonl"))
                os.close(fd)
                fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.write(fd, line)
        finally:
            os.close(fd)


def path_in_force() -> Path:
    """The file, whether it is there or not."""
    return paths.state_dir() / "ingest" / "quarantine.jsonl"


def waiting() -> tuple[int, str]:
    """(rows in the file, reason of the newest); (0, "") without one."""
    try:
        lines = path_in_force().read_bytes().splitlines()
    except OSError:
        return 0, ""
    try:
        newest = json.loads(lines[-1])["reason"] if lines else ""
    except (ValueError, LookupError, TypeError):
        newest = ""
    return len(lines), str(newest)


def _text(row: Any) -> str:
    if isinstance(row, (bytes, bytearray, memoryview)):
        return bytes(row).decode("utf-8", "replace")
    return json.dumps(row, default=str)
