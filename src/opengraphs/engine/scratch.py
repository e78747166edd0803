"""Room on disk for what is computed from the index and too large for memory.

One unnamed file beside the index, so nothing of it outlives the process; blocks of one
size, so that what is given back is used again.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

BLOCK_POINTS = 1 << 16
BLOCK_BYTES = BLOCK_POINTS * 24


class Scratch:
    """Blocks of BLOCK_BYTES in a file that is made when the first one is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = -1
        self._blocks = 0
        self._free: list[int] = []

    def put(self, data: bytes) -> int:
        """Write a block (or less); its number. Raises OSError."""
        if self._fd < 0:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                self._fd = os.dup(file.fileno())
        block = self._take()
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], block * BLOCK_BYTES + written)
        except OSError:
            self._free.append(block)
            raise
        return block

    def _take(self) -> int:
        """A block that is nobody else's, whatever is given back before it is written: blocks go when
        the last reference to their points does, which may be another thread's."""
        if self._free:
            return self._free.pop()
        self._blocks += 1
        return self._blocks - 1

    def read(self, block: int, offset: int, length: int) -> bytes:
        """Bytes of a block. Raises OSError."""
        return os.pread(self._fd, length, block * BLOCK_BYTES + offset)

    def give_back(self, block: int) -> None:
        """Let a block be used for something else; with the last one the file becomes empty."""
        self._free.append(block)
        if len(self._free) == self._blocks and self._fd >= 0:
            self._free, self._blocks = [], 0
            os.ftruncate(self._fd, 0)

    def used_bytes(self) -> int:
        return (self._blocks - len(self._free)) * BLOCK_BYTES

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
