"""What `og daemon start|stop|restart|status|logs` does."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path

from opengraphs import paths, sockets
from opengraphs.client.autostart import LOCK_RETRY_S, ensure_daemon, handshake
from opengraphs.client.raw import raw_post
from opengraphs.client.spawn import see_log
from opengraphs.errors import DaemonError, OgError, UnreachableError
from opengraphs.protocol.runs import VersionReply


def start(*, timeout_s: float = 10.0) -> VersionReply:
    """The running daemon, started if there was none; raises as `ensure_daemon`."""
    return ensure_daemon(timeout_s=timeout_s)


def status(*, timeout_s: float = 2.0) -> VersionReply | None:
    """What the daemon says about itself, of whatever version; None when none runs."""
    try:
        return handshake(paths.daemon_socket(), timeout_s=timeout_s)
    except UnreachableError:
        return None


def stop(*, timeout_s: float = 10.0) -> bool:
    """End the daemon, whoever uses it: asked first, then TERM, then KILL; runs go on.

    Returns:
        False when none was running.

    Raises:
        DaemonError: it is still there after `timeout_s`.
    """
    path = paths.daemon_socket()
    pid = _holder(path)
    if pid is None:
        return False
    started = time.monotonic()
    _ask_to_leave(path)
    for share, number in ((0.5, signal.SIGTERM), (0.8, signal.SIGKILL), (1.0, None)):
        if _wait_gone(path, pid, started + share * timeout_s):
            return True
        if number is not None and _holder(path) == pid:
            os.kill(pid, number)
    raise DaemonError(f"ogd (pid {pid}) does not end", hint=see_log(), path=str(path))


def restart(*, timeout_s: float = 20.0) -> VersionReply:
    """Stop the daemon if there is one, and start this version."""
    stop(timeout_s=timeout_s / 2)
    return start(timeout_s=timeout_s / 2)


def log_path() -> Path:
    """The file `og daemon logs` shows; it need not exist yet."""
    return paths.daemon_log()


def _ask_to_leave(path: Path) -> None:
    try:
        raw_post(path, "/shutdown", {"when_idle": False}, timeout_s=2.0)
    except OgError:
        pass  # silent, gone, or of another kind: the signals follow


def _holder(path: Path) -> int | None:
    """The pid of the process that holds the daemon's lock, None when nobody does.

    Raises:
        DaemonError: the socket's folder is not private, so its lock says nothing.
    """
    try:
        sockets.check_private_folder(path.parent)
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        word = os.read(descriptor, 32).strip()
        return int(word) if word.isdigit() else None
    finally:
        os.close(descriptor)
    return None


def _wait_gone(path: Path, pid: int, deadline: float) -> bool:
    """Whether it went in time; another one may have come already (a TUI starts what it needs)."""
    while _holder(path) == pid:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOCK_RETRY_S)
    return True
