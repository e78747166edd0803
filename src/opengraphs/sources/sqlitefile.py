"""Short looks into a SQLite database that another program writes, leaving nothing behind.

How depends on what lies there, and is decided anew at each look:

- no WAL (`journal_mode=delete` and the like): a read-only connection, which holds a shared
  lock for the length of one query and makes no file;
- WAL mode, and no log beside the database: `immutable=1`, which takes no lock and makes no file;
- WAL mode with a log: the rows are read by `sqlitepages`, again without lock or file.

The last two see the bytes while a writer may move them, so what was read counts only when
`Look.is_whole` says afterwards that the database did not change meanwhile.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from opengraphs.sources.plain import head
from opengraphs.sources.sqlitepages import MAX_PAYLOAD, WAL_HEADER, DamagedError, Pages, Wal

MAGIC = b"SQLite format 3\0"
CLOCK_TICK_S = 0.02
"""Longer than the grain of a file's mtime: two writes within it may carry one stamp."""
LOCK_WAIT_S = 0.1
QUERY_S = 10.0

Row = tuple[Any, ...]
Signature = tuple[int, ...]


class BusyError(Exception):
    """A writer is at work on the database; the next look will do."""


class Look(Protocol):
    """What one look sees. `tables`: {name: columns}."""

    tables: dict[str, list[str]]
    user_version: int

    def rows(self, table: str, columns: Sequence[str], after: int, limit: int) -> list[Row]:
        """(rowid, *columns) with rowid > after, in order; a column that is not there is None.

        Raises:
            BusyError, DamagedError
        """

    def last_row(self, table: str) -> int:
        """The highest rowid, 0 in an empty table."""

    def distinct(self, table: str, column: str) -> set[str] | None:
        """The texts in a column that an index covers; None where that is not cheap to tell."""

    def is_whole(self) -> bool:
        """Whether all that was read so far belongs to one moment."""


class Database:
    """One database file, from look to look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal = Wal()

    def signature(self) -> Signature:
        """Changes whenever the content does. The first element is the file's identity.

        Raises:
            OSError: the database is not there.
        """
        found = self.path.stat()
        try:
            log = self._wal_path.stat()
            beside: Signature = (log.st_size, log.st_mtime_ns)
        except OSError:
            beside = ()
        return (found.st_ino, found.st_size, found.st_mtime_ns, *beside)

    @contextmanager
    def look(self) -> Iterator[Look]:
        """Raises: OSError (not there, or may not be read), BusyError, DamagedError."""
        with self.path.open("rb", buffering=0) as file:
            db = file.fileno()
            _wait_for_tick(db)
            start = file.read(100) or b""
            if not start:
                raise BusyError("the database is still empty")
            if len(start) < 100 or not start.startswith(MAGIC):
                raise DamagedError("not a SQLite database")
            if start[18] != 2:
                with _connected(self.path, "mode=ro") as connection:
                    yield _Queries(connection, None)
                return
            stamp = _stamp(db)
            if not self._has_log():
                self._wal = Wal()
                with _connected(self.path, "mode=ro&immutable=1") as connection:
                    yield _Queries(connection, lambda: _stamp(db) == stamp)
                return
            with self._wal_path.open("rb", buffering=0) as log:
                yield self._overlaid(db, log.fileno(), stamp)

    @property
    def _wal_path(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    def _has_log(self) -> bool:
        try:
            return self._wal_path.stat().st_size > WAL_HEADER
        except OSError:
            return False

    def _overlaid(self, db: int, log: int, stamp: Signature) -> Look:
        self._wal.refresh(log)
        header = os.pread(log, WAL_HEADER, 0)
        return _Walk(
            Pages(db, log, self._wal.pages),
            lambda: _stamp(db) == stamp and os.pread(log, WAL_HEADER, 0) == header,
        )


class _Queries:
    """A look through SQLite."""

    def __init__(self, connection: sqlite3.Connection, whole: Any) -> None:
        self._connection = connection
        self._whole = whole
        names = self._fetch("SELECT name FROM sqlite_master WHERE type='table' LIMIT 1000")
        self.tables = {
            name: [str(column) for (column,) in self._fetch("SELECT name FROM pragma_table_info(?)", (name,))]
            for (name,) in names
        }
        self.user_version = int(self._fetch("PRAGMA user_version")[0][0])

    def rows(self, table: str, columns: Sequence[str], after: int, limit: int) -> list[Row]:
        known = self.tables.get(table)
        if known is None:
            return []
        wanted = ["NULL" if column not in known else _capped(column) for column in columns]
        return self._fetch(
            f"SELECT rowid, {', '.join(wanted)} FROM {_quoted(table)} WHERE rowid > ? ORDER BY rowid LIMIT ?",
            (after, limit),
        )

    def last_row(self, table: str) -> int:
        if table not in self.tables:
            return 0
        return int(self._fetch(f"SELECT max(rowid) FROM {_quoted(table)}")[0][0] or 0)

    def distinct(self, table: str, column: str) -> set[str] | None:
        if column not in self.tables.get(table, ()):
            return set()
        name, of = _quoted(column), _quoted(table)
        found = self._fetch(
            f"WITH RECURSIVE met(v) AS (SELECT min({name}) FROM {of} UNION ALL"
            f" SELECT (SELECT min({name}) FROM {of} WHERE {name} > met.v) FROM met WHERE met.v IS NOT NULL)"
            " SELECT v FROM met WHERE v IS NOT NULL LIMIT 100000"
        )
        return {str(value) for (value,) in found}

    def is_whole(self) -> bool:
        return self._whole is None or self._whole()

    def _fetch(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if any(word in str(error) for word in ("locked", "busy", "interrupted")):
                raise BusyError(str(error)) from None
            raise DamagedError(str(error)) from None
        except (sqlite3.Error, OverflowError, ValueError, MemoryError) as error:
            raise DamagedError(str(error)) from None


class _Walk:
    """A look through the pages."""

    def __init__(self, pages: Pages, whole: Any) -> None:
        self._pages = pages
        self.is_whole = whole
        with _as_damage():
            self._roots = pages.tables()
        self.tables = {name: columns for name, (_root, columns) in self._roots.items()}
        self.user_version = pages.user_version

    def last_row(self, table: str) -> int:
        with _as_damage():
            return self._pages.last_rowid(self._roots[table][0]) if table in self._roots else 0

    def distinct(self, table: str, column: str) -> set[str] | None:
        return None if column in self.tables.get(table, ()) else set()

    def rows(self, table: str, columns: Sequence[str], after: int, limit: int) -> list[Row]:
        if table not in self._roots:
            return []
        root, known = self._roots[table]
        places = [known.index(column) if column in known else -1 for column in columns]
        with _as_damage():
            return [
                (rowid, *(values[place] if 0 <= place < len(values) else None for place in places))
                for rowid, values in islice(self._pages.rows(root, after), limit)
            ]


@contextmanager
def _as_damage() -> Iterator[None]:
    """What a walk over pages that make no sense runs into."""
    try:
        yield
    except (IndexError, struct.error, RecursionError, OSError, OverflowError, MemoryError) as error:
        raise DamagedError(f"the pages make no sense: {error}") from None


@contextmanager
def _connected(path: Path, options: str) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?{options}",
            uri=True,
            timeout=LOCK_WAIT_S,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise DamagedError(str(error)) from None
    try:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        deadline = time.monotonic() + QUERY_S
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
        yield connection
    finally:
        connection.close()


def _capped(column: str) -> str:
    name = _quoted(column)
    return f"CASE WHEN length({name}) <= {MAX_PAYLOAD} OR {name} IS NULL THEN {name} END"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _stamp(fd: int) -> Signature:
    found = os.fstat(fd)
    return found.st_size, found.st_mtime_ns


def _wait_for_tick(fd: int) -> None:
    age_s = time.time() - os.fstat(fd).st_mtime
    if 0 <= age_s < CLOCK_TICK_S:
        time.sleep(CLOCK_TICK_S - age_s)


def has_tables(path: Path, wanted: dict[str, set[str]]) -> bool:
    """Whether the file is a database with these tables and columns; raises nothing.

    Cheap enough for discovery: a file that is no database costs 16 bytes.
    """
    if head(path, len(MAGIC)) != MAGIC:
        return False
    try:
        with Database(path).look() as look:
            return all(columns <= set(look.tables.get(table, ())) for table, columns in wanted.items())
    except (OSError, BusyError, DamagedError):
        return False
