"""Alerts of every run: what `GET /alerts` tells, and what `POST /alerts/{id}/ack` takes."""

from __future__ import annotations

from typing import Any, Literal, TypedDict, get_args

AlertStatus = Literal["firing", "acknowledged", "resolved"]
AlertLevel = Literal["info", "warn", "error"]
STATUSES: tuple[AlertStatus, ...] = get_args(AlertStatus)
LEVELS: tuple[AlertLevel, ...] = get_args(AlertLevel)


class AlertOut(TypedDict):
    """One alert as it stands. id: `RUN:NAME`, good for `ack`. Times are epoch seconds.

    fired_at: when it fired first; time: of its newest event. evidence: what the detector saw.
    """

    id: str
    alert_id: str
    run_id: str
    run: str
    project: str | None
    status: AlertStatus
    level: AlertLevel
    fired_at: float
    time: float | None
    title: str | None
    text: str | None
    detector: str | None
    metric: str | None
    onset_step: int | None
    step: int | None
    note: str | None
    evidence: dict[str, Any]


class AlertsReply(TypedDict):
    """unread: runs not looked at yet; ask again. counts: by status, whatever status was asked for."""

    schema: int
    alerts: list[AlertOut]
    total: int
    counts: dict[str, int]
    unread: int
    next: int | None


class AckRequest(TypedDict, total=False):
    """note: what a person has to say about it."""

    note: str
