"""The ingest's life: it listens when the user asks for it, and again after every restart of ogd."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs import ingesting, paths
from opengraphs.errors import DaemonError, OgError, StoreError, UsageError
from opengraphs.store.runfacts import QUIET_AFTER_S

if TYPE_CHECKING:
    from opengraphs.daemon.ingest.desk import Desk, Sender
    from opengraphs.daemon.ingest.keeping import Keeper
    from opengraphs.daemon.ingest.reading import Reading
    from opengraphs.daemon.ingest.uploads import Uploads
    from opengraphs.daemon.openstore import OpenStore
    from opengraphs.daemon.server import QuietServer
    from opengraphs.daemon.worker import Worker

log = logging.getLogger("ogd.ingest")

RECENT_S = 24 * 3600.0
"""Nobody connected for so long: the daemon may leave when idle. The next command brings both back."""
GetStore = Callable[[str], Awaitable["OpenStore"]]


class Open:
    """The ingest while it listens; loop thread. Made by `Ingest`."""

    def __init__(
        self, settings: ingesting.Settings, *, worker: Worker, desk: Desk, keeper: Keeper, uploads: Uploads,
        get_store: GetStore,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.uploads = uploads
        self.connections = 0
        self.worker = worker
        self.desk = desk
        self._keeper = keeper
        self._get_store = get_store
        self._loop = asyncio.get_running_loop()
        self._reading: Reading | None = None
        self._clock: asyncio.TimerHandle | None = None
        self.server: QuietServer | None = None
        self.serving: asyncio.Task[None] | None = None

    async def take(self, api: str, body: bytearray, sender: Sender) -> None:
        """Store a batch of rows; returns once they are in the page cache.

        Raises:
            DaemonError: too much waits already. OSError: the disk takes no more.
        """
        act: Callable[[bytearray, Sender], None] = getattr(self.desk, api)
        await self.worker.submit(lambda: act(body, sender))
        self.watch_silence()

    async def keep(self, api: str, found: dict[str, Any], sender: Sender) -> Any:
        """Store files, or say which there are."""
        act: Callable[[dict[str, Any], Sender], Any] = getattr(self._keeper, api)
        answer = await self.worker.submit(lambda: act(found, sender))
        self.watch_silence()
        return answer

    async def reading(self) -> Reading:
        """Who answers questions."""
        if self._reading is None:
            from opengraphs.daemon.ingest.reading import Reading

            self._reading = Reading(await self._get_store(self.settings.store), self._last_step)
        return self._reading

    async def _last_step(self, run_id: str) -> int | None:
        return await self.worker.submit(lambda: self.desk.last_step(run_id))

    def watch_silence(self) -> None:
        """Look now and then whether a run is over, while one is open."""
        if self._clock is None:
            self._clock = self._loop.call_later(quiet_s() / 4, self._look)

    def _look(self) -> None:
        self._clock = None
        try:
            looked = self.worker.submit(self.desk.tick)
        except DaemonError:
            self.watch_silence()
        else:
            looked.add_done_callback(self._looked)

    def _looked(self, looked: asyncio.Future[bool]) -> None:
        if not looked.cancelled() and (looked.exception() is not None or looked.result()):
            self.watch_silence()

    async def close(self, *, over: bool) -> None:
        """Stop listening. `over`: the runs are, too; otherwise the next daemon goes on with them."""
        if self._clock is not None:
            self._clock.cancel()
        if self.server is not None and self.serving is not None:
            self.server.stop()
            await self.serving
        if self._clock is not None:
            self._clock.cancel()
        await self.worker.submit(self.desk.finish_all if over else self.desk.close)
        await self.worker.close()
        self.uploads.clear()


class Ingest:
    """Starts and stops `Open`; loop thread.

    Args:
        get_store: opens a store by its path.
        touch: called when somebody connects or goes.

    Attributes:
        trouble: why it does not listen though it is to; "" otherwise.
        ready: set once it is known whether it listens.
    """

    def __init__(self, *, get_store: GetStore, touch: Callable[[], None]) -> None:
        self.trouble = ""
        self.ready = asyncio.Event()
        self._get_store = get_store
        self._touch = touch
        self._open: Open | None = None
        self._heard_at = asyncio.get_running_loop().time()
        self._changing = asyncio.Lock()
        if not (settings := ingesting.load()) or not settings.on:
            self.ready.set()

    @property
    def is_listening(self) -> bool:
        """Whether clients can connect."""
        return self._open is not None

    @property
    def is_wanted(self) -> bool:
        """Whether somebody may still send: the daemon stays then."""
        if self._open is None:
            return False
        now = asyncio.get_running_loop().time()
        return bool(self._open.connections) or now - self._heard_at < RECENT_S

    async def start_saved(self) -> None:
        """Listen again where the daemon before this one did. Raises nothing: `trouble` says why not."""
        settings = ingesting.load()
        try:
            if settings is not None and settings.on:
                await self._listen(settings)
        except (OgError, OSError) as error:
            self.trouble = str(error)
            log.error("the ingest does not listen: %s", error)
        finally:
            self.ready.set()

    async def start(self, wanted: ingesting.Settings) -> ingesting.Settings:
        """Listen as the user wishes from now on.

        Raises:
            UsageError, DaemonError: it cannot be listened there.
            StoreError: the wish cannot be kept for the next daemon.
        """
        async with self._changing:
            now = self._open
            if now is not None and now.settings == wanted:
                return wanted
            if now is not None:
                await self._stop(over=now.settings.store != wanted.store)
            try:
                settings = await self._listen(wanted)
            except OgError:
                if now is not None:  # what was there goes on
                    await self._listen(now.settings)
                raise
            try:
                ingesting.save(settings)
            except OSError as error:
                await self._stop(over=False)
                raise StoreError(
                    f"the ingest's settings cannot be kept ({error.strerror})",
                    hint="make that folder writable, or set XDG_STATE_HOME",
                    path=str(ingesting.settings_file()),
                ) from error
            return settings

    async def stop(self) -> bool:
        """Do not listen any more, now and later; whether it did."""
        async with self._changing:
            was_open = self._open is not None
            settings = ingesting.load()
            await self._stop(over=True)
            self.trouble = ""
            if settings is not None:
                ingesting.save(settings._replace(on=False))
            return was_open

    async def close(self) -> None:
        """The daemon leaves."""
        async with self._changing:
            await self._stop(over=False)

    async def _stop(self, *, over: bool) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            await opened.close(over=over)

    async def _listen(self, wanted: ingesting.Settings) -> ingesting.Settings:
        opened = await asyncio.to_thread(_prepare, wanted)
        listener, desk_of = opened
        settings = wanted._replace(port=listener.getsockname()[1])
        from opengraphs.daemon.ingest.app import make_app
        from opengraphs.daemon.ingest.listener import IngestProtocol
        from opengraphs.daemon.server import QuietServer

        self._open = ingest = desk_of(settings, self._get_store)
        await ingest.worker.submit(ingest.desk.reopen)
        ingest.watch_silence()
        ingest.server = QuietServer(
            make_app(ingest), on_connections=self._note_connections, protocol=IngestProtocol
        )
        ingest.serving = asyncio.create_task(ingest.server.serve_on(listener))
        self.trouble = ""
        log.info("Trackio ingest listens on %s for %s", settings.url, settings.store)
        return settings

    def _note_connections(self, number: int) -> None:
        if self._open is not None:
            self._open.connections = number
        self._heard_at = asyncio.get_running_loop().time()
        self._touch()

    async def status(self) -> dict[str, Any]:
        """Protocol `IngestReply`."""
        settings = ingesting.load()
        shown: dict[str, Any] = {
            "listening": self._open is not None,
            "url": settings.url if settings else None,
            "token": settings.token if settings else None,
            "store": settings.store if settings else None,
            "project": settings.project if settings else None,
            "trouble": self.trouble,
            "runs": [],
            "quarantined": 0,
            "reason": "",
        }
        if self._open is not None:
            desk = self._open.desk
            seen = await self._open.worker.submit(desk.seen)
            shown["runs"] = [run._asdict() for run in seen]
            shown["quarantined"], shown["reason"] = desk.quarantine.count, desk.quarantine.reason
        return shown


def quiet_s() -> float:
    """After how long without a row a run is over."""
    try:
        return max(0.05, float(os.environ.get("OG_INGEST_QUIET_S", "")))
    except ValueError:
        return QUIET_AFTER_S


def _prepare(wanted: ingesting.Settings) -> tuple[Any, Callable[[ingesting.Settings, GetStore], Open]]:
    """The listening socket, and what makes the rest in the loop's thread. Loads numpy: not in the loop."""
    import opengraphs.engine  # noqa: F401  (whole, before another thread begins with a part of it)
    from opengraphs.daemon.ingest.desk import Desk
    from opengraphs.daemon.ingest.keeping import Keeper
    from opengraphs.daemon.ingest.listener import is_loopback, listen
    from opengraphs.daemon.ingest.quarantine import Quarantine
    from opengraphs.daemon.ingest.uploads import Uploads
    from opengraphs.daemon.worker import Worker

    if not is_loopback(wanted.host) and not wanted.anywhere:
        raise UsageError(
            f"--host {wanted.host} can be reached from other machines",
            hint="the token travels unencrypted there, and whoever reads it can write into your store; "
            "better tunnel (ssh -L), or say --anywhere if you accept that",
        )
    listener = listen(wanted.host, wanted.port)

    def make(settings: ingesting.Settings, get_store: GetStore) -> Open:
        folder = paths.state_dir() / "ingest"
        desk = Desk(
            Path(settings.store), project=settings.project, quarantine=Quarantine(), quiet_s=quiet_s(),
            open_file=folder / "open.json",
        )  # fmt: skip
        uploads = Uploads()
        uploads.clear()
        worker = Worker(asyncio.get_running_loop(), name="ogd-ingest")
        return Open(
            settings, worker=worker, desk=desk, keeper=Keeper(desk, uploads), uploads=uploads,
            get_store=get_store,
        )  # fmt: skip

    return listener, make
