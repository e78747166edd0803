"""Background tasks of an open store: one that fails is logged and tried again later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger("ogd.tasks")

RESTART_S = 5.0

Work = Callable[[], Coroutine[Any, Any, None]]


class Tasks:
    """Keeps tasks alive until `close`; loop thread only.

    Args:
        about: what they are for, in the log.
    """

    def __init__(self, about: str) -> None:
        self._about = about
        self._loop = asyncio.get_running_loop()
        self._running: set[asyncio.Task[None]] = set()
        self._closing = False

    def run(self, name: str, work: Work) -> None:
        """Run `work()` to its end; again from its start, some seconds later, when it raises."""
        if self._closing:
            return
        task = self._loop.create_task(work())
        self._running.add(task)
        task.add_done_callback(lambda _: self._ended(name, work, task))

    async def close(self) -> None:
        """Cancel them all and wait for their end."""
        self._closing = True
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _ended(self, name: str, work: Work, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled() or task.exception() is None:
            return
        log.error("%s: the %s failed", self._about, name, exc_info=task.exception())
        self._loop.call_later(RESTART_S, self.run, name, work)
