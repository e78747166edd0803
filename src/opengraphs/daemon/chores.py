"""Work of a store that can wait: reading old journals, making ended runs whole.

It goes in slices between everything else, so that no question waits for more than one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from opengraphs.daemon.enginedesk import EngineDesk
from opengraphs.daemon.tasks import Tasks
from opengraphs.daemon.worker import Priority, Worker

SLICE_S = 0.005
"""One slice of reading; the engine's smallest piece may take longer."""


class Chores:
    """The backlog and the ended runs of one store; loop thread only.

    Args:
        progress: told a run and the fraction of it still to read, after each slice.
        read: called when the backlog is read: there is something to commit.
        settled: called when a run folder was changed: there is something to look at.
    """

    def __init__(
        self,
        *,
        worker: Worker,
        desk: EngineDesk,
        tasks: Tasks,
        progress: Callable[[str, float], None],
        read: Callable[[], None],
        settled: Callable[[], None],
    ) -> None:
        self._worker = worker
        self._desk = desk
        self._tasks = tasks
        self._progress = progress
        self._read = read
        self._settled = settled
        self._backlog_waits = self._is_reading = False
        self._ended: list[str] = []
        self._is_settling = False
        self._tried: set[str] = set()

    def read_backlog(self) -> None:
        """Journals wait to be read. A running reader looks once more before it ends."""
        self._backlog_waits = True
        if not self._is_reading:
            self._is_reading = True
            self._tasks.run("backlog", self._read_backlog)

    def settle(self, runs: Sequence[str]) -> None:
        """These ended runs want to be made whole; each is tried once until `changed` says more."""
        self._ended += [run for run in runs if run not in self._tried and run not in self._ended]
        if self._ended and not self._is_settling:
            self._is_settling = True
            self._tasks.run("settling", self._settle_ended)

    def changed(self, run: str) -> None:
        """Something is new about a run: what failed before may work now."""
        self._tried.discard(run)

    async def read_whole(self, run: str) -> None:
        """Read one run's journals to their end."""
        while await self._worker.submit(lambda: self._desk.read_on(run, SLICE_S), priority=Priority.BACKLOG):
            pass

    async def read_some(self, budget_s: float) -> None:
        """Read the backlog on for about `budget_s` seconds, or to its end."""
        end = asyncio.get_running_loop().time() + budget_s
        while asyncio.get_running_loop().time() < end and await self._read_slice():
            pass

    async def _read_slice(self) -> bool:
        slice_ = await self._worker.submit(lambda: self._desk.ingest(SLICE_S), priority=Priority.BACKLOG)
        if slice_ is None:
            return False
        self._progress(*slice_)
        return True

    async def _read_backlog(self) -> None:
        self._backlog_waits = True  # also when this is the second try
        while self._backlog_waits:
            self._backlog_waits = False
            while await self._read_slice():
                pass
            self._read()
        self._is_reading = False

    async def _settle_ended(self) -> None:
        """Newest first. What a run logged is read before, in slices: its last values go into run.json."""
        while self._ended:
            run = self._ended.pop(0)
            self._tried.add(run)
            await self.read_whole(run)
            is_changed = await self._worker.submit(
                lambda run=run: self._desk.settle(run),  # type: ignore[misc]
                priority=Priority.BACKLOG,
            )
            if is_changed:
                self._settled()
        self._is_settling = False
