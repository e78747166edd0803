"""The terms of the filter language: which fields there are, and what one says about a run."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from opengraphs.engine.families import parent_id
from opengraphs.engine.filterwords import Token, error_at
from opengraphs.engine.matching import (
    EQUALS,
    Allowance,
    Wanted,
    compare,
    getter,
    is_glob,
    is_regex,
    lookup,
    number,
    text_test,
)
from opengraphs.engine.moments import age_s, duration_s, epoch, holds, span
from opengraphs.errors import NotFoundError
from opengraphs.records import STATUSES

TEXTS = {
    "status": "status", "project": "project", "name": "name", "id": "run_id", "host": "host", "user": "user",
    "group": "group", "job_type": "job_type", "job": "job_type", "source": "source", "notes": "notes",
    "script": "script", "cwd": "cwd", "command": "command", "python": "python", "main_metric": "main_metric",
}  # fmt: skip
"""Fields that are text → where it stands."""
_PARTS = ("name", "id", "notes", "script", "cwd", "command")
"""Of these a part is enough; the others are compared as a whole."""
FIGURES = ("points", "last_step", "exit_code", "signal", "pid", "duration")
TIMES = {"created": "created_at", "started": "started_at", "ended": "ended_at", "heartbeat": "heartbeat_at"}
INSIDE = ("config", "summary", "last", "tag", "git", "parent", "progress", "ranks", "job")
"""Objects: a field of theirs is `config.lr`."""
OTHERS = ("tag", "archived", "parent", "family", "has")
FIELDS = (*TEXTS, *FIGURES, *TIMES, *OTHERS)
_DIGEST = ("points", "last_step", "main_metric")
_HAS = (*TEXTS, *(figure for figure in FIGURES if figure != "duration"), *TIMES, *INSIDE)
_TERM = re.compile(
    r"^(?P<field>[A-Za-z_][\w]*(?:\.[^\s:=<>!]+)?)(?P<op>!=|>=|<=|[:=<>])(?P<value>.*)$", re.DOTALL
)


class Filterable(Protocol):
    """A run as the filter sees it."""

    facts: Mapping[str, Any]

    @property
    def text(self) -> str:
        """Everything that bare words search, in lower case."""
        ...

    def summary(self) -> Mapping[str, Any]:
        """Last values, the user's own on top."""
        ...


class Surroundings(Protocol):
    """What a filter may ask about the store it is for."""

    def family(self, ref: str) -> frozenset[str]:
        """Ids of everybody in the family of a run; raises NotFoundError."""
        ...

    def fields(self) -> Iterable[str]:
        """`config.lr` and whatever else the runs of the store have."""
        ...


Predicate = Callable[[Any], bool]


class Terms:
    """The meaning of single terms. `fields` and `paths` collect what was named."""

    def __init__(self, now_s: float, about: Surroundings | None) -> None:
        self.fields: set[str] = set()
        self.paths: list[str] = []
        self._now_s = now_s
        self._about = about
        self._allowance = Allowance()

    def term(self, token: Token) -> Predicate:
        found = None if token.kind == "quoted" else _TERM.match(token.text)
        if found is None or 0 <= token.quote_at < found.end("op"):
            return self._bare(token)
        field, op, value = found["field"], found["op"], found["value"]
        literal = token.quote_at == found.start("value")
        if not value and not literal:
            raise error_at(f"{field}{op} lacks a value", token.at + len(token.text), f"such as {field}{op}x")
        return self._known(_Term(token, field, op, value, literal))

    def _known(self, term: _Term) -> Predicate:
        head, _, path = term.field.partition(".")
        self.fields.add(head)
        if path and head in INSIDE:
            return self._inside(term, head, path)
        match term.field:
            case "has":
                return self._has(term)
            case "tag" | "tags":
                return self._tag(term)
            case "archived":
                return _archived(term)
            case "parent":
                return self._parent(term)
            case "family":
                return self._family(term)
        if term.field in TEXTS:
            return self._text(term)
        if term.field in FIGURES:
            return self._figure(term)
        time_field = term.field.removesuffix("_at")
        if time_field in TIMES:
            return self._moment(term, TIMES[time_field])
        raise self._unknown(term)

    def _unknown(self, term: _Term) -> Exception:
        """Nearest of the fields every store has, and of those the runs of this one have."""
        known = [*FIELDS, *(f"{head}.…" for head in INSIDE if head in ("config", "summary", "last"))]
        found = [] if self._about is None else list(self._about.fields())
        near = nearest_field(term.field, [*FIELDS, *found])
        hint = f"did you mean {near}?\n" if near else ""
        return error_at(
            f"unknown field {term.field!r}",
            term.at,
            f"{hint}known: {', '.join(known)}; quote it to search the text",
        )

    def _matcher(self, term: _Term, *, whole: bool) -> Callable[[str], bool]:
        return text_test(term.value, term.at, whole=whole, literal=term.literal, allowance=self._allowance)

    def _bare(self, token: Token) -> Predicate:
        if token.quote_at < 0 and (is_regex(token.text) or is_glob(token.text)):
            test = text_test(token.text, token.at, whole=False, literal=False, allowance=self._allowance)
            return lambda run: test(run.text)
        word = token.text.lower()
        return lambda run: word in run.text

    def _text(self, term: _Term) -> Predicate:
        _only_equal(term)
        if term.field == "status" and not term.is_pattern and term.value.lower() not in STATUSES:
            near = difflib.get_close_matches(term.value.lower(), STATUSES, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}? " if near else ""
            raise error_at(
                f"unknown status {term.value!r}", term.value_at, f"{hint}known: {', '.join(STATUSES)}"
            )
        key = TEXTS[term.field]
        if key == "status" and not term.is_pattern:
            status = term.value.lower()
            return _negated(term.op, lambda run: run.facts.get("status") == status)
        test = self._matcher(term, whole=term.field not in _PARTS)
        if key in _DIGEST:
            return _negated(term.op, lambda run: test(str(_digest(run).get(key) or "")))
        if key == "command":
            return _negated(term.op, lambda run: test(" ".join(map(str, run.facts.get(key) or ()))))
        return _negated(term.op, lambda run: test(str(run.facts.get(key) or "")))

    def _tag(self, term: _Term) -> Predicate:
        _only_equal(term)
        test, exact = self._matcher(term, whole=True), term.value

        def has(run: Any) -> bool:
            tags = run.facts.get("tags")
            if not tags:
                return False
            return exact in tags or any(map(test, tags))

        return _negated(term.op, has)

    def _parent(self, term: _Term) -> Predicate:
        _only_equal(term)
        test = self._matcher(term, whole=False)
        return _negated(term.op, lambda run: test(parent_id(run.facts) or ""))

    def _family(self, term: _Term) -> Predicate:
        _only_equal(term)
        if self._about is None:
            raise error_at("family: needs a store", term.at)
        try:
            ids = self._about.family(term.value)
        except NotFoundError as error:
            raise error_at(f"family:{term.value}: {error.message}", term.value_at, error.hint) from None
        return _negated(term.op, lambda run: run.facts.get("run_id") in ids)

    def _wanted(self, term: _Term) -> Wanted:
        return Wanted(term.op, term.value, term.at, literal=term.literal, allowance=self._allowance)

    def _inside(self, term: _Term, head: str, path: str) -> Predicate:
        self.paths.append(term.field)
        accepts = self._wanted(term).test()
        value_of = value_getter(head, path)
        return lambda run: accepts(value_of(run))

    def _figure(self, term: _Term) -> Predicate:
        key, now_s, op = term.field, self._now_s, term.op
        seconds = age_s(term.value) if key == "duration" else None
        wanted = seconds if seconds is not None else number(term.value)
        if wanted is None:
            example = "duration>2h" if key == "duration" else f"{key}>100"
            raise error_at(f"{term.value!r} is no number", term.value_at, f"such as {example}")
        if key == "duration":
            return _measured(op, wanted, lambda run: duration_s(run.facts, now_s=now_s))
        if key in _DIGEST:
            return _measured(op, wanted, lambda run: _digest(run).get(key))
        return _measured(op, wanted, lambda run: run.facts.get(key))

    def _has(self, term: _Term) -> Predicate:
        _only_equal(term)
        head, _, path = term.value.partition(".")
        head = "tag" if head == "tags" else head
        if head not in _HAS or (path and head not in INSIDE):
            near = difflib.get_close_matches(head, _HAS, n=1, cutoff=0.5)
            hint = f"did you mean has:{near[0]}? " if near else ""
            raise error_at(f"unknown field {term.value!r}", term.value_at, f"{hint}known: {', '.join(_HAS)}")
        self.fields.add(head)
        if path:
            self.paths.append(f"{head}.{path}")
            value_of = value_getter(head, path)
            return _negated(term.op, lambda run: value_of(run) is not None)
        return _negated(term.op, _presence(head))

    def _moment(self, term: _Term, key: str) -> Predicate:
        op, now_s = term.op, self._now_s
        age = age_s(term.value)
        if age is not None:
            if op in EQUALS:
                example = f"such as {term.field}<{term.value}"
                raise error_at("an age is compared with < or >", term.at + len(term.field), example)
            return lambda run: (
                (when := epoch(run.facts.get(key))) is not None and compare(now_s - when, op, age)
            )
        wanted = span(term.value, now_s=now_s)
        if wanted is None:
            raise error_at(
                f"{term.value!r} is no date or age", term.value_at, "such as 2d, 12h, today or 2026-11-22"
            )
        if op == "!=":
            return lambda run: (when := epoch(run.facts.get(key))) is None or holds(when, op, wanted)
        return lambda run: (when := epoch(run.facts.get(key))) is not None and holds(when, op, wanted)


class _Term:
    """`field op value`, and where it stands."""

    def __init__(self, token: Token, field: str, op: str, value: str, literal: bool) -> None:
        self.field = field
        self.op = op
        self.value = value
        self.literal = literal
        self.at = token.at
        self.value_at = token.at + len(field) + len(op)

    @property
    def is_pattern(self) -> bool:
        return not self.literal and (is_glob(self.value) or is_regex(self.value))


def _only_equal(term: _Term) -> None:
    if term.op not in EQUALS:
        raise error_at(f"{term.field} is compared with : = or !=", term.at + len(term.field))


def _negated(op: str, test: Predicate) -> Predicate:
    return (lambda run: not test(run)) if op == "!=" else test


def _measured(op: str, wanted: float, value_of: Callable[[Any], Any]) -> Predicate:
    """A figure compared; a run that has none only differs."""

    def passes(run: Any) -> bool:
        have = value_of(run)
        return op == "!=" if have is None else compare(have, op, wanted)

    return passes


def _archived(term: _Term) -> Predicate:
    _only_equal(term)
    value = term.value.lower()
    if value == "any":
        return lambda run: True
    if value not in ("true", "false"):
        raise error_at(f"archived is true, false or any, not {term.value!r}", term.value_at)
    return _negated(term.op, lambda run: bool(run.facts.get("archived")) == (value == "true"))


def _digest(run: Any) -> Mapping[str, Any]:
    """What the index knows of a run; nothing where a run has no such thing."""
    return getattr(run, "digest", None) or {}


def value_getter(head: str, path: str) -> Callable[[Any], Any]:
    """How the value at `head.path` is found in a run; None where it has none."""
    if head == "summary":
        return lambda run: summary_value(run, path)
    get = getter(path)
    if head == "last":
        return lambda run: get(_digest(run).get("last") or {})
    if head == "tag":
        return lambda run: tag_value(run.facts.get("tags") or (), path)

    def value_of(run: Any) -> Any:
        values = run.facts.get(head)
        return get(values) if isinstance(values, dict) else None

    return value_of


def summary_value(run: Any, path: str) -> Any:
    """One value of a run's summary, without making the whole of it where the run knows how."""
    quick = getattr(run, "summary_value", None)
    return quick(path) if quick is not None else lookup(run.summary(), path)


def tag_value(tags: Iterable[str], key: str) -> Any:
    """The values of the tags `key=value`: one, or a list where there are several; None for none."""
    begin = f"{key}="
    found = [tag[len(begin) :] for tag in tags if tag.startswith(begin)]
    return (found[0] if len(found) == 1 else found) if found else None


def _presence(head: str) -> Predicate:
    if head == "summary":
        return lambda run: bool(run.summary())
    if head == "last":
        return lambda run: bool(_digest(run).get("last"))
    if head in _DIGEST:
        return lambda run: _digest(run).get(head) is not None
    key = {"tag": "tags", **TEXTS, **TIMES}.get(head, head)
    if head in FIGURES:
        return lambda run: run.facts.get(key) is not None
    return lambda run: bool(run.facts.get(key))


def nearest_field(word: str, known: Iterable[str]) -> str | None:
    """The field that was probably meant: `lr` means `config.lr`, `stat` means `status`."""
    names = list(dict.fromkeys(known))
    ends = [name for name in names if name.rpartition(".")[2] == word and name != word]
    if ends:
        return ends[0]
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if not near:
        tails = {name.partition(".")[2]: name for name in reversed(names) if "." in name}
        near = [tails[tail] for tail in difflib.get_close_matches(word, tails, n=1, cutoff=0.6)]
    return near[0] if near else None
