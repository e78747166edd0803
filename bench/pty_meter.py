"""A terminal with a stopwatch: runs a program in a pty, keeps its screen, counts its bytes.

Answers the queries that terminal programs ask at start (device attributes, cursor
position, background colour, mode reports), as xterm does, so that nobody waits for a
time-out; a program's CPU and memory are read from /proc over its whole process tree.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte

TICKS_PER_S = os.sysconf("SC_CLK_TCK")

QUERIES: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (re.compile(rb"\x1b\[c"), b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\[>0?c"), b"\x1b[>41;354;0c"),
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),
    (re.compile(rb"\x1b\[5n"), b"\x1b[0n"),
    (re.compile(rb"\x1b\]11;\?(?:\x07|\x1b\\)"), b"\x1b]11;rgb:1010/1010/1010\x1b\\"),
    (re.compile(rb"\x1b\]10;\?(?:\x07|\x1b\\)"), b"\x1b]10;rgb:e0e0/e0e0/e0e0\x1b\\"),
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[\?2048\$p"), b"\x1b[?2048;0$y"),
    (re.compile(rb"\x1b\[\?u"), b"\x1b[?0u"),
)


class Meter:
    """One program in one pty. Use as a context manager; leaving it ends the program."""

    def __init__(
        self, command: list[str], *, columns: int = 120, lines: int = 40, env: dict[str, str] | None = None
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.bytes_seen = 0
        self.writes_seen = 0
        self.started_at = time.perf_counter()
        self.first_byte_s: float | None = None
        self.arrived_s = 0.0
        """When the chunk that was taken in last came; putting it on the screen takes this meter milliseconds."""
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
        for name in ("NO_COLOR", "TMUX", "STY"):
            environment.pop(name, None)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def __enter__(self) -> Meter:
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                break
            if self._reaped(3.0):
                break
        os.close(self._fd)

    def _reaped(self, within_s: float) -> bool:
        end = time.perf_counter() + within_s
        while time.perf_counter() < end:
            self.read(0.02)
            try:
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    return True
            except ChildProcessError:
                return True
        return False

    @property
    def elapsed_s(self) -> float:
        return time.perf_counter() - self.started_at

    def read(self, timeout_s: float) -> bool:
        """Take in one chunk of output if there is any within `timeout_s`."""
        if not select.select([self._fd], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:
            return False
        if not data:
            return False
        self.arrived_s = self.elapsed_s
        if self.first_byte_s is None:
            self.first_byte_s = self.arrived_s
        self.bytes_seen += len(data)
        self.writes_seen += 1
        for pattern, answer in QUERIES:
            for _ in pattern.findall(data):
                os.write(self._fd, answer)
        # pyte prints what it does not know: private CSI with `<`, `=`, `>` and DCS/APC strings go first.
        self._stream.feed(re.sub(rb"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b[P_][^\x1b]*\x1b\\", b"", data))
        return True

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def send(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def wait(self, seen: Callable[[str], bool], timeout_s: float) -> float | None:
        """Seconds since the start when `seen(screen text)` first held; None when it never did."""
        end = time.perf_counter() + timeout_s
        while time.perf_counter() < end:
            if self.read(0.05) and seen(self.text()):
                return self.arrived_s
        return None

    def quiet(self, for_s: float, timeout_s: float) -> None:
        """Take in what comes until nothing came for so long."""
        end = time.perf_counter() + timeout_s
        while self.read(for_s) and time.perf_counter() < end:
            pass

    def settle(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(min(left, 0.1))


def process_tree(pid: int) -> list[int]:
    """`pid` and all its living descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in task.read_text().split())
            except OSError:
                continue
    return found


def cpu_s(pids: list[int]) -> float:
    """User and system seconds that `pids` have used so far."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS_PER_S


def pss_mb(pids: list[int]) -> float:
    """Megabytes of `pids` together; of pages that are shared each has its share."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024 / 1e6
