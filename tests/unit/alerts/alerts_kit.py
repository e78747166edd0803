"""Made curves, and a watch that is fed with them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from typing import Any

from opengraphs.alerts.pulse import RunLook
from opengraphs.alerts.watch import RunWatch

T0 = 1_763_803_800.0
LIVE = RunLook("running", live=True)
Event = dict[str, Any]


def falling(
    n: int, *, seed: int = 0, base: float = 2.0, gain: float = 3.0, sigma: float = 0.03, tau: float = 80.0
) -> list[float]:
    """A healthy loss: falls, and is noisy."""
    dice = random.Random(seed)
    return [base + gain * math.exp(-step / tau) + dice.gauss(0, sigma) for step in range(n)]


def changed(values: list[float], at: int, change: Callable[[float], float]) -> list[float]:
    """The same with something done to it from a point on."""
    return [change(value) if place >= at else value for place, value in enumerate(values)]


def feed(
    watch: RunWatch,
    metric: str,
    values: Iterable[float],
    *,
    start: int = 0,
    every_s: float = 1.0,
    step_by: int = 1,
    at_s: float = T0,
) -> None:
    """One point a step."""
    for place, value in enumerate(values):
        step = start + place * step_by
        watch.point(metric, step, at_s + (start + place) * every_s, value)


def fired(watch: RunWatch) -> list[Event]:
    """The events since the last look that say that something fires."""
    return [event for event in watch.take() if event["state"] == "firing"]


def said(watch: RunWatch) -> list[tuple[str, str, int | None]]:
    """The same as (detector, level, step)."""
    return [(event["detector"], event["level"], event["step"]) for event in fired(watch)]
