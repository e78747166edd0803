"""The engine's thread: order, results, exceptions, bounds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from opengraphs.daemon import worker as module
from opengraphs.daemon.worker import Priority, Worker
from opengraphs.errors import DaemonError


def with_worker(scenario: Callable[[Worker], Awaitable[None]]) -> None:
    async def run() -> None:
        worker = Worker(asyncio.get_running_loop(), name="test")
        await asyncio.wait_for(scenario(worker), 10)
        await worker.close()

    asyncio.run(run())


def test_requests_overtake_polls_and_polls_the_backlog() -> None:
    async def scenario(worker: Worker) -> None:
        gate, order = threading.Event(), []
        first = worker.submit(gate.wait)
        jobs = [
            worker.submit(lambda name=name: order.append(name), priority=priority)
            for name, priority in (
                ("backlog", Priority.BACKLOG),
                ("poll", Priority.POLL),
                ("one", Priority.REQUEST),
                ("two", Priority.REQUEST),
            )
        ]
        gate.set()
        await asyncio.gather(first, *jobs)
        assert order == ["one", "two", "poll", "backlog"]

    with_worker(scenario)


def test_results_and_exceptions_come_back_to_the_loop() -> None:
    async def scenario(worker: Worker) -> None:
        assert await worker.submit(lambda: threading.current_thread().name) == "test"
        with pytest.raises(ZeroDivisionError):
            await worker.submit(lambda: 1 / 0)
        assert await worker.submit(lambda: 7) == 7

    with_worker(scenario)


def test_cancelled_job_is_never_begun() -> None:
    async def scenario(worker: Worker) -> None:
        gate, ran = threading.Event(), []
        first = worker.submit(gate.wait)
        second = worker.submit(lambda: ran.append(1))
        second.cancel()
        gate.set()
        await first
        await worker.submit(lambda: None, priority=Priority.BACKLOG)
        assert ran == []

    with_worker(scenario)


def test_full_queue_answers_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)

    async def scenario(worker: Worker) -> None:
        gate, began = threading.Event(), threading.Event()

        def hold() -> None:
            began.set()
            gate.wait()

        first = worker.submit(hold)
        await asyncio.to_thread(began.wait)
        waiting = [worker.submit(lambda: None) for _ in range(2)]
        with pytest.raises(DaemonError, match="busy"):
            worker.submit(lambda: None)
        gate.set()
        await asyncio.gather(first, *waiting)

    with_worker(scenario)


def test_closing_finishes_what_is_queued() -> None:
    async def run() -> list[int]:
        worker, done = Worker(asyncio.get_running_loop(), name="test"), []
        for number in range(5):
            worker.submit(lambda number=number: done.append(number), priority=Priority.BACKLOG)
        await worker.close()
        return done

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]
