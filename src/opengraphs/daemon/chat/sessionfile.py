"""The file of one session: records appended by the daemon alone, read by their number.

What is kept in memory is where each record begins, never the records themselves. A torn last line is passed
over and closed by the next record.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from opengraphs.daemon.encode import plain
from opengraphs.errors import ConflictError, DiskFullError, NotFoundError, StoreError
from opengraphs.store.plainfile import open_plain

MAX_FILE_BYTES = 32 << 20
"""A session of this size takes no more messages; a fork or a new one goes on."""
READ_BYTES = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)
_HINT = "sessions lie in the run's folder: check that it can be written"


class SessionFile:
    """One file. Not for use from two threads at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts: array[int] = array("q")
        self._ends: array[int] = array("q")
        self._size = 0
        self._torn = False
        self._held: int | None = None

    @property
    def seq(self) -> int:
        """Of the last record; 0 before the first."""
        return len(self._ends)  # the last thing that is known of a record: another thread may read

    @property
    def size_bytes(self) -> int:
        return self._size

    def load(self) -> Iterator[dict[str, Any]]:
        """All records, in order; what is no record of this file is passed over.

        Raises:
            NotFoundError: there is no such file.
            StoreError: it cannot be read.
        """
        self._starts, self._ends, self._size = array("q"), array("q"), 0
        try:
            file = os.fdopen(open_plain(self.path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        except FileNotFoundError as error:
            raise NotFoundError("no such session", path=str(self.path)) from error
        except OSError as error:
            raise StoreError(
                f"the session cannot be read ({error.strerror})", hint=_HINT, path=str(self.path)
            ) from error
        with file:
            for line in iter(lambda: file.readline(MAX_FILE_BYTES), b""):
                start, self._size = self._size, self._size + len(line)
                self._torn = not line.endswith(b"\n")
                record = None if self._torn else _record(line)
                if record is not None and record["seq"] == self.seq + 1:
                    self._starts.append(start)
                    self._ends.append(self._size)
                    yield record

    def append(self, record: Mapping[str, Any]) -> int:
        """Append one record, whole or not at all; its `seq`, which it gets here.

        Raises:
            ConflictError: another daemon writes into this session.
            DiskFullError, StoreError: it cannot be written.
        """
        held = self._held is not None
        self.hold()
        try:
            numbered = plain({"seq": self.seq + 1, **record})
            line = json.dumps(numbered, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
            if self._size + len(line) > MAX_FILE_BYTES:
                raise StoreError(
                    "the session is full", hint="begin a new one: og chat --new", path=str(self.path)
                )
            self._write(line)
        except OSError as error:
            raise _refused(error, self.path) from error
        finally:
            if not held:
                self.release()
        return self.seq

    def hold(self) -> None:
        """Be the only one who writes, until `release`; raises as `append`."""
        if self._held is not None:
            return
        try:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            file = open_plain(self.path, flags, 0o600)
        except OSError as error:
            raise _refused(error, self.path) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file).st_size != self._size:
                for _ in self.load():  # another daemon wrote since
                    pass
        except OSError as error:
            os.close(file)
            raise ConflictError(
                "another daemon writes into this session", hint="try again later", path=str(self.path)
            ) from error
        self._held = file

    def release(self) -> None:
        """Let others write."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def read(self, after: int, *, until: int | None = None) -> tuple[bytes, int]:
        """Lines of the records after `after`, at most about a megabyte, and the number of the last one.

        Raises:
            StoreError: the file is gone or cannot be read.
        """
        last = self.seq if until is None else min(until, self.seq)
        if after >= last:
            return b"", after
        number, start = after, self._starts[after]
        while number < last and (number == after or self._ends[number] - start <= READ_BYTES):
            number += 1
        try:
            file = open_plain(self.path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                data = b"".join(self._pieces(file, after, number))
            finally:
                os.close(file)
        except OSError as error:
            raise StoreError(f"the session cannot be read ({error.strerror})", path=str(self.path)) from error
        return data, number

    def _pieces(self, file: int, after: int, until: int) -> Iterator[bytes]:
        for number in range(after, until):
            start, end = self._starts[number], self._ends[number]
            yield os.pread(file, end - start, start)

    def _write(self, line: bytes) -> None:
        assert self._held is not None
        start = self._size + self._torn
        view = memoryview(b"\n" + line if self._torn else line)
        try:
            while view:
                view = view[os.write(self._held, view) :]
        except OSError:
            os.ftruncate(self._held, self._size)
            raise
        self._torn = False
        self._starts.append(start)
        self._size = start + len(line)
        self._ends.append(self._size)


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_one = isinstance(found, dict) and isinstance(found.get("kind"), str)
    return found if is_one and type(found.get("seq")) is int else None


def _refused(error: OSError, path: Path) -> StoreError:
    if error.errno in _FULL:
        return DiskFullError(
            "no space left on the store's disk; nothing was kept", hint="free some", path=str(path)
        )
    if error.errno == errno.EROFS:
        text = "the store is read-only: no conversation can be kept"
    else:
        text = f"the session cannot be written ({error.strerror})"
    return StoreError(text, hint=_HINT, path=str(path))
