"""What makes a store live: look when something may be new, pass on what changed.

It sleeps until a file event, a listener or the clock (`cadence`) says so, has the engine
look, and hands the changes to the coalescer.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from opengraphs.daemon import cadence
from opengraphs.daemon.attention import Attention
from opengraphs.daemon.chores import Chores
from opengraphs.daemon.enginedesk import EngineDesk, Findings
from opengraphs.daemon.inotify import FolderEvents
from opengraphs.daemon.worker import Priority, Worker
from opengraphs.sdk import layout

if TYPE_CHECKING:
    from opengraphs.engine import Change

log = logging.getLogger("ogd.pump")

MAINTAIN_S = 3.0
"""From the first change to the commit of what it brought."""
NEWBORN_S = 10.0
"""A new run folder is listened to so long while its run.json is on its way."""
_STATE_FILES = frozenset((layout.RUN_JSON, layout.EXIT_JSON, layout.RUN_LOCK, ""))
"""Names in a run folder whose events ask for a scan and not only for a poll."""


class _Action(NamedTuple):
    due: float
    act: Callable[[], Awaitable[None]]


class Pump:
    """The loop's side of watching one store.

    Args:
        publish: takes every change, in order.
        chores: gets the work that can wait.
    """

    def __init__(
        self,
        path: Path,
        *,
        worker: Worker,
        desk: EngineDesk,
        events: FolderEvents,
        attention: Attention,
        remote: bool,
        publish: Callable[[Change], None],
        chores: Chores,
    ) -> None:
        self.live: frozenset[str] = frozenset()
        self._runs_folder = path / layout.RUNS
        self._loop = asyncio.get_running_loop()
        self._worker = worker
        self._desk = desk
        self._events = events
        self._attention = attention
        self._remote = remote
        self._publish = publish
        self._chores = chores
        self._alarm: asyncio.Future[None] | None = None
        self._by_events = False
        self._folders: frozenset[Path] = frozenset()
        self._dirty: set[str] = set()
        self._newborn: dict[Path, float] = {}
        self._scan_wanted = False
        self._quiet_scans = 0
        self._scan_took_s = 0.0
        self._last_scan = self._last_poll = self._last_sweep = 0.0
        self._maintain_at = math.inf

    async def run(self) -> None:
        """Look, again and again, until cancelled."""
        while True:
            action = min(self._actions(), key=lambda action: action.due)
            if action.due <= self._loop.time():
                await action.act()
            else:
                await self._sleep_until(action.due)

    def wake(self) -> None:
        """Something that the cadence depends on is different now."""
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_result(None)

    def take(self, findings: Findings) -> None:
        """What a job of the engine noticed; loop thread.

        The first time everything is news, and nobody can have listened before: it is not told.
        """
        self.live = findings.live
        for change in findings.changes if self._last_scan else ():
            self._chores.changed(change["run"])
            self._publish(change)
        if findings.changes:
            self.tend()
        if findings.folders is not None:
            self._follow(findings.folders)
        if findings.scan_took_s is not None:
            self._note_scan(findings)
        if findings.backlog:
            self._chores.read_backlog()
        self._chores.settle(findings.unsettled)
        self.wake()

    def tend(self) -> None:
        """Something was read or written: commit it soon."""
        self._maintain_at = min(self._maintain_at, self._loop.time() + MAINTAIN_S)
        self.wake()

    def look(self) -> None:
        """A chore changed run folders: scan soon."""
        self._scan_wanted = True
        self.tend()

    def touched(self, runs: Sequence[str]) -> list[str]:
        """Somebody wrote to these runs: poll those that live. The others."""
        self._dirty |= self.live.intersection(runs)
        self.wake()
        return [run for run in runs if run not in self.live]

    def close(self) -> None:
        """Stop listening to file events."""
        for folder in self._folders:
            self._events.forget(folder, self._on_file)

    def _note_scan(self, findings: Findings) -> None:
        self._last_scan = self._loop.time()
        self._scan_took_s = findings.scan_took_s or 0.0
        self._quiet_scans = 0 if findings.changes else self._quiet_scans + 1

    # the clock

    def _actions(self) -> list[_Action]:
        sight = self._sight()
        scan_s = cadence.scan_interval_s(
            sight, wanted=self._scan_wanted, quiet_scans=self._quiet_scans, last_took_s=self._scan_took_s
        )
        poll_s = cadence.SPACING_S if self._dirty else cadence.poll_interval_s(sight)
        return [
            _Action(self._last_scan + scan_s, self._scan),
            _Action(self._last_poll + poll_s, self._poll),
            _Action(self._last_sweep + cadence.sweep_interval_s(sight), self._sweep),
            _Action(self._maintain_at, self._maintain),
        ]

    def _sight(self) -> cadence.Sight:
        watched = len(self._attention.watched(self.live))
        listeners = self._attention.listeners
        return cadence.Sight(watched, len(self.live), listeners, self._by_events, self._remote)

    async def _sleep_until(self, due: float) -> None:
        self._alarm = self._loop.create_future()
        timer = None if math.isinf(due) else self._loop.call_at(due, self.wake)
        try:
            await self._alarm
        finally:
            if timer is not None:
                timer.cancel()

    # the actions

    async def _scan(self) -> None:
        self._scan_wanted = False
        await self._worker.submit(self._desk.scan, priority=Priority.POLL)

    async def _poll(self) -> None:
        runs = [*(self._attention.watched(self.live) | self._dirty)]
        self._dirty.clear()
        await self._worker.submit(lambda: self._desk.poll(runs), priority=Priority.POLL)
        self._last_poll = self._loop.time()

    async def _sweep(self) -> None:
        await self._worker.submit(lambda: self._desk.poll(None), priority=Priority.POLL)
        self._last_sweep = self._last_poll = self._loop.time()

    async def _maintain(self) -> None:
        self._maintain_at = math.inf
        wait_s = await self._worker.submit(self._desk.maintain, priority=Priority.POLL)
        self._maintain_at = min(self._maintain_at, self._loop.time() + max(1.0, wait_s))

    # file events

    def _follow(self, folders: frozenset[Path]) -> None:
        """Listen to these folders and no others."""
        now = self._loop.time()
        self._newborn = {folder: until for folder, until in self._newborn.items() if until > now}
        wanted = folders | self._newborn.keys() | {_nearest_existing(self._runs_folder)}
        for folder in self._folders - wanted:
            self._events.forget(folder, self._on_file)
        heard = [self._events.watch(folder, self._on_file) for folder in wanted]
        self._folders = wanted
        self._by_events = all(heard) and not self._remote

    def _on_file(self, folder: Path, name: str) -> None:
        """Something changed in a folder that we listen to."""
        inside = folder.parts[len(self._runs_folder.parts) :]
        if inside:
            self._on_run_file(inside, name)
        elif folder == self._runs_folder:
            self._scan_wanted = True
            if name:
                self._newborn[folder / name] = self._loop.time() + NEWBORN_S
                self._events.watch(folder / name, self._on_file)
        elif name in ("", self._runs_folder.parts[len(folder.parts)]):
            self._scan_wanted = True  # the way to runs/ is being made
        self.wake()

    def _on_run_file(self, inside: tuple[str, ...], name: str) -> None:
        """In a run's folder. What nobody watches is left to the next sweep."""
        if len(inside) == 1 and name in _STATE_FILES:
            self._scan_wanted = True
        if self._attention.listeners or inside[0] in self._attention.watched(self.live):
            self._dirty.add(inside[0])


def _nearest_existing(folder: Path) -> Path:
    """`folder`, or the closest parent that is there: where its making can be seen."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder
