"""`POST /compare`: one metric of several runs side by side, measured against the first.

Runs are laid over each other by step, by seconds since each run's first point (`time`,
`relative`), or by the clock (`wall`). What is said of a run beside its curve (last, best,
points, deltas) is about the whole run, whatever part of it is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opengraphs.engine import answer, asking
from opengraphs.engine.better import Direction, verdict
from opengraphs.engine.cells import COARSE, total_of
from opengraphs.engine.derive import Derivation
from opengraphs.engine.strip import Strip
from opengraphs.records import Point

MAX_RUNS = 50
DEFAULT_COLUMNS = 400
ALIGNS = ("step", "time", "relative", "wall")
FIELDS = ("run_ids", "metric_key", "align_by", "smoothing", "downsample", "range", "better")
_AXIS = {"step": "step", "time": "relative", "relative": "relative", "wall": "time"}
_DESCENTS = 64
_FLOAT32 = 2.0**-24
"""Half of float32's last place, as a part of the value."""


class CompareAsked(NamedTuple):
    """A checked request. columns: at most 4 points are drawn in each."""

    run_ids: list[str]
    metric: str
    align: str
    smoothing: Derivation | None
    columns: int
    span: tuple[float, float] | None
    better: Direction | None

    def question(self, zero_s: float) -> answer.Question:
        """What is asked of a run whose first point is at `zero_s`."""
        x = _AXIS[self.align]
        return answer.Question(x, self.span, self.columns, zero_s if x == "relative" else 0.0)


class Standing(NamedTuple):
    """What a run has reached in a metric. best: None where neither end is better, or nothing is finite."""

    points: int
    last: Point
    best: Point | None


def parse_request(request: Mapping[str, Any]) -> CompareAsked:
    """Check every field.

    Raises:
        UsageError: names the field and what it may be.
    """
    asking.check_fields(request, FIELDS)
    metric = asking.text(request, "metric_key", example='such as "train/loss"; GET /metrics/keys lists them')
    return CompareAsked(
        asking.run_references(request, least=1, most=MAX_RUNS),
        metric,
        asking.choice(request, "align_by", ALIGNS),
        asking.smoothing(request),
        asking.whole(request, "downsample", DEFAULT_COLUMNS, most=asking.MAX_COLUMNS),
        asking.span(request),
        asking.better(request, metric),
    )


def standing_of(strip: Strip, better: Direction | None) -> Standing | None:
    """Last and best of a series; None when it has no points. Of equal bests the earliest."""
    total = total_of(strip.cells(0, strip.n, COARSE)) if strip.n else None
    if total is None:
        return None
    facts = dict(zip(total.dtype.names or (), total.tolist()[0], strict=True))
    best = None
    if better is not None and facts["finite"]:
        end = "lo" if better == "min" else "hi"
        best = Point(facts[f"step_{end}"], facts[f"time_{end}"], facts[end])
    return Standing(facts["n"], Point(facts["step_last"], facts["time_last"], facts["last"]), best)


def at_or_before(strip: Strip, step: int) -> Point | None:
    """The newest point that is not after a step; None when there is none."""
    place = strip.find("step", step, right=True) - 1
    return point_at(strip, place) if place >= 0 else None


def point_at(strip: Strip, place: int) -> Point:
    points = strip.read(place, place + 1)
    return Point(int(points.steps[0]), float(points.times[0]), float(points.values[0]))


class Common(NamedTuple):
    """Where series can be compared. step: None when no step was reached by all.

    points: of each series the newest one that is not after it.
    """

    step: int | None
    points: list[Point | None]


def common_step(strips: Sequence[Strip]) -> Common:
    """The last step at which every series has a point.

    Series that are logged at different strides may share few steps, or none: when going
    back _DESCENTS times finds none, it is the last step that all have reached, and the
    points are the newest ones up to it.
    """
    if not strips or any(strip.n == 0 for strip in strips):
        return Common(None, [None] * len(strips))
    reached = min(point_at(strip, strip.n - 1).step for strip in strips)
    step = reached
    for _ in range(_DESCENTS):
        points = [at_or_before(strip, step) for strip in strips]
        steps = [point.step for point in points if point is not None]
        if len(steps) < len(strips):
            break
        if min(steps) == max(steps):
            return Common(steps[0], points)
        step = min(steps)
    points = [at_or_before(strip, reached) for strip in strips]
    return Common(reached, points) if all(points) else Common(None, [None] * len(strips))


def difference(one: Point | None, reference: Point | None) -> float | None:
    """How much higher a value is than the reference's; None unless both are finite numbers.

    0 where float32 cannot tell them apart: TensorBoard keeps its values so, and the same number
    recorded by two programs is no change.
    """
    if one is None or reference is None:
        return None
    found = one.value - reference.value
    if not math.isfinite(found):
        return None
    return found if abs(found) > _FLOAT32 * max(abs(one.value), abs(reference.value)) else 0.0


def wire_point(point: Point | None) -> dict[str, Any] | None:
    """A point as JSON can carry it."""
    if point is None:
        return None
    return {"step": point.step, "time": point.time, "value": answer.wire_number(point.value)}


def reply(
    asked: CompareAsked,
    rows: Sequence[dict[str, Any]],
    standings: Sequence[Standing | None],
    common: Common,
) -> dict[str, Any]:
    """Protocol `CompareReply` without schema and pending.

    Args:
        rows: run, name, status, missing, series, smoothed of each run.
        standings: None for runs without the metric.
        common: over the runs that have the metric, in their order.
    """
    shared = iter(common.points)
    found = [
        (row, standing, next(shared) if standing is not None else None)
        for row, standing in zip(rows, standings, strict=True)
    ]
    return {
        "metric_key": asked.metric,
        "align_by": "time" if asked.align == "relative" else asked.align,
        "direction": asked.better,
        "runs": [
            {**row, **_measured(standing, equal, None if place == 0 else found[0], asked.better)}
            for place, (row, standing, equal) in enumerate(found)
        ],
        "equal_step": common.step,
    }


def _measured(
    standing: Standing | None,
    equal: Point | None,
    first: tuple[dict[str, Any], Standing | None, Point | None] | None,
    better: Direction | None,
) -> dict[str, Any]:
    """What a run has reached, and what that is against the first; `first` None: it is the first."""
    own = (equal, standing.last if standing else None, standing.best if standing else None)
    other: tuple[Point | None, ...] = (None, None, None)
    if first is not None:
        other = (first[2], first[1].last if first[1] else None, first[1].best if first[1] else None)
    names = ("equal_step", "last", "best")
    deltas = dict(zip(names, map(difference, own, other), strict=True))
    return {
        "points": standing.points if standing else 0,
        "last": wire_point(own[1]),
        "best": wire_point(own[2]),
        "equal": wire_point(equal),
        "delta": deltas,
        "verdict": {name: verdict(better, deltas[name]) for name in names},
    }
