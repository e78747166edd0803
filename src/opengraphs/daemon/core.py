"""The daemon's parts, made once and handed to every route."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs import paths
from opengraphs.daemon.alerting.keeping import watched_stores
from opengraphs.daemon.alerting.sending import Sending
from opengraphs.daemon.coalesce import Coalescer, Topic
from opengraphs.daemon.forward.cursor import unfinished_stores
from opengraphs.daemon.forward.service import Forwarder
from opengraphs.daemon.hostsampler import Host
from opengraphs.daemon.hub import EventHub
from opengraphs.daemon.idle import IDLE_EXIT_S, IdleClock
from opengraphs.daemon.ingest.service import Ingest
from opengraphs.daemon.inotify import FolderEvents
from opengraphs.daemon.openstore import OpenStore
from opengraphs.daemon.startup import Claim, is_lost
from opengraphs.daemon.stores import Stores
from opengraphs.errors import OgError
from opengraphs.sdk.layout import utc_iso

if TYPE_CHECKING:
    from opengraphs.daemon.chat.desk import ChatDesk

log = logging.getLogger("ogd")


class Core:
    """What lives as long as the daemon. Loop thread only.

    `connections` counts open ones, the asking one included; `log_trouble` and
    `cache_trouble` say why log and cache cannot be written, empty when they can.
    """

    def __init__(self, claimed: Claim, *, log_trouble: str) -> None:
        loop = asyncio.get_running_loop()
        self.claim = claimed
        self.log_trouble = log_trouble
        self.cache_trouble = ""
        self.started_at = utc_iso()
        self.connections = 0
        self.hub = EventHub()
        self.host = Host()
        self.events = FolderEvents(loop)
        self.forwarder = Forwarder()
        self.sending = Sending()
        self.stores = Stores(
            events=self.events,
            coalescer=Coalescer(loop, self._publish),
            hub=self.hub,
            forwarder=self.forwarder,
            sending=self.sending,
        )
        self.ingest = Ingest(get_store=self.stores.get, touch=self._touch)
        self.on_leave: Callable[[str], None] = log.info
        self._chat: ChatDesk | None = None
        self._idle = IdleClock(
            loop,
            after_s=float(os.environ.get("OG_IDLE_EXIT_S", IDLE_EXIT_S)),
            busy=lambda: bool(
                self.others
                or self.is_answering
                or self.live_runs
                or self.forwarder.is_busy
                or self.sending.is_busy
                or self.ingest.is_wanted
            ),
            lost=lambda: is_lost(claimed),
            leave=self.leave,
        )

    async def start(self) -> None:
        """What can wait until the daemon listens."""
        self._idle.touch()
        self.cache_trouble = _make_cache()
        await self.events.start()
        try:
            await asyncio.to_thread(_load_engine)
        except ImportError:
            log.exception("the engine cannot be loaded; questions about stores will fail")
            self.ingest.ready.set()
            return
        await self.ingest.start_saved()
        await self._go_on()

    async def _go_on(self) -> None:
        """Open the stores in which an earlier daemon left something to be forwarded, or runs it watched."""
        for path in await asyncio.to_thread(_left_stores):
            try:
                await self.stores.get(str(path))
            except OgError as error:
                log.warning("%s is not opened to go on with its runs: %s", path, error)

    async def close(self) -> None:
        """End the streams, commit and close the stores."""
        self._idle.stop()
        if self._chat is not None:
            await self._chat.close()
        self.hub.close()
        await self.ingest.close()
        await self.forwarder.close()
        await self.sending.close()
        await self.stores.close()
        self.events.close()
        self.host.close()

    async def store(self, given: str | None) -> OpenStore:
        """The store a request names; raises as `Stores.get`.

        Runs that the ingest writes are its own again before anybody looks: else they seem to have crashed.
        """
        await self.ingest.ready.wait()
        return await self.stores.get(given)

    def leave(self, why: str) -> None:
        """Begin to end the daemon."""
        self.on_leave(why)

    @property
    def chat(self) -> ChatDesk:
        """The conversations; made when somebody first asks, since most daemons never need it."""
        if self._chat is None:
            from opengraphs.daemon.chat.desk import ChatDesk

            self._chat = ChatDesk(self)
        return self._chat

    @property
    def is_answering(self) -> bool:
        """Whether a turn of a conversation goes on or waits."""
        return self._chat is not None and self._chat.is_busy

    @property
    def others(self) -> int:
        """Open connections, but for the one on which our agent waits for work."""
        return self.connections - (self._chat is not None and self._chat.agent.listens)

    @property
    def live_runs(self) -> int:
        """In all open stores."""
        return sum(len(store.live) for store in self.stores.all())

    @property
    def is_idle(self) -> bool:
        """Whether nobody but the one who asks would miss the daemon."""
        return self.others <= 1 and not self.live_runs and not self.is_answering

    def note_connections(self, number: int) -> None:
        """The server's word on how many connections are open."""
        self.connections = number
        self._idle.touch()

    def _touch(self) -> None:
        self._idle.touch()

    def _publish(self, topic: Topic, payload: dict[str, Any]) -> None:
        self.hub.publish(topic.kind, topic.store, topic.run, payload)


def _load_engine() -> None:
    """Numpy and its like, before the first question needs them."""
    import opengraphs.engine  # noqa: F401


def _left_stores() -> list[Path]:
    return sorted({*unfinished_stores(), *watched_stores()})


def _make_cache() -> str:
    """The cache folder, for us alone; why it cannot be written, or nothing."""
    folder = paths.cache_dir()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return f"{error.strerror}: {folder}"
    return ""
