"""The filter language of runs: the same in TUI, CLI and API.

    words            must all occur in id, name, project, tags or notes
    status:running   tag:baseline   project:gpt*   name:/^exp-\\d+/   config.lr>=1e-3
    summary.loss<2   created<2d   has:config.seed   -term  NOT term   a OR b   (…)   "two words"

`:` and `=` compare text without case, and take `*` `?` globs and `/regex/`; numbers compare
as numbers. `created<2d` is "younger than two days"; a date compares as a date. A filter
that does not parse says where, and what was probably meant.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from opengraphs.errors import UsageError
from opengraphs.records import STATUSES
from opengraphs.store.logsearch import is_risky
from opengraphs.store.runjson import epoch

MAX_CHARS = 2000
_MAX_DEPTH = 50
_FIELDS = ("status", "tag", "project", "name", "id", "host", "user", "group", "job", "source", "notes")
_TIMES = {"created": "created_at", "started": "started_at", "ended": "ended_at"}
_FACTS = {"id": "run_id", "job": "job_type"}
_INSIDE = ("config", "summary", "git", "parent", "progress")
_HAS = (*_FIELDS, *_TIMES, *_INSIDE)
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31557600}
_TERM = re.compile(
    r"^(?P<field>[A-Za-z_][\w]*(?:\.[^\s:=<>!]+)?)(?P<op>!=|>=|<=|[:=<>])(?P<value>.*)$", re.DOTALL
)
_AGE = re.compile(r"^(\d+(?:\.\d+)?)([smhdwy])$")


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


Predicate = Callable[[Any], bool]


class _Token(NamedTuple):
    """kind: word, quoted, (, ) or end. at: its place in the filter, from 0."""

    kind: str
    text: str
    at: int


def compile_filter(text: str, *, now_s: float | None = None) -> Predicate:
    """A function of a run that says whether it passes. An empty filter passes all.

    Raises:
        UsageError: the filter does not parse; message and hint say where and what helps.
    """
    if len(text) > MAX_CHARS:
        raise UsageError(f"a filter has at most {MAX_CHARS} characters")
    parser = _Parser(_tokens(text), time.time() if now_s is None else now_s)
    return parser.whole()


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            at += 1
        elif char in "()":
            tokens.append(_Token(char, char, at))
            at += 1
        elif char == "-" and at + 1 < len(text) and not text[at + 1].isspace():
            tokens.append(_Token("not", "-", at))
            at += 1
        else:
            token, at = _word(text, at)
            tokens.append(token)
    return [*tokens, _Token("end", "", len(text))]


def _word(text: str, start: int) -> tuple[_Token, int]:
    """A word up to the next space or bracket; quotes and /regex/ inside keep both."""
    out: list[str] = []
    at, quoted = start, text[start] == '"'
    while at < len(text) and not text[at].isspace() and text[at] not in "()":
        if text[at] == '"':
            end = text.find('"', at + 1)
            if end < 0:
                raise _error("a quote is not closed", at, 'add " at its end')
            out.append(text[at + 1 : end])
            at = end + 1
        elif text[at] == "/" and (at == start or text[at - 1] in ":="):
            end = text.find("/", at + 1)
            stop = end + 1 if end > 0 else len(text)
            out.append(text[at:stop])
            at = stop
        else:
            out.append(text[at])
            at += 1
    return _Token("quoted" if quoted else "word", "".join(out), start), at


def _error(what: str, at: int, hint: str = "") -> UsageError:
    return UsageError(f"filter: {what} at position {at}", hint=hint)


class _Parser:
    def __init__(self, tokens: list[_Token], now_s: float) -> None:
        self._tokens = tokens
        self._place = 0
        self._depth = 0
        self._now_s = now_s

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        self._place += 1
        return self._tokens[self._place - 1]

    def whole(self) -> Predicate:
        if self._next.kind == "end":
            return lambda run: True
        found = self._any()
        if self._next.kind != "end":
            raise _error("a closing bracket without an opening one", self._next.at, "remove it, or quote it")
        return found

    def _is_word(self, word: str) -> bool:
        return self._next.kind == "word" and self._next.text == word

    def _any(self) -> Predicate:
        found = [self._all()]
        while self._is_word("OR"):
            self._take()
            found.append(self._all())
        return found[0] if len(found) == 1 else lambda run: any(part(run) for part in found)

    def _all(self) -> Predicate:
        found = [self._one()]
        while self._next.kind not in ("end", ")") and not self._is_word("OR"):
            if self._is_word("AND"):
                self._take()
            found.append(self._one())
        return found[0] if len(found) == 1 else lambda run: all(part(run) for part in found)

    def _one(self) -> Predicate:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _error("brackets and NOTs are nested too deep", self._next.at)
        try:
            return self._one_inside()
        finally:
            self._depth -= 1

    def _one_inside(self) -> Predicate:
        if self._next.kind == "not" or self._is_word("NOT"):
            self._take()
            negated = self._one()
            return lambda run: not negated(run)
        token = self._take()
        if token.kind == "(":
            inner = self._any()
            if self._take().kind != ")":
                raise _error("a bracket is not closed", token.at, "add ) at its end")
            return inner
        if token.kind in ("end", ")") or (token.kind == "word" and token.text in ("OR", "AND")):
            raise _error("a term is missing", token.at, "OR, NOT and brackets stand around terms")
        if token.kind == "quoted":
            return _bare(token)
        return self._term(token)

    def _term(self, token: _Token) -> Predicate:
        found = _TERM.match(token.text)
        if found is None:
            return _bare(token)
        field, op, value = found["field"], found["op"], found["value"]
        if not value:
            raise _error(f"{field}{op} lacks a value", token.at + len(token.text), f"such as {field}{op}x")
        head, _, path = field.partition(".")
        if head in _INSIDE and path:
            return _inside(head, path, op, value)
        if field == "has":
            return _has(value, token)
        if field in _TIMES:
            return _moment(field, op, value, self._now_s, token)
        if field in _FIELDS:
            return _fact(field, op, value, token)
        raise _unknown(field, token)


def _unknown(field: str, token: _Token) -> UsageError:
    known = [*_FIELDS, *_TIMES, "has", "config.…", "summary.…"]
    near = difflib.get_close_matches(field.split(".", maxsplit=1)[0], known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    return _error(
        f"unknown field {field!r}", token.at, f"{hint}known: {', '.join(known)}; quote it to search the text"
    )


def _bare(token: _Token) -> Predicate:
    if token.kind == "word" and (_is_regex(token.text) or _is_glob(token.text)):
        test = _matcher(token.text, token, whole=False)
        return lambda run: test(run.text)
    word = token.text.lower()
    return lambda run: word in run.text


def _is_regex(value: str) -> bool:
    return len(value) > 2 and value[0] == value[-1] == "/"


def _is_glob(value: str) -> bool:
    return "*" in value or "?" in value


def _matcher(value: str, token: _Token, *, whole: bool) -> Callable[[str], bool]:
    """Text against a plain value, a glob or a regex; case counts only in the last."""
    if _is_regex(value):
        try:
            pattern = re.compile(value[1:-1])
        except re.error as error:
            raise _error(f"{value} is no regular expression ({error})", token.at) from error
        if is_risky(value[1:-1]):
            raise _error(f"{value} could run without end", token.at, "avoid a repeat inside a repeat")
        return lambda text: pattern.search(text) is not None
    lower = value.lower()
    if _is_glob(value):
        glob = re.compile(fnmatch.translate(lower if whole else f"*{lower}*"))
        return lambda text: glob.match(text.lower()) is not None
    return (lambda text: text.lower() == lower) if whole else (lambda text: lower in text.lower())


def _fact(field: str, op: str, value: str, token: _Token) -> Predicate:
    if op not in (":", "=", "!="):
        raise _error(f"{field} is compared with : = or !=", token.at + len(field))
    if field == "status" and not _is_glob(value) and not _is_regex(value) and value not in STATUSES:
        near = difflib.get_close_matches(value, STATUSES, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]}? " if near else ""
        at = token.at + len(field) + len(op)
        raise _error(f"unknown status {value!r}", at, f"{hint}known: {', '.join(STATUSES)}")
    test = _matcher(value, token, whole=field not in ("name", "id", "notes"))
    key = _FACTS.get(field, field)
    if field == "tag":
        return _negated(op, lambda run: any(test(tag) for tag in run.facts.get("tags") or ()))
    return _negated(op, lambda run: test(str(run.facts.get(key) or "")))


def _negated(op: str, test: Predicate) -> Predicate:
    return (lambda run: not test(run)) if op == "!=" else test


def _values(run: Filterable, head: str) -> Mapping[str, Any]:
    values = run.summary() if head == "summary" else run.facts.get(head)
    return values if isinstance(values, Mapping) else {}


def lookup(values: Mapping[str, Any], path: str) -> Any:
    """The value at `a.b.c`: a key of that very name, else nested objects; None where there is none."""
    if path in values:
        return values[path]
    slashed = path.replace(".", "/")
    if slashed in values:
        return values[slashed]
    for cut in (place for place, char in enumerate(path) if char == "."):
        inner = values.get(path[:cut])
        if isinstance(inner, Mapping):
            found = lookup(inner, path[cut + 1 :])
            if found is not None:
                return found
    return None


def _inside(head: str, path: str, op: str, value: str) -> Predicate:
    wanted = _number(value)
    test = _matcher(value, _Token("word", value, 0), whole=True)

    def passes(run: Filterable) -> bool:
        found = lookup(_values(run, head), path)
        if found is None:
            return op == "!="
        number = _number(found)
        if wanted is not None and number is not None:
            return _compare(number, op, wanted)
        if op in (":", "=", "!="):
            same = any(test(str(item)) for item in (found if isinstance(found, list) else [_spelled(found)]))
            return same != (op == "!=")
        return _compare(str(found), op, value)

    return passes


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _compare(left: Any, op: str, right: Any) -> bool:
    if op == ">":
        return bool(left > right)
    if op == "<":
        return bool(left < right)
    if op == ">=":
        return bool(left >= right)
    if op == "<=":
        return bool(left <= right)
    return bool(left != right) if op == "!=" else bool(left == right)


def _has(value: str, token: _Token) -> Predicate:
    head, _, path = value.partition(".")
    if head not in _HAS:
        near = difflib.get_close_matches(head, _HAS, n=1, cutoff=0.5)
        hint = f"did you mean has:{near[0]}? " if near else ""
        raise _error(f"unknown field {value!r}", token.at + 4, f"{hint}known: {', '.join(_HAS)}")
    if path:
        return lambda run: lookup(_values(run, head), path) is not None
    key = {"tag": "tags", **_FACTS, **_TIMES}.get(head, head)
    return lambda run: bool(run.summary() if head == "summary" else run.facts.get(key))


def _moment(field: str, op: str, value: str, now_s: float, token: _Token) -> Predicate:
    key = _TIMES[field]
    age = _AGE.match(value)
    if age is not None:
        wanted = float(age[1]) * _UNITS_S[age[2]]
        if op not in ("<", "<=", ">", ">="):
            raise _error("an age is compared with < or >", token.at + len(field), f"such as {field}<{value}")
        return lambda run: (
            (when := epoch(run.facts.get(key))) is not None and _compare(now_s - when, op, wanted)
        )
    if op in (":", "=", "!="):
        return _negated(op, lambda run: str(run.facts.get(key) or "").startswith(value))
    since = epoch(value)
    if since is None:
        raise _error(
            f"{value!r} is no date or age", token.at + len(field) + len(op), "such as 2d, 12h or 2026-11-22"
        )
    return lambda run: (when := epoch(run.facts.get(key))) is not None and _compare(when, op, since)
