"""Several series of one metric into one: mirrors of the same points, and ranks.

Pure functions of points whose steps strictly increase; the result does not depend on the
order in which files were read, only on the order of the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from opengraphs.engine.cells import group_starts
from opengraphs.engine.strip import NO_POINTS, Points, Strip, join

_WINDOW = 1 << 16


def first_source_wins(sources: Sequence[Points]) -> Points:
    """All steps of all sources; where several have one, that of the earliest argument."""
    points = join(list(sources))
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
    points = join(filled)
    order = np.argsort(points.steps, kind="stable")
    steps, times, values = points.take(order)
    starts = group_starts(steps)
    counts = np.diff(np.append(starts, len(steps)))
    with np.errstate(all="ignore"):
        merged = np.add.reduceat(values, starts)
        if not add:
            low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
            merged = np.where(low == high, low, merged / counts)
    return Points(steps[starts], np.maximum.reduceat(times, starts), merged)


def merge_strips(
    strips: Sequence[Strip], from_step: int | None, combine: Callable[[Sequence[Points]], Points]
) -> Iterator[Points]:
    """Combine everything at or after a step, in consecutive pieces of bounded size.

    Args:
        strips: steps rise in each.
        from_step: None is the beginning.
        combine: works step by step, as `merge_ranks` and `first_source_wins` do.
    """
    places = [0 if from_step is None else strip.find("step", from_step) for strip in strips]
    while any(place < strip.n for place, strip in zip(places, strips, strict=True)):
        ends = _window_ends(strips, places)
        parts = [strip.read(place, end) for strip, place, end in zip(strips, places, ends, strict=True)]
        yield combine(parts)
        places = ends


def _window_ends(strips: Sequence[Strip], places: list[int]) -> list[int]:
    """Where each strip ends in the next window: all at one step, none with many more points."""
    limit: int | None = None
    for strip, place in zip(strips, places, strict=True):
        if place + _WINDOW < strip.n:
            last = int(strip.read(place + _WINDOW - 1, place + _WINDOW).steps[0])
            limit = last if limit is None else min(limit, last)
    if limit is None:
        return [strip.n for strip in strips]
    return [strip.find("step", limit, right=True) for strip in strips]
