"""From a spawned interpreter to a runner: its own session, its own descriptors, the run's lock."""

from __future__ import annotations

import fcntl
import marshal
import os
import sys

from opengraphs.sdk import layout, locks

from .child import StartError
from .plainjson import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

RUNNER_LOG = "runner.log"
"""Only there after a crash of the runner."""

SPEC_FD, TOLD_FD, LOCK_FD, SOCKET_FD = 0, 1, 3, 4
"""What the launcher passes: the spec to read, the pipe to answer on, the lock it holds, the control socket."""

LOCK_FD_FLOOR = 100
"""The lock's number in the training process: above the low ones that shell scripts use for their own files."""


class LockTakenError(Exception):
    """Another runner, or a training that outlived its own, holds this run's lock."""


def detach() -> None:
    """Leave the launcher: a new session that no terminal can hang up, and no zombie for the launcher to reap."""
    try:
        os.setsid()
    except PermissionError:  # already the leader of one
        pass
    if os.fork():
        os._exit(0)


def close_inherited() -> None:
    """Close what the user's shell had open: a runner must not keep a pipe of theirs from ending."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    for name in os.listdir(folder):
        if int(name) > SOCKET_FD:
            locks.close(int(name))


def read_spec() -> dict[str, Any]:
    """The launch spec, marshalled: both sides are one interpreter, and nothing need be imported for it.

    Raises:
        EOFError, ValueError: the launcher died while it wrote.
    """
    parts: list[bytes] = []
    while part := os.read(SPEC_FD, 65536):
        parts.append(part)
    _to_null(SPEC_FD)
    spec: dict[str, Any] = marshal.loads(b"".join(parts))
    if spec["listens"]:
        os.set_inheritable(SOCKET_FD, False)
    else:
        locks.close(SOCKET_FD)
    return spec


def _to_null(fd: int) -> None:
    """Let go of what a standard descriptor stood for, and keep its number taken."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    os.dup2(null, fd)
    os.close(null)


def hold_lock(run_dir: str) -> int:
    """The run's lock, on a high descriptor.

    Raises:
        LockTakenError: somebody else holds it.
        OSError: run.lock cannot be opened.
    """
    path = os.path.join(run_dir, layout.RUN_LOCK)
    given = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    if _same_file(given, LOCK_FD):  # the launcher's lock lives on this very open file, not on a new one
        os.dup2(LOCK_FD, given, inheritable=False)
    locks.close(LOCK_FD)
    held = fcntl.fcntl(given, fcntl.F_DUPFD_CLOEXEC, LOCK_FD_FLOOR)
    os.close(given)
    if not locks.try_lock(held):
        raise LockTakenError(run_dir)
    return held


def _same_file(fd: int, other: int) -> bool:
    try:
        return other != fd and os.path.samestat(os.fstat(fd), os.fstat(other))
    except OSError:
        return False


def refusal(error: Exception) -> dict[str, Any]:
    """The launcher's answer when the training did not start."""
    if isinstance(error, LockTakenError):
        return {"ok": False, "stage": "lock", "errno": 0, "path": str(error)}
    if isinstance(error, StartError):
        return {"ok": False, "stage": error.stage, "errno": error.number, "path": error.path}
    number = error.errno if isinstance(error, OSError) else 0
    path = error.filename if isinstance(error, OSError) else ""
    return {"ok": False, "stage": "folder", "errno": number or 0, "path": os.fsdecode(path or "")}


def log_crashes(run_dir: str) -> None:
    """A defect of the runner itself leaves its traceback in the run folder; it has no terminal to print to."""
    path = os.path.join(run_dir, RUNNER_LOG)

    def write(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        import traceback

        with open(path, "a", encoding="utf-8") as file:
            file.writelines(traceback.format_exception(kind, error, trace))

    sys.excepthook = write


class Launcher:
    """The pipe to who launched the run: one line when the training runs or will not, one when it has ended.

    A launcher that is gone changes nothing.
    """

    def __init__(self) -> None:
        self._fd = fcntl.fcntl(TOLD_FD, fcntl.F_DUPFD_CLOEXEC, SOCKET_FD + 1)
        _to_null(TOLD_FD)

    def tell(self, message: dict[str, Any]) -> None:
        """Send one line."""
        try:
            os.write(self._fd, dumps(message) + b"\n")
        except OSError:
            pass
