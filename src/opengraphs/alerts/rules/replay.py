"""Where rules would have fired: a run's points in order, through the same streams as live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from opengraphs.alerts.rules.compiled import CompiledRule
from opengraphs.alerts.rules.rule import Level, Rule
from opengraphs.alerts.rules.ruleset import Answer, RuleSet
from opengraphs.alerts.rules.watch import RuleWatch
from opengraphs.records import Point

_MAX_TICKS = 100
"""In one gap between points; live a daemon ticks about once a second."""


class MetricPoint(NamedTuple):
    """A point and the metric it belongs to; time is epoch seconds."""

    metric: str
    step: int
    time: float
    value: float


class Firing(TypedDict):
    """One line of `og alerts replay`."""

    detector: str
    metric: str
    level: Level
    onset_step: int
    fired_step: int
    evidence: dict[str, Any]


def in_order(series: Mapping[str, Sequence[Point]]) -> list[MetricPoint]:
    """The points of merged series as they would have come: by step, then time, then metric."""
    points = [MetricPoint(metric, *point) for metric, found in series.items() for point in found]
    return sorted(points, key=lambda point: (point.step, point.time, point.metric))


def replay(rules: Iterable[Rule], points: Iterable[MetricPoint]) -> Iterator[Firing]:
    """Each firing of each rule, in the order they happen.

    Neighbouring points of one step are one record. Rules about time are asked every second
    of the points' time, in long gaps a hundred times.

    Args:
        points: in the order they were logged, or `in_order`.

    Raises:
        UsageError: two rules have one name.
    """
    streams = RuleSet(rules)
    watches = {name: RuleWatch(stream.rule) for name, stream in streams.streams.items()}
    before: float | None = None
    for step, time, values in _records(points):
        for now in _moments(before, time) if streams.is_timed else ():
            yield from _firings(watches, streams.tick(now))
        yield from _firings(watches, streams.record(step, time, values))
        before = time


def waiting(rule: Rule, metrics: Iterable[str]) -> list[str]:
    """Names and globs of a rule that none of these metrics is: why it could never fire."""
    known = set(metrics)
    compiled = CompiledRule(rule)
    for metric in sorted(known):
        compiled.update(metric, 0, 0.0, 0.0)
    if not compiled.instances():
        return [rule.when]
    missing = [set(one.waiting) for one in compiled.instances()]
    return sorted(set.intersection(*missing))


def _records(points: Iterable[MetricPoint]) -> Iterator[tuple[int, float, dict[str, float]]]:
    step, time, values = 0, 0.0, dict[str, float]()
    for point in points:
        if values and (point.step != step or point.metric in values):
            yield step, time, values
            values = {}
        step, time = point.step, point.time
        values[point.metric] = point.value
    if values:
        yield step, time, values


def _moments(before: float | None, time: float) -> list[float]:
    if before is None or not time > before:
        return [time]
    count = int(min(_MAX_TICKS, max(1.0, time - before)))
    return [before + (time - before) * n / count for n in range(1, count)] + [time]


def _firings(watches: Mapping[str, RuleWatch], answers: list[Answer]) -> Iterator[Firing]:
    for rule, reading in answers:
        change = watches[rule.name].take(reading)
        if change is not None and change.kind == "fired":
            yield Firing(
                detector=change.detector,
                metric=change.metric,
                level=change.level,
                onset_step=change.onset_step,
                fired_step=change.step,
                evidence=change.evidence,
            )
