"""Liveness, host, stopping a run, ending the daemon; events and samples of one run."""

from __future__ import annotations

from typing import Any, TypedDict

from opengraphs.protocol.series import Number


class HealthReply(TypedDict):
    status: str


class ProcessOut(TypedDict):
    """One process. cpu_percent: 100 is one core, None at its first sight. run: the live run it belongs to."""

    pid: int
    user: str
    cpu_percent: float | None
    rss_bytes: int
    cpu_s: float
    command: str
    run: str | None
    run_name: str | None


class HostReply(TypedDict, total=False):
    """One sample of this machine; keys as in a run's `system/<host>.jsonl`.

    load: over 1, 5 and 15 minutes. With processes asked for: matching is how many fit the filter, of `total`.
    """

    schema: int
    time: float
    host: str
    metrics: dict[str, Number]
    load: list[float]
    uptime_s: float | None
    processes: list[ProcessOut]
    matching: int
    total: int


class StopRequest(TypedDict, total=False):
    """grace_s: seconds between TERM and KILL, 0 to 3600; default 10."""

    grace_s: float


class StopReply(TypedDict):
    """True: the run has been told to stop; its status says when it did."""

    stopping: bool


class ShutdownRequest(TypedDict, total=False):
    """when_idle: only if no other client is connected and no run is live; default False."""

    when_idle: bool


class ShutdownReply(TypedDict):
    stopping: bool


class RunEventsReply(TypedDict):
    """Lines of the run's `events/` in order of time; `next` is the `since` of the following page."""

    events: list[dict[str, Any]]
    next: str | None


class SamplesReply(TypedDict):
    """Lines of the run's `samples/`, in order of time; `next` is the `from` of the following page."""

    samples: list[dict[str, Any]]
    total: int
    next: int | None
