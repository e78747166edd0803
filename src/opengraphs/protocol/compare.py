"""`POST /compare`, `/group` and `/diff`: questions about several runs at once."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from opengraphs.protocol.series import LastPoint, Number, SeriesOut

Align = Literal["step", "time", "relative", "wall"]
"""`time` and `relative`: seconds since each run's first point. `wall`: epoch seconds."""
Better = Literal["min", "max"]
Verdict = Literal["better", "worse", "same", "unknown"]


class CompareRequest(TypedDict, total=False):
    """`run_ids` (1 to 50) and `metric_key` are required.

    smoothing: `ma(n)` or `ema(a)`. downsample: chart width in dot columns, 1 to 4000.
    range: closed interval of x that is drawn. better: overrules what the metric's name tells.
    """

    run_ids: list[str]
    metric_key: str
    align_by: Align
    smoothing: str | None
    downsample: int
    range: list[float] | None
    better: Better | None


class ThreeDeltas(TypedDict):
    """Against the first run; None for the first itself, and where a side is missing or not finite."""

    equal_step: float | None
    last: float | None
    best: float | None


class ThreeVerdicts(TypedDict):
    equal_step: Verdict
    last: Verdict
    best: Verdict


class CompareRow(TypedDict):
    """One run. `series` None and `missing` true: it has no point of the metric.

    points, last, best and equal are about the whole run, whatever range is drawn.
    equal: its point at `equal_step`, or the newest before it where no step is common.
    """

    run: str
    name: str
    status: str
    missing: bool
    series: SeriesOut | None
    smoothed: SeriesOut | None
    points: int
    last: LastPoint | None
    best: LastPoint | None
    equal: LastPoint | None
    delta: ThreeDeltas
    verdict: ThreeVerdicts


class CompareReply(TypedDict):
    """direction: which end counts as better, None: neither. pending: run → fraction still to be
    read, only of runs of which something is."""

    schema: int
    metric_key: str
    align_by: Align
    direction: Better | None
    runs: list[CompareRow]
    equal_step: int | None
    pending: dict[str, float]


class GroupRequest(TypedDict, total=False):
    """`metric_key` and `by` are required; without `run_ids` and `filter` all runs take part.

    by: `tag`, `tag:KEY`, `config.KEY`, `git.KEY`, …, or a fact such as `project`.
    columns: most cells of the grid, 1 to 1000.
    """

    metric_key: str
    by: str
    run_ids: list[str] | None
    filter: str | None
    align_by: Align
    columns: int
    range: list[float] | None
    smoothing: str | None


class GridOut(TypedDict):
    low: float
    high: float
    width: float
    columns: int


class GroupOut(TypedDict):
    """One group's curve over the cells in which any of its runs has a point; equal lengths.

    x: the middle of each cell. n: runs with a finite point there; mean, p50, p95, min, max
    are over those runs' means. nonfinite: runs with a point there that is not finite.
    """

    value: Any
    runs: list[str]
    x: list[float]
    mean: list[Number]
    p50: list[Number]
    p95: list[Number]
    min: list[Number]
    max: list[Number]
    n: list[int]
    nonfinite: list[int]


class GroupReply(TypedDict):
    """ungrouped: runs without the key. missing: grouped runs without the metric."""

    schema: int
    metric_key: str
    by: str
    align_by: Align
    smoothing: str | None
    grid: GridOut | None
    groups: list[GroupOut]
    ungrouped: list[str]
    missing: list[str]
    pending: dict[str, float]


class DiffRequest(TypedDict, total=False):
    """`run_ids` (2 to 16) is required.

    ignore: globs over `key`, `section.key` or a key's last part, instead of the usual ones,
    which `usual` stands for; [] shows everything. metrics: only these keys; globs work.
    """

    run_ids: list[str]
    ignore: list[str] | None
    metrics: list[str] | None


class DiffRun(TypedDict):
    run: str
    name: str
    status: str


class DiffRow(TypedDict):
    """A key on which runs differ. `missing`: places in `values` where the run lacks it."""

    key: str
    values: list[Any]
    missing: list[int]


class DiffAt(TypedDict):
    values: list[Number | None]
    steps: list[int | None]
    delta: float | None
    deltas: list[float | None]
    verdicts: list[Verdict]


class DiffMetric(TypedDict):
    """values: at `step`, the last that all runs with the metric have.

    delta: the second run's minus the first's, None unless there are two runs.
    deltas, verdicts: each run against the first. steps: whose values these are.
    """

    key: str
    values: list[Number | None]
    missing: list[int]
    delta: float | None
    deltas: list[float | None]
    better: Better | None
    verdicts: list[Verdict]
    step: int | None
    steps: list[int | None]
    best: DiffAt
    last: DiffAt


class DiffReply(TypedDict):
    """same: keys on which all agree, per section. ignored: `section.key` that differ and were
    left out by a pattern. unknown: section → runs without a record of it, or of a part of env.
    left_out: rows beyond the limits, per section.
    """

    schema: int
    runs: list[DiffRun]
    config: list[DiffRow]
    args: list[DiffRow]
    env: list[DiffRow]
    git: list[DiffRow]
    packages: list[DiffRow]
    files: list[DiffRow]
    metrics: list[DiffMetric]
    same: dict[str, int]
    ignored: list[str]
    unknown: dict[str, list[str]]
    left_out: dict[str, int]
    pending: dict[str, float]
