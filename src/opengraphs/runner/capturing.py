"""The runner's side of the capture: starts the process, takes its findings, bounds its time."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from .loop import Loop, Timer

LIMIT_S = 60.0
"""A `git status` on a cold network file system may take this long; then the bundle stays without it."""

LIMIT_AFTER_END_S = 10.0
"""How long a runner whose training has ended waits for a capture that is still at work."""

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__main__.py")


class Capture:
    """One capture process and the findings it prints, one JSON object a line."""

    def __init__(self, loop: Loop, found: Callable[[dict[str, Any]], None]) -> None:
        self._loop = loop
        self._found = found
        self._pid = 0
        self._fd = -1
        self._pending = b""
        self._limit: Timer | None = None
        self.finished = True
        """It has not been started, or is gone."""

    def start(self, spec: dict[str, Any]) -> None:
        """Spawn it with the user's environment, which is also what it records.

        Raises:
            OSError: no process can be made, or og is no longer there.
        """
        options = {name: spec[name] for name in ("run_dir", "cwd", "import_paths")}
        read_fd, write_fd = os.pipe()
        argv = [sys.executable, "-I", "-S", _PROGRAM, "capture", json.dumps(options), *spec["command"]]
        try:
            self._pid = self._spawn(argv, spec["env"], write_fd)
        except OSError:
            os.close(read_fd)
            raise
        finally:
            os.close(write_fd)
        self._fd = read_fd
        self.finished = False
        os.set_blocking(self._fd, False)
        self._loop.watch(self._fd, self._read)
        self._limit = self._loop.later(LIMIT_S, self.kill)

    @staticmethod
    def _spawn(argv: list[str], env: dict[str, str], write_fd: int) -> int:
        return os.posix_spawn(
            argv[0],
            argv,
            env,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, write_fd, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setpgroup=0,  # so that a hanging git ends with it
            setsigmask=(),
            setsigdef=(signal.SIGHUP, signal.SIGPIPE),
        )

    def _read(self) -> None:
        try:
            part = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        *lines, self._pending = (self._pending + part).split(b"\n")
        for line in lines:
            self._found(json.loads(line))
        if not part:
            self._finish()

    def _finish(self) -> None:
        self._loop.unwatch(self._fd)
        os.close(self._fd)
        os.waitpid(self._pid, 0)  # its output has ended, so it is at its end
        self.finished = True
        if self._limit is not None:
            self._limit.cancel()

    def hurry(self) -> None:
        """The training has ended: the rest must come soon."""
        if self.finished:
            return
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self._loop.later(LIMIT_AFTER_END_S, self.kill)

    def kill(self) -> None:
        """Give up on it; what it has written stays."""
        if not self.finished:
            os.killpg(self._pid, signal.SIGKILL)
