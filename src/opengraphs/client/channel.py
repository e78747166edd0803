"""One HTTP/1.1 connection for asyncio: a Unix socket, h11, keep-alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import h11

from opengraphs import sockets
from opengraphs.client.wire import garbled, unreachable
from opengraphs.errors import DaemonError

_CHUNK = 1 << 16
MAX_REPLY_BYTES = 64 << 20
"""Every route is bounded far below it."""


class Channel:
    """One request at a time; closed for good after any trouble. Raises DaemonError only."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: Path) -> None:
        self._reader = reader
        self._writer = writer
        self._path = path
        self._http = h11.Connection(h11.CLIENT)
        self._ended = False

    @classmethod
    async def open(cls, path: Path) -> Channel:
        """Connect; raises UnreachableError when nobody listens, or too many wait already."""
        try:
            link = sockets.connect(path, timeout_s=0.0)  # a Unix socket answers at once or not at all
        except OSError as error:
            raise unreachable(path, error.strerror or str(error)) from error
        reader, writer = await asyncio.open_unix_connection(sock=link)
        return cls(reader, writer, path)

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        return self._http.our_state is h11.IDLE and not self._writer.is_closing()

    async def request(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the reply."""
        status = await self.send(method, target, body)
        data = bytearray()
        async for piece in self.body():
            data += piece
            if len(data) > MAX_REPLY_BYTES:
                raise garbled("a reply without end")
        if self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.close()
        return status, bytes(data)

    async def send(self, method: str, target: str, body: bytes) -> int:
        """Send a request and read the reply's head; its status."""
        headers = [("host", "ogd"), ("content-type", "application/json"), ("content-length", str(len(body)))]
        events = [
            h11.Request(method=method, target=target, headers=headers),
            h11.Data(body),
            h11.EndOfMessage(),
        ]
        try:
            self._writer.write(b"".join(self._http.send(event) or b"" for event in events))
            await self._writer.drain()
        except OSError as error:
            raise self._lost(error) from error
        head = await self._next()
        if not isinstance(head, h11.Response):
            raise garbled("no HTTP reply")
        return head.status_code

    async def body(self) -> AsyncGenerator[bytes, None]:
        """The pieces of the reply's body as they come."""
        while True:
            event = await self._next()
            if isinstance(event, h11.EndOfMessage):
                return
            if isinstance(event, h11.Data):
                yield bytes(event.data)

    def close(self) -> None:
        """Drop the connection."""
        self._writer.close()

    async def _next(self) -> h11.Event:
        """The next event of the reply; NEED_DATA never comes out."""
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = await self._reader.read(_CHUNK)
                self._ended = not data
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise (
                unreachable(self._path, "the answer was cut") if self._ended else garbled("no HTTP")
            ) from error
        except OSError as error:
            raise self._lost(error) from error
        if not isinstance(event, h11.Event) or isinstance(event, h11.ConnectionClosed):
            raise unreachable(self._path, "the connection was cut")
        return event

    def _lost(self, error: OSError) -> DaemonError:
        return unreachable(self._path, error.strerror or "the connection was cut")
