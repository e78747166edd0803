"""Lists of runs: chosen, sorted, paged. And the run behind a reference."""

from __future__ import annotations

import difflib
import heapq
import time
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, NamedTuple

from opengraphs.engine.catalog import Entry
from opengraphs.engine.digest import end_of
from opengraphs.engine.families import Parents, Place, forest
from opengraphs.engine.filter import (
    Filter,
    Surroundings,
    compile_filter,
    nearest_field,
    value_getter,
)
from opengraphs.engine.filterterms import TIMES
from opengraphs.engine.moments import duration_s
from opengraphs.errors import AmbiguousError, NotFoundError, UsageError
from opengraphs.records import STATUSES

MAX_LIMIT = 2000
_NAMED = 10
_IN_ONE_CASE = ("run_id", "status", "created_at", "started_at", "ended_at", "heartbeat_at")
"""Keys whose text og writes itself, so that case says nothing."""
_FEW = 10
"""A page below a tenth of a list is taken out with a heap; a larger part is sorted."""
_DIGEST_KEYS = ("points", "last_step", "main_metric")
ENDS = ("min", "max", "best")
"""Of a metric: `min.train/loss`."""
_INSIDE = ("config", "summary", "last", "tag", "git", "ranks", "job", "progress", "parent")
_SORTED_INSIDE = ("config", "summary", "last", *ENDS, "tag")
SORT_KEYS = (
    "run_id", "project", "name", "group", "job_type", "status", "created_at", "started_at", "ended_at",
    "heartbeat_at", "exit_code", "signal", "host", "user", "pid", "runner_pid", "command", "cwd", "script",
    "python", "source", "tags", "notes", "archived", "journal", "duration", *_DIGEST_KEYS,
)  # fmt: skip
_AS_IN_FILTERS = {**TIMES, "id": "run_id", "job": "job_type", "tag": "tags"}
"""Fields that the filter language calls by another name than run.json: both sort."""
_SHOWS_ARCHIVED = frozenset(("archived", "id"))
"""A filter that names one of these means archived runs too."""


class Page(NamedTuple):
    """total: rows in all. next: the cursor of the page behind, None at the end. filter: as it was parsed.

    places: where runs stand in their families' trees, when those were asked for.
    """

    entries: list[Entry]
    total: int
    next: str | None
    filter: Filter
    places: Mapping[str, Place] | None = None


def needs_summaries(where: str, sort: str) -> bool:
    """Whether last values of metrics take part, so that digests have to be at hand."""
    return (
        sort.lstrip("-").partition(".")[0] in ("summary", "last", *ENDS, *_DIGEST_KEYS)
        or "summary" in where
        or "last" in where
        or "points" in where
        or "main_metric" in where
    )


def page(
    entries: Iterable[Entry],
    *,
    where: str,
    project: str | None,
    status: str | None,
    sort: str,
    limit: int,
    cursor: str | None,
    about: Surroundings | None = None,
    parents: Parents | None = None,
    folded: Container[str] = (),
) -> Page:
    """One page of the runs that pass.

    Args:
        entries: newest first: by id, downwards.
        parents: put families together as trees by these.
        folded: runs whose descendants are left out of their tree.

    Raises:
        UsageError: an argument makes no sense.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"limit is 1 to {MAX_LIMIT}, not {limit}")
    chosen, filter_ = select(entries, where=where, project=project, status=status, about=about)
    order = _Order(chosen, sort, about)
    tree = None if parents is None else _TreeOrder(order, parents, folded)
    start, ordered = _start(tree or order, cursor, limit)
    shown, total = ordered[start : start + limit], (tree or order).total
    end = start + len(shown)
    following = f"{end}:{shown[-1].run_id}" if shown and end < total else None
    return Page(shown, total, following, filter_, None if tree is None else tree.places)


def select(
    entries: Iterable[Entry],
    *,
    where: str,
    project: str | None = None,
    status: str | None = None,
    about: Surroundings | None = None,
) -> tuple[list[Entry], Filter]:
    """The runs that pass, in the order they are in; archived ones only where the filter speaks of them.

    Raises:
        UsageError: the filter does not parse, or there is no such status.
    """
    if status is not None and status not in STATUSES:
        raise UsageError(f"unknown status {status!r}", hint=_meant(status, STATUSES))
    filter_ = compile_filter(where, about=about)
    passes = filter_.passes
    chosen = list(entries) if status is None and project is None else _like(entries, project, status)
    if not filter_.fields & _SHOWS_ARCHIVED:
        chosen = [entry for entry in chosen if not entry.facts.get("archived")]
    if where.strip():
        chosen = [entry for entry in chosen if passes(entry)]
    return chosen, filter_


def _like(entries: Iterable[Entry], project: str | None, status: str | None) -> list[Entry]:
    return [
        entry
        for entry in entries
        if (project is None or entry.facts.get("project") == project)
        and (status is None or entry.facts.get("status") == status)
    ]


class _Order:
    """Runs by a key: equal ones newest first, those that have no such value last.

    Only as much is sorted as is asked for: a page of ten thousand runs is not the work of all.
    """

    def __init__(self, entries: list[Entry], sort: str, about: Surroundings | None) -> None:
        self._descending = sort.startswith("-")
        self.total = len(entries)
        key = _AS_IN_FILTERS.get(sort.removeprefix("-"), sort.removeprefix("-"))
        values = list(map(_value_of(key, about), entries))
        kinds = set(map(type, values))
        if kinds == {str}:
            texts = values if key in _IN_ONE_CASE else list(map(str.lower, values))
            self._parts = _Parts([], [], texts, entries, [])
        elif kinds <= {int}:
            self._parts = _Parts(values, entries, [], [], [])
        else:
            self._parts = _parted(values, entries)

    def first(self, count: int) -> list[Entry]:
        """The first `count` runs. Numbers come before text, and behind it downwards."""
        parts = self._parts
        ranked = [(parts.numbers, parts.of_numbers), (parts.texts, parts.of_texts)]
        found: list[Entry] = []
        for values, entries in reversed(ranked) if self._descending else ranked:
            found += [entries[at] for at in self._places(values, max(0, count - len(found)))]
        return (found + parts.without)[:count]

    def _places(self, values: list[Any], count: int) -> Iterable[int]:
        """Places of at least the first `count` values; equal ones in the order they have."""
        if count * _FEW >= len(values):
            return sorted(range(len(values)), key=values.__getitem__, reverse=self._descending)
        if self._descending:
            return [
                -at for _, at in heapq.nlargest(count, zip(values, range(0, -len(values), -1), strict=True))
            ]
        return [at for _, at in heapq.nsmallest(count, zip(values, range(len(values)), strict=True))]


class _TreeOrder:
    """Sorted runs with their families put together: a family stands where its first member would."""

    def __init__(self, order: _Order, parents: Parents, folded: Container[str]) -> None:
        ordered = order.first(order.total)
        by_id = {entry.run_id: entry for entry in ordered}
        self.places = forest([entry.run_id for entry in ordered], parents, folded)
        self._shown = [by_id[run_id] for run_id in self.places]
        self.total = len(self._shown)

    def first(self, count: int) -> list[Entry]:
        return self._shown[:count]


class _Parts(NamedTuple):
    """Values that have an order with each other, and the runs they are of."""

    numbers: list[Any]
    of_numbers: list[Entry]
    texts: list[str]
    of_texts: list[Entry]
    without: list[Entry]


def _parted(values: list[Any], entries: list[Entry]) -> _Parts:
    parts = _Parts([], [], [], [], [])
    for value, entry in zip(values, entries, strict=True):
        if isinstance(value, (int, float)) and value == value:  # noqa: PLR0124  (NaN has no place in an order)
            parts.numbers.append(value)
            parts.of_numbers.append(entry)
        elif isinstance(value, str) or (isinstance(value, list) and value):
            text = value if isinstance(value, str) else " ".join(map(str, value))
            parts.texts.append(text.lower())
            parts.of_texts.append(entry)
        else:
            parts.without.append(entry)
    return parts


def _run_id(entry: Entry) -> str:
    return entry.folder.run_id


def _value_of(key: str, about: Surroundings | None) -> Callable[[Entry], Any]:
    """What a list is sorted by.

    Raises:
        UsageError: there is no such key.
    """
    head, _, path = key.partition(".")
    key = _AS_IN_FILTERS.get(key, key)
    if key == "run_id":
        return _run_id
    if key == "duration":
        now_s = time.time()
        return lambda entry: duration_s(entry.facts, now_s=now_s)
    if key in _DIGEST_KEYS:
        return lambda entry: entry.digest.get(key)
    if key in SORT_KEYS:
        return lambda entry: entry.facts.get(key)
    if head in ENDS and path:
        return lambda entry: end_of(entry.digest.get("ends") or {}, head, path)
    if head not in _INSIDE or not path:
        known = [*SORT_KEYS, *(about.fields() if about is not None else ())]
        near = nearest_field(key, known)
        guess = f"did you mean {near}?\n" if near else ""
        raise UsageError(
            f"cannot sort by {key!r}",
            hint=f"{guess}known: {', '.join([*SORT_KEYS, *(f'{name}.…' for name in _SORTED_INSIDE)])}",
        )
    value_of = value_getter(head, path)
    return (lambda entry: _as_number(value_of(entry))) if head == "tag" else value_of


def _as_number(value: Any) -> Any:
    """Tags are text, and `lr=0.1` sorts as a number all the same."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _start(order: _Order | _TreeOrder, cursor: str | None, limit: int) -> tuple[int, list[Entry]]:
    """Where the page behind a cursor begins, and the runs in order at least to its end.

    `12:RUN` goes on behind RUN, wherever it is by now, so that runs which appeared or moved
    before it shift nothing; where RUN is gone from the list, and for `12:`, at row 12.
    """
    if cursor is None:
        return 0, order.first(limit)
    number, _, run_id = cursor.partition(":")
    if not number.isdecimal() or len(number) > 9:
        raise UsageError(f"{cursor!r} is no cursor", hint="pass `next` of the page before, or N: for row N")
    place = int(number)
    ordered = order.first(place + limit)
    if not run_id or (0 < place <= len(ordered) and ordered[place - 1].run_id == run_id):
        return place, ordered
    ordered = order.first(order.total)
    return next((at + 1 for at, entry in enumerate(ordered) if entry.run_id == run_id), place), ordered


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
    if entries:
        return "og list shows the runs of this store"
    return "this store has no runs yet; og attach --source PATH adds those of other programs"
