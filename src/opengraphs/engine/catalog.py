"""All runs of a store as values in memory, kept up to date by `stat`.

A run that lives is looked at on every scan. One that ended changes only when somebody
replaces its run.json, so one `stat` says that nothing happened; of very many ended runs
each scan looks at some, in turn. A snapshot of the ended ones lets the next start begin
with `stat` instead of reading ten thousand small files.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from opengraphs.engine.matching import lookup
from opengraphs.records import RunFacts
from opengraphs.sdk import layout
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder, run_names, runs_folder
from opengraphs.store.liveness import Locks
from opengraphs.store.runfacts import RunReader, RunState
from opengraphs.store.runjson import complete, own_summary

SNAPSHOT = "catalog.msgpack"
SNAPSHOT_SCHEMA = 2
ENDED_PER_SCAN = 1000
"""About 8 ms of `stat`; more ended runs than this are looked at in turns."""
_SETTLED_NS = 100_000_000
Signature = tuple[int, int, int, int, int]


class CatalogChange(NamedTuple):
    """kind: `run` (new, or its facts changed) or `gone`."""

    kind: str
    run_id: str


class Entry:
    """One run. `text` is what bare words of a filter search.

    Attributes:
        facts: folded and judged run.json; never changed in place.
        damage: "" or what is wrong with run.json.
        wants_settle: it ended on this host and its folder was not made whole since.
        followed: a copy of a foreign run; its folder lies in the cache.
        digest: what lists sort by beside facts: last (a value a metric), points, last_step,
            main_metric; digest_of is the blob it was taken from.
    """

    __slots__ = (
        "bad_event_lines",
        "damage",
        "digest",
        "digest_of",
        "facts",
        "folder",
        "followed",
        "reader",
        "signature",
        "text",
        "wants_settle",
    )

    def __init__(self, folder: RunFolder, *, followed: bool = False) -> None:
        self.folder = folder
        self.followed = followed
        self.facts: RunFacts = {}
        self.damage = ""
        self.bad_event_lines = 0
        self.signature: Signature | None = None
        self.text = ""
        self.wants_settle = False
        self.reader: RunReader | None = None
        self.digest: Mapping[str, Any] = {}
        self.digest_of: object = None

    @property
    def run_id(self) -> str:
        return self.folder.run_id

    @property
    def is_live(self) -> bool:
        return self.facts.get("status") == "running"

    def set_facts(self, facts: RunFacts) -> bool:
        """Take new facts; True when they say something new (a heartbeat does not)."""
        before = {**self.facts, "heartbeat_at": None}
        changed = before != {**facts, "heartbeat_at": None}
        self.facts = facts
        if changed:
            words = (
                self.run_id,
                facts.get("name"),
                facts.get("project"),
                *facts.get("tags", ()),
                facts.get("notes"),
            )
            self.text = "\n".join(word for word in words if word).lower()
        return changed

    def shown(self) -> RunFacts:
        """The facts as they are answered: without what only the reader of run.json needs."""
        shown = self.facts.copy()
        shown.pop("summary_folded", None)
        return shown

    def summary(self) -> Mapping[str, Any]:
        """Last values of metrics, what the user set on top."""
        return {**self.facts.get("summary", {}), **self.digest.get("last", {}), **own_summary(self.facts)}

    def summary_value(self, path: str) -> Any:
        """One value of `summary()`, at `a.b` too; None where there is none."""
        kept, last = self.facts.get("summary") or {}, self.digest.get("last") or {}
        if path in kept:
            is_own = path not in last or path not in self.facts.get("summary_folded", ())
            return kept[path] if is_own else last[path]
        if path in last:
            return last[path]
        return lookup(self.summary(), path) if "." in path else None


class _Kept(msgspec.Struct, array_like=True):
    """One ended run in the snapshot."""

    run_id: str
    signature: Signature
    facts: dict[str, Any]
    damage: str
    bad_event_lines: int
    wants_settle: bool
    followed: bool


class _Snapshot(msgspec.Struct, array_like=True):
    schema: int
    host: str
    runs: list[_Kept]


class Catalog:
    """The runs of one store.

    Args:
        host: this host's name as runs record it.
        attached: the folder of copies of foreign runs; a run of the store itself comes before
            a copy of the same id.

    Attributes:
        listings: rises whenever run folders came or went.
    """

    def __init__(
        self, store: Path, fds: FdPool, *, host: str, reopen: bool = False, attached: Path | None = None
    ) -> None:
        self.entries: dict[str, Entry] = {}
        self._folders = {False: runs_folder(store), **({} if attached is None else {True: attached})}
        """By whether they hold copies."""
        self._fds = fds
        self._host = host
        self._reopen = reopen
        self._locks = Locks()
        self._listed_ns: tuple[int, ...] = ()
        self._turn = 0
        self._saved: set[tuple[str, Signature]] = set()
        self.listings = 0

    # -- looking -------------------------------------------------------------------------------

    def scan(self) -> list[CatalogChange]:
        """Bring all entries up to date.

        Raises:
            OSError: `runs/` exists and cannot be listed.
        """
        self._locks.refresh()
        changes = self._list()
        live = [
            entry for entry in self.entries.values() if entry.reader is not None or entry.signature is None
        ]
        ended = [
            entry for entry in self.entries.values() if entry.reader is None and entry.signature is not None
        ]
        for entry in (*live, *self._in_turn(ended)):
            if self._look(entry):
                changes.append(CatalogChange("run", entry.run_id))
        return changes

    def _list(self) -> list[CatalogChange]:
        """Take in new folders and let go of removed ones; the listing is skipped when nothing moved."""
        mtimes_ns = tuple(map(_mtime_ns, self._folders.values()))
        if mtimes_ns == self._listed_ns:
            return []
        now_ns = time.time_ns()
        followed: dict[str, bool] = {}
        for is_followed, folder in reversed(self._folders.items()):
            followed.update(dict.fromkeys(run_names(folder), is_followed))
        entries = self.entries
        gone = [run_id for run_id in entries if followed.get(run_id) != entries[run_id].followed]
        self.listings += bool(gone) or followed.keys() != entries.keys()
        for run_id in gone:
            del entries[run_id]
        for name in sorted(followed.keys() - entries.keys()):
            entries[name] = self._entry(name, followed=followed[name])
        self._listed_ns = mtimes_ns if now_ns - max(mtimes_ns) > _SETTLED_NS else ()
        return [CatalogChange("gone", run_id) for run_id in gone]

    def _entry(self, name: str, *, followed: bool) -> Entry:
        return Entry(RunFolder(self._folders[followed] / name), followed=followed)

    def _in_turn(self, ended: list[Entry]) -> list[Entry]:
        if len(ended) <= ENDED_PER_SCAN:
            return ended
        start = self._turn % len(ended)
        self._turn = start + ENDED_PER_SCAN
        return (ended + ended)[start : start + ENDED_PER_SCAN]

    def _look(self, entry: Entry) -> bool:
        """Read an entry anew if it may have changed; True when its facts did."""
        signature = _signature(entry)
        if entry.reader is None and signature == entry.signature:
            return False
        if entry.reader is None:
            entry.reader = RunReader(
                entry.folder, self._fds, host=self._host, reopen=self._reopen, followed=entry.followed
            )
        try:
            state = entry.reader.read(self._locks)
        except OSError as error:
            known = entry.facts or complete({"status": "lost"}, entry.run_id)
            state = RunState(
                known, f"the run folder cannot be read ({error.strerror})", entry.bad_event_lines
            )
        changed = entry.set_facts(state.facts)
        entry.damage, entry.bad_event_lines = state.damage, state.bad_event_lines
        entry.signature = (*signature[:4], 0) if _has_end(entry) else signature
        if not entry.is_live:
            entry.wants_settle = entry.reader.wants_settle and entry.facts.get("host") == self._host
            entry.reader = None
        return changed

    def reread(self, run_id: str) -> bool:
        """Read one run anew, whatever its files' times say; True when its facts changed."""
        entry = self.entries[run_id]
        entry.signature = None
        self._locks.refresh()
        return self._look(entry)

    # -- a quick next start ----------------------------------------------------------------------

    def load(self, folder: Path) -> None:
        """Begin with the snapshot, where there is one: entries that `scan` then only compares."""
        try:
            snapshot = msgspec.msgpack.decode((folder / SNAPSHOT).read_bytes(), type=_Snapshot)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return
        if snapshot.schema != SNAPSHOT_SCHEMA or snapshot.host != self._host:
            return
        for kept in snapshot.runs:
            if kept.followed not in self._folders:
                continue
            entry = self._entry(kept.run_id, followed=kept.followed)
            entry.set_facts(cast("RunFacts", kept.facts))
            entry.damage, entry.bad_event_lines = kept.damage, kept.bad_event_lines
            entry.wants_settle = kept.wants_settle
            if _signature(entry) == kept.signature:
                entry.signature = kept.signature
                self._saved.add((kept.run_id, kept.signature))
            self.entries[kept.run_id] = entry

    def save(self, folder: Path) -> bool:
        """Write the snapshot if it would differ; True when it was written.

        Raises:
            OSError: the folder cannot be written.
        """
        ended = [
            (entry, entry.signature)
            for entry in self.entries.values()
            if entry.reader is None and entry.signature is not None and entry.facts
        ]
        names = {(entry.run_id, signature) for entry, signature in ended}
        if names == self._saved:
            return False
        kept = [
            _Kept(
                entry.run_id,
                signature,
                dict(entry.facts),
                entry.damage,
                entry.bad_event_lines,
                entry.wants_settle,
                entry.followed,
            )
            for entry, signature in ended
        ]
        data = _encoded(self._host, kept)
        temp = folder / f"{SNAPSHOT}.{os.getpid()}.tmp"
        temp.write_bytes(data)
        temp.replace(folder / SNAPSHOT)
        self._saved = names
        return True

    def live(self) -> list[str]:
        """Ids of runs that live, newest first."""
        return sorted((run_id for run_id, entry in self.entries.items() if entry.is_live), reverse=True)


def _encoded(host: str, kept: list[_Kept]) -> bytes:
    """The snapshot. Runs whose facts it cannot hold (a number beyond 64 bits, half a character)
    are left out, and read from their files at the next start."""
    try:
        return msgspec.msgpack.encode(_Snapshot(SNAPSHOT_SCHEMA, host, kept))
    except (OverflowError, UnicodeEncodeError):
        return msgspec.msgpack.encode(_Snapshot(SNAPSHOT_SCHEMA, host, list(filter(_can_keep, kept))))


def _can_keep(run: _Kept) -> bool:
    try:
        msgspec.msgpack.encode(run)
    except (OverflowError, UnicodeEncodeError):
        return False
    return True


def _mtime_ns(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return -2


def _signature(entry: Entry) -> Signature:
    """What changes when somebody writes to an ended run: run.json, ogd's own events, exit.json.

    exit.json counts only until it is there: a run that seemed to have crashed may get one late.
    """
    folder = entry.folder.text
    run_json = _stat(f"{folder}/{layout.RUN_JSON}")
    own = _stat(f"{folder}/{layout.EVENTS}/ogd{layout.JOURNAL_SUFFIX}")
    end = 0 if _has_end(entry) else _stat(f"{folder}/{layout.EXIT_JSON}")[0]
    return (*run_json, own[1], end)


def _has_end(entry: Entry) -> bool:
    return entry.facts.get("status") in ("finished", "failed", "stopped")


def _stat(path: str) -> tuple[int, int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116  (a Path object would double the cost of ten thousand of these)
    except OSError:
        return (-1, -1, -1)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
