"""Who looks at which run of a store: open event streams, and recent questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

INTEREST_S = 5.0
"""A run that was asked about counts as watched for so long."""


class Attention:
    """Decides what is worth a close look.

    Args:
        clock: monotonic seconds.
        changed: called when a listener came or a run came into view.
    """

    def __init__(self, clock: Callable[[], float], changed: Callable[[], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._streams: Counter[str | None] = Counter()
        self._until: dict[str, float] = {}

    @property
    def listeners(self) -> int:
        """Open event streams."""
        return self._streams.total()

    @contextmanager
    def listen(self, run: str | None) -> Iterator[None]:
        """An event stream for one run, or for all of them."""
        self._streams[run] += 1
        self._changed()
        try:
            yield
        finally:
            self._streams[run] -= 1
            self._streams += Counter()  # drops what fell to zero

    def note(self, runs: Iterable[str]) -> None:
        """These runs were asked about just now."""
        until = self._clock() + INTEREST_S
        fresh = [run for run in runs if self._until.get(run, 0.0) < until - INTEREST_S]
        self._until.update(dict.fromkeys(runs, until))
        if fresh:
            self._changed()

    def is_wanted(self, run: str) -> bool:
        """Whether somebody listens to this run alone, or asked about it just now."""
        return bool(self._streams[run]) or self._until.get(run, 0.0) > self._clock()

    def watched(self, live: frozenset[str]) -> frozenset[str]:
        """Those of the live runs that somebody looks at."""
        now = self._clock()
        self._until = {run: until for run, until in self._until.items() if until > now}
        if self._streams[None]:
            return live
        return live & (self._until.keys() | self._streams.keys())
