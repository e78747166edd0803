"""Names of control sockets: longer than the kernel takes, and only in folders that are ours alone.

The daemon's sockets keep the same rules in `opengraphs.sockets`, which a runner may not
import: it belongs to the tool, and the runner has the SDK only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_MAX_PATH_BYTES = 107


def run_socket(run_dir: str) -> str:
    """The name of a run's control socket: a short hash of its folder's path."""
    import hashlib  # costs 3 ms, which the first frame does not have

    folder = os.fsencode(os.path.realpath(run_dir))
    return f"run-{hashlib.blake2b(folder, digest_size=6).hexdigest()}.sock"


class UnsafeFolderError(OSError):
    """The socket's folder belongs to somebody else, or others may write to it."""


def check_private(folder: str) -> None:
    """Refuse a folder in which somebody else could put a socket of his own.

    Raises:
        UnsafeFolderError: it is such a folder.
        FileNotFoundError: there is none.
    """
    facts = os.lstat(folder)
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o077 or os.path.islink(folder):
        raise UnsafeFolderError(1, "not a private folder of this user", folder)


def make_private(folder: str) -> None:
    """Make the folder if it is missing, and check it.

    Raises:
        UnsafeFolderError: it is there and not ours alone.
        OSError: it cannot be made.
    """
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    check_private(folder)


@contextmanager
def socket_name(path: str) -> Iterator[str]:
    """`path` as the kernel takes it; a long one only while the context is open.

    Raises:
        OSError: the folder of a long path cannot be opened.
    """
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        yield path
        return
    folder, name = os.path.split(path)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{name}"
    finally:
        os.close(fd)
