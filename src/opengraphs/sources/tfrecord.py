"""TFRecord framing, in which TensorBoard's event files are written.

A record is `uint64 length | uint32 crc(length) | bytes | uint32 crc(bytes)`, little endian,
each crc being a masked CRC-32C. The few lengths of a file come again and again: a header that
was right once is known by its twelve bytes. The bytes of short records are checked many at a
time, a column of bytes after the other; those of long ones (images, histograms) are not.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

HEADER_BYTES = 12
FRAME_BYTES = 16
CHECKED_BYTES = 512
"""Longest record whose bytes are checked: scalars, with room for any name."""
MAX_LENGTH = 1 << 31
_FEW = 24
_KNOWN_HEADERS = 4096
_HEADER = struct.Struct("<QI").unpack
_CRC = struct.Struct("<I").unpack_from


def _make_table() -> tuple[int, ...]:
    table = []
    for number in range(256):
        crc = number
        for _bit in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _make_table()


def masked_crc(data: bytes) -> int:
    """CRC-32C of `data`, masked as the format wants it."""
    crc, table = 0xFFFF_FFFF, _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFF_FFFF
    return ((crc >> 15 | crc << 17) + 0xA282_EAD8) & 0xFFFF_FFFF


class Frames(NamedTuple):
    """The records of some bytes.

    spans: (start, stop) of each record's own bytes. consumed: bytes up to the first record
    that is not whole. wants: how many bytes from there on the next record takes, 0 where even
    its header is not whole. is_damaged: what stands at `consumed` is no record.
    """

    spans: list[tuple[int, int]]
    consumed: int
    wants: int
    is_damaged: bool


class Framing:
    """Finds the records of one file; remembers the headers that it saw."""

    def __init__(self) -> None:
        self._known: dict[bytes, int] = {}

    def split(self, data: bytes, at: int = 0) -> Frames:
        """The whole records of `data` from `at` on."""
        spans: list[tuple[int, int]] = []
        known, add = self._known.get, spans.append
        end = len(data)
        while at + HEADER_BYTES <= end:
            header = data[at : at + HEADER_BYTES]
            length = known(header)
            if length is None:
                length = self._length(header)
                if length is None:
                    return Frames(spans, at, 0, is_damaged=True)
            start = at + HEADER_BYTES
            stop = start + length
            if stop + 4 > end:
                return Frames(spans, at, FRAME_BYTES + length, is_damaged=False)
            add((start, stop))
            at = stop + 4
        return Frames(spans, at, 0, is_damaged=False)

    def _length(self, header: bytes) -> int | None:
        """What a header says; None when its check fails."""
        length, crc = _HEADER(header)
        if length > MAX_LENGTH or masked_crc(header[:8]) != crc:
            return None
        if len(self._known) < _KNOWN_HEADERS:
            self._known[header] = length
        return int(length)

    def next_header(self, data: bytes, at: int) -> int | None:
        """Behind damage at `at`: where the next record may begin; None: not in here."""
        at += 1
        while (high := data.find(b"\0\0\0\0", at + 4)) >= 0:
            at = high - 4  # a length's upper half is zero
            header = data[at : at + HEADER_BYTES]
            if len(header) < HEADER_BYTES:
                return None
            if any(header):
                if self._length(header) is not None:
                    return at
                at += 1
            else:  # a stretch of zeros
                at += len(data[at:]) - len(data[at:].lstrip(b"\0")) - HEADER_BYTES + 1
        return None


def damaged(data: bytes, spans: list[tuple[int, int]]) -> set[int]:
    """Starts of those short records whose bytes do not match their crc."""
    short = [span for span in spans if span[1] - span[0] <= CHECKED_BYTES]
    if len(short) > _FEW:
        return _damaged_of_many(data, short)
    return {start for start, stop in short if masked_crc(data[start:stop]) != _CRC(data, stop)[0]}


def _damaged_of_many(data: bytes, spans: list[tuple[int, int]]) -> set[int]:
    import numpy as np  # not before there is much to read

    edges = np.array(spans, dtype=np.int64)
    lengths = edges[:, 1] - edges[:, 0]
    edges = edges[np.argsort(-lengths, kind="stable")]  # the longest first: each column is a prefix
    starts, stops = edges[:, 0], edges[:, 1]
    lengths = stops - starts
    octets = np.frombuffer(data, dtype=np.uint8)
    table = np.array(_TABLE, dtype=np.uint32)
    crc: Any = np.full(len(edges), 0xFFFF_FFFF, dtype=np.uint32)
    still = len(edges) - np.searchsorted(lengths[::-1], np.arange(int(lengths[0])), side="right")
    for column, count in enumerate(still.tolist()):
        part = crc[:count]
        crc[:count] = table[(part ^ octets[starts[:count] + column]) & 0xFF] ^ (part >> 8)
    crc ^= np.uint32(0xFFFF_FFFF)
    masked = (crc >> 15 | crc << 17) + np.uint32(0xA282_EAD8)
    said = octets[stops[:, None] + np.arange(4)].view("<u4").ravel()
    return set(starts[masked != said].tolist())
