"""Where a metric's points enter a rule, and what is done about steps that fall.

As in the curves that og draws: a single point at a lower step came late, and is left out; a
second one that rises from there says that the run goes on from an earlier step, and what was
seen from that step on is forgotten. A repeated step replaces the point before.
"""

from __future__ import annotations

import math

from opengraphs.alerts.rules.nodes import CLOCK, Clock, Node, Saved, Value

LATE, NEXT, RESTART = 0, 1, 2


class Input(Node):
    """The newest point of one metric.

    Attributes:
        step, time: of that point; step None before the first.
        late: points left out so far.
        first: after `offer` said RESTART: the point that was held back and comes before this one.
    """

    __slots__ = ("first", "late", "name", "step", "time")
    keeps = True

    def __init__(self, name: str, mask: int) -> None:
        super().__init__(mask)
        self.name = name
        self.step: int | None = None
        self.time = 0.0
        self.late = 0
        self.first: tuple[int, float, float] | None = None

    def offer(self, step: int, time: float, value: float) -> int:
        """NEXT: take it. LATE: leave it out. RESTART: rewind, take `first`, then take it."""
        first = self.first
        if first is not None and self.step is not None and first[0] < step <= self.step:
            self.late -= 1
            return RESTART
        if self.step is None or step >= self.step:
            self.first = None
            return NEXT
        self.late += 1
        self.first = (step, time, value)
        return LATE

    def take(self, step: int, time: float, value: float) -> None:
        self.step, self.time, self.value = step, time, value

    def save(self) -> Saved:
        first = self.first and [self.first[0], self.first[1], packed(self.first[2])]
        return [self.step, self.time, packed(self.value), self.late, first]

    def load(self, saved: Saved) -> None:
        step, self.time, value, late, first = saved
        self.step = None if step is None else int(step)
        self.value, self.late = unpacked(value), int(late)
        self.first = first and (int(first[0]), float(first[1]), float(unpacked(first[2]) or 0.0))


class Age(Node):
    """age(metric): seconds since its last point; not known before the first."""

    __slots__ = ("_clock", "_input")

    def __init__(self, metric: Input, clock: Clock) -> None:
        super().__init__(metric.mask | CLOCK)
        self._input = metric
        self._clock = clock

    def renew(self, step: int) -> None:
        now = self._clock.now
        seen = self._input.step is not None and now is not None
        self.value = max(0.0, (now or 0.0) - self._input.time) if seen else None


class Missing(Node):
    """missing(metric, within): never logged; with `within` seconds also not logged for so long.

    A metric that was never logged counts from the first moment the rule was told.
    """

    __slots__ = ("_clock", "_input", "_within_s")

    def __init__(self, metric: Input, clock: Clock, within_s: float | None) -> None:
        super().__init__(metric.mask | CLOCK)
        self._input = metric
        self._clock = clock
        self._within_s = within_s

    def renew(self, step: int) -> None:
        never = self._input.step is None
        since = self._clock.begin if never else self._input.time
        if self._within_s is None:
            self.value = never
        elif self._clock.now is None or since is None:
            self.value = None
        else:
            self.value = self._clock.now - since > self._within_s


def packed(value: Value) -> float | str | bool | None:
    """A value as the files have it: "NaN", "Infinity", "-Infinity" where it is not finite."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def unpacked(saved: float | str | bool | None) -> Value:
    return float(saved) if isinstance(saved, str) else saved
