"""`GET /events`: what changes, as it changes, as NDJSON or as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from opengraphs.daemon.app import Lines
from opengraphs.daemon.hub import Stream

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call
    from opengraphs.daemon.openstore import OpenStore

SSE = "text/event-stream"


async def stream(call: Call) -> Lines:
    """The stream begins with `hello`; it ends when the daemon leaves."""
    store = await call.store()
    run = call.params.text("run")
    if run is not None:
        run = await store.resolve(run)
    reader = Stream(call.core.hub, store=store.name, run=run, since=_since(call, store))
    if SSE in call.accept:
        return Lines(_as_sse(store, run, reader), media_type=SSE)
    return Lines(_as_lines(store, run, reader))


def _since(call: Call, store: OpenStore) -> int | None:
    """Where the reader was; 0, which no ring reaches, when the store was closed since then."""
    since = call.params.number_or_none("since")
    if since is None and call.last_event_id.isdigit():
        since = int(call.last_event_id)
    return since if since is None or since >= store.first_seq else 0


async def _as_lines(store: OpenStore, run: str | None, reader: Stream) -> AsyncGenerator[bytes, None]:
    with store.listen(run):
        while batch := await reader.next():
            yield b"".join(line for _, line in batch)


async def _as_sse(store: OpenStore, run: str | None, reader: Stream) -> AsyncGenerator[bytes, None]:
    with store.listen(run):
        while batch := await reader.next():
            yield b"".join(b"id: %d\ndata: %s\n" % entry for entry in batch)
