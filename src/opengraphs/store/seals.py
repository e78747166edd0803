"""Seal lines: find damage that still parses.

After each sync a writer adds `{"seal":{"from":A,"to":B,"crc32":C}}`: the checksum of bytes
A to B of the same file. One flipped bit in a number is else a plausible number.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from opengraphs.store.jsonl import parse_object
from opengraphs.store.plainfile import open_plain

_BLOCK = 1 << 20
_SEAL = re.compile(rb'^\{"seal":[^\n]*\}$', re.MULTILINE)
_OVERLAP = 4096
"""More than the longest seal line, so that none is missed at the edge of two blocks."""


class SealReport(NamedTuple):
    """broken: byte ranges whose checksum does not match. complete: False when time was up."""

    path: Path
    seals: int
    sealed_bytes: int
    broken: list[tuple[int, int]]
    complete: bool


def check_seals(path: Path, *, deadline_s: float | None = None) -> SealReport:
    """Verify every seal of one journal file.

    Args:
        deadline_s: `time.monotonic()` at which to stop and say so.

    Raises:
        OSError: the file cannot be read.
    """
    fd = open_plain(path)
    seals, sealed = 0, 0
    broken: list[tuple[int, int]] = []
    try:
        for start, end, expected in _find_seals(fd):
            if deadline_s is not None and time.monotonic() > deadline_s:
                return SealReport(path, seals, sealed, broken, complete=False)
            seals, sealed = seals + 1, sealed + end - start
            if _checksum(fd, start, end) != expected:
                broken.append((start, end))
    finally:
        os.close(fd)
    return SealReport(path, seals, sealed, broken, complete=True)


def _find_seals(fd: int) -> list[tuple[int, int, int]]:
    found: dict[int, tuple[int, int, int]] = {}
    position = 0
    while block := os.pread(fd, _BLOCK + _OVERLAP, position):
        for match in _SEAL.finditer(block):
            seal = _parse(match[0])
            if seal is not None:
                found[position + match.start()] = seal
        position += _BLOCK
    return [found[place] for place in sorted(found)]


def _parse(line: bytes) -> tuple[int, int, int] | None:
    value = parse_object(line)
    seal = value.get("seal") if value else None
    if not isinstance(seal, dict):
        return None
    start, end, crc = seal.get("from"), seal.get("to"), seal.get("crc32")
    if isinstance(start, int) and isinstance(end, int) and isinstance(crc, int) and 0 <= start <= end:
        return start, end, crc
    return None


def _checksum(fd: int, start: int, end: int) -> int:
    crc = 0
    while start < end:
        block = os.pread(fd, min(_BLOCK, end - start), start)
        if not block:
            break
        crc = crc32(block, crc)
        start += len(block)
    return crc
