"""The rules of the socket's folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from opengraphs import sockets
from opengraphs.errors import DaemonError


def test_private_folder_is_made_with_mode_700(short_tmp: Path) -> None:
    folder = short_tmp / "a" / "b"
    sockets.make_private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    sockets.make_private_folder(folder)


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_folder_that_others_can_open_is_refused(short_tmp: Path, mode: int) -> None:
    short_tmp.chmod(mode)
    with pytest.raises(DaemonError, match=f"{mode:o}") as caught:
        sockets.check_private_folder(short_tmp)
    assert "chmod 700" in caught.value.hint
    assert str(short_tmp) in str(caught.value)


def test_folder_of_somebody_else_is_refused(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(DaemonError, match="belongs to user"):
        sockets.check_private_folder(short_tmp)


def test_file_in_place_of_the_folder_is_refused(short_tmp: Path) -> None:
    file = short_tmp / "file"
    file.touch(mode=0o600)
    with pytest.raises(DaemonError):
        sockets.make_private_folder(file)


def test_folder_that_cannot_be_made_says_why_and_what_to_do(short_tmp: Path) -> None:
    file = short_tmp / "file"
    file.touch()
    with pytest.raises(DaemonError) as caught:
        sockets.make_private_folder(file / "below")
    assert "OGD_SOCKET" in caught.value.hint


def test_paths_longer_than_the_kernel_takes_work(short_tmp: Path) -> None:
    folder = short_tmp / ("x" * 120)
    folder.mkdir(mode=0o700)
    path = folder / "ogd.sock"
    with sockets.listen(path) as server:
        assert path.stat().st_mode & 0o777 == 0o600
        server.setblocking(True)
        with sockets.connect(path, timeout_s=5) as link:
            accepted, _ = server.accept()
            with accepted:
                assert sockets.peer_uid(accepted) == os.getuid()
                accepted.sendall(b"hi")
                assert link.recv(2) == b"hi"


def test_too_long_path_is_a_clear_error_where_there_is_no_way_around(
    short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "isdir", lambda path: False)
    with pytest.raises(DaemonError, match="107 bytes"), sockets.address(short_tmp / ("x" * 120)):
        pass


def test_connect_checks_the_folder_each_time(short_tmp: Path) -> None:
    path = short_tmp / "s"
    with sockets.listen(path):
        short_tmp.chmod(0o755)
        with pytest.raises(DaemonError, match="open to others"):
            sockets.connect(path, timeout_s=5)


def test_failed_connect_leaves_no_descriptor(short_tmp: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(FileNotFoundError):
            sockets.connect(short_tmp / "nobody", timeout_s=1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_listener_leaves_the_umask_as_it_was(short_tmp: Path) -> None:
    old = os.umask(0o022)
    try:
        sockets.listen(short_tmp / "s").close()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(old)


def test_taken_path_is_an_os_error(short_tmp: Path) -> None:
    with sockets.listen(short_tmp / "s"), pytest.raises(OSError, match="in use"):
        sockets.listen(short_tmp / "s")


def test_peer_uid_is_unknown_where_the_kernel_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_PEERCRED")
    left, right = socket.socketpair()
    with left, right:
        assert sockets.peer_uid(left) is None
