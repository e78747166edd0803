"""Questions about many runs: lists, fields, families."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path
from typing import Any

from opengraphs.engine import digest, families, listing, progress
from opengraphs.engine.catalog import Entry
from opengraphs.engine.core import EngineCore
from opengraphs.engine.fields import FieldIndex
from opengraphs.engine.filter import FIELDS, nearest_field, value_getter
from opengraphs.records import RunFacts
from opengraphs.sdk import layout

HINT_S = 0.05


class RunLists(EngineCore):
    """The part of an open store that chooses, sorts and relates runs."""

    def __init__(self, path: Path, index_dir: Path, *, budget_bytes: int) -> None:
        super().__init__(path, index_dir, budget_bytes=budget_bytes)
        self._field_index = FieldIndex()
        self._by_arrival: list[Entry] = []
        self._newest: list[Entry] = []

    def runs(
        self,
        *,
        where: str = "",
        project: str | None = None,
        status: str | None = None,
        sort: str = "-created_at",
        limit: int = 200,
        cursor: str | None = None,
        values: Sequence[str] = (),
        tree: bool = False,
        folded: Container[str] = (),
    ) -> dict[str, Any]:
        """One page of runs: protocol `RunsReply` (`schema, runs, total, next`).

        Args:
            where: the filter language of `engine.filter`. Archived runs are left out unless
                it says `archived:` or `id:`.
            sort: any run.json key, dotted into objects (`config.lr`), `last.KEY`, `tag.KEY`,
                duration, points, last_step or main_metric; `-` in front for descending; runs
                without it come last.
            limit: 1 to 2000.
            cursor: `next` of the page before, under the same `where` and sort; `"N:"` is the
                page that begins with row N.
            values: figures of metrics that each row shall have in `values`: `min.KEY`, `max.KEY`, `best.KEY`.
            tree: put families together; each row has a `place`.
            folded: with tree, runs whose descendants are left out.

        Raises:
            UsageError: where, sort, limit or cursor make no sense; a filter error says
                where it broke and the nearest valid word.
        """
        below = families.children_of(self._parents())

        def row(entry: Entry) -> dict[str, Any]:
            return self._row(entry, below, values)

        def page() -> listing.Page:
            if listing.needs_summaries(where, sort):
                self._note_digests(ends=sort.lstrip("-").startswith(tuple(f"{end}." for end in listing.ENDS)))
            return listing.page(
                self._newest_first(),
                where=where,
                project=project,
                status=status,
                sort=sort,
                limit=limit,
                cursor=cursor,
                about=self,
                parents=self._parents() if tree else None,
                folded=folded,
            )

        return self._try(lambda: self._page(page(), sort, row))

    def _page(self, page: listing.Page, sort: str, row: Callable[[Entry], dict[str, Any]]) -> dict[str, Any]:
        self._read_listed(page.entries)
        known = [self._runs.has_digest(entry.run_id) for entry in page.entries]
        rows = [row(entry) for entry in page.entries]
        stale = [
            at
            for at, entry in enumerate(page.entries)
            if known[at] and not self._runs.has_digest(entry.run_id)
        ]
        self._read_listed([page.entries[at] for at in stale])
        for at in stale:
            rows[at] = row(page.entries[at])
        if (places := page.places) is not None:
            rows = [{**one, "place": places[one["run_id"]]._asdict()} for one in rows]
        reply = {
            "schema": layout.SCHEMA,
            "runs": rows,
            "total": page.total,
            "next": page.next,
        }
        hint = self._hint([sort.removeprefix("-")] if page.total else page.filter.paths)
        return {**reply, "hint": hint} if hint else reply

    def _newest_first(self) -> list[Entry]:
        """All runs by id, downwards; sorted when a run came or went."""
        listed = list(self._catalog.entries.values())
        if listed != self._by_arrival:
            self._by_arrival, self._newest = (
                listed,
                sorted(listed, key=lambda entry: entry.run_id, reverse=True),
            )
        return self._newest

    def _note_digests(self, *, ends: bool = False) -> None:
        """Have at hand what lists sort by; a digest is taken apart once, and again when `ends` are wanted too."""
        blob_of = self._runs.digest_blob
        for run_id, entry in self._catalog.entries.items():
            blob = blob_of(run_id)
            if blob is not entry.digest_of or (ends and "ends" not in entry.digest):
                found = self._runs.stored_digest(run_id) or digest.Digest()
                entry.digest_of = blob
                entry.digest = {**found.sorted_by(), **({"ends": found.ends()} if ends else {})}

    def _row(self, entry: Entry, below: dict[str, list[str]], values: Sequence[str]) -> dict[str, Any]:
        found = None
        with contextlib.suppress(OSError):
            found = self._runs.digest(entry.run_id, entry.folder, live=entry.is_live)
        shown = found or digest.Digest()
        entry.digest, entry.digest_of = shown.sorted_by(), None
        ends = shown.ends()
        figures = {name: digest.end_of(ends, *name.split(".", maxsplit=1)) for name in values}
        return {
            **entry.shown(),
            "progress": self._progress(entry, shown.last_step),
            "summary": entry.summary(),
            "children": self._children(entry.run_id, below),
            "points": shown.points,
            "last_step": shown.last_step,
            "main_metric": shown.main_metric,
            "spark": shown.spark,
            "last": shown.last(),
            "best": digest.end_of(ends, "best", shown.main_metric) if shown.main_metric else None,
            **({"values": figures} if figures else {}),
        }

    def _progress(self, entry: Entry, last_step: int | None) -> dict[str, Any] | None:
        """How far a run is; of one that logged no step its output is asked, which is kept while it does not grow."""
        if last_step is not None or (entry.facts.get("progress") or {}).get("total"):
            return progress.with_steps_done(entry.facts, last_step)
        bars = self._files_of(entry).total
        return progress.known_progress(entry.facts, None, bars.total, bars.place, live=entry.is_live)

    def facts(self, ref: str) -> RunFacts:
        """What is known of one run, without its numbers; see `resolve` for what it raises."""
        return self._entry(ref).shown()

    # -- families ----------------------------------------------------------------------------------

    def lineage(self, ref: str) -> dict[str, Any]:
        """The family of one run as a tree: protocol `LineageReply`.

        Raises:
            NotFoundError, AmbiguousError: see `resolve`.
        """
        run_id = self.resolve(ref)
        found = families.lineage(run_id, self._parents())
        there = [self._catalog.entries[member] for member in found.members if member in self._catalog.entries]
        facts = {entry.run_id: entry.facts for entry in there}
        self._try(lambda: self._read_listed(there))
        return {
            "schema": layout.SCHEMA,
            "run": run_id,
            "root": found.root,
            "path": found.path,
            "nodes": families.nodes(found, facts, {member: self._last_step(member) for member in facts}),
            "cut": found.cut,
        }

    def _last_step(self, run_id: str) -> int | None:
        """The furthest step that a run logged, as far as it was read."""
        entry = self._catalog.entries[run_id]
        with contextlib.suppress(OSError):
            found = self._runs.digest(run_id, entry.folder, live=entry.is_live)
            return None if found is None else found.last_step
        return None

    def family(self, ref: str) -> frozenset[str]:
        """Ids of everybody in the family of a run; see `resolve` for what it raises."""
        return families.member_ids(self.resolve(ref), self._parents())

    def _parents(self) -> dict[str, str]:
        return families.parents_of(entry.facts for entry in self._catalog.entries.values())

    def _children(self, run_id: str, below: dict[str, list[str]]) -> list[dict[str, Any]]:
        facts = {child: self._catalog.entries[child].facts for child in below.get(run_id, ())}
        return families.children(run_id, below, facts)

    # -- fields ------------------------------------------------------------------------------------

    def learn_fields(self, *, budget_s: float) -> float:
        """Take in the fields of runs that are new or changed, for about `budget_s` seconds.

        Returns:
            The fraction of the runs still to be looked at; 0.0 when `fields_page` is quick.
        """
        return self._field_index.refresh(self._catalog.entries, budget_s=budget_s)

    def fields_page(self, *, q: str = "", limit: int = 100) -> dict[str, Any]:
        """Fields that filters, sort keys and groups may name: protocol `FieldsReply`.

        Args:
            q: the beginning of a field (`config.l`, `lr`), or of a value (`status:fi`).
            limit: 1 to 1000.

        Raises:
            UsageError: limit makes no sense.
        """
        self._field_index.refresh(self._catalog.entries)
        return {"schema": layout.SCHEMA, **self._field_index.page(q, limit)}

    def fields(self) -> Iterable[str]:
        """Names of the fields that the runs have, the most frequent first; for hints.

        Looks at runs that are new for HINT_S at most, so that a wrong word costs no more than that.
        """
        self._field_index.refresh(self._catalog.entries, budget_s=HINT_S)
        return self._field_index.names()

    def _hint(self, paths: Iterable[str]) -> str:
        """Which of the fields inside objects (`config.lr`) no run has, and what may have been meant."""
        entries = self._catalog.entries.values()
        hints = []
        for path in (path for path in paths if entries and "." in path):
            value_of = value_getter(*path.split(".", maxsplit=1))
            if all(value_of(entry) is None for entry in entries):
                near = nearest_field(path, [*FIELDS, *self.fields()])
                hints.append(f"no run has {path}" + (f"; did you mean {near}?" if near else ""))
        return "\n".join(hints)
