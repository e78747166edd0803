"""One store, open for questions: what the daemon holds, one per store.

    scan()            which runs are there, which changed        every second or so, or when told
    poll()            what live runs appended                    20-30 ms while watched
    ingest_backlog()  read what has not been read yet            between requests, in small budgets
    settle()          make an ended run's folder plain and whole after the end, owner only
    maintain()        commit, evict, snapshot                    every few seconds
    the rest          answers; never block on a writer

Thread-confined: every call, `open` and `close` included, from one thread at a time (the
daemon's worker). No sockets, no asyncio, no sleeping.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, TypedDict

from opengraphs import paths
from opengraphs.engine import digest
from opengraphs.engine.catalog import Entry
from opengraphs.engine.doctor import check_seals_of, check_store
from opengraphs.engine.index import IndexDoubtError
from opengraphs.engine.rundata import RunData
from opengraphs.engine.runevents import FACT_KINDS
from opengraphs.engine.saved import Saved
from opengraphs.errors import StoreError
from opengraphs.records import RunFacts
from opengraphs.store import recovery
from opengraphs.store.folder import RunFolder, runs_folder

MAX_BACKLOG = 256
DOCTOR_READ_S = 3.0
_MAX_SUMMARY_KEYS = 1000


class Change(TypedDict, total=False):
    """Something new in one run, in the shape of a protocol event without seq and time.

    run: `facts`, the whole folded run (also for a run seen first). gone: the folder went.
    metrics: `keys` maps each metric that grew to its last step, `points` counts what came
    in; `reset` when a journal was replaced or shrank and was read again, so that curves
    drawn before are void. log: `size_bytes`. system: nothing more. events: new lines in
    events/ (alerts, checkpoints, notes) that a face may want to ask for again. alert: what
    detectors and rules said, `alerts` are the events they wrote, `about` names the run.
    """

    kind: Literal["run", "gone", "metrics", "log", "system", "events", "alert"]
    run: str
    facts: RunFacts
    keys: dict[str, int]
    points: int
    size_bytes: int
    reset: bool
    alerts: list[dict[str, Any]]
    about: dict[str, Any]


class EngineStore(Saved):
    """Runs of one store: catalog, series, logs, events, checks."""

    @classmethod
    def open(cls, path: Path, *, index_dir: Path | None = None, budget_bytes: int = 160 << 20) -> EngineStore:
        """Open a store; cheap (no run is read yet, the catalog snapshot is loaded).

        Args:
            path: the store folder; it need not exist yet, and may be read-only.
            index_dir: where the index lives; None is `paths.index_dir(path)`. When another
                process holds that index, or the folder cannot be written, a private
                temporary index is used: same answers, nothing kept.
            budget_bytes: bound for columns held in memory.

        Raises:
            StoreError: the path exists and is no folder, or cannot be read.
        """
        if path.exists() and not path.is_dir():
            raise StoreError("a store is a folder", path=str(path))
        store = cls(path, index_dir or paths.index_dir(path), budget_bytes=budget_bytes)
        if store._runs.index.kept:
            store._catalog.load(store._index_dir)
        return store

    def close(self) -> None:
        """Commit what was read, write the snapshot, let go of files. Idempotent."""
        with contextlib.suppress(IndexDoubtError, OSError):
            self._runs.commit_all(self._catalog.live())
            self._save_snapshot()
        self._runs.close()
        self._fds.close()

    # -- what changed ---------------------------------------------------------------

    def scan(self) -> list[Change]:
        """Look for new, changed, ended and removed runs: `run` and `gone` changes.

        One stat a run (of very many ended ones some, in turn), liveness probes for running
        ones, and whether files that were read are still the same. The first call reports
        every run as `run`.

        Raises:
            StoreError: the store cannot be listed.
        """
        try:
            found = self._catalog.scan()
        except OSError as error:
            raise StoreError(f"the store cannot be read ({error.strerror})", path=str(self.path)) from error
        if not self._is_scanned:
            # Runs that the snapshot knew are news to the caller too.
            self._is_scanned = True
            if runs_folder(self.path).is_dir():
                self._try(lambda: self._runs.drop_others(set(self._catalog.entries)))
            seen = {change.run_id for change in found}
            rest = [run_id for run_id in self._catalog.entries if run_id not in seen]
        else:
            rest = []
        changes: list[Change] = []
        for change in found:
            if change.kind == "gone":
                self._forget(change.run_id)
                changes.append({"kind": "gone", "run": change.run_id})
            else:
                self._unreadable.pop(change.run_id, None)
                changes.append(self._run_change(change.run_id))
        changes += [self._run_change(run_id) for run_id in rest]
        return changes + self._verify()

    def _run_change(self, run_id: str) -> Change:
        return {"kind": "run", "run": run_id, "facts": self._catalog.entries[run_id].shown()}

    def _forget(self, run_id: str) -> None:
        self._files.pop(run_id, None)
        self._unreadable.pop(run_id, None)
        self._try(lambda: self._runs.drop(run_id))

    def _verify(self) -> list[Change]:
        """Runs of which a file that was read is not the same any more."""
        changes: list[Change] = []
        for run_id, _ in self._runs.items():
            with contextlib.suppress(OSError):
                if self._try(lambda run_id=run_id: self._is_other(run_id)):  # type: ignore[misc]
                    changes.append({"kind": "metrics", "run": run_id, "keys": {}, "points": 0, "reset": True})
        for files in self._files.values():
            with contextlib.suppress(OSError):
                files.verify()
        return changes

    def _is_other(self, run_id: str) -> bool:
        data = self._runs.find(run_id)
        return data is not None and data.verify()

    def poll(self, run_ids: Iterable[str] | None = None) -> list[Change]:
        """Read what live runs appended since the last call; never waits.

        Args:
            run_ids: only these; None is every live run. Unknown or ended ids are skipped.

        Returns:
            At most one change of each kind a run. Reads at most a few MB a run and call;
            what is left is in `backlog()`. Cost when nothing came: a few µs a journal.
        """
        wanted = self._catalog.live() if run_ids is None else list(dict.fromkeys(run_ids))
        changes: list[Change] = []
        for run_id in wanted:
            entry = self._catalog.entries.get(run_id)
            if entry is not None and entry.is_live:
                changes += self._quietly(entry, lambda entry=entry: self._poll_run(entry), [])  # type: ignore[misc]
        return changes

    def _poll_run(self, entry: Entry) -> list[Change]:
        run_id, files = entry.run_id, self._files_of(entry)
        changes: list[Change] = []
        kinds = files.events.refresh()
        if FACT_KINDS.intersection(kinds) and self._catalog.reread(run_id):
            changes.append(self._run_change(run_id))
        if kinds:
            changes.append({"kind": "events", "run": run_id})
        found = self._open_data(entry).poll()
        if found.points - found.system_points > 0 or found.reset:
            grown = found.points - found.system_points
            changes.append(
                {"kind": "metrics", "run": run_id, "keys": found.keys, "points": grown, "reset": found.reset}
            )
        if found.system_points:
            changes.append({"kind": "system", "run": run_id})
        size = files.log_growth()
        if size is not None:
            changes.append({"kind": "log", "run": run_id, "size_bytes": size})
        return changes

    def look_at(self, run_id: str) -> list[Change]:
        """What an edit of ours changed about a run: told at once, and not at the next scan."""
        entry = self._catalog.entries.get(run_id)
        if entry is None:
            return []
        changes = [self._run_change(run_id)] if self._catalog.reread(run_id) else []
        return [*changes, {"kind": "events", "run": run_id}]

    def watch_folders(self) -> list[Path]:
        """Folders whose inotify events announce something: `runs/` and each live run's own.

        Mapped journals raise no events, so this speeds `poll` up and never replaces it.
        """
        folders = [runs_folder(self.path)]
        for run_id in self._catalog.live():
            entry = self._catalog.entries[run_id]
            if not entry.followed:  # who copies it tells of it
                folders += [entry.folder.path, *entry.folder.journal_folders()]
        return [folder for folder in folders if folder.is_dir()]

    def live_runs(self) -> list[str]:
        """Ids of runs with status running, newest first."""
        return self._catalog.live()

    def processes(self) -> list[dict[str, Any]]:
        """`run_id`, `name`, `host` and `pid` of each live run, as far as the run says."""
        entries = [self._catalog.entries[run_id] for run_id in self._catalog.live()]
        return [
            {"run_id": entry.run_id, **{key: entry.facts.get(key) for key in ("name", "host", "pid")}}
            for entry in entries
        ]

    # -- work that can wait -----------------------------------------------------------

    def backlog(self) -> dict[str, float]:
        """Runs with journals still to be read → fraction still to read, most wanted first:
        runs that were asked about, then those that a list showed, then live ones, then ended
        ones, newest first. At most MAX_BACKLOG of them.
        """
        return dict(islice(self._waiting(), MAX_BACKLOG))

    def most_wanted(self) -> str | None:
        """The first of `backlog()`, None when there is nothing to read."""
        return next((run_id for run_id, _ in self._waiting()), None)

    def _waiting(self) -> Iterator[tuple[str, float]]:
        """Each run once; looks no further than it is asked."""
        opened = sorted(self._runs.items(), key=lambda item: item[1].asked_s, reverse=True)
        seen = {run_id for run_id, _ in opened}
        for run_id, data in opened:
            pending = 0.0 if self._is_followed(run_id, data) else self._pending_of(run_id, data)
            if pending > 0.0:
                yield run_id, pending
        for run_id in chain(self._listed_unread(), self._unread()):
            if run_id not in seen:
                seen.add(run_id)
                yield run_id, 1.0

    def _is_followed(self, run_id: str, data: RunData) -> bool:
        """A live run of which only the newest lines are unread: the next `poll` brings them, and
        a run that keeps logging must not keep the backlog going."""
        entry = self._catalog.entries.get(run_id)
        return entry is not None and entry.is_live and data.is_followed()

    def want_whole(self, ref: str, metric: str, *, ranks: bool = False) -> None:
        """A long curve will be asked for as a whole: `ingest_backlog` puts it together, in pieces."""
        entry = self._entry(ref)
        with self._reading(entry):
            curve = self._try(lambda: self._data(entry).curves().get(metric))
            for rank in curve.ranks if curve is not None and ranks else (None,):
                if curve is not None:
                    curve.newest(rank)

    def is_reading(self, run_id: str) -> bool:
        """Whether a run that is open has something left to be read or put together."""
        data = self._runs.find(run_id)
        if data is None or self._is_followed(run_id, data):
            return False
        return self._pending_of(run_id, data) > 0.0

    def _pending_of(self, run_id: str, data: RunData) -> float:
        """What is left of an open run; nothing of one that cannot be read."""
        if run_id in self._unreadable:
            return 0.0
        try:
            return data.pending()
        except OSError as error:
            self._unreadable[run_id] = str(error)
            return 0.0

    def _is_unread(self, run_id: str) -> bool:
        return run_id not in self._unreadable and not self._runs.has_digest(run_id)

    def _listed_unread(self) -> list[str]:
        done = [run for run in self._listed if run not in self._catalog.entries or not self._is_unread(run)]
        for run_id in done:
            del self._listed[run_id]
        return list(self._listed)

    def _unread(self) -> Iterator[str]:
        """Runs nobody has looked into yet, live ones first, then newest first. They are put in
        order once, and left out one by one as they are read."""
        entries, state = self._catalog.entries, (self._catalog.listings, id(self._runs.index))
        if state != self._unread_of:
            unread = [run_id for run_id in entries if not self._runs.has_digest(run_id)]
            self._unread_order = sorted(unread, key=lambda run_id: (entries[run_id].is_live, run_id))
            self._unread_of = state
        while self._unread_order and not self._is_unread(self._unread_order[-1]):
            self._unread_order.pop()
        return filter(self._is_unread, reversed(self._unread_order))

    def ingest_backlog(self, run_id: str | None = None, *, budget_s: float) -> float:
        """Read on, oldest part first, for about `budget_s` seconds, and commit.

        Args:
            run_id: this run; None is the first of `backlog()`.

        Returns:
            The fraction of that run still to be read; 0.0 when it is done (or nothing is
            left at all). The first slice is always read, so progress is certain.
        """
        wanted = run_id or self.most_wanted()
        entry = self._catalog.entries.get(wanted) if wanted is not None else None
        if entry is None:
            return 0.0
        deadline = time.monotonic() + budget_s
        return self._quietly(entry, lambda: self._ingest(entry, deadline), 0.0)

    def _ingest(self, entry: Entry, deadline_s: float) -> float:
        data = self._runs.open(entry.folder)
        if self._runs.index.tidy() and time.monotonic() > deadline_s:
            return data.pending()
        left = data.pending() if data.ingest_behind(deadline_s, final=not entry.is_live) else 0.0
        if left == 0.0:
            self._runs.commit(entry.run_id, live=entry.is_live)
            if not entry.is_live:
                self._runs.let_go(entry.run_id)
        if self._runs.is_over_budget():
            self._runs.evict(set(self._catalog.live()))
        return left

    def unsettled(self) -> list[str]:
        """Ended runs of this host whose folder still wants `settle`."""
        return [run_id for run_id, entry in self._catalog.entries.items() if entry.wants_settle]

    def settle(self, run_id: str) -> bool:
        """After the end: cut NUL tails, fold events into run.json, write the status found.

        Only for the process that owns the store's runs after their end (ogd). Takes
        `run.lock`; a run whose lock is held is left alone. Idempotent; a read-only store
        stays as it is.

        Returns:
            True when something was written.
        """
        entry = self._catalog.entries.get(run_id)
        if entry is None or entry.is_live or entry.followed:
            return False
        with contextlib.suppress(OSError):  # a read-only store stays as it is
            recovery.finish_printed(entry.folder)
        nothing: dict[str, Any] = {}
        values = self._quietly(entry, lambda: self._last_values(entry), nothing)
        try:
            done = recovery.settle(entry.folder, host=self._host, last_values=values)
        except OSError:
            entry.wants_settle = False  # read-only, or the disk is full: it stays as it is
            return False
        finally:
            self._runs.let_go(run_id)
        self._catalog.reread(run_id)
        return done is not None and (done.written or bool(done.trimmed))

    def _last_values(self, entry: Entry) -> dict[str, Any]:
        """Last value of every metric of a run that was read to its end; none for others."""
        data = self._runs.open(entry.folder)  # nobody asked about it
        data.poll(final=True)
        if data.pending() > 0.0 or len(data.curves()) > _MAX_SUMMARY_KEYS:
            return {}
        return {key: digest.metric_summary(curve)["last"] for key, curve in data.curves().items()}

    def maintain(self) -> float:
        """Commit tails, evict what was asked least recently, write the catalog snapshot.

        Returns:
            Seconds until it has something to do again if nothing else happens; `inf` when
            all is on disk (an idle daemon need not call again before a change).
        """
        due = self._try(lambda: self._runs.maintain(self._catalog.live()))
        with contextlib.suppress(OSError):  # a full cache disk costs the next start some time
            self._save_snapshot()
        if len(self._files) > 64:
            live = set(self._catalog.live())
            self._files = {run_id: files for run_id, files in self._files.items() if run_id in live}
        return due

    def _save_snapshot(self) -> None:
        if self._runs.index.kept:
            self._catalog.save(self._index_dir)

    def doctor(self) -> list[dict[str, str]]:
        """Checks of this store and its index, each `{id, status, message, fix}`.

        Reads runs that nobody has read yet for up to DOCTOR_READ_S, newest first, and looks
        at seals for up to SEAL_BUDGET_S: who must not be held up so long does both in pieces
        and elsewhere (`ingest_backlog`, `run_folders` and `check_seals_of`), and asks for `checks`.
        """
        deadline = time.monotonic() + DOCTOR_READ_S
        while time.monotonic() < deadline and (waiting := self.most_wanted()) is not None:
            self.ingest_backlog(waiting, budget_s=deadline - time.monotonic())
        return [*self.checks(), check_seals_of(self.run_folders())]

    def checks(self) -> list[dict[str, str]]:
        """Those checks that need nothing but what is known."""
        unread = len(self.backlog())
        return self._try(
            lambda: check_store(
                self.path, self._catalog, self._runs, unread=unread, unreadable=self._unreadable
            )
        )

    def run_folders(self) -> list[RunFolder]:
        """Folders of all runs, newest first."""
        return [entry.folder for _, entry in sorted(self._catalog.entries.items(), reverse=True)]
