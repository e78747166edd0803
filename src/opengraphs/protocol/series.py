"""`POST /series`: many curves in one request, bounded by the screen's width."""

from __future__ import annotations

from typing import Literal, TypedDict

from opengraphs.records import Progress

Number = float | str
"""A float, or "NaN", "Infinity", "-Infinity"."""


class SeriesRequest(TypedDict, total=False):
    """Only `runs` and `metrics` are required.

    x: `step`, `time` (epoch seconds) or `relative` (seconds since the run's first point).
    range: closed interval of x; None is everything.
    columns: chart width in dot columns (2 per braille cell), 1 to 4000.
    smooth: derived series asked for beside the raw one, such as `ma(15)`.
    ranks: `merged` (the rule of DESIGN section 2), `each`, or a list of ranks.
    """

    runs: list[str]
    metrics: list[str]
    x: str
    range: list[float] | None
    columns: int
    smooth: list[str]
    ranks: Literal["merged", "each"] | list[int]


class LastPoint(TypedDict):
    step: int
    time: float
    value: Number


class NonFinite(TypedDict):
    """Counts over the range; `at` holds up to 64 x positions, newest kept."""

    nan: int
    inf: int
    at: list[float]


class SeriesOut(TypedDict):
    """One curve: at most 4 points a column (first, lowest, highest, last), in order of x.

    points, min, max, mean, slope describe the whole range, not the thinned curve;
    slope is value per step by least squares over the last fifth of the range; None
    where there is no finite point.
    """

    run: str
    metric: str
    derived: str | None
    rank: int | None
    x: list[float]
    y: list[Number]
    points: int
    last: LastPoint | None
    min: float | None
    max: float | None
    mean: float | None
    slope: float | None
    first_step: int | None
    last_step: int | None
    nonfinite: NonFinite


class ProgressOut(Progress, total=False):
    """`eta_s` None: no total, or no speed yet."""

    eta_s: float | None
    steps_per_s: float | None


class SeriesReply(TypedDict):
    """pending: per run id, the fraction (0 to 1) of its journals still to be read."""

    schema: int
    series: list[SeriesOut]
    pending: dict[str, float]
    progress: dict[str, ProgressOut]


class PointsReply(TypedDict, total=False):
    """One page of `GET /runs/{id}/points`; `next` None ends it."""

    run_id: str
    metric: str
    step: list[int]
    time: list[float]
    value: list[Number]
    rank: list[int]
    next: str | None


class SystemReply(TypedDict):
    hosts: list[str]
    series: list[SeriesOut]
