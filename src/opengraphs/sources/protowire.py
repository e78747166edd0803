"""Protocol-buffer messages without their library: fields as they stand on the wire.

Enough to read what others wrote: no schema, no groups, nothing is written. Whatever the
bytes are, decoding ends and raises nothing but `WireError`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Value = int | bytes
_DOUBLE = struct.Struct("<d").unpack
_FLOAT = struct.Struct("<f").unpack


class WireError(ValueError):
    """The bytes are no message."""


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at `at`, unsigned, and the place behind it.

    Raises:
        WireError: it is cut off, or longer than 64 bits.
    """
    number = shift = 0
    try:
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number & 0xFFFF_FFFF_FFFF_FFFF, at
            shift += 7
            if shift > 63:
                raise WireError("a number is longer than 64 bits")
    except IndexError:
        raise WireError("a number is cut off") from None


def signed(number: int) -> int:
    """A varint as the int64 that it stands for."""
    return number - (1 << 64) if number >= 1 << 63 else number


def fields(data: bytes) -> Iterator[tuple[int, int, Value]]:
    """(field number, wire type, value) in order.

    The value is an int for VARINT, else the bytes: 8 of FIXED64, 4 of FIXED32.

    Raises:
        WireError: the bytes are no message; what came before stands.
    """
    at, end = 0, len(data)
    while at < end:
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == VARINT:
            number, at = varint(data, at)
            yield tag >> 3, kind, number
            continue
        if kind == BYTES:
            size, at = varint(data, at)
        elif kind == FIXED64:
            size = 8
        elif kind == FIXED32:
            size = 4
        else:
            raise WireError(f"wire type {kind}")
        if size > end - at:
            raise WireError("a field is cut off")
        yield tag >> 3, kind, data[at : at + size]
        at += size


def messages(data: bytes, number: int) -> Iterator[bytes]:
    """The values of one field of length-delimited type."""
    for found, kind, value in fields(data):
        if found == number and kind == BYTES and isinstance(value, bytes):
            yield value


def double(value: Value) -> float:
    """A FIXED64 field as the double that it is.

    Raises:
        WireError: it is of another type.
    """
    if isinstance(value, int) or len(value) != 8:
        raise WireError("not a double")
    number: float = _DOUBLE(value)[0]
    return number


def single(value: Value) -> float:
    """A FIXED32 field as the float that it is.

    Raises:
        WireError: it is of another type.
    """
    if isinstance(value, int) or len(value) != 4:
        raise WireError("not a float")
    number: float = _FLOAT(value)[0]
    return number


def text(value: Value) -> str:
    """A string field; what is not UTF-8 is replaced.

    Raises:
        WireError: it is a number.
    """
    if isinstance(value, int):
        raise WireError("not a string")
    return value.decode("utf-8", "replace")


def whole(value: Value) -> int:
    """A VARINT field as int64.

    Raises:
        WireError: it is of another type.
    """
    if not isinstance(value, int):
        raise WireError("not a number")
    return signed(value)
