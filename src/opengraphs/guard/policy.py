"""What the agent may touch of a project, and how much of it at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opengraphs.errors import UsageError
from opengraphs.guard.finding import Finding, Refused
from opengraphs.guard.paths import Target, open_readable, open_target
from opengraphs.guard.project import Place, files_of, place_of
from opengraphs.guard.rules import (
    ALWAYS_DENIED,
    MOST_FILES,
    MOST_LINES,
    MOST_SHARE,
    Policy,
    Size,
    size_findings,
)

__all__ = [
    "Finding",
    "Policy",
    "Refused",
    "Size",
    "Target",
    "default_policy",
    "open_readable",
    "open_target",
    "reading_policy",
    "size_findings",
]


def default_policy(
    facts: Mapping[str, Any], *, settings: Mapping[str, Any], store: Path | None = None
) -> Policy:
    """The policy of one run: its script, the project's files that it imports, and the configs it names.

    Args:
        facts: its run.json; `cwd`, `script` and `command` are looked at.
        settings: the `[agent]` table: allow, deny (patterns), max_files, max_lines, max_share.
        store: where the run lies; never touched, should it lie in the project.

    Returns:
        A policy that allows nothing where the run has no folder or script here.

    Raises:
        UsageError: a setting is wrong.
    """
    place = place_of(facts)
    policy = _bare(place, settings, store)
    command = [str(word) for word in facts.get("command") or ()]
    found = files_of(place, command, lambda path: _text(policy, path))
    exact = (path for path in found if "*" not in path and "?" not in path)
    allowed = (*exact, *_patterns(settings, "allow"))
    return policy._replace(allowed=allowed, wide_reads=place.wide)


def reading_policy(
    facts: Mapping[str, Any], *, settings: Mapping[str, Any], store: Path | None = None
) -> Policy:
    """A policy to read by, without the walk through a run's imports where that decides nothing; as `default_policy`."""
    place = place_of(facts)
    if not place.wide:
        return default_policy(facts, settings=settings, store=store)
    return _bare(place, settings, store)


def _bare(place: Place, settings: Mapping[str, Any], store: Path | None) -> Policy:
    denied = (*ALWAYS_DENIED, *_patterns(settings, "deny"), *_store_in(place.root, store))
    return _limited(Policy(place.root, (), denied), settings)


def _text(policy: Policy, path: str) -> str | None:
    try:
        return open_readable(policy, path)
    except Refused:
        return None


def _store_in(root: Path, store: Path | None) -> tuple[str, ...]:
    real = Path(os.path.realpath(store)) if store is not None else root
    return (real.relative_to(root).as_posix(),) if real != root and real.is_relative_to(root) else ()


def _patterns(settings: Mapping[str, Any], name: str) -> tuple[str, ...]:
    given = settings.get(name) or ()
    words = (given,) if isinstance(given, str) else given
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        raise UsageError(f"[agent] {name} is a list of patterns", hint=f'{name} = ["configs/*.yaml"]')
    for word in words:
        if not word or word.startswith("/") or "\\" in word or ".." in word.split("/"):
            raise UsageError(
                f"[agent] {name}: {word!r} is no pattern below the project", hint='"configs/*.yaml"'
            )
    return tuple(words)


def _limited(policy: Policy, settings: Mapping[str, Any]) -> Policy:
    return policy._replace(
        max_files=int(_number(settings, "max_files", policy.max_files, MOST_FILES)),
        max_lines=int(_number(settings, "max_lines", policy.max_lines, MOST_LINES)),
        max_share=_number(settings, "max_share", policy.max_share, MOST_SHARE),
    )


def _number(settings: Mapping[str, Any], name: str, default: float, most: float) -> float:
    value = settings.get(name, default)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= most or (isinstance(default, int) and value != int(value)):
        raise UsageError(f"[agent] {name} = {value!r}", hint=f"a number from 0 to {most}")
    return float(value)
