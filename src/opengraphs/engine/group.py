"""`POST /group`: mean, median and 95th percentile of groups of runs, on one grid, from all points.

The grid (engine.groupgrid, docs/adr/0019) cuts the common x axis into cells of equal width. A
run's value in a cell is the mean of all its finite points there: nothing is thinned first and
nothing is filled in. Mean, p50, p95, min and max of a cell are over the runs that have a value
there, each run counting once; `n` says how many those are.

- A cell in which no run of a group has a point is left out of that group's curve: sparse
  metrics give few cells, and a run that ended early leaves the cells behind its end.
- A point that is not finite takes no part in its run's value; `nonfinite` counts the runs
  that have one in the cell. Where all of a group's runs have nothing else, mean is NaN.
- No more cells are made than the longest run has points, so that curves do not fall apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from opengraphs.engine import answer, asking, groupkeys
from opengraphs.engine.cells import Floats
from opengraphs.engine.groupgrid import Counts, Grid, GridQuestion, Sums
from opengraphs.errors import UsageError

MAX_RUNS = 1000
MAX_GROUPS = 100
MAX_COLUMNS = 1000
DEFAULT_COLUMNS = 200
ALIGNS = ("step", "time", "relative", "wall")
FIELDS = ("metric_key", "by", "run_ids", "filter", "align_by", "columns", "range", "smoothing")
_CURVE = ("x", "mean", "p50", "p95", "min", "max", "n", "nonfinite")


class GroupAsked(NamedTuple):
    """A checked request. run_ids None: the runs that `where` finds (all, when it is empty)."""

    metric: str
    by: str
    values_of: groupkeys.Reader
    run_ids: list[str] | None
    where: str
    align: str
    question: GridQuestion

    def zero_of(self, first_time_s: float) -> float:
        """The epoch second that counts as 0 for a run whose first point is at `first_time_s`."""
        return first_time_s if self.align in ("time", "relative") else 0.0


def parse_request(request: Mapping[str, Any]) -> GroupAsked:
    """Check every field.

    Raises:
        UsageError: names the field and what it may be.
    """
    asking.check_fields(request, FIELDS)
    where = request.get("filter") or ""
    if not isinstance(where, str):
        raise UsageError("filter is a text in the filter language")
    run_ids = None
    if request.get("run_ids") is not None:
        if where:
            raise UsageError("run_ids and filter do not go together", hint="ask with one of them")
        run_ids = asking.run_references(request, least=1, most=MAX_RUNS)
    by = asking.text(request, "by", example="such as tag:model, config.lr or project")
    align = asking.choice(request, "align_by", ALIGNS)
    return GroupAsked(
        asking.text(request, "metric_key", example='such as "train/loss"; GET /metrics/keys lists them'),
        by,
        groupkeys.parse_by(by),
        run_ids,
        where,
        align,
        GridQuestion(
            "step" if align == "step" else "time",
            asking.span(request),
            asking.whole(request, "columns", DEFAULT_COLUMNS, most=MAX_COLUMNS),
            asking.smoothing(request),
        ),
    )


class Members(NamedTuple):
    """Who is in which group: a value and its runs, in order; and the runs without a value."""

    groups: list[tuple[Any, list[str]]]
    ungrouped: list[str]


def sort_into(asked: GroupAsked, runs: Mapping[str, groupkeys.Facts]) -> Members:
    """Groups by value, smallest first; their runs in the order of `runs`.

    Raises:
        NotFoundError: no run has the key; the hint names the nearest.
        UsageError: more than MAX_GROUPS values.
    """
    found: dict[tuple[str, Any], tuple[Any, list[str]]] = {}
    ungrouped: list[str] = []
    for run_id, facts in runs.items():
        values = asked.values_of(facts)
        if not values:
            ungrouped.append(run_id)
        for value in values:
            found.setdefault(groupkeys.identity(value), (value, []))[1].append(run_id)
    if runs and not found:
        raise groupkeys.unknown_key(asked.by, runs.values())
    if len(found) > MAX_GROUPS:
        raise UsageError(
            f"{asked.by} has {len(found)} values; at most {MAX_GROUPS} groups at once",
            hint="narrow the runs with filter, or group by something coarser",
        )
    groups = sorted(found.values(), key=lambda group: groupkeys.order(group[0]))
    return Members(groups, ungrouped)


def aggregate(rows: Sequence[Sums], centres: Sequence[float]) -> dict[str, Any]:
    """One group's curve: x, mean, p50, p95, min, max, n and nonfinite, cells without a point left out."""
    if not rows:
        return {name: [] for name in _CURVE}
    values = np.sort(np.array([row.values() for row in rows]).reshape(len(rows), len(centres)), axis=0)
    n = len(rows) - np.isnan(values).sum(axis=0)
    odd = np.array([row.odd > 0 for row in rows]).reshape(len(rows), len(centres)).sum(axis=0)
    kept = np.flatnonzero((n > 0) | (odd > 0))
    values, n, odd = values[:, kept], n[kept], odd[kept]
    with np.errstate(all="ignore"):
        mean = np.where(np.isnan(values), 0.0, values).sum(axis=0) / n
    top = np.take_along_axis(values, np.maximum(n - 1, 0)[None, :], axis=0)[0]
    return {
        "x": [centres[place] for place in kept.tolist()],
        "mean": answer.wire_numbers(mean),
        "p50": answer.wire_numbers(percentile(values, n, 0.5)),
        "p95": answer.wire_numbers(percentile(values, n, 0.95)),
        "min": answer.wire_numbers(values[0]),
        "max": answer.wire_numbers(top),
        "n": n.tolist(),
        "nonfinite": odd.tolist(),
    }


def percentile(ordered: Floats, n: Counts, share: float) -> Floats:
    """Of each column, between the two nearest of its n values (numpy's `linear`); NaN for none.

    Args:
        ordered: each column ascending, NaN behind its n values.
    """
    place = np.maximum(n - 1, 0) * share
    low = np.floor(place).astype(np.intp)
    high = np.minimum(low + 1, np.maximum(n - 1, 0))
    below, above = (np.take_along_axis(ordered, at[None, :], axis=0)[0] for at in (low, high))
    with np.errstate(all="ignore"):
        found: Floats = np.where(low == high, below, below + (above - below) * (place - low))
    return found


def reply(
    asked: GroupAsked, members: Members, grid: Grid | None, sums: Mapping[str, Sums], *, has_metric: set[str]
) -> dict[str, Any]:
    """Protocol `GroupReply` without schema and pending.

    Args:
        grid: None when no run has a point to be drawn.
        sums: of the runs that have one.
        has_metric: runs that logged the metric at all.
    """
    centres = grid.centres() if grid is not None else []
    groups = []
    for value, run_ids in members.groups:
        rows = [sums[run_id] for run_id in run_ids if run_id in sums]
        groups.append({"value": value, "runs": run_ids, **aggregate(rows, centres)})
    grouped = dict.fromkeys(run_id for _, run_ids in members.groups for run_id in run_ids)
    return {
        "metric_key": asked.metric,
        "by": asked.by,
        "align_by": "time" if asked.align == "relative" else asked.align,
        "smoothing": smoothing.label if (smoothing := asked.question.smoothing) is not None else None,
        "grid": None
        if grid is None
        else {"low": grid.low, "high": grid.high, "width": grid.width, "columns": grid.columns},
        "groups": groups,
        "ungrouped": members.ungrouped,
        "missing": [run_id for run_id in grouped if run_id not in has_metric],
    }
