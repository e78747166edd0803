"""Lists of runs: chosen, sorted, paged. And the run behind a reference."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opengraphs.engine.catalog import Entry
from opengraphs.engine.filter import compile_filter, lookup
from opengraphs.errors import AmbiguousError, NotFoundError, UsageError
from opengraphs.records import STATUSES

MAX_LIMIT = 2000
_NAMED = 10
_DIGEST_KEYS = ("points", "last_step", "main_metric")
_INSIDE = ("config", "summary", "git", "ranks", "job", "progress", "parent")
_SORT_KEYS = (
    "run_id", "project", "name", "group", "job_type", "status", "created_at", "started_at", "ended_at",
    "heartbeat_at", "exit_code", "signal", "host", "user", "pid", "runner_pid", "command", "cwd", "script",
    "python", "source", "tags", "notes", "archived", "journal", *_DIGEST_KEYS,
)  # fmt: skip


class Page(NamedTuple):
    entries: list[Entry]
    total: int
    next: str | None


def needs_summaries(where: str, sort: str) -> bool:
    """Whether last values of metrics take part, so that digests have to be at hand."""
    return "summary" in where or "summary" in sort or sort.lstrip("-") in _DIGEST_KEYS


def page(
    entries: Iterable[Entry],
    *,
    where: str,
    project: str | None,
    status: str | None,
    sort: str,
    limit: int,
    cursor: str | None,
) -> Page:
    """One page of the runs that pass.

    Raises:
        UsageError: an argument makes no sense.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"limit is 1 to {MAX_LIMIT}, not {limit}")
    chosen = list(_passing(entries, where, project, status))
    ordered = _sorted(chosen, sort)
    start = _start(ordered, cursor)
    shown = ordered[start : start + limit]
    end = start + len(shown)
    following = f"{end}:{shown[-1].run_id}" if shown and end < len(ordered) else None
    return Page(shown, len(ordered), following)


def _passing(
    entries: Iterable[Entry], where: str, project: str | None, status: str | None
) -> Iterable[Entry]:
    if status is not None and status not in STATUSES:
        raise UsageError(f"unknown status {status!r}", hint=_meant(status, STATUSES))
    passes = compile_filter(where)
    for entry in entries:
        facts = entry.facts
        if project is not None and facts.get("project") != project:
            continue
        if status is not None and facts.get("status") != status:
            continue
        if passes(entry):
            yield entry


def _sorted(entries: list[Entry], sort: str) -> list[Entry]:
    descending = sort.startswith("-")
    key = sort.lstrip("-")
    head, _, path = key.partition(".")
    if key not in _SORT_KEYS and not (head in _INSIDE and path):
        raise UsageError(f"cannot sort by {key!r}", hint=_meant(key, [*_SORT_KEYS, "config.…", "summary.…"]))

    def value_of(entry: Entry) -> Any:
        if key in _DIGEST_KEYS:
            return entry.digest.get(key)
        if not path:
            return entry.facts.get(key)
        values: Any = entry.summary() if head == "summary" else entry.facts.get(head)
        return lookup(values, path) if isinstance(values, Mapping) else None

    known, unknown = [], []
    for entry in sorted(entries, key=lambda entry: entry.run_id, reverse=True):  # newest first among equals
        value = _comparable(value_of(entry))
        if value is None:
            unknown.append(entry)
        else:
            known.append((value, entry))
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [entry for _, entry in known] + unknown


def _comparable(value: Any) -> tuple[int, Any] | None:
    """Numbers before text; None for what has no order."""
    if isinstance(value, bool | int | float):
        return (0, value) if value == value else None  # noqa: PLR0124  (NaN has no place in an order)
    if isinstance(value, str):
        return (1, value.lower())
    if isinstance(value, list) and value:
        return (1, " ".join(map(str, value)).lower())
    return None


def _start(ordered: list[Entry], cursor: str | None) -> int:
    """Where the page behind a cursor begins: after the run it names, else at its number."""
    if cursor is None:
        return 0
    number, _, run_id = cursor.partition(":")
    if not number.isdigit():
        raise UsageError(f"{cursor!r} is no cursor", hint="pass `next` of the page before")
    place = int(number)
    if 0 < place <= len(ordered) and ordered[place - 1].run_id == run_id:
        return place
    return next((at + 1 for at, entry in enumerate(ordered) if entry.run_id == run_id), place)


def _meant(word: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.4)
    return (f"did you mean {near[0]}? " if near else "") + f"known: {', '.join(names)}"


def resolve(entries: Mapping[str, Entry], ref: str) -> str:
    """The run id behind an id, a unique name, a unique part of an id, or a unique beginning of a name.

    Raises:
        AmbiguousError, NotFoundError: the hint names what was probably meant.
    """
    if ref in entries:
        return ref
    if not ref:
        raise UsageError("a run needs an id, a part of it, or a name")
    for fitting in (
        [entry for entry in entries.values() if entry.facts.get("name") == ref],
        [entry for entry in entries.values() if ref in entry.run_id],
        [entry for entry in entries.values() if str(entry.facts.get("name", "")).startswith(ref)],
    ):
        if len(fitting) == 1:
            return fitting[0].run_id
        if fitting:
            raise AmbiguousError(f"{len(fitting)} runs fit {ref!r}", hint=_described(fitting))
    raise NotFoundError(f"no run fits {ref!r}", hint=_nearest_hint(entries, ref))


def _described(entries: list[Entry]) -> str:
    newest = sorted(entries, key=lambda entry: entry.run_id, reverse=True)[:_NAMED]
    listed = ", ".join(f"{e.run_id} ({e.facts.get('name')}, {e.facts.get('status')})" for e in newest)
    return listed + (f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else "")


def _nearest_hint(entries: Mapping[str, Entry], ref: str) -> str:
    names = {str(entry.facts.get("name")) for entry in entries.values()}
    tails = {run_id.rpartition("-")[2]: run_id for run_id in entries}
    near = difflib.get_close_matches(ref, [*names, *entries, *tails], n=3, cutoff=0.5)
    if near:
        return "nearest: " + ", ".join(tails.get(name, name) for name in near)
    return "og list shows the runs of this store" if entries else "this store has no runs yet"
