"""What the agent of a run was sent, said and did."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from opengraphs.errors import UsageError
from opengraphs.protocol.version import SCHEMA
from opengraphs.sdk import layout

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call
    from opengraphs.protocol.auto import AuditReply

MAX_RECORDS = 2000


async def audit(call: Call) -> AuditReply:
    """`GET /auto/audit`: records of the log, and whether the whole of it holds."""
    run = call.params.text("run")
    if not run:
        raise UsageError("which run? run=REF", hint="og list")
    start = call.params.integer("from", 1, low=1, high=1 << 53)
    limit = call.params.integer("limit", 100, low=1, high=MAX_RECORDS)
    store = await call.store()
    facts = await store.ask(lambda engine: engine.facts(run), scan=True)
    folder = await store.ask(lambda engine: engine.folder_of(facts["run_id"]))
    return await asyncio.to_thread(_audit, folder / layout.AGENT, start, limit)


def _audit(folder: Path, start: int, limit: int) -> AuditReply:
    from opengraphs.guard.audit import read, verify

    found = read(folder, start, limit + 1)
    checked = verify(folder)
    return {
        "schema": SCHEMA,
        "records": found[:limit],
        "next": found[limit]["seq"] if len(found) > limit else None,
        "intact": checked.intact,
        "broken": checked.broken,
    }
