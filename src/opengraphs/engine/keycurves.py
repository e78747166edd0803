"""All that a run knows of one key: which lanes, and the series they mean.

rank → source class → branch and source → attempts → lanes. Within a branch the later leg
wins (engine.legs); at one step the source that is believed first, and of one class the writer,
then the source, whose name comes first; over ranks the mean, or the sum where a rule says so. What lies in
one lane, or in slices of lanes, is never copied. Short series that have to be computed are
kept as a column that grows with its lanes; of long ones only cells are kept, the points of
disorderly ones lie sorted in the scratch file, and they are put together a bounded piece
at a time: until then `newest` shows their newest part.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from opengraphs.engine.combined import Merge
from opengraphs.engine.curve import Curve, LaneGroup, curve_of
from opengraphs.engine.lane import Lane
from opengraphs.engine.legs import last_of_each_step, visible
from opengraphs.engine.merge import Combine, first_source_wins, merge_ranks, merge_strips
from opengraphs.engine.scratch import Scratch
from opengraphs.engine.sortedruns import SortedRuns
from opengraphs.engine.strip import Column, Points, Strip, join

COLUMN_POINTS = 1 << 18
"""Series of more points than this, all strips together, are not computed into a column."""
NEWEST_POINTS = 1 << 17
"""What `newest` puts together at most, of all strips: some 10 ms."""
_ALL = 1 << 62


class Origin(NamedTuple):
    """Where a lane's points come from; sorted, this is the order in which they count.

    source: "" for the writer's own. Two trackers may be mirrored into one journal, each at
    steps of its own: neither hides the other's.
    """

    rank: int
    source_class: int
    branch: str
    source: str
    attempt: int
    writer: str

    @property
    def series(self) -> tuple[int, int, str, str]:
        """What has points in the order they were logged: legs are cut within it."""
        return self[:4]


class _Merged:
    """Several strips combined step by step in memory, brought up to date with what is new of them."""

    def __init__(self, combine: Combine) -> None:
        self.column = Column()
        self._combine = combine
        self._strips: list[Strip] = []
        self._seen: list[int] = []

    def update(self, strips: list[Strip]) -> Column:
        """The merged column. O(what is new) where all strips are lanes that never fell."""
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
            and all(isinstance(strip, Lane) and not strip.falls for strip in strips)
            and all(now >= before for now, before in zip(counts, self._seen, strict=True))
        )

    def _first_new_step(self, strips: list[Strip], counts: list[int]) -> int | None:
        steps = [
            int(strip.read(before, before + 1).steps[0])
            for strip, now, before in zip(strips, counts, self._seen, strict=True)
            if now > before
        ]
        return min(steps) if steps else None


class _Leaves(NamedTuple):
    """The strips of a series, in which steps never fall, and which belong to what.

    layout: for each rank, for each branch, how many strips; of one branch the last counts.
    left: points that are not in them yet, `newest` of each such branch stands for it.
    """

    strips: list[Strip]
    layout: list[list[int]]
    left: int


class KeyCurves:
    """The series of one key of one run. Cheap to ask again while nothing was appended.

    Args:
        lanes: every lane of the key; lanes of one origin in the order of their points.
        add: ranks add up instead of being averaged.
        scratch: where long disorderly series are sorted.
    """

    def __init__(
        self, key: str, lanes: list[tuple[Origin, tuple[Lane, ...]]], *, add: bool, scratch: Scratch
    ) -> None:
        self.key = key
        self._lanes = sorted(lanes, key=lambda entry: entry[0])
        self._add = add
        self._scratch = scratch
        self._branches: dict[Hashable, tuple[tuple[int, ...], Strip]] = {}
        self._sorted: dict[Hashable, SortedRuns] = {}
        self._columns: dict[int | None, tuple[list[list[int]], _Merged]] = {}
        self._merges: dict[int | None, tuple[list[list[int]], Merge]] = {}
        self._unfinished: dict[int | None, int] = {}
        self._built = 0
        self.ranks = sorted({origin.rank for origin, _ in self._lanes})

    def is_of(self, lanes: list[tuple[Origin, tuple[Lane, ...]]]) -> bool:
        """Whether these are exactly the lanes it was made of."""
        return len(lanes) == len(self._lanes) and all(
            own[0] == other[0]
            and len(own[1]) == len(other[1])
            and all(a is b for a, b in zip(own[1], other[1], strict=True))
            for own, other in zip(self._lanes, sorted(lanes, key=lambda entry: entry[0]), strict=True)
        )

    @property
    def origins(self) -> list[tuple[Origin, tuple[Lane, ...]]]:
        """Its lanes by origin, those that are believed first."""
        return self._lanes

    def lanes(self) -> list[Lane]:
        return [lane for _, lanes in self._lanes for lane in lanes]

    def stored_points(self) -> int:
        """Points in all lanes, also those that others hide."""
        return sum(lane.n for lane in self.lanes())

    def mark(self) -> tuple[int, int]:
        """Differs when an answer may: points came in, or more of them were put together."""
        return self.stored_points(), self._built

    def last_time(self) -> float:
        """Epoch seconds of the newest point in any lane; 0 without points."""
        return max((lane.summary.last_time for lane in self.lanes() if lane.n), default=0.0)

    def memory_bytes(self) -> int:
        columns = [strip for _, strip in self._branches.values() if isinstance(strip, Column)]
        columns += [merged.column for _, merged in self._columns.values()]
        return (
            sum(column.memory_bytes() for column in columns)
            + sum(merge.memory_bytes() for _, merge in self._merges.values())
            + sum(runs.memory_bytes() for runs in self._sorted.values())
        )

    def forget_columns(self) -> None:
        """Let go of what can be computed again."""
        for kept in (self._branches, self._sorted, self._columns, self._merges, self._unfinished):
            kept.clear()

    # -- series ----------------------------------------------------------------------------------

    def merged(self) -> Strip:
        """The series over all ranks, by the rule of the key: all of it, however long that takes."""
        return self._series(None, _ALL)

    def of_rank(self, rank: int) -> Strip:
        """The series of one rank, empty when it never logged the key."""
        return self._series(rank, _ALL)

    def newest(self, rank: int | None = None) -> Strip:
        """The same in bounded time: while `unfinished` the newest part and what `build` put together."""
        return self._series(rank, NEWEST_POINTS)

    def at_hand(self) -> Strip | None:
        """The series over all ranks where that costs little: short, or slices, or built already."""
        if self.stored_points() <= COLUMN_POINTS or None in self._columns:
            return self.merged()
        branches = {origin.series for origin, _ in self._lanes}
        strip = curve_of(_by_attempt(self._lanes)) if len(branches) == 1 else None
        if strip is not None and strip.rises:
            return strip
        known = self._merges.get(None if len(self.ranks) > 1 else self.ranks[0])
        return self.newest() if known is not None and not known[1].left() else None

    @property
    def unfinished(self) -> int:
        """Points that `newest` left out; `build` takes them in."""
        return sum(self._unfinished.values())

    def build(self, budget: int) -> None:
        """Put together about `budget` points of what `newest` left out."""
        self._built += 1
        for rank in list(self._unfinished):
            leaves = self._leaves(self._ranks(rank), budget)
            if leaves.left:
                self._note_left(rank, leaves.left)
                return
            merge = self._merge(rank, leaves)
            merge.build(budget)
            self._note_left(rank, merge.left())
            return

    def _ranks(self, rank: int | None) -> list[int]:
        return (
            self.ranks if rank is None and len(self.ranks) > 1 else [self.ranks[0] if rank is None else rank]
        )

    def _series(self, rank: int | None, budget: int) -> Strip:
        ranks = self._ranks(rank)
        name = None if rank is None and len(ranks) > 1 else ranks[0]
        leaves = self._leaves(ranks, budget)
        if not leaves.strips:
            return Column()
        if len(leaves.strips) == 1 and leaves.strips[0].rises and not leaves.left:
            return leaves.strips[0]
        if leaves.left:
            self._note_left(name, leaves.left)
            return _newest_column(leaves, self._add)
        if sum(strip.n for strip in leaves.strips) <= COLUMN_POINTS:
            known = self._columns.get(name)
            if known is None or known[0] != leaves.layout:
                combine = _combine_of(leaves.layout, add=self._add)
                known = self._columns[name] = (leaves.layout, _Merged(combine))
            return known[1].update(leaves.strips)
        self._columns.pop(name, None)
        merge = self._merge(name, leaves)
        strip = merge.whole() if budget == _ALL else merge.newest(budget)
        self._note_left(name, merge.left())
        return strip

    def _note_left(self, name: int | None, left: int) -> None:
        if left:
            self._unfinished[name] = left
            self._built += 1  # the next answer may be another
        else:
            self._unfinished.pop(name, None)

    def _merge(self, name: int | None, leaves: _Leaves) -> Merge:
        known = self._merges.get(name)
        if known is None or known[0] != leaves.layout:
            known = self._merges[name] = (leaves.layout, Merge(_combine_of(leaves.layout, add=self._add)))
        known[1].take(leaves.strips)
        return known[1]

    def _leaves(self, ranks: list[int], budget: int) -> _Leaves:
        found = _Leaves([], [], 0)
        for rank in ranks:
            branches = sorted({origin.series for origin, _ in self._lanes if origin.rank == rank})
            sizes: list[int] = []
            for branch in branches:
                strips, left = self._of_branch(branch, budget)
                found = _Leaves(found.strips + strips, found.layout, found.left + left)
                sizes.append(len(strips))
            found.layout.append(sizes)
        return found

    def _of_branch(self, branch: tuple[int, int, str, str], budget: int) -> tuple[list[Strip], int]:
        """What writers that follow each other logged: the later leg wins. And what is left of it."""
        entries = [entry for entry in self._lanes if entry[0].series == branch]
        lanes = [lane for _, group in entries for lane in group]
        if len(lanes) == 1 and not lanes[0].falls:
            return [lanes[0]], 0
        counts = tuple(lane.n for lane in lanes)
        known = self._branches.get(branch)
        if known is not None and known[0] == counts:
            return [known[1]], 0
        groups = _by_attempt(entries)
        strip = curve_of(groups)
        if strip is None and sum(counts) > COLUMN_POINTS:
            self._branches.pop(branch, None)
            runs = self._sorted.setdefault(branch, SortedRuns(self._scratch))
            left = runs.update(groups, budget)
            return ([_column_of(runs.newest())] if left else runs.strips()), left
        strip = strip or _computed(groups)
        if isinstance(strip, Curve) and known is not None and _is_same(strip, known[1]):
            strip = known[1]
        self._branches[branch] = (counts, strip)
        return [strip], 0


def _by_attempt(entries: Sequence[tuple[Origin, tuple[Lane, ...]]]) -> list[LaneGroup]:
    attempts = sorted({origin.attempt for origin, _ in entries})
    return [
        LaneGroup(
            attempt,
            tuple(lane for origin, group in entries if origin.attempt == attempt for lane in group),
        )
        for attempt in attempts
    ]


def _is_same(strip: Curve, known: Strip) -> bool:
    return isinstance(known, Curve) and known.slices == strip.slices and known.rises == strip.rises


def _combine_of(layout: Sequence[Sequence[int]], *, add: bool) -> Combine:
    """What makes one series of the strips of ranks, of branches, of sorted runs."""

    def combine(parts: Sequence[Points]) -> Points:
        left = iter(parts)
        ranks = []
        for sizes in layout:
            branches = [last_of_each_step(join([next(left) for _ in range(size)])) for size in sizes]
            ranks.append(first_source_wins(branches))
        return merge_ranks(ranks, add=add)

    return combine


def _newest_column(leaves: _Leaves, add: bool) -> Column:
    """The end of a series of which a branch is still being sorted."""
    parts = [
        strip.read(max(0, strip.n - NEWEST_POINTS // len(leaves.strips)), strip.n) for strip in leaves.strips
    ]
    return _column_of(_combine_of(leaves.layout, add=add)(parts))


def _column_of(points: Points) -> Column:
    column = Column()
    column.extend(points)
    return column


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
    return _column_of(visible(join(parts), attempts))
