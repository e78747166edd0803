"""What a person may change about the detectors; the defaults need nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opengraphs.alerts.finding import LEVELS, Level

DETECTORS = (
    "nonfinite", "masked_nan", "divergence", "level_up", "too_good", "no_learning", "plateau", "grad_explosion",
    "reward_collapse", "entropy_collapse", "kl_blow_up", "zero_variance", "clipped_length", "overfit", "slow",
    "stall", "silent_rank", "straggler", "gpu_idle", "memory", "disk", "crash",
)  # fmt: skip
AFTER_S: Mapping[str, float] = {
    "slow": 60.0,
    "stall": 60.0,
    "silent_rank": 60.0,
    "straggler": 300.0,
    "gpu_idle": 300.0,
    "memory": 30.0,
    "disk": 30.0,
}
"""What waits for a clock, and how long at least."""


class Settings:
    """off: detectors that do not look. levels: another level. after_s: another least time, in seconds."""

    def __init__(
        self,
        *,
        off: frozenset[str] = frozenset(),
        levels: Mapping[str, Level] | None = None,
        after_s: Mapping[str, float] | None = None,
    ) -> None:
        self.off = off
        self.levels = dict(levels or {})
        self.after_s = {**AFTER_S, **(after_s or {})}

    @classmethod
    def of(cls, said: Mapping[str, Mapping[str, Any]]) -> Settings:
        """From the `[detectors]` of a rules file, which was checked: `level` ("off" is one) and `after_s`."""
        off = frozenset(name for name, one in said.items() if one.get("level") == "off")
        levels: dict[str, Level] = {
            name: one["level"] for name, one in said.items() if one.get("level") in LEVELS
        }
        after = {name: float(one["after_s"]) for name, one in said.items() if "after_s" in one}
        return cls(off=off, levels=levels, after_s=after)

    def level_of(self, detector: str, usual: Level) -> Level:
        """The level at which it fires."""
        return self.levels.get(detector, usual)
