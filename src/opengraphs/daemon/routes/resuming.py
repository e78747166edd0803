"""Going on from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from opengraphs.daemon.params import body_flag
from opengraphs.errors import ProcessError
from opengraphs.protocol.version import SCHEMA
from opengraphs.sdk.redact import redact_value

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call
    from opengraphs.protocol.resuming import ResumePlan, ResumeReply, ResumeRequest


async def resume(call: Call) -> ResumeReply:
    """`POST /runs/{ref}/resume`: what would be run, and unless it is a dry run, its start."""
    from opengraphs.daemon import resuming  # most daemons never resume anything

    store = await call.store()
    launch = not body_flag(call.body, "dry_run") and call.body.get("launch") is not False
    body_flag(call.body, "confirmed")
    plan = await resuming.plan_resume(store, call.ref, cast("ResumeRequest", dict(call.body)))
    child: str | None = None
    if launch:
        _check_shown(plan)
        child = await resuming.launch_resumed(store, plan["parent"]["run_id"], plan)
    return {"schema": SCHEMA, "plan": _without_secrets(plan, call.body.get("env") or {}), "run_id": child}


def _without_secrets(plan: ResumePlan, given: Mapping[str, str]) -> ResumePlan:
    """A secret that came with the request does not go back, nor into anybody's log of replies."""
    hidden = {name: redact_value(name, value) for name, value in given.items()}
    return {**plan, "env": {**plan["env"], **hidden}}


def _check_shown(plan: ResumePlan) -> None:
    if plan["needs_confirmation"]:
        error = ProcessError(
            f"arguments were guessed and nobody has seen them yet: {' '.join(plan['guessed'])}",
            hint='"confirmed": true accepts them; a dry run shows the whole command',
        )
        error.http_status = 409
        raise error
