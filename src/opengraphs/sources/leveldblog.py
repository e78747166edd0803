"""LevelDB's log framing, in which `.wandb` files are written.

A file is cut into blocks of 32 KiB. A record is one chunk or several, each within a block and
behind `uint32 crc | uint16 length | uint8 kind`; fewer than seven bytes at the end of a block
are padding. The first seven bytes of the file name it. A damaged chunk costs the rest of its
block and the record that it was part of.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

BLOCK_BYTES = 1 << 15
CHUNK_HEADER_BYTES = 7
FILE_HEADER = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_CHUNK = struct.Struct("<IHB").unpack_from


class Damage(NamedTuple):
    """A chunk that is none, at `offset` in the file."""

    offset: int


class Records(NamedTuple):
    """What some bytes of the file hold.

    records: whole ones, in order. consumed: bytes up to the end of the last whole record, or
    of what had to be given up. damages: chunks that were passed over. stuck_at: offset of
    damage in the last block, which may be a chunk that is still being written; None: none.
    """

    records: list[bytes]
    consumed: int
    damages: list[Damage]
    stuck_at: int | None


def split(data: bytes, offset: int) -> Records:
    """The records of `data`, which stands at `offset` in the file, at the start of a chunk or of padding."""
    records: list[bytes] = []
    damages: list[Damage] = []
    parts: list[bytes] = []
    crc32 = zlib.crc32
    at, begin, end = 0, 0, len(data)
    block_end = _block_end(offset) - offset
    while True:
        if block_end - at < CHUNK_HEADER_BYTES:
            if block_end > end:
                break
            at = block_end
            block_end += BLOCK_BYTES
            if not parts:
                begin = at
            continue
        if at + CHUNK_HEADER_BYTES > end:
            break
        crc, length, kind = _CHUNK(data, at)
        start = at + CHUNK_HEADER_BYTES
        stop = start + length
        if stop > end and stop <= block_end and _FULL <= kind <= _LAST:
            break  # torn
        if stop > block_end or not _FULL <= kind <= _LAST or crc32(data[start - 1 : stop]) != crc:
            if block_end > end:
                return Records(records, begin, damages, offset + at)
            damages.append(Damage(offset + at))
            parts = []
            at = begin = block_end
            block_end += BLOCK_BYTES
            continue
        at = stop
        if kind == _FULL:
            records.append(data[start:stop])
            parts, begin = [], at
        elif kind == _FIRST:
            parts, begin = [data[start:stop]], start - CHUNK_HEADER_BYTES
        elif not parts:
            begin = at  # the rest of a record whose start was damaged
        else:
            parts.append(data[start:stop])
            if kind == _LAST:
                records.append(b"".join(parts))
                parts, begin = [], at
    return Records(records, begin, damages, None)


def give_up(data: bytes, offset: int) -> int:
    """How many bytes to pass over where `data` begins with a record that is too long to be kept.

    What is left of it behind is passed over by `split`.
    """
    return _block_end(offset) - offset if data else 0


def _block_end(offset: int) -> int:
    return offset - offset % BLOCK_BYTES + BLOCK_BYTES
