"""A rule as a value: its condition, parsed, and how long, from where and how loud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from opengraphs.alerts.rules.tree import Expr

if TYPE_CHECKING:
    from opengraphs.alerts.rules.compiled import CompiledRule

Level = Literal["info", "warn", "error"]
Action = Literal["notify", "explain", "propose", "stop", "auto"]
LEVELS: tuple[Level, ...] = get_args(Level)
ACTIONS: tuple[Action, ...] = get_args(Action)
LEVEL_WORDS: dict[str, Level] = {
    "info": "info",
    "warn": "warn",
    "warning": "warn",
    "error": "error",
    "critical": "error",
}


class Span(NamedTuple):
    """A length. unit: `points` and `steps` are counted, `s` is seconds."""

    amount: float
    unit: Literal["points", "steps", "s"]


ONCE = Span(1, "points")
COOLDOWN = Span(100, "points")
"""Where a rule names none."""


class Rule(NamedTuple):
    """One alert rule.

    Attributes:
        name: unique in a file; firings come from the detector `rule:NAME`.
        when: the condition as written, expr: as parsed.
        hold: how long the condition must hold before it fires (`for`).
        after: readings at lower steps do not count; None: all do.
        cooldown: how long after an alert ended the same rule stays quiet; None: COOLDOWN.
        filter: which runs, in the filter language; "" for all.
        origin: where it was written: a path with a line, "--alert", or "".
    """

    name: str
    when: str
    expr: Expr
    hold: Span = ONCE
    after: int | None = None
    level: Level = "warn"
    cooldown: Span | None = None
    action: Action = "notify"
    filter: str = ""
    origin: str = ""

    @property
    def detector(self) -> str:
        return f"rule:{self.name}"

    def compile(self) -> CompiledRule:
        """A new stream of this rule, without any points yet; one is needed for each run."""
        from opengraphs.alerts.rules.compiled import CompiledRule

        return CompiledRule(self)
