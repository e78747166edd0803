"""What the daemon itself has to say about a run: `events/ogd.jsonl`, one line an event."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from opengraphs.sdk import layout


def append_event(run_dir: Path, kind: str, **payload: Any) -> None:
    """Append one event; a torn line that an earlier daemon left is closed first.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    line = json.dumps({"time": time.time(), "kind": kind, **payload}).encode() + b"\n"
    path = run_dir / layout.EVENTS / layout.segment_name(layout.DAEMON_WRITER, 0)
    journal = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(journal, fcntl.LOCK_EX)
        size = os.fstat(journal).st_size
        if size and os.pread(journal, 1, size - 1) != b"\n":
            line = b"\n" + line
        os.write(journal, line)
    finally:
        os.close(journal)
