"""What a run saved: its checkpoints, and which of them og keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opengraphs.errors import UsageError
from opengraphs.protocol.version import SCHEMA

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call
    from opengraphs.protocol.resuming import CheckpointsReply


async def page(call: Call) -> CheckpointsReply:
    """`GET /runs/{ref}/checkpoints`."""
    from opengraphs.daemon import checkpoints as saved

    store = await call.store()
    run_id = await store.resolve(call.ref)
    return {"schema": SCHEMA, "run_id": run_id, "checkpoints": await saved.checkpoints(store, run_id)}


async def keep(call: Call) -> CheckpointsReply:
    """`POST /runs/{ref}/checkpoints`: keep one, or give it up; the answer is that one as it stands then."""
    from opengraphs.daemon import checkpoints as saved

    word, is_kept = call.body.get("checkpoint"), call.body.get("pinned", True)
    if not isinstance(word, str) or not word:
        raise UsageError("checkpoint is missing", hint="an id, a step, a path, latest or best")
    if not isinstance(is_kept, bool):
        raise UsageError("pinned must be true or false")
    store = await call.store()
    run_id = await store.resolve(call.ref)
    chosen = saved.pick(await saved.checkpoints(store, run_id), word)["checkpoint_id"]
    if is_kept:
        await saved.pin(store, run_id, chosen)
    else:
        await saved.unpin(store, run_id, chosen)
    after = [one for one in await saved.checkpoints(store, run_id) if one["checkpoint_id"] == chosen]
    return {"schema": SCHEMA, "run_id": run_id, "checkpoints": after}
