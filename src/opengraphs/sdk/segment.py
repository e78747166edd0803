"""One file of a journal: its lock, its length, its seals. Who writes into it is not its matter."""

from __future__ import annotations

import os
import zlib

from . import layout, locks, space

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO, List, Optional

_CHUNK_BYTES = 1 << 20
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)


class JournalBusyError(OSError):
    """Another process writes this journal."""


class Segment:
    """An open, locked segment file.

    Attributes:
        reserved: bytes of the file that have disk space (mapped writers); a whole number
            of pages, or the file's length at the start.
        sealed_to: everything before this offset is on disk and covered by seals.
        seal_bytes: length of the newest seal line, which stands at or after `sealed_to`.
        named: whether the file's name is on disk too.
        is_used: False for a segment that is only prepared.
    """

    __slots__ = ("fd", "is_used", "named", "number", "path", "reserved", "seal_bytes", "sealed_to")

    def __init__(self, path: str, number: int, fd: int, end: int) -> None:
        self.path = path
        self.number = number
        self.fd = fd
        self.reserved = end
        self.sealed_to = end
        self.seal_bytes = 0
        self.named = False
        self.is_used = False

    @classmethod
    def create(cls, folder: str, writer: str, number: int, *, flags: int = 0) -> Segment:
        """Make a segment nobody has made yet.

        Raises:
            FileExistsError: somebody has.
            OSError: it cannot be made here.
        """
        path = os.path.join(folder, layout.segment_name(writer, number))
        fd = os.open(path, _FLAGS | os.O_EXCL | flags, 0o644)
        locks.try_lock(fd)  # nobody else can own a file that did not exist
        return cls(path, number, fd, 0)

    @classmethod
    def create_next(cls, folder: str, writer: str, after: int, *, flags: int = 0) -> Segment:
        """The segment after number `after`. Numbers may skip; only their order means something."""
        number = after + 1
        while True:
            try:
                return cls.create(folder, writer, number, flags=flags)
            except FileExistsError:
                number += 1

    @classmethod
    def adopt(cls, folder: str, writer: str, *, flags: int = 0) -> Optional[Segment]:
        """Take over a journal whose writer is gone: lock it and repair its tail.

        Trailing NULs are cut. A last line that lacks its newline gets it if it is whole,
        and is cut if it is not, as `ogd` does it.

        Returns:
            The last segment, to go on at its end; None when there is no journal.

        Raises:
            JournalBusyError: its writer lives.
        """
        numbers = _numbers(folder, writer)
        if not numbers:
            return None
        path = os.path.join(folder, layout.segment_name(writer, numbers[-1]))
        fd = os.open(path, _FLAGS | flags, 0o644)
        if not locks.try_lock(fd):
            locks.close(fd)
            raise JournalBusyError("another process writes this journal: %s" % path)
        try:
            for number in numbers[:-1]:
                _trim(os.path.join(folder, layout.segment_name(writer, number)))
            end = _trim(path)
        except OSError:
            locks.unlock_and_close(fd)
            raise
        return cls(path, numbers[-1], fd, end)

    def sync(self) -> None:
        """Bring content, and once the name, to the disk.

        Raises:
            OSError: the disk failed.
        """
        space.datasync(self.fd)
        if not self.named:
            self.named = True
            _sync_folder(os.path.dirname(self.path))

    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self.fd).st_size

    def seal_line(self, end: int) -> bytes:
        """The seal of what lies between `sealed_to` and `end`, read back from the file."""
        crc, at = 0, self.sealed_to
        while at < end:
            piece = space.read_at(self.fd, min(_CHUNK_BYTES, end - at), at)
            if not piece:
                break
            crc = zlib.crc32(piece, crc)
            at += len(piece)
        return b'{"seal":{"from":%d,"to":%d,"crc32":%d}}' % (self.sealed_to, at, crc)

    def note_seal(self, end: int, line: bytes) -> None:
        """The seal line of everything before `end` is written."""
        self.sealed_to = end
        self.seal_bytes = len(line) + 1

    def has_news(self, end: int) -> bool:
        """Whether anything but the newest seal stands behind `sealed_to`."""
        return end > self.sealed_to + self.seal_bytes

    def unsealed(self, end: int) -> bytes:
        """The lines between `sealed_to` and `end`, seals left out, without the last newline."""
        data = space.read_at(self.fd, end - self.sealed_to, self.sealed_to)
        lines = data.rstrip(b"\0\n").split(b"\n")
        return b"\n".join(line for line in lines if not line.startswith(b'{"seal":'))

    def finish(self, end: int) -> None:
        """Bring a file that was `cut` at `end` to the disk, seal it and let go of it.

        Raises:
            OSError: the disk failed to sync; the descriptor stays open.
        """
        if self.has_news(end):
            self.sync()
            self._add_line(end, self.seal_line(end))
        self.close()

    def _add_line(self, end: int, line: bytes) -> int:
        """Write a line at the end of the file, whole or not at all; the new end."""
        try:
            if space.write_at(self.fd, line + b"\n", end) == len(line) + 1:
                return end + len(line) + 1
        except OSError:
            pass
        self.cut(end)
        return end

    def cut(self, end: int) -> None:
        """Cut the file off at `end`, where the disk still can."""
        try:
            os.ftruncate(self.fd, end)
        except OSError:
            pass

    def end_line(self, end: int) -> int:
        """Cut the file at `end`, and end its last line if it has no newline; the new end."""
        self.cut(end)
        if end > 0 and space.read_at(self.fd, 1, end - 1) != b"\n":
            return self._add_line(end, b"")
        return end

    def close(self) -> None:
        """Let go of the file as it is."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            locks.unlock_and_close(fd)

    def forget(self) -> None:
        """In a forked child: close the parent's descriptor and leave its lock alone."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            locks.close(fd)

    def discard(self) -> None:
        """Remove a segment that was prepared and never used."""
        self.close()
        try:
            os.unlink(self.path)
        except OSError:
            pass


def _numbers(folder: str, writer: str) -> List[int]:
    found = (layout.split_segment(name) for name in os.listdir(folder))
    return sorted(number for name, number in filter(None, found) if name == writer)


def last_segment(folder: str, writer: str) -> Optional[str]:
    """Path of the segment that is written now, or was last; None when there is no journal."""
    numbers = _numbers(folder, writer)
    return os.path.join(folder, layout.segment_name(writer, numbers[-1])) if numbers else None


def true_end(path: str) -> int:
    """Length of a file without its trailing NULs."""
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - _CHUNK_BYTES)
            file.seek(start)
            tail = file.read(end - start).rstrip(b"\0")
            if tail:
                return start + len(tail)
            end = start
    return 0


def _trim(path: str) -> int:
    """Cut a dead writer's padding off, end its last line, and return the length.

    A last line without a newline is a record whose `log()` never returned, or one that
    found no room. If it is whole nevertheless it gets its newline, else it is cut off.
    """
    end = true_end(path)
    with open(path, "r+b") as file:
        torn = _after_last_newline(file, end)
        is_whole = _is_object(torn)
        end -= 0 if is_whole else len(torn)
        file.truncate(end)
        if is_whole:
            file.seek(end)
            end += file.write(b"\n")
    return end


def _is_object(line: bytes) -> bool:
    import json

    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _after_last_newline(file: BinaryIO, end: int) -> bytes:
    tail, start = b"", end
    while start > 0 and b"\n" not in tail:
        start = max(0, start - _CHUNK_BYTES)
        file.seek(start)
        tail = file.read(end - start)
    return tail.rpartition(b"\n")[2]


def _sync_folder(folder: str) -> None:
    from .jsonfile import sync_folder

    sync_folder(folder)
