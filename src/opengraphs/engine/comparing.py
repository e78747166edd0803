"""Questions about several runs at once: compare, group, diff.

Each is answered in slices (`engine.sliced`), so that one of hundreds of runs does not keep
others waiting; `compare` and its like do all of it in one go. Between two slices no strip is
held: a run may be let go meanwhile, and is opened again when its turn comes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opengraphs.engine import answer, compare, diff, group, groupgrid, listing, seriesquery
from opengraphs.engine.answers import Answers
from opengraphs.engine.catalog import Entry
from opengraphs.engine.compare import CompareAsked, Standing
from opengraphs.engine.diff import DiffAsked
from opengraphs.engine.group import GroupAsked, Members
from opengraphs.engine.keycurves import KeyCurves
from opengraphs.engine.rundata import FIRST_LOOK_BYTES, RunData
from opengraphs.engine.sliced import Sliced, Steps
from opengraphs.engine.strip import Strip
from opengraphs.errors import UsageError
from opengraphs.sdk import layout
from opengraphs.store import bundle

FIRST_LOOKS_S = 0.2
"""How long one question may read runs that nobody has read yet; the others are pending."""
_RUNS_A_BREATH = 128


class _Series(NamedTuple):
    """A run's merged series of one metric; None where it has no point. zero_s: its first point's time."""

    strip: Strip | None
    zero_s: float


class _Reading:
    """What one question has read so far: a time for first looks, and what is still to come."""

    def __init__(self) -> None:
        self.left_s = FIRST_LOOKS_S
        self.seen: set[str] = set()
        self.pending: dict[str, float] = {}
        self.known: dict[str, None] = {}
        self.may_turn_up = False


class Comparisons(Answers):
    """What runs have in common and what not. Everything returned is plain and ready to be encoded."""

    def compare(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One metric of up to 50 runs side by side: protocol `CompareRequest` → `CompareReply`.

        Raises:
            UsageError: a field of the request is wrong.
            NotFoundError: a run or the metric is unknown; the hint names the nearest.
        """
        return self.compare_sliced(request).answer()

    def compare_sliced(self, request: Mapping[str, Any]) -> Sliced:
        """The same, a slice at a time."""
        asked = compare.parse_request(request)
        run_ids = self._resolved(asked.run_ids)
        return Sliced(lambda: self._compare(asked, run_ids), self._try)

    def group(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Mean, p50 and p95 of groups of runs: protocol `GroupRequest` → `GroupReply`.

        Raises:
            UsageError: a field of the request is wrong, or too many runs or groups.
            NotFoundError: a run, the metric or what to group by is unknown.
        """
        return self.group_sliced(request).answer()

    def group_sliced(self, request: Mapping[str, Any]) -> Sliced:
        """The same, a slice at a time."""
        asked = group.parse_request(request)
        members = self._group_members(asked)
        return Sliced(lambda: self._group(asked, members), self._try)

    def diff(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What is different about 2 to 16 runs, and did it help: protocol `DiffRequest` → `DiffReply`.

        Raises:
            UsageError: a field of the request is wrong, or the runs are one and the same.
            NotFoundError: a run or a metric is unknown; the hint names the nearest.
        """
        return self.diff_sliced(request).answer()

    def diff_sliced(self, request: Mapping[str, Any]) -> Sliced:
        """The same, a slice at a time."""
        asked = diff.parse_request(request)
        run_ids = self._resolved(asked.run_ids)
        if len(run_ids) < diff.LEAST_RUNS:
            raise UsageError(
                f"{' and '.join(asked.run_ids)} are the same run", hint="name two different runs"
            )
        return Sliced(lambda: self._diff(asked, run_ids), self._try)

    # -- what they share ---------------------------------------------------------------------

    def _resolved(self, refs: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(map(self.resolve, refs)))

    def _series(self, entry: Entry, metric: str, reading: _Reading) -> _Series:
        """What is at hand of a metric of a run; what is left out of it is pending."""
        with self._reading(entry):
            data = self._seen(entry, reading)
            curve = data.curves().get(metric)
            strip = curve.newest() if curve is not None else None
            if curve is not None and curve.unfinished:
                reading.pending[entry.run_id] = data.pending()
            return _Series(strip if strip is not None and strip.n else None, data.first_time())

    def _curves_of(self, entry: Entry, reading: _Reading) -> Mapping[str, KeyCurves]:
        with self._reading(entry):
            return self._seen(entry, reading).curves()

    def _seen(self, entry: Entry, reading: _Reading) -> RunData:
        """A run's data; one that nobody has read yet is looked at while there is time for it."""
        is_first = self._runs.find(entry.run_id) is None
        data = self._open_data(entry)
        if is_first or entry.run_id not in reading.seen:
            self._look(entry, data, reading, is_first=is_first)
        return data

    def _look(self, entry: Entry, data: RunData, reading: _Reading, *, is_first: bool) -> None:
        """Read what is new of a run, and note what is known of it now."""
        began = time.monotonic()
        if is_first or not entry.is_live:  # an open live run is read by `poll`, which also tells of it
            self._read_some(entry, data, reading.left_s)
        if is_first:
            reading.left_s -= time.monotonic() - began
        pending = data.pending()
        reading.seen.add(entry.run_id)
        if len(reading.seen) % _RUNS_A_BREATH == 0 and self._runs.is_over_budget():
            self._runs.evict(set(self._catalog.live()))
        reading.pending.pop(entry.run_id, None)
        if pending > 0.0:
            reading.pending[entry.run_id] = pending
        reading.known.update(dict.fromkeys(data.curves()))
        reading.may_turn_up = reading.may_turn_up or entry.is_live or pending > 0.0

    @staticmethod
    def _read_some(entry: Entry, data: RunData, left_s: float) -> None:
        if left_s > 0.0 or data.pending() == 0.0:
            data.poll(max_bytes=2 * FIRST_LOOK_BYTES, final=not entry.is_live)

    def _entries_of(self, run_ids: Sequence[str]) -> list[Entry]:
        """Those that are still there: a run may be removed between two slices."""
        return [self._catalog.entries[run_id] for run_id in run_ids if run_id in self._catalog.entries]

    # -- compare -----------------------------------------------------------------------------

    def _compare(self, asked: CompareAsked, run_ids: Sequence[str]) -> Steps:
        reading = _Reading()
        rows: dict[str, dict[str, Any]] = {}
        standings: dict[str, Standing | None] = {}
        for entry in self._entries_of(run_ids):
            rows[entry.run_id], standings[entry.run_id] = self._compared(entry, asked, reading)
            yield
        if not any(standings.values()) and not reading.may_turn_up:
            raise seriesquery.unknown_metric(asked.metric, reading.known)
        entries = self._entries_of(list(rows))
        strips: list[Strip] = []
        for entry in entries:
            strip = self._series(entry, asked.metric, reading).strip if standings[entry.run_id] else None
            if strip is not None:
                strips.append(strip)
            else:  # its points may also have gone since its row was made
                standings[entry.run_id] = None
        answered = [entry.run_id for entry in entries]
        found = compare.reply(
            asked,
            [rows[run_id] for run_id in answered],
            [standings[run_id] for run_id in answered],
            compare.common_step(strips),
        )
        return {"schema": layout.SCHEMA, **found, "pending": reading.pending}

    def _compared(
        self, entry: Entry, asked: CompareAsked, reading: _Reading
    ) -> tuple[dict[str, Any], Standing | None]:
        strip, zero_s = self._series(entry, asked.metric, reading)
        curves: list[dict[str, Any]] = []
        if strip is not None:
            label = answer.Label(entry.run_id, asked.metric, None)
            smoothing = [asked.smoothing] if asked.smoothing is not None else []
            curves = answer.curves(strip, asked.question(zero_s), label, smoothing)
        row = {
            **_identity(entry),
            "missing": strip is None,
            "series": curves[0] if curves else None,
            "smoothed": curves[1] if len(curves) > 1 else None,
        }
        return row, compare.standing_of(strip, asked.better) if strip is not None else None

    # -- group -------------------------------------------------------------------------------

    def _group_members(self, asked: GroupAsked) -> Members:
        entries = self._catalog.entries
        if asked.run_ids is not None:
            run_ids = self._resolved(asked.run_ids)
        else:
            if listing.needs_summaries(asked.where, ""):
                self._note_digests()
            chosen, _ = listing.select(entries.values(), where=asked.where, about=self)
            run_ids = sorted(entry.run_id for entry in chosen)
        if len(run_ids) > group.MAX_RUNS:
            raise UsageError(
                f"{len(run_ids)} runs fit; at most {group.MAX_RUNS} are grouped at once",
                hint="narrow them with filter, such as project:x or created<2w",
            )
        return group.sort_into(asked, {run_id: entries[run_id].facts for run_id in run_ids})

    def _group(self, asked: GroupAsked, members: Members) -> Steps:
        reading = _Reading()
        run_ids = list(dict.fromkeys(run_id for _, group_ids in members.groups for run_id in group_ids))
        extents: dict[str, groupgrid.Extent | None] = {}
        for entry in self._entries_of(run_ids):
            strip, zero_s = self._series(entry, asked.metric, reading)
            if strip is not None:
                extents[entry.run_id] = groupgrid.extent_of(strip, asked.question, asked.zero_of(zero_s))
            yield
        if run_ids and not extents and not reading.may_turn_up:
            raise seriesquery.unknown_metric(asked.metric, reading.known)
        drawn = [extent for extent in extents.values() if extent is not None]
        grid = groupgrid.Grid.over(drawn, asked.question) if drawn else None
        sums: dict[str, groupgrid.Sums] = {}
        for entry in self._entries_of([run_id for run_id, extent in extents.items() if extent is not None]):
            strip, zero_s = self._series(entry, asked.metric, reading)
            if strip is not None and grid is not None:
                sums[entry.run_id] = groupgrid.sums_on_grid(
                    strip, grid, asked.question, asked.zero_of(zero_s)
                )
            yield
        return {
            "schema": layout.SCHEMA,
            **group.reply(asked, members, grid, sums, has_metric=set(extents)),
            "pending": reading.pending,
        }

    # -- diff --------------------------------------------------------------------------------

    def _diff(self, asked: DiffAsked, run_ids: Sequence[str]) -> Steps:
        reading = _Reading()
        sides: list[diff.Side] = []
        keys: list[Mapping[str, KeyCurves]] = []
        for entry in self._entries_of(run_ids):
            with self._reading(entry):
                sides.append(diff.side_of(_identity(entry), entry.facts, bundle.read_bundle(entry.folder)))
            keys.append(self._curves_of(entry, reading))
            yield
        chosen = diff.choose_metrics(asked, keys, may_turn_up=reading.may_turn_up)
        metrics: list[dict[str, Any]] = []
        del keys
        for metric in chosen.keys:
            strips = [self._series(entry, metric, reading).strip for entry in self._entries_of(run_ids)]
            if len(strips) == len(sides):
                metrics.append(diff.metric_row(metric, strips))
            yield
        return {
            "schema": layout.SCHEMA,
            **diff.reply(asked, sides, metrics, left_out=chosen.left_out),
            "pending": reading.pending,
        }


def _identity(entry: Entry) -> dict[str, Any]:
    facts = entry.facts
    return {
        "run": entry.run_id,
        "name": facts.get("name", entry.run_id),
        "status": facts.get("status", ""),
    }
