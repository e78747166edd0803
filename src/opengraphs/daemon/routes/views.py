"""Saved views: how screens look, under a name, shared by all who use the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs.errors import StoreError, UsageError
from opengraphs.protocol.version import SCHEMA
from opengraphs.protocol.views import ViewsReply
from opengraphs.store import viewsfile

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call

MAX_NAME = 100


async def listed(call: Call) -> ViewsReply:
    """`GET /views`."""
    store = await call.store()
    project = call.params.text("project") or ""
    return _reply(project, await asyncio.to_thread(viewsfile.read, store.path, project))


async def change(call: Call) -> ViewsReply:
    """`PUT /views`: some are put, some taken away, the others stay."""
    store = await call.store()
    body = call.body
    project = _text(body, "project") or ""
    wanted = viewsfile.Change(_views(body.get("views")), _text(body, "default"), _text(body, "version"))
    return _reply(project, await asyncio.to_thread(_change, store.path, project, wanted))


def _change(store: Path, project: str, wanted: viewsfile.Change) -> viewsfile.Views:
    try:
        store.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"views cannot be saved ({error.strerror})", path=str(store)) from error
    return viewsfile.change(store, project, wanted)


def _reply(project: str, found: viewsfile.Views) -> ViewsReply:
    return {
        "schema": SCHEMA,
        "project": project,
        "version": found.version,
        "default": found.default,
        "views": found.views,
    }


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is None or (isinstance(value, str) and value.isprintable() and len(value) <= MAX_NAME):
        return value
    raise UsageError(f"{name} is printable text of at most {MAX_NAME} characters")


def _views(given: object) -> Mapping[str, Mapping[str, Any] | None]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise UsageError("views is an object: a name, and what the view is or null")
    for name, view in given.items():
        if not name or not name.isprintable() or len(name) > MAX_NAME:
            raise UsageError(f"a view's name is printable text of 1 to {MAX_NAME} characters")
        if view is not None and not isinstance(view, dict):
            raise UsageError(f"view {name!r} is neither an object nor null")
    return given
