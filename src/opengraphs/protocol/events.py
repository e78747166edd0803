"""`GET /events`: what changed, one JSON object a line."""

from __future__ import annotations

from typing import Literal, TypedDict

from opengraphs.records import RunFacts

EventKind = Literal["hello", "run", "metrics", "log", "system", "resync"]


class Event(TypedDict, total=False):
    """`seq` rises by one per event of the daemon; `since=SEQ` replays what came after it.

    hello: first line of every stream. resync: the reader was too slow, or `since` is
    older than what is kept: ask the routes again. metrics: `keys` maps each metric that
    grew to its last step, `points` counts what came in.
    """

    seq: int
    time: float
    kind: EventKind
    store: str
    run: str
    facts: RunFacts
    keys: dict[str, int]
    points: int
    size_bytes: int
