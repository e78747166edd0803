"""Launches the run that goes on from this one, in a process of its own.

The runner is a child of the shell that the user started the training from, and so is what it
spawns: the same cgroup, Slurm step, limits and environment, secrets included, which exist
nowhere else. A process of its own, because a launch imports what a runner never needs, may
take long on a slow disk, and is then done by the og that is installed now.
"""

from __future__ import annotations

import json
import marshal
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .loop import Loop, Timer

LIMIT_S = 120.0
_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")
_KEPT = (
    "store", "cwd", "use_pty", "window", "hooks", "stdout_metrics", "patterns", "heartbeat_s", "import_paths",
    "control_socket", "env",
)  # fmt: skip

Done = Callable[[dict[str, Any]], None]


class Successor:
    """One launch. `done` gets `{"ok": true, "run_id", "run_dir", "name", "pid", "control_socket"}` or the error."""

    def __init__(self, loop: Loop, spec: Mapping[str, Any], *, hangup: Any) -> None:
        """`hangup` is how the user's shell treats SIGHUP, which the runner itself ignores."""
        self._loop = loop
        self._base = {name: spec[name] for name in _KEPT}
        self._keeps_deaf = hangup == signal.SIG_IGN
        self._pid = 0
        self._fd = -1
        self._received = b""
        self._done: Done = lambda _reply: None
        self._limit: Timer | None = None

    def start(self, order: Mapping[str, Any], done: Done) -> None:
        """Begin to launch what `order` says; see `answers` for its keys.

        Raises:
            OSError: no process can be made.
        """
        self._done = done
        order_read, order_write = os.pipe()
        told_read, told_write = os.pipe()
        try:
            self._pid = self._spawn(order_read, told_write)
        except OSError:
            os.close(order_write)
            os.close(told_read)
            raise
        finally:
            os.close(order_read)
            os.close(told_write)
        self._fd = told_read
        os.set_blocking(told_read, False)
        self._loop.watch(told_read, self._read)
        self._limit = self._loop.later(LIMIT_S, self._give_up)
        _write(order_write, marshal.dumps({"base": self._base, "order": dict(order)}))

    def _spawn(self, order_fd: int, told_fd: int) -> int:
        argv = [sys.executable, "-I", "-S", _PROGRAM, "launch"]
        return os.posix_spawn(
            argv[0],
            argv,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, order_fd, 0),
                (os.POSIX_SPAWN_DUP2, told_fd, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setpgroup=0,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE,) if self._keeps_deaf else (signal.SIGPIPE, signal.SIGHUP),
        )

    def _read(self) -> None:
        try:
            part = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        self._received += part
        if not part:
            self._finish()

    def _finish(self) -> None:
        self._loop.unwatch(self._fd)
        os.close(self._fd)
        os.waitpid(self._pid, 0)
        if self._limit is not None:
            self._limit.cancel()
        try:
            reply = json.loads(self._received)
        except ValueError:
            reply = {"ok": False, "error": "the launch ended without a word"}
        self._done(reply)

    def _give_up(self) -> None:
        os.killpg(self._pid, signal.SIGKILL)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except BrokenPipeError:  # it died; that there is no answer tells
        pass
    finally:
        os.close(fd)
