"""Metrics: keys, curves, raw points, and the system's figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opengraphs.daemon.encode import encode

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call

MAX_KEYS = 10_000
MAX_POINTS = 100_000
MAX_COLUMNS = 4000


async def keys(call: Call) -> bytes:
    """`GET /metrics/keys`."""
    store = await call.store()
    run, q = call.params.text("run"), call.params.text("q") or ""
    limit = call.params.integer("limit", 1000, low=1, high=MAX_KEYS)
    return await store.ask(
        lambda engine: encode(engine.keys(run=run, q=q, limit=limit)), runs=(run,) if run else ()
    )


async def series(call: Call) -> bytes:
    """`POST /series`."""
    store = await call.store()
    return await store.ask(
        lambda engine: encode(engine.series(call.body)), runs=_references(call.body.get("runs"))
    )


async def points(call: Call) -> bytes:
    """`GET /runs/{ref}/points`: the first page waits until the journals are read to their end."""
    store, params = await call.store(), call.params
    metric, after = params.required("metric"), params.text("after")
    limit = params.integer("limit", 10_000, low=1, high=MAX_POINTS)
    ranks = params.flag("ranks")
    if after is None:
        await store.read_whole(await store.resolve(call.ref))
    return await store.ask(
        lambda engine: encode(engine.points(call.ref, metric, after=after, limit=limit, ranks=ranks)),
        runs=(call.ref,),
    )


async def system(call: Call) -> bytes:
    """`GET /runs/{ref}/system`."""
    store = await call.store()
    columns = call.params.integer("columns", 200, low=1, high=MAX_COLUMNS)
    prefix = call.params.text("keys") or ""
    return await store.ask(
        lambda engine: encode(engine.system(call.ref, columns=columns, keys=prefix)), runs=(call.ref,)
    )


def _references(value: object) -> Sequence[str]:
    """The runs of a request, as far as they are any; the engine says what is wrong with the rest."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else ()
