"""What answers on the TCP port: Trackio's routes, for whoever may ask them.

A second border of the daemon, beside `daemon.app`: whatever goes wrong below becomes
`{"error": text}`, in the form that Trackio's clients read. What a client should try again is
a 503; a batch that makes no sense is taken all the same (`desk`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from opengraphs.daemon.encode import plain
from opengraphs.daemon.ingest import calls, guard, keeping
from opengraphs.daemon.ingest.desk import Sender
from opengraphs.errors import DaemonError, DiskFullError, OgError, UsageError
from opengraphs.protocol.version import VERSION

if TYPE_CHECKING:
    from opengraphs.daemon.ingest.service import Open

MAX_BODY_BYTES = 256 << 20
MAX_QUESTION_BYTES = 1 << 20
MAX_HELD_BYTES = 512 << 20
"""Of all bodies at once; beyond it a client is told to come again."""
TRACKIO_API = 1
ROWS = frozenset(("bulk_log", "bulk_log_system", "bulk_alert", "log"))
FILES = frozenset(
    (
        *("bulk_upload_media", "bulk_upload_artifact_blob", "check_artifact_blobs", "artifact_log"),
        "log_artifact_use",
    )
)
STORED = frozenset(("get_artifact_manifest", "get_artifacts", "list_artifacts"))
_CALL = re.compile(r"/(?:gradio_)?api/(?:call/)?([a-z_]{1,64})/?")
_BLOB = re.compile(r"/artifact_blob/([^/]+)/([0-9a-f]{64})")
_PROJECT_RUNS = re.compile(r"/api/runs/([^/]+)")
_HIDE = {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; sandbox"}
"""Bytes of a client are never a page of ours."""
log = logging.getLogger("ogd.ingest")


class _Refused(Exception):  # noqa: N818 - an answer, not a failure
    """An answer other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Asked(NamedTuple):
    request: Request
    path: str
    leave: guard.Leave


def make_app(opened: Open) -> ASGIApp:
    """The ASGI application over an open ingest."""
    answers = _Answers(opened)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reply = await answers.answer(Request(scope, receive))
        await reply(scope, receive, send)

    return app


class _Answers:
    def __init__(self, opened: Open) -> None:
        self._open = opened
        self._held_bytes = 0

    async def answer(self, request: Request) -> Response:
        """The reply to one request; raises nothing."""
        try:
            return await self._answer(request)
        except _Refused as refused:
            return _error(refused.status, str(refused))
        except ClientDisconnect:
            return _error(400, "the client went away")
        except (DaemonError, DiskFullError) as error:
            return _error(503, str(error))
        except OgError as error:
            return _error(error.http_status, str(error))
        except OSError as error:
            log.warning("%s: %s", request.url.path, error)
            return _error(503, f"the store cannot be written ({error.strerror or error})")
        except Exception as error:  # the border of a request handler
            log.exception("%s %s", request.method, request.url.path)
            return _error(500, f"{type(error).__name__}: {error}")

    async def _answer(self, request: Request) -> Response:
        foreign = guard.foreign(request.headers, self._open.settings)
        if foreign:
            raise _Refused(403, foreign)
        path = re.sub(r"/{2,}", "/", request.scope["path"])
        leave = guard.leave(request.headers, request.scope["query_string"], self._open.settings)
        asked = _Asked(request, path, leave)
        if request.method in ("GET", "HEAD"):
            return await self._get(asked)
        if request.method != "POST":
            raise _Refused(405, f"{request.method} is not for this server")
        return await self._post(asked)

    # -- GET -------------------------------------------------------------------------------------

    async def _get(self, asked: _Asked) -> Response:
        if asked.path == "/version":
            return _json(_version())
        if asked.path in ("/api/healthz", "/healthz"):
            return _json({"status": "ok", "ok": True})
        self._check_reader(asked.leave)
        reading = self._open.reading
        if asked.path == "/api/projects":
            return _json({"projects": await (await reading()).get_all_projects({})})
        if (found := _PROJECT_RUNS.fullmatch(asked.path)) is not None:
            question = {"project": found[1]}
            return _json({"runs": await (await reading()).get_runs_for_project(question)})
        if (found := _BLOB.fullmatch(asked.path)) is not None:
            return self._blob(found[1], found[2], asked.leave)
        if asked.path == "/":
            return _json({"server": "OpenGraphs", "speaks": "Trackio", "see": "og ingest --help"})
        raise _Refused(404, f"no such page: {asked.path[:200]}")

    def _blob(self, project: str, digest: str, leave: guard.Leave) -> Response:
        store = Path(self._open.settings.store)
        path = keeping.blob_path(keeping.artifacts_folder(store, project, run=leave.folder), digest)
        if not path.is_file():
            raise _Refused(404, "no such blob")
        return FileResponse(path, headers=_HIDE, media_type="application/octet-stream")

    def _check_reader(self, leave: guard.Leave) -> None:
        """On this machine's own address anybody on it may read, as with Trackio; elsewhere a token says who."""
        if self._open.settings.anywhere and not leave.write:
            raise _Refused(401, f"show the token of og ingest: header {guard.HEADER} or ?{guard.QUERY}=")

    # -- POST ------------------------------------------------------------------------------------

    async def _post(self, asked: _Asked) -> Response:
        if asked.path.rstrip("/") in ("/api/upload", "/gradio_api/upload"):
            self._check_writer(asked.leave)
            kind = asked.request.headers.get("content-type", "")
            return _json({"paths": await self._open.uploads.receive(kind, asked.request.stream())})
        found = _CALL.fullmatch(asked.path)
        if found is None:
            raise _Refused(404, f"no such route: {asked.path[:200]}")
        api = found[1]
        if api in ROWS or api in FILES:
            self._check_writer(asked.leave)
            data = await self._write(api, asked)
        else:
            self._check_reader(asked.leave)
            data = await self._read(api, asked)
        if asked.path.startswith("/gradio_api/call/"):
            return _json({"event_id": "stored"})
        return _json({"data": data})

    def _check_writer(self, leave: guard.Leave) -> None:
        if not leave.write:
            raise _Refused(
                401, f"a wrong or missing write token: set TRACKIO_WRITE_TOKEN, or header {guard.HEADER}"
            )

    async def _write(self, api: str, asked: _Asked) -> Any:
        request = asked.request
        client = request.client
        sender = Sender(
            client.host if client is not None else "",
            request.headers.get("user-agent", ""),
            asked.path,
            asked.leave.folder,
        )
        body = await self._body(request, MAX_BODY_BYTES)
        held = len(body)
        self._held_bytes += held
        try:
            if api in ROWS:
                return await self._open.take(api, body, sender)
            return await self._open.keep(api, _arguments(api, body), sender)
        finally:
            self._held_bytes -= held

    async def _read(self, api: str, asked: _Asked) -> Any:
        if api not in calls.PARAMETERS:
            raise _Refused(404, f"Unknown API: {api}")
        body = await self._body(asked.request, MAX_QUESTION_BYTES)
        try:
            found = calls.arguments(api, body)
        except calls.BadBodyError:
            found = {}
        if api in STORED:
            return await self._open.keep(api, found, Sender(folder=asked.leave.folder))
        question = {name: calls.plain(value) for name, value in found.items()}
        answer = _FIXED.get(api)
        if answer is not None:
            return answer(asked.leave)
        reading: Callable[[dict[str, Any]], Awaitable[Any]] = getattr(await self._open.reading(), api)
        return await reading(question)

    async def _body(self, request: Request, most: int) -> bytearray:
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise _Refused(415, "bodies are taken uncompressed only")
        told = request.headers.get("content-length", "")
        if told.isdigit() and int(told) > most:
            raise _Refused(413, f"a body is at most {most >> 20} MiB here")
        if self._held_bytes + (int(told) if told.isdigit() else 0) > MAX_HELD_BYTES:
            raise _Refused(503, "too many big requests at once; try again")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > most:
                raise _Refused(413, f"a body is at most {most >> 20} MiB here")
        return body


def _arguments(api: str, body: bytearray) -> dict[str, Any]:
    try:
        return calls.arguments(api, body)
    except calls.BadBodyError as error:
        raise UsageError(str(error)) from None


def _settings(leave: guard.Leave) -> dict[str, Any]:
    return {"logo_urls": {}, "color_palette": [], "write_access": leave.write}


def _may_change(leave: guard.Leave) -> dict[str, Any]:
    """Runs are renamed and removed with og, not from here."""
    return {"spaces": False, "allowed": False, "auth": "none"}


_FIXED: dict[str, Callable[[guard.Leave], Any]] = {
    "get_settings": _settings,
    "get_run_mutation_status": _may_change,
}


def _version() -> dict[str, Any]:
    return {
        "version": VERSION,
        "api_version": TRACKIO_API,
        "writes_paused": False,
        "api_transport": "http",
        "mcp_enabled": False,
        "mcp_path": None,
        "server": "opengraphs",
    }


def _json(value: Any, status: int = 200) -> Response:
    """Numbers that are not finite become null, as in Trackio."""
    try:
        body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        body = orjson.dumps(plain(value), default=str)
    headers = {} if status < 400 else {"connection": "close"}
    return Response(body, status, media_type="application/json", headers=headers)


def _error(status: int, message: str) -> Response:
    return _json({"error": message.encode("utf-8", "replace").decode()}, status)
