"""The TCP side: a listening socket, and connections that cannot hurt anybody else's.

Other users of this machine, and pages in a browser, can connect here. So what a connection may
hold is bounded: how many there are, how long a head is, and how long nothing comes.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from opengraphs import sockets
from opengraphs.errors import DaemonError, UsageError

MAX_CONNECTIONS = 256
MAX_HEAD_BYTES = 64 << 10
HEAD_S, BODY_S = 20.0, 60.0
"""From the first byte of a request to the end of its head; the longest silence in a body."""


class IngestProtocol(HttpToolsProtocol):
    """HTTP for whoever connects, within limits. `on_connections` is told how many are open."""

    on_connections: Callable[[int], None]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_bytes = 0
        self._is_in_head = True
        self._patience: asyncio.TimerHandle | None = None
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
            return
        self._wait(HEAD_S)
        self.on_connections(len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        super().connection_lost(exc)
        self.on_connections(len(self.connections))

    def data_received(self, data: bytes) -> None:
        if self._is_in_head:
            self._head_bytes += len(data)
            if self._patience is None:
                self._wait(HEAD_S)
        else:
            self._wait(BODY_S)
        super().data_received(data)
        if self._is_in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._is_in_head, self._head_bytes = False, 0
        self._wait(BODY_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_in_head = True
        self._wait(None)
        super().on_message_complete()

    def _wait(self, seconds: float | None) -> None:
        """Cut the connection unless something comes within `seconds`; None: wait for nothing."""
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)


def listen(host: str, port: int) -> socket.socket:
    """A listening, non-blocking TCP socket; port 0 lets the system choose.

    Raises:
        UsageError: the host is no address of this machine.
        DaemonError: the port is taken, or not ours to take.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError, OverflowError) as error:
        raise UsageError(f"--host {host!r} is no address ({error})") from None
    server = socket.socket(family, kind, protocol)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        server.listen(sockets.BACKLOG)
        server.setblocking(False)
    except OSError as error:
        server.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise UsageError(f"--host {host!r} is no address of this machine") from error
        hint = "another server listens there (perhaps `trackio show`): stop it, or choose --port 0"
        raise DaemonError(f"cannot listen on {host} port {port} ({error.strerror})", hint=hint) from error
    return server


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
