"""`alerts.toml` of a store, and the same tables in a project's `og.toml`.

[[alert]]
name = "kl-high"
when = "ema(train/kl, 20) > 3 * median(train/kl, 200) and lr > 0"
for = "20 points"

[roles]
"train/my_objective" = "loss"

[detectors]
plateau = "off"
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from opengraphs.alerts.rules.clauses import (
    action_of,
    check_hold,
    checked_name,
    level_of,
    parse_condition,
    parse_span,
)
from opengraphs.alerts.rules.faults import meant
from opengraphs.alerts.rules.rule import LEVEL_WORDS, ONCE, Level, Rule, Span
from opengraphs.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_T = TypeVar("_T")

NAME = "alerts.toml"
KEYS = ("name", "when", "for", "after", "level", "severity", "cooldown", "action", "filter")
TABLES = ("alert", "roles", "detectors")
MAX_RULES = 500


class DetectorChoice(NamedTuple):
    """What a file says about a built-in detector.

    level: None leaves its own. options: its thresholds, as they stand; the detector checks them.
    """

    is_on: bool
    level: Level | None
    options: dict[str, float | str | bool]


class RulesFile(NamedTuple):
    """roles: metric name or glob → role, in order; the first that matches counts."""

    rules: tuple[Rule, ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    detectors: Mapping[str, DetectorChoice] = {}


def read_rules(
    text: str,
    *,
    path: str = NAME,
    is_project: bool = False,
    others: Collection[str] = (),
    roles: Collection[str] = (),
    detectors: Collection[str] = (),
) -> RulesFile:
    """The rules, roles and detectors of a file.

    Args:
        is_project: the text is an `og.toml`; its other tables are somebody else's.
        others: tables of `alerts.toml` that somebody else reads.
        roles, detectors: the names there are; empty takes any.

    Raises:
        UsageError: no TOML, a wrong key, type or value, a name twice; the path has the line.
    """
    return _File(text, path).read(is_project, others, roles, detectors)


def merged(files: Iterable[RulesFile]) -> RulesFile:
    """Several files as one; of equal names the last file counts."""
    rules: dict[str, Rule] = {}
    roles: dict[str, str] = {}
    detectors: dict[str, DetectorChoice] = {}
    for one in files:
        rules.update((rule.name, rule) for rule in one.rules)
        roles = {
            **dict(one.roles),
            **{name: role for name, role in roles.items() if name not in dict(one.roles)},
        }
        detectors.update(one.detectors)
    return RulesFile(tuple(rules.values()), tuple(roles.items()), detectors)


class _File:
    def __init__(self, text: str, path: str) -> None:
        self._lines = text.splitlines()
        self._path = path
        try:
            self._tables: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"alert rules cannot be read ({error})", path=path) from error

    def read(
        self, is_project: bool, others: Collection[str], roles: Collection[str], detectors: Collection[str]
    ) -> RulesFile:
        known = (*TABLES, *others)
        for name in self._tables:
            if not is_project and name not in known:
                hint = meant(name, known, known="a rules file has")
                raise self._fault(f"unknown table {name!r}", hint, self._line(rf"\s*\[*\s*{_key(name)}"))
        return RulesFile(self._rules(), self._roles(roles), self._detectors(detectors))

    def _fault(self, what: str, hint: str, line: int | None) -> UsageError:
        return UsageError(what, hint=hint, path=f"{self._path}:{line}" if line else self._path)

    def _line(self, pattern: str, start: int = 0, nth: int = 0) -> int | None:
        """The number of the nth line from `start` on that begins so, counted from 1."""
        begins = re.compile(pattern)
        found = [n + 1 for n in range(start, len(self._lines)) if begins.match(self._lines[n])]
        return found[nth] if nth < len(found) else None

    def _rules(self) -> tuple[Rule, ...]:
        tables = self._tables.get("alert", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self._fault(
                "alert is no list of tables", "write [[alert]]", self._line(r"\s*\[?\s*alert\b")
            )
        if len(tables) > MAX_RULES:
            raise self._fault(f"more than {MAX_RULES} rules", "a glob in one rule may do", None)
        rules: dict[str, Rule] = {}
        for n, table in enumerate(tables):
            begin = self._line(r"\s*\[\[\s*[\"']?alert[\"']?\s*\]\]", nth=n)
            rule = _Table(self, table, n, begin).rule()
            if rule.name in rules:
                first = rules[rule.name].origin
                raise self._fault(f"two rules are named {rule.name!r}", f"the first is at {first}", begin)
            rules[rule.name] = rule
        return tuple(rules.values())

    def place_of(self, key: str, begin: int | None) -> int | None:
        """The line of a key in the table whose heading is the line `begin`."""
        if begin is None:
            return None
        end = self._line(r"\s*\[", start=begin) or len(self._lines) + 1
        line = self._line(rf"\s*{_key(key)}\s*=", start=begin)
        return line if line is not None and line < end else begin

    def placed(self, line: int | None) -> str:
        return f"{self._path}:{line}" if line else self._path

    def _table(self, name: str) -> tuple[dict[str, Any], int | None]:
        line = self._line(rf"\s*\[\s*{name}\s*\]")
        table = self._tables.get(name, {})
        if not isinstance(table, dict):
            raise self._fault(f"{name} is no table", f"write [{name}]", line or self._line(rf"\s*{name}\s*="))
        return table, line

    def _roles(self, known: Collection[str]) -> tuple[tuple[str, str], ...]:
        table, begin = self._table("roles")
        for metric, role in table.items():
            line = self.place_of(metric, begin)
            if not isinstance(role, str):
                hint = f'"{metric}" = "loss"; a name with a slash or a dot is quoted'
                raise self._fault(f"the role of {metric!r} is no text", hint, line)
            if known and role not in known:
                raise self._fault(f"unknown role {role!r}", meant(role, known), line)
        return tuple(table.items())

    def _detectors(self, known: Collection[str]) -> dict[str, DetectorChoice]:
        table, begin = self._table("detectors")
        found = {}
        for name, said in table.items():
            line = self.place_of(name, begin) or self._line(rf"\s*\[\s*detectors\.{_key(name)}\s*\]")
            if known and name not in known:
                raise self._fault(f"unknown detector {name!r}", meant(name, known), line)
            try:
                found[name] = _choice(said)
            except UsageError as error:
                raise self._fault(f"detector {name!r}: {error.message}", error.hint, line) from error
        return found


def _choice(said: object) -> DetectorChoice:
    if isinstance(said, dict):
        options = {key: value for key, value in said.items() if key != "level"}
        wrong = [key for key, value in options.items() if not isinstance(value, (int, float, str))]
        if wrong:
            raise UsageError(f"{wrong[0]} is no number, text, true or false")
        rest = _choice(said.get("level", True))
        return rest._replace(options=options)
    if isinstance(said, bool):
        return DetectorChoice(said, None, {})
    if said in ("on", "off"):
        return DetectorChoice(said == "on", None, {})
    if isinstance(said, str) and said in LEVEL_WORDS:
        return DetectorChoice(True, LEVEL_WORDS[said], {})
    words = ("on", "off", *LEVEL_WORDS)
    hint = meant(said, words) if isinstance(said, str) else "one of " + ", ".join(words) + ", or a table"
    raise UsageError(f"it cannot be {said!r}", hint=hint)


class _Table:
    """One `[[alert]]`."""

    def __init__(self, file: _File, table: dict[str, Any], number: int, begin: int | None) -> None:
        self._file = file
        self._table = table
        self._begin = begin
        name = table.get("name")
        self._title = (
            f"[[alert]] {name!r}" if isinstance(name, str) and name else f"[[alert]] number {number + 1}"
        )

    def rule(self) -> Rule:
        for key in self._table:
            if key not in KEYS:
                raise self._fault(key, f"unknown key {key!r}", meant(key, KEYS))
        if "level" in self._table and "severity" in self._table:
            raise self._fault("severity", "level and severity are the same", "keep one of them")
        when = self._text("when", required=True)
        expr = self._checked("when", lambda: parse_condition(when))
        hold = self._span("for", "points") or ONCE
        self._checked("for", lambda: check_hold(expr, hold, when))
        level_key = "severity" if "severity" in self._table else "level"
        level, action = self._text(level_key) or "warn", self._text("action") or "notify"
        name = self._text("name", required=True)
        return Rule(
            name=self._checked("name", lambda: checked_name(name)),
            when=when[expr.at : expr.end],
            expr=expr,
            hold=hold,
            after=self._after(),
            level=self._checked(level_key, lambda: level_of(level)),
            cooldown=self._span("cooldown", "points"),
            action=self._checked("action", lambda: action_of(action)),
            filter=self._text("filter"),
            origin=self._file.placed(self._begin),
        )

    def _fault(self, key: str, what: str, hint: str) -> UsageError:
        path = self._file.placed(self._file.place_of(key, self._begin))
        return UsageError(f"{self._title}: {what}", hint=hint, path=path)

    def _text(self, key: str, *, required: bool = False) -> str:
        value = self._table.get(key)
        if value is None and not required:
            return ""
        if value is None:
            raise self._fault(key, f"{key} is missing", 'a rule needs name = "…" and when = "…"')
        if not isinstance(value, str) or not value.strip():
            raise self._fault(key, f"{key} is {value!r}", f'a text: {key} = "…"')
        return value

    def _checked(self, key: str, made: Callable[[], _T]) -> _T:
        try:
            return made()
        except UsageError as error:
            raise self._fault(key, f"{key}: {error.message}", error.hint) from error

    def _span(self, key: str, bare: str) -> Span | None:
        value = self._table.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise self._fault(key, f"{key} is {value!r}", f'a number of {bare}, or a text: {key} = "30s"')
        return self._checked(key, lambda: parse_span(str(value), bare=bare, what=key))

    def _after(self) -> int | None:
        span = self._span("after", "steps")
        if span is not None and span.unit != "steps":
            raise self._fault("after", "after counts steps", 'after = 200, or "200 steps"')
        return None if span is None else int(span.amount)


def _key(name: str) -> str:
    """A pattern for a key as TOML may write it."""
    return rf"[\"']?{re.escape(name)}[\"']?"
