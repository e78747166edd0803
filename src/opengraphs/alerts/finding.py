"""What a detector says, and what becomes of it: the vocabulary between detectors and incidents."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Level = Literal["info", "warn", "error"]
LEVELS: tuple[Level, ...] = ("info", "warn", "error")
Evidence = dict[str, Any]
"""Figures by name: numbers, steps, short texts. `threshold`, `baseline`, `band` are drawn as lines."""


class Finding(NamedTuple):
    """One detector's verdict at one moment, hot or not.

    metric: "" where it is about the run. onset_step: where it began, as far as that is known.
    step, time: of the point that decided, step None where only a clock did. level, title, text
    and evidence count when `hot`.
    """

    detector: str
    metric: str
    hot: bool
    step: int | None
    time: float
    onset_step: int | None = None
    level: Level = "warn"
    title: str = ""
    text: str = ""
    evidence: Evidence | None = None
    place: int | None = None
    """How many points its series had: what a cooldown counts. None where there is no series."""


AlertEvent = dict[str, Any]
"""An event of kind `alert` as a run's journal keeps it (DESIGN section 2), with its `time`."""


def lower(level: Level) -> Level:
    """One level less."""
    return LEVELS[max(0, LEVELS.index(level) - 1)]


def higher(one: Level, other: Level) -> Level:
    """The graver of two."""
    return LEVELS[max(LEVELS.index(one), LEVELS.index(other))]
