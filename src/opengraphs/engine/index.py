"""The index of one store: chunks of points in one SQLite file in the cache folder.

Everything in it can be read again from the journals, so it is never repaired: another
schema or any doubt, and it is deleted. Chunks, what is known of each lane, and how far
its journal was read are committed together, so that a kill at any moment neither loses
nor doubles a point. One process writes it (a flock beside it says who); a second one, and
one that cannot write there, works on a private file of its own that nobody keeps.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from opengraphs.engine.cells import CELL, Cells
from opengraphs.engine.scratch import Scratch

SCHEMA = 1
"""Raised whenever the meaning of a table or blob changes; older files are deleted."""
FILE = "index.sqlite"
CHECKPOINT_BYTES = 4 << 20
_SEQ_BITS = 24
_SEQ_MASK = (1 << _SEQ_BITS) - 1
_PUT_POINTS = "INSERT OR REPLACE INTO points VALUES(?, ?, ?, ?, ?, ?, ?)"
_TABLES = """
CREATE TABLE writers(
  id INTEGER PRIMARY KEY, run TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, state BLOB NOT NULL,
  UNIQUE(run, kind, name));
CREATE TABLE lanes(
  id INTEGER PRIMARY KEY AUTOINCREMENT, writer INTEGER NOT NULL, key TEXT NOT NULL, rank INTEGER, source TEXT, state BLOB NOT NULL);
CREATE INDEX lanes_of_writer ON lanes(writer);
CREATE TABLE chunks(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, coarse BLOB NOT NULL);
CREATE TABLE fine(id INTEGER PRIMARY KEY, cells BLOB NOT NULL);
CREATE TABLE points(
  id INTEGER PRIMARY KEY, n INTEGER NOT NULL, start INTEGER, stride INTEGER, vals BLOB, steps BLOB, times BLOB);
CREATE TABLE digests(run TEXT PRIMARY KEY, digest BLOB NOT NULL);
"""


class IndexDoubtError(Exception):
    """The index cannot be trusted, or not be written. `full`: for want of disk space."""

    def __init__(self, reason: str, *, full: bool = False) -> None:
        super().__init__(reason)
        self.full = full


class WriterRow(NamedTuple):
    id: int
    kind: str
    name: str
    state: bytes


class LaneRow(NamedTuple):
    id: int
    key: str
    rank: int | None
    source: str | None
    state: bytes


class PointsRow(NamedTuple):
    """One chunk. Regular steps are `start + i * stride` and have no `steps` blob."""

    n: int
    start: int | None
    stride: int | None
    vals: bytes
    steps: bytes | None
    times: bytes


class Index:
    """All statements og runs on its index. Use from one thread.

    Points, chunks and lanes are written inside a `transaction`, and can be read after it.

    Attributes:
        kept: whether it outlives this process.
        scratch: room on the same disk for what need not outlive it.
        why_private: "" or why it is not kept.

    Every method may raise IndexDoubtError.
    """

    def __init__(self, folder: Path, *, lock_fd: int | None, why_private: str) -> None:
        self.folder = folder
        self.kept = lock_fd is not None
        self.why_private = why_private
        self._lock_fd = lock_fd
        self._db = _connect(str(folder / FILE))
        if not self.kept:
            self._run("PRAGMA synchronous = OFF")  # nobody reads it after a power cut
        self.scratch = Scratch(folder)
        self._unmoved_bytes = 0
        self._queued: dict[str, list[tuple[Any, ...]]] = {}
        """Rows by statement, sent together at the end of the transaction: a fifth of the time."""
        self._next_lane = 1 + max(
            (
                row[0]
                for row in self._all("SELECT max(id) FROM lanes UNION SELECT seq FROM sqlite_sequence")
                if row[0]
            ),
            default=0,
        )

    @classmethod
    def open(cls, folder: Path) -> Index:
        """The index in `folder`, made new where there is none that can be trusted."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock_fd = os.open(folder / "index.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            return cls.private(f"{folder} cannot be written ({error.strerror})")
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return cls(folder, lock_fd=lock_fd, why_private="")
        except BlockingIOError:
            os.close(lock_fd)
            return cls.private("another process holds the index of this store")
        except (OSError, IndexDoubtError) as error:
            os.close(lock_fd)
            return cls.private(f"the index cannot be opened ({error})")

    @classmethod
    def private(cls, why: str) -> Index:
        """An index of our own in the temporary folder, gone when it is closed.

        Raises:
            IndexDoubtError: not even there.
        """
        try:
            folder = Path(tempfile.mkdtemp(prefix="og-index-"))
        except OSError as error:
            raise IndexDoubtError(f"no place for an index: {error}", full=True) from error
        return cls(folder, lock_fd=None, why_private=why)

    def close(self) -> None:
        """Close it; a private one is removed."""
        self.scratch.close()
        try:
            self._db.close()
        except sqlite3.Error:
            pass
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None
        elif not self.kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def size_bytes(self) -> int:
        files = (self.folder / f"{FILE}{suffix}" for suffix in ("", "-wal"))
        return sum(file.stat().st_size for file in files if file.is_file())

    # -- statements --------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing, also when the process is killed inside."""
        self._run("BEGIN IMMEDIATE")
        try:
            yield
            self._send_queued()
        except BaseException:
            self._queued.clear()
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.Error:
                pass
            raise
        self._run("COMMIT")

    def _send_queued(self) -> None:
        with _doubting():
            for sql, rows in self._queued.items():
                self._db.executemany(sql, rows)
        self._queued.clear()

    def _queue(self, sql: str, row: tuple[Any, ...]) -> None:
        self._queued.setdefault(sql, []).append(row)

    def tidy(self) -> bool:
        """Move what commits left in the log to its place when that is a few MB; True when it was.

        A piece of work by itself (10 ms), so that no commit has to do it beside its own.
        """
        if self._unmoved_bytes < CHECKPOINT_BYTES:
            return False
        self._unmoved_bytes = 0
        self._all("PRAGMA wal_checkpoint(PASSIVE)")
        return True

    def _run(self, sql: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        with _doubting():
            return self._db.execute(sql, values)

    def _all(self, sql: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with _doubting():
            return self._db.execute(sql, values).fetchall()

    # -- writers and lanes -------------------------------------------------------------------

    def writers(self, run: str) -> list[WriterRow]:
        rows = self._all("SELECT id, kind, name, state FROM writers WHERE run = ?", (run,))
        return [WriterRow(*row) for row in rows]

    def all_writers(self) -> list[tuple[str, WriterRow]]:
        """(run, writer) of everything that is stored."""
        rows = self._all("SELECT run, id, kind, name, state FROM writers ORDER BY run, kind, name")
        return [(row[0], WriterRow(*row[1:])) for row in rows]

    def put_writer(self, run: str, kind: str, name: str, state: bytes) -> int:
        """Insert or update; the id stays the same."""
        self._run(
            "INSERT INTO writers(run, kind, name, state) VALUES(?, ?, ?, ?)"
            " ON CONFLICT(run, kind, name) DO UPDATE SET state = excluded.state",
            (run, kind, name, state),
        )
        rows = self._all("SELECT id FROM writers WHERE run = ? AND kind = ? AND name = ?", (run, kind, name))
        return int(rows[0][0])

    def drop_writer(self, writer: int) -> None:
        """Forget a journal and every point that came from it."""
        for (lane,) in self._all("SELECT id FROM lanes WHERE writer = ?", (writer,)):
            span = (lane << _SEQ_BITS, (lane << _SEQ_BITS) | _SEQ_MASK)
            for table in ("chunks", "fine", "points"):
                self._run(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", span)
        self._run("DELETE FROM lanes WHERE writer = ?", (writer,))
        self._run("DELETE FROM writers WHERE id = ?", (writer,))

    def runs(self) -> set[str]:
        """Runs of which something is stored."""
        return {row[0] for row in self._all("SELECT run FROM writers UNION SELECT run FROM digests")}

    def drop_run(self, run: str) -> None:
        for writer in self.writers(run):
            self.drop_writer(writer.id)
        self._run("DELETE FROM digests WHERE run = ?", (run,))

    def lanes(self, writer: int) -> list[LaneRow]:
        rows = self._all("SELECT id, key, rank, source, state FROM lanes WHERE writer = ?", (writer,))
        return [LaneRow(row[0], row[1].decode(), *row[2:]) for row in rows]

    def add_lane(self, writer: int, key: str, rank: int | None, source: str | None, state: bytes) -> int:
        """Its id, which no lane had before."""
        lane, self._next_lane = self._next_lane, self._next_lane + 1
        # The key goes in as bytes: SQLite's text functions end at a NUL character, and keys may hold one.
        self._queue(
            "INSERT INTO lanes VALUES(?, ?, ?, ?, ?, ?)", (lane, writer, key.encode(), rank, source, state)
        )
        return lane

    def set_lane(self, lane: int, state: bytes) -> None:
        self._queue("UPDATE lanes SET state = ? WHERE id = ?", (state, lane))

    # -- chunks ------------------------------------------------------------------------------

    def put_chunk(self, lane: int, seq: int, points: PointsRow, coarse: Cells, fine: Cells | None) -> None:
        """Write sealed chunk `seq` of a lane, over the open one that may stand there."""
        row = (lane << _SEQ_BITS) | seq
        self._queue("INSERT OR REPLACE INTO chunks VALUES(?, ?, ?)", (row, points.n, coarse.tobytes()))
        if fine is not None:
            self._queue("INSERT OR REPLACE INTO fine VALUES(?, ?)", (row, fine.tobytes()))
        self._queue(_PUT_POINTS, (row, *points))
        self._unmoved_bytes += len(points.vals) + len(points.times) + 3 * coarse.nbytes

    def put_open_chunk(self, lane: int, seq: int, points: PointsRow) -> None:
        """Write the points of the chunk that still grows; cells are made of it when it is full."""
        self._queue(_PUT_POINTS, ((lane << _SEQ_BITS) | seq, *points))
        self._unmoved_bytes += len(points.vals) + len(points.times)

    def coarse(self, lane: int, chunks: int) -> Cells:
        """Coarse cells of the first `chunks` chunks, in order."""
        rows = self._span("SELECT coarse FROM chunks", lane, 0, chunks)
        return _cells(rows, chunks)

    def sizes(self, lane: int, chunks: int) -> list[int]:
        """Points in each of the first `chunks` chunks."""
        rows = self._span("SELECT n FROM chunks", lane, 0, chunks)
        if len(rows) != chunks:
            raise IndexDoubtError("chunks are missing")
        return [row[0] for row in rows]

    def fine(self, lane: int, first: int, last: int) -> list[tuple[int, bytes]]:
        """(seq, fine cells) of the chunks `first` … `last - 1` that have any."""
        rows = self._span("SELECT id, cells FROM fine", lane, first, last)
        return [(row[0] & _SEQ_MASK, row[1]) for row in rows]

    def points(self, lane: int, first: int, last: int) -> list[PointsRow]:
        """Chunks `first` … `last - 1`, in order."""
        rows = self._span("SELECT n, start, stride, vals, steps, times FROM points", lane, first, last)
        if len(rows) != last - first:
            raise IndexDoubtError("chunks are missing")
        return [PointsRow(*row) for row in rows]

    def _span(self, select: str, lane: int, first: int, last: int) -> list[Any]:
        base = lane << _SEQ_BITS
        return self._all(f"{select} WHERE id >= ? AND id < ? ORDER BY id", (base | first, base + last))

    # -- digests -----------------------------------------------------------------------------

    def digests(self) -> dict[str, bytes]:
        return dict(self._all("SELECT run, digest FROM digests"))

    def put_digest(self, run: str, digest: bytes) -> None:
        self._run("INSERT OR REPLACE INTO digests VALUES(?, ?)", (run, digest))


def _cells(rows: list[Any], expected: int) -> Cells:
    if len(rows) != expected:
        raise IndexDoubtError("chunks are missing")
    return np.frombuffer(b"".join(row[0] for row in rows), CELL)


@contextmanager
def _doubting() -> Iterator[None]:
    """sqlite3's errors as ours: what the file does wrong is doubt, whatever it is."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise IndexDoubtError(str(error), full="full" in str(error) or "I/O" in str(error)) from error
    except sqlite3.DatabaseError as error:
        raise IndexDoubtError(str(error)) from error


def _connect(path: str) -> sqlite3.Connection:
    """Open or make the file; one of another schema, or one that cannot be read, is replaced."""
    try:
        return _open_file(path)
    except IndexDoubtError as error:
        if error.full:
            raise
    delete_files(path)
    return _open_file(path)


def delete_files(path: str) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(path + suffix).unlink(missing_ok=True)


def _open_file(path: str) -> sqlite3.Connection:
    with _doubting():
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            empty = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
            if version != SCHEMA and not (version == 0 and empty):
                raise IndexDoubtError(f"index of schema {version}")
            for pragma in _PRAGMAS:
                db.execute(f"PRAGMA {pragma}").fetchall()
            if empty:
                db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")
        except BaseException:
            db.close()
            raise
        return db


_PRAGMAS = (
    "locking_mode = EXCLUSIVE",  # no shared memory file, so it also works where home is on NFS
    "journal_mode = WAL",
    "synchronous = NORMAL",  # a power cut may undo the last commits, which are then read again
    "cache_size = -16384",
    "temp_store = MEMORY",
    "wal_autocheckpoint = 8192",
    "journal_size_limit = 67108864",
)
