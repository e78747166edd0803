"""What may happen by itself, what a person is asked for, and what does not happen, in each mode.

docs/agent.md has the table that `TABLE` is, and the suite holds them equal. Nobody's silence is a yes:
what is asked for and not answered is denied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from opengraphs.errors import UsageError
from opengraphs.guard import budget as budgets
from opengraphs.guard.budget import Spent
from opengraphs.guard.finding import Finding

Decision = Literal["allow", "ask", "refuse"]
MODES = ("off", "explain", "propose", "guarded", "full")
KINDS = ("explain", "restart", "override", "patch")
RISKS = ("none", "low", "medium", "high")

_NO: tuple[Decision, ...] = ("refuse",) * 4
_ASK: tuple[Decision, ...] = ("ask",) * 4
TABLE: dict[tuple[str, str], tuple[Decision, ...]] = {
    **{(mode, "explain"): ("allow",) * 4 for mode in MODES},
    **{(mode, kind): _NO for mode in ("off", "explain") for kind in KINDS[1:]},
    **{("propose", kind): _ASK for kind in KINDS[1:]},
    ("guarded", "restart"): ("allow", "allow", "ask", "ask"),
    ("guarded", "override"): ("allow", "allow", "ask", "ask"),
    ("guarded", "patch"): ("allow", "allow", "allow", "ask"),
    **{("full", kind): ("allow", "allow", "allow", "ask") for kind in KINDS[1:]},
}
"""(mode, kind) → the decision for each of RISKS, when nothing else speaks against it."""


class Bounds(NamedTuple):
    """How often the agent may try. cool_down_s: between the end of one action and the next in a run's family."""

    patches_an_incident: int = 2
    patches_a_run: int = 3
    cool_down_s: float = 600.0
    rollbacks: int = 2


class Attempts(NamedTuple):
    """What was tried before. rollbacks: in this run since a person last set its mode. since_last_s: None: nothing yet."""

    incident_patches: int = 0
    run_patches: int = 0
    rollbacks: int = 0
    since_last_s: float | None = None
    bounds: Bounds = Bounds()


class Judged(NamedTuple):
    """What happens now, and all there is to say about it."""

    decision: Decision
    findings: list[Finding]


MOST = Bounds(10, 30, math.inf, 10)
"""What settings can raise the bounds to."""


def bounds_from(settings: Mapping[str, Any]) -> Bounds:
    """The bounds in force.

    Args:
        settings: the `[agent]` table; `[agent.bounds]` has the fields of Bounds.

    Raises:
        UsageError: a setting is wrong.
    """
    given = settings.get("bounds") or {}
    if not isinstance(given, Mapping) or not set(given) <= set(Bounds._fields):
        raise UsageError(f"[agent.bounds] has {', '.join(Bounds._fields)}")
    for name, value in given.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if (
            not number
            or not 0 <= value <= getattr(MOST, name)
            or (name != "cool_down_s" and value != int(value))
        ):
            raise UsageError(f"[agent.bounds] {name} = {value!r}", hint=f"from 0 to {getattr(MOST, name)}")
    return Bounds(**given)


def judge(
    mode: str, kind: str, risk: str, findings: Iterable[Finding], *, attempts: Attempts, budget: Spent
) -> Judged:
    """Whether an action may begin, must be asked for, or does not happen.

    Args:
        mode: of the run, as it was set.
        kind: of the ladder.
        risk: how far it reaches, from `classify`; `none` for what changes no code.
        findings: all that the checks found; one `refuse` among them decides.
    """
    found = list(findings)
    if mode not in MODES or kind not in KINDS or risk not in RISKS:
        found.append(Finding("unknown", "refuse", f"nothing is known of {mode} {kind} {risk}"))
        return Judged("refuse", found)
    if any(one.level == "refuse" for one in found):
        return Judged("refuse", found)
    in_force = mode_in_force(mode, attempts)
    decision = TABLE[in_force, kind][RISKS.index(risk)]
    if kind == "explain":
        return Judged("allow", found)
    found += _why(mode, in_force, kind, risk, decision)
    limits = [*_tries(kind, attempts), *budgets.findings(budget)]
    return Judged(_decided(in_force, decision, found, limits), _told(in_force, found, limits))


def mode_in_force(mode: str, attempts: Attempts) -> str:
    """The mode that counts: after too many rollbacks nothing happens unasked."""
    broken = attempts.rollbacks >= attempts.bounds.rollbacks
    return "propose" if broken and mode in ("guarded", "full") else mode


def _decided(mode: str, decision: Decision, found: list[Finding], limits: list[Finding]) -> Decision:
    """In `guarded` a person is asked for what is out of bounds; in `full` nobody is there to ask, so it is not done."""
    if decision == "refuse":
        return "refuse"
    if any(one.level == "ask" for one in limits):
        return "refuse" if mode == "full" else "ask"
    if mode == "guarded" and any(one.level == "ask" for one in found):
        return "ask"
    return decision


def _told(mode: str, found: list[Finding], limits: list[Finding]) -> list[Finding]:
    if mode == "full":
        limits = [one._replace(level="refuse") if one.level == "ask" else one for one in limits]
    return [*found, *limits]


def _why(mode: str, in_force: str, kind: str, risk: str, decision: Decision) -> list[Finding]:
    if in_force != mode:
        text = (
            f"fixes of this run were rolled back, so {mode} asks before every step until the mode is set anew"
        )
        return [Finding("breaker", "ask", text)]
    if decision == "refuse":
        text = f"in mode {mode} the agent explains and changes nothing; propose lets it ask"
        return [Finding(f"mode_{mode}", "refuse", text)]
    if decision == "ask" and mode == "propose":
        return [Finding("mode_propose", "ask", "in mode propose every step is asked for")]
    if decision == "ask":
        return [Finding("risk", "ask", f"a {kind} of {risk} risk is asked for in mode {mode}")]
    return []


def _tries(kind: str, attempts: Attempts) -> list[Finding]:
    bounds, found = attempts.bounds, []
    if kind == "patch" and attempts.incident_patches >= bounds.patches_an_incident:
        text = f"{attempts.incident_patches} patches were tried for this incident already"
        found.append(Finding("attempts_incident", "ask", text))
    if kind == "patch" and attempts.run_patches >= bounds.patches_a_run:
        found.append(
            Finding("attempts_run", "ask", f"{attempts.run_patches} patches were tried in this run already")
        )
    if attempts.since_last_s is not None and attempts.since_last_s < bounds.cool_down_s:
        text = (
            f"the last action ended {attempts.since_last_s:.0f} s ago; {bounds.cool_down_s:.0f} s are to pass"
        )
        found.append(Finding("cool_down", "ask", text))
    return found
