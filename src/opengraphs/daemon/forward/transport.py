"""One Trackio server over HTTP: ask it, and say what its answer means. Used in a lane's thread.

Nothing is followed to another place: a redirect is an answer that is reported. Neither
the token nor what is sent is ever part of a message.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from opengraphs.protocol.version import VERSION

API_VERSION = 1
MAX_REPLY_BYTES = 1 << 20
MAX_REASON = 200
_REFUSALS = frozenset((400, 409, 413, 415, 422))
"""These are about what was sent; everything else is about the server, and sent again later."""


class UnavailableError(Exception):
    """The server cannot take anything now. retry_after_s: what it asked for, None if nothing."""

    def __init__(self, reason: str, *, retry_after_s: float | None = None, status: int | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.status = status


class RefusedError(Exception):
    """The server has read the rows and will not have them, or not so many at once."""


class Transport:
    """A connection to one server, opened when it is needed and kept.

    Args:
        target: `http(s)://host[:port][/path]`, as `sdk.forwarding.parse` gives it.
    """

    def __init__(self, target: str, *, timeout_s: float) -> None:
        parts = urlsplit(target)
        self._base = parts.path
        self._is_tls = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None
        self._is_known = False

    def post(self, name: str, kwargs: Mapping[str, Any], *, token: str | None) -> None:
        """`POST /api/<name>`; returns when the server has stored what was sent.

        Raises:
            RefusedError: it will not have these rows. UnavailableError: anything else.
        """
        if not self._is_known:
            self._greet(token)
        body = json.dumps({"args": [], "kwargs": dict(kwargs)}, ensure_ascii=True).encode()
        status, reply, headers = self._ask("POST", f"/api/{name}", body, token)
        trouble = _trouble(reply)
        if status == 200 and isinstance(reply, dict) and trouble is None:
            return
        if status in _REFUSALS or (status == 200 and trouble is not None):
            raise RefusedError(trouble or f"status {status}")
        raise _unavailable(status, trouble, headers)

    def close(self) -> None:
        """Hang up; the next question opens a new connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _greet(self, token: str | None) -> None:
        """Make sure that this is a Trackio server before anything is sent to it."""
        status, reply, headers = self._ask("GET", "/version", None, token)
        if status != 200:
            raise _unavailable(status, _trouble(reply), headers)
        if not isinstance(reply, dict) or reply.get("api_version") != API_VERSION:
            raise UnavailableError(f"it is no Trackio server with api_version {API_VERSION} (GET /version)")
        self._is_known = True

    def _ask(
        self, method: str, path: str, body: bytes | None, token: str | None
    ) -> tuple[int, Any, Mapping[str, str]]:
        headers = {"Accept": "application/json", "User-Agent": f"opengraphs/{VERSION}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if token:
            headers["X-Trackio-Write-Token"] = token
        try:
            connection = self._connection = self._connection or self._connect()
            connection.request(method, self._base + path, body, headers)
            reply = connection.getresponse()
            data = reply.read(MAX_REPLY_BYTES + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            self._is_known = False  # somebody else may answer there next time
            raise UnavailableError(_named(error)) from error
        if reply.will_close or len(data) > MAX_REPLY_BYTES:
            self.close()
        return reply.status, _parsed(data), {name.lower(): value for name, value in reply.headers.items()}

    def _connect(self) -> http.client.HTTPConnection:
        if self._is_tls:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout_s, context=context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _trouble(reply: Any) -> str | None:
    """The error that a reply names, fit to be shown."""
    error = reply.get("error") if isinstance(reply, dict) else None
    return None if error is None else _shown(str(error))


def _unavailable(status: int, trouble: str | None, headers: Mapping[str, str]) -> UnavailableError:
    said = f": {trouble}" if trouble else ""
    if 300 <= status < 400:
        said = f", it points to {_shown(headers.get('location', 'nowhere'))}; give that address instead"
    elif status == 200:
        said = ", but no JSON object"
    return UnavailableError(f"status {status}{said}", retry_after_s=_retry_after(headers), status=status)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return min(3600.0, max(0.0, float(headers.get("retry-after", ""))))
    except ValueError:
        return None


def _named(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return _shown(str(text))


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:MAX_REASON]).strip()
