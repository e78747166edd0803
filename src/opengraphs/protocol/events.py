"""`GET /events`: what changed, one JSON object a line."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from opengraphs.records import RunFacts

EventKind = Literal[
    "hello", "run", "gone", "metrics", "log", "system", "events", "alert", "sources", "chat", "resync"
]


class Event(TypedDict, total=False):
    """`seq` rises by one per event of the daemon; `since=SEQ` replays what came after it.

    hello: first line of every stream; its `seq` is where the stream begins. resync: the
    reader was too slow, or `since` is older than what is kept: ask the routes again.
    run: `facts` of a run that is new or whose facts, status or progress changed. gone:
    its folder was removed. metrics: `keys` maps each metric that grew to its last step,
    `points` counts what came in; `reset` when a journal was replaced or cut, so that
    curves drawn before are void; `pending` (0 to 1) when older points of a big run were
    read behind. log: `size_bytes`. system: new figures. events: new lines in `events/`. alert:
    `alerts` are the events that detectors and rules just wrote, as they stand in `events/`, and `about` names the run (`run_id, name, project`). sources:
    `GET /sources` has something new to say (`run` is empty): `runs` of other programs so far,
    `looking` while a folder is searched for the first time, `message` when one cannot be read. chat: a session of
    the run, `session_id`, has the new record `session_seq` of the kind `record_kind`.

    Readers ignore kinds and keys they do not know.
    """

    seq: int
    time: float
    kind: EventKind
    store: str
    run: str
    facts: RunFacts
    keys: dict[str, int]
    points: int
    reset: bool
    pending: float
    runs: int
    looking: bool
    message: str
    size_bytes: int
    alerts: list[dict[str, Any]]
    about: dict[str, Any]
    session_id: str
    session_seq: int
    record_kind: str
