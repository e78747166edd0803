"""The Trackio ingest: whether it listens, where, and what arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from opengraphs import ingesting
from opengraphs.daemon.params import body_flag
from opengraphs.errors import StoreError, UsageError
from opengraphs.protocol.ingest import IngestReply
from opengraphs.protocol.version import SCHEMA

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call


MAX_TEXT = 500


async def status(call: Call) -> IngestReply:
    """`GET /ingest`."""
    return cast("IngestReply", {"schema": SCHEMA, **await call.core.ingest.status()})


async def start(call: Call) -> IngestReply:
    """`POST /ingest`: port and token stay as they were the last time where they are left out."""
    store = await call.store()
    before = ingesting.load()
    wanted = ingesting.Settings(
        on=True,
        host=_text(call.body, "host", ingesting.DEFAULT_HOST),
        port=_port(call.body, before),
        token=_text(call.body, "token", before.token if before else ingesting.new_token()),
        store=str(store.path),
        project=_text(call.body, "project", ""),
        anywhere=body_flag(call.body, "anywhere"),
    )
    await call.core.ingest.start(wanted)
    return await status(call)


async def stop(call: Call) -> IngestReply:
    """`DELETE /ingest`."""
    try:
        await call.core.ingest.stop()
    except OSError as error:
        raise StoreError(
            f"the ingest's settings cannot be kept ({error.strerror})", path=str(ingesting.settings_file())
        ) from error
    return await status(call)


def _text(body: Any, name: str, default: str) -> str:
    value = body.get(name)
    if value is None or value == "":
        return default
    is_sound = isinstance(value, str) and value.isprintable() and len(value) <= MAX_TEXT
    if not is_sound or (name != "project" and not value.isascii()):
        raise UsageError(
            f"{name} is printable text of at most {MAX_TEXT} characters; host and token are ASCII"
        )
    return str(value)


def _port(body: Any, before: ingesting.Settings | None) -> int:
    value = body.get("port")
    if value is None:
        return before.port if before is not None else ingesting.DEFAULT_PORT
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 65536:
        raise UsageError(f"port = {value!r} is not possible", hint="0 to 65535; 0: a free one is chosen")
    return value
