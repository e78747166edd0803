"""Follow one journal: complete lines, once each, across segments, while it grows.

A live journal is either appended to or stored through a shared mapping; the mapped one
ends in NUL bytes, and a line's newline is stored last. So what stands before a newline
and holds no NUL is whole, and everything else is "not yet".
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import segment_path

PIECE_BYTES = 1 << 20
MAX_LINE_BYTES = 64 << 20
"""A longer line is skipped and reported: nobody logs one on purpose."""
KEPT_BAD_LINES = 200
_CHECK_BYTES = 1024
_OTHER_FILE = -1
"""Stands for a checksum, and is none."""
_LIVE_BYTES = 8192
"""Read first: what follows the newest lines of a mapped journal is a megabyte of NULs."""


class Position(NamedTuple):
    """A place in a journal: segment number, byte offset in that segment."""

    segment: int
    offset: int


class Piece(NamedTuple):
    """Complete lines, newline included, without NUL bytes; and where the first one starts."""

    data: bytes
    segment: int
    offset: int


class BadLine(NamedTuple):
    segment: int
    offset: int
    length: int
    reason: str


class Mark(NamedTuple):
    """Where a reader stood, and enough of the bytes there to know the files again.

    past: segments read to their end: (number, inode, end offset).
    """

    segment: int
    offset: int
    inode: int
    head_crc: int
    tail_crc: int
    past: tuple[tuple[int, int, int], ...] = ()


class JournalTail:
    """Incremental reader of `<folder>/<writer>[.NNNNNN].jsonl`.

    Never raises for what is in the file. `read` and `peek` may raise OSError when the
    disk fails; a file that is not there (any more) is simply silent until `verify`.

    Args:
        reopen: the folder is on a mount whose attributes are cached (`mounts.is_remote`):
            files are judged by content, not by inode.
    """

    def __init__(self, folder: Path, writer: str, fds: FdPool, *, reopen: bool = False) -> None:
        self.folder = folder
        self.writer = writer
        self.bad: list[BadLine] = []
        self.bad_count = 0
        self._fds = fds
        self._reopen = reopen
        self._segments: list[int] = []
        self._past: dict[int, tuple[int, int]] = {}
        self._inode: int | None = None
        self._go(Position(0, 0))

    # -- where we are ----------------------------------------------------------------

    @property
    def position(self) -> Position:
        return Position(self._segment, self._offset)

    @property
    def segments(self) -> list[int]:
        """Numbers of the files there are, as last told by `see`."""
        return self._segments

    def _go(self, position: Position) -> None:
        self._segment, self._offset = position
        self._path = segment_path(self.folder, self.writer, self._segment)
        self._looked = self._offset
        self._inode = None
        self._last = b""

    def see(self, segments: list[int]) -> None:
        """Tell the reader which segments there are (ascending); a folder watch knows."""
        self._segments = segments
        if self._offset == 0 and not self._past and segments and segments[0] > self._segment:
            self._go(Position(segments[0], 0))

    def jump(self, position: Position) -> None:
        """Read on from a place that is known to be the start of a line."""
        self._go(position)

    def fork(self, position: Position) -> JournalTail:
        """Another reader of the same journal that begins at the line at `position`."""
        other = JournalTail(self.folder, self.writer, self._fds, reopen=self._reopen)
        other._segments = self._segments
        other._go(position)
        return other

    def take_over(self, other: JournalTail) -> None:
        """Stand where `other` stands, with what it knows and what it found wrong."""
        self._go(other.position)
        self._inode, self._last, self._looked = other._inode, other._last, other._looked
        self._past = {**self._past, **other._past}
        self.bad_count += other.bad_count
        self.bad = [*self.bad, *other.bad][:KEPT_BAD_LINES]

    # -- reading -----------------------------------------------------------------------

    def peek(self) -> bool:
        """Whether a `read` is worth it: one byte is looked at.

        It is read with `pread` (0.7 µs), not through a mapping of our own (0.06 µs): a
        mapped page beyond the end of a file that was cut is SIGBUS, and the `fstat` that
        would guard it costs more (1.1 µs) than the `pread`.
        """
        byte = self._pread(1, self._looked)
        return bool(byte.strip(b"\0")) or self._next_segment() is not None

    def read(
        self, max_bytes: int = PIECE_BYTES, *, until: Position | None = None, final: bool = False
    ) -> Piece | None:
        """The next complete lines, about `max_bytes` of them; None when there is no more yet.

        Args:
            until: the start of a line where this reader ends.
            final: the writer is gone, so a hole of NULs is damage and not "not yet".
        """
        while True:
            limit = self._limit(max_bytes, until)
            if limit == 0:
                return None
            piece = self._take(limit, final)
            if piece is not None or self._next_segment() is None:
                return piece
            # The writer went on to another segment, so this one gets no more: look again
            # (it may have written here just before) and then take holes for what they are.
            piece = self._take(limit, True)
            if piece is not None:
                return piece
            self._advance()

    def _limit(self, max_bytes: int, until: Position | None) -> int:
        if until is None or until.segment > self._segment:
            return max_bytes
        if until.segment < self._segment:
            return 0
        return max(0, min(max_bytes, until.offset - self._offset))

    def _take(self, limit: int, final: bool) -> Piece | None:
        while True:
            chunk = self._pread(min(limit, _LIVE_BYTES), self._offset)
            hole = chunk.find(0)
            if _LIVE_BYTES <= len(chunk) < limit and (hole < 0 or b"\n" not in chunk[:hole]):
                chunk = self._pread(limit, self._offset)
                hole = chunk.find(0)
            whole = chunk if hole < 0 else chunk[:hole]
            end = whole.rfind(b"\n") + 1
            if end:
                return self._accept(whole[:end], end)
            if hole < 0 and len(chunk) < limit:
                self._looked = self._offset + len(chunk)
                return None
            line_end = (
                self._end_of_holed_line(chunk, hole, final) if hole >= 0 else self._end_of_long_line(final)
            )
            if line_end is None:
                return None
            if line_end > self._offset:
                piece = self._take_line(line_end)
                if piece is not None:
                    return piece

    def _end_of_holed_line(self, chunk: bytes, hole: int, final: bool) -> int | None:
        """Where the line ends that has NULs in it; None: not yet; our offset: look again."""
        start, self._looked = self._offset, self._offset + hole
        if not final and not chunk[hole:].strip(b"\0"):
            return None
        # A line may be stored while we copy it: newline seen, body not. A second look
        # begins after that newline, so it sees the body.
        if self._pread(hole + 1, start) != chunk[: hole + 1]:
            return start
        return self._find_newline(start + hole)

    def _end_of_long_line(self, final: bool) -> int | None:
        return self._find_newline(max(self._offset, self._looked), stop_at_nul=not final)

    def _find_newline(self, position: int, *, stop_at_nul: bool = False) -> int | None:
        """Offset after the next newline at or after `position`; remembers how far it looked."""
        while True:
            window = self._pread(PIECE_BYTES, position)
            newline = window.find(b"\n")
            hole = window.find(0) if stop_at_nul else -1
            if hole >= 0 and not 0 <= newline < hole:
                self._looked = position + hole
                return None
            if newline >= 0:
                return position + newline + 1
            position += len(window)
            if len(window) < PIECE_BYTES:
                self._looked = position
                return None

    def _take_line(self, end: int) -> Piece | None:
        """One line that is long or has NULs in it: its content, or None when it is damaged."""
        length = end - self._offset
        if length > MAX_LINE_BYTES:
            self._skip(end, f"longer than {MAX_LINE_BYTES >> 20} MiB")
            return None
        line = self._pread(length, self._offset)
        text = line.strip(b"\0\n")
        if not text or b"\0" in text:
            self._skip(end, "holds NUL bytes" if text else "")
            return None
        return self._accept(text + b"\n", length, lead=len(line) - len(line.lstrip(b"\0")))

    def _skip(self, end: int, reason: str) -> None:
        if reason:
            self.note_bad(BadLine(self._segment, self._offset, end - self._offset, reason))
        self._offset = self._looked = end
        self._last = b""

    def _accept(self, data: bytes, length: int, *, lead: int = 0) -> Piece:
        piece = Piece(data, self._segment, self._offset + lead)
        self._offset += length
        self._looked = self._offset
        self._last = data[-_CHECK_BYTES:] if len(data) == length else b""
        return piece

    def _pread(self, length: int, offset: int) -> bytes:
        try:
            if self._reopen:
                self._fds.drop(self._path)
            opened = self._fds.get(self._path)
        except FileNotFoundError:
            return b""
        if self._inode is None:
            self._inode = opened.inode
        elif opened.inode != self._inode and not self._reopen:
            return b""  # replaced since; `verify` will say so
        return os.pread(opened.fd, length, offset)

    # -- segments ----------------------------------------------------------------------

    def _next_segment(self) -> int | None:
        """The number of the following segment in which something stands; None while there is none.

        A writer may prepare its next file before it needs it: empty, or only NULs. One that
        was left so is passed over once a later one is written to.
        """
        for number in self._segments:
            if number <= self._segment:
                continue
            path = segment_path(self.folder, self.writer, number)
            try:
                opened = self._fds.get(path)
            except FileNotFoundError:
                continue
            if os.pread(opened.fd, 1, 0).strip(b"\0"):
                return number
            self._fds.drop(path)  # another file may take its place before anything of it is read
        return None

    def _advance(self) -> None:
        following = self._next_segment()
        if following is not None:
            self._past[self._segment] = (self._inode or 0, self._offset)
            self._fds.drop(self._path)
            self._go(Position(following, 0))

    # -- trust -------------------------------------------------------------------------

    def note_bad(self, bad: BadLine) -> None:
        """Count a complete line that means nothing; the first few are kept with their place."""
        self.bad_count += 1
        if len(self.bad) < KEPT_BAD_LINES:
            self.bad.append(bad)

    def verify(self) -> bool:
        """Whether the files are still those that were read; False: begin again from the start.

        Notices a file that shrank below what was read, was replaced or removed, or whose
        bytes before our offset changed.
        """
        if not all(self._same_past(*entry) for entry in self._past.items()):
            return False
        for number in self._segments:
            if number > self._segment or (number == self._segment and self._inode is None):
                # Of a file that nothing was read of, the one that is there now counts.
                self._fds.drop(segment_path(self.folder, self.writer, number))
        if self._offset == 0 and self._inode is None:
            return True
        try:
            now = self._path.stat()
        except OSError:
            return False
        if not self._reopen and self._inode is not None and now.st_ino != self._inode:
            return False
        if now.st_size < self._offset:
            return False
        return self._pread(len(self._last), self._offset - len(self._last)) == self._last

    def _same_past(self, number: int, known: tuple[int, int]) -> bool:
        inode, end = known
        try:
            now = segment_path(self.folder, self.writer, number).stat()
        except OSError:
            return False
        return now.st_size >= end and (self._reopen or now.st_ino == inode)

    def consumed(self) -> dict[int, int]:
        """Bytes read of each segment, by its number."""
        return {**{number: end for number, (_, end) in self._past.items()}, self._segment: self._offset}

    def mark(self) -> Mark:
        """What `resume` needs to go on here in another process."""
        past = tuple((number, *known) for number, known in sorted(self._past.items()))
        head, tail = self._fingerprint()
        if self._pread(len(self._last), self._offset - len(self._last)) != self._last:
            tail = _OTHER_FILE  # it was cut and grew again since we read: nobody must go on here
        return Mark(self._segment, self._offset, self._inode or 0, head, tail, past)

    def _fingerprint(self) -> tuple[int, int]:
        span = min(_CHECK_BYTES, self._offset)
        return crc32(self._pread(span, 0)), crc32(self._pread(span, self._offset - span))

    def resume(self, mark: Mark) -> bool:
        """Go on at `mark` if the files are still those; else stay at the start, False."""
        self._past = {number: (inode, end) for number, inode, end in mark.past}
        self._go(Position(mark.segment, mark.offset))
        self._inode = mark.inode if mark.inode and not self._reopen else None
        if self._path.is_file() and self.verify() and self._fingerprint() == (mark.head_crc, mark.tail_crc):
            return True
        self.restart()
        return False

    def restart(self) -> None:
        """Forget everything and begin at the first byte of the first segment."""
        self._fds.drop(self._path)
        self._past = {}
        self.bad, self.bad_count = [], 0
        self._go(Position(self._segments[0] if self._segments else 0, 0))

    # -- sizes ---------------------------------------------------------------------------

    def spans(self) -> list[tuple[int, int, int]]:
        """What is still to be read: (segment, from, to) with `to` the end of its data."""
        return [
            (number, self._offset if number == self._segment else 0, self.data_end(number))
            for number in self._segments
            if number >= self._segment
        ]

    def data_end(self, number: int) -> int:
        """Where the bytes of a segment end and its NUL padding begins; 0 when it is gone.

        Found by halving: padding is one stretch at the end. A hole inside a damaged file
        can only make this an earlier place, and readers stop at none of these.
        """
        try:
            fd = self._fds.get(segment_path(self.folder, self.writer, number)).fd
            high = os.fstat(fd).st_size
        except OSError:
            return 0
        if high == 0 or os.pread(fd, 1, high - 1) != b"\0":
            return high
        low = 0
        while low < high:
            middle = (low + high) // 2
            if os.pread(fd, 1, middle).strip(b"\0"):
                low = middle + 1
            else:
                high = middle
        return low

    def near_end(self, max_bytes: int) -> Position:
        """The start of a line so that about `max_bytes` follow it; our position if less is left."""
        left = max_bytes
        for number, start, end in reversed(self.spans()):
            if end - start >= left:
                return self._line_start(number, end - left)
            left -= max(0, end - start)
        return self.position

    def _line_start(self, number: int, offset: int) -> Position:
        end = self.fork(Position(number, offset))._find_newline(offset, stop_at_nul=True)
        return self.position if end is None else Position(number, end)
