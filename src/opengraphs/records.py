"""The vocabulary of og as typed values. Data only.

JSON objects are TypedDicts, with the very keys that stand in the files and on the
wire; small values that code passes around are NamedTuples. Neither costs an import
of `dataclasses`, so the command line and the first frame can use them.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypedDict

Status = Literal["running", "finished", "failed", "stopped", "crashed", "lost"]
STATUSES: tuple[Status, ...] = ("running", "finished", "failed", "stopped", "crashed", "lost")
ENDED: frozenset[str] = frozenset(STATUSES) - {"running"}


class Point(NamedTuple):
    """One logged value. `step` is the script's own, `time` epoch seconds."""

    step: int
    time: float
    value: float


class GitFacts(TypedDict, total=False):
    commit: str
    branch: str
    dirty: bool
    remote: str


class Progress(TypedDict, total=False):
    """`step` None: the last logged step tells; `total` None or absent: not known."""

    step: int | None
    total: int | None
    unit: str


class Parent(TypedDict, total=False):
    """What a run went on from. reason: user, crash, auto or rollback; overrides: settings that were changed."""

    run_id: str
    checkpoint_id: str
    step: int
    reason: str
    overrides: dict[str, Any]


class HooksFacts(TypedDict, total=False):
    """What reached the training's processes without a change of code.

    active: a library's name → its version, "" where it tells none; `sitecustomize` → the
    Python. failed: what could not be hooked or went wrong later → why.
    """

    active: dict[str, str]
    failed: dict[str, str]


class RunFacts(TypedDict, total=False):
    """run.json. Times are UTC ISO-8601 with microseconds; None means "not yet" or "not known"."""

    schema: int
    run_id: str
    project: str
    name: str
    group: str | None
    job_type: str | None
    status: Status
    created_at: str
    started_at: str | None
    ended_at: str | None
    heartbeat_at: str | None
    exit_code: int | None
    signal: int | None
    host: str
    user: str
    pid: int | None
    runner_pid: int | None
    command: list[str]
    cwd: str
    script: str | None
    git: GitFacts | None
    python: str | None
    ranks: dict[str, int]
    job: dict[str, str]
    source: str
    source_path: str
    """Of a copy of a foreign run: the place that it was read from."""
    source_trouble: str
    """Of such a copy: what of its source could not be read; "" or absent when all could."""
    config: dict[str, Any]
    summary: dict[str, Any]
    tags: list[str]
    notes: str
    progress: Progress | None
    parent: Parent | None
    archived: bool
    mirror_to: str
    """The Trackio server that ogd shall forward the run to, without any secret."""
    alert_rules: list[str]
    """Rules that `og run --alert` gave along, as they were written."""
    launch: dict[str, Any]
    """How `og run` was asked to start it, where not as usual: use_pty, hooks, stdout_metrics, patterns."""
    metric_roles: dict[str, str]
    """What metrics are, as the script said with `og.define`: name or glob → role."""
    hooks: HooksFacts
    journal: str
    """How metrics are written: `mapped` or `append`; see docs/reference/files.md."""
    events_folded: dict[str, int]
    """After the end: how many bytes of each events file are already in this record."""
    summary_folded: list[str]
    """After the end: keys of `summary` that are last values of metrics; the others the user set."""


class ExitRecord(TypedDict, total=False):
    """exit.json. `code` is None when a signal ended the process; `signal` None when none did."""

    code: int | None
    signal: int | None
    stopped: bool
    ended_at: str
    rusage: dict[str, float]


class MetricSummary(TypedDict):
    """One row of `show`'s `metrics` list."""

    key: str
    points: int
    last: float | str | None
    min: float | None
    max: float | None
    first_step: int | None
    last_step: int | None


class LogLine(TypedDict):
    """`n` counts from 0; `text` has carriage-return overprints folded and keeps SGR colours only."""

    n: int
    text: str
