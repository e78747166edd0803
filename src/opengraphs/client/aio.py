"""The TUI's client: asyncio and h11, a few keep-alive connections, and the event stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast

from opengraphs import paths
from opengraphs.client.autostart import ensure_daemon
from opengraphs.client.channel import Channel
from opengraphs.client.wire import TRIES, garbled, read_line, read_reply, with_query
from opengraphs.errors import DaemonError, UnreachableError, VersionError
from opengraphs.protocol.events import Event
from opengraphs.protocol.runs import VersionReply

T = TypeVar("T")

MAX_IDLE_CHANNELS = 4
"""Requests may run side by side; so many connections are kept for the next ones."""
FIRST_RETRY_S, LAST_RETRY_S = 0.25, 5.0


class AsyncClient:
    """Asks one daemon about one store. All methods raise OgError and nothing else.

    A daemon that went away is started again and asked once more. `connected` is False
    while the event stream looks for its daemon.
    """

    def __init__(
        self,
        *,
        store: Path,
        socket_path: Path | None = None,
        autostart: bool = True,
        timeout_s: float = 10.0,
    ) -> None:
        self.store = store
        self.socket_path = socket_path or paths.daemon_socket()
        self.connected = False
        self._autostart = autostart
        self._timeout_s = timeout_s
        self._idle: list[Channel] = []

    async def open(self) -> VersionReply:
        """Make sure the daemon runs and speaks our protocol; raises as `ensure_daemon`."""
        return await asyncio.to_thread(
            ensure_daemon,
            socket_path=self.socket_path,
            autostart=self._autostart,
            timeout_s=self._timeout_s,
        )

    async def close(self) -> None:
        """Drop all idle connections."""
        while self._idle:
            self._idle.pop().close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        """The reply to `GET path`; `store` is added to the query, None values are left out."""
        return await self._ask("GET", self._target(path, query), b"")

    async def post(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """The reply to `POST path` with `body` as JSON."""
        return await self._ask("POST", self._target(path, query), json.dumps(body or {}).encode())

    async def patch(self, path: str, body: dict[str, Any], **query: Any) -> dict[str, Any]:
        """The reply to `PATCH path` with `body` as JSON."""
        return await self._ask("PATCH", self._target(path, query), json.dumps(body).encode())

    async def put(self, path: str, body: dict[str, Any], **query: Any) -> dict[str, Any]:
        """The reply to `PUT path` with `body` as JSON."""
        return await self._ask("PUT", self._target(path, query), json.dumps(body).encode())

    async def delete(self, path: str, **query: Any) -> dict[str, Any]:
        """The reply to `DELETE path`."""
        return await self._ask("DELETE", self._target(path, query), b"")

    async def stream(self, path: str, **query: Any) -> AsyncGenerator[dict[str, Any], None]:
        """The objects of an NDJSON route as they come, until the daemon ends the stream.

        Raises:
            UnreachableError: the daemon went away; nothing is asked again.
        """
        channel = await Channel.open(self.socket_path)
        try:
            await self._begin_stream(channel, self._target(path, query))
            rest = b""
            async for piece in channel.body():
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    yield read_line(line)
        finally:
            channel.close()

    async def events(
        self, *, run: str | None = None, since: int | None = None
    ) -> AsyncGenerator[Event, None]:
        """What changes in the store, for ever; each stream begins with a `hello`.

        When the daemon goes away it is started again, and what happened meanwhile is
        replayed; where that cannot be, a `resync` says that everything may have changed.

        Raises:
            VersionError: a daemon of another protocol took the place of ours.
            OgError: the request is refused, such as an unknown `run`.
        """
        while True:
            try:
                async with aclosing(self.stream("/events", run=run, since=since)) as lines:
                    async for line in lines:
                        self.connected = True
                        since = line.get("seq", since)
                        yield cast("Event", line)
            except UnreachableError:
                pass
            self.connected = False
            await self._find_daemon()

    def _target(self, path: str, query: dict[str, Any]) -> str:
        return with_query(path, {"store": str(self.store), **query})

    async def _begin_stream(self, channel: Channel, target: str) -> None:
        status = await self._limited(channel.send("GET", target, b""))
        if status != 200:
            read_reply(status, b"".join([piece async for piece in channel.body()]))
            raise garbled(f"status {status}")

    async def _find_daemon(self) -> None:
        wait_s = FIRST_RETRY_S
        while True:
            try:
                await self.open()
                return
            except VersionError:
                raise
            except DaemonError:
                await asyncio.sleep(wait_s)
                wait_s = min(LAST_RETRY_S, 2 * wait_s)

    async def _ask(self, method: str, target: str, body: bytes) -> dict[str, Any]:
        for _ in range(TRIES - 1):
            try:
                return await self._exchange(method, target, body)
            except UnreachableError:
                await self.close()
                await self.open()
        return await self._exchange(method, target, body)

    async def _exchange(self, method: str, target: str, body: bytes) -> dict[str, Any]:
        if self._idle:
            channel = self._idle.pop()
        else:
            channel = await Channel.open(self.socket_path)
        try:
            status, data = await self._limited(channel.request(method, target, body))
        except BaseException:
            channel.close()
            raise
        self._keep(channel)
        return read_reply(status, data)

    def _keep(self, channel: Channel) -> None:
        if channel.reusable and len(self._idle) < MAX_IDLE_CHANNELS:
            self._idle.append(channel)
        else:
            channel.close()

    async def _limited(self, work: Coroutine[Any, Any, T]) -> T:
        """`work` within the time-out; not by `wait_for`, which before 3.12 may lose a cancellation."""
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait((task,), timeout=self._timeout_s)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if not done:
            raise DaemonError(
                "ogd did not answer in time", hint="see `og daemon status`", path=str(self.socket_path)
            )
        return task.result()
