"""Answers about one run that are no curves: points, ranks, keys, system metrics, progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from opengraphs.engine import answer, progress, rankstate, throughput
from opengraphs.engine.digest import Digest
from opengraphs.engine.journal import SYSTEM, Journal
from opengraphs.engine.keycurves import KeyCurves
from opengraphs.engine.logtotal import Place
from opengraphs.engine.rundata import RunData
from opengraphs.engine.strip import NO_POINTS, Strip
from opengraphs.errors import UsageError
from opengraphs.store.liveness import Locks

MAX_POINTS = 100_000
MAX_KEYS = 100_000
MAX_SYSTEM_CURVES = 2000
MAX_SYSTEM_COLUMNS = 100_000
"""Columns of all curves of one answer together."""
_PROGRESS_KEYS = 256
_NO_FIGURES = dict.fromkeys(("points", "last", "min", "max", "first_step", "last_step"))


def points_page(curve: KeyCurves, after: str | None, limit: int, *, ranks: bool) -> dict[str, Any]:
    """`step`, `time`, `value` (and `rank`) of the points behind a cursor, and `next`.

    Raises:
        UsageError: limit or cursor make no sense.
    """
    if not 1 <= limit <= MAX_POINTS:
        raise UsageError(f"limit is 1 to {MAX_POINTS}, not {limit}")
    rank, step = _cursor(after)
    out: dict[str, Any] = {"step": [], "time": [], "value": [], "next": None}
    if ranks:
        out["rank"] = []
    strips: list[tuple[int, Strip]] = (
        [(own, curve.of_rank(own)) for own in curve.ranks if own >= rank] if ranks else [(0, curve.merged())]
    )
    for own, strip in strips:
        first = strip.find("step", step, right=True) if step is not None and (own == rank or not ranks) else 0
        last = min(strip.n, first + limit - len(out["step"]))
        points = strip.read(first, last)
        out["step"] += points.steps.tolist()
        out["time"] += points.times.tolist()
        out["value"] += answer.wire_numbers(points.values)
        if ranks:
            out["rank"] += [own] * len(points.steps)
        if last < strip.n:
            shown_rank = out["rank"][-1] if ranks else own  # this one may have had no room left
            out["next"] = f"{shown_rank}:{out['step'][-1]}"
            break
    return out


def _cursor(after: str | None) -> tuple[int, int | None]:
    if not after:
        return 0, None
    rank, _, step = after.partition(":")
    try:
        return int(rank), int(step)
    except ValueError as error:
        raise UsageError(f"after={after!r} is no cursor", hint="pass `next` of the page before") from error


def ranks_seen(data: RunData, facts: Mapping[str, Any], *, live: bool, now_s: float) -> list[dict[str, Any]]:
    """Protocol `RankSeen` of every metric journal and of the ranks that are missing.

    `alive`: somebody holds the journal's lock.
    """
    locks = Locks()
    if live:
        locks.refresh()
    journals = data.journals()
    writers = [_writer(journal, alive=live and locks.held(journal.path) is True) for journal in journals]
    states = rankstate.states(writers, live=live, now_s=now_s)
    found = [
        {
            "rank": writer.rank,
            "attempt": writer.attempt,
            "writer": journal.name,
            "last_step": writer.last_step,
            "last_time": writer.last_time,
            "alive": writer.alive,
            "lag_steps": state.lag_steps,
            "silent_s": state.silent_s,
            "interval_s": writer.habit.interval_s,
            "state": state.state,
        }
        for journal, writer, state in zip(journals, writers, states, strict=True)
    ]
    world_size = throughput.world_size(facts)
    attempt = max((writer.attempt for writer in writers), default=0)
    missing = rankstate.missing_ranks((writer.rank for writer in writers), world_size)
    return found + [_missing(rank, attempt) for rank in missing]


def _writer(journal: Journal, *, alive: bool) -> rankstate.Writer:
    lanes = [parts[-1] for parts in journal.lanes() if parts[-1].n]
    # The key that was logged last and most often shows how often the rank logs.
    busiest = max(lanes, key=lambda lane: (lane.summary.last_time, lane.n), default=None)
    recent = NO_POINTS if busiest is None else busiest.read(max(0, busiest.n - rankstate.RECENT), busiest.n)
    attempt, rank, branch = journal.writer
    habit = rankstate.habit_of(recent.steps, recent.times)
    return rankstate.Writer(rank, attempt, branch, journal.last_step, journal.last_time, alive, habit)


def _missing(rank: int, attempt: int) -> dict[str, Any]:
    unknown = dict.fromkeys(("last_step", "last_time", "lag_steps", "silent_s", "interval_s"))
    return {"rank": rank, "attempt": attempt, "writer": "", "alive": False, "state": "missing", **unknown}


def matching_keys(metrics: list[dict[str, Any]], q: str, limit: int) -> list[dict[str, Any]]:
    """Those whose key holds every word of `q`; whole and leading matches first, then short keys."""
    words = q.lower().split()
    found = [metric for metric in metrics if all(word in metric["key"].lower() for word in words)]
    if words:
        found.sort(key=lambda metric: _rank(metric["key"].lower(), words[0]))
    return found[:limit]


def _rank(key: str, word: str) -> tuple[bool, bool, bool, int, str]:
    leaf = key.rpartition("/")[2]
    return (key != word, leaf != word, not key.startswith(word) and not leaf.startswith(word), len(key), key)


def all_keys(digests: Iterable[Digest | None]) -> list[dict[str, Any]]:
    """One summary a key over many runs, oldest run first: points added, `last` the newest run's.

    A key that runs have only beyond the metrics that digests sum up stands there with its
    name alone, its figures None.
    """
    found: dict[str, dict[str, Any]] = {}
    names: set[str] = set()
    for digest in digests:
        if digest is None:
            continue
        for metric in digest.metrics:
            known = found.get(metric["key"])
            found[metric["key"]] = metric if known is None else _joined(known, metric)
        names.update(digest.more_keys)
    found.update((key, {"key": key, **_NO_FIGURES}) for key in names if key not in found)
    return [found[key] for key in sorted(found)]


def _joined(known: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    joined = {**known, **more, "points": known["points"] + more["points"]}
    for field, choose in (("min", min), ("first_step", min), ("max", max), ("last_step", max)):
        values = [value for value in (known[field], more[field]) if value is not None]
        joined[field] = choose(values) if values else None
    return joined


def system_page(
    run_id: str,
    data: RunData,
    question: answer.Question,
    prefixes: tuple[str, ...],
    *,
    host: str = "",
) -> dict[str, Any]:
    """Protocol `SystemReply`: one curve a host and metric, x in epoch seconds.

    Columns get fewer where very many curves are asked for, so that an answer stays bounded.
    """
    lanes = [
        (where, key, lane)
        for (where, key), lane in sorted(data.system_lanes().items())
        if lane.n and key.startswith(prefixes) and host in ("", where)
    ]
    total, lanes = len(lanes), lanes[:MAX_SYSTEM_CURVES]
    columns = max(1, min(question.columns, MAX_SYSTEM_COLUMNS // max(1, len(lanes))))
    series: list[dict[str, Any]] = []
    for where, key, lane in lanes:
        label = answer.Label(run_id, key, None)
        (curve,) = answer.curves(lane, question._replace(columns=columns), label, [])
        series.append({**curve, "host": where})
    return {
        "hosts": [journal.name for journal in data.journals(SYSTEM)],
        "series": series,
        "columns": columns,
        "total": total,
    }


def progress_of(
    data: RunData,
    facts: Mapping[str, Any],
    *,
    live: bool,
    printed: Callable[[int | None], int | None] | None = None,
    place: Callable[[], Place | None] | None = None,
) -> dict[str, Any]:
    """Step, total, speed and ETA, from the metric that was logged last; see `progress.total_of`."""
    # Of very many keys the first few hundred say as much.
    curves = [curve for curve in islice(data.curves().values(), _PROGRESS_KEYS) if curve.stored_points()]
    newest = max(curves, key=lambda curve: (curve.last_time(), curve.stored_points()), default=None)
    strip = newest.newest(newest.ranks[0]) if newest is not None else None
    return progress.progress_of(facts, strip, live=live, printed=printed, place=place)
