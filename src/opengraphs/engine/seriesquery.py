"""`POST /series`: check the request, find the curves, answer."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opengraphs.engine import answer, band
from opengraphs.engine.answercache import AnswerCache
from opengraphs.engine.derive import Derivation, parse_derivation
from opengraphs.engine.keycurves import KeyCurves
from opengraphs.engine.rundata import RunData
from opengraphs.engine.strip import Strip
from opengraphs.errors import NotFoundError, UsageError
from opengraphs.store.jsonl import finite

MAX_COLUMNS = 4000
MAX_CURVES = 2000
_AXES = ("step", "time", "relative")
_FIELDS = ("runs", "metrics", "x", "range", "columns", "smooth", "ranks", "lineage")


class SeriesAsked(NamedTuple):
    """A checked request. ranks: `merged`, `band`, `each`, or the ranks that are wanted. lineage: with the family of each run."""

    runs: list[str]
    metrics: list[str]
    x: str
    span: tuple[float, float] | None
    columns: int
    derivations: list[Derivation]
    ranks: str | list[int]
    lineage: bool = False

    @property
    def axis_metric(self) -> str | None:
        """The metric that is the x axis; None for the others."""
        return self.x[len(answer.METRIC) :] if self.x.startswith(answer.METRIC) else None


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
    if not isinstance(x, str) or not (x in _AXES or (x.startswith(answer.METRIC) and x != answer.METRIC)):
        near = difflib.get_close_matches(str(x), (*_AXES, answer.METRIC), n=1)
        raise UsageError(
            f"x is {', '.join(_AXES)} or metric:KEY, not {x!r}",
            hint=f"did you mean {near[0]}?" if near else "",
        )
    columns = request.get("columns", 400)
    if not isinstance(columns, int) or isinstance(columns, bool) or not 1 <= columns <= MAX_COLUMNS:
        raise UsageError(f"columns is 1 to {MAX_COLUMNS}")
    smooth = request.get("smooth") or []
    if not isinstance(smooth, list) or not all(isinstance(name, str) for name in smooth):
        raise UsageError("smooth is a list such as ['ma(15)']")
    derivations = [parse_derivation(name) for name in smooth]
    for wanted in derivations:
        if all(wanted.for_metric(metric, {}) is None for metric in metrics):
            raise UsageError(
                f"nothing tells which way {metrics[0]!r} is best", hint="ask for best(min) or best(max)"
            )
    return SeriesAsked(
        runs, metrics, x, _span(request.get("range")), columns, derivations,
        _ranks(request.get("ranks", "merged")), _lineage(request.get("lineage", False), x),
    )  # fmt: skip


def _lineage(value: Any, x: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError("lineage is true or false")
    if value and x != "step":
        raise UsageError("the curve of a family is over steps", hint="x: step")
    return value


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
        and all(finite(edge) is not None and not isinstance(edge, bool) for edge in value)
    )
    if not sound or value[0] > value[1]:
        raise UsageError("range is [low, high] with low <= high, or null")
    return value[0], value[1]


def _ranks(value: Any) -> str | list[int]:
    if value in ("merged", "band", "each"):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(rank, int) and rank >= 0 for rank in value):
        return list(dict.fromkeys(value))
    raise UsageError("ranks is 'merged', 'band', 'each' or a list of rank numbers")


class _Asked(NamedTuple):
    """One metric of one run as it is asked for. x: the curves of the metric that is the x axis."""

    run: str
    curve: KeyCurves
    x: KeyCurves | None
    question: answer.Question
    derivations: list[Derivation]

    @property
    def curves(self) -> list[KeyCurves]:
        return [self.curve] if self.x is None else [self.curve, self.x]


def curves_of_run(
    asked: SeriesAsked, run_id: str, data: RunData, facts: Mapping[str, Any], cache: AnswerCache
) -> list[dict[str, Any]]:
    """Every asked curve that this run has.

    Args:
        facts: run.json, for what derived series need to know of the run.
    """
    known = data.curves()
    axis = asked.axis_metric
    if axis is not None and axis not in known:
        return []
    zero_s = data.first_time() if asked.x == "relative" else 0.0
    lives = facts.get("status") == "running"
    question = answer.Question(asked.x, asked.span, asked.columns, zero_s, steady=lives)
    found: list[dict[str, Any]] = []
    for metric in asked.metrics:
        if metric in known:
            wanted = [
                made for one in asked.derivations if (made := one.for_metric(metric, facts)) is not None
            ]
            one = _Asked(run_id, known[metric], known[axis] if axis is not None else None, question, wanted)
            found += _answered(one, asked.ranks, cache)
    return found


def _answered(asked: _Asked, ranks: str | list[int], cache: AnswerCache) -> list[dict[str, Any]]:
    labels = tuple((wanted.label, wanted.better, wanted.scale, wanted.unit) for wanted in asked.derivations)
    marks = (
        asked.run,
        asked.curve.key,
        asked.question,
        labels,
        ranks if isinstance(ranks, str) else tuple(ranks),
    )
    return cache.answer(marks, asked.curves, lambda: _curves(asked, ranks, cache))


def _curves(asked: _Asked, ranks: str | list[int], cache: AnswerCache) -> list[dict[str, Any]]:
    if ranks in ("merged", "band"):
        label = answer.Label(asked.run, asked.curve.key, None)
        found = answer.curves(_strip(asked, None, cache), asked.question, label, asked.derivations)
        if ranks == "band":
            own = asked.curve.ranks if len(asked.curve.ranks) > 1 else []
            strips = [_strip(asked, rank, cache, beside=True) for rank in own]
            found[0]["band"] = band.band(strips, asked.question)
        return found
    wanted = asked.curve.ranks if isinstance(ranks, str) else [r for r in ranks if r in asked.curve.ranks]
    return [
        out
        for rank in wanted
        for out in answer.curves(
            _strip(asked, rank, cache),
            asked.question,
            answer.Label(asked.run, asked.curve.key, rank),
            asked.derivations,
        )
    ]


def _strip(asked: _Asked, rank: int | None, cache: AnswerCache, *, beside: bool = False) -> Strip:
    """The series of one rank, or of all; over another metric where that is the x axis: that of
    the same rank, where it logged it, else of all. `beside`: of all, so that ranks lie where
    the merged curve does."""
    strip = asked.curve.newest(rank)
    if asked.x is None:
        return strip
    over_rank = None if beside or rank not in asked.x.ranks else rank
    over = asked.x.newest(over_rank)
    mark = (asked.run, asked.curve.key, asked.x.key, rank, over_rank)
    axis = cache.axis(mark, asked.curves).update(strip, over)
    cache.keep(mark, asked.curves, axis)
    return axis


def check_found(asked: SeriesAsked, known: set[str], *, may_turn_up: bool) -> None:
    """Asking for nothing but metrics that no asked run has is a mistake.

    Args:
        may_turn_up: a run lives or is still being read, so that they may come yet.

    Raises:
        NotFoundError: with the nearest metrics.
    """
    if may_turn_up:
        return
    if known.isdisjoint(asked.metrics):
        raise unknown_metric(asked.metrics[0], known)
    if asked.axis_metric is not None and asked.axis_metric not in known:
        raise unknown_metric(asked.axis_metric, known)


def unknown_metric(metric: str, known: Iterable[str]) -> NotFoundError:
    names = sorted(known)
    near = difflib.get_close_matches(metric, names, n=3, cutoff=0.4)
    if not near and names:
        near = names[:5]
    return NotFoundError(
        f"no metric {metric!r}", hint=f"nearest: {', '.join(near)}" if near else "no metrics yet"
    )
