"""The sink of one source's reader: each run that it tells of becomes a run folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from opengraphs.daemon.foreign.progress import RunProgress, SourceProgress, run_id_of
from opengraphs.records import ENDED, RunFacts
from opengraphs.sdk import layout
from opengraphs.store.runcopy import RunCopy
from opengraphs.store.runfacts import QUIET_AFTER_S
from opengraphs.store.runjson import epoch, read_run_json

BEAT_S = 10.0
"""A growing copy says so in its run.json this often."""
BELIEVED_S = 3600.0
"""A run that its source calls running is believed for so long after its last record."""
MAX_OPEN = 64
"""Copies of one source whose files stay open between two commits."""


class Commit(NamedTuple):
    """What a commit brought: runs that have new records, and whether facts or runs are new too."""

    grown: list[str]
    facts_changed: bool


class CopiedRun:
    """One run while the source is followed. `waiting`: facts of a run of which no folder was made yet."""

    __slots__ = ("copy", "grew", "has_facts", "key", "progress", "waiting")

    def __init__(self, key: str, progress: RunProgress) -> None:
        self.key = key
        self.progress = progress
        self.copy: RunCopy | None = None
        self.waiting: RunFacts | None = None
        self.grew = self.has_facts = False

    def heard(self, time_s: float, now_s: float) -> None:
        self.grew = True
        if self.progress.last_s < time_s <= now_s + 60.0:
            self.progress.last_s = time_s


class Copies:
    """Takes what the reader of one source finds (a `Sink`), and keeps it at `commit`.

    Args:
        progress: how far the source was read; changed in place.
        runs: the folder that run folders are made in.
        project: of runs whose source names none.
        name: of a run whose source names none, and which is the only one there.

    Attributes:
        is_live: the source was read to its end before, so what comes now was written just now.
        points: metric values taken since the copies were opened.
    """

    def __init__(self, progress: SourceProgress, runs: Path, *, project: str, name: str) -> None:
        self.is_live = False
        self.points = 0
        self._progress = progress
        self._folder = runs
        self._project = project
        self._name = name
        self._writer = progress.format.replace(".", "-")
        self._runs = {key: CopiedRun(key, known) for key, known in progress.runs.items()}
        self._touched: dict[str, CopiedRun] = {}
        self._trouble = ""
        self._now_s = time.time()

    # -- beginning -------------------------------------------------------------------------------

    def go_back(self) -> None:
        """Bring the copies to where the source was left: what came after it goes, and a source of
        which a copy is damaged or gone is begun anew.

        Raises:
            OSError: a copy cannot be changed.
        """
        kept = [run for run in self._runs.values() if not run.progress.gone]
        if any(self._is_damaged(run) for run in kept):
            self._progress.cursor = None
            for run in kept:
                run.progress.marks, run.progress.facts, run.progress.points = {}, {}, 0
                run.progress.last_s = 0.0
        for run in kept:
            if self._path(run).is_dir():
                self._open(run)
                self._close(run)

    def _is_damaged(self, run: CopiedRun) -> bool:
        path = self._path(run)
        try:
            return any((path / name).stat().st_size < size for name, size in run.progress.marks.items())
        except FileNotFoundError:
            return True

    def close(self) -> None:
        """Let go of files."""
        for run in self._runs.values():
            self._close(run)

    # -- the sink --------------------------------------------------------------------------------

    def run(self, key: str, facts: RunFacts) -> None:
        """Facts of a run that is new, or that changed."""
        run = self._runs.get(key)
        if run is None:
            run = self._runs[key] = CopiedRun(key, RunProgress(""))
        run.has_facts = True
        self._touched[key] = run
        if not run.progress.run_id or run.progress.gone:
            run.waiting = cast("RunFacts", {**(run.waiting or {}), **facts})
            if created := _created(run.waiting):
                self._make(run, created)
            return
        self._take_facts(run, facts)

    def metrics(self, key: str, step: int, time: float, metrics: Mapping[str, float]) -> None:
        """One metric record."""
        self._written(key, time).metrics(step, time, metrics)
        self._runs[key].progress.points += len(metrics)
        self.points += len(metrics)

    def system(self, key: str, time: float, metrics: Mapping[str, float]) -> None:
        """Figures of the machine."""
        self._written(key, time).system(time, metrics)

    def event(self, key: str, time: float, kind: str, payload: Mapping[str, Any]) -> None:
        """An event."""
        self._written(key, time).event(time, kind, payload)

    def log(self, key: str, data: bytes) -> None:
        """More of the log."""
        self._written(key, 0.0).log(data)

    def reset(self, key: str) -> None:
        """What was given of this run is void."""
        run = self._runs.get(key)
        if run is None or not run.progress.run_id or run.progress.gone:
            return
        self._copy(run).reset()
        run.progress.points, run.progress.last_s = 0, 0.0
        run.grew = True
        self._touched[key] = run

    def gone(self, key: str) -> None:
        """The run was removed at its source: its copy goes with the next commit."""
        run = self._runs.get(key)
        if run is not None and run.progress.run_id:
            self._close(run)
            run.progress.gone = run.has_facts = True
            run.waiting = None
            self._touched[key] = run

    # -- runs ------------------------------------------------------------------------------------

    def _written(self, key: str, time_s: float) -> RunCopy:
        """The copy of a run of which a record comes."""
        run = self._runs[key]
        if run.copy is None or not run.grew:
            self._touched[key] = run
            if run.waiting is not None:
                self._make(run, time_s if time_s > 0.0 else self._source_s())
        run.heard(time_s, self._now_s)
        return run.copy or self._copy(run)

    def _copy(self, run: CopiedRun) -> RunCopy:
        if run.copy is None:
            self._open(run)
        assert run.copy is not None
        return run.copy

    def _open(self, run: CopiedRun) -> None:
        run.copy = RunCopy.open(self._path(run), {}, writer=self._writer, marks=run.progress.marks)

    def _close(self, run: CopiedRun) -> None:
        if run.copy is not None:
            run.copy.close()
            run.copy = None

    def _path(self, run: CopiedRun) -> Path:
        return self._folder / run.progress.run_id

    def _source_s(self) -> float:
        """When the source was written last; now where that cannot be seen."""
        try:
            return os.stat(self._progress.path).st_mtime  # noqa: PTH116
        except OSError:
            return self._now_s

    def _make(self, run: CopiedRun, created_s: float) -> None:
        facts, run.waiting = run.waiting or {}, None
        run.progress = RunProgress(self._free_id(run.key, created_s))
        self._progress.runs[run.key] = run.progress
        known: dict[str, Any] = {
            "status": "running",
            "created_at": layout.utc_iso(created_s),
            "started_at": layout.utc_iso(created_s),
            "host": "",
            "project": self._project,
            "name": run.key or self._name,
            "source": self._progress.format,
            "source_path": self._progress.path,
            "source_trouble": self._trouble,
            "journal": "append",
        }
        run.copy = self._begin(run, cast("RunFacts", known))
        run.has_facts = True
        self._take_facts(run, facts)

    def _begin(self, run: CopiedRun, known: RunFacts) -> RunCopy:
        """A copy with nothing in it."""
        (self._path(run) / layout.RUN_JSON).unlink(missing_ok=True)  # of one that was begun and not kept
        return RunCopy.open(self._path(run), known, writer=self._writer, marks={})

    def _free_id(self, key: str, created_s: float) -> str:
        """The id that follows from where the run comes from; another one where a stranger has it."""
        taken = {other.run_id for name, other in self._progress.runs.items() if name != key}
        for attempt in range(100):
            run_id = run_id_of(
                self._progress.format, self._progress.path, key, created_s=created_s, attempt=attempt
            )
            owner = read_run_json(self._folder / run_id / layout.RUN_JSON).facts.get("source_path")
            if run_id not in taken and owner in (None, self._progress.path):
                return run_id
        return run_id

    def _take_facts(self, run: CopiedRun, facts: RunFacts) -> None:
        """Set what the source says otherwise than before: what people changed since stays."""
        new: dict[str, Any] = {}
        for field, value in facts.items():
            mark = _hash(value)
            if run.progress.facts.get(field) != mark:
                run.progress.facts[field] = mark
                new[field] = value
        new = {field: value for field, value in new.items() if value is not None or field not in _NEEDED}
        told = new.pop("status", None)
        if told is not None:
            run.progress.told = str(told)
            if told in ENDED:
                new["status"] = told
                new.setdefault("ended_at", facts.get("ended_at"))
        if new:
            run.has_facts = True
            self._copy(run).set_facts(**new)

    # -- keeping ---------------------------------------------------------------------------------

    def commit(self, trouble: str = "") -> Commit:
        """Bring what came into the files, and the marks into the progress.

        Args:
            trouble: what of the source could not be read, for run.json.

        Raises:
            OSError: a copy cannot be written; nothing of it counts then: begin from the saved progress.
        """
        self._now_s = time.time()
        for run in [run for run in self._touched.values() if run.waiting is not None]:
            self._make(run, self._source_s())  # a run without a record yet
        if trouble != self._trouble:
            self._note_trouble(trouble)
        grown, changed = [], False
        for run in self._touched.values():
            if run.progress.gone:
                changed = True
                shutil.rmtree(self._path(run), ignore_errors=True)
                run.progress.marks = {}
                continue
            copy = self._copy(run)
            changed = self._beat(run, copy) or run.has_facts or changed
            run.progress.marks = copy.flush()
            if run.grew:
                grown.append(run.progress.run_id)
            run.grew = run.has_facts = False
        self._touched.clear()
        self._close_some()
        return Commit(grown, changed)

    def _note_trouble(self, trouble: str) -> None:
        self._trouble = trouble
        for run in self._runs.values():
            if run.progress.run_id and not run.progress.gone and run.waiting is None:
                self._copy(run).set_facts(source_trouble=trouble)
                run.has_facts = True
                self._touched[run.key] = run

    def _close_some(self) -> None:
        """Keep few files open, those of the runs that came last."""
        opened = [run for run in self._runs.values() if run.copy is not None]
        for run in opened[:-MAX_OPEN] if self.is_live else opened:
            self._close(run)

    def _beat(self, run: CopiedRun, copy: RunCopy) -> bool:
        """Say in run.json when the run was written last; True when that makes it live again."""
        if run.progress.told in ENDED or not run.grew:
            return False
        beat_s = self._now_s if self.is_live else run.progress.last_s or self._source_s()
        before_s = epoch(copy.facts.get("heartbeat_at")) or 0.0
        if beat_s - before_s < BEAT_S:
            return False
        copy.set_facts(status="running", heartbeat_at=layout.utc_iso(beat_s), ended_at=None)
        return self._now_s - before_s > QUIET_AFTER_S - BEAT_S

    def reassure(self) -> list[str]:
        """Keep up the runs that their source calls running though they are quiet; the ids that changed.

        Raises:
            OSError: a copy cannot be written.
        """
        now_s, kept = time.time(), []
        for run in self._runs.values():
            progress = run.progress
            if progress.told == "running" and not progress.gone and now_s - progress.last_s < BELIEVED_S:
                copy = self._copy(run)
                copy.set_facts(status="running", heartbeat_at=layout.utc_iso(now_s), ended_at=None)
                progress.marks = copy.flush()
                kept.append(progress.run_id)
        self._close_some()
        return kept


_NEEDED = ("project", "name", "created_at", "started_at", "host")
"""Facts that are not replaced by nothing."""


def _created(facts: Mapping[str, Any]) -> float | None:
    for field in ("created_at", "started_at"):
        value = facts.get(field)
        with contextlib.suppress(OverflowError, OSError):
            if isinstance(value, str) and (moment := epoch(value)) is not None:
                return moment
    return None


def _hash(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str).encode("utf-8", "replace")
    return hashlib.blake2b(text, digest_size=6).hexdigest()
