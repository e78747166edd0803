"""Start what was planned: by the runner of the run it goes on from, else by ogd from the bundle."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from opengraphs.daemon.runnerlink import ask_runner
from opengraphs.daemon.stopping import stop_run
from opengraphs.errors import ProcessError, StoreError
from opengraphs.resuming.inherited import HANDED_ON, planned_run
from opengraphs.runner import environ
from opengraphs.sdk.redact import REDACTED

if TYPE_CHECKING:
    from opengraphs.daemon.openstore import OpenStore
    from opengraphs.protocol.resuming import ResumePlan

KEEP_S = 900.0
"""How long a stopped run's runner waits for the order to launch the next."""
LAUNCH_S = 130.0
_SILENCE = {"ok": False, "error": "its runner does not say whether it did; og list tells"}
_SLACK_S = 20.0
_LOOK_S = 0.1


async def stop_and_keep(store: OpenStore, run_id: str, grace_s: float) -> None:
    """End a run, and keep its runner for `launch_resumed`; returns when the run has ended.

    A run that has ended already is left as it is.

    Raises:
        ProcessError: it cannot be stopped, or is still there long after the grace.
    """
    run = await _run(store, run_id)
    if run["status"] != "running":
        return
    run_dir = Path(run["path"])
    await ask_runner(run_dir, {"op": "keep", "seconds": KEEP_S})
    await stop_run(run, grace_s=grace_s)
    limit_s = grace_s + _SLACK_S
    if await ask_runner(run_dir, {"op": "wait"}, timeout_s=limit_s) is None:
        await _wait_ended(store, run_id, limit_s)
    await store.look()


async def _wait_ended(store: OpenStore, run_id: str, limit_s: float) -> None:
    """Without a runner: until the run's lock is free."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit_s
    while (await _run(store, run_id))["status"] == "running":
        if loop.time() > deadline:
            raise ProcessError(f"{run_id} was told to stop and still runs", hint="og doctor, og daemon logs")
        await asyncio.sleep(_LOOK_S)


async def _run(store: OpenStore, run_id: str) -> dict[str, Any]:
    return cast(
        "dict[str, Any]", await store.ask(lambda engine: engine.run(run_id), scan=True, runs=(run_id,))
    )


async def launch_resumed(store: OpenStore, run_id: str, plan: ResumePlan) -> str:
    """Start the planned run; its id.

    Args:
        run_id: of the run it goes on from, which must have ended.

    Raises:
        ProcessError: the run still goes on, a secret is missing that only its runner had, or
            the program cannot be started.
        StoreError: the store cannot be written.
    """
    run = await _run(store, run_id)
    if run["status"] == "running":
        error = ProcessError("the run is still going on", hint=f"og stop {run_id}", path=str(run["path"]))
        error.http_status = 409
        raise error
    # A runner that took the order and says nothing may have obeyed it: two trainings would be worse than none.
    reply = await ask_runner(Path(run["path"]), _order(plan), timeout_s=LAUNCH_S, silence=_SILENCE)
    if reply is None:
        child = await asyncio.to_thread(_launch_here, store.path, plan)
    elif reply.get("ok"):
        child = str(reply["run_id"])
    else:
        raise ProcessError(f"the run could not be started: {reply.get('error')}", path=str(run["path"]))
    await store.look()
    return child


def _order(plan: ResumePlan) -> dict[str, Any]:
    handed = {name: value for name, value in plan["facts"].items() if name in HANDED_ON and name != "launch"}
    known = {name: plan[name] for name in ("command", "cwd", "env", "parent", "name", "project")}
    return {"op": "launch", **known, **handed}


def _launch_here(store: Path, plan: ResumePlan) -> str:
    """In ogd's own environment, with what the bundle has of the run's."""
    from opengraphs.runner import launch as runner

    env = {**_own_environment(), **plan["bundle_env"], **plan["env"]}
    _check_missing(plan, env)
    contract, own = environ.split(env)
    try:
        spec = planned_run(plan, store, env=own, contract=contract)
        launched = runner.launch(spec)
    except runner.LaunchError as error:
        raise ProcessError(error.message, hint=error.hint, path=error.path) from error
    except OSError as error:
        raise StoreError(f"the store cannot be written ({error.strerror})", path=str(store)) from error
    os.close(launched.told_fd)
    return launched.run_id


def _own_environment() -> dict[str, str]:
    """ogd's, without what og says to trainings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OG_")}


def _check_missing(plan: ResumePlan, env: Mapping[str, str]) -> None:
    names = [name for name in plan["missing"] if name not in env]
    if not names and not any(REDACTED in word for word in plan["command"]):
        return
    error = ProcessError(
        f"only the shell that started the run knows {', '.join(names) or 'a hidden argument'}",
        hint="og resume starts it from a shell that has them; --set gives an argument",
    )
    error.http_status = 409
    raise error
