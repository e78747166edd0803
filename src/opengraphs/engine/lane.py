"""A lane: every point of one key that one journal holds, in the order of its lines.

Full chunks are sealed: cells are made of them, and at the next commit they go to the
index and out of memory. The rest, at most a chunk, is the tail; it stands in the index
too, as a last, open chunk, which a commit writes over.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import NamedTuple

import msgspec
import numpy as np

from opengraphs.engine.cells import CELL, COARSE, FINE, Cells, cells_of, join_cells, merge_cells
from opengraphs.engine.chunkcache import ChunkCache
from opengraphs.engine.index import Index, IndexDoubtError, LaneRow, PointsRow
from opengraphs.engine.strip import NO_POINTS, CellRow, Points, exact_cells, find_in, join
from opengraphs.engine.summary import Summary

CHUNK = 4096
_LEAST_TAIL = 16
_KEPT_FINE = 3200
"""Cells, 460 kB: what a range of a chart at that level needs."""


class LaneState(msgspec.Struct, array_like=True):
    """What the index keeps of a lane beside its chunks."""

    sealed: int
    sealed_n: int
    summary: Summary


class _Sealed(NamedTuple):
    """A full chunk that no commit has seen yet."""

    seq: int
    points: Points
    coarse: Cells
    fine: Cells | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(LaneState).decode


class Lane:
    """One strip of one journal. Raises IndexDoubtError when stored chunks cannot be read."""

    def __init__(self, key: str, rank: int | None, source: str | None, cache: ChunkCache) -> None:
        self.key = key
        self.rank = rank
        self.source = source
        self.id: int | None = None
        self._cache = cache
        self._summary = Summary()
        self._sealed = 0
        self._sealed_n = 0
        self._ends: list[int] | None = None
        """Where each sealed chunk ends, kept only where some are not full."""
        self._unsaved: list[_Sealed] = []
        self._saved_n = 0
        self._sealed_coarse: list[Cells] | None = []
        """Coarse cells of sealed chunks, in pieces; None: in the index."""
        self._row: CellRow | None = None
        self._fine: tuple[tuple[int, int, int, int], CellRow] | None = None
        """The fine cells that were asked for last, and what they cover: charts ask again."""
        self._tail = NO_POINTS
        self._tail_n = 0
        self._tail_here = True
        self._checked = 0
        """Tail points that the summary has."""

    @classmethod
    def load(cls, row: LaneRow, cache: ChunkCache) -> Lane:
        """A lane as the last commit left it; nothing of its points is read yet."""
        lane = cls(row.key, row.rank, row.source, cache)
        try:
            state = _decode(row.state)
        except msgspec.DecodeError as error:
            raise IndexDoubtError(f"a lane's state does not parse ({error})") from error
        lane.id = row.id
        lane._summary = state.summary
        lane._sealed, lane._sealed_n = state.sealed, state.sealed_n
        lane._sealed_coarse = None if state.sealed else []
        lane._saved_n = state.summary.n
        lane._tail_n = lane._checked = state.summary.n - state.sealed_n
        lane._tail_here = lane._tail_n == 0
        return lane

    # -- growing -----------------------------------------------------------------------------

    @property
    def n(self) -> int:
        return self._sealed_n + self._tail_n

    def append(self, points: Points) -> None:
        """Add the points that follow."""
        count, at = len(points.steps), 0
        self._load_tail()
        if count == 1 and self._tail_n + 1 < CHUNK:  # a live run, looked at often
            self._reserve(self._tail_n + 1)
            for own, new in zip(self._tail, points, strict=True):
                own[self._tail_n] = new[0]
            self._tail_n += 1
            at = 1
        elif self._tail_n == 0 and _LEAST_TAIL <= count < CHUNK:
            self._tail, self._tail_n, at = Points(*(column.copy() for column in points)), count, count
        while at < count:
            take = min(CHUNK - self._tail_n, count - at)
            self._reserve(self._tail_n + take)
            for own, new in zip(self._tail, points, strict=True):
                own[self._tail_n : self._tail_n + take] = new[at : at + take]
            self._tail_n += take
            at += take
            if self._tail_n == CHUNK:
                self.seal()
        self._row = None

    def _reserve(self, least: int) -> None:
        if least <= len(self._tail.steps):
            return
        capacity = min(CHUNK, max(_LEAST_TAIL, least, 2 * len(self._tail.steps)))
        grown = Points(np.empty(capacity, np.int64), np.empty(capacity), np.empty(capacity))
        for own, old in zip(grown, self._tail, strict=True):
            own[: self._tail_n] = old[: self._tail_n]
        self._tail = grown

    def seal(self) -> None:
        """Make the tail a chunk that will not change any more, full or not."""
        self._load_tail()
        self._refresh()
        if self._ends is not None or self._tail_n != CHUNK:
            self._all_ends().append(self._sealed_n + self._tail_n)
        points = self._tail.part(0, self._tail_n)
        fine = cells_of(*points, FINE)
        coarse = merge_cells(fine, np.arange(0, len(fine), COARSE // FINE))
        self._unsaved.append(_Sealed(self._sealed, points, coarse, fine if self._tail_n > COARSE else None))
        if self._sealed_coarse is not None:
            self._sealed_coarse.append(coarse)
        self._sealed += 1
        self._sealed_n += self._tail_n
        self._tail, self._tail_n, self._checked = NO_POINTS, 0, 0

    def take_over(self, other: Lane) -> None:
        """Add all points of a lane that no commit has seen; its full chunks are not copied."""
        if other._sealed == 0:
            self.append(other.read(0, other.n))
            return
        self.seal_open()
        self._load_tail()
        if (
            self._ends is not None
            or self._sealed_n + other._sealed_n != (self._sealed + other._sealed) * CHUNK
        ):
            start = self._sealed_n
            self._all_ends().extend(start + end for end in other._all_ends())
        self._unsaved += [chunk._replace(seq=self._sealed + chunk.seq) for chunk in other._unsaved]
        if self._sealed_coarse is not None:
            self._sealed_coarse += [chunk.coarse for chunk in other._unsaved]
        self._sealed += other._sealed
        self._sealed_n += other._sealed_n
        self._summary.follow(other.summary)
        self._tail, self._tail_n, self._checked = other._tail, other._tail_n, other._tail_n
        self._row = None

    def seal_open(self) -> None:
        """Seal the tail if it holds anything."""
        if self._tail_n:
            self.seal()

    def _refresh(self) -> None:
        if self._checked < self._tail_n:
            self._summary.add(self._tail.part(self._checked, self._tail_n))
            self._checked = self._tail_n

    @property
    def summary(self) -> Summary:
        self._refresh()
        return self._summary

    # -- keeping -----------------------------------------------------------------------------

    @property
    def is_changed(self) -> bool:
        return self._saved_n != self.n

    def unsaved_bytes(self) -> int:
        """Memory of chunks that wait for a commit."""
        return len(self._unsaved) * CHUNK * 24

    def rewritten_bytes(self) -> int:
        """What the next commit would write a second time: the points of the open chunk."""
        return self._tail_n * 24

    def memory_bytes(self) -> int:
        coarse = 0 if self._sealed_coarse is None else 1 + self._sealed_n // COARSE
        row = 0 if self._row is None else len(self._row.cells)
        fine = 0 if self._fine is None else len(self._fine[1].cells)
        return 600 + len(self._tail.steps) * 24 + self.unsaved_bytes() + (coarse + row + fine) * CELL.itemsize

    def save(self, index: Index, writer: int) -> None:
        """Write what is new into the open transaction; `saved` says that it was committed."""
        state = _encode(LaneState(self._sealed, self._sealed_n, self.summary))
        if self.id is None:
            self.id = index.add_lane(writer, self.key, self.rank, self.source, state)
        else:
            index.set_lane(self.id, state)
        for chunk in self._unsaved:
            index.put_chunk(self.id, chunk.seq, _to_row(chunk.points), chunk.coarse, chunk.fine)
        if self._tail_n and self._tail_here:
            index.put_open_chunk(self.id, self._sealed, _to_row(self._tail.part(0, self._tail_n)))

    def saved(self) -> None:
        """The transaction with `save` was committed."""
        self._unsaved = []
        self._saved_n = self.n

    def release(self) -> None:
        """Let go of all memory that the index can give back."""
        if self.is_changed or self._unsaved or self.id is None:
            return
        self._sealed_coarse = None if self._sealed else []
        self._row = self._ends = self._fine = None
        if self._tail_n:
            self._tail, self._tail_here = NO_POINTS, False

    def _load_tail(self) -> None:
        if self._tail_here:
            return
        self._tail = self._stored(self._sealed, self._sealed + 1)[0]
        self._tail_here = True

    # -- a strip -----------------------------------------------------------------------------

    @property
    def rises(self) -> bool:
        return self.summary.rises

    @property
    def falls(self) -> bool:
        """A step lies below the one before it somewhere."""
        return self.summary.drops > 0

    @property
    def time_rises(self) -> bool:
        return not self.summary.time_falls

    def read(self, first: int, last: int) -> Points:
        """The points `first` … `last - 1`."""
        last = min(last, self.n)
        parts: list[Points] = []
        if first < min(last, self._sealed_n):
            begin, end = self._chunk_of(first), self._chunk_of(min(last, self._sealed_n) - 1) + 1
            offset = self._chunk_start(begin)
            whole = join(self._chunks(begin, end))
            parts.append(whole.part(first - offset, min(last, self._sealed_n) - offset))
        if last > self._sealed_n:
            self._load_tail()
            parts.append(self._tail.part(max(0, first - self._sealed_n), last - self._sealed_n))
        return join(parts)

    def cells(self, first: int, last: int, size: int) -> Cells:
        if size == COARSE:
            return exact_cells(self, self._coarse_row(), first, last)
        return exact_cells(self, self._fine_row(first, last), first, last)

    def find(self, axis: str, x: float, *, right: bool = False) -> int:
        return find_in(self, self._coarse_row(), axis, x, right=right)

    # -- chunks ------------------------------------------------------------------------------

    def _all_ends(self) -> list[int]:
        if self._ends is None:
            saved = self._sealed - len(self._unsaved)
            stored = self._cache.index.sizes(self.id, saved) if self.id is not None else []
            fresh = [len(chunk.points.steps) for chunk in self._unsaved]
            self._ends = list(accumulate([*stored, *fresh]))
        return self._ends

    @property
    def _is_even(self) -> bool:
        """All sealed chunks are full."""
        return self._sealed_n == self._sealed * CHUNK

    def _chunk_start(self, seq: int) -> int:
        if self._is_even:
            return seq * CHUNK
        return self._all_ends()[seq - 1] if seq else 0

    def _chunk_of(self, place: int) -> int:
        """The sealed chunk in which point `place` lies."""
        return place // CHUNK if self._is_even else bisect_right(self._all_ends(), place)

    def _chunks(self, first: int, last: int) -> list[Points]:
        saved = self._sealed - len(self._unsaved)
        stored = self._stored(first, min(last, saved)) if first < saved else []
        fresh = [chunk.points for chunk in self._unsaved if first <= chunk.seq < last]
        return stored + fresh

    def _stored(self, first: int, last: int) -> list[Points]:
        """Chunks from the index, through the cache."""
        assert self.id is not None, "a lane without an id has no stored chunks"
        found = [self._cache.get(self.id, seq) for seq in range(first, last)]
        missing = [place for place, points in enumerate(found) if points is None]
        if missing:
            begin, end = first + missing[0], first + missing[-1] + 1
            for seq, row in zip(
                range(begin, end), self._cache.index.points(self.id, begin, end), strict=True
            ):
                found[seq - first] = points = _from_row(row)
                if seq < self._sealed:
                    self._cache.put(self.id, seq, points)
        return [points for points in found if points is not None]

    def _coarse_row(self) -> CellRow:
        if self._row is None:
            if self._sealed_coarse is None:
                assert self.id is not None, "coarse cells are only dropped once they are stored"
                saved = self._sealed - len(self._unsaved)
                self._sealed_coarse = [
                    self._cache.index.coarse(self.id, saved),
                    *(chunk.coarse for chunk in self._unsaved),
                ]
            self._load_tail()
            if len(self._sealed_coarse) > 1:
                self._sealed_coarse = [join_cells(self._sealed_coarse)]
            tail = cells_of(*self._tail.part(0, self._tail_n), COARSE)
            self._row = CellRow(join_cells([*self._sealed_coarse, tail]))
        return self._row

    def _fine_row(self, first: int, last: int) -> CellRow:
        """Fine cells of the chunks that a range touches."""
        begin = self._chunk_of(first) if first < self._sealed_n else self._sealed
        end = self._chunk_of(min(last, self._sealed_n) - 1) + 1 if first < self._sealed_n else begin
        covers = (begin, end, self._sealed, self._tail_n if last > self._sealed_n else -1)
        if self._fine is not None and self._fine[0] == covers:
            return self._fine[1]
        parts = self._fine_of_chunks(begin, end)
        if last > self._sealed_n:
            self._load_tail()
            parts.append(cells_of(*self._tail.part(0, self._tail_n), FINE))
        row = CellRow(join_cells(parts), self._chunk_start(begin))
        self._fine = (covers, row) if len(row.cells) <= _KEPT_FINE else None
        return row

    def _fine_of_chunks(self, begin: int, end: int) -> list[Cells]:
        saved = self._sealed - len(self._unsaved)
        known: dict[int, Cells] = {chunk.seq: chunk.fine for chunk in self._unsaved if chunk.fine is not None}
        if begin < saved and self.id is not None:
            rows = self._cache.index.fine(self.id, begin, min(end, saved))
            known.update({seq: np.frombuffer(blob, CELL) for seq, blob in rows})
        return [
            known[seq] if seq in known else cells_of(*self._chunks(seq, seq + 1)[0], FINE)
            for seq in range(begin, end)
        ]


def _to_row(points: Points) -> PointsRow:
    steps, times, values = points
    n = len(steps)
    stride = int(steps[1] - steps[0]) if n > 1 else 1
    regular = int(steps[-1] - steps[0]) == stride * (n - 1) and bool((steps[1:] - steps[:-1] == stride).all())
    return PointsRow(
        n,
        int(steps[0]) if regular else None,
        stride if regular else None,
        values.tobytes(),
        None if regular else steps.tobytes(),
        times.tobytes(),
    )


def _from_row(row: PointsRow) -> Points:
    if row.steps is not None:
        steps = np.frombuffer(row.steps, np.int64)
    else:
        start, stride = row.start or 0, row.stride or 0
        steps = start + stride * np.arange(row.n, dtype=np.int64)
    return Points(steps, np.frombuffer(row.times), np.frombuffer(row.vals))
