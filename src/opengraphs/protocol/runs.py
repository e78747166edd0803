"""Runs, their metrics, logs and samples as the daemon answers them."""

from __future__ import annotations

from typing import Any, TypedDict

from opengraphs.records import LogLine, MetricSummary, RunFacts


class RunRow(RunFacts, total=False):
    """One row of `GET /runs`: run.json and what a list shows beside it.

    spark: up to 32 values of `main_metric`, oldest first; points: all metrics together.
    """

    points: int
    last_step: int | None
    main_metric: str | None
    spark: list[float]
    last: dict[str, float | str | None]


class RunsReply(TypedDict):
    schema: int
    runs: list[RunRow]
    total: int
    next: str | None


class RankSeen(TypedDict):
    rank: int
    attempt: int
    writer: str
    last_step: int | None
    last_time: float | None
    alive: bool


class IngestState(TypedDict):
    """pending: fraction of the journals still to be read, 0 when all is in the index."""

    pending: float
    bad_lines: int


class RunReply(RunFacts, total=False):
    metrics: list[MetricSummary]
    alerts: list[dict[str, Any]]
    checkpoints: list[dict[str, Any]]
    ranks_seen: list[RankSeen]
    log: dict[str, int]
    path: str
    store: str
    ingest: IngestState


class KeysReply(TypedDict):
    keys: list[MetricSummary]


class LogWindow(TypedDict):
    """`next`: the `from` of the following page, None at the end of a run that ended."""

    lines: list[LogLine]
    total_lines: int
    size_bytes: int
    next: int | None


class LogReply(LogWindow, total=False):
    """counted: false while a very long log is still being counted and line numbers are
    estimates: ask again. open_end: the log's last line has no newline yet. Both are
    absent from the answer to a search.
    """

    counted: bool
    open_end: bool


class Check(TypedDict):
    """One line of `og doctor`; status is ok, warn or fail."""

    id: str
    status: str
    message: str
    fix: str


class DoctorReply(TypedDict):
    schema: int
    checks: list[Check]


class VersionReply(TypedDict):
    schema: int
    version: str
    protocol: int
    pid: int
    started_at: str
    live_runs: int
    clients: int
    stores: list[str]
