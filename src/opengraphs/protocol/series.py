"""`POST /series`: many curves in one request, bounded by the screen's width."""

from __future__ import annotations

from typing import Literal, TypedDict

from opengraphs.records import Progress

Number = float | str
"""A float, or "NaN", "Infinity", "-Infinity"."""


class SeriesRequest(TypedDict, total=False):
    """Only `runs` and `metrics` are required.

    x: `step`, `time` (epoch seconds), `relative` (seconds since the run's first point) or
        `metric:KEY`, the value of another metric of the same run at the same step.
    range: closed interval of x; None is everything.
    columns: chart width in dot columns (2 per braille cell), 1 to 4000.
    smooth: derived series asked for beside the raw one, such as `ma(15)`.
    ranks: `merged` (the rule of DESIGN section 2), `band` (merged, with the extent of the
        single ranks beside it), `each`, or a list of ranks.
    lineage: with the family of each run, over `step` only: its curve from the root down, in pieces, and
        the branches that were abandoned.
    """

    runs: list[str]
    metrics: list[str]
    x: str
    range: list[float] | None
    columns: int
    smooth: list[str]
    ranks: Literal["merged", "band", "each"] | list[int]
    lineage: bool


class LastPoint(TypedDict):
    step: int
    time: float
    value: Number


class NonFinite(TypedDict):
    """Counts over the range; `at` holds up to 64 x positions, newest kept."""

    nan: int
    inf: int
    at: list[float]


class Band(TypedDict):
    """The extent of the single ranks: of each column that has points its first x, the lowest
    and the highest finite value of any rank. Equal lengths, at most `columns`."""

    x: list[float]
    low: list[float]
    high: list[float]


class LeftOut(TypedDict):
    """Points that have no place on an axis `metric:KEY`. missing: the other metric has no
    value at that step; nonfinite: its value there is not finite."""

    missing: int
    nonfinite: int


class FamilyPiece(TypedDict):
    """of: the run that was asked for. role: `path`, a piece of its curve, root first; or `abandoned`."""

    of: str
    role: Literal["path", "abandoned"]


class SeriesExtras(TypedDict, total=False):
    """What only some curves have.

    band: with `ranks` `band`; None where fewer than two ranks logged the metric.
    left_out: on an axis `metric:KEY`.
    unit: of a derived `throughput`, such as `tokens/s`.
    family: with `lineage`.
    """

    band: Band | None
    left_out: LeftOut
    unit: str
    family: FamilyPiece


class SeriesOut(SeriesExtras):
    """One curve: at most 4 points a column (first, lowest, highest, last), in order of x.

    points, min, max, mean, slope describe the whole range, not the thinned curve;
    slope is value per step by least squares over the last fifth of the range; None
    where there is no finite point. last, first_step and last_step are in order of steps
    on every axis.
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
    """`eta_s` None: no total, or no speed yet. `total_source`: `progress` (the script said
    it), `config`, `stdout` (read off a progress bar or log line), None without a total."""

    eta_s: float | None
    steps_per_s: float | None
    total_source: Literal["progress", "config", "stdout"] | None


class TransformOut(TypedDict):
    """One name that `smooth` takes. spelled: with its amounts, such as `ma(15)`.

    distribution, version: where a plug-in comes from, None for og's own.
    error: why a plug-in cannot be used, None while nothing is against it.
    """

    name: str
    spelled: str
    about: str
    distribution: str | None
    version: str | None
    error: str | None


class TransformsReply(TypedDict):
    schema: int
    transforms: list[TransformOut]


class SeriesReply(TypedDict):
    """pending: per run id, the fraction (0 to 1) of its journals still to be read.

    unread: per run id whose newest part was read first, the stretch of x ([low, high])
    between whose ends points are still missing: a curve has no line across it.
    """

    schema: int
    series: list[SeriesOut]
    pending: dict[str, float]
    unread: dict[str, tuple[float, float]]
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
    """Each series also has `host`. columns: dot columns each was given. total: how many curves fit the question."""

    hosts: list[str]
    series: list[SeriesOut]
    columns: int
    total: int
