"""Which line of a log belongs to a step or a moment.

A log has no times of its own. Two things tell how long it was, and when: each metric read off
the output names the byte up to which it was read, and the runner notes the log's size with
every system sample. What neither tells is not guessed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from opengraphs.engine.rundata import RunData
from opengraphs.runner.printed import WRITER
from opengraphs.store.folder import RunFolder, list_segments, segment_path
from opengraphs.store.logfile import LogFile
from opengraphs.store.plainfile import open_plain

SIZE_KEY = "log.size_bytes"
_LINE_BYTES = 64 << 10
_CURVES = 64


class Mark(NamedTuple):
    """At `time` (epoch seconds) the log was `offset` bytes long. step: of the metric that ended there, if any."""

    time: float
    offset: int
    step: int | None = None


def time_of_step(data: RunData, step: int) -> float | None:
    """When the newest point at or before a step was logged; None before the first."""
    found: list[tuple[int, float]] = []
    for curve in list(data.curves().values())[:_CURVES]:
        if not curve.ranks:
            continue
        strip = curve.newest(curve.ranks[0])
        place = strip.find("step", float(step), right=True) - 1
        if place >= 0:
            point = strip.read(place, place + 1)
            found.append((int(point.steps[0]), float(point.times[0])))
    return max(found)[1] if found else None


def mark_at(data: RunData, folder: RunFolder, moment: float, step: int | None) -> Mark | None:
    """The latest thing that is known of the log's length at a moment; the metric of `step` itself wins."""
    printed = _printed(folder, moment, step)
    if printed is not None and step is not None and printed.step == step:
        return printed
    known = [mark for mark in (printed, _sampled(data, moment)) if mark is not None]
    return max(known, default=None, key=lambda mark: (mark.time, mark.offset))


def line_of(log: LogFile, mark: Mark) -> dict[str, Any] | None:
    """The last line that had begun when the log was as long as the mark says; None for an empty log."""
    number = log.line_before(mark.offset)
    if number is None:
        return None
    window = log.window(number, 1)
    return dict(window.lines[0]) if window.lines and window.counted else None


def _sampled(data: RunData, moment: float) -> Mark | None:
    """What the runner noted with its system samples."""
    best: Mark | None = None
    for (_, key), lane in data.system_lanes().items():
        if key != SIZE_KEY or not lane.n:
            continue
        place = lane.find("time", moment, right=True) - 1
        if place >= 0:
            point = lane.read(place, place + 1)
            mark = Mark(float(point.times[0]), int(point.values[0]))
            best = mark if best is None or mark.time > best.time else best
    return best


def _printed(folder: RunFolder, moment: float, step: int | None) -> Mark | None:
    """What the metrics that were read off the output tell; the newest segment that begins early enough."""
    for number in reversed(list_segments(folder.metrics).get(WRITER, [])):
        try:
            fd = open_plain(segment_path(folder.metrics, WRITER, number))
        except OSError:
            continue
        try:
            found = _search(fd, os.fstat(fd).st_size, moment, step)
        finally:
            os.close(fd)
        if found is not None:
            return found
    return None


def _search(fd: int, size: int, moment: float, step: int | None) -> Mark | None:
    """The last record at or before `moment`. Several are of one look: the one of `step` counts, if it is there."""
    place = _bisect(fd, size, lambda mark: mark.time > moment)
    begin = max(0, place - _LINE_BYTES)
    marks = [mark for _, mark in _marks(fd, size, begin) if mark.time <= moment]
    exact = [mark for mark in marks if step is not None and mark.step == step]
    found = exact or marks
    return found[-1] if found else None


def _bisect(fd: int, size: int, is_after: Callable[[Mark], bool]) -> int:
    """Byte offset at most a few kilobytes behind the last record that is not `is_after`; times of a journal rise."""
    low, high = 0, size
    while high - low > _LINE_BYTES // 4:
        middle = (low + high) // 2
        found = next(_marks(fd, size, middle), None)
        if found is None or is_after(found[1]):
            high = middle
        else:
            low = middle
    return high


def _marks(fd: int, size: int, begin: int) -> Iterator[tuple[int, Mark]]:
    """Records from the first whole line at or after `begin` on, each with its place; two pieces at most."""
    data = os.pread(fd, min(2 * _LINE_BYTES, size - begin), begin).rstrip(b"\0")
    at = 0 if begin == 0 else data.find(b"\n") + 1
    for line in data[at:].split(b"\n"):
        mark = _read(line)
        if mark is not None:
            yield begin + at, mark
        at += len(line) + 1


def _read(line: bytes) -> Mark | None:
    if b'"offset"' not in line:
        return None
    try:
        record = json.loads(line)
        step = record.get("step")
        return Mark(float(record["time"]), int(record["offset"]), None if step is None else int(step))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
