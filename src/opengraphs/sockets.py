"""Private Unix sockets: the folder they lie in, and paths longer than the kernel takes.

The daemon and its clients both keep these rules and may not import each other, so the
rules live here. Light on purpose: the first frame imports it.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opengraphs.errors import DaemonError

MAX_PATH_BYTES = 107
"""What the kernel takes for a Unix socket's path on Linux."""
BACKLOG = 128

_ELSEWHERE = "set OGD_SOCKET to a path in a folder that only you can open (mode 700)"


def make_private_folder(folder: Path) -> None:
    """Make `folder` (0700, ours) if it is missing, then check it.

    Raises:
        DaemonError: it cannot be made, or `check_private_folder` refuses it.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise DaemonError(
            f"cannot make the folder of the daemon's socket ({error.strerror})",
            hint=_ELSEWHERE,
            path=str(folder),
        ) from error
    check_private_folder(folder)


def check_private_folder(folder: Path) -> None:
    """Refuse a socket folder in which somebody else could put a socket of his own.

    Raises:
        FileNotFoundError: there is no such folder.
        DaemonError: it is no folder, not owned by this user, or open to others.
    """
    for facts in (folder.lstat(), folder.stat()):
        if facts.st_uid != os.geteuid():
            raise DaemonError(
                f"the folder of the daemon's socket belongs to user {facts.st_uid}, not to you",
                hint=_ELSEWHERE,
                path=str(folder),
            )
    if not stat.S_ISDIR(facts.st_mode):
        raise DaemonError("the folder of the daemon's socket is no folder", hint=_ELSEWHERE, path=str(folder))
    if facts.st_mode & 0o077:
        raise DaemonError(
            f"the folder of the daemon's socket is open to others (mode {stat.S_IMODE(facts.st_mode):o})",
            hint=f"chmod 700 {folder}, or {_ELSEWHERE}",
            path=str(folder),
        )


@contextmanager
def address(path: Path) -> Iterator[str]:
    """A name of the socket that the kernel takes; a long one only while the context is open.

    Raises:
        FileNotFoundError: the folder of a long path does not exist.
        DaemonError: the path is too long and this system has no way around it.
    """
    if len(os.fsencode(path)) <= MAX_PATH_BYTES:
        yield str(path)
        return
    if not os.path.isdir("/proc/self/fd"):  # noqa: PTH112 - a Path costs more than the question
        raise DaemonError(
            f"the path of the socket is longer than {MAX_PATH_BYTES} bytes", hint=_ELSEWHERE, path=str(path)
        )
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def connect(path: Path, *, timeout_s: float | None) -> socket.socket:
    """A connected stream socket; the folder is checked first.

    Raises:
        OSError: nobody listens there (missing, refused, timed out).
        DaemonError: the folder is not private.
    """
    check_private_folder(path.parent)
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.settimeout(timeout_s)
        with address(path) as name:
            link.connect(name)
    except BaseException:
        link.close()
        raise
    return link


def listen(path: Path) -> socket.socket:
    """A listening, non-blocking socket at `path`, which must be free, readable by us alone.

    Raises:
        OSError: the path is taken or cannot be written.
        DaemonError: the path is too long.
    """
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old_mask = os.umask(0o177)
    try:
        with address(path) as name:
            server.bind(name)
        server.listen(BACKLOG)
        server.setblocking(False)
    except BaseException:
        server.close()
        raise
    finally:
        os.umask(old_mask)
    return server


def peer_uid(link: socket.socket) -> int | None:
    """The user on the other end, where the kernel says so (Linux); None elsewhere."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    import struct

    return int(struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])
