"""What the agent may use up: tokens, money, time of the model, attempts; for an incident, a run and a day.

The counts are given in; who keeps them keeps them on disk. Money of a model whose price is not known is
reckoned at PRICE_USD, so that a cap in money always holds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from opengraphs.errors import UsageError
from opengraphs.guard.finding import Finding

PRICE_USD = 10e-6
"""What a token is taken to cost when nobody knows: USD 2 are 200 000 tokens."""
SOFT = 0.8
"""From this share on a warning is given."""


class Limits(NamedTuple):
    """llm_s: seconds spent waiting for the model. attempts: actions that were begun. 0 allows nothing."""

    tokens: int
    usd: float
    llm_s: float
    attempts: int


class Budget(NamedTuple):
    """incident: all that one alert set off."""

    incident: Limits = Limits(200_000, 2.0, 600.0, 4)
    run: Limits = Limits(1_000_000, 10.0, 3000.0, 8)
    day: Limits = Limits(2_000_000, 20.0, 6000.0, 16)


class Used(NamedTuple):
    """What was used so far. unpriced_tokens: those of `tokens` whose price is not known, thus not in usd."""

    tokens: int = 0
    usd: float = 0.0
    llm_s: float = 0.0
    attempts: int = 0
    unpriced_tokens: int = 0

    def plus(self, tokens: int, usd: float | None, llm_s: float) -> Used:
        """One more answer of the model; usd None: its price is not known."""
        unpriced = tokens if usd is None else 0
        return Used(
            self.tokens + tokens,
            self.usd + (usd or 0.0),
            self.llm_s + llm_s,
            self.attempts,
            self.unpriced_tokens + unpriced,
        )


class Spent(NamedTuple):
    """What was used, by scope, and what may be."""

    incident: Used = Used()
    run: Used = Used()
    day: Used = Used()
    budget: Budget = Budget()


def from_settings(settings: Mapping[str, Any]) -> Budget:
    """The budget in force.

    Args:
        settings: the `[agent]` table; `[agent.budget.incident]`, `.run` and `.day` have tokens, usd, llm_s, attempts.

    Raises:
        UsageError: a setting is wrong.
    """
    given = settings.get("budget") or {}
    if not isinstance(given, Mapping) or not set(given) <= set(Budget._fields):
        raise UsageError("[agent.budget] has tables incident, run and day")
    default = Budget()
    return Budget(*(_limits(name, getattr(default, name), given.get(name) or {}) for name in Budget._fields))


def findings(spent: Spent) -> list[Finding]:
    """`ask` for each scope and measure that is used up, `info` from four fifths on."""
    return [
        finding
        for scope in Budget._fields
        for finding in _of_scope(scope, getattr(spent, scope), getattr(spent.budget, scope))
    ]


def may_ask_model(spent: Spent) -> Finding | None:
    """Why the model is not to be asked again; None when it may be. Attempts do not count here."""
    return next(
        (one for one in findings(spent) if one.level == "ask" and one.rule != "budget_attempts"),
        None,
    )


def money(used: Used) -> float:
    """USD, what is not priced reckoned in."""
    return used.usd + used.unpriced_tokens * PRICE_USD


def _of_scope(scope: str, used: Used, limits: Limits) -> list[Finding]:
    guessed = " (the price is not known: taken as USD 10 a million tokens)" if used.unpriced_tokens else ""
    measures = (
        (
            "tokens",
            used.tokens,
            limits.tokens,
            f"{used.tokens:,} of {limits.tokens:,} tokens".replace(",", " "),
        ),
        ("usd", money(used), limits.usd, f"USD {money(used):.2f} of {limits.usd:.2f}{guessed}"),
        ("llm_s", used.llm_s, limits.llm_s, f"{used.llm_s:.0f} of {limits.llm_s:.0f} s of the model"),
        ("attempts", used.attempts, limits.attempts, f"{used.attempts} of {limits.attempts} attempts"),
    )
    where = {"incident": "for this incident", "run": "for this run", "day": "today"}[scope]
    return [
        Finding(f"budget_{name}", "ask" if have >= limit else "info", f"{text} are used {where}")
        for name, have, limit, text in measures
        if have >= limit or have >= SOFT * limit
    ]


def _limits(scope: str, default: Limits, given: Any) -> Limits:
    if not isinstance(given, Mapping) or not set(given) <= set(Limits._fields):
        raise UsageError(f"[agent.budget.{scope}] has tokens, usd, llm_s and attempts")
    for name, value in given.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if (
            not number
            or not 0 <= value < math.inf
            or (name in ("tokens", "attempts") and value != int(value))
        ):
            raise UsageError(f"[agent.budget.{scope}] {name} = {value!r}", hint="a number, 0 or more")
    return default._replace(**given)
