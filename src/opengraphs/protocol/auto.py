"""The action loop: what the guard is asked, what it finds, and what came of it."""

from __future__ import annotations

from typing import Any, Literal, TypedDict, get_args

from opengraphs.protocol.chat import Mode, Plan

Risk = Literal["none", "low", "medium", "high"]
Decision = Literal["allow", "ask", "refuse"]
Outcome = Literal["kept", "rolled_back", "refused", "denied", "failed", "stopped"]
Step = Literal[
    "judged",
    "approved",
    "snapshot",
    "stopping",
    "patched",
    "smoke",
    "restarting",
    "verifying",
    "keeping",
    "rolling_back",
    "done",
]
STEPS: tuple[Step, ...] = get_args(Step)
"""The states of an action, in the order in which they are gone through; keeping or rolling_back, not both."""


class FindingOut(TypedDict, total=False):
    """One thing that the guard has to say. rule: its stable name; line: in the new file, from 1."""

    rule: str
    level: Literal["info", "ask", "refuse"]
    text: str
    path: str
    line: int | None


class VerdictOut(TypedDict, total=False):
    """decision: what may happen now; risk: how far it reaches; diff: unified, "" without edits."""

    plan_id: str
    decision: Decision
    risk: Risk
    mode: Mode
    findings: list[FindingOut]
    diff: str
    files: list[str]
    changed_lines: int
    checkpoint: dict[str, Any] | None


class EvaluateRequest(TypedDict, total=False):
    """`POST /auto/evaluate`: judge a plan, change nothing."""

    run: str
    plan: Plan
    mode: Mode


class EvaluateReply(TypedDict):
    schema: int
    verdict: VerdictOut


class ApplyRequest(TypedDict, total=False):
    """`POST /auto/apply`: judge a plan and, where the mode allows it, begin; else ask for an approval."""

    run: str
    session_id: str
    plan: Plan
    origin: str


class ApplyReply(TypedDict):
    """action_id: of what began or waits; None when it was refused. approval_id: None unless somebody is asked."""

    schema: int
    action_id: str | None
    approval_id: str | None
    verdict: VerdictOut


class RollbackRequest(TypedDict, total=False):
    action_id: str
    note: str


class StopAllRequest(TypedDict, total=False):
    """`POST /auto/stop`: the kill switch. run: None or absent, everywhere. on: False releases it again."""

    run: str | None
    on: bool
    note: str


class ModeRequest(TypedDict, total=False):
    """`POST /auto/mode`."""

    run: str
    mode: Mode


class EffectOut(TypedDict, total=False):
    """How much better the child is than its parent at equal steps; positive is better.

    effect, low, high: in the metric's own unit, of the mean with its 95 % interval. margin: what counts as an effect.
    paired: same steps of both; points, needed: compared so far and at the end. verdict: improved, regressed,
    no_evidence, or waiting.
    """

    metric: str
    direction: Literal["min", "max"]
    paired: bool
    points: int
    needed: int
    from_step: int | None
    to_step: int | None
    before: float | None
    after: float | None
    effect: float | None
    low: float | None
    high: float | None
    margin: float
    verdict: Literal["improved", "regressed", "no_evidence", "waiting"]
    guards: list[FindingOut]
    text: str


class ActionOut(TypedDict, total=False):
    """One action and how far it is."""

    action_id: str
    session_id: str
    run_id: str
    child_run_id: str | None
    plan: Plan
    step: Step
    outcome: Outcome | None
    verdict: VerdictOut
    effect: EffectOut | None
    approval_id: str | None
    expires_at: float | None
    created_at: float
    updated_at: float
    text: str


class ActionsReply(TypedDict):
    """`GET /auto`: newest first. stopped: the kill switch is on, and where: "" for no."""

    schema: int
    actions: list[ActionOut]
    modes: dict[str, Mode]
    stopped: str
    total: int


class AuditReply(TypedDict):
    """records: as they stand in the file; intact: the chain holds; broken: why it does not, "" otherwise."""

    schema: int
    records: list[dict[str, Any]]
    next: int | None
    intact: bool
    broken: str
