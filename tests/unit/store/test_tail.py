"""The journal reader: complete lines, once each, whatever state the file is in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import WriterName
from opengraphs.store.tail import MAX_LINE_BYTES, PIECE_BYTES, JournalTail, Position
from opengraphs.store.watch import JournalWatch

MakeTail = Callable[..., JournalTail]


def line(step: int) -> bytes:
    return json.dumps({"step": step, "time": 1.5, "metrics": {"loss": step / 3}}).encode() + b"\n"


def read_all(tail: JournalTail, **options: bool) -> bytes:
    pieces = []
    while (piece := tail.read(**options)) is not None:
        pieces.append(piece.data)
    return b"".join(pieces)


def test_reader_stops_at_last_complete_record_at_every_cut(tmp_path: Path, make_tail: MakeTail) -> None:
    data = b"".join(line(step) for step in range(12))
    path = tmp_path / "w.jsonl"
    for cut in range(len(data) - 5 * len(line(10)), len(data) + 1):
        path.write_bytes(data[:cut])
        tail = make_tail()
        whole = data[: data.rfind(b"\n", 0, cut) + 1]
        assert read_all(tail) == whole
        with path.open("ab") as file:
            file.write(data[cut:])
        assert whole + read_all(tail) == data
        assert tail.bad_count == 0


def test_every_cut_of_a_mapped_journal_is_not_yet(tmp_path: Path, make_tail: MakeTail) -> None:
    """Body bytes stored in order, newline last, NULs behind: no state gives a wrong line."""
    data = b"".join(line(step) for step in range(4))
    path = tmp_path / "w.jsonl"
    path.write_bytes(b"\0" * (len(data) + 4096))
    tail = make_tail()
    got = b""
    with path.open("r+b") as file:
        for at in range(len(data)):
            file.seek(at)
            file.write(data[at : at + 1])
            file.flush()
            if tail.peek():
                got += read_all(tail)
            assert got == data[: data.rfind(b"\n", 0, at + 1) + 1]
    assert got == data
    assert not tail.peek()


def test_newline_before_body_is_looked_at_again(tmp_path: Path, make_tail: MakeTail) -> None:
    """A copy taken while a line was stored may show its newline and not its body."""
    path = tmp_path / "w.jsonl"
    good = line(0)
    path.write_bytes(good[:4] + b"\0" * (len(good) - 5) + b"\n" + b"\0" * 100)
    tail = make_tail()
    reads: list[int] = []
    original = tail._pread

    def late(length: int, offset: int) -> bytes:
        reads.append(length)
        if len(reads) == 2:  # the body arrives between the first look and the second
            path.write_bytes(good)
        return original(length, offset)

    tail._pread = late  # type: ignore[method-assign]
    piece = tail.read()
    assert piece is not None
    assert piece.data == good
    assert tail.bad_count == 0


def test_hole_that_stays_is_damage_named_with_its_place(tmp_path: Path, make_tail: MakeTail) -> None:
    damaged = line(1)[:10] + b"\0" * 8 + line(1)[18:]
    (tmp_path / "w.jsonl").write_bytes(line(0) + damaged + line(2) + b"\0" * 64)
    tail = make_tail()
    assert read_all(tail) == line(0) + line(2)
    assert [(bad.offset, bad.length) for bad in tail.bad] == [(len(line(0)), len(damaged))]


def test_zeroed_page_costs_only_the_lines_in_it(tmp_path: Path, make_tail: MakeTail) -> None:
    lines = [line(step) for step in range(400)]
    data = bytearray(b"".join(lines))
    data[4096:8192] = bytes(4096)
    (tmp_path / "w.jsonl").write_bytes(data)
    got = read_all(make_tail()).split(b"\n")[:-1]
    lost = [one for one in lines if one[:-1] not in got]
    assert len(got) + len(lost) == len(lines)
    assert len(lost) <= 4096 // len(lines[0]) + 2


def test_padded_stretch_inside_a_journal_is_skipped(tmp_path: Path, make_tail: MakeTail) -> None:
    (tmp_path / "w.jsonl").write_bytes(
        line(0) + b"\0" * 500 + line(1) + b"\0" * 70 + b"\n" + line(2) + b"\0" * 9
    )
    tail = make_tail()
    assert read_all(tail) == line(0) + line(1) + line(2)
    assert tail.bad_count == 0


def test_hole_longer_than_a_piece_ends_when_the_writer_is_gone(tmp_path: Path, make_tail: MakeTail) -> None:
    (tmp_path / "w.jsonl").write_bytes(line(0) + b"\0" * (PIECE_BYTES + 5) + line(1))
    tail = make_tail()
    assert read_all(tail) == line(0)
    assert read_all(tail, final=True) == line(1)


def test_segments_follow_each_other_and_a_spare_one_is_not_read(tmp_path: Path, make_tail: MakeTail) -> None:
    (tmp_path / "w.jsonl").write_bytes(line(0) + line(1))
    (tmp_path / "w.000001.jsonl").write_bytes(b"\0" * 4096)
    tail = make_tail(0, 1)
    assert read_all(tail) == line(0) + line(1)
    assert tail.position.segment == 0
    assert not tail.peek()
    (tmp_path / "w.000001.jsonl").write_bytes(line(2) + b"\0" * 100)
    assert tail.peek()
    piece = tail.read()
    assert piece is not None
    assert (piece.data, piece.segment, piece.offset) == (line(2), 1, 0)
    (tmp_path / "w.000004.jsonl").write_bytes(line(3))
    tail.see([0, 1, 4])
    assert read_all(tail) == line(3)


def test_lines_added_to_a_segment_before_the_next_began_are_not_missed(
    tmp_path: Path, make_tail: MakeTail
) -> None:
    first = tmp_path / "w.jsonl"
    first.write_bytes(line(0))
    tail = make_tail(0, 1)
    assert read_all(tail) == line(0)
    first.write_bytes(line(0) + line(1) + b'{"torn":')
    (tmp_path / "w.000001.jsonl").write_bytes(line(2))
    assert read_all(tail) == line(1) + line(2)


@pytest.mark.parametrize("size", [PIECE_BYTES - 1, PIECE_BYTES, 3 * PIECE_BYTES + 7, 20 << 20])
def test_long_line_arrives_whole(tmp_path: Path, make_tail: MakeTail, size: int) -> None:
    long = b'{"x":"' + b"a" * size + b'"}\n'
    path = tmp_path / "w.jsonl"
    path.write_bytes(line(0) + long[:-1])
    tail = make_tail()
    assert read_all(tail) == line(0)
    assert not tail.peek()
    with path.open("ab") as file:
        file.write(b"\n" + line(1))
    assert read_all(tail) == long + line(1)
    assert tail.bad_count == 0


def test_endless_line_is_skipped_and_reported(tmp_path: Path, make_tail: MakeTail) -> None:
    path = tmp_path / "w.jsonl"
    with path.open("wb") as file:
        file.seek(MAX_LINE_BYTES + 10)
        file.write(b"\n" + line(1))
    with path.open("r+b") as file:
        for _ in range(MAX_LINE_BYTES // PIECE_BYTES + 1):
            file.write(b"a" * PIECE_BYTES)
        file.seek(MAX_LINE_BYTES + 10)
        file.write(b"\n" + line(1))
        file.truncate()
    tail = make_tail()
    assert read_all(tail) == line(1)
    assert [bad.reason for bad in tail.bad] == ["longer than 64 MiB"]


def test_file_that_is_replaced_before_anything_of_it_is_read_is_the_one_that_counts(
    tmp_path: Path, make_tail: MakeTail
) -> None:
    for name in ("w.jsonl", "w.000001.jsonl"):
        (tmp_path / name).write_bytes(b'{"old":1}\n')
    tail = make_tail()
    tail.see([0, 1])
    assert [end for _, _, end in tail.spans()] == [10, 10]  # both are open now
    for name in ("w.jsonl", "w.000001.jsonl"):
        (tmp_path / "other").write_bytes(b'{"newer":1}\n')
        (tmp_path / "other").replace(tmp_path / name)
    assert tail.verify()
    pieces = [tail.read(), tail.read()]
    assert [piece.data for piece in pieces if piece is not None] == [b'{"newer":1}\n'] * 2


def test_file_that_shrank_was_replaced_or_vanished_is_noticed(tmp_path: Path, make_tail: MakeTail) -> None:
    path = tmp_path / "w.jsonl"

    def fresh() -> JournalTail:
        path.write_bytes(line(0) + line(1))
        tail = make_tail()
        read_all(tail)
        assert tail.verify()
        return tail

    tail = fresh()
    os.truncate(path, 10)
    assert not tail.verify()
    tail.restart()
    assert read_all(tail) == b""

    tail = fresh()
    other = tmp_path / "other"
    other.write_bytes(line(5) + line(6) + line(7))
    other.replace(path)
    assert not tail.verify()
    tail.restart()
    assert read_all(tail) == line(5) + line(6) + line(7)

    tail = fresh()
    with path.open("r+b") as file:  # rewritten in place, longer than before
        file.write(line(8) + line(9) + line(10))
    assert not tail.verify()

    tail = fresh()
    path.unlink()
    assert not tail.verify()


def test_resume_goes_on_where_the_files_are_the_same(tmp_path: Path, make_tail: MakeTail) -> None:
    path = tmp_path / "w.jsonl"
    path.write_bytes(line(0) + line(1))
    (tmp_path / "w.000001.jsonl").write_bytes(line(2))
    tail = make_tail(0, 1)
    read_all(tail)
    mark = tail.mark()
    with (tmp_path / "w.000001.jsonl").open("ab") as file:
        file.write(line(3))
    again = make_tail(0, 1)
    assert again.resume(mark)
    assert read_all(again) == line(3)
    path.write_bytes(line(0))
    again = make_tail(0, 1)
    assert not again.resume(mark)
    assert read_all(again) == line(0) + line(2) + line(3)


def test_mark_of_a_file_that_was_cut_and_grew_again_since_it_was_read_is_not_trusted(
    tmp_path: Path, make_tail: MakeTail
) -> None:
    path = tmp_path / "w.jsonl"
    path.write_bytes(line(0) + line(1) + line(2))
    tail = make_tail()
    read_all(tail)
    with path.open("r+b") as file:  # the same file, and as long again before anybody looked
        file.truncate(len(line(0)))
        file.seek(0, 2)
        file.write(line(7) + line(8) + line(9))
    again = make_tail()
    assert not again.resume(tail.mark())
    assert read_all(again) == line(0) + line(7) + line(8) + line(9)


def test_near_end_is_the_start_of_a_line(tmp_path: Path, make_tail: MakeTail) -> None:
    data = b"".join(line(step) for step in range(1000))
    (tmp_path / "w.jsonl").write_bytes(data)
    (tmp_path / "w.000001.jsonl").write_bytes(line(1000) + b"\0" * 100_000)
    tail = make_tail(0, 1)
    start = tail.near_end(5000)
    assert start.segment == 0
    fork = tail.fork(start)
    fork.see([0, 1])
    got = read_all(fork)
    assert (data + line(1000)).endswith(got)
    assert 4800 < len(got) <= 5000
    assert tail.near_end(10 << 20) == Position(0, 0)
    until = read_until(tail, start)
    assert until + got == data + line(1000)


def read_until(tail: JournalTail, until: Position) -> bytes:
    pieces = []
    while (piece := tail.read(until=until)) is not None:
        pieces.append(piece.data)
    return b"".join(pieces)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    writes=st.lists(st.integers(1, 60), max_size=30),
    records=st.lists(st.binary(max_size=40).map(lambda data: data.translate(None, b"\0\n")), max_size=12),
    piece=st.integers(1, 50),
)
def test_any_rhythm_of_writes_and_reads_gives_every_line_once(
    tmp_path_factory: pytest.TempPathFactory, writes: list[int], records: list[bytes], piece: int
) -> None:
    folder = tmp_path_factory.mktemp("w")
    data = b"".join(record + b"\n" for record in records if record)
    path = folder / "w.jsonl"
    path.write_bytes(b"")
    fds = FdPool()
    tail = JournalTail(folder, "w", fds)
    tail.see([0])
    got, at = b"", 0
    for count in [*writes, len(data)]:
        with path.open("ab") as file:
            file.write(data[at : at + count])
        at += count
        while (found := tail.read(piece)) is not None:
            got += found.data
    fds.close()
    assert got == data


def test_watch_sees_new_journals_and_segments(tmp_path: Path, fds: FdPool) -> None:
    folder = tmp_path / "metrics"
    watch = JournalWatch(folder, fds)
    assert watch.refresh() == ([], [])
    folder.mkdir()
    (folder / "a0-r0.jsonl").write_bytes(line(0))
    (folder / "notes.txt").write_bytes(b"x")
    assert watch.refresh() == (["a0-r0"], [])
    assert [tail.writer for tail in watch.news()] == ["a0-r0"]
    assert read_all(watch.tails["a0-r0"]) == line(0)
    assert watch.news() == []
    (folder / "a0-r0.000001.jsonl").write_bytes(line(1))
    (folder / "a0-r1.jsonl").write_bytes(line(2))
    assert watch.refresh() == (["a0-r1"], [])
    assert [tail.writer for tail in watch.news()] == ["a0-r0", "a0-r1"]
    (folder / "a0-r1.jsonl").unlink()
    assert watch.refresh() == ([], ["a0-r1"])


def test_pool_closes_what_was_used_longest_ago(tmp_path: Path) -> None:
    pool = FdPool(limit=2)
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())
        assert os.pread(pool.get(tmp_path / name).fd, 1, 0) == name.encode()
    assert len(pool) == 2
    assert os.pread(pool.get(tmp_path / "a").fd, 1, 0) == b"a"
    pool.close()
    assert len(pool) == 0


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("a0-r0", (0, 0, "")),
        ("a12-r345", (12, 345, "")),
        ("mirror-a1-r3", (1, 3, "mirror-")),
        ("a0-r2-f4711", (0, 2, "-f4711")),
        ("stdout", (0, 0, "stdout")),
        ("ingest-data-r1", (0, 0, "ingest-data-r1")),
        ("a0-r0x", (0, 0, "a0-r0x")),
    ],
)
def test_what_a_writers_name_says(name: str, parsed: tuple[int, int, str]) -> None:
    assert WriterName.parse(name) == parsed
