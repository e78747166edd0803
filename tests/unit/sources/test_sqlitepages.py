from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

import pytest
from table_kit import tree

from opengraphs.sources.sqlitefile import BusyError, Database, has_tables
from opengraphs.sources.sqlitepages import DamagedError, Pages, Wal, columns_of

TABLE = """CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT NOT NULL, -- hi, there
 "b" REAL DEFAULT (1+2), [c] BLOB, d, UNIQUE(a, id), CONSTRAINT x CHECK (id > 0))"""


def _wal(path: Path, page_size: int = 4096) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA page_size={page_size}")
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute(TABLE)
    connection.commit()
    return connection


def _fill(connection: sqlite3.Connection, dice: random.Random) -> None:
    for _row in range(dice.randrange(24)):
        values = (
            "x" * dice.choice([0, 3, 50, 500, 5000]),
            dice.random(),
            dice.randbytes(dice.choice([0, 10, 3000])),
            dice.choice([None, 0, 1, -1, 127, 128, -129, 40000, 2**40, -(2**62), 1.5, "é"]),
        )
        connection.execute("INSERT INTO t(a, b, c, d) VALUES (?, ?, ?, ?)", values)


@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_the_walk_sees_what_sqlite_sees_through_writes_and_checkpoints(
    tmp_path: Path, page_size: int
) -> None:
    path = tmp_path / "a.db"
    connection, wal, dice = _wal(path, page_size), Wal(), random.Random(page_size)
    for turn in range(30):
        _fill(connection, dice)
        if turn % 5 == 2:
            connection.execute("DELETE FROM t WHERE id % 7 = 3")
        if turn % 4 == 1:
            connection.execute("UPDATE t SET a = 'longer' || a WHERE id % 11 = 3")
        connection.commit()
        if turn % 9 == 5:
            kind = dice.choice(["passive", "restart", "truncate"])
            connection.execute(f"PRAGMA wal_checkpoint({kind})").fetchall()
        db, log = os.open(path, os.O_RDONLY), os.open(f"{path}-wal", os.O_RDONLY)
        wal.refresh(log)
        pages = Pages(db, log, wal.pages)
        root, columns = pages.tables()["t"]
        assert columns == ["id", "a", "b", "c", "d"]
        want = connection.execute("SELECT * FROM t WHERE id > 5 ORDER BY id").fetchall()
        assert [(rowid, *values[1:]) for rowid, values in pages.rows(root, 5)] == want
        top = connection.execute("SELECT coalesce(max(id), 0) FROM t").fetchone()[0]
        assert pages.last_rowid(root) == top
        os.close(db)
        os.close(log)
    connection.close()


def test_a_transaction_counts_when_its_last_byte_is_there(tmp_path: Path) -> None:
    path, cut = tmp_path / "a.db", tmp_path / "cut-wal"
    connection = _wal(path)
    connection.execute("PRAGMA wal_checkpoint(truncate)").fetchall()
    ends = []
    for row in range(3):
        connection.execute("INSERT INTO t(a) VALUES (?)", (f"row {row}",))
        connection.commit()
        ends.append(Path(f"{path}-wal").stat().st_size)
    whole = Path(f"{path}-wal").read_bytes()
    db = os.open(path, os.O_RDONLY)
    for size in (*range(ends[1], ends[2], 97), ends[2] - 1, ends[2]):
        cut.write_bytes(whole[:size])
        log, wal = os.open(cut, os.O_RDONLY), Wal()
        wal.refresh(log)
        pages = Pages(db, log, wal.pages)
        assert len(list(pages.rows(pages.tables()["t"][0], 0))) == (3 if size == ends[2] else 2)
        os.close(log)
    os.close(db)
    connection.close()


def test_a_damaged_frame_ends_the_log(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = _wal(path)
    connection.execute("INSERT INTO t(a) VALUES ('one')")
    connection.commit()
    log = Path(f"{path}-wal")
    whole = bytearray(log.read_bytes())
    whole[-1] ^= 1
    copy = tmp_path / "copy-wal"
    copy.write_bytes(whole)
    fd, wal = os.open(copy, os.O_RDONLY), Wal()
    wal.refresh(fd)
    assert wal.pages
    db = os.open(path, os.O_RDONLY)
    pages = Pages(db, fd, wal.pages)
    assert list(pages.rows(pages.tables()["t"][0], 0)) == []
    os.close(db)
    os.close(fd)
    connection.close()


@pytest.mark.parametrize("seed", range(24))
def test_broken_pages_are_named_damage_and_nothing_else(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "a.db"
    connection, dice = _wal(path, 512), random.Random(seed)
    for _round in range(8):
        _fill(connection, dice)
    connection.commit()
    log = Path(f"{path}-wal").read_bytes() if seed % 2 else b""
    connection.close()
    broken = bytearray(path.read_bytes())
    for _hit in range(dice.randrange(1, 40)):
        broken[dice.randrange(16, len(broken))] = dice.randrange(256)
    target = tmp_path / "broken.db"
    target.write_bytes(broken)
    if log:
        (tmp_path / "broken.db-wal").write_bytes(log)
    before = tree(tmp_path)
    try:
        with Database(target).look() as look:
            look.rows("t", ("a", "b", "c"), 0, 10_000)
            look.distinct("t", "a")
            look.last_row("t")
    except (DamagedError, BusyError):
        pass
    after = tree(tmp_path)
    assert after == before


def test_a_look_makes_no_file_and_touches_none(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = _wal(path)
    writer.execute("INSERT INTO t(a) VALUES ('one')")
    writer.commit()
    looks = []
    for state in ("log", "closed", "delete"):
        if state != "log":
            writer.close()
        if state == "delete":
            again = sqlite3.connect(path)
            again.execute("PRAGMA journal_mode=delete").fetchall()
            again.close()
        before = tree(tmp_path)
        with Database(path).look() as look:
            looks.append(look.rows("t", ("a",), 0, 10))
            assert look.is_whole()
        assert tree(tmp_path) == before, state
    assert looks == [[(1, "one")]] * 3


def test_a_log_left_by_a_killed_writer_is_read(tmp_path: Path) -> None:
    path, copy = tmp_path / "a.db", tmp_path / "b.db"
    writer = _wal(path)
    writer.execute("INSERT INTO t(a) VALUES ('one')")
    writer.commit()
    copy.write_bytes(path.read_bytes())
    copy.with_name("b.db-wal").write_bytes(Path(f"{path}-wal").read_bytes())
    writer.close()
    before = tree(tmp_path)
    with Database(copy).look() as look:
        assert look.rows("t", ("a", "nothing"), 0, 10) == [(1, "one", None)]
    assert tree(tmp_path) == before


def test_what_changed_while_it_was_read_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = _wal(path)
    with Database(path).look() as look:
        writer.execute("INSERT INTO t(a) VALUES ('one')")
        writer.commit()
        assert look.is_whole()
        writer.execute("PRAGMA wal_checkpoint(truncate)").fetchall()
        assert not look.is_whole()
    writer.close()


def test_a_locked_database_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute(TABLE)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(BusyError), Database(path).look():
        pass
    writer.close()


def test_columns_are_told_from_constraints_and_comments() -> None:
    assert columns_of('CREATE TABLE x ("a b" INT, [c] TEXT DEFAULT (f(1,2)), PRIMARY KEY (c, d), d)')[1:] == [
        "c",
        "d",
    ]
    assert columns_of("nonsense") == []


def test_no_database_has_no_tables(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.db")
    (tmp_path / "text.db").write_text("SQLite format 3 but not")
    (tmp_path / "half.db").write_bytes(b"SQLite format 3\0" + bytes(40))
    for name in ("pipe.db", "text.db", "half.db", "absent.db", ""):
        assert not has_tables(tmp_path / name, {"t": {"a"}})
