"""One file of somebody else that grows while it is read.

Remembered is how far it was read and the bytes right before that place, so that a file that
was rewritten, replaced or cut is told from one that only grew, whatever its name, inode and
time say: a copy that `rsync` brings up to date is followed on, a new file is begun anew.
"""

from __future__ import annotations

import errno
import os
import stat
import zlib
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

SLICE_BYTES = 1 << 18
WITNESS_BYTES = 64


class Piece(NamedTuple):
    """Bytes from `offset` on. `at_end`: the file ended there when it was read."""

    data: bytes
    offset: int
    at_end: bool


class _Witness(NamedTuple):
    """So many bytes before a place, and their CRC-32."""

    length: int
    crc: int


_NOTHING = _Witness(0, 0)


class Rewritten(Exception):  # noqa: N818  (news, no error)
    """What was read before is not in the file any more."""


class FollowedFile:
    """Reads on in one file, opening it for each piece only.

    Attributes:
        path: of the file.
        offset: bytes taken so far.
        size: bytes of the file when it was last looked at; 0 before.
    """

    def __init__(self, path: str, place: object = None) -> None:
        """Begin, or go on at a `place` of an earlier one; a place that is none begins."""
        self.path = path
        self.offset = 0
        self.size = 0
        self._witness = _NOTHING
        self._before = b""
        self._seen: tuple[int, int, int] | None = None
        if _is_place(place):
            self.offset, self._witness = place[0], _Witness(place[1], place[2])

    def place(self) -> list[Any]:
        """JSON-ready: where this one is, and by what the place is known."""
        return [self.offset, *self._witness]

    def rewind(self) -> None:
        """Begin anew."""
        self.offset, self._witness, self._seen = 0, _NOTHING, None

    def is_changed(self) -> bool:
        """Whether the file is another one than at the last piece that reached its end.

        Raises:
            OSError: it cannot be looked at, or is no regular file.
        """
        status = Path(self.path).stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer
            raise OSError(errno.EINVAL, "not a regular file", self.path)
        self.size = status.st_size
        return self._seen != _look(status)

    def piece(self, size: int = SLICE_BYTES) -> Piece:
        """The next `size` bytes or what there is; nothing is taken yet (`take`).

        Raises:
            Rewritten: the file is not the one that was read before, or shorter.
            OSError: it cannot be read.
        """
        before = self._witness.length
        with Path(self.path).open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            self.size = status.st_size
            if self.size < self.offset:
                raise Rewritten
            data = _read(file, before + size, self.offset - before)
        if _witness(data[:before]) != self._witness:
            raise Rewritten
        self._before = data[:before]
        at_end = self.offset - before + len(data) >= self.size
        self._seen = _look(status) if at_end else None
        return Piece(data[before:], self.offset, at_end)

    def take(self, piece: Piece, size: int) -> None:
        """The first `size` bytes of the piece are done with."""
        if size:
            start = max(0, size - WITNESS_BYTES)
            self._witness = _witness((self._before + piece.data[start:size])[-WITNESS_BYTES:])
            self.offset = piece.offset + size

    def skip(self, size: int) -> None:
        """Pass over `size` bytes that are in the file already.

        Raises:
            OSError: it cannot be read.
        """
        self.offset += size
        with Path(self.path).open("rb", buffering=0) as file:
            length = min(WITNESS_BYTES, self.offset)
            self._witness = _witness(_read(file, length, self.offset - length))


def _witness(data: bytes) -> _Witness:
    return _Witness(len(data), zlib.crc32(data))


def _is_place(place: Any) -> TypeGuard[list[int]]:
    return (
        isinstance(place, (list, tuple))
        and len(place) == 3
        and all(isinstance(number, int) for number in place)
        and 0 <= place[1] <= min(WITNESS_BYTES, place[0])
    )


def _look(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino


def _read(file: FileIO, size: int, offset: int) -> bytes:
    """Up to `size` bytes; fewer only at the end of the file."""
    file.seek(offset)
    parts: list[bytes] = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
