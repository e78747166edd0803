"""Claim the socket: private folder, lock for life, stale socket away, listen."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from typing import NamedTuple

from opengraphs import sockets
from opengraphs.errors import DaemonError

LEAVING_S = 5.0
"""How long a new daemon waits for one that already stopped listening but still writes."""


class Busy(Exception):  # noqa: N818 - an answer, not a failure
    """Another ogd lives on this socket."""


class Claim(NamedTuple):
    """What makes this process the daemon of `path`. The lock ends with the process.

    inode: of the socket's name, to see later that it still leads here.
    """

    path: Path
    lock_fd: int
    listener: socket.socket
    inode: int


def claim(path: Path) -> Claim:
    """Become the one daemon on `path`.

    Raises:
        Busy: another daemon answers there, or holds the lock for too long.
        DaemonError: the folder is not private, or the socket cannot be made.
    """
    sockets.make_private_folder(path.parent)
    try:
        lock_fd = _lock_for_life(path)
        path.unlink(missing_ok=True)  # we hold the lock: whoever made it is dead
        listener = sockets.listen(path)
        return Claim(path, lock_fd, listener, path.stat().st_ino)
    except OSError as error:
        raise DaemonError(
            f"cannot listen on the socket ({error.strerror})",
            hint="set OGD_SOCKET to a path in a private folder of yours",
            path=str(path),
        ) from error


def is_lost(claimed: Claim) -> bool:
    """Whether the socket's name is gone or leads to somebody else."""
    try:
        return claimed.path.stat().st_ino != claimed.inode
    except OSError:
        return True


def release(claimed: Claim) -> None:
    """Take the socket away, so that the next command starts a new daemon at once."""
    if not is_lost(claimed):
        claimed.path.unlink(missing_ok=True)


def _lock_for_life(path: Path) -> int:
    lock_fd = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LEAVING_S
    while not _try_lock(lock_fd):
        if _answers(path) or time.monotonic() > deadline:
            os.close(lock_fd)
            raise Busy
        time.sleep(0.02)
    os.ftruncate(lock_fd, 0)
    os.write(lock_fd, b"%d\n" % os.getpid())
    return lock_fd


def _try_lock(lock_fd: int) -> bool:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _answers(path: Path) -> bool:
    try:
        sockets.connect(path, timeout_s=1.0).close()
    except OSError:
        return False
    return True
