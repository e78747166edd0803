"""`POST /series`: check the request, find the curves, answer."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opengraphs.engine import answer
from opengraphs.engine.derive import Derivation, parse_derivation
from opengraphs.engine.keycurves import KeyCurves
from opengraphs.engine.rundata import RunData
from opengraphs.engine.strip import Strip
from opengraphs.errors import NotFoundError, UsageError

MAX_COLUMNS = 4000
MAX_CURVES = 2000
_AXES = ("step", "time", "relative")
_FIELDS = ("runs", "metrics", "x", "range", "columns", "smooth", "ranks", "stats")


class SeriesAsked(NamedTuple):
    """A checked request. ranks: `merged`, `each`, or the ranks that are wanted."""

    runs: list[str]
    metrics: list[str]
    x: str
    span: tuple[float, float] | None
    columns: int
    derivations: list[Derivation]
    ranks: str | list[int]


def parse_request(request: Mapping[str, Any]) -> SeriesAsked:
    """Check every field.

    Raises:
        UsageError: names the field and what it may be.
    """
    unknown = [field for field in request if field not in _FIELDS]
    if unknown:
        near = difflib.get_close_matches(unknown[0], _FIELDS, n=1)
        raise UsageError(f"unknown field {unknown[0]!r}", hint=f"did you mean {near[0]}?" if near else "")
    runs, metrics = _words(request, "runs"), _words(request, "metrics")
    if len(runs) * len(metrics) > MAX_CURVES:
        raise UsageError(f"at most {MAX_CURVES} curves at once", hint="ask for fewer runs or metrics")
    x = request.get("x", "step")
    if x not in _AXES:
        raise UsageError(f"x is {', '.join(_AXES)}, not {x!r}")
    columns = request.get("columns", 400)
    if not isinstance(columns, int) or isinstance(columns, bool) or not 1 <= columns <= MAX_COLUMNS:
        raise UsageError(f"columns is 1 to {MAX_COLUMNS}")
    smooth = request.get("smooth") or []
    if not isinstance(smooth, list) or not all(isinstance(name, str) for name in smooth):
        raise UsageError("smooth is a list such as ['ma(15)']")
    return SeriesAsked(
        runs, metrics, x, _span(request.get("range")), columns, [parse_derivation(name) for name in smooth],
        _ranks(request.get("ranks", "merged")),
    )  # fmt: skip


def _words(request: Mapping[str, Any], field: str) -> list[str]:
    value = request.get(field)
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{field} is a list of at least one name")
    return list(dict.fromkeys(value))


def _span(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    sound = (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(
            isinstance(edge, int | float) and not isinstance(edge, bool) and math.isfinite(edge)
            for edge in value
        )
    )
    if not sound or value[0] > value[1]:
        raise UsageError("range is [low, high] with low <= high, or null")
    return value[0], value[1]


def _ranks(value: Any) -> str | list[int]:
    if value in ("merged", "each"):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(rank, int) and rank >= 0 for rank in value):
        return list(dict.fromkeys(value))
    raise UsageError("ranks is 'merged', 'each' or a list of rank numbers")


def curves_of_run(asked: SeriesAsked, run_id: str, data: RunData) -> list[dict[str, Any]]:
    """Every asked curve that this run has."""
    known = data.curves()
    question = answer.Question(
        asked.x, asked.span, asked.columns, data.first_time() if asked.x == "relative" else 0.0
    )
    found: list[dict[str, Any]] = []
    for metric in asked.metrics:
        if metric in known:
            for rank, strip in _strips(known[metric], asked.ranks):
                label = answer.Label(run_id, metric, rank)
                found += answer.curves(strip, question, label, asked.derivations)
    return found


def _strips(curve: KeyCurves, ranks: str | list[int]) -> Iterable[tuple[int | None, Strip]]:
    if ranks == "merged":
        yield None, curve.merged()
        return
    for rank in curve.ranks if isinstance(ranks, str) else [rank for rank in ranks if rank in curve.ranks]:
        yield rank, curve.of_rank(rank)


def check_found(asked: SeriesAsked, known: set[str], *, may_turn_up: bool) -> None:
    """Asking for nothing but metrics that no asked run has is a mistake.

    Args:
        may_turn_up: a run lives or is still being read, so that they may come yet.

    Raises:
        NotFoundError: with the nearest metrics.
    """
    if not may_turn_up and known.isdisjoint(asked.metrics):
        raise unknown_metric(asked.metrics[0], known)


def unknown_metric(metric: str, known: Iterable[str]) -> NotFoundError:
    names = sorted(known)
    near = difflib.get_close_matches(metric, names, n=3, cutoff=0.4)
    if not near and names:
        near = names[:5]
    return NotFoundError(
        f"no metric {metric!r}", hint=f"nearest: {', '.join(near)}" if near else "no metrics yet"
    )
