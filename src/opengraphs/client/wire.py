"""Request targets and reply bodies, the same for all three transports. Imports nothing heavy."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from opengraphs.errors import DaemonError, UnreachableError, from_wire

BIG_REPLY_BYTES = 128 << 10
"""Where a quicker decoder is worth its import, some 10 ms: a wall of charts is a megabyte."""
_CURVES = b'{"schema":1,"series":['
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def quote(text: str) -> str:
    """Percent-encode everything but unreserved characters; bytes that are no UTF-8 survive."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in os.fsencode(text))


def run_path(ref: str, *rest: str) -> str:
    """`/runs/<ref>/<rest>`, the reference quoted so that names with slashes work."""
    return "/".join(("/runs", quote(ref), *rest))


def trash_path(ref: str, *rest: str) -> str:
    """`/trash/<ref>/<rest>`."""
    return "/".join(("/trash", quote(ref), *rest))


def source_path(ref: str) -> str:
    """`/sources/<ref>`; the reference may be a path."""
    return f"/sources/{quote(ref)}"


def event_id() -> str:
    """A name for an event that nobody else gives."""
    return os.urandom(12).hex()


def with_query(path: str, query: dict[str, Any]) -> str:
    """`path?key=value…`; None is left out, booleans are 1 and 0, a list repeats its key."""
    pairs = [
        f"{quote(key)}={quote(_text(item))}"
        for key, value in query.items()
        if value is not None
        for item in (value if isinstance(value, (list, tuple)) else (value,))
    ]
    return f"{path}{'&' if '?' in path else '?'}{'&'.join(pairs)}" if pairs else path


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def read_reply(status: int, body: bytes) -> dict[str, Any]:
    """The reply's object.

    Raises:
        OgError: the daemon's own error, typed.
        DaemonError: whatever answered, it was not ogd.
    """
    try:
        reply = _loads(body)
    except ValueError:
        raise garbled(f"status {status}, {len(body)} bytes that are no JSON") from None
    if not isinstance(reply, dict):
        raise garbled(f"status {status}, JSON that is no object")
    if status >= 400:
        raise from_wire(reply) if isinstance(reply.get("error"), dict) else garbled(f"status {status}")
    return reply


def _loads(body: bytes) -> Any:
    """The JSON value of a reply; many curves by orjson, which takes a fifth of the time.

    Only curves: it reads an integer beyond 64 bits, which a config may hold, as a float.
    """
    if len(body) >= BIG_REPLY_BYTES and body.startswith(_CURVES):
        import orjson

        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass  # half a surrogate in a metric's name: json takes it
    return json.loads(body)


def read_line(line: bytes) -> dict[str, Any]:
    """One object of an NDJSON stream; DaemonError when it is none."""
    try:
        value = json.loads(line)
    except ValueError:
        raise garbled("a line of a stream that is no JSON") from None
    if not isinstance(value, dict):
        raise garbled("a line of a stream that is no object")
    return value


def garbled(what: str) -> DaemonError:
    """The error for an answer that no ogd gives."""
    return DaemonError(
        f"an answer that is not ogd's came back ({what})",
        hint="try `og daemon restart`, then `og daemon logs`",
    )


TRIES = 3
"""A request is made so often while daemons come and go: one that leaves may still have taken the second."""


def unreachable(socket_path: Path, why: str) -> UnreachableError:
    """The error for a socket on which nobody answers."""
    return UnreachableError(
        f"ogd cannot be reached ({why})", hint="`og daemon start` starts it", path=str(socket_path)
    )
