"""The thread's side of an open store: the engine, and what it found on the way.

Every method runs in the store's worker thread. A job hands its result back through the
worker; whatever else it noticed (changes, which runs live, work that waits) goes to the
loop as one `Findings`, before the result, also when the job fails.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from opengraphs.errors import NotFoundError

if TYPE_CHECKING:
    from opengraphs.engine import Change, EngineStore

T = TypeVar("T")

TRUE_FOR = 2.0
"""A scan answers questions for so many times the processor time it cost: somebody who asks
all the time gets statuses that are milliseconds old, and not a thread that only scans."""
SWEPT_FOR_S = 1.0
"""So long a look at all live runs answers lists; nobody else looks at them often."""
STUCK_SLICES = 16
"""So many slices without progress are no chance: the file is not what it was."""
RETARGET_S = 0.2
"""How long the backlog stays with one run before it asks again which is wanted most."""


class Findings(NamedTuple):
    """What the loop must know after a job.

    folders: whose file events count, None when not looked at; scan_took_s None: no scan;
    unsettled: ended runs whose folder wants to be made whole; backlog: journals wait
    (told once, until `ingest` has read them all).
    """

    changes: list[Change]
    live: frozenset[str]
    folders: frozenset[Path] | None
    unsettled: list[str]
    backlog: bool
    scan_took_s: float | None


class EngineDesk:
    """Owns the engine of one store.

    Args:
        deliver: takes the findings; called in this thread.
    """

    def __init__(self, path: Path, deliver: Callable[[Findings], None]) -> None:
        self._path = path
        self._deliver = deliver
        self._engine: EngineStore | None = None
        self._scanned_at = -math.inf
        self._scan_took_s = self._scan_used_s = 0.0
        self._swept_at = -math.inf
        self._backlog_told = False
        self._reading: dict[str, tuple[float, int]] = {}
        self._target: str | None = None
        self._target_until = 0.0
        self._changes: list[Change] = []
        self._did_scan = False
        self._is_left = False
        """A question was answered in part: there is more to read or to put together."""

    def ask(
        self, call: Callable[[EngineStore], T], *, scan: bool, runs: Sequence[str]
    ) -> tuple[T, list[str]]:
        """The answer of `call` to a fresh engine, and the ids behind `runs`.

        Args:
            scan: look at the run folders first, unless that was just done.
            runs: references whose live journals are read on first. One that is not found
                is looked for on disk before that is the answer.
        """
        try:
            engine = self._ready()
            if scan:
                self._scan_if_stale(engine)
            if scan and not runs and time.monotonic() - self._swept_at > SWEPT_FOR_S:
                self._poll(engine, None)  # a list shows what all live runs logged
            try:
                return self._ask(engine, call, runs)
            except NotFoundError:
                if self._did_scan:
                    raise
                self._scan(engine)
                return self._ask(engine, call, runs)
        finally:
            self._report()

    def change(self, act: Callable[[EngineStore, list[Change]], T]) -> T:
        """What `act` answers, which changes run folders and adds to the list what that changed.

        A run that is not found is looked for on disk before that is the answer.
        """
        try:
            engine = self._ready()
            try:
                return act(engine, self._changes)
            except NotFoundError:
                if self._did_scan:
                    raise
                self._scan(engine)
                return act(engine, self._changes)
            finally:
                self._did_scan = self._did_scan or bool(self._changes)
        finally:
            self._report()

    def watch(self, look: Callable[[EngineStore, list[Change]], T]) -> T:
        """What `look` answers, which watches live runs and adds to the list what it saw and wrote."""
        try:
            return look(self._ready(), self._changes)
        finally:
            self._report()

    def scan(self) -> None:
        """Look at the run folders."""
        try:
            engine = self._ready()
            if not self._did_scan:
                self._scan(engine)
        finally:
            self._report()

    def poll(self, runs: Sequence[str] | None) -> None:
        """Read what these live runs appended; None: all of them."""
        try:
            self._poll(self._ready(), runs)
        finally:
            self._report()

    def settle(self, run: str) -> bool:
        """Make one ended run's folder plain and whole; True when that changed something."""
        return self._ready().settle(run)

    def read_on(self, run: str, budget_s: float) -> bool:
        """One slice of this run's journals; True while more can be read."""
        try:
            left = self._slice(self._ready(), run, budget_s)
            return left is not None and left > 0.0
        finally:
            self._report()

    def ingest(self, budget_s: float) -> tuple[str, float] | None:
        """One slice of the backlog: the run and the fraction of it still to read; None: that was all."""
        engine = self._ready()
        try:
            run = self._most_wanted(engine)
            left = None if run is None else self._slice(engine, run, budget_s)
            if run is None or left is None:
                self._target, self._backlog_told = None, False
                return None
            if left <= 0.0:
                self._target = None
            return run, left
        finally:
            self._report()

    def _slice(self, engine: EngineStore, run: str, budget_s: float) -> float | None:
        """Read on; the fraction still to read, None when a file changed under us and stays so."""
        self._poll(engine, (run,))  # what a live run appended is told, and not only read
        left = engine.ingest_backlog(run, budget_s=budget_s)
        before, stuck = self._reading.pop(run, (2.0, 0))
        if left <= 0.0:
            return 0.0
        stuck = 0 if left < before else stuck + 1
        if stuck == STUCK_SLICES:
            self._scan(engine)  # finds out that a journal was replaced, and begins it anew
        if stuck >= 2 * STUCK_SLICES:
            return None
        self._reading[run] = (left, stuck)
        return left

    def _most_wanted(self, engine: EngineStore) -> str | None:
        now = time.monotonic()
        if self._target is None or now > self._target_until:
            self._target = engine.most_wanted()
            self._target_until = now + RETARGET_S
        return self._target

    def maintain(self) -> float:
        """Commit, evict, snapshot; seconds until that is due again."""
        return self._ready().maintain()

    def close(self) -> None:
        """Commit and let go."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _ask(
        self, engine: EngineStore, call: Callable[[EngineStore], T], runs: Sequence[str]
    ) -> tuple[T, list[str]]:
        ids = [engine.resolve(ref) for ref in runs]
        if ids:
            self._poll(engine, ids)
        answer = call(engine)
        self._is_left = any(map(engine.is_reading, ids))
        return answer, ids

    def _ready(self) -> EngineStore:
        if self._engine is None:
            from opengraphs.engine import EngineStore

            self._engine = EngineStore.open(self._path)
            self._scan(self._engine)
        return self._engine

    def _scan(self, engine: EngineStore) -> None:
        began, used = time.monotonic(), time.thread_time()
        self._changes += engine.scan()
        is_first = math.isinf(self._scanned_at)
        self._scanned_at = time.monotonic()
        if not is_first:  # that one parses everything, and says nothing about the next
            self._scan_took_s = self._scanned_at - began
            self._scan_used_s = time.thread_time() - used
        self._did_scan = True

    def _scan_if_stale(self, engine: EngineStore) -> None:
        age_s = time.monotonic() - self._scanned_at
        if not self._did_scan and age_s >= TRUE_FOR * self._scan_used_s:
            self._scan(engine)

    def _poll(self, engine: EngineStore, runs: Sequence[str] | None) -> None:
        if runs is None:
            self._swept_at = time.monotonic()
        found = engine.poll(runs)
        self._changes += found
        self._did_scan = self._did_scan or any(change["kind"] in ("run", "gone") for change in found)

    def _report(self) -> None:
        engine, changes, did_scan = self._engine, self._changes, self._did_scan
        left = self._is_left and not self._backlog_told
        if engine is None or not (changes or did_scan or left):
            return
        self._changes, self._did_scan, self._is_left = [], False, False
        backlog = left or (did_scan and not self._backlog_told and engine.most_wanted() is not None)
        self._backlog_told = self._backlog_told or backlog
        self._deliver(
            Findings(
                changes,
                frozenset(engine.live_runs()),
                frozenset(engine.watch_folders()) if did_scan else None,
                engine.unsettled() if did_scan else [],
                backlog,
                self._scan_took_s if did_scan else None,
            )
        )
