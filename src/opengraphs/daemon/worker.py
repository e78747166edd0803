"""One thread that owns one store's engine; the event loop hands it jobs.

Requests come before polls, polls before the backlog (journals that still have to be
read), which comes in slices of some 10 ms: no request ever waits for more than one. A
thread a store, so that a network mount that hangs holds up nobody else.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import threading
from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

from opengraphs.errors import DaemonError

T = TypeVar("T")
log = logging.getLogger("ogd.worker")

MAX_WAITING = 512
"""A fuller queue answers "busy" instead of growing."""
LAST_JOB_S = 5.0
"""How long `close` waits for a job that does not end (a mount that hangs)."""


class Priority(IntEnum):
    """Lower goes first; equal ones in order of arrival."""

    REQUEST = 0
    POLL = 1
    BACKLOG = 2
    END = 3


Job = Callable[[], None]


class Worker:
    """Runs jobs one after the other in its thread; results come back as futures of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, name: str) -> None:
        self._loop = loop
        self._jobs: queue.PriorityQueue[tuple[int, int, Job | None]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[[], T], *, priority: Priority = Priority.REQUEST) -> asyncio.Future[T]:
        """Queue `call`; loop thread only. The future carries its result or its exception.

        Raises:
            DaemonError: the queue is full; retryable.
        """
        if self._jobs.qsize() >= MAX_WAITING:
            raise DaemonError("ogd is busy", hint="ask again in a moment")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((priority, next(self._order), lambda: self._answer(call, future)))
        return future

    async def close(self) -> None:
        """Finish what is queued and end the thread; one that hangs is left behind."""
        self._jobs.put((Priority.END, next(self._order), None))
        await asyncio.to_thread(self._thread.join, LAST_JOB_S)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()[2]
            if job is None:
                return
            job()
            del job  # an idle thread must not keep the last answer alive

    def _answer(self, call: Callable[[], T], future: asyncio.Future[T]) -> None:
        if future.cancelled():
            return
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - not handled here: raised again where the future is awaited
            self._post(_fail, future, error)
        else:
            self._post(_succeed, future, result)

    def _post(self, act: Callable[..., None], future: asyncio.Future[T], value: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(act, future, value)
        except RuntimeError:
            log.warning("a job ended after the event loop had")


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
