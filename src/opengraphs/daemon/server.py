"""uvicorn on a socket of ours, without its clock, its signals and its trust in whoever connects."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Generator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opengraphs import sockets
from opengraphs.daemon.encode import encode
from opengraphs.errors import UsageError

KEEP_ALIVE_S = 75
"""An idle connection stays open so long; a reconnect costs a client more than it costs us."""
GRACE_S = 2
"""What running requests get at the end."""

log = logging.getLogger("ogd.server")


class PrivateProtocol(HttpToolsProtocol):
    """HTTP for connections of our own user; others are cut, whatever the socket's folder allows.

    `on_connections` is told the number of open connections whenever it changes.
    """

    on_connections: Callable[[int], None]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        uid = sockets.peer_uid(transport.get_extra_info("socket"))
        if uid not in (None, os.geteuid()):
            log.warning("refused a connection of user %s", uid)
            transport.abort()
        self.on_connections(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.on_connections(len(self.connections))

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP gets the common error shape too."""
        body = encode(UsageError(msg, hint="this socket speaks HTTP/1.1").to_wire())
        head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()


class QuietServer(uvicorn.Server):
    """Sleeps until it is told to stop: uvicorn's own loop wakes ten times a second."""

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        on_connections: Callable[[int], None],
        protocol: type[HttpToolsProtocol] = PrivateProtocol,
    ) -> None:
        """Args:
        protocol: speaks with one connection; gets `on_connections` as a member.
        """
        protocol = type("Protocol", (protocol,), {"on_connections": staticmethod(on_connections)})
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        super().__init__(config)
        self._told_to_stop = asyncio.Event()

    def stop(self) -> None:
        """Let `serve_on` return once running requests are answered; loop thread only."""
        self._told_to_stop.set()

    @property
    def connections(self) -> int:
        """Open connections, idle ones included."""
        return len(self.server_state.connections)

    async def serve_on(self, listener: socket.socket) -> None:
        """Serve until `stop`."""
        await self.serve(sockets=[listener])

    async def main_loop(self) -> None:
        await self._told_to_stop.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are the daemon's own business (`main`)."""
        yield
