"""The points of one metric in one run, as logged, and what of them can be compared."""

from __future__ import annotations

import math
from typing import NamedTuple


class Curve(NamedTuple):
    """steps and values as they were logged: in any order, with steps said twice, and not always numbers."""

    steps: list[int]
    values: list[float]


class Point(NamedTuple):
    step: int
    value: float


def points_of(curve: Curve) -> list[Point]:
    """Its points by step; the last one said counts. Values that are no numbers stay."""
    said = dict(zip(curve.steps, curve.values, strict=False))
    return [Point(step, said[step]) for step in sorted(said)]


def finite(points: list[Point]) -> list[Point]:
    return [point for point in points if math.isfinite(point.value)]
