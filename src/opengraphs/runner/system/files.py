"""Reading small kernel files again and again without opening them each time."""

from __future__ import annotations

import os
import sys


def on_linux() -> bool:
    """Whether there is a `/proc` and a cgroup tree to read."""
    return sys.platform.startswith("linux")


def read_text(path: str) -> str:
    """The whole of a small file; an empty string when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return _read_all(fd)
    except OSError:
        return ""
    finally:
        os.close(fd)


def _read_all(fd: int) -> str:
    parts: list[bytes] = []
    while True:
        part = os.read(fd, 65536)
        if not part:
            return b"".join(parts).decode("utf-8", "replace")
        parts.append(part)


class KernelFile:
    """A `/proc` file kept open: the kernel makes it anew at every read from its start.

    Half the cost of open, read and close; measured in docs/reference/runner.md.
    """

    def __init__(self, path: str) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = -1

    def text(self) -> str:
        """The present content; empty when there is no such file here."""
        if self._fd < 0:
            return ""
        try:
            os.lseek(self._fd, 0, os.SEEK_SET)
            return _read_all(self._fd)
        except OSError:
            return ""

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
