"""Which fields the runs of a store have: config and summary keys, tags, and their usual values.

For completion of filters, sort keys and grouping. Kept up to date by looking at the runs
that changed: a run's old facts are taken out, its new ones taken in.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from opengraphs.engine.catalog import Entry
from opengraphs.engine.filter import FIELDS
from opengraphs.errors import UsageError

MAX_FIELDS = 1000
"""Most that one answer holds."""
KEPT_VALUES = 64
"""Different values of a field that are counted; of further ones only that there are more."""
SHOWN_VALUES = 20
MAX_VALUE_CHARS = 80
MAX_KEYS_OF_A_RUN = 1000
_MAX_DEPTH = 8
_PLAIN = ("status", "project", "group", "job_type", "host", "user", "source", "script")
"""Facts whose values are worth offering."""
_CHECK_EVERY = 256


class _Field:
    """One field: in how many runs it is, of which kinds, and how often each of its values."""

    __slots__ = ("kinds", "more", "runs", "values")

    def __init__(self) -> None:
        self.runs = 0
        self.kinds: dict[str, int] = {}
        self.values: dict[str, int] = {}
        self.more = False

    def add(self, kind: str, values: tuple[str, ...]) -> None:
        """One run more has it."""
        self.runs += 1
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        known = self.values
        for value in values:
            if value in known:
                known[value] += 1
            elif len(known) < KEPT_VALUES:
                known[value] = 1
            else:
                self.more = True

    def drop(self, kind: str, values: tuple[str, ...]) -> None:
        """One run less has it."""
        self.runs -= 1
        self.kinds[kind] -= 1
        for value in values:
            count = self.values.get(value, 0)
            if count > 1:
                self.values[value] = count - 1
            elif count:
                del self.values[value]


class FieldIndex:
    """The fields of the runs it has `refresh`ed from."""

    def __init__(self) -> None:
        self._seen: dict[str, Mapping[str, Any]] = {}
        self._fields: dict[str, _Field] = {}

    def refresh(self, entries: Mapping[str, Entry], *, budget_s: float | None = None) -> float:
        """Bring it up to date.

        Args:
            budget_s: look at runs for about so long; None: at all of them.

        Returns:
            The fraction of the runs still to be looked at. Cost: about 1 ms for ten thousand
            runs of which none changed, 20 µs for one that did.
        """
        deadline = None if budget_s is None else time.monotonic() + budget_s
        done = 0
        for run_id, entry in entries.items():
            known = self._seen.get(run_id)
            if known is not entry.facts:
                if deadline is not None and done % _CHECK_EVERY == 0 and done and time.monotonic() > deadline:
                    return 1.0 - len(self._seen) / len(entries) or 1.0 / len(entries)
                done += 1
                self._take(run_id, known, entry.facts)
        if len(self._seen) > len(entries):
            for run_id in [run_id for run_id in self._seen if run_id not in entries]:
                self._take(run_id, self._seen[run_id], None)
        return 0.0

    def _take(self, run_id: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> None:
        before, after = _terms(old) if old else [], _terms(new) if new else []
        if before and after:
            same = set(before).intersection(after)
            before = [term for term in before if term not in same]
            after = [term for term in after if term not in same]
        fields = self._fields
        for name, kind, values in after:
            field = fields.get(name)
            if field is None:
                field = fields[name] = _Field()
            field.add(kind, values)
        for name, kind, values in before:
            fields[name].drop(kind, values)
            if not fields[name].runs:
                del fields[name]
        if new is None:
            del self._seen[run_id]
        else:
            self._seen[run_id] = new

    def names(self) -> list[str]:
        """`config.lr` and all the others, the most frequent first."""
        return sorted(self._fields, key=lambda name: (-self._fields[name].runs, name))

    def page(self, typed: str, limit: int) -> dict[str, Any]:
        """Protocol `FieldsReply`: what may be meant by what was typed so far.

        Args:
            typed: the beginning of a field (`config.l`, or `lr`), or a field with the beginning
                of a value (`status:fi`, `tag:base`); a `-` in front is passed over.
            limit: 1 to MAX_FIELDS.
        """
        if not 1 <= limit <= MAX_FIELDS:
            raise UsageError(f"limit is 1 to {MAX_FIELDS}, not {limit}")
        word = typed.removeprefix("-")
        cut = next((at for at, char in enumerate(word) if char in ":=<>!"), None)
        if cut is not None:
            name, value = word[:cut], word[cut:].lstrip(":=<>!").strip('"').lower()
            rows = [self._row(name, value)] if name in self._fields or name in FIELDS else []
        else:
            rows = [self._row(name, "") for name in self._matching(word.lower())]
        return {"fields": rows[:limit], "total": len(rows)}

    def _matching(self, word: str) -> list[str]:
        names = list(dict.fromkeys([*FIELDS, *self.names()]))
        begin = [name for name in names if name.lower().startswith(word)]
        tails = [name for name in names if name.lower().partition(".")[2].startswith(word)]
        inside = [name for name in names if word in name.lower()]
        return list(dict.fromkeys([*begin, *tails, *inside]))

    def _row(self, name: str, value: str) -> dict[str, Any]:
        field = self._fields.get(name) or _Field()
        fitting = [known for known in field.values if known.lower().startswith(value)]
        if value and not fitting:
            fitting = [known for known in field.values if value in known.lower()]
        fitting.sort(key=lambda known: (-field.values[known], known))
        kinds = [kind for kind, count in field.kinds.items() if count > 0]
        return {
            "field": name,
            "runs": field.runs,
            "kind": kinds[0] if len(kinds) == 1 else "mixed" if kinds else None,
            "values": [{"value": known, "runs": field.values[known]} for known in fitting[:SHOWN_VALUES]],
            "more": field.more or len(fitting) > SHOWN_VALUES,
        }


Term = tuple[str, str, tuple[str, ...]]
"""A field of one run, the kind of its value, and the values as a filter would name them."""


def _terms(facts: Mapping[str, Any]) -> list[Term]:
    """Everything in a run's facts, each field once."""
    terms: list[Term] = []
    for name in _PLAIN:
        value = facts.get(name)
        if isinstance(value, str) and value:
            terms.append((name, "text", (value[:MAX_VALUE_CHARS],)))
    if tags := facts.get("tags"):
        terms += _tag_terms(tags)
    config, summary = facts.get("config"), facts.get("summary")
    if isinstance(config, dict):
        for path, value in islice(flattened(config), MAX_KEYS_OF_A_RUN):
            terms.append((f"config.{path}", *_kind_and_values(value)))
    if isinstance(summary, dict):
        for path, value in islice(summary.items(), MAX_KEYS_OF_A_RUN):
            terms.append((f"summary.{path}", _kind_and_values(value)[0], ()))
    return terms


def _tag_terms(tags: list[str]) -> list[Term]:
    shown = dict.fromkeys(tag[:MAX_VALUE_CHARS] for tag in tags)
    by_key: dict[str, dict[str, None]] = {}
    for tag in shown:
        key, equals, value = tag.partition("=")
        if equals and key:
            by_key.setdefault(key, {})[value] = None
    return [
        ("tag", "text", tuple(shown)),
        *((f"tag.{key}", "text", tuple(values)) for key, values in by_key.items()),
    ]


def flattened(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Nested objects as dotted paths, as the filter language names them: `model.layers` → 12."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _nested(value, f"{key}.", 1)
        else:
            yield key, value


def _nested(values: Mapping[str, Any], begin: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value and depth < _MAX_DEPTH:
            yield from _nested(value, f"{begin}{key}.", depth + 1)
        else:
            yield f"{begin}{key}", value


def _kind_and_values(value: Any) -> tuple[str, tuple[str, ...]]:
    if isinstance(value, bool):
        return "bool", ("true" if value else "false",)
    if isinstance(value, (int, float)):
        return "number", (str(value),)
    if isinstance(value, str):
        return "text", (value[:MAX_VALUE_CHARS],)
    if value is None:
        return "null", ()
    return ("list" if isinstance(value, list) else "object"), ()
