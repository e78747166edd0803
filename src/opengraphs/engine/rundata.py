"""The numbers of one run: its journals, followed and kept in lanes.

Opened when somebody asks about the run or while it lives; everything it holds is in the
index too (or can be read again), so it can be let go at any time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from opengraphs.engine import richer, rules
from opengraphs.engine.chunkcache import ChunkCache
from opengraphs.engine.index import Index
from opengraphs.engine.journal import METRICS, SYSTEM, Journal
from opengraphs.engine.keycurves import KeyCurves, Origin
from opengraphs.engine.lane import Lane
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder
from opengraphs.store.watch import JournalWatch

FIRST_LOOK_BYTES = 4 << 20
"""A run with more than this unread is first looked at from its end: about 0.03 s of decoding."""
_LEAST_AHEAD_BYTES = 256 << 10
COMMIT_POINTS = 50_000
"""Points that may wait in memory for a commit while a backlog is read: about 10 ms of it."""
POLL_BYTES = 1 << 20
BUILD_POINTS = 1 << 17
"""Of a long curve of many ranks, so many points of them are put together at a time: some 8 ms."""


_PRINTED = rules.SOURCE_CLASSES.index("stdout")


class Poll(NamedTuple):
    """What one look brought. points: of all kinds, system_points among them. keys: last step
    of each metric that grew and is shown. reset: points were dropped, so what was drawn of them is void."""

    points: int
    system_points: int
    keys: dict[str, int]
    reset: bool


class RunData:
    """Journals, lanes and curves of one run.

    Methods may raise OSError (the run folder cannot be read) and IndexDoubtError.

    Attributes:
        asked_s: `time.monotonic()` of the last question about it; 0: nobody asked yet.
        version: rises whenever points came in or were dropped.
        is_void: a commit broke off; open the run anew.
    """

    def __init__(
        self, folder: RunFolder, index: Index, cache: ChunkCache, fds: FdPool, *, reopen: bool = False
    ) -> None:
        self.folder = folder
        self.asked_s = 0.0
        self.version = 0
        self.is_void = False
        self._index = index
        self._cache = cache
        self._watches = {
            METRICS: JournalWatch(folder.metrics, fds, reopen=reopen),
            SYSTEM: JournalWatch(folder.system, fds, reopen=reopen),
        }
        self._journals: dict[tuple[str, str], Journal] = {}
        self._curves: dict[str, KeyCurves] = {}
        self._is_arranged = False
        self._hidden: set[str] = set()
        self._lane_count = 0
        self._memory: int | None = None
        self._open()

    # -- opening -----------------------------------------------------------------------------

    def _open(self) -> None:
        for watch in self._watches.values():
            watch.refresh()
        self._add_journals()
        rows = {(row.kind, row.name): row for row in self._index.writers(self.folder.run_id)}
        stale = [
            key
            for key, journal in self._journals.items()
            if key in rows and not journal.load(rows[key], self._index)
        ]
        vanished = [row for key, row in rows.items() if key not in self._journals]
        if stale or vanished:
            with self._index.transaction():
                for key in stale:
                    self._journals[key].forget(self._index)
                for row in vanished:
                    self._index.drop_writer(row.id)
        self._look_ahead()

    def _add_journals(self) -> None:
        for kind, watch in self._watches.items():
            for name, tail in watch.tails.items():
                if (kind, name) not in self._journals:
                    self._journals[(kind, name)] = Journal(kind, tail, self._cache)

    def _look_ahead(self) -> None:
        """Give long unread journals a reader near their end."""
        left = {key: journal.left_bytes()[0] for key, journal in self._journals.items()}
        if sum(left.values()) <= FIRST_LOOK_BYTES:
            return
        share = max(_LEAST_AHEAD_BYTES, FIRST_LOOK_BYTES // max(1, len(self._journals)))
        for key, bytes_left in left.items():
            if bytes_left > share:
                self._journals[key].look_ahead(share)

    # -- reading -----------------------------------------------------------------------------

    def poll(self, *, max_bytes: int = POLL_BYTES, final: bool = False) -> Poll:
        """Read what was appended, up to about `max_bytes`.

        Args:
            final: no writer is alive, so holes of NULs are damage.
        """
        reset = self._refresh_files()
        points, system_points, used, keys = 0, 0, 0, dict[str, int]()
        for (kind, _), journal in self._journals.items():
            while used < max_bytes and journal.has_news(final=final):
                grown = journal.read_new(final=final)
                if grown is None:
                    break
                used += grown.size_bytes
                points += grown.points
                if kind == METRICS:
                    keys.update(grown.keys)
                else:
                    system_points += grown.points
        if points or reset:
            self._changed(rearranged=reset)
        if keys and self._has_printed():
            self.curves()  # what gives way is told of by no event, not even at first
        for key in self._hidden.intersection(keys):
            del keys[key]
        return Poll(points, system_points, keys, reset)

    def _has_printed(self) -> bool:
        return any(
            kind == METRICS and rules.source_class(None, name) == _PRINTED for kind, name in self._journals
        )

    def _refresh_files(self) -> bool:
        """Take in new journals and let go of removed ones; True when points were dropped."""
        dropped = False
        for kind, watch in self._watches.items():
            added, gone = watch.refresh()
            if added:
                self._add_journals()
            for name in gone:
                dropped = True
                self._drop(kind, name)
        return dropped

    def _drop(self, kind: str, name: str) -> None:
        journal = self._journals.pop((kind, name))
        with self._index.transaction():
            journal.forget(self._index)

    def verify(self) -> bool:
        """Look whether the files are still those that were read; True when some were not.

        Those are read again from the start by the polls that follow.
        """
        lost = [key for key, journal in self._journals.items() if not journal.verify()]
        if not lost:
            return False
        with self._index.transaction():
            for key in lost:
                self._journals[key].forget(self._index)
        self._look_ahead()
        self._changed(rearranged=True)
        return True

    def ingest_behind(self, deadline_s: float, *, final: bool = False) -> bool:
        """Read on, oldest part first, until the time is up; True while there is more.

        At least one piece is read, or what waits is committed: a commit takes as long as
        a piece or two, so it comes first and the time is looked at after it.
        """
        if self.unsaved_points() > COMMIT_POINTS:
            self.commit()
            if time.monotonic() > deadline_s:
                return True
        for journal in self._unfinished(final=final):
            while True:
                was_behind = journal.is_behind
                grown = journal.read_behind() if was_behind else journal.read_new(final=final)
                if grown is None and was_behind and journal.is_behind:
                    return True  # the file is not what it was: `verify` will find out
                if grown is not None or was_behind:
                    self._changed(rearranged=was_behind)
                if grown is None and not was_behind:
                    break
                if time.monotonic() > deadline_s:
                    return True
                if self.unsaved_points() > COMMIT_POINTS:
                    self.commit()
        return self._build_curves(deadline_s)

    def _build_curves(self, deadline_s: float) -> bool:
        """Put together what answers left out of long curves; True while there is more."""
        for curve in self._long_curves():
            while curve.unfinished:
                curve.build(BUILD_POINTS)
                self._memory = None
                if time.monotonic() > deadline_s:
                    return True
        return False

    def _long_curves(self) -> list[KeyCurves]:
        return [curve for curve in self._curves.values() if curve.unfinished] if self._is_arranged else []

    def _unfinished(self, *, final: bool) -> Iterator[Journal]:
        yield from (journal for journal in self._journals.values() if journal.is_behind)
        yield from (journal for journal in self._journals.values() if journal.has_news(final=final))

    def left_bytes(self) -> int:
        """Bytes of its journals still to be read."""
        return sum(journal.left_bytes()[0] for journal in self._journals.values())

    def is_followed(self) -> bool:
        """Whether one poll reads all that is unread, and no curve waits to be put together."""
        if any(journal.is_behind for journal in self._journals.values()) or self._long_curves():
            return False
        return self.left_bytes() <= POLL_BYTES

    def pending(self) -> float:
        """Fraction of the journals' bytes still to be read, or of the points of curves that were
        asked for and have still to be put together; 0 when all is there."""
        if not any(journal.is_behind or journal.tail.peek() for journal in self._journals.values()):
            long = self._long_curves()
            left = sum(curve.unfinished for curve in long)
            return min(1.0, left / sum(curve.stored_points() for curve in long)) if left else 0.0
        sizes = [journal.left_bytes() for journal in self._journals.values()]
        left, total = sum(size[0] for size in sizes), sum(size[1] for size in sizes)
        return left / total if total else 0.0

    def unread(self, x: str) -> tuple[float, float] | None:
        """Between which values of axis `x` points of every long journal are still to be read; None for none.

        Of several journals it is the stretch that all of them lack. An axis of metric values has no such stretch.
        """
        if x not in ("step", "time", "relative"):
            return None
        ends = [gap for journal in self._journals.values() if (gap := journal.unread()) is not None]
        if not ends:
            return None
        at, base = (0, 0.0) if x == "step" else (1, self.first_time() if x == "relative" else 0.0)
        low, high = max(gap[0][at] for gap in ends) - base, min(gap[1][at] for gap in ends) - base
        return (low, high) if low < high else None

    # -- keeping -----------------------------------------------------------------------------

    def unsaved_points(self) -> int:
        return sum(journal.unsaved_points for journal in self._journals.values())

    def commit(self, *, seal: bool = False) -> bool:
        """Bring what main readers have into the index; True when there was anything."""
        changed = [journal for journal in self._journals.values() if journal.is_changed]
        if not changed:
            return False
        try:
            with self._index.transaction():
                for journal in changed:
                    journal.save(self._index, self.folder.run_id, seal=seal)
        except OSError:
            self.is_void = True  # lanes have numbers now that the index does not know
            raise
        for journal in changed:
            journal.saved()
        self._memory = None
        return True

    def release(self, *, most: int = 0) -> None:
        """Let go of memory that the index can give back (commit first).

        Args:
            most: what may stay, in bytes: curves that were put together stay where they fit in,
                for they would have to be begun again.
        """
        for journal in self._journals.values():
            journal.release()
        self._memory = None
        if self.memory_bytes() > most:
            for curves in self._curves.values():
                curves.forget_columns()
            self._memory = None

    def asked(self) -> None:
        """Somebody asks about it now, and may make it hold more."""
        self.asked_s = time.monotonic()
        self._memory = None

    def memory_bytes(self) -> int:
        """Counted anew only after something that can have changed it."""
        if self._memory is None:
            curves = sum(curve.memory_bytes() for curve in self._curves.values())
            self._memory = curves + sum(journal.memory_bytes() for journal in self._journals.values())
        return self._memory

    # -- what there is -----------------------------------------------------------------------

    def journals(self, kind: str = METRICS) -> list[Journal]:
        """Journals of a kind in the order of their names."""
        return [journal for (own, _), journal in sorted(self._journals.items()) if own == kind]

    def all_journals(self) -> list[Journal]:
        """Journals of both kinds."""
        return [journal for _, journal in sorted(self._journals.items())]

    def _changed(self, *, rearranged: bool = False) -> None:
        self.version += 1
        self._memory = None
        count = sum(journal.lane_count() for journal in self._journals.values())
        if count != self._lane_count or rearranged:
            self._lane_count = count
            self._is_arranged = False

    def curves(self) -> dict[str, KeyCurves]:
        """The metrics of the run by key."""
        if not self._is_arranged:
            self._curves = self._arrange()
            self._is_arranged = True
        return self._curves

    def _arrange(self) -> dict[str, KeyCurves]:
        found: dict[str, list[tuple[Origin, tuple[Lane, ...]]]] = {}
        for journal in self.journals():
            attempt, own_rank, branch = journal.writer
            for lanes in journal.lanes():
                lane = lanes[0]
                rank = own_rank if lane.rank is None else lane.rank
                source_class = rules.source_class(lane.source, journal.name)
                source = "" if lane.source == rules.SOURCE_CLASSES[0] else lane.source or ""
                origin = Origin(rank, source_class, branch, source, attempt, journal.name)
                found.setdefault(lane.key, []).append((origin, lanes))
        self._leave_out_printed(found)
        return {
            key: KeyCurves(
                key, self._newest_only(lanes), add=rules.is_summed(key), scratch=self._index.scratch
            )
            for key, lanes in sorted(found.items())
        }

    def _leave_out_printed(self, found: dict[str, list[tuple[Origin, tuple[Lane, ...]]]]) -> None:
        """Drop what was read off the output of measures that a better source of the run has (docs/adr/0027)."""
        is_printed = {
            key: [origin.source_class == _PRINTED for origin, _ in lanes] for key, lanes in found.items()
        }
        printed = [key for key, flags in is_printed.items() if any(flags)]
        logged = [key for key, flags in is_printed.items() if not all(flags)]
        self._hidden = set()
        for key in richer.hidden(printed, logged):
            found[key] = [entry for entry in found[key] if entry[0].source_class != _PRINTED]
            if not found[key]:
                del found[key]
                self._hidden.add(key)

    @staticmethod
    def _newest_only(lanes: list[tuple[Origin, tuple[Lane, ...]]]) -> list[tuple[Origin, tuple[Lane, ...]]]:
        """While several origins must be merged and are still being read, only their newest parts.

        Merging half-read journals anew with every piece would cost more than reading them.
        """
        if len(lanes) == 1 or all(len(parts) == 1 for _, parts in lanes):
            return lanes
        return [(origin, parts[-1:]) for origin, parts in lanes]

    def bad_lines(self) -> int:
        """Complete lines that mean nothing, over all journals."""
        return sum(journal.bad_count for journal in self._journals.values())

    def system_lanes(self) -> dict[tuple[str, str], Lane]:
        """System metrics by (host, key); a journal's name is its host."""
        return {
            (journal.name, lanes[-1].key): lanes[-1]
            for journal in self.journals(SYSTEM)
            for lanes in journal.lanes()
        }

    def first_time(self) -> float:
        """Epoch seconds of the run's first point: of the earliest first line; 0 while there is none."""
        times = [journal.first_time() for journal in self.journals()]
        return min((when for when in times if when is not None), default=0.0)
