"""One request over a bare socket, for the first frame: socket and json, nothing else."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from opengraphs import sockets
from opengraphs.client.wire import garbled, read_reply, unreachable
from opengraphs.errors import DaemonError

_HEAD_END = b"\r\n\r\n"
_CHUNK = 1 << 16
MAX_REPLY_BYTES = 64 << 20
"""Every route is bounded far below it."""


def raw_get(socket_path: Path, path: str, *, timeout_s: float = 2.0) -> dict[str, Any]:
    """The reply to `GET path`; starts no daemon.

    Args:
        path: with its query, already quoted (`target.with_query`).
        timeout_s: for the whole exchange.

    Raises:
        UnreachableError: nobody listens there, or the connection was cut.
        OgError: the daemon's own error; DaemonError for silence or garbage.
    """
    return _exchange(socket_path, b"GET", path, b"", timeout_s)


def raw_post(socket_path: Path, path: str, body: dict[str, Any], *, timeout_s: float = 2.0) -> dict[str, Any]:
    """The reply to `POST path` with `body` as JSON; raises as `raw_get` does."""
    return _exchange(socket_path, b"POST", path, json.dumps(body).encode(), timeout_s)


def _exchange(socket_path: Path, method: bytes, path: str, body: bytes, timeout_s: float) -> dict[str, Any]:
    deadline = time.monotonic() + timeout_s
    try:
        with sockets.connect(socket_path, timeout_s=timeout_s) as link:
            link.sendall(
                b"%s %s HTTP/1.1\r\nhost: ogd\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"
                % (method, path.encode("ascii"), len(body), body)
            )
            data = _read_all(link, deadline)
    except TimeoutError:
        raise DaemonError(
            f"ogd did not answer within {timeout_s:g} s", hint="see `og daemon status`", path=str(socket_path)
        ) from None
    except OSError as error:
        raise unreachable(socket_path, error.strerror or str(error)) from error
    return read_reply(*_split(data, socket_path))


def _read_all(link: socket.socket, deadline: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        link.settimeout(left_s)
        piece = link.recv(_CHUNK)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > MAX_REPLY_BYTES:
            raise garbled("a reply without end")


def _split(data: bytes, socket_path: Path) -> tuple[int, bytes]:
    """Status and body of a whole reply."""
    if not data:
        raise unreachable(socket_path, "closed without an answer")
    head, end, body = data.partition(_HEAD_END)
    lines = head.split(b"\r\n")
    version, _, rest = lines[0].partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise garbled("no HTTP")
    length = _content_length(lines[1:])
    if not end or length is None or length > len(body):
        raise unreachable(socket_path, "the answer was cut")
    return int(rest[:3]), body[:length]


def _content_length(lines: list[bytes]) -> int | None:
    for line in lines:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return None
