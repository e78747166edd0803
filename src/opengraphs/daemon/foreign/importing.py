"""`og import`: foreign runs copied into a store for good, as far as they are there now.

A run that is new is put together in `<store>/imports/` and appears whole, by one rename. How
far each source was read stays in the same folder, so a second import adds only what is new,
also after a kill; it leaves alone what people changed, and runs that they removed.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from opengraphs.daemon.foreign import progress as progresses
from opengraphs.daemon.foreign.copies import CopiedRun, Copies
from opengraphs.daemon.foreign.followed import summed
from opengraphs.daemon.foreign.progress import SourceProgress
from opengraphs.records import ENDED, RunFacts
from opengraphs.sdk import jsonfile, layout
from opengraphs.sources.base import Format, Reader, Sink
from opengraphs.sources.discover import Found, Walk
from opengraphs.store.folder import runs_folder
from opengraphs.store.plainfile import open_plain
from opengraphs.store.runcopy import RunCopy

log = logging.getLogger("ogd.foreign")

IMPORTS = "imports"
SLICE_S = 0.5
LOCK_S = 2.0
_RETRY_S = 0.02


class ImportedCopies(Copies):
    """Copies that belong to the store: new ones wait in `staging` until `publish`."""

    def __init__(self, progress: SourceProgress, store: Path, *, project: str, name: str) -> None:
        super().__init__(progress, runs_folder(store), project=project, name=name)
        self._staging = store / IMPORTS / layout.RUNS
        self._locks: dict[str, int] = {}
        self.removed = {
            key
            for key, run in self._runs.items()
            if run.progress.run_id and run.progress.marks and not self._path(run).is_dir()
        }

    def _path(self, run: CopiedRun) -> Path:
        """In the store once it is published, in the staging folder before."""
        there = self._folder / run.progress.run_id
        return there if there.is_dir() else self._staging / run.progress.run_id

    def go_back(self) -> None:
        """The same; runs that people removed stay as they are."""
        gone = {key: self._runs.pop(key) for key in self.removed}
        try:
            super().go_back()
        finally:
            self._runs.update(gone)

    def _open(self, run: CopiedRun) -> None:
        self._lock(run)
        super()._open(run)

    def _begin(self, run: CopiedRun, known: RunFacts) -> RunCopy:
        """One that was imported before, though nobody remembers how far, keeps its run.json."""
        self._lock(run)
        return RunCopy.open(self._path(run), known, writer=self._writer, marks={})

    def _lock(self, run: CopiedRun) -> None:
        """Nobody makes the run whole meanwhile. Where there is no lock nobody does, and one that is
        made now would be a sign of life."""
        path = self._path(run)
        if run.key in self._locks or path.parent == self._staging:
            return
        try:
            lock = open_plain(path / layout.RUN_LOCK, os.O_RDWR)
        except FileNotFoundError:
            return
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    os.close(lock)
                    raise
            time.sleep(_RETRY_S)
        self._locks[run.key] = lock

    def run(self, key: str, facts: RunFacts) -> None:
        if key not in self.removed:
            super().run(key, facts)

    def metrics(self, key: str, step: int, time: float, metrics: Mapping[str, float]) -> None:
        if key not in self.removed:
            super().metrics(key, step, time, metrics)

    def system(self, key: str, time: float, metrics: Mapping[str, float]) -> None:
        if key not in self.removed:
            super().system(key, time, metrics)

    def event(self, key: str, time: float, kind: str, payload: Mapping[str, Any]) -> None:
        if key not in self.removed:
            super().event(key, time, kind, payload)

    def log(self, key: str, data: bytes) -> None:
        if key not in self.removed:
            super().log(key, data)

    def reset(self, key: str) -> None:
        if key not in self.removed:
            super().reset(key)

    def gone(self, key: str) -> None:
        """What was imported stays, whatever becomes of its source."""

    def _beat(self, run: CopiedRun, copy: RunCopy) -> bool:
        """An import is of this moment: whatever the source calls running is not followed any more."""
        if run.progress.told not in ENDED and (run.grew or copy.facts.get("status") == "running"):
            last_s = run.progress.last_s or self._source_s()
            copy.set_facts(heartbeat_at=layout.utc_iso(last_s))
            copy.finish("finished", ended_at_s=last_s)
        return False

    def publish(self) -> None:
        """Let the new runs appear.

        Raises:
            OSError: the store cannot be written; they wait for the next import.
        """
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        for run in self._runs.values():
            path = self._path(run)
            if run.key not in self.removed and path.parent == self._staging and path.is_dir():
                path.rename(self._folder / path.name)
        jsonfile.sync_folder(str(self._folder))

    def close(self) -> None:
        super().close()
        for lock in self._locks.values():
            os.close(lock)
        self._locks.clear()

    def row_of(self, key: str, *, points_before: int, is_new: bool) -> dict[str, Any]:
        """What the import did with one run."""
        progress = self._runs[key].progress
        added = progress.points - points_before
        if key in self.removed:
            state = "removed"
        elif is_new:
            state = "imported"
        else:
            state = "updated" if added > 0 else "unchanged"
        return {
            "run_id": progress.run_id,
            "key": key,
            "format": self._progress.format,
            "path": self._progress.path,
            "state": state,
            "points": max(0, added),
        }


class _Counted:
    """A sink that keeps nothing: what an import would bring."""

    def __init__(self) -> None:
        self.points: dict[str, int] = {}

    def run(self, key: str, facts: RunFacts) -> None:
        self.points.setdefault(key, 0)

    def metrics(self, key: str, step: int, time: float, metrics: Mapping[str, float]) -> None:
        self.points[key] = self.points.get(key, 0) + len(metrics)

    def system(self, key: str, time: float, metrics: Mapping[str, float]) -> None: ...
    def event(self, key: str, time: float, kind: str, payload: Mapping[str, Any]) -> None: ...
    def log(self, key: str, data: bytes) -> None: ...
    def reset(self, key: str) -> None:
        self.points[key] = 0

    def gone(self, key: str) -> None: ...


class Import:
    """One import on its way. `run` works in a thread of its own; the rest may be read meanwhile.

    Attributes:
        rows: a dict a run. sources: a dict a source that was looked at. is_done: it ended.
        failure: why it broke off, "" when it did not.
    """

    def __init__(
        self, path: Path, store: Path, formats: Sequence[Format], *, format_: str, project: str, dry_run: bool
    ) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        self.sources: list[dict[str, Any]] = []
        self.is_done = self._is_cancelled = False
        self.failure = ""
        self.dry_run = dry_run
        self._store = store
        self._formats = [one for one in formats if format_ in ("", one.name)]
        self._project = project or (path if path.is_dir() else path.parent).name

    def cancel(self) -> None:
        """End soon; what was read so far is kept for the next import."""
        self._is_cancelled = True

    def run(self) -> None:
        """Find the sources and import each; raises nothing."""
        try:
            walk = Walk(self.path, self._formats)
            while not walk.is_done and not self._is_cancelled:
                for found in walk.advance(SLICE_S):
                    self._import(found)
        except OSError as error:
            self.failure = f"{error.strerror or error}: {error.filename or self._store}"
        except Exception as error:  # the daemon's border, as in `followed`
            log.exception("the import of %s failed", self.path)
            self.failure = f"{type(error).__name__}: {error}"
        finally:
            self.is_done = True

    def _import(self, found: Found) -> None:
        if self._is_cancelled:
            return
        path = os.fspath(found.path)
        source: dict[str, Any] = {"format": found.format.name, "path": path, "message": "", "skipped": 0}
        self.sources.append(source)
        file = self._store / IMPORTS / f"{progresses.source_id(found.format.name, path)}.json"
        progress = progresses.load(file) or SourceProgress(progresses.SCHEMA, found.format.name, path)
        if self.dry_run:
            self._count(found, progress, source)
        else:
            self._copy(found, progress, file, source)

    def _copy(self, found: Found, progress: SourceProgress, file: Path, source: dict[str, Any]) -> None:
        points_before = {key: run.points for key, run in progress.runs.items()}
        copies = ImportedCopies(progress, self._store, project=self._project, name=found.path.stem)
        try:
            copies.go_back()
            for reader in self._reading(found, progress, copies, source):
                copies.commit()
                progress.cursor = reader.cursor()
                progresses.save(file, progress)
            copies.publish()
        finally:
            copies.close()
        self.rows += [
            copies.row_of(key, points_before=points_before.get(key, 0), is_new=key not in points_before)
            for key in progress.runs
        ]

    def _count(self, found: Found, progress: SourceProgress, source: dict[str, Any]) -> None:
        counted = _Counted()
        for _ in self._reading(found, progress, counted, source):
            pass
        for key in {**progress.runs, **counted.points}:
            known, points = progress.runs.get(key), counted.points.get(key, 0)
            state = "imported" if known is None else "updated" if points else "unchanged"
            self.rows.append(
                {
                    "run_id": known.run_id if known else "",
                    "key": key,
                    "format": found.format.name,
                    "path": os.fspath(found.path),
                    "state": state,
                    "points": points,
                }
            )

    def _reading(
        self, found: Found, progress: SourceProgress, sink: Sink, source: dict[str, Any]
    ) -> Iterator[Reader]:
        """The reader after each stretch that it read, to its end. What it cannot read goes to `source`."""
        reader = found.format.open(found.path, progress.cursor)
        try:
            more = True
            while more and not self._is_cancelled:
                more = reader.read(sink, budget_s=SLICE_S)
                troubles = reader.troubles()
                source["skipped"] = sum(trouble.skipped for trouble in troubles)
                source["message"] = summed(troubles)
                yield reader
        except OSError as error:
            if not _is_of(error, found.path):
                raise
            source["message"] = f"cannot be read: {error.strerror or error}"
        finally:
            reader.close()


def _is_of(error: OSError, path: Path) -> bool:
    """Whether an error is about the source, and not about our own disk."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return False
    return error.filename is None or str(error.filename).startswith(os.fspath(path))
