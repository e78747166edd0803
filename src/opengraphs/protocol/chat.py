"""Conversations with the agent, as the daemon keeps and answers them.

A session is a file of records in the folder of its run; the daemon alone writes it. A record
has `seq` (1, 2, …) once it is kept; `delta` and `thinking` are only streamed and have none.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

Mode = Literal["off", "explain", "propose", "guarded", "full"]
MODES: tuple[Mode, ...] = ("off", "explain", "propose", "guarded", "full")
SessionState = Literal["idle", "thinking", "waiting"]
"""waiting: for a person to decide on an approval."""
RecordKind = Literal[
    "session",
    "user",
    "turn",
    "assistant",
    "tool",
    "usage",
    "plan",
    "verdict",
    "approval",
    "decision",
    "action",
    "verify",
    "result",
    "notice",
    "delta",
    "thinking",
]
ActionKind = Literal["explain", "restart", "override", "patch"]
"""The ladder, least invasive first."""


class Attachment(TypedDict, total=False):
    """What a message is about. kind: run, metric, alert, file, log or text; ref: its id, key, path or line range."""

    kind: str
    ref: str
    run: str
    text: str


class Evidence(TypedDict, total=False):
    """What a statement rests on: a run, a metric and a step of it, or a line of its log."""

    run: str
    metric: str
    step: int | None
    line: int | None
    text: str


class Action(TypedDict, total=False):
    """At most one of the ladder.

    checkpoint: `latest`, `best`, a step or a checkpoint's id; None lets the guard choose the one before the
    onset. overrides: settings by name, for `restart` none. edits: SEARCH/REPLACE blocks as the model wrote
    them. metric, direction: what is to get better, and which way; by_step: until when, None: not said.
    """

    kind: ActionKind
    checkpoint: str | None
    overrides: dict[str, Any]
    edits: str
    metric: str
    direction: Literal["min", "max"]
    by_step: int | None
    rationale: str


class Plan(TypedDict, total=False):
    """What the agent thinks is wrong, how sure it is (0 to 1), what it would check, and what it would do."""

    plan_id: str
    run_id: str
    alert_id: str | None
    diagnosis: str
    confidence: float
    evidence: list[Evidence]
    checks: list[str]
    action: Action


class Record(TypedDict, total=False):
    """One line of a session. Which keys there are follows from `kind`; docs/reference/files.md has the table."""

    seq: int
    time: float
    kind: RecordKind
    session_id: str
    turn: int
    text: str


class SendRequest(TypedDict, total=False):
    """`POST /chat/send`. session_id, or run: its newest session goes on, unless `new`.

    mode: of this run from now on. origin: tui, cli, run, alert or mcp. message_id: the caller's own name for
    this message; asked twice, it is sent once.
    """

    session_id: str
    run: str
    text: str
    attachments: list[Attachment]
    mode: Mode
    origin: str
    new: bool
    message_id: str


class SendReply(TypedDict):
    """queued: an earlier turn is still going on; this one follows it."""

    schema: int
    session_id: str
    run_id: str
    turn: int
    seq: int
    queued: bool


class Session(TypedDict):
    """One conversation. title: its first words; tokens and cost_usd: so far; None when the price is not known."""

    session_id: str
    run_id: str
    title: str
    state: SessionState
    mode: Mode
    turns: int
    seq: int
    created_at: float
    updated_at: float
    tokens: int
    cost_usd: float | None
    parent: dict[str, Any] | None


class SessionsReply(TypedDict):
    schema: int
    sessions: list[Session]
    total: int


class DecideRequest(TypedDict, total=False):
    """`POST /chat/decide`. edits: other edits than those proposed, to be judged anew."""

    approval_id: str
    decision: Literal["approve", "deny"]
    note: str
    edits: str
    origin: str


class DecideReply(TypedDict):
    schema: int
    approval_id: str
    decision: str
    session_id: str


class InterruptRequest(TypedDict, total=False):
    session_id: str


class ForkRequest(TypedDict, total=False):
    """at: the last record that the new session shares; None or absent: all."""

    session_id: str
    at: int | None


class AgentState(TypedDict):
    """How the agent is: off, starting, ready, busy or broken; trouble: why it is broken, "" otherwise."""

    schema: int
    state: Literal["off", "starting", "ready", "busy", "broken"]
    pid: int | None
    provider: str
    model: str
    trouble: str
    hint: str
    disabled: str


class ItemsRequest(TypedDict, total=False):
    """`POST /agent/items`: what the agent has to say of a turn; only the agent knows the token."""

    token: str
    session_id: str
    turn: int
    items: list[dict[str, Any]]


class ItemsReply(TypedDict):
    """seqs: of the items, None for those that are only streamed. stop: the turn was interrupted; end it."""

    schema: int
    seqs: list[int | None]
    stop: bool
