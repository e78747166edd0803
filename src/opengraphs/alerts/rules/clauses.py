"""Rules in one line: `[name:] condition [for N] [after N] [cooldown T] [action A] [!level]`."""

from __future__ import annotations

import re
from typing import NamedTuple

from opengraphs.alerts.rules.faults import fault_at, meant
from opengraphs.alerts.rules.parser import Parser, shown
from opengraphs.alerts.rules.rule import ACTIONS, LEVEL_WORDS, ONCE, Action, Level, Rule, Span
from opengraphs.alerts.rules.tree import Expr
from opengraphs.alerts.rules.units import check, depends_on_clock_alone
from opengraphs.alerts.rules.words import CLAUSES, DURATIONS

MAX_NAME = 80
_NAME = re.compile(r"\s*([^\s:'\"()<>=]+)\s*:(?:\s|$)")
_COUNTED = {"point": "points", "points": "points", "step": "steps", "steps": "steps"}
_LONG = {
    "sec": "s",
    "second": "s",
    "seconds": "s",
    "min": "m",
    "minute": "m",
    "minutes": "m",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
}


class _Said(NamedTuple):
    """What the clauses behind a condition say."""

    hold: Span = ONCE
    after: int | None = None
    cooldown: Span | None = None
    action: Action = "notify"
    level: Level = "warn"


def parse_rule(text: str, *, origin: str = "") -> Rule:
    """A rule from one line, such as `kl: ema(train/kl, 20) > 0.1 for 10 after 200 !error`.

    Clauses come in any order, each once. Without a name a rule is called by its condition.

    Raises:
        UsageError: the line does not parse or makes no sense; with place, caret and hint.
    """
    named = _NAME.match(text)
    name = checked_name(named[1], text, named.start(1)) if named else ""
    parser = Parser(text, named.end() if named else 0)
    expr = parser.condition()
    if parser.next.kind not in ("end", "level") and parser.next.text not in CLAUSES:
        wanted = "an operator, for, after, cooldown, action, a !level or the end"
        raise parser.unexpected(wanted, ("and", "or", *CLAUSES))
    check(expr, text)
    said = _clauses(parser)
    when = text[expr.at : expr.end]
    check_hold(expr, said.hold, text)
    return Rule(name or " ".join(when.split())[:MAX_NAME], when, expr, **said._asdict(), origin=origin)


def parse_condition(text: str) -> Expr:
    """A condition alone, as `when = "…"` of a file has it.

    Raises:
        UsageError: as `parse_rule`; clauses are refused, they are keys of their own there.
    """
    parser = Parser(text)
    expr = parser.condition()
    word = parser.next
    if word.kind == "level" or (word.kind == "word" and word.text in CLAUSES):
        key = "level" if word.kind == "level" else word.text
        raise parser.fault(word, f"{shown(word)} does not belong into when", f"write it as a key: {key} = …")
    if word.kind != "end":
        raise parser.unexpected("an operator or the end")
    check(expr, text)
    return expr


def parse_span(text: str, *, bare: str, what: str) -> Span:
    """A length alone: `20 points`, `10m`, `90 s`; a bare number counts in `bare`.

    Raises:
        UsageError: it is none.
    """
    parser = Parser(text)
    span = _span(parser, bare, what)
    if parser.next.kind != "end":
        raise parser.unexpected("the end")
    return span


def check_hold(expr: Expr, hold: Span, text: str) -> None:
    """That a rule about the clock does not wait for points.

    Raises:
        UsageError: it does.
    """
    if hold != ONCE and hold.unit != "s" and depends_on_clock_alone(expr):
        what = f"for {hold.amount:g} {hold.unit}, but this rule changes with the clock, not with {hold.unit}"
        raise fault_at(text, expr.at, what, "give a time: for 30s")


def checked_name(name: str, text: str = "", at: int = 0) -> str:
    """A rule's name, if it can be one.

    Raises:
        UsageError: empty, too long or not printable.
    """
    if name.strip() != name or not name or len(name) > MAX_NAME or not name.isprintable():
        raise fault_at(
            text or name, at, f"a name has 1 to {MAX_NAME} printable characters and no space at its ends"
        )
    return name


def _clauses(parser: Parser) -> _Said:
    said: dict[str, object] = {}
    while parser.next.kind != "end":
        word = parser.take()
        if word.kind != "level" and not (word.kind == "word" and word.text in CLAUSES):
            hint = meant(word.text, (*CLAUSES, *(f"!{level}" for level in LEVEL_WORDS)))
            raise parser.fault(
                word, f"expected for, after, cooldown, action or a !level, found {shown(word)}", hint
            )
        key = "level" if word.kind == "level" else {"for": "hold"}.get(word.text, word.text)
        if key in said:
            raise parser.fault(word, f"{'a level' if key == 'level' else word.text} stands twice")
        said[key] = level_of(word.text, parser.text, word.at) if key == "level" else _clause(parser, key)
    return _Said(**said)  # type: ignore[arg-type]


def _clause(parser: Parser, key: str) -> object:
    if key == "hold":
        return _span(parser, "points", "for")
    if key == "cooldown":
        return _span(parser, "points", "cooldown")
    return _after(parser) if key == "after" else _action(parser)


def level_of(word: str, text: str = "", at: int = 0) -> Level:
    """`critical` is error, `warning` is warn.

    Raises:
        UsageError: no such level.
    """
    if word not in LEVEL_WORDS:
        raise fault_at(text or word, at, f"unknown level {word!r}", meant(word, LEVEL_WORDS))
    return LEVEL_WORDS[word]


def action_of(word: str, text: str = "", at: int = 0) -> Action:
    """Raises UsageError where there is no such action."""
    found = next((action for action in ACTIONS if action == word), None)
    if found is None:
        raise fault_at(text or word, at, f"unknown action {word!r}", meant(word, ACTIONS))
    return found


def _action(parser: Parser) -> Action:
    word = parser.take()
    if word.kind != "name":
        raise parser.fault(word, f"expected an action, found {shown(word)}", "one of " + ", ".join(ACTIONS))
    return action_of(word.text, parser.text, word.at)


def _after(parser: Parser) -> int:
    first = parser.next
    span = _span(parser, "steps", "after")
    if span.unit != "steps":
        raise parser.fault(first, "after counts steps", "write after 200")
    return int(span.amount)


def _span(parser: Parser, bare: str, what: str) -> Span:
    word = parser.take()
    if word.kind != "number" or word.unit == "%":
        hint = f"such as {what} 10" + ("" if what == "after" else f" or {what} 30s")
        raise parser.fault(word, f"{what} needs a length, found {shown(word)}", hint)
    unit = word.unit or _unit_word(parser) or bare
    factor = 1.0 if word.unit or unit in ("points", "steps") else DURATIONS[unit]
    amount = word.number * factor
    if unit in ("points", "steps"):
        if amount != int(amount):
            raise parser.fault(word, f"{unit} are counted in whole numbers")
        if amount < 1 and what != "after":
            raise parser.fault(word, f"{what} 0 {unit} means nothing", "at least 1")
        return Span(int(amount), "points" if unit == "points" else "steps")
    return Span(amount, "s")


def _unit_word(parser: Parser) -> str:
    """A unit that stands as a word of its own behind the number; "" where none does."""
    word = parser.next
    if word.kind != "name":
        return ""
    unit = _COUNTED.get(word.text) or _LONG.get(word.text) or word.text
    if unit not in ("points", "steps", *DURATIONS):
        hint = meant(word.text, ("points", "steps", *DURATIONS, *CLAUSES))
        raise parser.fault(word, f"neither a unit nor a clause: {word.text!r}", hint)
    parser.take()
    return unit
