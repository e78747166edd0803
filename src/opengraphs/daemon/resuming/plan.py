"""What would be run: command, environment, and what to say about both. Nothing is started here."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from opengraphs.daemon.resuming import choosing, origin
from opengraphs.daemon.resuming.origin import Origin
from opengraphs.daemon.runnerlink import ask_runner
from opengraphs.errors import ProcessError, UsageError
from opengraphs.resuming import accepted, overrides, scripts
from opengraphs.resuming.inherited import HANDED_ON
from opengraphs.runner import restarting, succession
from opengraphs.runner.gitfiles import quick_git
from opengraphs.sdk import layout
from opengraphs.sdk.redact import REDACTED, redact_config
from opengraphs.store import bundle

if TYPE_CHECKING:
    from opengraphs.daemon.openstore import OpenStore
    from opengraphs.protocol.resuming import CheckpointOut, ResumePlan, ResumeRequest
    from opengraphs.resuming.scripts import Script

REASONS = ("user", "crash", "auto", "rollback")
MAX_NAME = 200
BUNDLE_S = 5.0
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


class _Command(NamedTuple):
    """The new command. arguments: settings that are in it; added: what makes the script go on."""

    script: Script
    words: list[str]
    arguments: list[str]
    added: list[str]


def _plan(known: Origin, saved: list[CheckpointOut], request: ResumeRequest) -> ResumePlan:
    known = origin.with_bundle(known)
    before, cwd = known.command, known.cwd
    if not Path(cwd).is_dir():
        raise ProcessError("the folder in which the run was started is gone", path=cwd)
    wanted = choosing.checked_word(request.get("checkpoint", "latest"))
    checkpoint = choosing.choose(saved, wanted, cwd=cwd)
    settings = {**_own_overrides(known), **overrides.checked(request.get("overrides") or {})}
    command = _command(known, checkpoint, settings)
    bundle_env, hidden = known.environment()
    extra = _env(request)
    return {
        "parent": _parent(known, checkpoint, request, settings),
        "checkpoint": checkpoint,
        "command": command.words,
        "cwd": cwd,
        "env": {**_contract(known, checkpoint, settings), **extra},
        "bundle_env": bundle_env,
        "missing": [name for name in hidden if name not in extra] + _hidden_words(command.words),
        **_guesses(command, request),
        "contract": _way(known, command.script, checkpoint),
        "warnings": _warnings(known, command, checkpoint, settings),
        "project": str(known.facts.get("project") or ""),
        "name": _name(known, request),
        "before": before,
        "overrides": settings,
        "arguments": command.arguments,
        "facts": {name: known.facts[name] for name in HANDED_ON if known.facts.get(name)},
    }


def _command(known: Origin, checkpoint: CheckpointOut | None, settings: Mapping[str, Any]) -> _Command:
    """A run that begins anew begins as the first of its family did, without what og added to go on."""
    base = known.command if checkpoint or not known.root_command else known.root_command
    script = scripts.look(base, known.cwd)
    words, arguments = overrides.with_overrides(base, settings, script, known.recorded)
    added = succession.filled(script.args, restarting.places(checkpoint)) if checkpoint else []
    return _Command(script, succession.with_arguments(words, added), arguments, added)


def _guesses(command: _Command, request: ResumeRequest) -> ResumePlan:
    """What of it nobody said; remembered as accepted when the request says so."""
    script = command.script
    if not (command.added and script.is_guessed):
        return {"guessed": [], "needs_confirmation": False}
    if request.get("confirmed"):
        accepted.accept(script.digest, script.args)
    known = bool(request.get("confirmed")) or accepted.is_accepted(script.digest, script.args)
    return {"guessed": command.added, "needs_confirmation": not known}


def _way(known: Origin, script: Script, checkpoint: CheckpointOut | None) -> str:
    """How the script learns where to go on."""
    if script.knows_og:
        return "og"
    if script.args:
        return "arguments"
    has_hooks = (known.facts.get("launch") or {}).get("hooks") is not False
    formats = checkpoint["format"] if checkpoint is not None else None
    return "framework" if has_hooks and script.framework and script.framework == formats else "none"


def _own_overrides(known: Origin) -> dict[str, Any]:
    """A run that was resumed with other settings hands them on."""
    found = (known.facts.get("parent") or {}).get("overrides")
    kept = found.items() if isinstance(found, dict) else ()
    return {name: value for name, value in kept if REDACTED not in str(value)}


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
    return {**parent, "overrides": redact_config(settings)} if settings else parent


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


def _name(known: Origin, request: ResumeRequest) -> str:
    given: Any = request.get("name")
    if given is not None and not (isinstance(given, str) and given.strip() and len(given) <= MAX_NAME):
        raise UsageError(f"name must be a text of at most {MAX_NAME} characters")
    name = str(given or "") or succession.next_name(str(known.facts.get("name") or known.run_id))
    while not given and name in known.names:
        name = succession.next_name(name)
    return name


def _warnings(
    known: Origin, command: _Command, checkpoint: CheckpointOut | None, settings: Mapping[str, Any]
) -> list[str]:
    script, unplaced = command.script, set(settings) - set(command.arguments)
    found: list[str] = []
    if known.facts.get("status") == "running":
        found.append("the run is still going on")
    if not origin.is_here(known.facts):
        found.append(f"the run was one of {known.facts.get('host')}, not of this machine")
    if checkpoint is not None and _way(known, script, checkpoint) == "none":
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
