"""What runs are grouped by: a tag, a config key, a fact of run.json.

tag          each tag is a group; a run with several is in several
tag:model    the value of the tag `model=…`; a bare tag `model` is the value true
config.lr    nested keys with dots; also git.…, job.…, ranks.…, parent.…
project      and the other facts that name something (FACTS)
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opengraphs.engine.answer import wire_number
from opengraphs.engine.fields import flattened
from opengraphs.engine.matching import lookup
from opengraphs.errors import NotFoundError, UsageError

FACTS = (
    "project", "status", "name", "group", "job_type", "host", "user", "source", "script", "python", "run_id",
)  # fmt: skip
INSIDE = ("config", "git", "job", "ranks", "parent")
Facts = Mapping[str, Any]
Reader = Callable[[Facts], list[Any]]
"""The values of one run; none where it lacks the key."""


def parse_by(by: str) -> Reader:
    """What `by` reads of a run's facts.

    Raises:
        UsageError: it is nothing that runs can be grouped by.
    """
    if by == "tag":
        return _tags
    if by[:4] in ("tag:", "tag.") and len(by) > len("tag:"):
        key = by[4:]
        return lambda facts: _tag_values(facts, key)
    if by in FACTS:
        return lambda facts: _one(facts.get(by))
    head, _, path = by.partition(".")
    if head in INSIDE and path:
        return lambda facts: _one(lookup(inner, path) if (inner := _inside(facts, head)) else None)
    known = ["tag", "tag:…", *(f"{name}.…" for name in INSIDE), *FACTS]
    raise UsageError(f"runs cannot be grouped by {by!r}", hint=f"{_meant(by)}known: {', '.join(known)}")


def _meant(by: str) -> str:
    """`confg.lr` means `config.lr`, `statsu` status; a bare `lr` is a setting or a tag."""
    head, _, path = by.partition(".")
    if path:
        near = difflib.get_close_matches(head, INSIDE, n=1, cutoff=0.5)
        return f"did you mean {near[0]}.{path}?\n" if near else ""
    near = difflib.get_close_matches(by, ["tag", *FACTS], n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?\n"
    return f"did you mean config.{by} or tag:{by}?\n" if by.isidentifier() else ""


def _inside(facts: Facts, head: str) -> Mapping[str, Any]:
    inner = facts.get(head)
    return inner if isinstance(inner, Mapping) else {}


def _tags(facts: Facts) -> list[Any]:
    return list(dict.fromkeys(facts.get("tags") or ()))


def _tag_values(facts: Facts, key: str) -> list[Any]:
    found: list[Any] = []
    for tag in _tags(facts):
        name, equals, value = str(tag).partition("=")
        if name == key:
            found.append(value if equals else True)
    return found


def _one(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    if isinstance(value, Mapping | list):
        return [json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)]
    return [wire_number(value)] if isinstance(value, float) else [value]


def order(value: Any) -> tuple[int, float, str]:
    """Numbers by size, also those written as text; then texts, true and false among them."""
    if not isinstance(value, bool):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isnan(number):
            return (0, number, str(value))
    return (1, 0.0, str(value).lower())


def identity(value: Any) -> tuple[str, Any]:
    """What two equal values share: 1 is 1.0, and neither is true."""
    kind = "bool" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"
    return (kind, value)


def unknown_key(by: str, runs: Iterable[Facts]) -> NotFoundError:
    """No run has it: the error names what they have that is nearest."""
    known: dict[str, None] = {}
    for facts in runs:
        for tag in facts.get("tags") or ():
            known[f"tag:{str(tag).partition('=')[0]}"] = None
        known.update(dict.fromkeys(f"config.{key}" for key, _ in flattened(_inside(facts, "config"))))
        known.update(dict.fromkeys(name for name in FACTS if facts.get(name)))
    names = sorted(known)
    near = difflib.get_close_matches(by, names, n=3, cutoff=0.5) or names[:8]
    return NotFoundError(f"no run has {by!r}", hint=f"nearest: {', '.join(near)}" if near else "no runs")
