"""Make a run folder plain and whole after its end. With `trash`, which moves folders, the only writer of `store`.

For the owner after the end (ogd) alone: it takes `run.lock` for the time it writes, and
leaves alone what somebody else holds. Everything here can be done twice, or be killed
between any two steps, without harm.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

from opengraphs.records import RunFacts
from opengraphs.sdk import jsonfile
from opengraphs.sdk.layout import utc_iso
from opengraphs.store import printedrest
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder, journal_files
from opengraphs.store.jsonl import parse_object
from opengraphs.store.liveness import Locks
from opengraphs.store.plainfile import open_plain
from opengraphs.store.runfacts import RunReader
from opengraphs.store.runjson import epoch, own_summary, read_small

_BLOCK = 1 << 20


class Trimmed(NamedTuple):
    """What was cut from one file: its NUL padding, and a record that never was whole."""

    path: Path
    padding_bytes: int
    torn_bytes: int


class Settled(NamedTuple):
    """trimmed: files that were cut. written: run.json was replaced."""

    trimmed: list[Trimmed]
    written: bool


@contextmanager
def _exclusive(path: Path, flags: int) -> Iterator[int | None]:
    """The open file of `path` under its exclusive lock; None when somebody holds it."""
    fd = open_plain(path, flags)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield fd
    finally:
        os.close(fd)


def trim_file(path: Path) -> Trimmed | None:
    """Cut the NUL padding and an incomplete last record; None when nothing was to be cut.

    A last record that is a whole object and only lacks its newline gets it. Nothing
    happens while the file's writer holds its lock.

    Raises:
        OSError: the file cannot be opened for writing, or the disk fails.
    """
    with _exclusive(path, os.O_RDWR) as fd:
        if fd is None:
            return None
        size = os.fstat(fd).st_size
        end = _padding_start(fd, size)
        start = _last_line_start(fd, end)
        torn = end - start
        if torn and parse_object(os.pread(fd, torn, start)) is not None:
            os.pwrite(fd, b"\n", end)  # over padding, or at the end of the file
            end, torn = end + 1, 0
        end -= torn
        if end >= size:
            return None
        os.ftruncate(fd, end)
        return Trimmed(path, size - end - torn, torn)


def _padding_start(fd: int, size: int) -> int:
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        kept = len(os.pread(fd, end - start, start).rstrip(b"\0"))
        if kept:
            return start + kept
        end = start
    return 0


def _last_line_start(fd: int, end: int) -> int:
    """Where what follows the last newline begins; `end` when the last line is complete."""
    high = end
    while high > 0:
        start = max(0, high - _BLOCK)
        newline = os.pread(fd, high - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        high = start
    return 0


def settle(folder: RunFolder, *, host: str, last_values: Mapping[str, Any] | None = None) -> Settled | None:
    """Trim the journals of an ended run and fold its events into run.json.

    Args:
        last_values: last value of each metric; a value the user set in `summary` stays.

    Returns:
        None when the run lives (its lock is held) or is of another host.

    Raises:
        OSError: the folder cannot be written; what was done stays, and is sound.
    """
    with _exclusive(folder.lock, os.O_RDWR | os.O_CREAT) as lock:
        if lock is None:
            return None
        fds = FdPool(limit=16)
        try:
            return _settle_locked(folder, fds, host, last_values or {})
        finally:
            fds.close()


def finish_printed(folder: RunFolder) -> int:
    """Complete the metrics of what a run printed whose runner was killed; the records that came in.

    Nothing happens while its lock is held.

    Raises:
        OSError: the folder cannot be read or written.
    """
    with _exclusive(folder.lock, os.O_RDWR | os.O_CREAT) as lock:
        return 0 if lock is None else printedrest.complete(folder)


class _Unlocked(Locks):
    """We hold run.lock ourselves, so nobody else does."""

    def held(self, path: Path) -> bool | None:
        return False


def _settle_locked(
    folder: RunFolder, fds: FdPool, host: str, last_values: Mapping[str, Any]
) -> Settled | None:
    reader = RunReader(folder, fds, host=host)
    facts = reader.read(_Unlocked()).facts
    if facts["status"] == "running" or facts.get("host", host) != host:
        return None
    heard = _last_sign_of_life(folder, facts)
    trimmed = [cut for path in journal_files(folder) if (cut := trim_file(path)) is not None]
    state = reader.read(_Unlocked())
    facts = state.facts
    if state.damage and folder.run_json.exists():
        return Settled(trimmed, written=False)  # a damaged file is evidence: doctor names it
    own = own_summary(facts)
    facts["summary"] = {**facts.get("summary", {}), **last_values, **own}
    facts["summary_folded"] = sorted(key for key in facts["summary"] if key not in own)
    facts["ended_at"] = facts.get("ended_at") or heard
    facts["events_folded"] = reader.folded_bytes()
    changed = facts != _on_disk(folder)
    if changed:
        jsonfile.write_json(str(folder.run_json), _in_order(facts), durable=True)
    return Settled(trimmed, changed)


def _in_order(facts: RunFacts) -> dict[str, Any]:
    """The fields as `RunFacts` lists them, so that a person finds them; foreign ones last."""
    values = cast("dict[str, Any]", facts)
    known = {key: values[key] for key in RunFacts.__annotations__ if key in values}
    return {**known, **values}


def _on_disk(folder: RunFolder) -> object:
    try:
        return json.loads(read_small(folder.run_json))
    except (OSError, ValueError):
        return None


def _last_sign_of_life(folder: RunFolder, facts: RunFacts) -> str | None:
    """When a run that left no end record was last heard of; events may be younger than its end."""
    heard = [epoch(facts.get("heartbeat_at")), epoch(facts.get("started_at")), epoch(facts.get("created_at"))]
    for path in (
        folder.stdout_log,
        *(path for path in journal_files(folder) if path.parent != folder.events),
    ):
        try:
            heard.append(path.stat().st_mtime)
        except OSError:
            continue
    known = [moment for moment in heard if moment is not None]
    return utc_iso(max(known)) if known else None
