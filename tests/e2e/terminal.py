"""A program in a terminal: a pty, an emulator's screen, a keyboard. What a user would see.

    child ⇄ pty ── reader thread ── pyte screen ── wait_for(predicate)

The reader answers the questions that terminal programs ask at start, as xterm does.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pyte

_LAUNCH = (
    "import fcntl,os,sys,termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
_ANSWERS: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (re.compile(rb"\x1b\[0?c"), b"\x1b[?62;22c"),
    (re.compile(rb"\x1b\[>0?c"), b"\x1b[>41;354;0c"),
    (re.compile(rb"\x1b\[6n"), b"\x1b[1;1R"),
    (re.compile(rb"\x1b\[5n"), b"\x1b[0n"),
    (re.compile(rb"\x1b\]11;\?(?:\x07|\x1b\\)"), b"\x1b]11;rgb:1010/1010/1010\x1b\\"),
    (re.compile(rb"\x1b\]10;\?(?:\x07|\x1b\\)"), b"\x1b]10;rgb:e0e0/e0e0/e0e0\x1b\\"),
    (re.compile(rb"\x1b\[\?2026\$p"), b"\x1b[?2026;2$y"),
    (re.compile(rb"\x1b\[\?2048\$p"), b"\x1b[?2048;0$y"),
    (re.compile(rb"\x1b\[\?u"), b"\x1b[?0u"),
)
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<=>][0-9;:]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1b[P_^][^\x1b]*\x1b\\")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-9;:<=>?$ ]*|[P_\]^][^\x07\x1b]*\x1b?)?\Z")
_LEAVE_ALTERNATE = b"\x1b[?1049l"


class Terminal:
    """One program in one terminal. A context manager; leaving it hangs up and ends the program."""

    def __init__(
        self, command: list[str], *, env: dict[str, str], cwd: Path, columns: int = 120, rows: int = 40
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.seen = bytearray()
        """Every byte the program wrote."""
        self._stream = pyte.ByteStream(self.screen)
        self._held = b""
        self._changed = threading.Condition()
        self._ended = False
        self._fd, slave = os.openpty()
        self._closing, self._close = os.pipe()
        self._size(columns, rows)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _LAUNCH, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={"TERM": "xterm-256color", "COLORTERM": "truecolor", **env},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()

    def text(self) -> str:
        """The screen as it stands, one line a row."""
        with self._changed:
            return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, seen: Callable[[str], object], *, within_s: float = 15) -> str:
        """The screen's text as soon as `seen(text)` holds.

        Raises:
            AssertionError: it did not within `within_s`, or before the program ended; shows the screen.
        """
        deadline = time.monotonic() + within_s
        with self._changed:
            while True:
                text = "\n".join(line.rstrip() for line in self.screen.display)
                if seen(text):
                    return text
                left_s = deadline - time.monotonic()
                if left_s <= 0 or self._ended:
                    why = "the program ended" if self._ended else f"not within {within_s:g} s"
                    raise AssertionError(f"{why}; the screen:\n{text}")
                self._changed.wait(left_s)

    def wait_text(self, *words: str, within_s: float = 15) -> str:
        """The screen's text as soon as it holds all `words`."""
        return self.wait_for(lambda text: all(word in text for word in words), within_s=within_s)

    def send(self, keys: str | bytes) -> None:
        """Type `keys`."""
        os.write(self._fd, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size; the program is told by SIGWINCH."""
        with self._changed:
            self.screen.resize(rows, columns)
        self._size(columns, rows)

    def exit_code(self, *, within_s: float = 15) -> int:
        """The program's exit code once it ended and all its output is on the screen; 128 + N for a signal."""
        code = self.process.wait(within_s)
        self._reader.join(within_s)
        return code if code >= 0 else 128 - code

    def hang_up(self) -> None:
        """Close the terminal, as closing the window does: the program gets SIGHUP. It is ended if it stays."""
        if self._reader.is_alive():
            os.write(self._close, b"x")
            self._reader.join(5)
        if self._fd >= 0:
            for descriptor in (self._fd, self._closing, self._close):
                os.close(descriptor)
            self._fd = -1
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def styles(self) -> set[tuple[str, str, bool]]:
        """(foreground, background, reverse) of every cell on the screen."""
        with self._changed:
            rows = [self.screen.buffer[row] for row in range(self.screen.lines)]
            return {
                (row[column].fg, row[column].bg, row[column].reverse)
                for row in rows
                for column in range(self.screen.columns)
            }

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._fd, self._closing], [], [])
            data = b"" if self._closing in ready else self._read_once()
            with self._changed:
                if data:
                    self._take(data)
                self._ended = not data
                self._changed.notify_all()
            if not data:
                return

    def _read_once(self) -> bytes:
        """Empty at the end: the last holder of the terminal is gone."""
        try:
            return os.read(self._fd, 1 << 16)
        except OSError:
            return b""

    def _take(self, data: bytes) -> None:
        self.seen += data
        data = self._held + data
        cut = _UNFINISHED.search(data)
        self._held = data[cut.start() :] if cut else b""
        data = data[: cut.start()] if cut else data
        for pattern, answer in _ANSWERS:
            for _ in pattern.findall(data):
                os.write(self._fd, answer)
        *before, last = _UNKNOWN_TO_PYTE.sub(b"", data).split(_LEAVE_ALTERNATE)
        for part in before:
            self._stream.feed(part)
            self.screen.reset()  # pyte has no alternate screen: what lay under it is gone, so show nothing
        self._stream.feed(last)
