"""`/ingest`: the TCP port that Trackio's clients write to."""

from __future__ import annotations

from typing import TypedDict


class IngestRequest(TypedDict, total=False):
    """host: default loopback. port: 0 lets the system choose. token: None keeps the one there was.
    project: for clients that name none. anywhere: needed for a host that other machines reach."""

    host: str
    port: int
    token: str
    project: str
    anywhere: bool


class IngestedRun(TypedDict):
    """rows: that arrived since the daemon started. is_open: more may come."""

    run_id: str
    project: str
    name: str
    rows: int
    is_open: bool


class IngestReply(TypedDict):
    """url, token, store, project: as they are or last were; None when it never listened.

    trouble: why it does not listen though it is to. quarantined: rows that could not be stored
    since the daemon started; reason: of the newest.
    """

    schema: int
    listening: bool
    url: str | None
    token: str | None
    store: str | None
    project: str | None
    trouble: str
    runs: list[IngestedRun]
    quarantined: int
    reason: str
