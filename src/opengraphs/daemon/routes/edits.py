"""What people change: names, tags, notes, the archive, and the trash.

A change of a run is an event in the daemon's own `events/ogd.jsonl` and counts from the
moment its line is there; the run's run.json takes it in after the run has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs.daemon.encode import encode
from opengraphs.daemon.ownevents import append_events
from opengraphs.errors import DiskFullError, NotFoundError, OgError, ProcessError, StoreError
from opengraphs.protocol.version import SCHEMA
from opengraphs.sdk import layout
from opengraphs.store import trash as bin_
from opengraphs.store.folder import runs_folder

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call
    from opengraphs.engine import Change, EngineStore
    from opengraphs.protocol.runs import TrashReply

MAX_LISTED = 2000
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EACCES, errno.EPERM)


async def patch(call: Call) -> bytes:
    """`PATCH /runs/{ref}`."""
    store = await call.store()
    return await store.change(lambda engine, changes: _patch(engine, changes, call.ref, call.body))


def _patch(engine: EngineStore, changes: list[Change], ref: str, body: Mapping[str, Any]) -> bytes:
    from opengraphs.engine import edits  # numpy comes with it, which a daemon that starts does not wait for

    run_id = engine.resolve(ref)
    changes += engine.look_at(run_id)
    before = engine.facts(run_id)
    events = edits.events_of_patch(body, before)
    if events:
        append(engine, changes, run_id, events)
    after = engine.facts(run_id)
    changed = [field for field in edits.FIELDS if before.get(field) != after.get(field)]
    return encode({"schema": SCHEMA, "run_id": run_id, "changed": changed, "run": after})


async def add_event(call: Call) -> bytes:
    """`POST /runs/{ref}/events`."""
    store = await call.store()
    return await store.change(lambda engine, changes: _add_event(engine, changes, call.ref, call.body))


def _add_event(engine: EngineStore, changes: list[Change], ref: str, body: Mapping[str, Any]) -> bytes:
    from opengraphs.engine import edits

    run_id = engine.resolve(ref)
    event = edits.event_of_person(body)
    name = event.get("event_id")
    written = engine.noted(run_id, name) if name is not None else None
    if written is None:
        written = append(engine, changes, run_id, [event])[0]
    return encode({"schema": SCHEMA, "run_id": run_id, "event": written})


def append(
    engine: EngineStore, changes: list[Change], run_id: str, events: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Events of the daemon's own for a run; they count at once.

    Raises:
        DiskFullError, StoreError: they could not be written.
    """
    run = engine.folder_of(run_id)
    with _writing(run):
        written = append_events(run, events, after_s=engine.newest_event_s(run_id))
    changes += engine.look_at(run_id)
    return written


async def remove(call: Call) -> bytes:
    """`DELETE /runs/{ref}`: into the trash, by one rename."""
    store, force = await call.store(), call.params.flag("force")
    return await store.change(lambda engine, changes: _remove(engine, changes, call.ref, force=force))


def _remove(engine: EngineStore, changes: list[Change], ref: str, *, force: bool) -> bytes:
    try:
        run_id = engine.resolve(ref)
    except NotFoundError:
        gone = _in_trash(engine.path, ref)
        if gone is None or (runs_folder(engine.path) / gone.run_id).exists():
            raise
        return _removed(gone)  # asked twice, since the first answer was lost
    changes += engine.look_at(run_id)
    facts = engine.facts(run_id)
    run = engine.folder_of(run_id)
    if engine.is_followed(run_id):
        raise _foreign(facts)
    _check_removable(facts, run, force=force)
    with _writing(run):
        trash_id = bin_.remove(engine.path, run_id)
    changes += engine.scan()
    return encode(
        {"schema": SCHEMA, "run_id": run_id, "trash_id": trash_id, "name": facts.get("name") or run_id}
    )


def _check_removable(facts: Mapping[str, Any], run: Path, *, force: bool) -> None:
    if facts.get("status") == "running":
        raise bin_.lives(run)
    if facts.get("status") == "lost" and facts.get("host") != layout.host_name() and not force:
        error = ProcessError(
            f"the run {run.name} is of {facts.get('host')}, and whether it lives cannot be seen from here",
            hint=f"remove it on {facts.get('host')}, or with force where that machine is gone",
            path=str(run),
        )
        error.http_status = 409
        raise error


def _foreign(facts: Mapping[str, Any]) -> StoreError:
    source = facts.get("source_path") or ""
    error = StoreError(
        f"the run {facts['run_id']} is not og's: it is read from {facts.get('source')}",
        hint=f"og attach --detach {source} takes its source out of sight; the files stay",
        path=str(source),
    )
    error.http_status = 409
    return error


def _in_trash(store: Path, run_id: str) -> bin_.Trashed | None:
    """The run of exactly this id that was removed last."""
    with contextlib.suppress(OSError):
        return next((item for item in bin_.listed(store) if item.run_id == run_id), None)
    return None


async def trash(call: Call) -> TrashReply:
    """`GET /trash`."""
    store = await call.store()
    limit = call.params.integer("limit", 200, low=1, high=MAX_LISTED)
    return await asyncio.to_thread(_trash, store.path, limit)


def _trash(store: Path, limit: int) -> TrashReply:
    with _writing(bin_.trash_folder(store)):
        items = bin_.listed(store)
    rows = [
        {**item._asdict(), "size_bytes": bin_.size_bytes(bin_.trash_folder(store) / item.trash_id)}
        for item in items[:limit]
    ]
    return {"schema": SCHEMA, "trash": rows, "total": len(items)}  # type: ignore[typeddict-item]


async def restore(call: Call) -> bytes:
    """`POST /trash/{ref}/restore`: back, by one rename."""
    store = await call.store()
    return await store.change(lambda engine, changes: _restore(engine, changes, call.ref))


def _restore(engine: EngineStore, changes: list[Change], ref: str) -> bytes:
    with _writing(bin_.trash_folder(engine.path)):
        try:
            item = bin_.find(engine.path, ref)
        except NotFoundError:
            if not (runs_folder(engine.path) / ref / layout.RUN_JSON).is_file() or ref != Path(ref).name:
                raise
            return encode({"schema": SCHEMA, "run_id": ref, "trash_id": ref, "name": ref})  # asked twice
        bin_.restore(engine.path, item)
    changes += engine.scan()
    return _removed(item)


async def purge(call: Call) -> bytes:
    """`DELETE /trash/{ref}`: for good."""
    store = await call.store()
    return await asyncio.to_thread(_purge, store.path, call.ref)


def _purge(store: Path, ref: str) -> bytes:
    with _writing(bin_.trash_folder(store)):
        try:
            item = bin_.find(store, ref)
            bin_.take_for_purge(store, item)
        finally:
            bin_.destroy(store)  # also what an earlier call could not, though it is listed no more
    return _removed(item)


def _removed(item: bin_.Trashed) -> bytes:
    return encode({"schema": SCHEMA, "run_id": item.run_id, "trash_id": item.trash_id, "name": item.name})


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """What the disk has against a change, as an error of the store; nothing is half done then."""
    try:
        yield
    except OSError as error:
        raise _refused(error, path) from error


def _refused(error: OSError, path: Path) -> OgError:
    if error.errno in _FULL:
        return DiskFullError(
            "no space left on the store's disk; nothing was changed",
            hint="free some and try again",
            path=str(path),
        )
    if error.errno == errno.EROFS:
        return StoreError(
            "the store is read-only; nothing was changed",
            hint="edit it where it can be written",
            path=str(path),
        )
    if error.errno in _CLOSED:
        return StoreError(
            f"the store cannot be written ({error.strerror}); nothing was changed",
            hint="check owner and mode of the folder",
            path=str(path),
        )
    return StoreError(f"this cannot be done ({error.strerror or error})", path=str(path))
