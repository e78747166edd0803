"""After the end: plain files, whole facts, nothing complete ever lost."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from opengraphs.sdk.layout import utc_iso
from opengraphs.store import liveness
from opengraphs.store.fdpool import FdPool
from opengraphs.store.liveness import Locks
from opengraphs.store.recovery import settle, trim_file
from opengraphs.store.runfacts import RunReader

HOST = "this-host"
LINES = b'{"step":0,"time":1.0,"metrics":{"a":1}}\n{"step":1,"time":2.0,"metrics":{"a":2}}\n'


@pytest.fixture(autouse=True)
def _old_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "YOUNG_S", -1.0)


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (LINES + b"\0" * 5000, LINES),
        (LINES, LINES),
        (LINES + b'{"step":2,"ti' + b"\0" * 100, LINES),
        (LINES + b'{"step":2,"ti', LINES),
        (
            LINES + b'{"step":2,"time":3.0,"metrics":{}}' + b"\0" * 9,
            LINES + b'{"step":2,"time":3.0,"metrics":{}}\n',
        ),
        (LINES + b'{"step":2,"time":3.0,"metrics":{}}', LINES + b'{"step":2,"time":3.0,"metrics":{}}\n'),
        (b"\0" * 3_000_000, b""),
        (b"torn" * 600_000 + b"\0" * 10, b""),
        (b"", b""),
    ],
)
def test_trim_leaves_complete_records(tmp_path: Path, content: bytes, left: bytes) -> None:
    path = tmp_path / "a0-r0.jsonl"
    path.write_bytes(content)
    trim_file(path)
    assert path.read_bytes() == left
    assert trim_file(path) is None
    assert path.read_bytes() == left


def test_trim_at_every_cut_of_the_last_records(tmp_path: Path) -> None:
    path = tmp_path / "a0-r0.jsonl"
    for cut in range(len(LINES) + 1):
        path.write_bytes(LINES[:cut] + b"\0" * 77)
        trim_file(path)
        kept = path.read_bytes()
        whole = LINES[: LINES.rfind(b"\n", 0, cut) + 1]
        assert kept in (whole, LINES[: cut + 1])
        for line in kept.splitlines():
            json.loads(line)


def test_trim_refuses_while_the_writer_lives(tmp_path: Path) -> None:
    path = tmp_path / "a0-r0.jsonl"
    path.write_bytes(LINES + b"\0" * 50)
    with path.open("r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert trim_file(path) is None
        assert path.stat().st_size == len(LINES) + 50
    cut = trim_file(path)
    assert cut is not None
    assert (cut.padding_bytes, cut.torn_bytes) == (50, 0)


def ended_run(run_maker: Any) -> None:
    run_maker.facts(config={"lr": 1}, summary={"mine": 7})
    run_maker.event(time=1.0, kind="config", config={"wd": 2})
    run_maker.event(time=2.0, kind="note", text="hello")
    run_maker.folder.lock.touch()
    (run_maker.folder.metrics / "a0-r0.jsonl").write_bytes(LINES + b"\0" * 999)


def test_settle_folds_once_and_for_all(run_maker: Any, fds: FdPool) -> None:
    ended_run(run_maker)
    done = settle(run_maker.folder, host=HOST, last_values={"a": 2.0, "mine": 0})
    assert done is not None
    assert done.written
    assert [cut.path.name for cut in done.trimmed] == ["a0-r0.jsonl"]
    first = json.loads(run_maker.folder.run_json.read_bytes())
    assert first["status"] == "crashed"
    assert first["config"] == {"lr": 1, "wd": 2}
    assert first["summary"] == {"a": 2.0, "mine": 7}
    assert first["summary_folded"] == ["a"]
    assert first["notes"] == "hello"
    assert first["ended_at"]
    again = settle(run_maker.folder, host=HOST, last_values={"a": 2.0, "mine": 0})
    assert again is not None
    assert not again.written
    assert again.trimmed == []
    assert json.loads(run_maker.folder.run_json.read_bytes()) == first
    reader = RunReader(run_maker.folder, fds, host=HOST)
    facts = reader.read(Locks()).facts
    assert facts["notes"] == "hello"
    assert not reader.wants_settle


def test_events_after_the_end_are_folded_on_top(run_maker: Any, fds: FdPool) -> None:
    ended_run(run_maker)
    settle(run_maker.folder, host=HOST)
    run_maker.event(writer="ogd", time=9.0, kind="note", text="later")
    run_maker.event(writer="ogd", time=9.5, kind="tag", tags=["best"])
    reader = RunReader(run_maker.folder, fds, host=HOST)
    facts = reader.read(Locks()).facts
    assert (facts["notes"], facts["tags"], facts["status"]) == ("hello\nlater", ["best"], "crashed")
    assert reader.wants_settle
    settle(run_maker.folder, host=HOST)
    written = json.loads(run_maker.folder.run_json.read_bytes())
    assert (written["notes"], written["tags"]) == ("hello\nlater", ["best"])


def test_summary_of_the_user_is_told_from_last_values(run_maker: Any) -> None:
    """A run that is resumed and settled again shows its new last values, and the user's own."""
    ended_run(run_maker)
    settle(run_maker.folder, host=HOST, last_values={"a": 2.0, "b": 1.0})
    run_maker.event(time=9.0, kind="summary", summary={"b": "set by hand"})
    settle(run_maker.folder, host=HOST, last_values={"a": 3.0, "b": 4.0, "mine": 5.0})
    written = json.loads(run_maker.folder.run_json.read_bytes())
    assert written["summary"] == {"a": 3.0, "b": "set by hand", "mine": 7}
    assert written["summary_folded"] == ["a"]


def test_settle_leaves_a_living_run_alone(run_maker: Any) -> None:
    ended_run(run_maker)
    before = run_maker.folder.run_json.read_bytes()
    with run_maker.folder.lock.open("r+b") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        assert settle(run_maker.folder, host=HOST) is None
    assert run_maker.folder.run_json.read_bytes() == before
    assert settle(run_maker.folder, host="other-host") is None
    assert run_maker.folder.run_json.read_bytes() == before


def test_settle_does_not_write_over_a_damaged_run_json(run_maker: Any) -> None:
    ended_run(run_maker)
    run_maker.folder.run_json.write_bytes(b'{"run_id": "x", "host": "this-host", "sta')
    done = settle(run_maker.folder, host=HOST)
    assert done is not None
    assert not done.written
    assert len(done.trimmed) == 1
    assert run_maker.folder.run_json.read_bytes().endswith(b'"sta')


def test_settle_on_a_full_disk_leaves_run_json_as_it_was(
    run_maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_run(run_maker)
    before = run_maker.folder.run_json.read_bytes()
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if os.readlink(f"/proc/self/fd/{fd}").endswith(".tmp"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        settle(run_maker.folder, host=HOST)
    assert run_maker.folder.run_json.read_bytes() == before
    assert not list(run_maker.folder.path.glob("*.tmp"))


def test_last_sign_of_life_is_the_end_of_a_crashed_run(run_maker: Any) -> None:
    ended_run(run_maker)
    os.utime(run_maker.folder.metrics / "a0-r0.jsonl", (1_795_343_000, 1_795_343_000))
    settle(run_maker.folder, host=HOST)
    assert json.loads(run_maker.folder.run_json.read_bytes())["ended_at"] == utc_iso(1_795_343_000)
