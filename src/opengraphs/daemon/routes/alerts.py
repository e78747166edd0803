"""Alerts of every run: the list, and taking note of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opengraphs.daemon.encode import encode
from opengraphs.daemon.routes.edits import append
from opengraphs.errors import UsageError
from opengraphs.protocol.alerts import LEVELS, STATUSES
from opengraphs.protocol.version import SCHEMA

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call
    from opengraphs.engine import Change, EngineStore

MAX_PAGE = 2000
MAX_NOTE = 2000


async def page(call: Call) -> bytes:
    """`GET /alerts`."""
    from opengraphs.engine.alertlist import AlertQuery  # numpy comes with the engine

    store, params = await call.store(), call.params
    query = AlertQuery(
        run=params.text("run"),
        status=params.choice("status", ("", *STATUSES), default=""),
        level=params.choice("level", ("", *LEVELS), default=""),
        words=params.text("filter") or "",
        sort=params.text("sort") or "-time",
        since=params.real("since"),
    )
    start = params.integer("from", 0, low=0, high=1 << 53)
    limit = params.integer("limit", 50, low=1, high=MAX_PAGE)
    return await store.ask(
        lambda engine: encode({"schema": SCHEMA, **engine.alerts(query, start=start, limit=limit)}), scan=True
    )


async def acknowledge(call: Call) -> bytes:
    """`POST /alerts/{id}/ack`: said twice it is said once."""
    store = await call.store()
    return await store.change(lambda engine, changes: _acknowledge(engine, changes, call.ref, call.body))


def _acknowledge(engine: EngineStore, changes: list[Change], alert_id: str, body: Mapping[str, Any]) -> bytes:
    note = body.get("note")
    if note is not None and (not isinstance(note, str) or len(note) > MAX_NOTE):
        raise UsageError(f"`note` is a text of at most {MAX_NOTE} characters")
    alert = engine.alert(alert_id)
    if alert["status"] == "firing" or (note and note != alert["note"]):
        state = "resolved" if alert["status"] == "resolved" else "acknowledged"
        event = {"kind": "alert", "alert_id": alert["alert_id"], "state": state}
        append(engine, changes, alert["run_id"], [event | ({"note": note} if note else {})])
        alert = engine.alert(alert_id)
    return encode({"schema": SCHEMA, "alert": alert})
