"""From bytes to a handler and back: routing, errors, replies, streams.

The border of the daemon: whatever a handler raises becomes a reply in the common error
shape here, and one bad request never ends the daemon.
"""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Union
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from opengraphs.daemon.encode import encode
from opengraphs.daemon.idle import leaving
from opengraphs.daemon.params import Params, read_body
from opengraphs.errors import OgError, UsageError

if TYPE_CHECKING:
    from opengraphs.daemon.core import Core
    from opengraphs.daemon.openstore import OpenStore

MAX_BODY_BYTES = 1 << 20
log = logging.getLogger("ogd.app")


class Call(NamedTuple):
    """One request as a handler sees it. `ref` is the run named in the path, or empty."""

    core: Core
    params: Params
    body: Mapping[str, Any]
    ref: str
    accept: str
    last_event_id: str

    async def store(self) -> OpenStore:
        """The open store that the request names."""
        return await self.core.store(self.params.text("store"))


Answer = Union[Mapping[str, Any], bytes, "Lines"]
Handler = Callable[[Call], Awaitable[Answer]]


class Endpoint(NamedTuple):
    """One line of the route table. `query` and `body` are the names it takes."""

    method: str
    path: str
    handler: Handler
    query: Sequence[str] = ()
    body: Sequence[str] = ()


class Lines:
    """An answer that comes piece by piece, until its source ends or the client hangs up."""

    def __init__(
        self, source: AsyncGenerator[bytes, None], *, media_type: str = "application/x-ndjson"
    ) -> None:
        self._source = source
        self._media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", self._media_type.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        pump = asyncio.ensure_future(self._pump(send))
        gone = asyncio.ensure_future(_hung_up(receive))
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, gone):
                task.cancel()
            outcome, _ = await asyncio.gather(pump, gone, return_exceptions=True)
        if isinstance(outcome, Exception):
            log.error("a stream was cut short: %s", outcome, exc_info=_defect(outcome))

    async def _pump(self, send: Send) -> None:
        """Send until the source ends; an error of the source cuts the reply visibly short."""
        try:
            async for piece in self._source:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await self._source.aclose()


def _defect(error: Exception) -> Exception | None:
    return None if isinstance(error, OgError) else error


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def make_app(core: Core, endpoints: Sequence[Endpoint]) -> ASGIApp:
    """The ASGI application over a route table."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    routes = [Route(path, _PathApp(core, methods)) for path, methods in by_path.items()]
    router = Router(routes, redirect_slashes=False, default=_Unknown(endpoints))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # Routed as it was sent: a run's name may hold a quoted slash.
        scope["path"] = scope["raw_path"].decode("ascii", "replace")
        await router(scope, receive, send)

    return app


class _PathApp:
    """All methods of one path."""

    def __init__(self, core: Core, methods: Mapping[str, Endpoint]) -> None:
        self._core = core
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._answer(Request(scope, receive))
        await reply(scope, receive, send)

    async def _answer(self, request: Request) -> ASGIApp:
        try:
            endpoint = self._methods.get(request.method)
            if endpoint is None:
                raise _wrong_method(request, self._methods)
            answer = await endpoint.handler(await _read_call(self._core, endpoint, request))
        except OgError as error:
            return _error(error)
        except asyncio.CancelledError:  # the server's grace is over; the connection is still there
            return _error(leaving())
        except Exception as error:
            log.exception("%s %s", request.method, request.url.path)
            return _error(
                OgError(f"{type(error).__name__}: {error}", hint="this is a defect; see `og daemon logs`")
            )
        if isinstance(answer, Lines):
            return answer
        return _json(answer if isinstance(answer, bytes) else encode(answer), 200)


class _Unknown:
    """The answer to a path that is no route."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._known = [f"{endpoint.method} {endpoint.path}" for endpoint in endpoints]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = f"{scope['method']} {scope['path']}"
        near = difflib.get_close_matches(asked, self._known, n=3, cutoff=0.4)
        hint = f"nearest: {', '.join(near or self._known)}"
        await _error(UsageError(f"no such route: {asked}", hint=hint), status=404)(scope, receive, send)


async def _read_call(core: Core, endpoint: Endpoint, request: Request) -> Call:
    params = Params(request.scope["query_string"], endpoint.query)
    body = read_body(await _read_limited(request), endpoint.body)
    headers = request.headers
    return Call(
        core,
        params,
        body,
        unquote(request.path_params.get("ref", "")),
        headers.get("accept", ""),
        headers.get("last-event-id", ""),
    )


async def _read_limited(request: Request) -> bytes:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_BODY_BYTES:
            raise UsageError(f"the body is longer than {MAX_BODY_BYTES} bytes")
    return bytes(data)


def _wrong_method(request: Request, methods: Mapping[str, Endpoint]) -> UsageError:
    error = UsageError(
        f"{request.method} is not for {request.scope['path']}", hint=f"it takes {', '.join(methods)}"
    )
    error.http_status = 405
    return error


def _error(error: OgError, *, status: int | None = None) -> ASGIApp:
    return _json(encode(error.to_wire()), status or error.http_status)


def _json(body: bytes, status: int) -> Response:
    return Response(body, status, media_type="application/json")
