"""A program in a pseudo-terminal, its output in a terminal emulator: what a user would see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping

import pyte

DEADLINE_S = 20.0


class PtyProgram:
    """A Python program on a pty of its own. Used as a context; it has ended when the context ends."""

    def __init__(
        self, code: str, *args: str, columns: int = 80, rows: int = 24, env: Mapping[str, str] | None = None
    ) -> None:
        self.raw = b""
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.exit_code: int | None = None
        self.answering = True
        """Answer device status like a terminal."""
        self.started_at = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self._become(code, args, columns, rows, env or {})
        self.resize(columns, rows)
        self.attrs_at_start = termios.tcgetattr(self.fd)

    def _become(
        self, code: str, args: tuple[str, ...], columns: int, rows: int, env: Mapping[str, str]
    ) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        clean = {
            key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLORTERM", "TMUX")
        }
        clean |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", **env}
        os.execve(sys.executable, [sys.executable, "-c", code, *args], clean)

    def __enter__(self) -> PtyProgram:
        return self

    def __exit__(self, *_: object) -> None:
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        os.close(self.fd)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def send(self, data: str) -> None:
        os.write(self.fd, data.encode())

    def read_some(self, timeout_s: float) -> bool:
        """Take in what has come. False when nothing came or all is over."""
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        if not data:
            return False
        self.raw += data
        self._stream.feed(data)
        for _ in range(data.count(b"\x1b[5n") if self.answering else 0):
            self.send("\x1b[0n")
        return True

    def wait_until(self, reached: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + DEADLINE_S
        while not reached():
            if time.monotonic() > end:
                raise AssertionError(
                    f"not within {DEADLINE_S:g} s: {what}\n" + "\n".join(self.screen.display)
                )
            if not self.read_some(0.2) and self._gone():
                break
        assert reached(), f"ended before: {what}\n" + self.raw.decode(errors="replace")[-2000:]

    def _gone(self) -> bool:
        if self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
                while self.read_some(0.05):
                    pass
        return self.exit_code is not None

    def wait(self) -> int:
        """Read until the program has ended; its exit code."""
        end = time.monotonic() + DEADLINE_S
        while not self._gone():
            assert time.monotonic() < end, "the program does not end"
            self.read_some(0.05)
        assert self.exit_code is not None
        return self.exit_code

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def attrs(self) -> list[object]:
        """The terminal's modes now, without speeds."""
        return termios.tcgetattr(self.fd)[:4]
