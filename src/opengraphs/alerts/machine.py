"""What the machine says: GPUs that idle, memory that is full, a disk that will not hold the next checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from opengraphs.alerts.finding import Finding
from opengraphs.alerts.settings import Settings

_GPU_UTIL = re.compile(r"gpu\.(\d+)\.util_percent$")
_GPU_USED = re.compile(r"gpu\.(\d+)\.mem(?:ory)?_used_bytes$")
_GPU_TOTAL = re.compile(r"gpu\.(\d+)\.mem(?:ory)?_total_bytes$")
IDLE_PERCENT = 5.0
FULL = 0.97
LEAST_FREE_BYTES = 1 << 30
CHECKPOINTS_LEFT = 2


class _Since:
    """How long a condition has held."""

    __slots__ = ("hot", "since")

    def __init__(self) -> None:
        self.since: float | None = None
        self.hot = False

    def holds(self, now: float, yes: bool, after_s: float) -> bool:
        """Whether it has held for `after_s`; a clock that is set back begins anew."""
        if not yes:
            self.since = None
            self.hot = False
        elif self.since is None or now < self.since:
            self.since = now
        else:
            self.hot = self.hot or now - self.since >= after_s
        return self.hot


class Machine:
    """The host's samples of one run."""

    def __init__(self, settings: Settings) -> None:
        self.checkpoint_bytes = 0
        self._settings = settings
        self._since: dict[str, _Since] = {}
        self._totals: dict[str, float] = {}
        self._was_busy: list[str] = []
        self._of = ""
        """Which machine the sample at hand is of."""

    def wants(self, metric: str) -> bool:
        """Whether a sample of it says anything here."""
        return metric in ("ram.percent", "disk.free_bytes") or (
            metric.startswith("gpu.")
            and any(pattern.match(metric) for pattern in (_GPU_UTIL, _GPU_USED, _GPU_TOTAL))
        )

    def add(self, metric: str, time: float, value: float, machine: int = 0) -> list[Finding]:
        """A sample; what changed by it."""
        self._of = f"{machine} " if machine else ""
        if metric == "ram.percent":
            return self._look(
                "memory", metric, time, value, value > 100 * FULL, 100 * FULL, f"memory is {value:.0f} % full"
            )
        if metric == "disk.free_bytes":
            least = max(LEAST_FREE_BYTES, CHECKPOINTS_LEFT * self.checkpoint_bytes)
            left = f"{value / 1e9:.3g} GB are left on the disk"
            return self._look("disk", metric, time, value, value < least, float(least), left)
        if match := _GPU_TOTAL.match(metric):
            self._totals[self._of + match[1]] = value
        elif match := _GPU_USED.match(metric):
            total = self._totals.get(self._of + match[1], 0.0)
            full = total > 0 and value > FULL * total
            return self._look(
                "memory",
                metric,
                time,
                value,
                full,
                FULL * total,
                f"GPU {match[1]}: memory is full",
                info=True,
            )
        elif match := _GPU_UTIL.match(metric):
            return self._gpu(match[1], metric, time, value)
        return []

    def _gpu(self, card: str, metric: str, time: float, value: float) -> list[Finding]:
        """Idle after it was busy: one that was never used is none of the run's."""
        own = self._of + card
        if value >= IDLE_PERCENT and own not in self._was_busy:
            self._was_busy.append(own)
        idle = value < IDLE_PERCENT and own in self._was_busy
        return self._look("gpu_idle", metric, time, value, idle, IDLE_PERCENT, f"GPU {card} idles")

    def _look(
        self,
        detector: str,
        metric: str,
        time: float,
        value: float,
        yes: bool,
        limit: float,
        title: str,
        *,
        info: bool = False,
    ) -> list[Finding]:
        if detector in self._settings.off:
            return []
        since = self._since.setdefault(self._of + metric, _Since())
        before = since.hot
        if not since.holds(time, yes, self._settings.after_s[detector]) and not before:
            return []
        level = self._settings.level_of(detector, "info" if info else "warn")
        evidence = {"now": value, "threshold": limit}
        named = f"{metric}@{self._of.strip()}" if self._of else metric
        return [Finding(detector, named, since.hot, None, time, None, level, title, "", evidence)]

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "checkpoint_bytes": self.checkpoint_bytes,
            "totals": dict(self._totals),
            "was_busy": list(self._was_busy),
            "since": {metric: [one.since, one.hot] for metric, one in self._since.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """As `state()` was."""
        self.checkpoint_bytes = state["checkpoint_bytes"]
        self._totals, self._was_busy = dict(state["totals"]), list(state["was_busy"])
        for metric, (since, hot) in state["since"].items():
            one = self._since[metric] = _Since()
            one.since, one.hot = since, hot
