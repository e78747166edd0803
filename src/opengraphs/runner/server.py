"""The runner's end of the control socket: JSON lines, one request, one reply.

    {"op":"status"}                          what runs, and how it ended
    {"op":"signal","number":15,"stop":false} a signal to the training's process group
    {"op":"stop","grace_s":10}               TERM now, KILL after the grace
    {"op":"wait"}                            answered when the training has ended
    {"op":"resize","columns":120,"rows":40}  the pty's size
    {"op":"keep","seconds":600}              stay for orders after the training's end
    {"op":"launch","command":["python","x.py"],"env":{},"parent":{}}   the run that goes on from this one
    {"op":"next"}                            answered when a restart after a crash was made, or will not be
    {"op":"release"}                         leave, and make no restart

Every reply has `"ok"`; a false one says why in `"error"`.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

from .address import make_private, socket_name
from .loop import Loop

_MAX_REQUEST_BYTES = 256 << 10
_MAX_CLIENTS = 64

Handler = Callable[[dict[str, Any]], "dict[str, Any] | Later | None"]
"""Takes a request and returns the reply, or a later one; None means that `ControlServer.release` will send it."""


class Later:
    """A reply that comes when what was asked for is done."""

    def __init__(self) -> None:
        self._message: dict[str, Any] | None = None
        self._send: Callable[[dict[str, Any]], None] | None = None

    def tell(self, message: dict[str, Any]) -> None:
        """This is the reply."""
        self._message = message
        if self._send is not None:
            self._send(message)

    def then(self, send: Callable[[dict[str, Any]], None]) -> None:
        """Who shall have it, at once where it is there already."""
        self._send = send
        if self._message is not None:
            send(self._message)


def failure(reason: str) -> dict[str, Any]:
    """The reply to a request that cannot be served."""
    return {"ok": False, "error": reason}


def listen(path: str) -> socket.socket:
    """A listening Unix socket at `path`, mode 0600 in a 0700 folder.

    It gets its name only once it listens, so that nobody who finds it is refused. A stale
    one is replaced: only the holder of the run's lock comes here.

    Raises:
        OSError: the folder is not ours, or the socket cannot be made.
    """
    make_private(os.path.dirname(path))
    fresh = f"{path}.{os.getpid()}"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket_name(fresh) as name:
            server.bind(name)
        os.chmod(fresh, 0o600)
        server.listen(16)
        server.setblocking(False)
        os.rename(fresh, path)
    except OSError:
        server.close()
        raise
    return server


def same_user(connection: socket.socket) -> bool:
    """Whether the caller is this user or root, where the kernel tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return struct.unpack("3i", peer)[1] in (os.getuid(), 0)


class ControlServer:
    """Serves one run's control socket from the runner's loop."""

    def __init__(self, loop: Loop, path: str, handler: Handler, server: socket.socket) -> None:
        """Serve `server`, which listens at `path`."""
        self._loop = loop
        self._path = path
        self._handler = handler
        self._clients: dict[socket.socket, bytearray] = {}
        self._waiting: set[socket.socket] = set()
        self._use(server)

    def _use(self, server: socket.socket) -> None:
        self._server = server
        self._inode = _inode(self._path)
        self._loop.watch(server.fileno(), self._accept)

    def ensure(self) -> None:
        """Open the socket again if its name is gone: a logout empties `$XDG_RUNTIME_DIR`.

        Raises:
            OSError: it cannot be made now.
        """
        if self._inode and _inode(self._path) == self._inode:
            return
        fresh = listen(self._path)
        self._loop.unwatch(self._server.fileno())
        self._server.close()
        self._use(fresh)

    def _accept(self) -> None:
        try:
            connection, _ = self._server.accept()
        except OSError:
            return
        if len(self._clients) >= _MAX_CLIENTS or not same_user(connection):
            connection.close()
            return
        connection.setblocking(False)
        self._clients[connection] = bytearray()
        self._loop.watch(connection.fileno(), lambda: self._readable(connection))

    def _readable(self, connection: socket.socket) -> None:
        pending = self._clients[connection]
        try:
            part = connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        pending += part
        while connection in self._clients and (end := pending.find(b"\n")) >= 0:
            line = bytes(pending[:end])
            del pending[: end + 1]
            self._serve(connection, line)
        if not part or len(pending) > _MAX_REQUEST_BYTES:
            self._drop(connection)

    def _serve(self, connection: socket.socket, line: bytes) -> None:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        reply = self._handler(request) if isinstance(request, dict) else failure("not a JSON object")
        if reply is None:
            self._waiting.add(connection)
        elif isinstance(reply, Later):
            reply.then(lambda message: self._send(connection, message))
        else:
            self._send(connection, reply)

    def _send(self, connection: socket.socket, message: dict[str, Any]) -> None:
        try:
            connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:  # gone, or it never reads
            self._drop(connection)

    def release(self, message: dict[str, Any]) -> None:
        """Send the reply that clients were waiting for."""
        waiting, self._waiting = self._waiting, set()
        for connection in waiting:
            self._send(connection, message)

    def _drop(self, connection: socket.socket) -> None:
        self._waiting.discard(connection)
        if self._clients.pop(connection, None) is not None:
            self._loop.unwatch(connection.fileno())
            connection.close()

    def close(self) -> None:
        """Remove the socket and end every connection."""
        for connection in list(self._clients):
            self._drop(connection)
        self._loop.unwatch(self._server.fileno())
        self._server.close()
        if self._inode and _inode(self._path) == self._inode:
            os.unlink(self._path)


def _inode(path: str) -> int:
    """0 when there is nothing."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0
