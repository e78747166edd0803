"""The rules of a user on one run: points go in, findings come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from opengraphs.alerts.finding import Finding
from opengraphs.alerts.incident import COOLDOWN_POINTS, COOLDOWN_S
from opengraphs.alerts.rules import Answer, Change, Rule, RuleSet, RuleWatch


class RuleFinding(NamedTuple):
    """A finding, and how long its rule stays quiet after an end."""

    finding: Finding
    cool_s: float
    cool_points: int


class RunRules:
    """Every rule of a run. Points of one record are looked at together: `flush` ends the last one."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = RuleSet(_last_of_each_name(rules))
        self._watches = {rule.name: RuleWatch(rule) for rule in rules}
        self._known: dict[str, bool] = {}
        self._step, self._time = 0, 0.0
        self._record: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._watches)

    def wants(self, metric: str) -> bool:
        """Whether any rule is about this metric."""
        known = self._known.get(metric)
        if known is None:
            known = self._known[metric] = any(one.wants(metric) for one in self._rules.streams.values())
        return known

    def point(self, metric: str, step: int, time: float, value: float) -> list[RuleFinding]:
        """A point of the merged series; what the record before it says, once that is over."""
        if not self.wants(metric):
            return []
        record = self._record
        is_next = step != self._step or time != self._time or metric in record
        found = self.flush() if record and is_next else []
        self._step, self._time = step, time
        self._record[metric] = value
        return found

    def flush(self) -> list[RuleFinding]:
        """What the points so far say."""
        record, self._record = self._record, {}
        return self._told(self._rules.record(self._step, self._time, record)) if record else []

    def tick(self, now: float) -> list[RuleFinding]:
        """It is `now`."""
        return [*self.flush(), *(self._told(self._rules.tick(now)) if self._rules.is_timed else ())]

    def _told(self, answers: Iterable[Answer]) -> list[RuleFinding]:
        found = []
        for rule, reading in answers:
            change = self._watches[rule.name].take(reading)
            if change is not None:
                found.append(_finding(rule, change))
        return found

    def state(self) -> dict[str, Any]:
        """Plain values."""
        watches = {name: watch.state() for name, watch in self._watches.items()}
        return {"rules": self._rules.state(), "watches": watches}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there; a rule that is another one by now begins anew."""
        begun_anew = self._rules.restore(state["rules"])
        for name, watch in self._watches.items():
            if name not in begun_anew and name in state["watches"]:
                watch.restore(state["watches"][name])


def _last_of_each_name(rules: Sequence[Rule]) -> list[Rule]:
    return list({rule.name: rule for rule in rules}.values())


def _finding(rule: Rule, change: Change) -> RuleFinding:
    cool = rule.cooldown
    seconds = (
        cool.amount if cool is not None and cool.unit == "s" else 0.0 if cool is not None else COOLDOWN_S
    )
    points = (
        int(cool.amount) if cool is not None and cool.unit != "s" else COOLDOWN_POINTS if cool is None else 0
    )
    finding = Finding(
        change.detector,
        change.metric,
        change.kind != "resolved",
        change.step,
        change.time,
        change.onset_step,
        change.level,
        f"{rule.name}: {rule.when}" if rule.name != rule.when else rule.when,
        "",
        dict(change.evidence),
    )
    return RuleFinding(finding, seconds, points)
