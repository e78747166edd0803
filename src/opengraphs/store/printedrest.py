"""Metrics printed at the end of a run whose runner was killed: read on from where it stopped.

Each record of `metrics/stdout.jsonl` names the offset in stdout.log up to which the runner
had read. What lies behind it is read with the same grammar, once, by the owner after the end.
"""

from __future__ import annotations

import json
import os
import time
from typing import NamedTuple

from opengraphs.grammar.parser import LineParser, Record
from opengraphs.runner.printed import WRITER, journal_record
from opengraphs.sdk.journal import Journal, JournalBusyError
from opengraphs.store.folder import RunFolder, list_segments, segment_path
from opengraphs.store.plainfile import open_plain

CONTEXT_BYTES = 256 << 10
"""Read again in front of the place, for what a parser knows from earlier lines: bars, tables, names."""
LIMIT_S = 0.5
KEPT_BYTES = 1 << 20
"""What is read at least of the end of a log that is too long for the time."""
_PIECE_BYTES = 64 << 10
_TAIL_BYTES = 256 << 10


class Mark(NamedTuple):
    """Where the runner stopped: offset in the log, and epoch seconds of its last record."""

    offset: int
    time: float


def complete(folder: RunFolder) -> int:
    """Append what is missing, and return how many records that are; 0 where nothing is.

    Only for a run without an end record whose runner had begun: a user may have switched
    this off. Doing it twice does no harm.

    Raises:
        OSError: the folder cannot be read or written.
    """
    if folder.exit_json.exists():
        return 0
    mark = _mark(folder)
    if mark is None:
        return 0
    fd = open_plain(folder.stdout_log)
    try:
        facts = os.fstat(fd)
        if facts.st_size <= mark.offset:
            return 0
        records = _rest(fd, facts.st_size, mark.offset)
    finally:
        os.close(fd)
    return _append(folder, records, mark, Mark(facts.st_size, facts.st_mtime))


def _mark(folder: RunFolder) -> Mark | None:
    """What the last record of the journal says; None without one."""
    numbers = list_segments(folder.metrics).get(WRITER)
    if not numbers:
        return None
    fd = open_plain(segment_path(folder.metrics, WRITER, numbers[-1]))
    try:
        size = os.fstat(fd).st_size
        tail = os.pread(fd, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    finally:
        os.close(fd)
    for line in reversed(tail.rstrip(b"\0").split(b"\n")):
        if b'"offset"' not in line:
            continue
        try:
            record = json.loads(line)
            return Mark(int(record["offset"]), float(record["time"]))
        except (ValueError, KeyError, TypeError, RecursionError):  # the line that was cut off
            continue
    return None


def _rest(fd: int, size: int, offset: int) -> list[Record]:
    parser = LineParser(position=max(0, offset - CONTEXT_BYTES))
    if parser.position:
        parser.jump(parser.position)
    found: list[Record] = []
    until_s = time.monotonic() + LIMIT_S
    while parser.position < size:
        data = os.pread(fd, _PIECE_BYTES, parser.position)
        if not data:
            break
        found += [record for record in parser.feed(data) if record.end > offset]
        if time.monotonic() > until_s and size - parser.position > KEPT_BYTES:
            parser.jump(size - KEPT_BYTES)
    return found + [record for record in parser.flush() if record.end > offset]


def _append(folder: RunFolder, records: list[Record], begin: Mark, end: Mark) -> int:
    """Write the records; their times are spread between the last record's and the log's last change."""
    if not records:
        return 0
    span, passed = max(1, end.offset - begin.offset), max(0.0, end.time - begin.time)
    try:
        journal = Journal(str(folder.metrics), WRITER)
    except JournalBusyError:
        return 0
    with journal:
        for record in records:
            moment = begin.time + passed * (record.end - begin.offset) / span
            journal.append(journal_record(record, moment))
    return len(records)
