"""The command line's client: http.client over the Unix socket, one keep-alive connection."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from opengraphs import paths, sockets
from opengraphs.client.autostart import ensure_daemon
from opengraphs.client.wire import (
    TRIES,
    event_id,
    garbled,
    read_line,
    read_reply,
    run_path,
    trash_path,
    unreachable,
    with_query,
)
from opengraphs.errors import DaemonError, UnreachableError
from opengraphs.protocol.compare import (
    CompareReply,
    CompareRequest,
    DiffReply,
    DiffRequest,
    GroupReply,
    GroupRequest,
)
from opengraphs.protocol.control import StopReply
from opengraphs.protocol.resuming import ResumeReply, ResumeRequest
from opengraphs.protocol.runs import (
    EventReply,
    EventRequest,
    FieldsReply,
    KeysReply,
    LineageReply,
    LogReply,
    PatchReply,
    PatchRequest,
    RemovedReply,
    RunReply,
    RunsReply,
    TrashReply,
    VersionReply,
)
from opengraphs.protocol.series import PointsReply, SeriesReply, SeriesRequest, SystemReply

_STREAM_BYTES = 1 << 16


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket whose folder is checked at every connect."""

    def __init__(self, path: Path, *, timeout_s: float | None) -> None:
        super().__init__("ogd", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = sockets.connect(self._path, timeout_s=self.timeout)


class Client:
    """Asks one daemon about one store. Not for use from two threads at once.

    A daemon that went away is started again and asked once more, without a word: no
    route does harm when it is asked twice. All methods raise OgError and nothing else.
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
        self._autostart = autostart
        self._timeout_s = timeout_s
        self._link: UnixConnection | None = None

    def open(self) -> VersionReply:
        """Make sure the daemon runs and speaks our protocol; raises as `ensure_daemon`."""
        return ensure_daemon(
            socket_path=self.socket_path, autostart=self._autostart, timeout_s=self._timeout_s
        )

    def close(self) -> None:
        """Drop the connection; the next request makes a new one."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # any route

    def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        """The reply to `GET path`; `store` is added to the query, None values are left out."""
        return self._ask("GET", self._target(path, query), None)

    def post(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
        """The reply to `POST path` with `body` as JSON."""
        return self._ask("POST", self._target(path, query), json.dumps(body or {}).encode())

    def patch(self, path: str, body: dict[str, Any], **query: Any) -> dict[str, Any]:
        """The reply to `PATCH path` with `body` as JSON."""
        return self._ask("PATCH", self._target(path, query), json.dumps(body).encode())

    def put(self, path: str, body: dict[str, Any], **query: Any) -> dict[str, Any]:
        """The reply to `PUT path` with `body` as JSON."""
        return self._ask("PUT", self._target(path, query), json.dumps(body).encode())

    def delete(self, path: str, **query: Any) -> dict[str, Any]:
        """The reply to `DELETE path`."""
        return self._ask("DELETE", self._target(path, query), None)

    def stream(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The objects of an NDJSON route as they come, until the daemon ends the stream.

        Raises:
            UnreachableError: the daemon went away in mid-stream; nothing is asked again.
        """
        link = UnixConnection(self.socket_path, timeout_s=self._timeout_s)
        with closing(link), closing(self._open_stream(link, self._target(path, query))) as reply:
            yield from _lines(reply, self.socket_path)

    # the routes by name

    def runs(self, **query: Any) -> RunsReply:
        """`GET /runs`: filter, project, status, sort, limit, cursor."""
        return cast("RunsReply", self.get("/runs", **query))

    def run(self, ref: str) -> RunReply:
        """`GET /runs/{ref}`."""
        return cast("RunReply", self.get(run_path(ref)))

    def keys(self, run: str | None = None, q: str | None = None) -> KeysReply:
        """`GET /metrics/keys`."""
        return cast("KeysReply", self.get("/metrics/keys", run=run, q=q))

    def series(self, request: SeriesRequest) -> SeriesReply:
        """`POST /series`."""
        return cast("SeriesReply", self.post("/series", cast("dict[str, Any]", request)))

    def compare(self, request: CompareRequest) -> CompareReply:
        """`POST /compare`."""
        return cast("CompareReply", self.post("/compare", cast("dict[str, Any]", request)))

    def group(self, request: GroupRequest) -> GroupReply:
        """`POST /group`."""
        return cast("GroupReply", self.post("/group", cast("dict[str, Any]", request)))

    def diff(self, request: DiffRequest) -> DiffReply:
        """`POST /diff`."""
        return cast("DiffReply", self.post("/diff", cast("dict[str, Any]", request)))

    def points(self, ref: str, metric: str, **query: Any) -> Iterator[PointsReply]:
        """`GET /runs/{ref}/points`, page after page to the end."""
        after: str | None = query.pop("after", None)
        while True:
            page = cast("PointsReply", self.get(run_path(ref, "points"), metric=metric, after=after, **query))
            yield page
            after = page.get("next")
            if after is None:
                return

    def log(self, ref: str, **query: Any) -> LogReply:
        """`GET /runs/{ref}/log`: `from` (as `**{"from": n}`), lines, grep, direction, raw."""
        return cast("LogReply", self.get(run_path(ref, "log"), **query))

    def system(self, ref: str, **query: Any) -> SystemReply:
        """`GET /runs/{ref}/system`: columns, keys."""
        return cast("SystemReply", self.get(run_path(ref, "system"), **query))

    def stop(self, ref: str, *, grace_s: float = 10.0) -> StopReply:
        """`POST /runs/{ref}/stop`: TERM now, KILL after `grace_s`."""
        return cast("StopReply", self.post(run_path(ref, "stop"), {"grace_s": grace_s}))

    def resume(self, ref: str, request: ResumeRequest) -> ResumeReply:
        """`POST /runs/{ref}/resume`."""
        return cast("ResumeReply", self.post(run_path(ref, "resume"), dict(request)))

    def fields(self, q: str = "", *, limit: int = 100) -> FieldsReply:
        """`GET /runs/fields`: what filters and sort keys may name."""
        return cast("FieldsReply", self.get("/runs/fields", q=q or None, limit=limit))

    def lineage(self, ref: str) -> LineageReply:
        """`GET /runs/{ref}/lineage`."""
        return cast("LineageReply", self.get(run_path(ref, "lineage")))

    def edit(self, ref: str, request: PatchRequest) -> PatchReply:
        """`PATCH /runs/{ref}`: name, tags, notes, archived."""
        return cast("PatchReply", self.patch(run_path(ref), cast("dict[str, Any]", request)))

    def add_event(self, ref: str, request: EventRequest) -> EventReply:
        """`POST /runs/{ref}/events`; written once, also when it has to be asked twice."""
        body = {"event_id": event_id(), **request}
        return cast("EventReply", self.post(run_path(ref, "events"), body))

    def remove(self, ref: str, *, force: bool = False) -> RemovedReply:
        """`DELETE /runs/{ref}`: into the trash."""
        return cast("RemovedReply", self.delete(run_path(ref), force=force or None))

    def trash(self, *, limit: int = 200) -> TrashReply:
        """`GET /trash`."""
        return cast("TrashReply", self.get("/trash", limit=limit))

    def restore(self, ref: str) -> RemovedReply:
        """`POST /trash/{ref}/restore`."""
        return cast("RemovedReply", self.post(trash_path(ref, "restore")))

    def purge(self, ref: str) -> RemovedReply:
        """`DELETE /trash/{ref}`: for good."""
        return cast("RemovedReply", self.delete(trash_path(ref)))

    # below the routes

    def _target(self, path: str, query: dict[str, Any]) -> str:
        return with_query(path, {"store": str(self.store), **query})

    def _ask(self, method: str, target: str, body: bytes | None) -> dict[str, Any]:
        for _ in range(TRIES - 1):
            try:
                return self._exchange(method, target, body)
            except UnreachableError:
                self.open()
        return self._exchange(method, target, body)

    def _exchange(self, method: str, target: str, body: bytes | None) -> dict[str, Any]:
        if self._link is None:
            self._link = UnixConnection(self.socket_path, timeout_s=self._timeout_s)
        try:
            reply = _send(self._link, method, target, body, self.socket_path)
            with closing(reply):
                data = _read(reply, self.socket_path)
        except BaseException:
            self.close()
            raise
        return read_reply(reply.status, data)

    def _open_stream(self, link: UnixConnection, target: str) -> http.client.HTTPResponse:
        try:
            reply = _send(link, "GET", target, None, self.socket_path)
        except UnreachableError:
            link.close()
            self.open()
            reply = _send(link, "GET", target, None, self.socket_path)
        if reply.status != 200:
            with closing(reply):
                read_reply(reply.status, _read(reply, self.socket_path))
            raise garbled(f"status {reply.status}")
        if link.sock is not None:
            link.sock.settimeout(None)  # an idle stream is silent for as long as nothing happens
        return reply


def _send(
    link: UnixConnection, method: str, target: str, body: bytes | None, path: Path
) -> http.client.HTTPResponse:
    """The head of the reply; a fresh link is made where the old one was closed."""
    try:
        link.request(method, target, body, {"content-type": "application/json"} if body else {})
        return link.getresponse()
    except (TimeoutError, http.client.HTTPException, OSError) as error:
        raise _typed(error, path) from error


def _read(reply: http.client.HTTPResponse, path: Path) -> bytes:
    if reply.length is None and not reply.chunked:
        raise unreachable(path, "the answer was cut")  # http.client takes a cut head for a whole one
    try:
        return reply.read()
    except (TimeoutError, http.client.HTTPException, OSError, ValueError) as error:
        raise _typed(error, path) from error


def _lines(reply: http.client.HTTPResponse, path: Path) -> Iterator[dict[str, Any]]:
    """Objects of an NDJSON reply. By `read1`: `readline` takes a cut stream for its end."""
    rest = b""
    while True:
        try:
            data = reply.read1(_STREAM_BYTES)
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise _typed(error, path) from error
        if not data:
            break
        *lines, rest = (rest + data).split(b"\n")
        yield from map(read_line, lines)
    if rest:
        raise unreachable(path, "the stream was cut")


def _typed(error: Exception, path: Path) -> DaemonError:
    if isinstance(error, TimeoutError):
        return DaemonError("ogd did not answer in time", hint="see `og daemon status`", path=str(path))
    if isinstance(error, (OSError, http.client.IncompleteRead)):
        return unreachable(path, getattr(error, "strerror", None) or "the connection was cut")
    return garbled(type(error).__name__)
