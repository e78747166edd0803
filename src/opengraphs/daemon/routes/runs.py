"""Lists of runs, one run, its events and samples, and stopping it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opengraphs.daemon.encode import encode
from opengraphs.daemon.params import body_number
from opengraphs.daemon.stopping import stop_run
from opengraphs.errors import UsageError
from opengraphs.protocol.control import StopReply

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call
    from opengraphs.protocol.bundle import BundleReply

MAX_PAGE = 2000
FIGURES = ("min", "max", "best")
MAX_GRACE_S = 3600.0
MAX_FIELDS = 1000
MAX_VALUES = 32
MAX_FOLDED = 500
FIELDS_SLICE_S = 0.01


async def page(call: Call) -> bytes:
    """`GET /runs`."""
    store, params = await call.store(), call.params
    where = params.text("filter") or ""
    project, status, cursor = params.text("project"), params.text("status"), params.text("cursor")
    sort = params.text("sort") or "-created_at"
    limit = params.integer("limit", 200, low=1, high=MAX_PAGE)
    values = _figures(_words(params.text("values"), MAX_VALUES, "values"))
    tree, folded = params.flag("tree"), frozenset(_words(params.text("folded"), MAX_FOLDED, "folded"))
    return await store.ask(
        lambda engine: encode(
            engine.runs(
                where=where,
                project=project,
                status=status,
                sort=sort,
                limit=limit,
                cursor=cursor,
                values=values,
                tree=tree,
                folded=folded,
            )
        ),
        scan=True,
    )


def _words(text: str | None, most: int, name: str) -> list[str]:
    words = text.split(",") if text else []
    if len(words) > most:
        raise UsageError(f"{name} takes at most {most} words, not {len(words)}")
    return words


def _figures(words: list[str]) -> list[str]:
    for word in words:
        if not word.startswith(tuple(f"{end}." for end in FIGURES)):
            raise UsageError(f"{word!r} is no figure of a metric", hint="min.KEY, max.KEY or best.KEY")
    return words


async def fields(call: Call) -> bytes:
    """`GET /runs/fields`; runs that are new since the last question are looked at in slices."""
    store = await call.store()
    q, limit = call.params.text("q") or "", call.params.integer("limit", 100, low=1, high=MAX_FIELDS)
    is_first = True
    while await store.ask(lambda engine: engine.learn_fields(budget_s=FIELDS_SLICE_S), scan=is_first):
        is_first = False
    return await store.ask(lambda engine: encode(engine.fields_page(q=q, limit=limit)))


async def lineage(call: Call) -> bytes:
    """`GET /runs/{ref}/lineage`."""
    store = await call.store()
    return await store.ask(lambda engine: encode(engine.lineage(call.ref)), scan=True)


async def one(call: Call) -> bytes:
    """`GET /runs/{ref}`."""
    store = await call.store()
    run = await store.ask(lambda engine: engine.run(call.ref), scan=True, runs=(call.ref,))
    forwarding = call.core.forwarder.shown(store.name, run["run_id"])
    return encode({**run, "forwarding": forwarding} if forwarding else run)


async def bundle(call: Call) -> BundleReply:
    """`GET /runs/{ref}/bundle`."""
    from opengraphs.daemon.bundles import describe

    store, contents = await call.store(), call.params.flag("contents")
    facts = await store.ask(lambda engine: engine.facts(call.ref), scan=True)
    folder = await store.ask(lambda engine: engine.folder_of(facts["run_id"]))
    return await asyncio.to_thread(describe, folder, facts, contents=contents)


async def events(call: Call) -> bytes:
    """`GET /runs/{ref}/events`."""
    store = await call.store()
    since = call.params.text("since")
    limit = call.params.integer("limit", 200, low=1, high=MAX_PAGE)
    return await store.ask(
        lambda engine: encode(engine.events(call.ref, since=since, limit=limit)), runs=(call.ref,)
    )


async def samples(call: Call) -> bytes:
    """`GET /runs/{ref}/samples`: a window of them, or with `id` that one alone."""
    from opengraphs.engine.samplelook import SampleQuery  # numpy comes with the engine

    store, params = await call.store(), call.params
    cut = params.integer("cut", 0, low=0, high=1 << 30)
    sample_id = params.text("id")
    if sample_id:
        return await store.ask(
            lambda engine: encode({"sample": engine.sample(call.ref, sample_id, cut=cut)}), runs=(call.ref,)
        )
    start = params.integer("from", 0, low=-(1 << 53), high=1 << 53)
    limit = params.integer("limit", 50, low=1, high=MAX_PAGE)
    asked = SampleQuery(
        params.text("filter") or "", params.text("sort") or "time", table=params.text("name") or ""
    )
    query = None if asked == SampleQuery() else asked
    like_id = params.text("like")
    like = (params.text("like_run") or call.ref, like_id) if like_id else None
    return await store.ask(
        lambda engine: encode(
            engine.samples(call.ref, start=start, limit=limit, query=query, like=like, cut=cut)
        ),
        runs=(call.ref, like[0]) if like else (call.ref,),
    )


async def stop(call: Call) -> StopReply:
    """`POST /runs/{ref}/stop`: answered when the run was told, not when it ended."""
    grace_s = body_number(call.body, "grace_s", 10.0, low=0.0, high=MAX_GRACE_S)
    store = await call.store()
    run = await store.ask(lambda engine: engine.run(call.ref), scan=True, runs=(call.ref,))
    await stop_run(run, grace_s=grace_s)
    return {"stopping": True}
