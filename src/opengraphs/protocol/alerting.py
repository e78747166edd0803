"""Rules, silences and replay: what `/alerts/…` takes and tells."""

from __future__ import annotations

from typing import Any, TypedDict


class SilenceRequest(TypedDict, total=False):
    """What is not told of. Nothing named: everything. for_s None or absent: until it is taken back.

    run: any reference; detector: as `GET /alerts/rules` names them, `rule:NAME` for a rule.
    """

    run: str
    detector: str
    metric: str
    for_s: float | None
    note: str


class Silence(TypedDict):
    """until: epoch seconds, None for good. run, detector, metric: "" for any."""

    id: str
    run: str
    detector: str
    metric: str
    until: float | None
    note: str
    created_at: float


class SilencesReply(TypedDict):
    schema: int
    silences: list[Silence]


class RuleOut(TypedDict):
    """One rule as it counts. origin: the file and line, or `--alert`."""

    name: str
    when: str
    hold: str
    after: int | None
    cooldown: str | None
    level: str
    action: str
    filter: str
    origin: str


class DetectorOut(TypedDict):
    """A detector. level None: its own, which follows how grave it is. after_s: how long it waits, None: no clock."""

    name: str
    on: bool
    level: str | None
    after_s: float | None


class SinkOut(TypedDict):
    name: str
    kind: str
    level: str


class RulesReply(TypedDict):
    """troubles: places whose rules do not count, each `{place, message, hint}`."""

    schema: int
    rules: list[RuleOut]
    detectors: list[DetectorOut]
    roles: dict[str, str]
    sinks: list[SinkOut]
    troubles: list[dict[str, str]]


class ReplayRequest(TypedDict, total=False):
    """run: any reference; or table: the whole path of a CSV with a `step` column. rules: one line each,
    in the place of those in force. only_rules: no detectors."""

    run: str
    table: str
    rules: list[str]
    only_rules: bool


class CheckRequest(TypedDict):
    """rules: one line each."""

    rules: list[str]


class CheckReply(TypedDict):
    """The rules as they were understood."""

    schema: int
    rules: list[RuleOut]


class ReplayReply(TypedDict):
    """firings: `{detector, metric, level, onset_step, fired_step, evidence}` in order; at most 1000, `total` counts all.

    points: how many were looked at. complete: False where the time was up before the end.
    """

    schema: int
    run_id: str | None
    firings: list[dict[str, Any]]
    total: int
    points: int
    complete: bool


class SinkTest(TypedDict):
    """ok: it took the test alert; else why not."""

    name: str
    kind: str
    ok: bool
    error: str


class SinkTestsReply(TypedDict):
    schema: int
    sinks: list[SinkTest]
