"""Windows into stdout.log by line number, whatever its size.

The index holds one number a block of 256 KB: how many lines begin before it. It is built
once per file at the speed of `bytes.count` (GB/s) and goes on as the file grows; a look
at the end of a file too big to count at once is answered from the end first.
"""

from __future__ import annotations

import os
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from opengraphs.records import LogLine
from opengraphs.store.logtext import FOLD_BYTES, clean, decode_line
from opengraphs.store.plainfile import open_plain

BLOCK_BYTES = 256 << 10
MAX_LINES = 2000
MAX_WINDOW_BYTES = 8 << 20
_COUNT_BUDGET_S = 0.15


class Window(NamedTuple):
    """lines: up to the number asked. counted: False while line numbers are estimates,
    because the file is still being counted (ask again); total_lines counts a last line
    without newline too. open_end: the file's last line has no newline yet.
    """

    lines: list[LogLine]
    total_lines: int
    size_bytes: int
    next: int
    counted: bool
    open_end: bool = False


class LogFile:
    """One log file that may grow, shrink or not exist (then it is empty)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forget()

    def _forget(self) -> None:
        self._inode = -1
        self._newlines = array("q", [0])
        """Newlines before each block; one more entry than counted whole blocks."""

    def size_bytes(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def window(self, start: int, lines: int, *, raw: bool = False) -> Window:
        """Lines `start` … `start + lines - 1`; negative `start` counts from the end.

        Raises:
            OSError: the file exists and cannot be read.
        """
        with self.opened() as (fd, size, counted):
            return self._window(fd, size, counted, start, min(lines, MAX_LINES), raw)

    @contextmanager
    def opened(self) -> Iterator[tuple[int, int, bool]]:
        """The open file (-1: there is none), its size now, and whether all of it is counted.

        Raises:
            OSError: the file exists and cannot be read.
        """
        try:
            fd = open_plain(self.path)
        except FileNotFoundError:
            self._forget()
            yield -1, 0, True
            return
        try:
            facts = os.fstat(fd)
            if facts.st_ino != self._inode or facts.st_size < (len(self._newlines) - 1) * BLOCK_BYTES:
                self._forget()
                self._inode = facts.st_ino
            counted = self._count(fd, facts.st_size, time.monotonic() + _COUNT_BUDGET_S)
            yield fd, facts.st_size, counted
        finally:
            os.close(fd)

    def _window(self, fd: int, size: int, counted: bool, start: int, lines: int, raw: bool) -> Window:
        if size == 0:
            return Window([], 0, 0, 0, counted=True)
        if counted or start >= 0:
            total = self.total_lines(fd, size)
            first = max(0, total + start) if start < 0 else start
            found = self._forward(fd, size, first, lines, raw) if first < total else []
        else:
            total = self._estimate(size)
            found = self._backward(fd, size, total, -start, raw)[:lines]
            first = found[0]["n"] if found else total
        open_end = os.pread(fd, 1, size - 1) != b"\n"
        return Window(found, total, size, first + len(found), counted, open_end)

    # -- counting --------------------------------------------------------------------------

    def _count(self, fd: int, size: int, deadline_s: float) -> bool:
        """Count whole blocks until the time is up; True when none is left."""
        while len(self._newlines) * BLOCK_BYTES <= size:
            at = (len(self._newlines) - 1) * BLOCK_BYTES
            self._newlines.append(self._newlines[-1] + os.pread(fd, BLOCK_BYTES, at).count(b"\n"))
            if time.monotonic() > deadline_s:
                return len(self._newlines) * BLOCK_BYTES > size
        return True

    def total_lines(self, fd: int, size: int) -> int:
        """All lines counted so far plus those of the rest after the counted blocks (exact
        when everything is counted)."""
        at = (len(self._newlines) - 1) * BLOCK_BYTES
        rest = os.pread(fd, min(BLOCK_BYTES, size - at), at)
        whole = self._newlines[-1] + rest.count(b"\n")
        ends_open = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        return whole + (1 if ends_open or size - at > BLOCK_BYTES else 0)

    def _estimate(self, size: int) -> int:
        counted = (len(self._newlines) - 1) * BLOCK_BYTES
        return max(1, round(self._newlines[-1] * size / counted)) if counted else 1

    # -- reading -----------------------------------------------------------------------------

    def _forward(self, fd: int, size: int, first: int, lines: int, raw: bool) -> list[LogLine]:
        found: list[LogLine] = []
        used = 0
        for number, data in self.lines_from(fd, size, first):
            found.append({"n": number, "text": _text(data, raw)})
            used += len(data)
            if len(found) >= lines or used > MAX_WINDOW_BYTES:
                break
        return found

    def offset_of(self, fd: int, size: int, line: int) -> int | None:
        """Byte offset of the first byte of `line`; None when the file ends before it."""
        if line == 0:
            return 0
        block = bisect_left(self._newlines, line) - 1  # the last one with fewer newlines before it
        position, seen = block * BLOCK_BYTES, self._newlines[block]
        while position < size:
            data = os.pread(fd, BLOCK_BYTES, position)
            count = data.count(b"\n")
            if seen + count >= line:
                at = -1
                for _ in range(line - seen):
                    at = data.index(b"\n", at + 1)
                return position + at + 1
            seen, position = seen + count, position + len(data)
            if not data:
                break
        return None

    def line_before(self, offset: int) -> int | None:
        """The number of the last line that begins before byte `offset`; None when there is none.

        Raises:
            OSError: the file exists and cannot be read.
        """
        with self.opened() as (fd, size, _):
            end = min(offset, size)
            if end <= 0:
                return None
            block = min((end - 1) // BLOCK_BYTES, len(self._newlines) - 1)
            seen, position = self._newlines[block], block * BLOCK_BYTES
            while position < end - 1 and (
                data := os.pread(fd, min(BLOCK_BYTES, end - 1 - position), position)
            ):
                seen, position = seen + data.count(b"\n"), position + len(data)
            return seen

    def lines_from(self, fd: int, size: int, first: int) -> Iterator[tuple[int, bytes]]:
        """Numbered lines from line `first` on, as bytes without their newline."""
        start = self.offset_of(fd, size, first)
        if start is None:
            return
        yield from numbered_lines(fd, start, size, first)

    def _backward(self, fd: int, size: int, total: int, lines: int, raw: bool) -> list[LogLine]:
        """The last lines, read from the end; numbered down from the (estimated) total."""
        data, start = b"", size
        while start > 0 and data.count(b"\n") <= lines and len(data) < MAX_WINDOW_BYTES:
            begin = max(0, start - BLOCK_BYTES)
            data, start = os.pread(fd, start - begin, begin) + data, begin
        rows = data.removesuffix(b"\n").split(b"\n")
        rows = rows[-lines:] if start == 0 else rows[1:][-lines:]
        first = max(0, total - len(rows))
        return [{"n": first + at, "text": _text(row, raw)} for at, row in enumerate(rows)]


def numbered_lines(fd: int, start: int, size: int, first: int) -> Iterator[tuple[int, bytes]]:
    """Lines from byte `start` to `size`, the first one numbered `first`, without newlines.

    A last line without newline is a line. Of an endless one only a bounded part is held.
    """
    number, rest, position = first, b"", start
    while position < size:
        block = os.pread(fd, min(BLOCK_BYTES, size - position), position)
        if not block:
            break
        position += len(block)
        *whole, last = block.split(b"\n")
        for row in whole:
            yield number, rest + row
            number, rest = number + 1, b""
        rest = _bounded(rest + last)
    if rest:
        yield number, rest


def _bounded(data: bytes) -> bytes:
    """A progress bar keeps its end, a plain line its beginning (what `clean` shows of each)."""
    if len(data) <= 2 * FOLD_BYTES:
        return data
    return data[-FOLD_BYTES:] if b"\r" in data[-FOLD_BYTES:] else data[: 2 * FOLD_BYTES]


def _text(data: bytes, raw: bool) -> str:
    text = decode_line(data)
    return text if raw else clean(text)
