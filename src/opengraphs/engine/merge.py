"""Several series of one metric into one: mirrors of the same points, and ranks.

Pure functions of points whose steps strictly increase; the result does not depend on the
order in which files were read, only on the order of the arguments, and is the same to the
last bit however a long series is cut into windows of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from opengraphs.engine.cells import group_starts
from opengraphs.engine.strip import NO_POINTS, Points, Strip, join

Combine = Callable[[Sequence[Points]], Points]
"""Works step by step: what it makes of one step depends on the points at that step alone."""
_WINDOW = 1 << 16


def first_source_wins(sources: Sequence[Points]) -> Points:
    """All steps of all sources; where several have one, that of the earliest argument."""
    filled = [points for points in sources if len(points.steps)]
    if len(filled) < 2:
        return filled[0] if filled else NO_POINTS
    points = join(filled)
    order = np.argsort(points.steps, kind="stable")
    return points.take(order[group_starts(points.steps[order])])


def merge_ranks(ranks: Sequence[Points], *, add: bool) -> Points:
    """Mean (or sum) over the ranks that have a step, at every step that any has.

    A value that is not finite makes the merged one not finite: a rank's NaN must show.
    Ranks that agree exactly give exactly their value. The time is the latest one.
    """
    filled = [points for points in ranks if len(points.steps)]
    if len(filled) < 2:
        return filled[0] if filled else NO_POINTS
    with np.errstate(all="ignore"):
        first = filled[0].steps
        if all(len(one.steps) == len(first) and np.array_equal(one.steps, first) for one in filled[1:]):
            return _merge_aligned(filled, add=add)
        return _merge_scattered(filled, add=add)


def _merge_aligned(ranks: Sequence[Points], *, add: bool) -> Points:
    """Of ranks that have the same steps, as they mostly do."""
    times, total = ranks[0].times.copy(), ranks[0].values.copy()
    low, high = total.copy(), total.copy()
    for one in ranks[1:]:
        total += one.values
        np.maximum(times, one.times, out=times)
        np.minimum(low, one.values, out=low)
        np.maximum(high, one.values, out=high)
    if not add:
        total = np.where(low == high, low, total / len(ranks))
    return Points(ranks[0].steps, times, total)


def _merge_scattered(ranks: Sequence[Points], *, add: bool) -> Points:
    steps = np.unique(np.concatenate([one.steps for one in ranks]))
    n = len(steps)
    total, counts = np.zeros(n), np.zeros(n, np.int64)
    times, low, high = np.full(n, -np.inf), np.full(n, np.inf), np.full(n, -np.inf)
    for one in ranks:
        at = np.searchsorted(steps, one.steps)
        total[at] = np.where(counts[at] > 0, total[at] + one.values, one.values)
        counts[at] += 1
        times[at] = np.maximum(times[at], one.times)
        low[at] = np.minimum(low[at], one.values)
        high[at] = np.maximum(high[at], one.values)
    if not add:
        total = np.where(low == high, low, total / counts)
    return Points(steps, times, total)


def merge_strips(strips: Sequence[Strip], from_step: int | None, combine: Combine) -> Iterator[Points]:
    """Combine everything at or after a step, in consecutive pieces of bounded size.

    Args:
        strips: steps never fall in any.
        from_step: None is the beginning.
    """
    places = [0 if from_step is None else strip.find("step", from_step) for strip in strips]
    while any(place < strip.n for place, strip in zip(places, strips, strict=True)):
        ends = window_ends(strips, places, _WINDOW)
        parts = [strip.read(place, end) for strip, place, end in zip(strips, places, ends, strict=True)]
        yield combine(parts)
        places = ends


def window_ends(strips: Sequence[Strip], places: Sequence[int], size: int) -> list[int]:
    """Where each strip ends in the next window: all at one step, none with many more points."""
    limit: int | None = None
    for strip, place in zip(strips, places, strict=True):
        if place + size < strip.n:
            last = int(strip.read(place + size - 1, place + size).steps[0])
            limit = last if limit is None else min(limit, last)
    if limit is None:
        return [strip.n for strip in strips]
    return [
        max(place, strip.find("step", limit, right=True)) for strip, place in zip(strips, places, strict=True)
    ]
