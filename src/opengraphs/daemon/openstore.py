"""One store while the daemon holds it: questions go to its thread, changes come out of its pump."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from opengraphs.daemon.alerting.desk import AlertDesk
from opengraphs.daemon.alerting.sending import Sending
from opengraphs.daemon.attention import Attention
from opengraphs.daemon.checkpointwatch import CheckpointWatch
from opengraphs.daemon.chores import Chores
from opengraphs.daemon.coalesce import Coalescer, Topic
from opengraphs.daemon.enginedesk import EngineDesk, Findings
from opengraphs.daemon.foreign.desk import ForeignRuns
from opengraphs.daemon.foreign.follower import News
from opengraphs.daemon.forward.jobs import job_of
from opengraphs.daemon.forward.service import Forwarder
from opengraphs.daemon.inotify import FolderEvents
from opengraphs.daemon.pump import Pump
from opengraphs.daemon.tasks import Tasks
from opengraphs.daemon.worker import Priority, Worker
from opengraphs.store.mounts import is_remote

if TYPE_CHECKING:
    from opengraphs.engine import Change, EngineStore

T = TypeVar("T")
log = logging.getLogger("ogd.store")
TELL_READING_S = 0.25
UNASKED_S = 5.0
"""A store about which nobody asked for so long, and to which nobody listens, is not watched."""
FORWARD_AFTER_S = 0.5
"""From a change of a run's facts to the look whether it asks to be forwarded."""


class OpenStore:
    """One open store. Methods are for the event loop's thread.

    `name` is the store's path as events carry it; `last_asked` the loop's time of the
    last question; `alerts` works in the engine's thread: use it inside `ask`; `checkpoints` finds
    what runs save; `first_seq` the event after which this store's are complete.
    """

    def __init__(
        self,
        path: Path,
        *,
        events: FolderEvents,
        coalescer: Coalescer,
        forwarder: Forwarder,
        sending: Sending,
    ) -> None:
        self.path = path
        self.name = str(path)
        self._loop = asyncio.get_running_loop()
        self.last_asked = self._loop.time()
        self.first_seq = 0
        self._coalescer = coalescer
        self._forwarder = forwarder
        self._sending = sending
        self._facts_changed = asyncio.Event()
        self._told_reading = -math.inf
        self._untold: tuple[str, float] | None = None
        self._worker = Worker(self._loop, name="ogd-store")
        self._desk = EngineDesk(path, self._deliver)
        self.alerts = AlertDesk(path)
        self._alerts_wanted = asyncio.Event()
        self.checkpoints = CheckpointWatch(self._watch)
        self._checkpoints_wanted = asyncio.Event()
        self._attention = Attention(self._loop.time, self._look_closer)
        self._tasks = Tasks(self.name)
        self._chores = Chores(
            worker=self._worker,
            desk=self._desk,
            tasks=self._tasks,
            progress=self._tell_reading,
            read=self._commit_soon,
            settled=self._look_again,
        )
        self._pump = Pump(
            path,
            worker=self._worker,
            desk=self._desk,
            events=events,
            attention=self._attention,
            remote=is_remote(path),
            publish=self._publish,
            chores=self._chores,
        )
        self.foreign = ForeignRuns(path, heard=self._hear_foreign, is_watched=self._is_watched)

    async def start(self) -> None:
        """Open the engine and look once.

        Raises:
            StoreError: the path is no store and cannot become one.
        """
        await self.foreign.start()
        await self._worker.submit(self._desk.scan)
        self._tasks.run("pump", self._pump.run)
        self._tasks.run("forwarding", self._tell_forwarder)
        self._tasks.run("alerts", self._watch_alerts)
        self._tasks.run("checkpoints", self._find_checkpoints)

    async def close(self) -> None:
        """Commit, let go of files, end the thread."""
        await self._tasks.close()
        await self.foreign.close()
        self._pump.close()
        self._worker.submit(self.alerts.close, priority=Priority.END)
        closing = self._worker.submit(self._desk.close, priority=Priority.END)
        await self._worker.close()
        if closing.done() and closing.exception() is not None:
            log.error("%s did not close cleanly: %s", self.path, closing.exception())

    @property
    def live(self) -> frozenset[str]:
        """The runs that were live at the last look."""
        return self._pump.live

    @property
    def listeners(self) -> int:
        """Open event streams."""
        return self._attention.listeners

    async def ask(
        self, call: Callable[[EngineStore], T], *, scan: bool = False, runs: Sequence[str] = ()
    ) -> T:
        """What `call` answers in the engine's thread.

        Args:
            scan: the run folders are looked at first.
            runs: references of the runs that the question is about: they are read on
                first, and count as watched for a few seconds.

        Raises:
            OgError: whatever the engine has against the question.
        """
        was_watched = self._is_watched()
        self.last_asked = self._loop.time()
        if not was_watched:
            self.foreign.wake()
            await self.foreign.catch_up()
        answer, ids = await self._worker.submit(lambda: self._desk.ask(call, scan=scan, runs=runs))
        self._attention.note(ids)
        return answer

    async def change(self, act: Callable[[EngineStore, list[Change]], T]) -> T:
        """What `act` answers after it changed run folders, in the engine's thread.

        Every event stream hears of the changes that `act` adds to the list.
        """
        self.last_asked = self._loop.time()
        return await self._worker.submit(lambda: self._desk.change(act))

    async def look(self) -> None:
        """Look at the run folders now."""
        await self._worker.submit(self._desk.scan)

    async def resolve(self, ref: str) -> str:
        """The run id behind an id, a part of it, or a name."""
        return await self.ask(lambda engine: engine.resolve(ref))

    async def read_whole(self, run: str) -> None:
        """Read a run's journals to their end, in slices, for a question that needs all of it."""
        await self._chores.read_whole(run)

    async def read_backlog(self, budget_s: float) -> None:
        """Read runs that nobody has read yet, in slices, for about `budget_s` seconds."""
        await self._chores.read_some(budget_s)

    @contextmanager
    def listen(self, run: str | None) -> Iterator[None]:
        """An event stream is open, for one run id or for all."""
        with self._attention.listen(run):
            yield

    # what happens by itself

    def _deliver(self, findings: Findings) -> None:
        """Called in the engine's thread."""
        self._loop.call_soon_threadsafe(self._pump.take, findings)

    def _publish(self, change: Change) -> None:
        payload: dict[str, Any] = {key: value for key, value in change.items() if key not in ("kind", "run")}
        self._coalescer.add(Topic(change["kind"], self.name, change["run"]), payload)
        if change["kind"] == "alert":
            self._sending.tell(change["about"], change["alerts"])
        if change["kind"] in ("run", "gone"):
            self._facts_changed.set()
            self._alerts_wanted.set()
            self._checkpoints_wanted.set()

    async def _tell_forwarder(self) -> None:
        """Keep the forwarder up with the runs that ask for it, as their facts change."""
        while True:
            asking, _ = await self._worker.submit(
                lambda: self._desk.ask(lambda engine: engine.mirrored(), scan=False, runs=()),
                priority=Priority.BACKLOG,
            )
            jobs = [job_of(self.name, folder, facts) for folder, facts in asking]
            self._forwarder.take(self.name, [job for job in jobs if job is not None])
            await self._facts_changed.wait()
            await asyncio.sleep(FORWARD_AFTER_S)
            self._facts_changed.clear()

    async def _watch_alerts(self) -> None:
        """Look at what live runs log, for as long as there are any."""
        while True:
            self._alerts_wanted.clear()
            wait_s = await self._worker.submit(
                lambda: self._desk.watch(self.alerts.look), priority=Priority.BACKLOG
            )
            if math.isinf(wait_s):
                await self._alerts_wanted.wait()
            else:
                await asyncio.sleep(wait_s)

    async def _watch(self, act: Callable[[EngineStore, list[Change]], T]) -> T:
        """What `act` answers in the engine's thread, when nothing else waits there."""
        return await self._worker.submit(lambda: self._desk.watch(act), priority=Priority.BACKLOG)

    async def _find_checkpoints(self) -> None:
        """Look for what live runs save, for as long as there are any."""
        while True:
            self._checkpoints_wanted.clear()
            wait_s = await self.checkpoints.round()
            if math.isinf(wait_s):
                await self._checkpoints_wanted.wait()
            else:
                await asyncio.sleep(wait_s)

    def _look_closer(self) -> None:
        self.foreign.wake()
        self._pump.wake()

    def _is_watched(self) -> bool:
        """Whether somebody listens or asked just now; any thread."""
        return bool(self._attention.listeners) or self._loop.time() - self.last_asked < UNASKED_S

    def _hear_foreign(self, news: News) -> None:
        """Copies of foreign runs have something new."""
        if news.facts:
            self._pump.look()
        else:
            for run in self._pump.touched(news.grown):
                self._publish_reading(run, 0.0)  # an ended run of which more was copied
        if news.sources:
            payload = {**self.foreign.summary(), "message": news.message}
            self._coalescer.add(Topic("sources", self.name, ""), payload)

    def _commit_soon(self) -> None:
        if self._untold is not None:
            self._publish_reading(*self._untold)
            self._untold = None
        self._pump.tend()

    def _look_again(self) -> None:
        self._pump.look()

    def _tell_reading(self, run: str, pending: float) -> None:
        """Faces that show the run learn that more of it is there.

        Of runs that nobody looks at one event now and then stands for all: lists ask anew.
        """
        now = self._loop.time()
        if not self._attention.is_wanted(run) and now - self._told_reading < TELL_READING_S:
            self._untold = (run, pending)
            return
        self._told_reading, self._untold = now, None
        self._publish_reading(run, pending)

    def _publish_reading(self, run: str, pending: float) -> None:
        self._coalescer.add(Topic("metrics", self.name, run), {"keys": {}, "points": 0, "pending": pending})
