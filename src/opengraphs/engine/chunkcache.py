"""Chunks read from the index lately, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict

from opengraphs.engine.index import Index
from opengraphs.engine.strip import Points

_POINT_BYTES = 24


class ChunkCache:
    """Sealed chunks by (lane, number); the one used longest ago goes first.

    Attributes:
        index: where chunks that are not here come from.
    """

    def __init__(self, index: Index, budget_bytes: int) -> None:
        self.index = index
        self.budget_bytes = budget_bytes
        self._bytes = 0
        self._chunks: OrderedDict[tuple[int, int], Points] = OrderedDict()

    def get(self, lane: int, seq: int) -> Points | None:
        found = self._chunks.get((lane, seq))
        if found is not None:
            self._chunks.move_to_end((lane, seq))
        return found

    def put(self, lane: int, seq: int, points: Points) -> None:
        """Keep a sealed chunk: it never changes while its lane exists."""
        if (lane, seq) in self._chunks:
            return
        self._chunks[(lane, seq)] = points
        self._bytes += len(points.steps) * _POINT_BYTES
        while self._bytes > self.budget_bytes and self._chunks:
            _, dropped = self._chunks.popitem(last=False)
            self._bytes -= len(dropped.steps) * _POINT_BYTES

    def memory_bytes(self) -> int:
        return self._bytes

    def forget_lanes(self, lanes: set[int]) -> None:
        """Lanes that are dropped: SQLite may give their ids to others."""
        for key in [key for key in self._chunks if key[0] in lanes]:
            self._bytes -= len(self._chunks.pop(key).steps) * _POINT_BYTES
