"""Journals: taking over torn ones, the appending way, what is chosen when."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from opengraphs.sdk import appended, keeper, mapped, space
from opengraphs.sdk.journal import Journal, JournalBusyError
from opengraphs.sdk.window import Sizes

Reader = Callable[[Path, str], list[dict[str, Any]]]
MODES = ("mapped", "append")


@pytest.mark.parametrize("mode", MODES)
def test_records_come_back_in_order(tmp_path: Path, journal_of: Reader, mode: str) -> None:
    with Journal(str(tmp_path), "w", mode=mode) as journal:
        for number in range(100):
            journal.append({"n": number})
        assert journal.mode == mode
    assert journal_of(tmp_path, "w") == [{"n": number} for number in range(100)]


@pytest.mark.parametrize("mode", MODES)
def test_segments_are_cut_at_their_size(tmp_path: Path, journal_of: Reader, tiny: Sizes, mode: str) -> None:
    with Journal(str(tmp_path), "w", mode=mode, sizes=tiny) as journal:
        for number in range(400):
            journal.append({"n": number, "x": "x" * 500})
    assert [record["n"] for record in journal_of(tmp_path, "w")] == list(range(400))
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (b'{"n":0}\n', [0]),
        (b'{"n":0}\n\0\0\0', [0]),
        (b"\0" * 9000, []),
        (b"", []),
    ],
)
def test_padding_of_a_dead_writer_is_cut(
    tmp_path: Path, journal_of: Reader, mode: str, left: bytes, kept: list[int]
) -> None:
    (tmp_path / "w.jsonl").write_bytes(left)
    with Journal(str(tmp_path), "w", mode=mode) as journal:
        journal.append({"n": 1})
    assert [record["n"] for record in journal_of(tmp_path, "w")] == [*kept, 1]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "torn",
    [
        b'{"n":',
        b'{"n":5',
        b"5",
        b'{"n":1,"x\0\0"',
        b'\0\0\0\0n":1}',
        b'{"n":1,"x":"' + b"y" * (2 << 20) + b"\0z",
        b'{"n":1}\0}',
    ],
)
def test_record_that_its_writer_was_killed_in_is_cut(
    tmp_path: Path, journal_of: Reader, mode: str, torn: bytes
) -> None:
    (tmp_path / "w.jsonl").write_bytes(b'{"n":0}\n' + torn + b"\0" * 5000)
    with Journal(str(tmp_path), "w", mode=mode) as journal:
        journal.append({"n": 7})
    assert [record["n"] for record in journal_of(tmp_path, "w")] == [0, 7]


@pytest.mark.parametrize("mode", MODES)
def test_record_that_lacks_only_its_newline_gets_it(tmp_path: Path, journal_of: Reader, mode: str) -> None:
    (tmp_path / "w.jsonl").write_bytes(b'{"n":0}\n{"n":1}\0\0')
    with Journal(str(tmp_path), "w", mode=mode) as journal:
        journal.append({"n": 2})
    assert [record["n"] for record in journal_of(tmp_path, "w")] == [0, 1, 2]


def test_every_segment_of_a_dead_writer_is_trimmed_and_the_last_goes_on(
    tmp_path: Path, journal_of: Reader
) -> None:
    (tmp_path / "w.jsonl").write_bytes(b'{"n":0}\n' + b"\0" * 5000)
    (tmp_path / "w.000002.jsonl").write_bytes(b'{"n":1}\n' + b"\0" * 5000)
    with Journal(str(tmp_path), "w") as journal:
        journal.append({"n": 2})
    assert [record["n"] for record in journal_of(tmp_path, "w")] == [0, 1, 2]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("mode", MODES)
def test_writer_holds_the_lock_of_its_present_segment(tmp_path: Path, tiny: Sizes, mode: str) -> None:
    journal = Journal(str(tmp_path), "w", mode=mode, sizes=tiny)
    for number in range(400):
        journal.append({"n": number, "x": "x" * 500})
    last = max(tmp_path.glob("w.0*.jsonl"))
    with last.open("rb") as probe:
        with pytest.raises(BlockingIOError):
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        with pytest.raises(JournalBusyError, match=r"another process.*w\."):
            Journal(str(tmp_path), "w", mode=mode)
        journal.close()
        fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)


def test_reader_that_probes_the_lock_does_not_keep_a_writer_out(tmp_path: Path) -> None:
    (tmp_path / "w.jsonl").write_bytes(b"")
    probe = os.open(tmp_path / "w.jsonl", os.O_RDONLY)
    fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
    timer = threading.Timer(0.003, os.close, [probe])
    timer.start()
    with Journal(str(tmp_path), "w") as journal:
        journal.append({"n": 1})
    timer.join()


@pytest.mark.parametrize("mode", MODES)
def test_new_journal_refuses_a_name_that_exists(tmp_path: Path, mode: str) -> None:
    (tmp_path / "w.jsonl").write_bytes(b"")
    with pytest.raises(FileExistsError):
        Journal(str(tmp_path), "w", mode=mode, is_new=True)


@pytest.mark.parametrize("error", [OSError(errno.ENODEV, "no mappings here"), ValueError("odd")])
def test_file_system_that_cannot_map_is_appended_to(
    tmp_path: Path, journal_of: Reader, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise error

    monkeypatch.setattr(mapped, "Window", refuse)
    with Journal(str(tmp_path), "w", mode="mapped", is_new=True) as journal:
        assert journal.mode == "append"
        journal.append({"n": 1})
    assert journal_of(tmp_path, "w") == [{"n": 1}]


def test_journal_without_upkeep_starts_no_thread(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/task"))
    with Journal(str(tmp_path), "w", mode="append") as journal:
        journal.append({"n": 1})
        assert len(os.listdir("/proc/self/task")) == before


def test_keeper_seals_within_seconds_and_ends_with_its_last_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_keeper", keeper.Keeper())
    monkeypatch.setattr(mapped, "SYNC_S", 0.0)
    sealed = threading.Event()
    plain = mapped.MappedSink.sync

    def sync(self: mapped.MappedSink) -> None:
        plain(self)
        sealed.set()

    monkeypatch.setattr(mapped.MappedSink, "sync", sync)
    journal = Journal(str(tmp_path), "w", mode="mapped", upkeep=True)
    journal.append({"n": 1})
    keeper.keeper().wake()
    assert sealed.wait(10)
    journal.close()
    ended = threading.Event()
    monkeypatch.setattr(keeper.Keeper, "_call", lambda _self, _chore: ended.set())
    keeper.keeper().add(lambda _now: None)
    keeper.keeper().wake()
    assert ended.wait(10)
    keeper.keeper().end()


def test_chore_that_fails_does_not_end_the_keeper() -> None:
    ours = keeper.Keeper()
    done = threading.Event()

    def fail(_now: float) -> None:
        raise RuntimeError("a chore's own trouble")

    ours.add(fail)
    ours.add(lambda _now: done.set())
    ours.wake()
    ours.wake()
    assert done.wait(10)
    ours.end()


# -- the appending way -------------------------------------------------------------------------


class _Writes:
    """`os.write` that takes only so many bytes and then says that the disk is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        monkeypatch.setattr(appended, "os", SimpleNamespace(write=self, strerror=os.strerror))

    def __call__(self, fd: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(fd, data[: self.room])
        self.room -= written
        return written


@pytest.mark.parametrize("room", range(20, 45))
def test_full_disk_costs_the_lines_that_did_not_fit_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    journal = Journal(str(tmp_path), "w", mode="append")
    told: list[int] = []
    journal.on_space = told.append
    disk = _Writes(monkeypatch, room)
    for number in range(10):
        journal.append({"n": number})
    dropped = journal.dropped
    assert dropped == 10 - room // 8
    disk.room = 1 << 20
    journal.append({"n": 10})
    assert told == [dropped]
    journal.close()
    lines = (tmp_path / "w.jsonl").read_bytes().split(b"\n")
    whole = [json.loads(line)["n"] for line in lines if line.startswith(b'{"n":') and line.endswith(b"}")]
    lacked_only_its_newline = room % 8 == 7
    assert whole == [*range(10 - dropped + lacked_only_its_newline), 10]


def test_failed_sync_of_an_appended_journal_rewrites_what_was_not_sealed(
    tmp_path: Path, journal_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(str(tmp_path), "w", mode="append")
    journal.append({"n": 0})
    journal.sync()
    journal.append({"n": 1})
    plain = space.datasync

    def fail(_fd: int) -> None:
        monkeypatch.setattr(space, "datasync", plain)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(space, "datasync", fail)
    journal.sync()
    journal.append({"n": 2})
    journal.close()
    assert [record["n"] for record in journal_of(tmp_path, "w")] == [0, 1, 2]
    assert len(list(tmp_path.iterdir())) == 2


def test_appended_journal_seals_what_it_synced(tmp_path: Path, journal_of: Reader) -> None:
    journal = Journal(str(tmp_path), "w", mode="append")
    for number in range(5):
        journal.append({"n": number})
        journal.sync()
        journal.sync()
    journal.close()
    journal.close()
    assert len(journal_of(tmp_path, "w")) == 5
    assert (tmp_path / "w.jsonl").read_bytes().count(b"seal") == 5


# -- space ---------------------------------------------------------------------------------------


def test_reserve_most_halves_until_it_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def almost_full(_fd: int, start: int, end: int) -> None:
        asked.append(end - start)
        if end - start > 3 * space.PAGE_BYTES:
            raise OSError(errno.EDQUOT, "quota")

    monkeypatch.setattr(space, "_reserve_here", almost_full)
    with (tmp_path / "f").open("wb") as file:
        end = space.reserve_most(file.fileno(), 0, 64 * space.PAGE_BYTES, space.PAGE_BYTES)
    assert end == 2 * space.PAGE_BYTES
    assert asked == [space.PAGE_BYTES * n for n in (64, 32, 16, 8, 4, 2)]


def test_other_errors_than_a_full_disk_are_not_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def broken(_fd: int, _start: int, end: int) -> None:
        asked.append(end)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(space, "_reserve_here", broken)
    with (tmp_path / "f").open("wb") as file, pytest.raises(OSError, match="Input/output"):
        space.reserve_most(file.fileno(), 0, 1 << 20, space.PAGE_BYTES)
    assert len(asked) == 1


def test_reserve_writes_zeros_where_the_system_cannot_allocate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_args: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not here")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    with (tmp_path / "f").open("w+b") as file:
        space._reserve_linux(file.fileno(), 0, 3 << 20)
    assert (tmp_path / "f").read_bytes() == bytes(3 << 20)


def test_reserve_on_macos_allocates_from_the_end_and_extends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[tuple[int, bytes]] = []
    monkeypatch.setattr(fcntl, "fcntl", lambda _fd, command, request: requests.append((command, request)))
    with (tmp_path / "f").open("w+b") as file:
        file.write(b"x" * 100)
        file.flush()
        space._reserve_macos(file.fileno(), 100, 8192)
    assert (tmp_path / "f").stat().st_size == 8192
    assert requests[0][0] == 42
    assert len(requests[0][1]) == 32
    assert int.from_bytes(requests[0][1][16:24], "little") == 8092


def test_reading_and_writing_at_a_place_without_pread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pread")
    monkeypatch.delattr(os, "pwrite")
    with (tmp_path / "f").open("w+b") as file:
        assert space.write_at(file.fileno(), b"abcdef", 0) == 6
        assert space.read_at(file.fileno(), 3, 2) == b"cde"
