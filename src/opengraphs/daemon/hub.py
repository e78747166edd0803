"""What happened, in order: one bounded ring that every event stream reads at its own pace.

A stream is a cursor into the ring, so replay (`since=`) and live reading are the same
thing, memory does not grow with readers, and a slow one holds nobody up: when the ring
has moved past its cursor it gets a `resync` and goes on from the present.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from opengraphs.daemon.encode import encode_line

RING_EVENTS = 4096
RING_BYTES = 4 << 20
BATCH_BYTES = 64 << 10
"""What a stream takes from the ring at once; beside the socket's buffer all it holds."""


class Entry(NamedTuple):
    """One event as it stands in the ring; `line` is its JSON with the newline."""

    kind: str
    store: str
    run: str
    line: bytes


class EventHub:
    """Owned by the event loop. `seq` of the last event; the first one is `first_seq + 1`.

    A daemon begins at the microseconds of its start, so that a cursor of an earlier
    daemon is always older than everything this one keeps.
    """

    def __init__(
        self, *, first_seq: int | None = None, max_events: int = RING_EVENTS, max_bytes: int = RING_BYTES
    ) -> None:
        self.seq = int(time.time() * 1e6) if first_seq is None else first_seq
        self.closed = False
        self._ring: deque[Entry] = deque()
        self._bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def oldest(self) -> int:
        """The lowest `since` that can still be replayed."""
        return self.seq - len(self._ring)

    def publish(self, kind: str, store: str, run: str, payload: Mapping[str, Any]) -> None:
        """Append one event and wake the streams."""
        self.seq += 1
        event = {"seq": self.seq, "time": time.time(), "kind": kind, "store": store, "run": run, **payload}
        entry = Entry(kind, store, run, encode_line(event))
        self._ring.append(entry)
        self._bytes += len(entry.line)
        while len(self._ring) > self._max_events or (self._bytes > self._max_bytes and len(self._ring) > 1):
            self._bytes -= len(self._ring.popleft().line)
        self._wake()

    def close(self) -> None:
        """End every stream."""
        self.closed = True
        self._wake()

    def entries(self, cursor: int) -> list[Entry]:
        """What came after `cursor`, at most a batch; `cursor` must not be below `oldest`."""
        start = cursor - self.oldest
        batch: list[Entry] = []
        size = 0
        for index in range(start, len(self._ring)):
            batch.append(self._ring[index])
            size += len(batch[-1].line)
            if size >= BATCH_BYTES:
                break
        return batch

    async def wait(self) -> None:
        """Return at the next event, or when the hub closes."""
        if self.closed:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.add(turn)
        try:
            await turn
        finally:
            self._waiting.discard(turn)

    def _wake(self) -> None:
        for turn in self._waiting:
            if not turn.done():
                turn.set_result(None)


class Stream:
    """One reader of the hub, for one store and perhaps one run.

    Args:
        since: replay what came after it; None: from now on.
        kinds: only these; None: all.
    """

    def __init__(
        self,
        hub: EventHub,
        *,
        store: str,
        run: str | None,
        since: int | None = None,
        kinds: frozenset[str] | None = None,
    ) -> None:
        self._hub = hub
        self._store = store
        self._run = run
        self._kinds = kinds
        self.cursor = hub.seq if since is None else since
        self._greeted = False

    async def next(self) -> list[tuple[int, bytes]]:
        """The next lines with their `seq`, at least one; empty once the hub has closed."""
        if not self._greeted:
            self._greeted = True
            return [self._mark("hello")]
        while not self._hub.closed:
            if not self._hub.oldest <= self.cursor <= self._hub.seq:
                self.cursor = self._hub.seq
                return [self._mark("resync")]
            if lines := self._take():
                return lines
            await self._hub.wait()
        return []

    def _take(self) -> list[tuple[int, bytes]]:
        """Matching lines of one batch; moves the cursor past the others too."""
        lines: list[tuple[int, bytes]] = []
        while not lines and self.cursor < self._hub.seq:
            for entry in self._hub.entries(self.cursor):
                self.cursor += 1
                if self._wants(entry):
                    lines.append((self.cursor, entry.line))
        return lines

    def _wants(self, entry: Entry) -> bool:
        if entry.store != self._store or self._run not in (None, entry.run):
            return False
        return self._kinds is None or entry.kind in self._kinds

    def _mark(self, kind: str) -> tuple[int, bytes]:
        event = {"seq": self.cursor, "time": time.time(), "kind": kind, "store": self._store}
        return self.cursor, encode_line(event)
