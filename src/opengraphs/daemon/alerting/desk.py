"""The watched runs of one store; works in the store's thread, a bounded piece at a time."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs.alerts.watch import RunWatch
from opengraphs.daemon.alerting.keeping import Keeping
from opengraphs.daemon.alerting.rulebook import Rulebook
from opengraphs.daemon.ownevents import append_events
from opengraphs.errors import OgError

if TYPE_CHECKING:
    from opengraphs.daemon.alerting.runalerts import RunAlerts
    from opengraphs.engine import Change, EngineStore

log = logging.getLogger("ogd.alerts")
LOOK_S, MOST_LOOK_S = 1.0, 10.0
SHARE = 12
"""A round over all live runs that took t seconds of processor time is not begun again within 12 t: very many
runs are judged some seconds later, and never cost more than a tenth of a core."""
BUDGET_S = 0.03
"""Of the store's thread, at a time: a request waits no longer."""
SHORT_S = 60.0
"""A run that nobody saw alive is looked at when it ended no longer ago."""


class AlertDesk:
    """Which runs are watched, and what their detectors say.

    Attributes:
        rulebook: what the user asks for beside the detectors.
    """

    def __init__(self, store: Path) -> None:
        self.rulebook = Rulebook(store)
        self._keeping = Keeping(store)
        self._runs: dict[str, RunAlerts] = {}
        self._seen: set[str] | None = None
        self._silences = self._keeping.silences()
        self._todo: list[str] = []
        """Runs that this round has still to look at."""
        self._round_s = 0.0

    def look(self, engine: EngineStore, changes: list[Change]) -> float:
        """A slice of a round over the watched runs; seconds until the next one is due."""
        began, deadline = time.thread_time(), time.monotonic() + BUDGET_S
        if not self._todo:
            self._take_in(engine)
            self._todo = list(self._runs)
        while self._todo:
            run = self._runs.get(self._todo.pop())
            if run is not None:
                changes += engine.poll([run.run_id])
                self._look_at(engine, changes, self._renew(engine, run), deadline)
            if time.monotonic() > deadline:
                break
        self._round_s += time.thread_time() - began
        if self._todo:
            return 0.0
        took, self._round_s = self._round_s, 0.0
        return min(MOST_LOOK_S, max(LOOK_S, SHARE * took)) if self._runs else math.inf

    def _take_in(self, engine: EngineStore) -> None:
        """Watch the runs that live, those that did when ogd ended, and those that were too quick for us."""
        known = engine.run_ids()
        wanted = set(engine.live_runs())
        if self._seen is None:
            wanted |= known.intersection(self._keeping.runs())
            self._seen = set(self._keeping.over())
        wanted |= {run_id for run_id in known - self._seen if engine.ended_within(run_id, SHORT_S)}
        self._seen = set(known)
        for run_id in sorted(wanted - self._runs.keys()):
            self._runs[run_id] = self._begin(engine, run_id)
        for run_id in self._runs.keys() - known:
            self._end(run_id)

    def _begin(self, engine: EngineStore, run_id: str, state: Mapping[str, Any] | None = None) -> RunAlerts:
        from opengraphs.daemon.alerting.runalerts import RunAlerts  # numpy comes with the engine

        facts = engine.facts(run_id)
        wanted = self.rulebook.for_run(facts)
        rules = [rule for rule in wanted.rules if not rule.filter or engine.fits(run_id, rule.filter)]
        watch = RunWatch(settings=wanted.settings, roles=wanted.roles, rules=rules)
        watch.silence(self._silences_of(run_id))
        run = RunAlerts(run_id, watch, state or self._keeping.load(run_id))
        run.stamp = (self.rulebook.stamp(facts), facts.get("metric_roles"))
        return run

    def _renew(self, engine: EngineStore, run: RunAlerts) -> RunAlerts:
        """The same run by other rules, where a file or the script says so; what detectors knew stays."""
        facts = engine.facts(run.run_id)
        if run.stamp == (self.rulebook.stamp(facts), facts.get("metric_roles")):
            return run
        renewed = self._runs[run.run_id] = self._begin(engine, run.run_id, run.whole_state())
        return renewed

    def _look_at(self, engine: EngineStore, changes: list[Change], run: RunAlerts, deadline_s: float) -> None:
        events = run.look(engine, deadline_s)
        said = run.others(engine)
        if events:
            self._write(engine, changes, run.run_id, events)
        if said:
            self._tell(engine, changes, run.run_id, said)
        if run.is_over:
            self._end(run.run_id)
        elif (state := run.state(at_once=bool(events or said))) is not None:
            self._keeping.save(run.run_id, state)

    def _write(
        self, engine: EngineStore, changes: list[Change], run_id: str, events: list[dict[str, Any]]
    ) -> None:
        """Into the run's journal, and to whoever listens; an alert that cannot be written is told of all the same."""
        try:
            events = append_events(engine.folder_of(run_id), events, after_s=engine.newest_event_s(run_id))
        except (OSError, OgError) as error:
            log.warning("alerts of %s could not be written: %s", run_id, error)
        else:
            changes += engine.look_at(run_id)
        self._tell(engine, changes, run_id, events)

    @staticmethod
    def _tell(engine: EngineStore, changes: list[Change], run_id: str, events: list[dict[str, Any]]) -> None:
        changes.append({"kind": "alert", "run": run_id, "about": engine.about(run_id), "alerts": events})

    def _end(self, run_id: str) -> None:
        del self._runs[run_id]
        self._keeping.forget(run_id)

    # -- silences ------------------------------------------------------------------------------

    def silences(self) -> list[dict[str, Any]]:
        """Those that still hold."""
        now = time.time()
        self._silences = [one for one in self._silences if one.get("until") is None or one["until"] > now]
        return list(self._silences)

    def silence(self, silence: dict[str, Any]) -> None:
        """One more; it holds from now on, for runs to come as well."""
        self._silences = [*self.silences(), silence]
        self._tell_silences()

    def unsilence(self, silence_id: str) -> bool:
        """Take one back; False when there is none of that name."""
        left = [one for one in self.silences() if one["id"] != silence_id]
        was = len(left) < len(self._silences)
        self._silences = left
        self._tell_silences()
        return was

    def _tell_silences(self) -> None:
        self._keeping.keep_silences(self._silences)
        for run_id, run in self._runs.items():
            run.watch.silence(self._silences_of(run_id))

    def _silences_of(self, run_id: str) -> list[dict[str, Any]]:
        return [one for one in self._silences if one.get("run") in (None, "", run_id)]

    def close(self) -> None:
        """Keep what is known: ogd ends."""
        for run_id, run in self._runs.items():
            state = run.state(at_once=True)
            if state is not None:
                self._keeping.save(run_id, state)
