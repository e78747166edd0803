"""Metrics: keys, curves, raw points, and the system's figures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from opengraphs.daemon.encode import encode
from opengraphs.errors import UsageError
from opengraphs.protocol.series import TransformOut, TransformsReply
from opengraphs.protocol.version import SCHEMA

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


async def transforms(call: Call) -> TransformsReply:
    """`GET /transforms`: looks for plug-ins, which may read many folders, outside of the loop."""
    return {"schema": SCHEMA, "transforms": await asyncio.to_thread(_names_known)}


def _names_known() -> list[TransformOut]:
    # By way of the package: it may be about to be loaded by another thread.
    from opengraphs.engine import derive

    return cast("list[TransformOut]", derive.names_known())


async def points(call: Call) -> bytes:
    """`GET /runs/{ref}/points`: the first page waits until the journals are read to their end."""
    store, params = await call.store(), call.params
    metric, after = params.required("metric"), params.text("after")
    limit = params.integer("limit", 10_000, low=1, high=MAX_POINTS)
    ranks = params.flag("ranks")
    if after is None:
        run = await store.resolve(call.ref)
        await store.read_whole(run)
        await store.ask(lambda engine: engine.want_whole(run, metric, ranks=ranks))
        await store.read_whole(run)
    return await store.ask(
        lambda engine: encode(engine.points(call.ref, metric, after=after, limit=limit, ranks=ranks)),
        runs=(call.ref,),
    )


async def system(call: Call) -> bytes:
    """`GET /runs/{ref}/system`."""
    store = await call.store()
    columns = call.params.integer("columns", 200, low=1, high=MAX_COLUMNS)
    prefixes, host = call.params.text("keys") or "", call.params.text("host") or ""
    span = _span(call.params.real("from"), call.params.real("to"))
    return await store.ask(
        lambda engine: encode(engine.system(call.ref, columns=columns, keys=prefixes, host=host, span=span)),
        runs=(call.ref,),
    )


def _span(low: float | None, high: float | None) -> tuple[float, float] | None:
    """A closed interval; None when it is not asked for."""
    if low is None and high is None:
        return None
    if low is None or high is None or low > high:
        raise UsageError(
            "from and to make no stretch of time", hint="give both, in epoch seconds, from first"
        )
    return low, high


def _references(value: object) -> Sequence[str]:
    """The runs of a request, as far as they are any; the engine says what is wrong with the rest."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else ()
