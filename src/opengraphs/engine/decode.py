"""Journal lines to columns, in bulk.

Three speeds for the same meaning: lines with keys known from before (one generated type,
about 6 M points/s), any sound og lines (a dict a line, 2 to 4 M), and line by line with
patience for foreign or damaged ones. A piece that fails in one is read by the next.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from opengraphs.engine.cells import Floats, Steps
from opengraphs.store.jsonl import parse_object
from opengraphs.store.tail import BadLine, Piece

MAX_STEP = 1 << 62
"""Larger steps are refused: differences of steps must fit 64 bits."""
MAX_RANK = 1 << 31
_MAX_TIME_S = 1e15
"""Lines of a later time are taken one by one: milliseconds must fit 64 bits."""
_MAX_SHAPES = 16
"""Lines of more different sets of keys are taken apart key by key."""
_MAX_SHAPE_KEYS = 256
_SHAPE_PATIENCE = 16
_SMALL = 8192
_SHAPE_BYTES = 32 << 10
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


class _Plain(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What most writers write; reading it is a tenth cheaper than `_Line`."""

    metrics: dict[str, float] | None = None
    step: int | None = None
    time: float | None = None
    seal: Any = None
    rank: ClassVar[int | None] = None
    source: ClassVar[str | None] = None


class _Record(NamedTuple):
    """A line after all care: what it says, complete."""

    step: int
    time: float
    metrics: dict[str, float]
    rank: int | None
    source: str | None


_decode_line = msgspec.json.Decoder(_Line, strict=False).decode
_decode_lines = msgspec.json.Decoder(_Line, strict=False).decode_lines
_decode_plain = msgspec.json.Decoder(_Plain, strict=False).decode_lines
_step, _time, _metrics = attrgetter("step"), attrgetter("time"), attrgetter("metrics")
_rank, _source, _origin = attrgetter("rank"), attrgetter("source"), attrgetter("rank", "source")


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
        self._is_plain = True
        self._slow_bytes = 0
        """What was read without a shape; to make one costs as much as to read some 50 kB so."""
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
        bad: list[BadLine] = []
        try:
            lines = self._lines(piece.data)
            table = self._table(lines) or _table_of(self._complete(lines, next_step, last_time))
        except (*_DECODE_ERRORS, _UnsoundError):
            records, bad = self._patiently(piece, next_step, last_time)
            table = _table_of(records)
        if table is None:
            return Decoded([], 0, None, next_step, last_time, bad)
        groups = _by_shape(table)
        self._slow_bytes += len(piece.data)
        if self._mixed == 0 and not self._clock and self._slow_bytes > _SHAPE_BYTES:
            self._shape = _Shape.of(groups, known=self._shape)
        steps, times = table.steps, table.times
        rows = _rows_of_keys(table) if groups is None else _rows_of_shapes(table, groups)
        return Decoded(rows, len(steps), float(times[0]), int(steps[-1]) + 1, float(times[-1]), bad)

    def _lines(self, data: bytes) -> Sequence[_Line | _Plain]:
        """Raises what msgspec raises, and _UnsoundError where lines are not one object each."""
        lines: Sequence[_Line | _Plain] | None = None
        if self._is_plain:
            try:
                lines = _decode_plain(data)
            except _DECODE_ERRORS:
                self._is_plain = False
        lines = _decode_lines(data) if lines is None else lines
        if not _is_one_a_line(data, len(lines)):
            raise _UnsoundError("not one object a line")
        return lines

    def _table(self, lines: Sequence[_Line | _Plain]) -> _Table | None:
        """All lines at once, where each names its step and time and no number is out of range."""
        try:
            return self._columns(lines)
        except TypeError:  # a line without metrics (a seal, a header), or without step or time
            pass
        try:
            return self._columns([line for line in lines if line.metrics is not None])
        except TypeError:
            return None

    def _columns(self, lines: Sequence[_Line | _Plain]) -> _Table | None:
        """Raises TypeError where a line lacks metrics, time, or a step that it needs."""
        n = len(lines)
        metrics: list[dict[str, float]] = list(map(_metrics, lines))
        widths = np.fromiter(map(len, metrics), np.int64, n)
        times = np.fromiter(map(_time, lines), np.float64, n)
        if n and type(lines[0]) is _Plain:
            ranks, sources = {None}, {None}
        else:
            ranks, sources = set(map(_rank, lines)), set(map(_source, lines))
        if n == 0 or not np.isfinite(times).all() or any(map(_is_odd_rank, ranks)):
            return None
        try:
            if self._clock:
                steps = (times * 1000).astype(np.int64)
            else:
                steps = np.fromiter(map(_step, lines), np.int64, n)
        except OverflowError:
            return None
        if steps.min() <= -MAX_STEP or steps.max() >= MAX_STEP or np.abs(times).max() > _MAX_TIME_S:
            return None
        pairs = [(rank, source) for rank in ranks for source in sources]
        sound = {pair: self._sound(*pair) for pair in pairs}
        origins = [*sound.values()] if len(sound) == 1 else [sound[one] for one in map(_origin, lines)]
        return _Table(steps, times, metrics, widths, origins)

    def _sound(self, rank: int | None, source: str | None) -> tuple[int | None, str | None]:
        """Rank and source as rows have them: None for what the journal says anyway."""
        return None if rank == self._rank else rank, None if source == "sdk" else source

    def _complete(self, lines: Iterable[_Line | _Plain], next_step: int, last_time: float) -> list[_Record]:
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
            records.append(_Record(step, time, line.metrics, *self._sound(line.rank, line.source)))
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


def _is_odd_rank(rank: int | None) -> bool:
    return rank is not None and not 0 <= rank < MAX_RANK


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
    if not data.isascii():
        _check_text(data)
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


def _check_text(data: bytes) -> None:
    """Two keys that differ only in bytes that are no text would become one."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise _UnsoundError("holds bytes that are no UTF-8") from error


def _is_one_a_line(data: bytes, objects: int) -> bool:
    """msgspec takes several objects on a line, and one over several lines; a journal has neither."""
    if len(data) < _SMALL:
        return data.count(b"\n") == objects and b"\n\n" not in data
    ends = np.frombuffer(data, np.uint8) == ord("\n")  # six times as fast as looking through bytes
    return int(np.count_nonzero(ends)) == objects and not (ends[1:] & ends[:-1]).any()


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


class _Table(NamedTuple):
    """Lines as columns, at least one. origins: (rank, source) of each line, or one entry for all."""

    steps: Steps
    times: Floats
    metrics: list[dict[str, float]]
    widths: NDArray[np.int64]
    origins: list[tuple[int | None, str | None]]


class _Group(NamedTuple):
    """Lines of one shape: the same keys in the same order, the same rank and source."""

    keys: tuple[str, ...]
    rank: int | None
    source: str | None
    places: NDArray[np.intp]


class _Numbers(dict[Any, int]):
    """Numbers things by their first appearance."""

    def __missing__(self, thing: object) -> int:
        number = self[thing] = len(self)
        return number

    def of(self, things: Iterable[Any], count: int) -> NDArray[np.int64]:
        return np.fromiter(map(self.__getitem__, things), np.int64, count)


def _table_of(records: list[_Record]) -> _Table | None:
    n = len(records)
    if not n:
        return None
    return _Table(
        np.fromiter((record.step for record in records), np.int64, n),
        np.fromiter((record.time for record in records), np.float64, n),
        [record.metrics for record in records],
        np.fromiter((len(record.metrics) for record in records), np.int64, n),
        [(record.rank, record.source) for record in records],
    )


def _by_shape(table: _Table) -> list[_Group] | None:
    """Lines of equal keys together; None where there are too many shapes for that to pay."""
    n, names = len(table.steps), _Numbers()
    if n > _MAX_SHAPES and table.widths.sum() < 2 * n:
        return None  # about a key a line
    keys = map(tuple, table.metrics)
    if len(table.origins) == 1:
        numbers = names.of(keys, n)
        shapes = [(shape, *table.origins[0]) for shape in names]
    else:
        numbers = names.of(((shape, *origin) for shape, origin in zip(keys, table.origins, strict=True)), n)
        shapes = list(names)
    if len(shapes) > _MAX_SHAPES:
        return None
    return [
        _Group(*shape, np.flatnonzero(numbers == number)) for number, shape in enumerate(shapes) if shape[0]
    ]


def _rows_of_shapes(table: _Table, groups: list[_Group]) -> list[Rows]:
    parts: dict[tuple[str, int | None, str | None], list[tuple[NDArray[np.intp], Floats]]] = {}
    for group in groups:
        values = _matrix([table.metrics[place] for place in group.places.tolist()], len(group.keys))
        for row, key in enumerate(group.keys):
            parts.setdefault((key, group.rank, group.source), []).append((group.places, values[row]))
    return [_join(name, pieces, table.steps, table.times) for name, pieces in parts.items()]


def _rows_of_keys(table: _Table) -> list[Rows]:
    """Point by point, sorted by key: for lines of one metric each, and of ever different ones."""
    total, names = int(table.widths.sum()), _Numbers()
    values = np.fromiter(chain.from_iterable(map(dict.values, table.metrics)), np.float64, total)
    places = np.repeat(np.arange(len(table.steps)), table.widths)
    keys: Iterable[str] = chain.from_iterable(table.metrics)
    if len(table.origins) == 1:
        numbers = names.of(keys, total)
        series = [(key, *table.origins[0]) for key in names]
    else:
        origins = [
            origin
            for origin, width in zip(table.origins, table.widths.tolist(), strict=True)
            for _ in range(width)
        ]
        numbers = names.of(((key, *origin) for key, origin in zip(keys, origins, strict=True)), total)
        series = list(names)
    # numpy sorts 16-bit numbers stably in linear time
    order = np.argsort(numbers.astype(np.int16) if len(series) < 1 << 15 else numbers, kind="stable")
    places, values = places[order], values[order]
    steps, times = table.steps[places], table.times[places]
    ends = np.cumsum(np.bincount(numbers, minlength=len(series))).tolist()
    return [
        Rows(*name, steps[first:last], times[first:last], values[first:last])
        for name, first, last in zip(series, [0, *ends], ends, strict=False)
    ]


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
    def of(cls, groups: list[_Group] | None, *, known: _Shape | None) -> _Shape | None:
        """The shape for lines like these and those seen before; None when it would not pay."""
        if groups is None or any(group.rank is not None or group.source is not None for group in groups):
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
            if not _is_one_a_line(data, len(decoded)):
                return None
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
        absent = values.view(np.int64) == _ABSENT_BITS
        if absent.any():
            rows = [
                Rows(key, None, None, steps[there], times[there], values[row][there])
                for row, (key, there) in enumerate(zip(self.keys, ~absent, strict=True))
            ]
        else:
            rows = [Rows(key, None, None, steps, times, values[row]) for row, key in enumerate(self.keys)]
        filled = [row for row in rows if len(row.steps)]
        return Decoded(filled, n, float(times[0]), int(steps[-1]) + 1, float(times[-1]), [])
