"""Make sure that an ogd of our protocol answers: find it, replace it, or start it.

Starters queue on a lock file beside the socket, so that two commands at once start one
daemon. The daemon says over a pipe when it listens; nobody polls for it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from opengraphs import paths, sockets
from opengraphs.client.raw import raw_get, raw_post
from opengraphs.client.spawn import see_log, spawn_daemon
from opengraphs.errors import DaemonError, OgError, UnreachableError, VersionError
from opengraphs.protocol.runs import VersionReply
from opengraphs.protocol.version import PROTOCOL_VERSION, VERSION

LOCK_RETRY_S = 0.02
"""How often a held lock or a leaving daemon is looked at again."""


def ensure_daemon(
    *, socket_path: Path | None = None, autostart: bool = True, timeout_s: float = 10.0
) -> VersionReply:
    """What the running daemon says about itself, after starting or replacing it where needed.

    Args:
        socket_path: default: `paths.daemon_socket()`.
        autostart: False: only look.
        timeout_s: for everything together.

    Raises:
        UnreachableError: nobody answers and `autostart` is off.
        DaemonError: the socket's folder is not private, or ogd did not start in time.
        VersionError: an ogd of another protocol runs and is busy.
    """
    path = socket_path or paths.daemon_socket()
    deadline = time.monotonic() + timeout_s
    if not autostart:
        return _keep(path, handshake(path, timeout_s=timeout_s))
    sockets.make_private_folder(path.parent)
    try:
        found = handshake(path, timeout_s=timeout_s)
        if _is_ours(found):
            return found
    except UnreachableError:
        pass
    with _starters_lock(path, deadline):
        return _settle(path, deadline)


def handshake(socket_path: Path, *, timeout_s: float = 2.0) -> VersionReply:
    """`GET /version`; raises UnreachableError when nobody answers, DaemonError on garbage."""
    reply = raw_get(socket_path, "/version", timeout_s=timeout_s)
    if not isinstance(reply.get("protocol"), int) or not isinstance(reply.get("version"), str):
        raise DaemonError("something else than ogd listens on the daemon's socket", path=str(socket_path))
    return cast("VersionReply", reply)


def _is_ours(found: VersionReply) -> bool:
    return found["protocol"] == PROTOCOL_VERSION and found["version"] == VERSION


def _settle(path: Path, deadline: float) -> VersionReply:
    """Under the starters' lock: keep, replace or start until one of ours answers."""
    while True:
        try:
            found = handshake(path, timeout_s=max(0.1, deadline - time.monotonic()))
        except UnreachableError:
            if spawn_daemon(path, deadline):
                continue
        else:
            if _is_ours(found):
                return found
            if not _leaves(path, found):
                return _keep(path, found)
        if time.monotonic() > deadline:
            raise DaemonError("ogd did not come up in time", hint=see_log(), path=str(path))
        time.sleep(LOCK_RETRY_S)


def _leaves(path: Path, found: VersionReply) -> bool:
    """Ask a daemon of another version to leave if nobody needs it."""
    try:
        return bool(raw_post(path, "/shutdown", {"when_idle": True}).get("stopping"))
    except UnreachableError:
        return True
    except OgError:
        return False


def _keep(path: Path, found: VersionReply) -> VersionReply:
    """A busy daemon of another release stays; it is of use when it speaks our protocol."""
    if found["protocol"] == PROTOCOL_VERSION:
        return found
    raise VersionError(
        f"ogd {found['version']} (protocol {found['protocol']}, pid {found.get('pid')}) is running and busy; "
        f"this is og {VERSION} (protocol {PROTOCOL_VERSION})",
        hint="`og daemon restart` replaces it; training goes on",
        path=str(path),
    )


@contextmanager
def _starters_lock(path: Path, deadline: float) -> Iterator[None]:
    descriptor = os.open(f"{path}.start", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise DaemonError("another og command is still starting ogd", hint=see_log(), path=str(path))
            time.sleep(LOCK_RETRY_S)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
