"""What a run logged since one last looked, point by point: what alerts are made of.

    lanes that are believed ─ from the cursor on ─ in order of time ─ Fed

A feed looks at each lane's length and reads only those that grew. Of most metrics an alert
needs no more than whether a value was no number: those are fed their odd points alone, which
the lane's summary knows. Nothing is fed of a journal whose beginning is still unread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from opengraphs.engine.cells import Floats
from opengraphs.engine.keycurves import KeyCurves
from opengraphs.engine.lane import Lane
from opengraphs.engine.rundata import RunData
from opengraphs.engine.strip import Points

MOST_POINTS = 20_000
Cursor = dict[str, tuple[int, int]]
"""By lane: how many points were fed, and how many of them were not finite."""
_NEVER = math.inf
_time = itemgetter(0)


class Fed(NamedTuple):
    """One point. time: epoch seconds. rank: who logged it."""

    key: str
    rank: int
    step: int
    time: float
    value: float


class _Spot:
    """One lane and how far it was fed."""

    __slots__ = ("key", "lane", "name", "odd", "rank", "seen", "whole")

    def __init__(self, name: str, key: str, rank: int, lane: Lane, *, whole: bool) -> None:
        self.name = name
        self.key = key
        self.rank = rank
        self.lane = lane
        self.whole = whole
        self.seen = 0
        self.odd = 0


class _Part(NamedTuple):
    """A stretch of a lane from point `first` on. times never fall; is_cut: the lane has more."""

    spot: _Spot
    first: int
    points: Points
    times: Floats
    is_cut: bool


class _Plan:
    """The lanes that are followed, and where the cursor stands in each."""

    def __init__(self, cursor: Cursor, most_points: int | None) -> None:
        self.cursor = cursor
        self._most_points = most_points
        self.spots: list[_Spot] = []
        """Those that are fed whole; `rest`: those of which only odd points are."""
        self.rest: list[_Spot] = []
        self.made_for: object = None

    def arrange(self, made_for: object, spots: list[_Spot]) -> None:
        self.keep()
        self.spots = [spot for spot in spots if spot.whole]
        self.rest = [spot for spot in spots if not spot.whole]
        self.made_for = made_for
        for spot in spots:
            spot.seen, spot.odd = self.cursor.get(spot.name, (0, 0))
            if spot.seen > spot.lane.n:  # the journal was replaced
                spot.seen = spot.odd = 0

    def keep(self) -> None:
        for spot in (*self.spots, *self.rest):
            self.cursor[spot.name] = (spot.seen, spot.odd)

    def take(self, most: int, *, odd: bool) -> list[Fed]:
        """What is new. odd: some of it may not be finite."""
        timed: list[tuple[float, Fed]] = []
        parts = [_next_part(spot, most, self._most_points) for spot in self.spots if spot.lane.n != spot.seen]
        if odd:
            for spot in self.rest:
                if spot.lane.n != spot.seen:
                    timed += _odd(spot)
        until = min((float(part.times[-1]) for part in parts if part.is_cut), default=_NEVER)
        for part in parts:
            timed += _points_until(part, until)
        timed.sort(key=_time)
        return [point for _, point in timed]


class RunFeed:
    """Where one reader of a run stands.

    Args:
        wants_all: whether every point of a key is wanted, or only those that are not finite.
        cursor: as `cursor()` gave it, for who goes on after a restart.
        most_points: of a lane that nobody followed, the newest so many count; None: all.
    """

    def __init__(
        self,
        wants_all: Callable[[str], bool],
        cursor: Cursor | None = None,
        *,
        most_points: int | None = MOST_POINTS,
    ) -> None:
        self._wants_all = wants_all
        known = dict(cursor or {})
        self._metrics, self._system = _Plan(known, most_points), _Plan(known, most_points)
        self._odd_pieces = -1

    def cursor(self) -> Cursor:
        """Where it stands, as plain values."""
        self._metrics.keep()
        self._system.keep()
        return dict(self._metrics.cursor)

    def ranks(self) -> dict[str, tuple[int, ...]]:
        """The keys that are followed whole, each with its ranks."""
        found: dict[str, list[int]] = {}
        for spot in self._metrics.spots:
            found.setdefault(spot.key, []).append(spot.rank)
        return {key: tuple(dict.fromkeys(ranks)) for key, ranks in found.items()}

    def take(self, data: RunData, *, most: int = 5000) -> list[Fed]:
        """What is new, in order of time, about `most` points a lane; ask again while there is any.

        Where lanes have different densities they are cut at one moment, so that a loss is
        never judged before the learning rate that goes with it.
        """
        if any(journal.is_behind for journal in data.journals()):
            return []
        curves = data.curves()
        if curves is not self._metrics.made_for:
            spots = [
                spot
                for key, curve in curves.items()
                for spot in _spots(key, curve, whole=self._wants_all(key))
            ]
            self._metrics.arrange(curves, spots)
            self._odd_pieces = -1
        pieces = sum(journal.odd_pieces for journal in data.journals())
        odd, self._odd_pieces = pieces != self._odd_pieces, pieces
        return self._metrics.take(most, odd=odd)

    def take_system(self, data: RunData, *, most: int = 5000) -> list[Fed]:
        """The same of what was sampled of machines; `rank` counts who sampled, in order of their names."""
        lanes = data.system_lanes()
        if self._system.made_for != len(lanes):
            hosts = {host: number for number, host in enumerate(sorted({host for host, _ in lanes}))}
            spots = [
                _Spot(f"system\t{host}\t{key}", key, hosts[host], lane, whole=True)
                for (host, key), lane in lanes.items()
                if self._wants_all(key)
            ]
            self._system.arrange(len(lanes), spots)
        return self._system.take(most, odd=False)


def _spots(key: str, curve: KeyCurves, *, whole: bool) -> list[_Spot]:
    """The lanes that are believed: of each rank the best source."""
    found: list[_Spot] = []
    for rank in curve.ranks:
        own = [(origin, lanes) for origin, lanes in curve.origins if origin.rank == rank]
        best = own[0][0].series
        for origin, lanes in own:
            if origin.series == best:
                name = "\t".join((key, str(rank), origin.writer, origin.source))
                found.append(_Spot(name, key, rank, lanes[-1], whole=whole))
    return found


def _next_part(spot: _Spot, most: int, most_points: int | None) -> _Part:
    """What a lane has that was not fed, `most` points at most."""
    first = spot.seen if most_points is None else max(spot.seen, spot.lane.n - most_points)
    points = spot.lane.read(first, min(spot.lane.n, first + most))
    return _Part(spot, first, points, np.maximum.accumulate(points.times), first + most < spot.lane.n)


def _points_until(part: _Part, until: float) -> Iterator[tuple[float, Fed]]:
    """Those of a part that were logged by `until`, at least one: they count as fed."""
    spot, points, times = part.spot, part.points, part.times
    count = len(times) if until == _NEVER else max(1, int(np.searchsorted(times, until, "right")))
    spot.seen = part.first + count
    key, rank = spot.key, spot.rank
    columns = (times, *points)
    for when, *point in zip(*(column[:count].tolist() for column in columns), strict=True):
        yield when, Fed(key, rank, *point)


def _odd(spot: _Spot) -> list[tuple[float, Fed]]:
    """The points that are not finite, as many of the newest as came in; none of what never was a number."""
    summary = spot.lane.summary
    odd = summary.nan + summary.inf
    new = min(odd - spot.odd, len(summary.odd))
    spot.seen, spot.odd = spot.lane.n, odd
    newest = summary.odd[-new:] if new > 0 and summary.finite else []
    return [(when, Fed(spot.key, spot.rank, step, when, math.nan)) for step, when in newest]
