"""What would be run: command, environment, and what to say about both. Nothing is started here."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs.daemon.resuming import choosing, origin
from opengraphs.daemon.resuming.origin import Origin
from opengraphs.daemon.runnerlink import ask_runner
from opengraphs.errors import ProcessError, UsageError
from opengraphs.resuming import accepted, overrides, scripts
from opengraphs.resuming.inherited import HANDED_ON
from opengraphs.runner import restarting, succession
from opengraphs.runner.gitfiles import quick_git
from opengraphs.sdk import layout
from opengraphs.sdk.redact import REDACTED
from opengraphs.store import bundle

if TYPE_CHECKING:
    from opengraphs.daemon.openstore import OpenStore
    from opengraphs.protocol.resuming import CheckpointOut, ResumePlan, ResumeRequest
    from opengraphs.resuming.scripts import Script

REASONS = ("user", "crash", "auto", "rollback")
MAX_NAME = 200
BUNDLE_S = 10.0
_LOOK_S = 0.05


async def plan_resume(store: OpenStore, ref: str, request: ResumeRequest) -> ResumePlan:
    """What a run that goes on from `ref` would be.

    Guessed arguments that the request confirms are remembered for this text of the script.

    Raises:
        NotFoundError: no such run, or no such checkpoint.
        ProcessError: the checkpoint cannot be used, or nobody recorded how the run was started.
        UsageError: a value of the request is not possible.
    """
    known = await store.ask(lambda engine: origin.ask(engine, ref), scan=True, runs=(ref,))
    await _wait_for_bundle(Path(known.facts["path"]))
    saved = await origin.family_checkpoints(store, known)
    plan = await asyncio.to_thread(_plan, known, saved, request)
    if plan["missing"] and await ask_runner(Path(known.facts["path"]), {"op": "status"}) is not None:
        plan["missing"] = []
    return plan


async def _wait_for_bundle(run_dir: Path) -> None:
    """Of a run that has just begun or ended: until its runner has recorded how it was started."""
    last = run_dir / layout.BUNDLE / bundle.MACHINE
    deadline = time.monotonic() + BUNDLE_S
    while not last.exists() and time.monotonic() < deadline:
        if await ask_runner(run_dir, {"op": "status"}) is None:
            return
        await asyncio.sleep(_LOOK_S)


def _plan(known: Origin, saved: list[CheckpointOut], request: ResumeRequest) -> ResumePlan:
    known = origin.with_bundle(known)
    before, cwd = known.command, known.cwd
    if not Path(cwd).is_dir():
        raise ProcessError("the folder in which the run was started is gone", path=cwd)
    checkpoint = choosing.choose(saved, choosing.checked_word(request.get("checkpoint", "latest")), cwd=cwd)
    base = before if checkpoint or not known.root_command else known.root_command
    script = scripts.look(base, cwd)
    settings = {**_own_overrides(known), **overrides.checked(request.get("overrides") or {})}
    command, arguments = overrides.with_overrides(base, settings, script, known.recorded)
    added = succession.filled(script.args, restarting.places(checkpoint)) if checkpoint else []
    command = succession.with_arguments(command, added)
    bundle_env, hidden = known.environment()
    extra = _env(request)
    plan: ResumePlan = {
        "parent": _parent(known, checkpoint, request, settings),
        "checkpoint": checkpoint,
        "command": command,
        "cwd": cwd,
        "env": {**_contract(known, checkpoint, settings), **extra},
        "bundle_env": bundle_env,
        "missing": [name for name in hidden if name not in extra] + _hidden_words(command),
        "guessed": added if script.is_guessed else [],
        "contract": "og" if script.knows_og else "arguments" if script.args else "none",
        "needs_confirmation": bool(added) and script.is_guessed and not _is_accepted(script, request),
        "warnings": _warnings(known, script, checkpoint, set(settings) - set(arguments)),
        "project": str(known.facts.get("project") or ""),
        "name": _name(known, request),
        "before": before,
        "overrides": settings,
        "arguments": arguments,
        "facts": {name: known.facts[name] for name in HANDED_ON if known.facts.get(name)},
    }
    return plan


def _own_overrides(known: Origin) -> dict[str, Any]:
    """A run that was resumed with other settings hands them on."""
    found = (known.facts.get("parent") or {}).get("overrides")
    return dict(found) if isinstance(found, dict) else {}


def _parent(
    known: Origin, checkpoint: CheckpointOut | None, request: ResumeRequest, settings: Mapping[str, Any]
) -> dict[str, Any]:
    reason = request.get("reason", "user")
    if reason not in REASONS:
        raise UsageError(
            f"reason = {json.dumps(reason)} is not possible", hint=f"one of {', '.join(REASONS)}"
        )
    parent: dict[str, Any] = {"run_id": known.run_id, "reason": reason}
    for name in ("checkpoint_id", "step"):
        if checkpoint is not None and checkpoint.get(name) not in (None, ""):
            parent[name] = checkpoint.get(name)
    return {**parent, "overrides": dict(settings)} if settings else parent


def _contract(known: Origin, checkpoint: CheckpointOut | None, settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        "OG_PARENT_RUN_ID": known.run_id,
        "OG_ROOT_RUN_ID": known.path[0],
        "OG_ATTEMPT": str(len(known.path)),
        **restarting.resume_variables(checkpoint),
        **({"OG_OVERRIDES": json.dumps(dict(settings), default=str)} if settings else {}),
    }


def _env(request: ResumeRequest) -> dict[str, str]:
    env: Any = request.get("env") or {}
    texts: list[Any] = [text for pair in env.items() for text in pair] if isinstance(env, dict) else [None]
    if not all(isinstance(text, str) and "\0" not in text for text in texts) or any(
        "=" in name for name in env
    ):
        raise UsageError("env must be an object of texts", hint='{"CUDA_VISIBLE_DEVICES": "1"}')
    return dict(env)


def _hidden_words(command: list[str]) -> list[str]:
    """Arguments that the record has without their value, by the flag before them."""
    found = []
    for index, word in enumerate(command):
        if REDACTED in word:
            name = word.partition("=")[0]
            before = command[index - 1] if index else ""
            found.append(before if before.startswith("-") else name if name != word else "an argument")
    return found


def _is_accepted(script: Script, request: ResumeRequest) -> bool:
    if request.get("confirmed"):
        accepted.accept(script.digest, script.args)
        return True
    return accepted.is_accepted(script.digest, script.args)


def _name(known: Origin, request: ResumeRequest) -> str:
    given: Any = request.get("name")
    if given is not None and not (isinstance(given, str) and given.strip() and len(given) <= MAX_NAME):
        raise UsageError(f"name must be a text of at most {MAX_NAME} characters")
    name = str(given or "") or succession.next_name(str(known.facts.get("name") or known.run_id))
    while not given and name in known.names:
        name = succession.next_name(name)
    return name


def _warnings(
    known: Origin, script: Script, checkpoint: CheckpointOut | None, unplaced: set[str]
) -> list[str]:
    found: list[str] = []
    if known.facts.get("status") == "running":
        found.append("the run is still going on")
    if not origin.is_here(known.facts):
        found.append(f"the run was one of {known.facts.get('host')}, not of this machine")
    if checkpoint is not None and not script.knows_og and not script.args:
        found.append(
            "nothing tells how this script goes on from a checkpoint: it gets OG_RESUME_FROM and no argument;"
            ' og.toml can name one: [resume] args = ["--resume", "{path}"]'
        )
    if unplaced and not script.knows_og:
        names = ", ".join(sorted(unplaced))
        found.append(f"{names} reaches the script as OG_OVERRIDES alone, of which it seems to know nothing")
    return found + _changes(known, script)


def _changes(known: Origin, script: Script) -> list[str]:
    """What is not as it was when the run was started."""
    found: list[str] = []
    name = Path(script.path).name
    kept = (known.bundle.files or {}).get(name)
    if script.path and kept and kept != _sha256(script.path):
        found.append(f"{name} was changed since the run was started")
    commit = (known.bundle.git or {}).get("commit")
    now = (quick_git(known.cwd) or {}).get("commit")
    if commit and now and commit != now:
        found.append(f"the code is at commit {str(now)[:10]}; the run was started at {str(commit)[:10]}")
    return found


def _sha256(path: str) -> str:
    import hashlib

    try:
        with Path(path).open("rb") as file:
            return hashlib.sha256(file.read(scripts.MAX_SOURCE_BYTES + 1)).hexdigest()
    except OSError:
        return ""
