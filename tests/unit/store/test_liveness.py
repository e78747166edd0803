"""Who holds a lock: seen without taking it where that can be."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opengraphs.store import liveness
from opengraphs.store.liveness import Locks


@pytest.fixture
def old_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is so young that its writer may be about to lock it."""
    monkeypatch.setattr(liveness, "YOUNG_S", -1.0)


def hold(path: Path) -> subprocess.Popen[bytes]:
    """A process that holds the lock until its stdin ends."""
    code = "import fcntl,sys; f=open(sys.argv[1],'a'); fcntl.flock(f,fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    return child


def release(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.communicate()


@pytest.mark.parametrize("table", [Path("/proc/locks"), Path("/nonexistent/locks")])
def test_lock_is_held_until_its_owner_dies(tmp_path: Path, old_files: None, table: Path) -> None:
    path = tmp_path / "run.lock"
    path.touch()
    child = hold(path)
    locks = Locks(table)
    locks.refresh()
    assert locks.held(path) is True
    release(child)
    locks.refresh()
    assert locks.held(path) is False


def test_lock_outlives_the_process_that_took_it(tmp_path: Path, old_files: None) -> None:
    """The training inherits the runner's descriptor, and with it the lock."""
    path = tmp_path / "run.lock"
    code = (
        "import fcntl,os,subprocess,sys; fd=os.open(sys.argv[1],os.O_RDWR|os.O_CREAT); fcntl.flock(fd,fcntl.LOCK_EX);"
        "os.set_inheritable(fd,True); c=subprocess.Popen(['sleep','60'],close_fds=False,stdout=subprocess.DEVNULL); print(c.pid,flush=True)"
    )
    pid = int(
        subprocess.run([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, check=True).stdout
    )
    try:
        for table in (Path("/proc/locks"), Path("/nonexistent/locks")):
            locks = Locks(table)
            locks.refresh()
            assert locks.held(path) is True
    finally:
        os.kill(pid, 9)


def test_missing_file_is_neither_held_nor_free(tmp_path: Path) -> None:
    assert Locks().held(tmp_path / "run.lock") is None


def test_listed_lock_is_never_touched(
    tmp_path: Path, old_files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        locks = Locks()
        locks.refresh()
        monkeypatch.setattr(fcntl, "flock", _refuse)
        assert locks.held(path) is True


class CountedTable(type(Path())):  # type: ignore[misc]
    """The kernel's table, and how often it was read."""

    reads = 0

    def read_text(self, *args: object, **kwargs: object) -> str:
        type(self).reads += 1
        return str(super().read_text(*args, **kwargs))


def test_table_is_read_only_for_what_it_alone_can_say(tmp_path: Path, old_files: None) -> None:
    """Each read of it stops the machine's lockers for milliseconds."""
    path = tmp_path / "run.lock"
    path.touch()
    CountedTable.reads = 0
    locks = Locks(CountedTable("/proc/locks"))
    locks.refresh()
    assert CountedTable.reads == 0
    child = hold(path)
    try:
        for _ in range(3):
            locks.refresh()
            assert locks.held(path) is True
            assert locks.held(path) is True
        assert CountedTable.reads == 1
    finally:
        release(child)
    locks.refresh()
    assert locks.held(path) is False
    assert CountedTable.reads == 2


def test_lock_that_its_living_owner_let_go_is_free(tmp_path: Path, old_files: None) -> None:
    path = tmp_path / "run.lock"
    locks = Locks()
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        locks.refresh()
        assert locks.held(path) is True
        fcntl.flock(file, fcntl.LOCK_UN)
        locks.refresh()
        assert locks.held(path) is False


def test_file_just_made_is_not_probed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A starting writer locks with LOCK_NB: a probe in that moment would have it refused."""
    path = tmp_path / "run.lock"
    path.touch()
    locks = Locks()
    locks.refresh()
    monkeypatch.setattr(fcntl, "flock", _refuse)
    assert locks.held(path) is True


def _refuse(*_: object) -> None:
    raise AssertionError("the lock was touched")


def test_probe_lets_go_at_once(tmp_path: Path, old_files: None) -> None:
    path = tmp_path / "run.lock"
    path.touch()
    locks = Locks(Path("/nonexistent/locks"))
    for _ in range(50):
        assert locks.held(path) is False
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("1: FLOCK  ADVISORY  WRITE 11871 fe:00:2146536 0 EOF", (os.makedev(0xFE, 0), 2146536)),
        ("1: -> FLOCK  ADVISORY  WRITE 11871 fe:00:2146536 0 EOF", None),
        ("2: POSIX  ADVISORY  READ 5 fe:00:12 0 EOF", None),
        ("", None),
        ("3: FLOCK ADVISORY WRITE 1 zz 0 EOF", None),
    ],
)
def test_lines_of_the_kernels_table(line: str, key: tuple[int, int] | None) -> None:
    assert liveness._flock(line) == (None if key is None else (key, 11871))
