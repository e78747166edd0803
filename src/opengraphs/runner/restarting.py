"""After a crash: from which checkpoint to go on, with which command, and when.

Without the daemon, which may be gone: the run's own events name its checkpoints, and each is
looked at again before anything is started from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from opengraphs.sdk import layout
from opengraphs.sdk.checkpoints import describe

from . import succession
from .environ import INHERITED

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0
_MAX_LINE_BYTES = 1 << 20
_PIN = "pin.json"


class Restart(TypedDict):
    """left: tries that remain. made: those already made. wait_s: before the first of them, doubled each time.
    args: arguments that make the script go on from `{path}`; none for one that knows og's variables.
    """

    left: int
    made: int
    wait_s: float
    args: list[str]


def wanted(left: int, *, args: list[str] | None = None, wait_s: float = FIRST_WAIT_S) -> Restart:
    """The setting of `og run --restart-on-crash N`."""
    return {"left": left, "made": 0, "wait_s": wait_s, "args": list(args or [])}


def wait_s(restart: Mapping[str, Any]) -> float:
    """Seconds from the crash to the next try: 2, 4, 8, … and never more than five minutes."""
    return float(min(LONGEST_WAIT_S, restart["wait_s"] * 2.0 ** min(restart["made"], 32)))


def order(spec: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """What `successor` shall launch. Without any checkpoint the training begins anew.

    Args:
        spec: the launch spec of the run that crashed.
        facts: its run.json.
    """
    restart, before = spec["restart"], spec["contract"]
    found = newest_checkpoint(spec["run_dir"]) or _resumed_from(before)
    parent: dict[str, Any] = {"run_id": facts["run_id"], "reason": "crash"}
    if found is not None:
        parent.update(
            {name: found[name] for name in ("checkpoint_id", "step") if found.get(name) is not None}
        )
    return {
        **{name: facts[name] for name in INHERITED if facts.get(name) and name != "config"},
        "command": command(spec["command"], restart["args"], found),
        "env": contract(found, facts=facts, before=before),
        "parent": parent,
        "name": succession.next_name(str(facts["name"])),
        "project": facts["project"],
        "restart": {**restart, "left": restart["left"] - 1, "made": restart["made"] + 1},
    }


def command(words: list[str], args: list[str], found: Mapping[str, Any] | None) -> list[str]:
    """The command that goes on from a checkpoint."""
    if found is None or not args:
        return list(words)
    return succession.with_arguments(words, succession.filled(args, places(found)))


def places(found: Mapping[str, Any]) -> dict[str, str]:
    """What `{path}`, `{folder}` and `{step}` stand for in the arguments of a script."""
    path = str(found["path"])
    step = found.get("step")
    return {"path": path, "folder": os.path.dirname(path), "step": "" if step is None else str(step)}


def contract(
    found: Mapping[str, Any] | None, *, facts: Mapping[str, Any], before: Mapping[str, str]
) -> dict[str, str]:
    """The variables for the training that goes on. `before`: the contract of the one it goes on from."""
    attempt = before.get("OG_ATTEMPT", "0")
    known = {
        "OG_ROOT_RUN_ID": before.get("OG_ROOT_RUN_ID") or str(facts["run_id"]),
        "OG_ATTEMPT": str(int(attempt) + 1 if attempt.isdigit() else 1),
        **({"OG_OVERRIDES": before["OG_OVERRIDES"]} if before.get("OG_OVERRIDES") else {}),
    }
    return {**known, **resume_variables(found)}


def resume_variables(found: Mapping[str, Any] | None) -> dict[str, str]:
    """The part of the contract that is about the checkpoint; `OG_RESUME=0` without one."""
    if found is None:
        return {"OG_RESUME": "0"}
    step = found.get("step")
    return {
        "OG_RESUME": "1",
        "OG_RESUME_FROM": str(found["path"]),
        "OG_RESUME_STEP": "" if step is None else str(step),
        "OG_RESUME_KIND": str(found.get("format") or "custom"),
    }


def _resumed_from(before: Mapping[str, str]) -> dict[str, Any] | None:
    """The checkpoint that this run itself went on from: better than the beginning."""
    path = before.get("OG_RESUME_FROM", "")
    if before.get("OG_RESUME") != "1" or not _is_whole(path):
        return None
    step = before.get("OG_RESUME_STEP", "")
    known = {"path": path, "format": before.get("OG_RESUME_KIND", "")}
    return {**known, "step": int(step) if step.isdigit() else None}


def newest_checkpoint(run_dir: str) -> dict[str, Any] | None:
    """The complete checkpoint of the highest step that is still there."""
    found: dict[str, dict[str, Any]] = {}
    for event in _events(os.path.join(run_dir, layout.EVENTS)):
        name = str(event.get("checkpoint_id") or event.get("path"))
        found[name] = {**found.get(name, {}), **event}
    pinned = _pinned(os.path.join(run_dir, layout.CHECKPOINTS))
    for event in sorted(found.values(), key=_age, reverse=True):
        for path in (event.get("path"), pinned.get(str(event.get("checkpoint_id")))):
            if isinstance(path, str) and path and _is_whole(path):
                return {**event, "path": path}
    return None


def _pinned(folder: str) -> dict[str, str]:
    """Where og keeps checkpoints that their training may have removed, by id."""
    found: dict[str, str] = {}
    try:
        names = os.listdir(folder)
    except OSError:
        return found
    for name in names:
        try:
            with open(os.path.join(folder, name, _PIN), "rb") as file:
                told = json.loads(file.read(_MAX_LINE_BYTES))
            found[str(told["checkpoint_id"])] = os.path.join(folder, name, os.path.basename(told["name"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found


def _age(event: Mapping[str, Any]) -> tuple[float, float]:
    step, time = event.get("step"), event.get("time")
    return (
        float(step) if isinstance(step, (int, float)) else -1.0,
        float(time) if isinstance(time, (int, float)) else 0.0,
    )


def _is_whole(path: str) -> bool:
    try:
        return bool(describe(path)["complete"])
    except OSError:
        return False


def _events(folder: str) -> Iterator[dict[str, Any]]:
    """Checkpoint events of all writers; lines that do not parse are passed over."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if layout.split_segment(name) is None:
            continue
        try:
            with open(os.path.join(folder, name), "rb") as file:
                while line := file.readline(_MAX_LINE_BYTES):
                    event = _checkpoint(line)
                    if event is not None:
                        yield event
        except OSError:
            continue


def _checkpoint(line: bytes) -> dict[str, Any] | None:
    if b'"checkpoint"' not in line:
        return None
    try:
        event = json.loads(line.strip(b"\0 \r\n"))
    except ValueError:
        return None
    return event if isinstance(event, dict) and event.get("kind") == "checkpoint" else None
