"""The questions an open store answers; none of them waits for a writer."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opengraphs.engine import (
    answer,
    better,
    digest,
    families,
    familycurves,
    listing,
    logmoments,
    pages,
    progress,
    seriesquery,
)
from opengraphs.engine.alertlist import AlertList, AlertQuery, alert_of
from opengraphs.engine.catalog import Entry
from opengraphs.engine.rundata import RunData
from opengraphs.engine.runevents import RunEvents
from opengraphs.engine.runlists import RunLists
from opengraphs.engine.samplelook import SampleQuery
from opengraphs.errors import NotFoundError, UsageError
from opengraphs.sdk import layout
from opengraphs.store import logfile


class Answers(RunLists):
    """Runs, curves, logs, events. Everything returned is plain and ready to be encoded.

    Every question about a run may raise NotFoundError or AmbiguousError (see `resolve`),
    and StoreError when its folder cannot be read.
    """

    def __init__(self, path: Path, index_dir: Path, *, budget_bytes: int) -> None:
        super().__init__(path, index_dir, budget_bytes=budget_bytes)
        self._alert_list = AlertList()

    def run(self, ref: str) -> dict[str, Any]:
        """Everything about one run: protocol `RunReply`. Reads a first look if needed.

        Raises:
            NotFoundError, AmbiguousError: see `resolve`.
            StoreError: the run folder cannot be read.
        """
        entry = self._entry(ref)
        with self._reading(entry):
            return self._try(lambda: self._describe(entry))

    def _describe(self, entry: Entry) -> dict[str, Any]:
        data, files = self._data(entry), self._files_of(entry)
        files.events.refresh()
        metrics = [
            {**digest.metric_summary(curve), "better": better.direction(curve.key)}
            for curve in data.curves().values()
        ]
        entry.digest = {**entry.digest, "last": {metric["key"]: metric["last"] for metric in metrics}}
        last_step = max((m["last_step"] for m in metrics if m["last_step"] is not None), default=None)
        return {
            **entry.shown(),
            "progress": progress.known_progress(
                entry.facts, last_step, files.total.total, files.total.place, live=entry.is_live
            ),
            "summary": entry.summary(),
            "children": self._children(entry.run_id, families.children_of(self._parents())),
            "metrics": metrics,
            "alerts": files.events.alerts(),
            "checkpoints": files.events.checkpoints(),
            "ranks_seen": pages.ranks_seen(data, entry.facts, live=entry.is_live, now_s=time.time()),
            "log": {"size_bytes": files.log.size_bytes()},
            "path": str(entry.folder.path),
            "store": str(self.path),
            "ingest": {"pending": data.pending(), "bad_lines": data.bad_lines() + entry.bad_event_lines},
        }

    def keys(self, *, run: str | None = None, q: str = "", limit: int = 1000) -> dict[str, Any]:
        """Metric keys and their summaries (`{"keys": [MetricSummary]}`), best match first.

        Args:
            run: one run, or None for every run read so far (points are summed, last is the
                newest run's; a key beyond the first few hundred of a run comes without figures).
            q: words that must all occur in the key, in any order, case ignored.
        """
        if not 1 <= limit <= pages.MAX_KEYS:
            raise UsageError(f"limit is 1 to {pages.MAX_KEYS}, not {limit}")
        if run is None:
            found = self._try(
                lambda: pages.all_keys(
                    self._runs.known_digest(run_id, live=entry.is_live)
                    for run_id, entry in sorted(self._catalog.entries.items())
                )
            )
            return {"keys": pages.matching_keys(found, q, limit)}
        entry = self._entry(run)
        with self._reading(entry):
            curves = self._try(lambda: self._data(entry).curves())
            names = pages.matching_keys([{"key": key} for key in curves], q, limit)
            summaries = self._try(lambda: [digest.metric_summary(curves[name["key"]]) for name in names])
            return {"keys": summaries}

    def series(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Many curves, thinned to the screen: protocol `SeriesRequest` → `SeriesReply`.

        A metric that a run lacks gives no curve; asking an ended, wholly read run for
        nothing but metrics that it lacks is an error.

        Raises:
            UsageError: a field of the request is wrong.
            NotFoundError: a run or metric is unknown; the hint names the nearest.
        """
        asked = seriesquery.parse_request(request)
        if asked.lineage:
            return self._try(lambda: self._family_curves(asked))
        entries = [self._catalog.entries[run_id] for run_id in dict.fromkeys(map(self.resolve, asked.runs))]
        return self._try(lambda: self._curves(asked, entries))

    def _family_curves(self, asked: seriesquery.SeriesAsked) -> dict[str, Any]:
        """The curves of each run's family: pieces of the path from the root, and what was abandoned."""
        pieces: dict[str, list[tuple[str, familycurves.Piece]]] = {}
        for run_id in dict.fromkeys(map(self.resolve, asked.runs)):
            found = families.lineage(run_id, self._parents(), most=familycurves.MAX_PIECES)
            there = [self._catalog.entries[one] for one in found.members if one in self._catalog.entries]
            starts = {entry.run_id: familycurves.starts_of(entry.facts) for entry in there}
            spans = {entry.run_id: self._steps_of(entry, asked.metrics) for entry in there}
            for piece in familycurves.pieces_of(found, starts, spans):
                pieces.setdefault(piece.run_id, []).append((run_id, piece))
        if sum(map(len, pieces.values())) * len(asked.metrics) > seriesquery.MAX_CURVES:
            raise UsageError(
                f"at most {seriesquery.MAX_CURVES} curves at once", hint="ask for fewer runs or metrics"
            )
        return self._curves(asked, [self._catalog.entries[run_id] for run_id in pieces], pieces)

    def _steps_of(self, entry: Entry, metrics: Sequence[str]) -> tuple[int, int] | None:
        """The first and the last step at which a run logged one of these metrics."""
        with self._reading(entry):
            curves = self._data(entry).curves()
            found = [digest.metric_summary(curves[key]) for key in metrics if key in curves]
        steps = [one[end] for one in found for end in ("first_step", "last_step") if one[end] is not None]
        return (min(steps), max(steps)) if steps else None

    def _pieces(
        self,
        asked: seriesquery.SeriesAsked,
        entry: Entry,
        data: RunData,
        pieces: Sequence[tuple[str, familycurves.Piece]],
    ) -> list[dict[str, Any]]:
        """The curves of one run, cut to the steps that it has in each family that asks for it."""
        found: list[dict[str, Any]] = []
        for of, piece in pieces:
            span = piece.within(asked.span)
            if span is not None:
                cut = asked._replace(span=span, columns=max(1, round(asked.columns * piece.share)))
                mine = seriesquery.curves_of_run(cut, entry.run_id, data, entry.facts, self._curve_cache)
                family = {"of": of, "role": piece.role}
                found += [{**one, "family": family} for one in mine if one["points"]]
        return found

    def _curves(
        self,
        asked: seriesquery.SeriesAsked,
        entries: list[Entry],
        pieces: Mapping[str, Sequence[tuple[str, familycurves.Piece]]] | None = None,
    ) -> dict[str, Any]:
        reply: dict[str, Any] = {
            "schema": layout.SCHEMA,
            "series": [],
            "pending": {},
            "unread": {},
            "progress": {},
        }
        known: set[str] = set()
        may_turn_up = False
        for entry in entries:
            with self._reading(entry):
                data = self._data(entry)
                reply["series"] += (
                    seriesquery.curves_of_run(asked, entry.run_id, data, entry.facts, self._curve_cache)
                    if pieces is None
                    else self._pieces(asked, entry, data, pieces[entry.run_id])
                )
                pending = data.pending()
                reply["pending"][entry.run_id] = pending
                if pending > 0.0 and (gap := data.unread(asked.x)) is not None:
                    reply["unread"][entry.run_id] = gap
                total = self._files_of(entry).total
                reply["progress"][entry.run_id] = pages.progress_of(
                    data, entry.facts, live=entry.is_live, printed=total.total, place=total.place
                )
                known.update(data.curves())
                may_turn_up = may_turn_up or entry.is_live or pending > 0.0
        seriesquery.check_found(asked, known, may_turn_up=may_turn_up)
        return reply

    def points(
        self, ref: str, metric: str, *, after: str | None = None, limit: int = 10_000, ranks: bool = False
    ) -> dict[str, Any]:
        """All points, page by page, nothing thinned: protocol `PointsReply`.

        Args:
            after: `next` of the page before.
            limit: 1 to 100 000.
            ranks: each rank's own points (rank after rank) and a `rank` column.

        Reads the run to its end first, so that an export is whole: call `ingest_backlog`
        until it is done when that may take too long in one call.

        Raises:
            UsageError, NotFoundError: as for `series`.
        """
        entry = self._entry(ref)
        with self._reading(entry):
            return self._try(lambda: self._points(entry, metric, after, limit, ranks))

    def _points(
        self, entry: Entry, metric: str, after: str | None, limit: int, ranks: bool
    ) -> dict[str, Any]:
        data = self._data(entry)
        while data.pending() > 0.0 and data.ingest_behind(math.inf, final=not entry.is_live):
            data.verify()
        curve = data.curves().get(metric)
        if curve is None:
            raise seriesquery.unknown_metric(metric, data.curves())
        return {
            "run_id": entry.run_id,
            "metric": metric,
            **pages.points_page(curve, after, limit, ranks=ranks),
        }

    def log(self, ref: str, *, start: int = -200, lines: int = 200, raw: bool = False) -> dict[str, Any]:
        """A window of stdout.log: protocol `LogReply`.

        `next` is None once an ended run has no more lines. `counted` false: the file is so
        long that its lines are still being counted and numbers are estimates; ask again.

        Args:
            start: first line, from 0; negative counts from the end (-1: the last line).
            lines: 1 to 2000.
            raw: leave escape sequences as the process wrote them.
        """
        if not 1 <= lines <= logfile.MAX_LINES:
            raise UsageError(f"lines is 1 to {logfile.MAX_LINES}, not {lines}")
        entry = self._entry(ref)
        with self._reading(entry):
            window = self._files_of(entry).log.window(start, lines, raw=raw)
        is_end = window.counted and window.next >= window.total_lines and not entry.is_live
        return {**window._asdict(), "next": None if is_end else window.next}

    def log_at(self, ref: str, *, step: int | None = None, time_s: float | None = None) -> dict[str, Any]:
        """The line that the output had reached at a step or a moment: protocol `LogAtReply`.

        Args:
            step: a training step; its time is that of the newest point at or before it.
            time_s: epoch seconds; used where no step is given.
        """
        entry = self._entry(ref)
        with self._reading(entry):
            return self._try(lambda: self._log_at(entry, step, time_s))

    def _log_at(self, entry: Entry, step: int | None, time_s: float | None) -> dict[str, Any]:
        data, log = self._data(entry), self._files_of(entry).log
        moment = time_s if step is None else logmoments.time_of_step(data, step)
        nothing = {"line": None, "text": "", "time": None, "step": None}
        if moment is None:
            return {**nothing, "why": "nothing was logged up to that step"}
        mark = logmoments.mark_at(data, entry.folder, moment, step)
        found = logmoments.line_of(log, mark) if mark is not None else None
        if mark is None or found is None:
            return {**nothing, "why": "nothing tells which lines were there at that moment"}
        return {"line": found["n"], "text": found["text"], "time": mark.time, "step": mark.step, "why": ""}

    def log_search(
        self, ref: str, pattern: str, *, start: int, forward: bool = True, budget_s: float = 0.3
    ) -> dict[str, Any]:
        """The next line that matches a regular expression.

        Returns:
            `{"line": LogLine | None, "next": n | None, "total_lines", "size_bytes"}`; with
            `line` None and `next` set the time was up: ask again from `next`.

        Raises:
            UsageError: the pattern does not parse, or takes too long.
        """
        entry = self._entry(ref)
        with self._reading(entry):
            return self._files_of(entry).search_log(pattern, start, forward=forward, budget_s=budget_s)

    def log_matches(
        self, ref: str, pattern: str, *, start: int, limit: int, budget_s: float = 0.3
    ) -> dict[str, Any]:
        """At most `limit` lines from `start` on that match: `{"lines", "next", "total_lines", "size_bytes"}`.

        Raises:
            UsageError: the pattern does not parse, or takes too long.
        """
        entry = self._entry(ref)
        with self._reading(entry):
            return self._files_of(entry).matching_log(pattern, start, limit=limit, budget_s=budget_s)

    def system(
        self,
        ref: str,
        *,
        columns: int = 200,
        keys: str = "",
        host: str = "",
        span: tuple[float, float] | None = None,
    ) -> dict[str, Any]:
        """System metrics over time: protocol `SystemReply`; each series also has `host`.

        Args:
            columns: 1 to 4000.
            keys: only metrics that begin so; several with commas.
            host: of this host only; "" is all.
            span: closed interval of epoch seconds.
        """
        if not 1 <= columns <= seriesquery.MAX_COLUMNS:
            raise UsageError(f"columns is 1 to {seriesquery.MAX_COLUMNS}, not {columns}")
        entry = self._entry(ref)
        question = answer.Question("time", span, columns, 0.0)
        with self._reading(entry):
            prefixes = tuple(keys.split(","))
            return self._try(
                lambda: pages.system_page(entry.run_id, self._data(entry), question, prefixes, host=host)
            )

    def events(self, ref: str, *, since: str | None = None, limit: int = 200) -> dict[str, Any]:
        """Events in order of time: `{"events": [...], "next": cursor | None}`.

        Args:
            since: epoch seconds (later ones only) or the `next` of the page before.
            limit: 1 to 2000.
        """
        _check_limit(limit)
        entry = self._entry(ref)
        with self._reading(entry):
            events = self._files_of(entry).events
            events.refresh()
            return events.page(since, limit)._asdict()

    def noted(self, ref: str, event_id: str) -> dict[str, Any] | None:
        """The event of the run that carries this id; None when there is none."""
        entry = self._entry(ref)
        with self._reading(entry):
            events = self._files_of(entry).events
            events.refresh()
            return events.find(event_id)

    def alerts(self, query: AlertQuery, *, start: int = 0, limit: int = 50) -> dict[str, Any]:
        """Alerts of all runs: `{"alerts": [...], "total", "counts", "unread", "next": n | None}`.

        counts: how many are firing, acknowledged, resolved. unread: runs not looked at yet; ask again.
        """
        _check_limit(limit)
        if query.run is not None:
            query = query._replace(run=self._entry(query.run).run_id)
        entries = self._newest_first()
        live = [entry.run_id for entry in entries if entry.facts.get("status") == "running"]
        places = [(entry.run_id, entry.folder.events) for entry in entries]
        unread = self._alert_list.look(places, self._read_alerts, live=live)
        return {**self._alert_list.page(query, start, limit), "unread": unread}

    def alert(self, alert_id: str) -> dict[str, Any]:
        """One alert by its id, as it stands now; any reference to the run will do before the `:`.

        Raises:
            NotFoundError: there is no such alert.
        """
        ref, colon, name = alert_id.partition(":")
        run_id = self._entry(ref).run_id if colon else ""
        for one in self._read_alerts(run_id) if run_id else []:
            if one["alert_id"] == name:
                return one
        raise NotFoundError(f"no alert {alert_id!r}", hint="`og alerts` lists them with their ids")

    def _read_alerts(self, run_id: str) -> list[dict[str, Any]]:
        """The alerts of a run; of one that has ended nothing else is kept."""
        entry = self._entry(run_id)
        kept = self._files.get(entry.run_id)
        events = kept.events if kept is not None else RunEvents(entry.folder, self._fds, reopen=self._reopen)
        try:
            events.refresh()
        except OSError:
            return []
        facts = entry.facts
        return [
            alert_of(event, name=name, fired_at=fired_at, run=facts)
            for name, (fired_at, event) in events.fired().items()
        ]

    def newest_event_s(self, ref: str) -> float:
        """The latest time in the run's events, epoch seconds; 0.0 when there is none."""
        entry = self._entry(ref)
        with self._reading(entry):
            events = self._files_of(entry).events
            events.refresh()
            return events.newest_s

    def samples(
        self,
        ref: str,
        *,
        start: int = 0,
        limit: int = 50,
        query: SampleQuery | None = None,
        like: tuple[str, str] | None = None,
        cut: int = 0,
    ) -> dict[str, Any]:
        """Logged samples: `{"samples": [...], "from", "total", "all", "unread", "next": n | None}`.

        `start` counts from 0, or from the end when negative; limit is 1 to 2000. query: None is all in order
        of time. like: (run, sample id); only those with that sample's prompt.
        """
        _check_limit(limit)
        if like is not None:
            prompt = json.dumps(self._prompt_of(*like), sort_keys=True)
            query = (query or SampleQuery())._replace(prompt=prompt)
        entry = self._entry(ref)
        with self._reading(entry):
            samples = self._files_of(entry).samples
            samples.refresh()
            return samples.window(start, limit, query, cut)

    def sample(self, ref: str, sample_id: str, *, cut: int = 0) -> dict[str, Any]:
        """One sample by its id."""
        entry = self._entry(ref)
        with self._reading(entry):
            samples = self._files_of(entry).samples
            samples.refresh()
            return samples.sample(sample_id, cut)

    def _prompt_of(self, ref: str, sample_id: str) -> Any:
        entry = self._entry(ref)
        with self._reading(entry):
            samples = self._files_of(entry).samples
            samples.refresh()
            return samples.prompt(sample_id)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= listing.MAX_LIMIT:
        raise UsageError(f"limit is 1 to {listing.MAX_LIMIT}, not {limit}")
