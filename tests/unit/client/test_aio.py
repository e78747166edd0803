"""The asyncio client's time limit, without a socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from opengraphs.client.aio import AsyncClient
from opengraphs.errors import DaemonError


def _client(timeout_s: float) -> AsyncClient:
    return AsyncClient(store=Path("/store"), socket_path=Path("/nowhere/ogd.sock"), timeout_s=timeout_s)


def test_cancelling_is_not_lost_when_the_answer_comes_in_that_moment() -> None:
    async def main() -> None:
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def work() -> int:
            return await answer

        asking = asyncio.ensure_future(_client(60.0)._limited(work()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        answer.set_result(1)
        await asyncio.sleep(0)  # the work is done; whoever asked does not know yet
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(main())


def test_work_that_takes_too_long_is_ended_and_named() -> None:
    async def main() -> None:
        is_ended = False

        async def work() -> None:
            nonlocal is_ended
            try:
                await asyncio.Event().wait()
            finally:
                is_ended = True

        with pytest.raises(DaemonError, match="in time"):
            await _client(0.0)._limited(work())
        assert is_ended

    asyncio.run(main())


def test_error_of_the_work_comes_through() -> None:
    async def work() -> None:
        raise DaemonError("cut")

    with pytest.raises(DaemonError, match="cut"):
        asyncio.run(_client(60.0)._limited(work()))
