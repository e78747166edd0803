"""The checkpoints of a run as they stand now, and keeping one for as long as it may be gone back to."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs.errors import ConflictError, NotFoundError
from opengraphs.store import pins
from opengraphs.store.checkpoints import is_complete

if TYPE_CHECKING:
    from opengraphs.daemon.openstore import OpenStore
    from opengraphs.engine.saved import SavedPoints
    from opengraphs.protocol.resuming import CheckpointOut

LOOK_S = 1.0
"""So long completeness is looked at; of what is left then, it is what the event says."""


async def checkpoints(store: OpenStore, ref: str) -> list[CheckpointOut]:
    """All checkpoints of a run by step, registered and found, with whether they are there and whole now.

    Raises:
        NotFoundError, AmbiguousError, StoreError: as for every question about a run.
    """
    run_id = await store.resolve(ref)
    await store.checkpoints.look_back(run_id)
    saved = await store.ask(lambda engine: engine.saved(run_id), runs=(run_id,))
    return await asyncio.to_thread(_stand, saved)


async def pin(store: OpenStore, run_id: str, checkpoint_id: str) -> str:
    """Keep a checkpoint, so that the training's own rotation cannot take it away; where it is kept.

    Raises:
        NotFoundError: the run has none of that id.
        ConflictError: it is not whole, or being written.
        StoreError: it is gone or cannot be kept; the message says why.
    """
    saved = await store.ask(lambda engine: engine.saved(run_id), runs=(run_id,))
    found = next((one for one in saved.checkpoints if _id(one) == checkpoint_id), None)
    if found is None:
        raise _unknown(checkpoint_id, [_id(one) for one in saved.checkpoints])
    return await asyncio.to_thread(_pin, saved, checkpoint_id)


async def unpin(store: OpenStore, run_id: str, checkpoint_id: str) -> bool:
    """Give a kept checkpoint up; False when it was not kept."""
    folder = await store.ask(lambda engine: engine.folder_of(engine.resolve(run_id)))
    return await asyncio.to_thread(pins.unpin, folder, checkpoint_id)


def pick(found: Sequence[CheckpointOut], word: str) -> CheckpointOut:
    """The checkpoint that a person means: `latest`, `best`, a step, an id or a unique part of one, or a path.

    Raises:
        NotFoundError: none fits, or several do; the hint lists them.
    """
    ready = [one for one in found if one.get("exists") and one.get("complete")]
    if word == "latest":
        chosen = ready[-1:]
    elif word == "best":
        chosen = [one for one in ready if one.get("best")]
    else:
        real = os.path.realpath(word)
        chosen = [
            one for one in found if one["checkpoint_id"] == word or os.path.realpath(one["path"]) == real
        ]
        chosen = chosen or [one for one in ready if str(one.get("step")) == word][-1:]
        chosen = chosen or [one for one in found if word and word in one["checkpoint_id"]]
    if len(chosen) != 1:
        raise _unknown(word, [one["checkpoint_id"] for one in chosen or found])
    return chosen[0]


def _unknown(word: str, known: Sequence[str]) -> NotFoundError:
    return NotFoundError(
        f"no checkpoint {word!r}", hint=f"there are: {', '.join(known[-20:])}" if known else "there is none"
    )


def _pin(saved: SavedPoints, checkpoint_id: str) -> str:
    known = pins.pins_of(saved.folder).get(checkpoint_id)
    if known is not None:
        return known.path
    stands = {one["checkpoint_id"]: one for one in _stand(saved)}[checkpoint_id]
    if not stands["exists"] or not stands["complete"]:
        state = "not whole" if stands["exists"] else "gone, or overwritten by a later one"
        raise ConflictError(f"the checkpoint {checkpoint_id} is {state}", path=stands["path"])
    source = Path(os.path.realpath(stands["path"]))
    again = sum(_real(one) == str(source) for one in saved.checkpoints) > 1
    kept = pins.pin(saved.folder, checkpoint_id, source, kind=stands["format"], rewritten=again)
    return kept.path


def _stand(saved: SavedPoints) -> list[CheckpointOut]:
    """How each stands; works in a thread."""
    kept = pins.pins_of(saved.folder)
    newest = {_real(one): _id(one) for one in sorted(saved.checkpoints, key=_time)}
    deadline = time.monotonic() + LOOK_S
    rows = [
        _one(
            one, kept.get(_id(one)), saved.ranks, is_newest=newest[_real(one)] == _id(one), deadline=deadline
        )
        for one in saved.checkpoints
    ]
    _mark_best(rows, saved)
    return rows


def _one(
    event: Mapping[str, Any], kept: pins.Pin | None, ranks: int, *, is_newest: bool, deadline: float
) -> CheckpointOut:
    path, kind = _real(event), str(event.get("format") or "")
    exists = is_newest and bool(path) and os.path.lexists(path)
    if not exists and kept is not None:
        path, exists = kept.path, True
    complete = bool(event.get("complete"))
    if not exists or time.monotonic() < deadline:
        complete = exists and is_complete(path, kind, ranks=ranks)
    step, size = event.get("step"), event.get("bytes")
    return {
        "checkpoint_id": _id(event),
        "path": path or str(event.get("path") or ""),
        "step": step if isinstance(step, int) else None,
        "format": kind,
        "complete": complete,
        "exists": exists,
        "bytes": size if isinstance(size, int) else 0,
        "time": _time(event),
        "origin": str(event.get("origin") or "script"),
        "metrics": dict(event.get("metrics") or {}),
        "pinned": kept.path if kept is not None else "",
        "best": False,
    }


def _mark_best(rows: list[CheckpointOut], saved: SavedPoints) -> None:
    """The one, of those that are there, with the best value: of the run's main metric, at its step or as it was told."""
    if saved.metric is None or saved.better is None:
        return
    sign = 1.0 if saved.better == "min" else -1.0
    values: list[tuple[float, int]] = []
    for at, row in enumerate(rows):
        step = row["step"]
        told = row["metrics"].get(saved.metric)
        value = (
            told
            if isinstance(told, int | float)
            else saved.values.get(step, math.nan)
            if step is not None
            else math.nan
        )
        if row["exists"] and row["complete"] and math.isfinite(value):
            values.append((sign * value, at))
    if values:
        rows[min(values)[1]]["best"] = True


def _id(event: Mapping[str, Any]) -> str:
    return str(event.get("checkpoint_id") or event.get("path") or "")


def _real(event: Mapping[str, Any]) -> str:
    path = event.get("path")
    return os.path.realpath(path) if isinstance(path, str) and path and "://" not in path else ""


def _time(event: Mapping[str, Any]) -> float:
    value = event.get("mtime", event.get("time"))
    return float(value) if isinstance(value, int | float) else 0.0
