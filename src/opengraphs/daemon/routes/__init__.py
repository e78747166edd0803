"""The daemon's routes: one table, and a module a theme.

docs/reference/api.md documents each with an example; a test executes them and fails for
a route that is not there.
"""

from __future__ import annotations

from opengraphs.daemon.app import Endpoint
from opengraphs.daemon.routes import (
    alerting,
    alerts,
    auto,
    chat,
    checkpoints,
    compare,
    edits,
    events,
    files,
    ingest,
    logs,
    meta,
    resuming,
    runs,
    series,
    sources,
    views,
)
from opengraphs.protocol.alerting import CheckRequest, ReplayRequest, SilenceRequest
from opengraphs.protocol.alerts import AckRequest
from opengraphs.protocol.chat import ForkRequest, InterruptRequest, ItemsRequest, SendRequest
from opengraphs.protocol.compare import CompareRequest, DiffRequest, GroupRequest
from opengraphs.protocol.control import ShutdownRequest, StopRequest
from opengraphs.protocol.ingest import IngestRequest
from opengraphs.protocol.resuming import PinRequest, ResumeRequest
from opengraphs.protocol.runs import EventRequest, PatchRequest
from opengraphs.protocol.series import SeriesRequest
from opengraphs.protocol.sources import AttachRequest
from opengraphs.protocol.views import ViewsRequest

ROUTES: tuple[Endpoint, ...] = (
    Endpoint("GET", "/version", meta.version),
    Endpoint("GET", "/health", meta.health),
    Endpoint("GET", "/doctor", meta.doctor, query=("below",)),
    Endpoint("GET", "/host", meta.host, query=("processes", "sort", "filter")),
    Endpoint("POST", "/shutdown", meta.shutdown, body=tuple(ShutdownRequest.__annotations__)),
    Endpoint(
        "GET",
        "/runs",
        runs.page,
        query=("filter", "project", "status", "sort", "limit", "cursor", "values", "tree", "folded"),
    ),
    Endpoint("GET", "/runs/fields", runs.fields, query=("q", "limit")),
    Endpoint("GET", "/runs/{ref}", runs.one),
    Endpoint("PATCH", "/runs/{ref}", edits.patch, body=tuple(PatchRequest.__annotations__)),
    Endpoint("DELETE", "/runs/{ref}", edits.remove, query=("force",)),
    Endpoint("GET", "/runs/{ref}/lineage", runs.lineage),
    Endpoint("GET", "/runs/{ref}/bundle", runs.bundle, query=("contents",)),
    Endpoint("GET", "/runs/{ref}/checkpoints", checkpoints.page),
    Endpoint("POST", "/runs/{ref}/checkpoints", checkpoints.keep, body=tuple(PinRequest.__annotations__)),
    Endpoint("POST", "/runs/{ref}/stop", runs.stop, body=tuple(StopRequest.__annotations__)),
    Endpoint("POST", "/runs/{ref}/resume", resuming.resume, body=tuple(ResumeRequest.__annotations__)),
    Endpoint("GET", "/runs/{ref}/events", runs.events, query=("since", "limit")),
    Endpoint("POST", "/runs/{ref}/events", edits.add_event, body=tuple(EventRequest.__annotations__)),
    Endpoint(
        "GET",
        "/runs/{ref}/samples",
        runs.samples,
        query=("from", "limit", "filter", "sort", "name", "like", "like_run", "id", "cut"),
    ),
    Endpoint(
        "GET",
        "/alerts",
        alerts.page,
        query=("run", "status", "level", "filter", "sort", "since", "from", "limit"),
    ),
    Endpoint("POST", "/alerts/{ref}/ack", alerts.acknowledge, body=tuple(AckRequest.__annotations__)),
    Endpoint("GET", "/alerts/silence", alerting.silences),
    Endpoint("POST", "/alerts/silence", alerting.silence, body=tuple(SilenceRequest.__annotations__)),
    Endpoint("DELETE", "/alerts/silence/{ref}", alerting.unsilence),
    Endpoint("GET", "/alerts/rules", alerting.rules, query=("run",)),
    Endpoint("POST", "/alerts/check", alerting.check, body=tuple(CheckRequest.__annotations__)),
    Endpoint("POST", "/alerts/replay", alerting.replay, body=tuple(ReplayRequest.__annotations__)),
    Endpoint("POST", "/alerts/test", alerting.test),
    Endpoint("GET", "/auto/audit", auto.audit, query=("run", "from", "limit")),
    Endpoint("GET", "/trash", edits.trash, query=("limit",)),
    Endpoint("POST", "/trash/{ref}/restore", edits.restore),
    Endpoint("DELETE", "/trash/{ref}", edits.purge),
    Endpoint("GET", "/sources", sources.listed, query=("place", "limit")),
    Endpoint("POST", "/sources", sources.attach, body=tuple(AttachRequest.__annotations__)),
    Endpoint("DELETE", "/sources/{ref}", sources.detach),
    Endpoint("GET", "/imports/{ref}", sources.imported),
    Endpoint("GET", "/views", views.listed, query=("project",)),
    Endpoint("PUT", "/views", views.change, body=tuple(ViewsRequest.__annotations__)),
    Endpoint("GET", "/metrics/keys", series.keys, query=("run", "q", "limit")),
    Endpoint("POST", "/series", series.series, body=tuple(SeriesRequest.__annotations__)),
    Endpoint("GET", "/transforms", series.transforms),
    Endpoint("POST", "/compare", compare.compare, body=tuple(CompareRequest.__annotations__)),
    Endpoint("POST", "/group", compare.group, body=tuple(GroupRequest.__annotations__)),
    Endpoint("POST", "/diff", compare.diff, body=tuple(DiffRequest.__annotations__)),
    Endpoint("GET", "/runs/{ref}/points", series.points, query=("metric", "after", "limit", "ranks")),
    Endpoint("GET", "/runs/{ref}/system", series.system, query=("columns", "keys", "host", "from", "to")),
    Endpoint(
        "GET",
        "/runs/{ref}/log",
        logs.log,
        query=("from", "lines", "grep", "matches", "direction", "follow", "raw", "at_step", "at_time"),
    ),
    Endpoint("GET", "/runs/{ref}/file", files.read, query=("path", "from", "lines")),
    Endpoint("POST", "/chat/send", chat.send, body=tuple(SendRequest.__annotations__)),
    Endpoint("GET", "/chat/stream", chat.stream, query=("session_id", "since", "follow")),
    Endpoint("GET", "/chat/sessions", chat.sessions, query=("run", "limit")),
    Endpoint("POST", "/chat/interrupt", chat.interrupt, body=tuple(InterruptRequest.__annotations__)),
    Endpoint("POST", "/chat/fork", chat.fork, body=tuple(ForkRequest.__annotations__)),
    Endpoint("GET", "/agent", chat.agent),
    Endpoint("GET", "/agent/preview", chat.preview, query=("run", "text")),
    Endpoint("GET", "/agent/work", chat.work, query=("token",)),
    Endpoint("POST", "/agent/items", chat.items, body=tuple(ItemsRequest.__annotations__)),
    Endpoint("GET", "/ingest", ingest.status),
    Endpoint("POST", "/ingest", ingest.start, body=tuple(IngestRequest.__annotations__)),
    Endpoint("DELETE", "/ingest", ingest.stop),
    Endpoint("GET", "/events", events.stream, query=("since", "run")),
)
