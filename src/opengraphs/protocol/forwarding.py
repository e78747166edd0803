"""How far a run has been forwarded to a Trackio server, as `GET /runs/{ref}` tells it."""

from __future__ import annotations

from typing import TypedDict


class SkippedRow(TypedDict):
    """A record that the server refused for good: where it stands, and what the server said."""

    place: str
    reason: str


class _Forwarding(TypedDict):
    target: str
    state: str


class Forwarding(_Forwarding, total=False):
    """state: `live` (the run goes on), `waiting` (it has ended, something is left), `blocked`, `done`.

    delivered, skipped: records so far; skips: the newest of the latter; pending_bytes: what
    stands in the journals and was not sent yet; last_error: why nothing is delivered now.
    """

    delivered: int
    skipped: int
    skips: list[SkippedRow]
    pending_bytes: int
    delivered_at: str | None
    last_error: str | None
