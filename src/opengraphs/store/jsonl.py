"""One JSON object a line, read with patience: what is no object is named, not fatal."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

import msgspec

from opengraphs.store.tail import BadLine, Piece

_decode = msgspec.json.Decoder().decode


class Record(NamedTuple):
    """One parsed line and the offset of its first byte in its segment."""

    offset: int
    value: dict[str, Any]


def parse_object(line: bytes) -> dict[str, Any] | None:
    """The object of one line; None when it is none.

    Literal `NaN` and `Infinity`, which foreign writers emit, are accepted; invalid UTF-8
    is replaced.
    """
    try:
        value = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            value = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
    except RecursionError:
        return None
    return value if isinstance(value, dict) else None


def finite(value: object) -> float | None:
    """A number that a float can hold; None for everything else, NaN and 400 digits among it."""
    try:
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
    except OverflowError:
        return None


def moment_of(record: dict[str, Any]) -> float:
    """A record's own time, epoch seconds; 0.0 where it tells none that can be."""
    return finite(record.get("time")) or 0.0


def parse_piece(piece: Piece) -> tuple[list[Record], list[BadLine]]:
    """All objects of a piece, in order, and the lines that are none. Blank lines are nothing."""
    records: list[Record] = []
    bad: list[BadLine] = []
    offset = piece.offset
    for line in piece.data.split(b"\n")[:-1]:
        if line.strip():
            value = parse_object(line)
            if value is None:
                bad.append(BadLine(piece.segment, offset, len(line) + 1, "not a JSON object"))
            else:
                records.append(Record(offset, value))
        offset += len(line) + 1
    return records, bad
