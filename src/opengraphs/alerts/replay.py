"""Where detectors and rules would have fired: a run's points through the same watch as live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from opengraphs.alerts.finding import AlertEvent, Level
from opengraphs.alerts.pulse import RunLook
from opengraphs.alerts.roles import Role
from opengraphs.alerts.rules import MetricPoint, Rule
from opengraphs.alerts.settings import DETECTORS, Settings
from opengraphs.alerts.watch import RunWatch

RankPoint = tuple[str, int, float, float, int]
"""metric, step, time, value, rank."""
_LIVE = RunLook("running", live=True)
_LEAST_GAP_S = 5.0
"""In a longer gap between points the clock is asked, as it would have been live."""
_MAX_LOOKS = 20
"""So often at most in one gap; live it is asked about once a second."""


class Firing(TypedDict):
    """One line of `og alerts replay`."""

    detector: str
    metric: str | None
    level: Level
    onset_step: int | None
    fired_step: int | None
    evidence: dict[str, Any]


class Replay:
    """One run, replayed.

    Args:
        rules: the user's; with `only_rules` the detectors are left out.
    """

    def __init__(
        self,
        *,
        rules: Sequence[Rule] = (),
        settings: Settings | None = None,
        roles: Mapping[str, Role] | None = None,
        only_rules: bool = False,
    ) -> None:
        used = Settings(off=frozenset(DETECTORS)) if only_rules else settings
        self._watch = RunWatch(settings=used, roles=roles, rules=rules)
        self._newest: float | None = None

    @property
    def wants(self) -> Any:
        """Which metrics count, see `RunWatch.wants`."""
        return self._watch.wants

    def take(self, points: Iterable[RankPoint], *, ranks: Mapping[str, int] | None = None) -> None:
        """More points, in the order they were logged. ranks: of metrics that several log, how many."""
        known = ranks or {}
        for metric, step, time, value, rank in points:
            self._pass(time)
            self._watch.point(metric, step, time, value, rank=rank, ranks=known.get(metric, 1))

    def _pass(self, time: float) -> None:
        before, self._newest = self._newest, time if self._newest is None else max(self._newest, time)
        if before is not None and time - before > _LEAST_GAP_S:
            for moment in _moments(before, time):
                self._watch.tick(moment, _LIVE)

    def firings(self) -> Iterator[Firing]:
        """What fired since the last call."""
        for event in self._watch.take():
            if event["state"] == "firing" and event["detector"] != "digest":
                yield _firing(event)


def _moments(before: float, time: float) -> list[float]:
    """When to look between two points, the last time shortly before the second."""
    looks = int(min(_MAX_LOOKS, time - before - 2.0))
    return [before + (time - 2.0 - before) * n / looks for n in range(1, looks + 1)] + [time - 0.5]


def replay(points: Iterable[MetricPoint], **options: Any) -> list[Firing]:
    """All firings of a run whose points are at hand; `options` as `Replay` takes them."""
    whole = Replay(**options)
    whole.take((*point, 0) for point in points)
    return list(whole.firings())


def _firing(event: AlertEvent) -> Firing:
    return {
        "detector": event["detector"],
        "metric": event["metric"],
        "level": event["level"],
        "onset_step": event["onset_step"],
        "fired_step": event["step"],
        "evidence": event["evidence"],
    }
