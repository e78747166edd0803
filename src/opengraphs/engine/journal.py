"""One journal on its way into lanes: how far it was read, by which reader.

Normally one reader goes from the first line to the last. A journal that is long when it
is first seen gets a second one, *ahead*, near its end: what is newest can be drawn at
once, and what is appended goes there. The *main* reader fills in behind, and when it
arrives where the other began, takes over all it has. Only the main reader's state is
ever committed, so the index always holds a gapless beginning of the journal.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from opengraphs.engine.chunkcache import ChunkCache
from opengraphs.engine.decode import LineDecoder, Rows
from opengraphs.engine.index import Index, IndexDoubtError, WriterRow
from opengraphs.engine.lane import Lane
from opengraphs.engine.strip import Points
from opengraphs.store.folder import WriterName, segment_path
from opengraphs.store.jsonl import parse_object
from opengraphs.store.tail import BadLine, JournalTail, Mark, Position

METRICS, SYSTEM = "metrics", "system"
REWRITE_BYTES = 8 << 20
"""A commit that would write more than this of open chunks a second time seals them instead."""
PIECE_BYTES = 512 << 10
"""What one read takes in: some 5 ms of decoding, for nobody waits longer than for one."""
_FIRST_BYTES = 16 << 10
LaneKey = tuple[str, int | None, str | None]


class JournalState(msgspec.Struct, array_like=True):
    """What the index keeps of a journal beside its lanes."""

    mark: Mark
    first_time: float | None
    next_step: int
    last_time: float
    records: int
    bad_count: int
    bad: list[BadLine]


class Grown(NamedTuple):
    """What a read brought: points, the last step of each key, bytes of lines."""

    points: int
    keys: dict[str, int]
    size_bytes: int


NOTHING = Grown(0, {}, 0)
_encode = msgspec.msgpack.Encoder().encode
decode_state = msgspec.msgpack.Decoder(JournalState).decode


_ODD = (b"NaN", b"Infinity", b"nan", b"inf")
"""A line without any of these holds only finite values."""


class _Reader:
    """A tail, its decoder and the lanes they fill."""

    def __init__(self, tail: JournalTail, cache: ChunkCache, *, clock_steps: bool) -> None:
        self.tail = tail
        self.lanes: dict[LaneKey, Lane] = {}
        self.first_time: float | None = None
        self.first_step: int | None = None
        self.next_step = 0
        self.last_time = 0.0
        self.records = 0
        self.unsaved_points = 0
        self.odd_pieces = 0
        self._cache = cache
        self._decoder = LineDecoder(rank=WriterName.parse(tail.writer).rank, clock_steps=clock_steps)

    def read(self, *, until: Position | None = None, final: bool = False) -> Grown | None:
        """Take in the next piece; None when there is nothing more."""
        piece = self.tail.read(PIECE_BYTES, until=until, final=final)
        if piece is None:
            return None
        self.odd_pieces += any(word in piece.data for word in _ODD)
        decoded = self._decoder.decode(piece, next_step=self.next_step, last_time=self.last_time)
        for bad in decoded.bad:
            self.tail.note_bad(bad)
        self.first_time = decoded.first_time if self.first_time is None else self.first_time
        if self.first_step is None and decoded.rows:
            self.first_step = min(int(rows.steps[0]) for rows in decoded.rows)
        self.next_step, self.last_time = decoded.next_step, decoded.last_time
        self.records += decoded.records
        for rows in decoded.rows:
            self._lane(rows).append(Points(rows.steps, rows.times, rows.values))
        points = sum(len(rows.steps) for rows in decoded.rows)
        self.unsaved_points += points
        return Grown(points, {rows.key: int(rows.steps[-1]) for rows in decoded.rows}, len(piece.data))

    def _lane(self, rows: Rows) -> Lane:
        name = (rows.key, rows.rank, rows.source)
        lane = self.lanes.get(name)
        if lane is None:
            lane = self.lanes[name] = Lane(*name, self._cache)
        return lane


class Journal:
    """One writer's journal of one run. Methods may raise OSError (the disk) and IndexDoubtError.

    Attributes:
        kind: METRICS or SYSTEM.
        is_new: lanes appeared that nobody has asked for yet; the owner clears it.
    """

    def __init__(self, kind: str, tail: JournalTail, cache: ChunkCache) -> None:
        self.kind = kind
        self.writer = WriterName.parse(tail.writer)
        self._cache = cache
        self._clock = kind == SYSTEM
        self._main = _Reader(tail, cache, clock_steps=self._clock)
        self._ahead: _Reader | None = None
        self._ahead_start: Position | None = None
        self._row_id: int | None = None
        self._is_final = False

    @property
    def name(self) -> str:
        return self._main.tail.writer

    @property
    def tail(self) -> JournalTail:
        """The reader that stands nearest to the end."""
        return self._front.tail

    @property
    def _front(self) -> _Reader:
        return self._ahead or self._main

    @property
    def path(self) -> Path:
        """The file that is being written."""
        tail = self._main.tail
        return segment_path(tail.folder, tail.writer, max(tail.segments, default=0))

    def first_time(self) -> float | None:
        """Epoch seconds of the first record; of a journal whose start is unread it is looked up there."""
        if self._main.first_time is None and self._ahead is not None:
            start = self._main.tail.fork(Position(self._main.tail.segments[0], 0))
            piece = start.read(_FIRST_BYTES)
            if piece is not None:
                self._main.first_time = LineDecoder(clock_steps=self._clock).decode(piece).first_time
        return self._main.first_time

    @property
    def last_step(self) -> int | None:
        """Step of the newest line; None before the first."""
        return self._front.next_step - 1 if self._front.records else None

    @property
    def last_time(self) -> float | None:
        """Epoch seconds of the newest line; None before the first."""
        return self._front.last_time if self._front.records else None

    @property
    def odd_pieces(self) -> int:
        """Pieces read so far that may hold a value that is not finite."""
        return self._front.odd_pieces

    @property
    def records(self) -> int:
        return self._main.records + (self._ahead.records if self._ahead else 0)

    @property
    def bad_lines(self) -> list[BadLine]:
        return [*self._main.tail.bad, *(self._ahead.tail.bad if self._ahead else ())]

    @property
    def bad_count(self) -> int:
        return self._main.tail.bad_count + (self._ahead.tail.bad_count if self._ahead else 0)

    def lanes(self) -> list[tuple[Lane, ...]]:
        """Each key's lanes in the order of their points: main, then ahead."""
        if self._ahead is None:
            return [(lane,) for lane in self._main.lanes.values()]
        names = dict.fromkeys([*self._main.lanes, *self._ahead.lanes])
        readers = (self._main, self._ahead)
        return [tuple(reader.lanes[name] for reader in readers if name in reader.lanes) for name in names]

    def lane_count(self) -> int:
        return len(self._main.lanes) + (len(self._ahead.lanes) if self._ahead else 0)

    # -- from and to the index -----------------------------------------------------------------

    def load(self, row: WriterRow, index: Index) -> bool:
        """Stand where the last commit stood; False when the files are others by now."""
        self._row_id = row.id
        try:
            state = decode_state(row.state)
        except msgspec.DecodeError as error:
            raise IndexDoubtError(f"a journal's state does not parse ({error})") from error
        if not self._main.tail.resume(state.mark):
            return False
        self._main.first_time = state.first_time
        self._main.next_step, self._main.last_time = state.next_step, state.last_time
        self._main.records = state.records
        self._main.tail.bad, self._main.tail.bad_count = state.bad, state.bad_count
        for lane in index.lanes(row.id):
            self._main.lanes[(lane.key, lane.rank, lane.source)] = Lane.load(lane, self._cache)
        return True

    @property
    def is_changed(self) -> bool:
        return self._main.unsaved_points > 0 or (self._row_id is None and self._main.tail.position.offset > 0)

    @property
    def unsaved_points(self) -> int:
        return self._main.unsaved_points

    def save(self, index: Index, run: str, *, seal: bool = False) -> None:
        """Write what is new into the open transaction; call `saved` once it is committed.

        Args:
            seal: close all open chunks, so that nothing of them stays in memory.
        """
        main = self._main
        changed = [lane for lane in main.lanes.values() if lane.is_changed]
        if seal or sum(lane.rewritten_bytes() for lane in changed) > REWRITE_BYTES:
            for lane in changed:
                lane.seal_open()
        tail = main.tail
        state = JournalState(
            mark=tail.mark(),
            first_time=main.first_time,
            next_step=main.next_step,
            last_time=main.last_time,
            records=main.records,
            bad_count=tail.bad_count,
            bad=tail.bad,
        )
        self._row_id = index.put_writer(run, self.kind, self.name, _encode(state))
        for lane in changed:
            lane.save(index, self._row_id)

    def saved(self) -> None:
        for lane in self._main.lanes.values():
            lane.saved()
        self._main.unsaved_points = 0

    def forget(self, index: Index) -> None:
        """Begin again from the first byte; what the index has of it goes in the open transaction."""
        if self._row_id is not None:
            index.drop_writer(self._row_id)
        lanes = {lane.id for lane in self._main.lanes.values() if lane.id is not None}
        self._cache.forget_lanes(lanes)
        tail = self._main.tail
        tail.restart()
        self._main = _Reader(tail, self._cache, clock_steps=self._clock)
        self._ahead = self._ahead_start = self._row_id = None
        self._is_final = False

    def verify(self) -> bool:
        """Whether the files are still those that were read."""
        return self._main.tail.verify() and (self._ahead is None or self._ahead.tail.verify())

    def release(self) -> None:
        for lane in self._main.lanes.values():
            lane.release()

    def memory_bytes(self) -> int:
        readers = (self._main, self._ahead) if self._ahead else (self._main,)
        return sum(lane.memory_bytes() for reader in readers for lane in reader.lanes.values())

    # -- reading ---------------------------------------------------------------------------------

    def read_new(self, *, final: bool = False) -> Grown | None:
        """The next piece at the end that is watched."""
        if self._ahead is not None:
            self._ahead.tail.see(self._main.tail.segments)
        grown = self._front.read(final=final)
        self._is_final = final and grown is None
        return grown

    def has_news(self, *, final: bool) -> bool:
        """Whether `read_new` is worth it; once the writer is gone it has to look behind holes, once."""
        return self._front.tail.peek() or (final and not self._is_final)

    def left_bytes(self) -> tuple[int, int]:
        """(bytes still to be read, bytes of the whole journal); both 0 for an empty one."""
        spans = self._main.tail.spans()
        done = sum(self._main.tail.consumed().values())
        total = done + sum(max(0, end - start) for _, start, end in spans)
        if self._ahead_start is None:
            return total - done, total
        segment, offset = self._ahead_start
        left = sum(
            max(0, (min(end, offset) if number == segment else end) - start)
            for number, start, end in spans
            if number <= segment
        )
        return left, total

    @property
    def is_behind(self) -> bool:
        """A second reader is ahead, and the first has not caught up with it."""
        return self._ahead is not None

    def unread(self) -> tuple[tuple[int, float], tuple[int, float]] | None:
        """(step, time) of the points at both ends of the gap between the two readers; None without one.

        None too while one of them has read nothing: there is no gap between points then.
        """
        main, ahead = self._main, self._ahead
        if ahead is None or not main.records or ahead.first_step is None or ahead.first_time is None:
            return None
        return (main.next_step - 1, main.last_time), (ahead.first_step, ahead.first_time)

    def look_ahead(self, max_bytes: int) -> bool:
        """Set a second reader about `max_bytes` before the end; False when that cannot be.

        It has to begin at a line that names its step: others count on from the line before.
        """
        if self._ahead is not None:
            return True
        start = self._main.tail.near_end(max_bytes)
        if start <= self._main.tail.position:
            return False
        tail = self._main.tail.fork(start)
        if not self._clock and not _goes_to_named_step(tail):
            return False
        self._ahead_start = tail.position
        self._ahead = _Reader(tail, self._cache, clock_steps=self._clock)
        return True

    def read_behind(self) -> Grown | None:
        """The next piece of what lies before the second reader; with its last one both are one."""
        if self._ahead is None or self._ahead_start is None:
            return self._main.read()
        # Lines follow behind this part, so whatever is odd in it will not change any more.
        grown = self._main.read(until=self._ahead_start, final=True)
        if self._main.tail.position >= self._ahead_start:
            self._join(self._ahead)
        return grown

    def _join(self, ahead: _Reader) -> None:
        main = self._main
        main.tail.take_over(ahead.tail)
        for name, lane in ahead.lanes.items():
            own = main.lanes.get(name)
            if own is None:
                own = main.lanes[name] = Lane(*name, self._cache)
            own.take_over(lane)
        if ahead.records:
            main.next_step, main.last_time = ahead.next_step, ahead.last_time
        main.records += ahead.records
        main.unsaved_points += ahead.unsaved_points
        self._ahead = self._ahead_start = None


def _goes_to_named_step(tail: JournalTail) -> bool:
    """Move to the first line that names its step; False when none in the next piece does."""
    start = tail.position
    piece = tail.read(PIECE_BYTES)
    if piece is None or piece.segment != start.segment:
        return False
    offset = piece.offset
    for line in piece.data.split(b"\n")[:-1]:
        value = parse_object(line)
        if value and isinstance(value.get("metrics"), dict) and _is_placed(value):
            tail.jump(Position(start.segment, offset))
            return True
        offset += len(line) + 1
    return False


def _is_placed(line: dict[str, object]) -> bool:
    """Whether a line names its step and time itself."""
    return isinstance(line.get("step"), int) and isinstance(line.get("time"), int | float)
