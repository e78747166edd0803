"""Foreign runs: what is attached to a store, attaching and importing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from opengraphs.daemon.params import body_flag
from opengraphs.errors import UsageError
from opengraphs.protocol.sources import DetachReply, ImportReply, SourcesReply
from opengraphs.protocol.version import SCHEMA

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call

MODES = ("attach", "view", "import")
MAX_ROWS = 2000


async def listed(call: Call) -> SourcesReply:
    """`GET /sources`."""
    store = await call.store()
    limit = call.params.integer("limit", 200, low=1, high=MAX_ROWS)
    rows = await store.foreign.rows(call.params.text("place"))
    formats = await asyncio.to_thread(_format_rows)
    return _sources(store.name, rows, limit, formats)


async def attach(call: Call) -> SourcesReply | ImportReply:
    """`POST /sources`."""
    store = await call.store()
    path, format_ = _path(call.body), _text(call.body, "format")
    project, mode = _text(call.body, "project"), _text(call.body, "mode") or "attach"
    if mode not in MODES:
        raise UsageError(f"mode = {mode!r} is not possible", hint=f"one of {', '.join(MODES)}")
    dry_run = body_flag(call.body, "dry_run")
    if mode == "import":
        id_ = await store.foreign.begin_import(path, format_=format_, project=project, dry_run=dry_run)
        return _imported(call, store.name, id_, store.foreign.import_of(id_))
    rows = await store.foreign.attach(path, format_=format_, mode=mode, project=project)
    await store.look()
    return _sources(store.name, rows, MAX_ROWS, await asyncio.to_thread(_format_rows))


async def detach(call: Call) -> DetachReply:
    """`DELETE /sources/{ref}`: the copies go, the foreign files stay."""
    store = await call.store()
    store.foreign.detach(call.ref)
    return {"schema": SCHEMA, "detached": call.ref}


async def imported(call: Call) -> ImportReply:
    """`GET /imports/{ref}`."""
    store = await call.store()
    return _imported(call, store.name, call.ref, store.foreign.import_of(call.ref))


def _imported(call: Call, store: str, id_: str, job: Any) -> ImportReply:
    is_done = job.is_done  # first: what is said after it is complete
    runs = list(job.rows)
    return {
        "schema": SCHEMA,
        "import_id": id_,
        "store": store,
        "path": str(job.path),
        "done": is_done,
        "dry_run": job.dry_run,
        "message": job.failure,
        "runs": runs,
        "sources": list(job.sources),
    }


def _sources(store: str, rows: dict[str, Any], limit: int, formats: list[dict[str, str]]) -> SourcesReply:
    reply = {
        "schema": SCHEMA,
        "store": store,
        **rows,
        "total": len(rows["sources"]),
        "sources": rows["sources"][:limit],
        "formats": formats,
    }
    return cast("SourcesReply", reply)


def _format_rows() -> list[dict[str, str]]:
    from opengraphs.sources.formats import FORMATS

    return [
        {"name": format_.name, "title": format_.title, "looks_for": format_.looks_for}
        for format_ in FORMATS
        if format_.names
    ]


def _path(body: Any) -> Path:
    path = _text(body, "path")
    if not path:
        raise UsageError("path is missing", hint="the whole path of a file or folder")
    if not path.startswith("/"):
        raise UsageError(f"path = {path!r} is not absolute", hint="the whole path of a file or folder")
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"path = {path!r} is no path ({error})") from None


def _text(body: Any, name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
        raise UsageError(f"{name} must be a text")
    return value
