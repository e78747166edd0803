"""All rules over one run: each point goes only to the rules that want its metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from opengraphs.alerts.rules.nodes import Saved
from opengraphs.alerts.rules.reading import Reading
from opengraphs.alerts.rules.rule import Rule
from opengraphs.errors import UsageError


class Answer(NamedTuple):
    """What one rule says."""

    rule: Rule
    reading: Reading


class RuleSet:
    """The streams of several rules over one run.

    Attributes:
        streams: of each rule, by its name.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        """Raises UsageError where two rules have one name."""
        self._rules = tuple(rules)
        names = [rule.name for rule in self._rules]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(
                f"two rules are named {twice!r}", hint="put another name before one: name: condition"
            )
        self.streams = {rule.name: rule.compile() for rule in self._rules}
        self._routes: dict[str, tuple[Rule, ...]] = {}
        self._step = 0

    @property
    def is_timed(self) -> bool:
        """Whether `tick` can change anything."""
        return any(stream.is_timed for stream in self.streams.values())

    def record(self, step: int, time: float, values: Mapping[str, float]) -> list[Answer]:
        """The points of one step (time in epoch seconds): the answers that they change, by rule."""
        self._step = step
        wanted: dict[str, dict[str, float]] = {}
        for metric, value in values.items():
            rules = self._routes.get(metric)
            if rules is None:
                rules = self._routes[metric] = self._wanting(metric)
            for rule in rules:
                wanted.setdefault(rule.name, {})[metric] = value
        if not wanted:
            return []
        return [
            Answer(rule, reading)
            for rule in self._rules
            if rule.name in wanted
            for reading in self.streams[rule.name].record(step, time, wanted[rule.name])
        ]

    def tick(self, now: float) -> list[Answer]:
        """It is `now` (epoch seconds): the answers of the rules that ask for the time."""
        return [
            Answer(rule, reading)
            for rule in self._rules
            for reading in self.streams[rule.name].tick(now, step=self._step)
        ]

    def state(self) -> Saved:
        """As JSON, for `restore`."""
        streams = {name: stream.state() for name, stream in self.streams.items()}
        return {"step": self._step, "streams": streams}

    def restore(self, saved: Saved) -> list[str]:
        """Go on from a state; names of the rules that begin anew, because they are new, changed or damaged."""
        step = saved.get("step") if isinstance(saved, dict) else None
        streams = saved.get("streams") if isinstance(saved, dict) else None
        self._step = step if isinstance(step, int) else 0
        known = streams if isinstance(streams, dict) else {}
        return [name for name, stream in self.streams.items() if not stream.restore(known.get(name))]

    def _wanting(self, metric: str) -> tuple[Rule, ...]:
        return tuple(rule for rule in self._rules if self.streams[rule.name].wants(metric))
