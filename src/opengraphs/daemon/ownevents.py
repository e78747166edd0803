"""What the daemon itself has to say about a run: `events/ogd.jsonl`, one line an event."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opengraphs.sdk import layout
from opengraphs.store.plainfile import open_plain

LOCK_S = 1.0
"""How long another daemon that writes into the same store (another user's, another host's) is waited for."""
_RETRY_S = 0.01


def append_event(run_dir: Path, kind: str, **payload: Any) -> None:
    """Append one event; raises as `append_events`."""
    append_events(run_dir, [{"kind": kind, **payload}])


def append_events(
    run_dir: Path, events: Sequence[Mapping[str, Any]], *, after_s: float = 0.0
) -> list[dict[str, Any]]:
    """Append events, all or none; a torn line that an earlier daemon left is closed first.

    Args:
        after_s: the newest time in the run's events. What is said last counts, so an event
            gets a later one, also where the clock of the run's host is ahead of ours.

    Returns:
        The events as they were written, each with its time.

    Raises:
        OSError: the folder cannot be written, the disk is full, or another daemon does not
            let go of the file; nothing was written then.
    """
    moment = max(time.time(), after_s + 1e-6)
    written = [{"time": moment + at * 1e-6, **event} for at, event in enumerate(events)]
    lines = b"".join(map(_line, written))
    path = run_dir / layout.EVENTS / layout.segment_name(layout.DAEMON_WRITER, 0)
    path.parent.mkdir(exist_ok=True)
    # A run folder that came from elsewhere may hold anything: never write through a link, nor into a pipe.
    journal = open_plain(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW)
    try:
        _lock(journal, path)
        size = os.fstat(journal).st_size
        if size and os.pread(journal, 1, size - 1) != b"\n":
            lines = b"\n" + lines
        _write_whole(journal, lines, size)
    finally:
        os.close(journal)
    return written


def _line(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _lock(journal: int, path: Path) -> None:
    deadline = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OSError(errno.EBUSY, "another daemon holds the file", str(path)) from None
        time.sleep(_RETRY_S)


def _write_whole(journal: int, data: bytes, size: int) -> None:
    """Write all of `data` behind `size`; what a full disk cut off is taken back."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(journal, view) :]
    except OSError:
        os.ftruncate(journal, size)
        raise
