"""The rules of a user on one run: points go in, findings come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from opengraphs.alerts.finding import Finding
from opengraphs.alerts.incident import COOLDOWN_POINTS, COOLDOWN_S
from opengraphs.alerts.rules import Change, Rule, RuleWatch


class RuleFinding(NamedTuple):
    """A finding, and how long its rule stays quiet after an end."""

    finding: Finding
    cool_s: float
    cool_points: int


class RuleSet:
    """Every rule of a run. Points of one record are looked at together: `flush` ends the last one."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(rule.compile(), RuleWatch(rule)) for rule in rules]
        self._known: dict[str, bool] = {}
        self._step, self._time = 0, 0.0
        self._record: dict[str, float] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def wants(self, metric: str) -> bool:
        """Whether any rule is about this metric."""
        known = self._known.get(metric)
        if known is None:
            known = self._known[metric] = any(compiled.wants(metric) for compiled, _ in self._rules)
        return known

    def point(self, metric: str, step: int, time: float, value: float) -> list[RuleFinding]:
        """A point of the merged series; what the record before it says, once that is over."""
        if not self.wants(metric):
            return []
        record = self._record
        found = (
            self.flush() if record and (step != self._step or time != self._time or metric in record) else []
        )
        self._step, self._time = step, time
        self._record[metric] = value
        return found

    def flush(self) -> list[RuleFinding]:
        """What the points so far say."""
        record, self._record = self._record, {}
        if not record:
            return []
        found: list[RuleFinding] = []
        for compiled, watch in self._rules:
            for reading in compiled.record(self._step, self._time, record):
                found += _told(watch, watch.take(reading))
        return found

    def tick(self, now: float) -> list[RuleFinding]:
        """It is `now`."""
        found = self.flush()
        for compiled, watch in self._rules:
            if compiled.is_timed:
                for reading in compiled.tick(now):
                    found += _told(watch, watch.take(reading))
        return found

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {compiled.rule.name: [compiled.state(), watch.state()] for compiled, watch in self._rules}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there; a rule that is another one by now begins anew."""
        for compiled, watch in self._rules:
            kept = state.get(compiled.rule.name)
            if kept is not None and compiled.restore(kept[0]):
                watch.restore(kept[1])


def _told(watch: RuleWatch, change: Change | None) -> Iterator[RuleFinding]:
    if change is None:
        return
    rule = watch.rule
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
        _drawn(change.evidence),
    )
    yield RuleFinding(finding, seconds, points)


def _drawn(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of a reading, the operands beside the value they made."""
    operands = evidence.get("operands")
    figures = {name: evidence[name] for name in ("value", "threshold") if evidence.get(name) is not None}
    return {**figures, **(operands if isinstance(operands, dict) else {}), "when": evidence.get("when", "")}
