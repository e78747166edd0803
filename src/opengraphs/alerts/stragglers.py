"""A rank whose own steps take longer than those of the others: all of them wait for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from opengraphs.alerts.finding import Finding
from opengraphs.alerts.settings import Settings

SLOWER = 1.3
_ALPHA = 2 / 21
_LEAST_POINTS = 20


class _Pace:
    """What one rank says of its steps: a running average, and since when it has been slow."""

    __slots__ = ("mean", "n", "since")

    def __init__(self) -> None:
        self.n = 0
        self.mean = 0.0
        self.since: float | None = None


class Stragglers:
    """Step times (or throughputs) of the ranks of one run, metric by metric."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._paces: dict[str, dict[int, _Pace]] = {}
        self._hot: list[list[Any]] = []
        """[metric, rank] of those that are told of."""

    def add(
        self, metric: str, rank: int, step: int, time: float, value: float, *, rate: bool
    ) -> list[Finding]:
        """One rank's figure at a step; what changed by it. rate: more is faster."""
        if not 0 < value < math.inf or "straggler" in self._settings.off:
            return []
        paces = self._paces.setdefault(metric, {})
        pace = paces.setdefault(rank, _Pace())
        pace.n += 1
        seconds = 1 / value if rate else value
        pace.mean += max(_ALPHA, 1 / pace.n) * (seconds - pace.mean)
        others = sorted(
            one.mean for number, one in paces.items() if number != rank and one.n >= _LEAST_POINTS
        )
        if pace.n < _LEAST_POINTS or not others:
            return []
        usual = others[len(others) // 2]
        return self._judge(metric, rank, step, time, pace, usual)

    def _judge(
        self, metric: str, rank: int, step: int, time: float, pace: _Pace, usual: float
    ) -> list[Finding]:
        name = [metric, rank]
        was = name in self._hot
        if pace.mean <= SLOWER * usual:
            pace.since = None
            if was:
                self._hot.remove(name)
                return [Finding("straggler", f"rank {rank}", False, step, time)]
            return []
        if pace.since is None or time < pace.since:
            pace.since = time
        if was or time - pace.since < self._settings.after_s["straggler"]:
            return []
        self._hot.append(name)
        times = pace.mean / usual
        level = self._settings.level_of("straggler", "warn")
        figures = {"rank": rank, "times_slower": float(f"{times:.3g}"), "threshold": SLOWER, "metric": metric}
        title = f"rank {rank} takes {times:.2g} times as long as the others"
        return [Finding("straggler", f"rank {rank}", True, step, time, step, level, title, "", figures)]

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "paces": [
                [metric, rank, one.n, one.mean, one.since]
                for metric, paces in self._paces.items()
                for rank, one in paces.items()
            ],
            "hot": [list(name) for name in self._hot],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """As `state()` was."""
        for metric, rank, n, mean, since in state["paces"]:
            one = self._paces.setdefault(metric, {}).setdefault(rank, _Pace())
            one.n, one.mean, one.since = n, mean, since
        self._hot = [list(name) for name in state["hot"]]
