"""What a run saved: its registered checkpoints, what they scored, and where more of them may lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.engine import better, rules
from opengraphs.engine.catalog import Entry
from opengraphs.engine.rundata import RunData
from opengraphs.engine.watching import Watching, epoch_s
from opengraphs.store.bundle import read_environment

_CURVES = 64
HEARTBEATS_S = 30.0
JUST_ENDED_S = 60.0
"""A run that nobody saw alive is looked at when it ended no longer ago."""


class Saving(NamedTuple):
    """A run that may be saving checkpoints. since_s, until_s: epoch seconds; until_s None while it lives.

    ckpt_dir: OG_CKPT_DIR, as its bundle has it.
    """

    run_id: str
    folder: Path
    facts: dict[str, Any]
    since_s: float
    until_s: float | None
    ckpt_dir: str


class SavedPoints(NamedTuple):
    """Checkpoints by step as events have them, and what a run's main metric was at each step.

    better: the end of the metric that counts, None when it has none. ranks: of the training.
    """

    run_id: str
    folder: Path
    checkpoints: list[dict[str, Any]]
    metric: str | None
    better: str | None
    values: dict[int, float]
    ranks: int


class Saved(Watching):
    """Questions about checkpoints."""

    def saving(self, run_id: str) -> Saving | None:
        """Where to look for checkpoints of a run; None of one that is gone, foreign, or of another host."""
        entry = self._catalog.entries.get(run_id)
        if entry is None or entry.followed or entry.facts.get("source_path"):
            return None
        facts = entry.facts
        began = epoch_s(facts.get("started_at") or facts.get("created_at"))
        if began is None or facts.get("host") != self._host:
            return None
        ended = None if entry.is_live else _ended_s(facts)
        told = {key: facts.get(key) for key in ("cwd", "config", "command")}
        if not entry.is_live and ended is None:
            return None
        kept = read_environment(entry.folder) or {}
        return Saving(run_id, entry.folder.path, told, began, ended, str(kept.get("OG_CKPT_DIR") or ""))

    def saving_now(self, known: Iterable[str], seen: set[str]) -> list[Saving]:
        """Live runs, new ones that have ended just now, and those of `known`, as far as `saving` has something to say.

        Args:
            seen: ids that are no news; all there are now are added.
        """
        fresh = [run_id for run_id in self._catalog.entries if run_id not in seen]
        seen.update(fresh)
        quick = [run_id for run_id in fresh if self.ended_within(run_id, JUST_ENDED_S)]
        found = [self.saving(run_id) for run_id in dict.fromkeys([*self._catalog.live(), *quick, *known])]
        return [one for one in found if one is not None]

    def checkpoint_events(self, run_id: str) -> list[dict[str, Any]]:
        """Every event of kind checkpoint of a run, in order of time."""
        return self._events_of(run_id, "checkpoint")

    def step_at(self, run_id: str, time_s: float) -> int | None:
        """The furthest step logged at or before a moment; None before the first."""
        entry = self._catalog.entries.get(run_id)
        if entry is None:
            return None
        return self._quietly(entry, lambda: _step_at(self._data(entry), time_s), None)

    def saved(self, ref: str) -> SavedPoints:
        """A run's registered checkpoints and the value of its main metric at the step of each.

        Raises:
            NotFoundError, AmbiguousError, StoreError: as for every question about a run.
        """
        entry = self._entry(ref)
        with self._reading(entry):
            return self._try(lambda: self._saved(entry))

    def _saved(self, entry: Entry) -> SavedPoints:
        data, events = self._data(entry), self._files_of(entry).events
        events.refresh()
        found = events.checkpoints()
        main = rules.main_metric(list(data.curves()))
        steps = {point["step"] for point in found if isinstance(point.get("step"), int)}
        values = _values_at(data, main, steps) if main is not None else {}
        world: Any = (entry.facts.get("ranks") or {}).get("world_size", 1)
        end = better.direction(main) if main is not None else None
        ranks = world if isinstance(world, int) else 1
        return SavedPoints(entry.run_id, entry.folder.path, found, main, end, values, ranks)


def _ended_s(facts: Mapping[str, Any]) -> float | None:
    """When a run ended; of one that was killed it is known to a heartbeat or two."""
    ended = epoch_s(facts.get("ended_at") or facts.get("heartbeat_at"))
    is_guess = facts.get("status") in ("crashed", "lost") or not facts.get("ended_at")
    return ended + HEARTBEATS_S if ended is not None and is_guess else ended


def _step_at(data: RunData, time_s: float) -> int | None:
    found: list[int] = []
    for curve in list(data.curves().values())[:_CURVES]:
        if curve.ranks:
            strip = curve.newest(curve.ranks[0])
            place = strip.find("time", time_s, right=True) - 1
            if place >= 0:
                found.append(int(strip.read(place, place + 1).steps[0]))
    return max(found, default=None)


def _values_at(data: RunData, key: str, steps: Iterable[int]) -> dict[int, float]:
    """The value at or before each step; nothing for a step before the first point."""
    strip, found = data.curves()[key].newest(), {}
    for step in steps:
        place = strip.find("step", float(step), right=True) - 1
        if place >= 0:
            found[step] = float(strip.read(place, place + 1).values[0])
    return found
