"""Batches of clients without ids that come twice, as far as that is certain.

trackio-rs looks for the server's path by posting its first batch, and then posts it; it names
no User-Agent. The others try the second path only when the first failed, so the same bytes
there mean that our answer was lost. Nothing else that repeats is dropped: the same figures
logged twice without a step are data.
"""

from __future__ import annotations

import hashlib
import time
from typing import NamedTuple

MAX_PLACES = 1024
Place = tuple[str, str, str]
"""Peer, project, run."""


class Batch(NamedTuple):
    """What is remembered of the last batch from one place. at: monotonic time."""

    digest: bytes
    path: str
    is_first: bool
    at: float


class Repeats:
    """Remembers the last batch of each place; one thread.

    Args:
        quiet_s: after so long without a batch the next one is a first one again.
    """

    def __init__(self, *, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._last: dict[Place, Batch] = {}

    def look(self, place: Place, body: bytes | bytearray, *, path: str, agent: str) -> Batch | None:
        """The batch, to be given to `stored` when it is; None: it was stored just before."""
        before, now = self._last.get(place), time.monotonic()
        is_first = before is None or now - before.at > self._quiet_s
        batch = Batch(hashlib.blake2b(body, digest_size=16).digest(), path, is_first, now)
        if before is None or is_first or before.digest != batch.digest:
            return batch
        if before.path == path and (not before.is_first or agent):
            return batch
        self._last[place] = before._replace(is_first=False)  # the same once more is data
        return None

    def stored(self, place: Place, batch: Batch) -> None:
        """It is on its way to the disk: not before, since what was refused comes again."""
        self._last.pop(place, None)
        self._last[place] = batch
        while len(self._last) > MAX_PLACES:
            self._last.pop(next(iter(self._last)))
