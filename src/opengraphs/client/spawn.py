"""Start the ogd process and learn over a pipe whether it listens."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from opengraphs import paths
from opengraphs.errors import DaemonError

_ONE_RUN_ONLY = frozenset(("OG_RUN_DIR", "OG_RUN_ID", "OG_RUNNER_PID", "OG_PROJECT"))
"""What belongs to one run must not stick to a process that serves all of them."""


def spawn_daemon(path: Path, deadline: float) -> bool:
    """Start ogd on the socket `path`, in a session of its own.

    Returns:
        True once it listens; False when another ogd holds the lock.

    Raises:
        DaemonError: it said why it cannot start, or died, or stayed silent until `deadline`
            (a `time.monotonic()`).
    """
    reader, writer = os.pipe()
    try:
        try:
            _launch(path, writer, deadline)
        finally:
            os.close(writer)
        return _read_ready(reader, deadline, path)
    finally:
        os.close(reader)


def _launch(path: Path, ready_fd: int, deadline: float) -> None:
    """Run the starter process to its end; it forks the daemon off at once."""
    import subprocess

    command = [sys.executable, "-I", "-m", "opengraphs.daemon", "--detach"]
    command += ["--ready-fd", str(ready_fd), "--socket", str(path)]
    log = _open_log()
    try:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={key: value for key, value in os.environ.items() if key not in _ONE_RUN_ONLY},
            pass_fds=[ready_fd],
            start_new_session=True,
            check=False,
            timeout=max(1.0, deadline - time.monotonic()),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DaemonError(f"ogd could not be started ({error})", hint=see_log()) from error
    finally:
        os.close(log)


def _read_ready(reader: int, deadline: float, path: Path) -> bool:
    import select

    readable, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
    word = os.read(reader, 4096).decode("utf-8", "replace").strip() if readable else "timeout"
    if word in ("ready", "busy"):
        return word == "ready"
    why = {"": "it died at once", "timeout": "it did not listen in time"}.get(word, word)
    raise DaemonError(f"ogd could not be started ({why})", hint=see_log(), path=str(path))


def _open_log() -> int:
    """The daemon's log, or nowhere when the state folder cannot be written."""
    log = paths.daemon_log()
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(log, flags, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


def see_log() -> str:
    """A hint that names the daemon's log."""
    return f"its log is {paths.daemon_log()}"
