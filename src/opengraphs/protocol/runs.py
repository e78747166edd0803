"""Runs, their metrics, logs and samples as the daemon answers them."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from opengraphs.protocol.forwarding import Forwarding
from opengraphs.records import LogLine, MetricSummary, RunFacts


class Child(TypedDict):
    """A run that went on from this one: at which step, and why."""

    run_id: str
    step: int | None
    reason: str | None


class TreePlace(TypedDict):
    """depth: 0 without a listed ancestor; below: listed descendants; folded: those are left out."""

    depth: int
    below: int
    folded: bool


class RunRow(RunFacts, total=False):
    """One row of `GET /runs`: run.json and what a list shows beside it.

    spark: up to 32 values of `main_metric`, oldest first; points: all metrics together.
    best: of `main_metric`, null where its name does not tell which end is better.
    values: the figures that were asked for (`min.train/loss`). place: only where families were asked for.
    """

    children: list[Child]

    points: int
    last_step: int | None
    main_metric: str | None
    spark: list[float]
    last: dict[str, float | str | None]
    best: float | None
    values: dict[str, float | None]
    place: TreePlace


class _RunsReply(TypedDict):
    schema: int
    runs: list[RunRow]
    total: int
    next: str | None


class RunsReply(_RunsReply, total=False):
    """hint: only where no run has what it is sorted by, or where nothing was found and no run has a field of
    the filter."""

    hint: str


class LineageNode(TypedDict):
    """One run of a family. missing: a parent that was removed; then only its id is known.

    parent, checkpoint_id, step, reason: what it went on from; depth: 0 at the root. last_step: the furthest
    it logged, None where nothing is known of that yet.
    """

    run_id: str
    missing: bool
    name: str | None
    status: str | None
    created_at: str | None
    archived: bool
    parent: str | None
    checkpoint_id: str | None
    step: int | None
    reason: str | None
    depth: int
    last_step: int | None


class LineageReply(TypedDict):
    """nodes: parents before children; path: from `root` to `run`; cut: members left out."""

    schema: int
    run: str
    root: str
    path: list[str]
    nodes: list[LineageNode]
    cut: int


class FieldValue(TypedDict):
    value: str
    runs: int


class Field(TypedDict):
    """What filters, sort keys and groups may name: `config.lr`, `tag`, `status`.

    kind: number, text, bool, list, object, null or mixed; None for fields that are not
    counted. values: the most frequent ones; more: there are others, and counts of values
    may be too low.
    """

    field: str
    runs: int
    kind: str | None
    values: list[FieldValue]
    more: bool


class FieldsReply(TypedDict):
    schema: int
    fields: list[Field]
    total: int


class TagsEdit(TypedDict, total=False):
    add: list[str]
    remove: list[str]


class PatchRequest(TypedDict, total=False):
    """`PATCH /runs/{ref}`. tags: the new list, or what to add and to remove."""

    name: str
    tags: list[str] | TagsEdit
    notes: str
    archived: bool


class PatchReply(TypedDict):
    """changed: which fields are different now; run: its facts."""

    schema: int
    run_id: str
    changed: list[str]
    run: RunFacts


class EventRequest(TypedDict, total=False):
    """`POST /runs/{ref}/events`: `kind` and what belongs to it.

    event_id: the caller's own name for this event; asked twice, it is written once.
    """

    kind: str
    text: str
    step: int
    tags: list[str]
    name: str
    notes: str
    archived: bool
    event_id: str


class EventReply(TypedDict):
    schema: int
    run_id: str
    event: dict[str, Any]


class TrashItem(TypedDict):
    """One removed run; trash_id is its run id, `ID~2` where one of that id lay there before."""

    trash_id: str
    run_id: str
    name: str
    project: str
    deleted_at: str
    size_bytes: int


class TrashReply(TypedDict):
    schema: int
    trash: list[TrashItem]
    total: int


class RemovedReply(TypedDict):
    """Of `DELETE /runs/{ref}` and of restoring and purging."""

    schema: int
    run_id: str
    trash_id: str
    name: str


class RankSeen(TypedDict):
    """One writer of metrics, or a rank that is missing (`writer` is "" then).

    lag_steps: how far it is behind the furthest writer of its kind; None before its first
    point and for writers of earlier attempts. silent_s: seconds since its last point; None
    once it has ended. interval_s: typical seconds between its points, None below three.
    state: `ok`, `lagging`, `silent`, `ended`, or `missing` (`ranks.world_size` says that
    there are more ranks than logged).
    """

    rank: int
    attempt: int
    writer: str
    last_step: int | None
    last_time: float | None
    alive: bool
    lag_steps: int | None
    silent_s: float | None
    interval_s: float | None
    state: Literal["ok", "lagging", "silent", "ended", "missing"]


class IngestState(TypedDict):
    """pending: fraction of the journals still to be read, 0 when all is in the index."""

    pending: float
    bad_lines: int


class RunMetric(MetricSummary):
    """better: which end of the metric counts as better, guessed by its name; None where that says nothing."""

    better: Literal["min", "max"] | None


class RunReply(RunFacts, total=False):
    children: list[Child]
    metrics: list[RunMetric]
    alerts: list[dict[str, Any]]
    checkpoints: list[dict[str, Any]]
    ranks_seen: list[RankSeen]
    log: dict[str, int]
    path: str
    store: str
    ingest: IngestState
    forwarding: Forwarding


class KeysReply(TypedDict):
    """Over all runs a key may come with its name alone: its figures are None then."""

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


class LogAtReply(TypedDict):
    """The log at a step or moment. line: number, from 0; None when it cannot be known, and `why` says so.
    time: epoch seconds when the log was seen to end with this line. step: of the metric printed there.
    """

    line: int | None
    text: str
    time: float | None
    step: int | None
    why: str


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
