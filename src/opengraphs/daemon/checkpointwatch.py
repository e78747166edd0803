"""Finds the checkpoints that live runs write without telling: slowly, in a thread of its own.

A round looks at the folders of every live run and registers what is whole and new, as an event
of ogd's. Of a round that finds nothing new the cost is a `stat` for each known folder.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from opengraphs.daemon.ownevents import append_events
from opengraphs.errors import OgError

if TYPE_CHECKING:
    from opengraphs.engine import Change, EngineStore
    from opengraphs.engine.saved import Saving
    from opengraphs.store.checkpointlook import Found
    from opengraphs.store.checkpointplaces import Place

log = logging.getLogger("ogd.checkpoints")

LOOK_S, WAITING_S = 5.0, 2.0
"""Between rounds; the second where something was seen that has to stay the same for a while before it counts."""
SHARE = 50
"""A round that took t seconds is not begun again within 50 t."""
PLACES_S = 30.0
"""New folders in a working folder are noticed within so long."""
SLACK_S = 2.0
"""Between the clocks of a file system and of this machine."""


class Ask(Protocol):
    """Has something done in the store's thread, when nothing else waits there."""

    def __call__(self, act: Callable[[EngineStore, list[Change]], Any]) -> Awaitable[Any]: ...


class _Run:
    """One run that is looked at. until_s: as of `Saving`; is_over: it ended, and nothing is left to look at."""

    def __init__(self, saving: Saving) -> None:
        from opengraphs.store.checkpointlook import (
            Look,
        )  # patterns, which a daemon that starts does not wait for

        self.saving = saving
        self.look = Look(since_s=saving.since_s - SLACK_S)
        self.places: list[Place] = []
        self._placed_at = -math.inf
        self._placed_for: Mapping[str, Any] = {}
        self.is_over = False

    def round(self, now_s: float) -> list[Found]:
        """One look at its folders."""
        from opengraphs.store.checkpointplaces import places_of

        saving = self.saving
        if (
            saving.facts != self._placed_for
            or now_s - self._placed_at > PLACES_S
            or saving.until_s is not None
        ):
            self.places = places_of(saving.facts, saving.folder, ckpt_dir=saving.ckpt_dir)
            self._placed_for, self._placed_at = saving.facts, now_s
        found = self.look.look(self.places, now_s=now_s)
        self.is_over = saving.until_s is not None and not self.look.waits
        return found


class CheckpointWatch:
    """The live runs of one store and the looks at their folders; loop thread, but for the looks.

    Args:
        ask: what reaches the engine.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._runs: dict[str, _Run] = {}
        self._over: set[str] = set()
        self._seen: set[str] = set()

    async def round(self) -> float:
        """Look at every run once; seconds until the next round is due, `inf` without a run."""
        savings = await self._ask(lambda engine, _: engine.saving_now(self._runs, self._seen))
        self._take_in(savings)
        if not self._runs:
            return math.inf
        began = time.monotonic()
        found = await asyncio.to_thread(self._look)
        took = time.monotonic() - began
        for run_id, checkpoints in found.items():
            await self.register(run_id, checkpoints)
        for run_id in [run_id for run_id, run in self._runs.items() if run.is_over]:
            self._over.add(run_id)
            del self._runs[run_id]
        waits = any(run.look.waits for run in self._runs.values())
        return max(WAITING_S if waits else LOOK_S, SHARE * took)

    def _take_in(self, savings: Sequence[Saving]) -> None:
        wanted = {saving.run_id: saving for saving in savings if saving.run_id not in self._over}
        for run_id in self._runs.keys() - wanted.keys():
            del self._runs[run_id]  # its folder is gone
        for run_id, saving in wanted.items():
            run = self._runs.get(run_id)
            if run is None:
                self._runs[run_id] = _Run(saving)
            else:
                run.saving = saving

    def _look(self) -> dict[str, list[Found]]:
        """What is new of each run and nobody else's; works in a thread."""
        now_s = time.monotonic()
        found = {run_id: run.round(now_s) for run_id, run in list(self._runs.items())}
        return {
            run_id: mine
            for run_id, checkpoints in found.items()
            if (mine := [one for one in checkpoints if self._is_its_own(run_id, one)])
        }

    def _is_its_own(self, run_id: str, checkpoint: Found) -> bool:
        """A place that no run names may be that of any run which lives beside: then it is nobody's."""
        until_s = self._runs[run_id].saving.until_s
        if until_s is not None and checkpoint.mtime_s > until_s + SLACK_S:
            return False
        others = [run for name, run in self._runs.items() if name != run_id]
        return checkpoint.named or not any(
            run.saving.since_s <= checkpoint.mtime_s and run.look.sees(checkpoint.path) for run in others
        )

    async def register(self, run_id: str, found: Sequence[Found]) -> int:
        """Write events for those that nobody registered yet; how many."""
        events = await self._ask(lambda engine, _: engine.checkpoint_events(run_id))
        fresh = await asyncio.to_thread(unknown_of, found, events)
        if not fresh:
            return 0
        return int(await self._ask(lambda engine, changes: _write(engine, changes, run_id, fresh)))

    async def look_back(self, run_id: str) -> int:
        """Look once for what a run that has ended left, if it was not watched to its end; how many were new."""
        if run_id in self._over or run_id in self._runs:
            return 0
        saving = await self._ask(lambda engine, _: engine.saving(run_id))
        if saving is None or saving.until_s is None:
            return 0
        self._over.add(run_id)
        found = await asyncio.to_thread(_left_by, saving)
        return await self.register(run_id, found) if found else 0


def _left_by(saving: Saving) -> list[Found]:
    """Of a run that ended long ago only what lies where the run says: other places may be of later runs."""
    from opengraphs.store.checkpointlook import found_in
    from opengraphs.store.checkpointplaces import places_of

    places = places_of(saving.facts, saving.folder, ckpt_dir=saving.ckpt_dir)
    named = [place for place in places if place.named]
    until_s = (saving.until_s or math.inf) + SLACK_S
    return [one for one in found_in(named, since_s=saving.since_s - SLACK_S) if one.mtime_s <= until_s]


def unknown_of(found: Sequence[Found], events: Iterable[Mapping[str, Any]]) -> list[Found]:
    """Those of `found` that no event tells of: not the same place after its last change, nor a part of one."""
    told: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        path = event.get("path")
        if isinstance(path, str) and path:
            told.setdefault(os.path.realpath(path), []).append(event)
    return [one for one in found if not _is_told(one, told)]


def _is_told(checkpoint: Found, told: Mapping[str, Sequence[Mapping[str, Any]]]) -> bool:
    if any(_is_as_new(event, checkpoint) for event in told.get(checkpoint.path, ())):
        return True
    return any(
        path.startswith(checkpoint.path + os.sep) or checkpoint.path.startswith(path + os.sep)
        for path, events in told.items()
        if any(event.get("origin") != "found" for event in events)
    )


def _is_as_new(event: Mapping[str, Any], checkpoint: Found) -> bool:
    """Whether an event is about a checkpoint as it stands now."""
    if event.get("origin") == "found":
        return abs(_number(event.get("mtime")) - checkpoint.mtime_s) < 1e-3
    named = checkpoint.step
    same_step = named is not None and named.sure and event.get("step") == named.value
    return same_step or _number(event.get("time")) + SLACK_S >= checkpoint.mtime_s


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _write(engine: EngineStore, changes: list[Change], run_id: str, found: Sequence[Found]) -> int:
    """Into the run's journal; what cannot be written (a full disk, a read-only store) is not told."""
    events = [_event_of(one, engine.step_at(run_id, one.mtime_s)) for one in found]
    try:
        append_events(engine.folder_of(run_id), events, after_s=engine.newest_event_s(run_id))
    except (OSError, OgError, KeyError) as error:
        log.warning("checkpoints of %s could not be registered: %s", run_id, error)
        return 0
    changes += engine.look_at(run_id)
    return len(events)


def _event_of(found: Found, logged: int | None) -> dict[str, Any]:
    """The event that registers it.

    Args:
        logged: the furthest step that the run had logged when it was written.
    """
    step, told_by = _step_of(found, logged)
    digest = hashlib.blake2s(f"{found.path}\0{found.mtime_s!r}".encode("utf-8", "replace"), digest_size=3)
    return {
        "kind": "checkpoint",
        "checkpoint_id": f"found-{'x' if step is None else step}-{digest.hexdigest()}",
        "path": found.path,
        "step": step,
        "step_from": told_by,
        "format": found.format,
        "complete": True,
        "bytes": found.bytes,
        "mtime": found.mtime_s,
        "origin": "found",
        "metrics": {},
    }


def _step_of(found: Found, logged: int | None) -> tuple[int | None, str]:
    """The step and what told it. A number in a name that may be an epoch counts where it fits what was logged."""
    named = found.step
    if named is not None and (named.sure or logged is None or logged // 2 <= named.value <= 2 * logged + 10):
        return named.value, "name"
    return logged, "time" if logged is not None else ""
