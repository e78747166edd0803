"""Local files as lines: their end, and what is written to them from then on. Stdlib only."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from opengraphs.cli.format import coloured

POLL_S = 0.2
"""A file may lie where no event comes from (network, a mapping), so its length is looked at."""

TAIL_BLOCK_BYTES = 1 << 16
Sink = Callable[[str], object]


def printable(line: bytes) -> str:
    """A line as text that a terminal may see: tabs and colours stay, other control characters go.

    Of text that overwrites itself with carriage returns, as progress bars do, the last state counts.
    """
    text = line.decode("utf-8", "replace").rstrip("\r\n\0")
    return coloured(text.rpartition("\r")[2])


def last_lines(file: IO[bytes], count: int) -> list[bytes]:
    """The last `count` lines, read backwards in blocks; `file` is left at its end."""
    end = file.seek(0, os.SEEK_END)
    start, blocks, seen = end, [], 0
    while start > 0 and seen <= count:
        size = min(TAIL_BLOCK_BYTES, start)
        start -= size
        file.seek(start)
        blocks.append(file.read(size))
        seen += blocks[-1].count(b"\n")
    file.seek(end)
    lines = b"".join(reversed(blocks)).rstrip(b"\0").split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines[-count:] if count else []


def follow_file(path: Path, file: IO[bytes], sink: Sink) -> None:
    """Give `sink` every line that comes; does not return. A file that shrank is read from its start."""
    rest = b""
    while True:
        if path.exists() and path.stat().st_size < file.tell():
            file.seek(0)
            rest = b""
        data = file.read(TAIL_BLOCK_BYTES)
        if not data:
            time.sleep(POLL_S)
            continue
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            sink(printable(line))
