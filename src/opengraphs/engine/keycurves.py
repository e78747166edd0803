"""All that a run knows of one key: which lanes, and the series they mean.

rank → source class → branch → attempts → lanes. Within a branch the later leg wins
(engine.legs); at one step the source that is believed first, and of one source the writer
whose name comes first; over ranks the mean, or the sum where a rule says so. Long series stay slices of lanes; what has to be computed is kept as a column and grows
with its lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from opengraphs.engine.curve import LaneGroup, curve_of
from opengraphs.engine.lane import Lane
from opengraphs.engine.legs import visible
from opengraphs.engine.merge import first_source_wins, merge_ranks, merge_strips
from opengraphs.engine.strip import Column, Points, Strip, join

Combine = Callable[[Sequence[Points]], Points]


class Origin(NamedTuple):
    """Where a lane's points come from; sorted, this is the order in which they count."""

    rank: int
    source_class: int
    branch: str
    attempt: int
    writer: str


class _Merged:
    """Several strips combined step by step, brought up to date with what is new of them."""

    def __init__(self, combine: Combine) -> None:
        self.column = Column()
        self._combine = combine
        self._strips: list[Strip] = []
        self._seen: list[int] = []

    def update(self, strips: list[Strip]) -> Column:
        """The merged column. O(what is new) where all strips are lanes that only rose."""
        counts = [strip.n for strip in strips]
        if self._grows(strips, counts):
            start = self._first_new_step(strips, counts)
            if start is None:
                return self.column
            self.column.cut(self.column.find("step", start))
        else:
            start, self.column = None, Column()
        for piece in merge_strips(strips, start, self._combine):
            self.column.extend(piece)
        self._strips, self._seen = strips, counts
        return self.column

    def _grows(self, strips: list[Strip], counts: list[int]) -> bool:
        same = len(strips) == len(self._strips) and all(
            now is before for now, before in zip(strips, self._strips, strict=True)
        )
        return (
            same
            and all(isinstance(strip, Lane) and strip.rises for strip in strips)
            and all(now >= before for now, before in zip(counts, self._seen, strict=True))
        )

    def _first_new_step(self, strips: list[Strip], counts: list[int]) -> int | None:
        steps = [
            int(strip.read(before, before + 1).steps[0])
            for strip, now, before in zip(strips, counts, self._seen, strict=True)
            if now > before
        ]
        return min(steps) if steps else None


class KeyCurves:
    """The series of one key of one run. Cheap to ask again while nothing was appended.

    Args:
        lanes: every lane of the key; lanes of one origin in the order of their points.
        add: ranks add up instead of being averaged.
    """

    def __init__(self, key: str, lanes: list[tuple[Origin, tuple[Lane, ...]]], *, add: bool) -> None:
        self.key = key
        self._lanes = sorted(lanes, key=lambda entry: entry[0])
        self._combine_ranks: Combine = lambda ranks: merge_ranks(ranks, add=add)
        self._columns: dict[object, tuple[tuple[int, ...], Strip]] = {}
        self._merged: dict[object, _Merged] = {}
        self.ranks = sorted({origin.rank for origin, _ in self._lanes})

    def is_of(self, lanes: list[tuple[Origin, tuple[Lane, ...]]]) -> bool:
        """Whether these are exactly the lanes it was made of."""
        return len(lanes) == len(self._lanes) and all(
            own[0] == other[0]
            and len(own[1]) == len(other[1])
            and all(a is b for a, b in zip(own[1], other[1], strict=True))
            for own, other in zip(self._lanes, sorted(lanes, key=lambda entry: entry[0]), strict=True)
        )

    def lanes(self) -> list[Lane]:
        return [lane for _, lanes in self._lanes for lane in lanes]

    def stored_points(self) -> int:
        """Points in all lanes, also those that others hide."""
        return sum(lane.n for lane in self.lanes())

    def last_time(self) -> float:
        """Epoch seconds of the newest point in any lane; 0 without points."""
        return max((lane.summary.last_time for lane in self.lanes() if lane.n), default=0.0)

    def memory_bytes(self) -> int:
        columns = [strip for _, strip in self._columns.values() if isinstance(strip, Column)]
        return sum(column.memory_bytes() for column in (*columns, *(m.column for m in self._merged.values())))

    def forget_columns(self) -> None:
        """Let go of what can be computed again."""
        self._columns.clear()
        self._merged.clear()

    def merged(self) -> Strip:
        """The series over all ranks, by the rule of the key."""
        if len(self.ranks) == 1:
            return self.of_rank(self.ranks[0])
        merged = self._merged.setdefault("ranks", _Merged(self._combine_ranks))
        return merged.update([self.of_rank(rank) for rank in self.ranks])

    def of_rank(self, rank: int) -> Strip:
        """The series of one rank, empty when it never logged the key."""
        branches = sorted({origin[:3] for origin, _ in self._lanes if origin.rank == rank})
        strips = [self._of_branch(branch) for branch in branches]
        if not strips:
            return Column()
        if len(strips) == 1:
            return strips[0]
        return self._merged.setdefault(rank, _Merged(first_source_wins)).update(strips)

    def _of_branch(self, branch: tuple[int, int, str]) -> Strip:
        """What writers that follow each other logged: the later leg wins."""
        entries = [entry for entry in self._lanes if entry[0][:3] == branch]
        lanes = [lane for _, group in entries for lane in group]
        if len(lanes) == 1 and lanes[0].rises:
            return lanes[0]
        counts = tuple(lane.n for lane in lanes)
        known = self._columns.get(branch)
        if known is not None and known[0] == counts:
            return known[1]
        attempts = sorted({origin.attempt for origin, _ in entries})
        groups = [
            LaneGroup(
                attempt,
                tuple(lane for origin, group in entries if origin.attempt == attempt for lane in group),
            )
            for attempt in attempts
        ]
        strip = curve_of(groups) or _computed(groups)
        self._columns[branch] = (counts, strip)
        return strip


def _computed(groups: list[LaneGroup]) -> Column:
    """The visible series from all points, where slices cannot tell it."""
    parts: list[Points] = []
    attempts: list[int] = []
    total = 0
    for group in groups:
        attempts.append(total)
        for lane in group.lanes:
            parts.append(lane.read(0, lane.n))
            total += lane.n
    column = Column()
    column.extend(visible(join(parts), attempts))
    return column
