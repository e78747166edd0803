"""Journal lines to columns, in bulk.

Three speeds for the same meaning: lines with keys known from before (one generated type,
about 7 M points/s), any sound og lines (a dict a line, about 3 M), and line by line with
patience for foreign or damaged ones. A piece that fails in one is read by the next.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import Floats, Steps
from opengraphs.store.jsonl import parse_object
from opengraphs.store.tail import BadLine, Piece

MAX_STEP = 1 << 62
"""Larger steps are refused: differences of steps must fit 64 bits."""
MAX_RANK = 1 << 31
_MAX_SHAPE_KEYS = 256
_SHAPE_PATIENCE = 16
_LEAST_FILLED = 0.25
_UNNAMEABLE = re.compile(r'[\x00-\x1f"\\]')
"""Keys with these cannot be fields of a generated type."""
_ABSENT_BITS = 0x7FF8_0000_0061_6273
_ABSENT: float = struct.unpack("<d", struct.pack("<q", _ABSENT_BITS))[0]
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Rows(NamedTuple):
    """Points of one key, rank and source, in the order of their lines."""

    key: str
    rank: int | None
    source: str | None
    steps: Steps
    times: Floats
    values: Floats


class Decoded(NamedTuple):
    """first_time: of the first record, None without records. next_step, last_time: what a
    following line without step or time continues."""

    rows: list[Rows]
    records: int
    first_time: float | None
    next_step: int
    last_time: float
    bad: list[BadLine]


class _Line(msgspec.Struct, gc=False):
    metrics: dict[str, float] | None = None
    step: int | None = None
    time: float | None = None
    rank: int | None = None
    source: str | None = None


class _Record(NamedTuple):
    """A line after all care: what it says, complete."""

    step: int
    time: float
    metrics: dict[str, float]
    rank: int | None
    source: str | None


_decode_line = msgspec.json.Decoder(_Line, strict=False).decode
_decode_lines = msgspec.json.Decoder(_Line, strict=False).decode_lines
_step, _time, _metrics = attrgetter("step"), attrgetter("time"), attrgetter("metrics")


class LineDecoder:
    """Decoder of one journal; keeps the shape of its lines from piece to piece.

    Args:
        rank: the writer's own; a line that names it says nothing new.
        clock_steps: lines have no step of their own (system samples): the step is the
            time in whole milliseconds.
    """

    def __init__(self, *, rank: int = 0, clock_steps: bool = False) -> None:
        self._rank = rank
        self._clock = clock_steps
        self._shape: _Shape | None = None
        self._misses = 0
        self._mixed = 0
        """Pieces for which the shape is not tried: it failed, and will fail again."""

    def decode(self, piece: Piece, *, next_step: int = 0, last_time: float = 0.0) -> Decoded:
        """All points of a piece. Never raises for what stands in it.

        Args:
            next_step: step of a line without one (previous + 1).
            last_time: time of a line without one.
        """
        if self._shape is not None and self._mixed == 0:
            decoded = self._shape.decode(piece.data)
            if decoded is not None:
                return decoded
            self._misses += 1
            self._mixed = min(self._misses, _SHAPE_PATIENCE)
        self._mixed = max(0, self._mixed - 1)
        records, bad = self._records(piece, next_step, last_time)
        if not records:
            return Decoded([], 0, None, next_step, last_time, bad)
        groups = _by_shape(records)
        if self._mixed == 0 and not self._clock:
            self._shape = _Shape.of(groups, known=self._shape)
        last = records[-1]
        return Decoded(
            _to_rows(records, groups), len(records), records[0].time, last.step + 1, last.time, bad
        )

    def _records(self, piece: Piece, next_step: int, last_time: float) -> tuple[list[_Record], list[BadLine]]:
        try:
            lines: Sequence[Any] = _decode_lines(piece.data)
            return self._complete(lines, next_step, last_time), []
        except (*_DECODE_ERRORS, _UnsoundError):
            return self._patiently(piece, next_step, last_time)

    def _complete(self, lines: Iterable[_Line], next_step: int, last_time: float) -> list[_Record]:
        """Fill in steps and times.

        Raises:
            _UnsoundError: a line that msgspec takes has a number that cannot be.
        """
        records = []
        for line in lines:
            if line.metrics is None:
                continue  # a seal, a header: no point in it
            time = last_time if line.time is None else line.time
            step = next_step if line.step is None else line.step
            if self._clock:
                step = int(time * 1000) if math.isfinite(time) else MAX_STEP
            if not (-MAX_STEP < step < MAX_STEP and math.isfinite(time) and 0 <= (line.rank or 0) < MAX_RANK):
                raise _UnsoundError("step, time or rank out of range")
            next_step, last_time = step + 1, time
            rank = None if line.rank == self._rank else line.rank
            records.append(
                _Record(step, time, line.metrics, rank, None if line.source == "sdk" else line.source)
            )
        return records

    def _patiently(
        self, piece: Piece, next_step: int, last_time: float
    ) -> tuple[list[_Record], list[BadLine]]:
        """Each line by itself: as the bulk decoder reads it, else softly, else it is bad."""
        records: list[_Record] = []
        bad: list[BadLine] = []
        offset = piece.offset
        for data in piece.data.split(b"\n")[:-1]:
            try:
                for record in self._one(data, next_step, last_time) if data.strip() else ():
                    records.append(record)
                    next_step, last_time = record.step + 1, record.time
            except _UnsoundError as error:
                bad.append(BadLine(piece.segment, offset, len(data) + 1, str(error)))
            offset += len(data) + 1
        return records, bad

    def _one(self, data: bytes, next_step: int, last_time: float) -> list[_Record]:
        try:
            return self._complete([_decode_line(data)], next_step, last_time)
        except (*_DECODE_ERRORS, _UnsoundError):
            return self._complete([_soft_line(data)], next_step, last_time)


class _UnsoundError(Exception):
    """A line that means nothing; says why, and never leaves this module."""


def _soft_line(data: bytes) -> _Line:
    """What can be used of a line that the bulk decoder refuses.

    Values that are no numbers are left out; booleans count as 0 and 1; a step with a
    fraction is cut.

    Raises:
        _UnsoundError: nothing can be used.
    """
    value = parse_object(data)
    if value is None:
        raise _UnsoundError("not a JSON object")
    metrics = value.get("metrics")
    if metrics is None:
        return _Line()
    if not isinstance(metrics, dict):
        raise _UnsoundError("metrics is no object")
    source = value.get("source")
    return _Line(
        metrics={
            _sound_key(key): number for key, item in metrics.items() if (number := _number(item)) is not None
        },
        step=_whole(value.get("step"), "step"),
        time=None if value.get("time") is None else _number(value["time"], or_nan=True),
        rank=_whole(value.get("rank"), "rank"),
        source=_sound_key(source) if isinstance(source, str) else None,
    )


def _whole(value: object, name: str) -> int | None:
    if value is None or isinstance(value, int):
        return value
    number = _number(value)
    if number is None or not math.isfinite(number):
        raise _UnsoundError(f"{name} is no number")
    return int(number)


def _number(value: object, *, or_nan: bool = False) -> float | None:
    """A float of a number, a boolean, or a string that spells a number; else None (or NaN)."""
    try:
        return float(value) if isinstance(value, bool) else msgspec.convert(value, float, strict=False)
    except (msgspec.ValidationError, OverflowError):
        if isinstance(value, int):
            return math.inf if value > 0 else -math.inf
        return math.nan if or_nan else None


def _sound_key(key: str) -> str:
    """A key that can be encoded: lone surrogates, which only JSON can spell, are replaced."""
    return key.encode("utf-8", "replace").decode()


class _Group(NamedTuple):
    """Records of one shape: the same keys in the same order, the same rank and source."""

    keys: tuple[str, ...]
    rank: int | None
    source: str | None
    places: list[int]


def _by_shape(records: list[_Record]) -> list[_Group]:
    groups: dict[tuple[Any, ...], _Group] = {}
    for place, (_, _, metrics, rank, source) in enumerate(records):
        keys = tuple(metrics)
        if not keys:
            continue
        group = groups.get((keys, rank, source))
        if group is None:
            group = groups[(keys, rank, source)] = _Group(keys, rank, source, [])
        group.places.append(place)
    return list(groups.values())


def _to_rows(records: list[_Record], groups: list[_Group]) -> list[Rows]:
    n = len(records)
    steps = np.fromiter((record.step for record in records), np.int64, n)
    times = np.fromiter((record.time for record in records), np.float64, n)
    parts: dict[tuple[str, int | None, str | None], list[tuple[NDArray[np.intp], Floats]]] = {}
    for group in groups:
        places = np.array(group.places, np.intp)
        values = _matrix([records[place].metrics for place in group.places], len(group.keys))
        for row, key in enumerate(group.keys):
            parts.setdefault((key, group.rank, group.source), []).append((places, values[row]))
    return [_join(name, pieces, steps, times) for name, pieces in parts.items()]


def _matrix(metrics: list[dict[str, float]], width: int) -> Floats:
    """Values as (width, len(metrics)), each row contiguous."""
    flat = np.fromiter(chain.from_iterable(map(dict.values, metrics)), np.float64, len(metrics) * width)
    return np.ascontiguousarray(flat.reshape(-1, width).T)


def _join(
    name: tuple[str, int | None, str | None],
    pieces: list[tuple[NDArray[np.intp], Floats]],
    steps: Steps,
    times: Floats,
) -> Rows:
    """Points of one key that came in lines of several shapes, back in the order of lines."""
    places, values = pieces[0]
    if len(pieces) > 1:
        places = np.concatenate([piece[0] for piece in pieces])
        order = np.argsort(places, kind="stable")
        places, values = places[order], np.concatenate([piece[1] for piece in pieces])[order]
    if len(places) == len(steps):
        return Rows(*name, steps, times, values)
    return Rows(*name, steps[places], times[places], values)


class _Shape:
    """Lines with some of a known set of keys, or seals: a generated type, no dict a line.

    A key that a line lacks is a NaN with bits that no decoder makes, so that it can be
    told from a logged one after the values went into an array.
    """

    def __init__(self, keys: tuple[str, ...]) -> None:
        names = [f"f{place}" for place in range(len(keys))]
        metrics = msgspec.defstruct(
            "Metrics",
            [(name, float, _ABSENT) for name in names],
            rename=dict(zip(names, keys, strict=True)),
            gc=False,
            forbid_unknown_fields=True,
        )
        line = msgspec.defstruct(
            "Line",
            [
                ("metrics", metrics | None, None),
                ("step", int | None, None),
                ("time", float | None, None),
                ("seal", Any, None),
            ],
            gc=False,
            forbid_unknown_fields=True,
        )
        self.keys = keys
        self._decode = msgspec.json.Decoder(line, strict=False).decode_lines
        self._values = attrgetter(*names)

    @classmethod
    def of(cls, groups: list[_Group], *, known: _Shape | None) -> _Shape | None:
        """The shape for lines like these and those seen before; None when it would not pay."""
        if any(group.rank is not None or group.source is not None for group in groups):
            return None
        keys = dict.fromkeys(chain(known.keys if known else (), *(group.keys for group in groups)))
        lines = sum(len(group.places) for group in groups)
        filled = sum(len(group.keys) * len(group.places) for group in groups)
        if not 2 <= len(keys) <= _MAX_SHAPE_KEYS or filled < _LEAST_FILLED * lines * len(keys):
            return None
        if any(_UNNAMEABLE.search(key) for key in keys):
            return None
        return known if known is not None and len(known.keys) == len(keys) else cls(tuple(keys))

    def decode(self, data: bytes) -> Decoded | None:
        """None when a line has other keys, or a number is out of range."""
        try:
            decoded: list[Any] = self._decode(data)
            lines = [line for line in decoded if line.metrics is not None]
            n, width = len(lines), len(self.keys)
            steps = np.fromiter(map(_step, lines), np.int64, n)
            times = np.fromiter(map(_time, lines), np.float64, n)
        except (*_DECODE_ERRORS, OverflowError, TypeError):
            return None  # TypeError: a line without step or time
        if n == 0 or not np.isfinite(times).all() or steps.min() <= -MAX_STEP or steps.max() >= MAX_STEP:
            return None
        flat = chain.from_iterable(map(self._values, map(_metrics, lines)))
        values = np.ascontiguousarray(np.fromiter(flat, np.float64, n * width).reshape(-1, width).T)
        rows = [_present(key, steps, times, values[row]) for row, key in enumerate(self.keys)]
        filled = [row for row in rows if len(row.steps)]
        return Decoded(filled, n, float(times[0]), int(steps[-1]) + 1, float(times[-1]), [])


def _present(key: str, steps: Steps, times: Floats, values: Floats) -> Rows:
    absent = values.view(np.int64) == _ABSENT_BITS
    if not absent.any():
        return Rows(key, None, None, steps, times, values)
    there = ~absent
    return Rows(key, None, None, steps[there], times[there], values[there])
