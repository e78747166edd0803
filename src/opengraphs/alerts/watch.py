"""All that watches one run: which detectors look at which metric, and what comes of it.

point(metric, …) ─ rank mean ─ Series (track, detectors) ─┐
system(metric, …) ─ Machine ──────────────────────────────┼─ Incidents ─ take() ─ events
tick(now, facts) ─ Pulse (stall, ranks, crash) ───────────┘
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from opengraphs.alerts.detectors import Around, Detector
from opengraphs.alerts.finding import AlertEvent, Finding, lower
from opengraphs.alerts.incident import Incidents, Silence
from opengraphs.alerts.machine import Machine
from opengraphs.alerts.pulse import Pulse, RunLook
from opengraphs.alerts.rankmean import RankMean
from opengraphs.alerts.roles import Role, role_of
from opengraphs.alerts.ruled import RuleFinding, RunRules
from opengraphs.alerts.rules import Rule
from opengraphs.alerts.series import Series
from opengraphs.alerts.settings import Settings
from opengraphs.alerts.stragglers import Stragglers

STATE = 1
GRACE_POINTS = 50
LR_JUMP = 1.5
_PACE = "seconds per step"


class RunWatch:
    """The alerts of one run.

    Args:
        settings: what is off, at which level, after how long.
        roles: metric or glob to role, where the name does not say it.
        rules: what the user asks for beside the detectors.
    """

    def __init__(
        self,
        *,
        settings: Settings | None = None,
        roles: Mapping[str, Role] | None = None,
        rules: Sequence[Rule] = (),
    ) -> None:
        self.settings = settings or Settings()
        self._said = dict(roles or {})
        self._roles: dict[str, Role] = {}
        self._series: dict[str, Series] = {}
        self._ranks = RankMean()
        self._around = Around()
        self._incidents = Incidents()
        self._machine = Machine(self.settings)
        self._pulse = Pulse(self.settings)
        self._stragglers = Stragglers(self.settings)
        self._rules = RunRules(rules)
        self._lr = _LearningRate()
        self._main: str | None = None
        self._has_pace = False
        self._beat_at = -math.inf

    # -- what is fed ---------------------------------------------------------------------------

    def role(self, metric: str) -> Role:
        """What the metric is."""
        known = self._roles.get(metric)
        if known is None:
            known = self._roles[metric] = role_of(metric, self._said)
        return known

    def wants(self, metric: str) -> bool:
        """Whether every point of it matters; of others only those that are not finite."""
        return self.role(metric) != "other" or self._machine.wants(metric) or self._rules.wants(metric)

    def say_roles(self, roles: Mapping[str, Role]) -> None:
        """A person said what metrics are; series that were begun in another role begin anew."""
        self._said.update(roles)
        self._roles.clear()
        for metric in [name for name, series in self._series.items() if series.role != self.role(name)]:
            del self._series[metric]

    def point(
        self, metric: str, step: int, time: float, value: float, *, rank: int = 0, ranks: int = 1
    ) -> None:
        """One point, in order of time. ranks: how many log this metric; they count as their mean."""
        if time != self._beat_at or rank:
            self._beat_at = time
            self._pulse.point(step, time, rank)
        if ranks > 1:
            if (role := self.role(metric)) in ("step_time", "throughput"):
                rate = role == "throughput"
                for finding in self._stragglers.add(metric, rank, step, time, value, rate=rate):
                    self._incidents.take(finding)
            for merged in self._ranks.add(metric, rank, ranks, step, time, value):
                self._add(metric, *merged)
        else:
            self._add(metric, step, time, value)

    def odd(self, metric: str, step: int, time: float, value: float) -> None:
        """A point that is not finite, of a metric that `wants` does not name and that was a number before."""
        self._pulse.point(step, time, 0)
        series = self._series.get(metric) or self._series.setdefault(metric, self._begin(metric))
        series.track.n = series.track.n or 1
        self._add(metric, step, time, value)

    def _add(self, metric: str, step: int, time: float, value: float) -> None:
        if self._rules:
            self._ruled(self._rules.point(metric, step, time, value))
        series = self._series.get(metric)
        if series is None:
            series = self._series[metric] = self._begin(metric)
        if series.role == "lr":
            self._lr.add(step, value)
            self._around.lr_share = self._lr.share
            return
        has_news = series.add(step, time, value, self._around)
        if metric == self._main and not self._has_pace:
            self._add_pace(series, step, time)
        if not has_news:
            return
        for detector in series.changed:
            self._found(metric, series, detector, step, time)

    def _begin(self, metric: str) -> Series:
        role = self.role(metric)
        series = Series(role, self.settings)
        if role == "loss" and (self._main is None or len(metric) < len(self._main)):
            self._main, self._around.train = metric, series.track
        self._has_pace = self._has_pace or role in ("step_time", "throughput")
        return series

    def _add_pace(self, series: Series, step: int, time: float) -> None:
        """Where nobody logs how long steps take, the clock does."""
        pace = self._series.get(_PACE) or self._series.setdefault(_PACE, Series("step_time", self.settings))
        seconds = series.step_seconds(step, time)
        if seconds is not None and pace.add(step, time, seconds, self._around):
            for detector in pace.changed:
                self._found("", pace, detector, step, time)

    def _found(self, metric: str, series: Series, detector: Detector, step: int, time: float) -> None:
        if not detector.hot:
            self._incidents.take(Finding(detector.name, metric, False, step, time, place=series.track.n))
            return
        level = self.settings.level_of(detector.name, detector.grade())
        text = ""
        if detector.name in ("level_up", "grad_explosion") and (why := self._expected(series, step)):
            level, text = lower(level), why
        self._incidents.take(
            Finding(
                detector.name, metric, True, step, time, detector.onset, level, detector.title(metric), text,
                detector.evidence(series.track), series.track.n,
            )
        )  # fmt: skip

    def _expected(self, series: Series, step: int) -> str:
        """Why a rise may be meant: the learning rate jumped, or the run was resumed."""
        if self._lr.jumped_at is not None and 0 <= step - self._lr.jumped_at <= self._lr.grace:
            return f"The learning rate rose {self._lr.jump:.3g} times at step {self._lr.jumped_at}: an expected change?"
        if series.resumed_n is not None and series.track.n - series.resumed_n <= GRACE_POINTS:
            return "The run was resumed just before."
        return ""

    def system(self, metric: str, time: float, value: float, *, machine: int = 0) -> None:
        """A sample of a machine, such as `gpu.0.util_percent`; of several each is judged by itself."""
        for finding in self._machine.add(metric, time, value, machine):
            self._incidents.take(finding)

    def checkpoint(self, size_bytes: int) -> None:
        """A checkpoint of so many bytes was written: the disk must have room for two more."""
        self._machine.checkpoint_bytes = size_bytes

    def progress(self, done: float | None) -> None:
        """The share of the run that is over, None where nobody knows."""
        self._around.done = done

    def tick(self, now: float, look: RunLook) -> None:
        """Time passes: what only a clock can tell."""
        for finding in self._pulse.tick(now, look):
            self._incidents.take(finding)
        self._ruled(self._rules.tick(now))
        self._incidents.tick(now)

    def _ruled(self, found: list[RuleFinding]) -> None:
        for one in found:
            self._incidents.take(one.finding, cool_s=one.cool_s, cool_points=one.cool_points)

    def silence(self, silences: list[dict[str, Any]]) -> None:
        """These alerts are not told of, and no others."""
        self._incidents.silences = [Silence(one) for one in silences]

    # -- what comes out ------------------------------------------------------------------------

    def take(self) -> list[AlertEvent]:
        """The events since the last call."""
        self._ruled(self._rules.flush())
        events, self._incidents.events = self._incidents.events, []
        return events

    def state(self) -> dict[str, Any]:
        """Plain values, for JSON that knows NaN."""
        return {
            "schema": STATE,
            "series": {metric: series.state() for metric, series in self._series.items()},
            "ranks": self._ranks.state(),
            "incidents": self._incidents.state(),
            "machine": self._machine.state(),
            "pulse": self._pulse.state(),
            "stragglers": self._stragglers.state(),
            "rules": self._rules.state(),
            "lr": self._lr.state(),
            "main": self._main,
            "has_pace": self._has_pace,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """As `state()` was. Raises KeyError, TypeError or ValueError when it is not ours."""
        if state["schema"] != STATE:
            raise ValueError("a state of another version")
        for metric, kept in state["series"].items():
            series = self._series[metric] = Series(kept["role"], self.settings)
            series.restore(kept)
        self._ranks.restore(state["ranks"])
        self._incidents.restore(state["incidents"])
        self._machine.restore(state["machine"])
        self._pulse.restore(state["pulse"])
        self._stragglers.restore(state["stragglers"])
        self._rules.restore(state["rules"])
        self._lr.restore(state["lr"])
        self._around.lr_share = self._lr.share
        self._main, self._has_pace = state["main"], state["has_pace"]
        if self._main in self._series:
            self._around.train = self._series[self._main].track


class _LearningRate:
    """Where the learning rate stands, and when it last jumped up."""

    KEPT = ("highest", "low", "jumped_at", "jump", "grace", "last_step", "last", "n")

    def __init__(self) -> None:
        self.highest = self.last = self.low = self.jump = 0.0
        self.jumped_at: int | None = None
        self.grace = GRACE_POINTS
        self.last_step = -1
        self.n = 0

    @property
    def share(self) -> float | None:
        return self.last / self.highest if self.highest > 0 else None

    def add(self, step: int, value: float) -> None:
        if not math.isfinite(value) or value < 0:
            return
        self.n += 1
        if (
            self.n > GRACE_POINTS
            and self.low > 0
            and value > LR_JUMP * self.low
            and value > LR_JUMP * self.last
        ):
            self.jumped_at, self.jump = step, value / self.low
            self.grace = GRACE_POINTS * max(1, step - self.last_step)
        self.low = (
            value
            if self.n == 1
            else min(value, self.low * 1.02)
            if value < self.low
            else self.low + (value - self.low) * 0.04
        )
        self.highest = max(self.highest, value)
        self.last, self.last_step = value, step

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.KEPT}

    def restore(self, state: Mapping[str, Any]) -> None:
        for name in self.KEPT:
            setattr(self, name, state[name])
