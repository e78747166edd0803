"""The stores this daemon holds, opened when somebody asks about them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from opengraphs import paths
from opengraphs.daemon.alerting.sending import Sending
from opengraphs.daemon.coalesce import Coalescer
from opengraphs.daemon.forward.service import Forwarder
from opengraphs.daemon.hub import EventHub
from opengraphs.daemon.idle import leaving
from opengraphs.daemon.inotify import FolderEvents
from opengraphs.daemon.openstore import OpenStore
from opengraphs.errors import UsageError

log = logging.getLogger("ogd.stores")

MAX_STORES = 32
"""Beyond it, the store that was asked least recently is closed, if nobody needs it."""


class Stores:
    """Open stores by path; loop thread only."""

    def __init__(
        self,
        *,
        events: FolderEvents,
        coalescer: Coalescer,
        hub: EventHub,
        forwarder: Forwarder,
        sending: Sending,
    ) -> None:
        self._events = events
        self._hub = hub
        self._coalescer = coalescer
        self._forwarder = forwarder
        self._sending = sending
        self._open: dict[Path, asyncio.Task[OpenStore]] = {}
        self._closed = False

    def all(self) -> list[OpenStore]:
        """Those that are up."""
        return [task.result() for task in self._open.values() if _is_up(task)]

    async def get(self, given: str | None) -> OpenStore:
        """The open store at `given` (absolute), or the daemon's own default.

        Raises:
            UsageError: the path is not absolute.
            StoreError: it is no store and cannot become one.
        """
        path = _canonical(given)
        if self._closed:
            raise leaving()
        if path not in self._open:
            await self._make_room()
            self._open[path] = asyncio.ensure_future(self._start(path))
        task = self._open[path]
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Close all of them; nothing is opened any more."""
        self._closed = True
        tasks, self._open = list(self._open.values()), {}
        await asyncio.gather(*(_close(task) for task in tasks))

    async def _start(self, path: Path) -> OpenStore:
        store = OpenStore(
            path,
            events=self._events,
            coalescer=self._coalescer,
            forwarder=self._forwarder,
            sending=self._sending,
        )
        try:
            await store.start()
        except BaseException:
            self._open.pop(path, None)
            await store.close()
            raise
        store.first_seq = self._hub.seq
        log.info("opened %s", path)
        return store

    async def _make_room(self) -> None:
        idle = [store for store in self.all() if not store.live and not store.listeners]
        if len(self._open) >= MAX_STORES and idle:
            oldest = min(idle, key=lambda store: store.last_asked)
            await _close(self._open.pop(oldest.path))


def _canonical(given: str | None) -> Path:
    """One path a store, however it was spelled."""
    if given is not None and not given.startswith("/"):
        raise UsageError(f"store={given!r} is not absolute", hint="give the whole path of the store's folder")
    try:
        return (Path(given) if given else paths.store_path()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"store={given!r} is no path ({error})") from None


def _is_up(task: asyncio.Task[OpenStore]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


async def _close(task: asyncio.Task[OpenStore]) -> None:
    await asyncio.wait([task])
    if _is_up(task):
        await task.result().close()
