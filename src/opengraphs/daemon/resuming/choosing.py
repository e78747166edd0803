"""Which checkpoint a resumed run goes on from."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs.errors import NotFoundError, ProcessError, UsageError
from opengraphs.store import checkpoints as look

if TYPE_CHECKING:
    from opengraphs.protocol.resuming import CheckpointOut

ANEW = "none"
_MAX_LISTED = 8
_ANEW_HINT = "og resume RUN --checkpoint none begins anew"


def choose(checkpoints: Sequence[CheckpointOut], wanted: str, *, cwd: str) -> CheckpointOut | None:
    """The checkpoint that `wanted` means, complete and there; None for `none`.

    Args:
        checkpoints: of the run, and of those that it went on from, as they stand now.
        wanted: latest, best, none, a step, an id or the start of one, or a path.
        cwd: of the run; paths may be relative to it.

    Raises:
        NotFoundError: there is no such checkpoint.
        ProcessError: it is not complete, or not there any more.
    """
    if wanted == ANEW:
        return None
    if wanted in ("", "latest"):
        return _latest(checkpoints)
    if wanted == "best":
        return _best(checkpoints)
    return _usable(_named(checkpoints, wanted, cwd=cwd))


def _latest(checkpoints: Sequence[CheckpointOut]) -> CheckpointOut:
    if not checkpoints:
        raise NotFoundError("the run has no checkpoint", hint=_ANEW_HINT)
    whole = [one for one in checkpoints if one["complete"]]
    if not whole:
        raise ProcessError(
            f"none of the run's {len(checkpoints)} checkpoints is complete and still there", hint=_ANEW_HINT
        )
    return max(whole, key=_age)


def _age(checkpoint: CheckpointOut) -> tuple[int, float]:
    step = checkpoint.get("step")
    return (-1 if step is None else step, checkpoint.get("time") or 0.0)


def _best(checkpoints: Sequence[CheckpointOut]) -> CheckpointOut:
    whole = [one for one in checkpoints if one["complete"]]
    marked = [one for one in whole if one.get("best")]
    if marked:
        return max(marked, key=_age)
    metric, lowest = _judge(whole)
    if not metric:
        raise NotFoundError(
            "no checkpoint says how good it is", hint="og resume RUN --checkpoint latest, or a step of it"
        )
    scored = [(value, one) for one in whole if (value := _value(one, metric)) is not None]
    return min(scored, key=lambda pair: pair[0] if lowest else -pair[0])[1]


def _judge(checkpoints: Sequence[CheckpointOut]) -> tuple[str, bool]:
    """(the metric that tells which is best, whether less is better): one that every scored checkpoint has."""
    from opengraphs.engine.better import direction  # numpy comes with it

    keys: dict[str, int] = {}
    for one in checkpoints:
        for key in one.get("metrics") or {}:
            if direction(key) is not None and _value(one, key) is not None:
                keys[key] = keys.get(key, 0) + 1
    if not keys:
        return "", True
    metric = max(keys, key=lambda key: (keys[key], bool(re.search("val|eval|test", key)), -len(key)))
    return metric, direction(metric) == "min"


def _value(checkpoint: CheckpointOut, metric: str) -> float | None:
    value = (checkpoint.get("metrics") or {}).get(metric)
    return float(value) if isinstance(value, (int, float)) and not math.isnan(value) else None


def _named(checkpoints: Sequence[CheckpointOut], wanted: str, *, cwd: str) -> CheckpointOut:
    """By step, id or path."""
    by_id = [one for one in checkpoints if one.get("checkpoint_id") == wanted]
    if wanted.isdigit():
        by_id += [one for one in checkpoints if one.get("step") == int(wanted)]
    by_id = by_id or [one for one in checkpoints if str(one.get("checkpoint_id", "")).startswith(wanted)]
    if by_id:
        return max(by_id, key=lambda one: (one["complete"], _age(one)))
    path = os.path.normpath(Path(cwd, Path(wanted).expanduser()))
    for one in checkpoints:
        if path in (one.get("path"), one.get("pinned")):
            return one
    if Path(path).exists():
        return _unknown(path)
    raise NotFoundError(f"the run has no checkpoint {wanted!r}", hint=_known(checkpoints))


def _unknown(path: str) -> CheckpointOut:
    """A path that nobody registered."""
    kind, step = look.format_of(path), look.step_of(path)
    return {
        "checkpoint_id": "",
        "path": path,
        "step": None if step is None else step.value,
        "format": kind,
        "complete": look.is_complete(path, kind),
        "exists": True,
        "origin": "found",
        "metrics": {},
        "pinned": "",
        "best": False,
    }


def _known(checkpoints: Sequence[Mapping[str, Any]]) -> str:
    steps = sorted({int(one["step"]) for one in checkpoints if isinstance(one.get("step"), int)})
    if not steps:
        return _ANEW_HINT
    shown = ", ".join(map(str, steps[-_MAX_LISTED:]))
    return f"it has those of step {'…, ' if len(steps) > _MAX_LISTED else ''}{shown}"


def _usable(checkpoint: CheckpointOut) -> CheckpointOut:
    if checkpoint["complete"]:
        return checkpoint
    step, path = checkpoint.get("step"), str(checkpoint.get("path"))
    name = "the checkpoint" if step is None else f"the checkpoint of step {step}"
    if checkpoint["exists"]:
        raise ProcessError(f"{name} is not complete", hint="--checkpoint latest takes one that is", path=path)
    raise ProcessError(
        f"{name} is not there any more", hint="--checkpoint latest takes one that is", path=path
    )


def checked_word(value: Any) -> str:
    """The `checkpoint` of a request.

    Raises:
        UsageError: it is no text.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or "\0" in value:
        raise UsageError("checkpoint must be latest, best, none, a step, an id or a path")
    return value
