"""The pty of a training that asked for a terminal: what it prints goes into the log."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .loop import Loop

_DRAIN_BYTES = 16 << 20
"""More than a terminal can hold back; a bound against programs that outlive the training and go on printing."""


class Terminal:
    """Copies one pty into one file."""

    def __init__(self, loop: Loop, fd: int | None, log_fd: int) -> None:
        """`fd` is the pty's own end, None where the training has no terminal."""
        self.fd = fd
        self.lost_bytes = 0
        """Output that found no space; the training never waits for a disk."""
        self._loop = loop
        self._log_fd = log_fd
        if fd is not None:
            loop.watch(fd, self.copy)

    def copy(self) -> int:
        """Move what there is now; returns how many bytes that were."""
        if self.fd is None:
            return 0
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return 0
        except OSError:  # EIO: the last process closed its side
            data = b""
        if not data:
            self.close()
        self._write(data)
        return len(data)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._log_fd, view) :]
        except OSError:
            self.lost_bytes += len(view)

    def drain(self) -> None:
        """Take what the training left in the terminal, and hang up."""
        taken = 0
        while taken < _DRAIN_BYTES and (part := self.copy()):
            taken += part
        self.close()

    def close(self) -> None:
        if self.fd is not None:
            self._loop.unwatch(self.fd)
            os.close(self.fd)
            self.fd = None
