"""One run that a Trackio client writes through ogd: its folder, its lock, what it holds already.

A run of its own is made in the store and owned by ogd (it holds `run.lock`, so that the run
reads as running) until nothing came for a while. A client that was started by `og run` writes
into that very run instead, beside the runner, through journals of its own name.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from opengraphs.daemon.ingest import values
from opengraphs.daemon.ingest.ids import Ids, kept_lines
from opengraphs.records import RunFacts
from opengraphs.sdk import jsonfile, layout, locks
from opengraphs.sdk.plain import plain
from opengraphs.sources import trackio_values
from opengraphs.store.folder import RunFolder, run_names, runs_folder
from opengraphs.store.runcopy import RunCopy

SOURCE = "trackio"
WRITER = "ingest"
IDENTITY = "ingest.json"
"""In the folder of a run that ogd made for a client: whose it is."""
HEARTBEAT_S = 15.0
LOCK_S = 3.0
_HIDDEN = ("_Username", "_Created", "_Group")


class Key(NamedTuple):
    """Which run a row belongs to. run_id "" where the client has none: then its name counts.

    folder: of a run that the client was started for; None for a run of its own.
    """

    project: str
    run_id: str
    name: str
    folder: Path | None

    def identity(self) -> list[str]:
        """What decides: a name is a label as soon as there is an id."""
        return [self.project, self.run_id, "" if self.run_id else self.name]


class Landing:
    """Writes one run; one thread. Made by `create`, `resume` or `join`.

    Attributes:
        rows: records stored by this object. heard_at: monotonic time of the last one.
        batch: number of the last batch that touched it; its folder was there then.
    """

    def __init__(self, copy: RunCopy, *, writer: str, lock: int | None) -> None:
        self.copy = copy
        self.rows = 0
        self.heard_at = time.monotonic()
        self.batch = 0
        self._writer = writer
        self._lock = lock
        self._beat_at = self.heard_at
        self._newest_s = 0.0
        self._next_step = 0
        self._metrics, self._system, self._samples, self._alerts = Ids(), Ids(), Ids(), Ids()
        self._is_recalled = False

    @classmethod
    def create(cls, store: Path, key: Key, *, created_s: float) -> Landing:
        """A new run in the store, running from now on.

        Raises:
            OSError: the store cannot be written.
        """
        while True:
            run_id = layout.new_run_id(created_s, seed=_seed(key))
            folder = runs_folder(store) / run_id
            if not folder.exists() or identity_of(folder) == key.identity():
                break
            created_s += 1.0  # another run of the same second and letters
        folder.mkdir(parents=True, exist_ok=True)
        jsonfile.write_json(str(folder / IDENTITY), {"schema": 1, SOURCE: key.identity()})
        moment = layout.utc_iso(created_s)
        facts: RunFacts = {
            "schema": layout.SCHEMA,
            "run_id": run_id,
            "project": key.project,
            "name": key.name or run_id,
            "created_at": moment,
            "started_at": moment,
            "host": layout.host_name(),
            "source": SOURCE,
            "journal": "append",
        }
        return cls._own(folder, facts)

    @classmethod
    def resume(cls, folder: Path) -> Landing:
        """Go on writing a run that `create` made, by whichever daemon.

        Raises:
            OSError: the folder cannot be written, or its lock is held by another.
        """
        return cls._own(folder, {})

    @classmethod
    def _own(cls, folder: Path, facts: RunFacts) -> Landing:
        lock = os.open(folder / layout.RUN_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _take(lock, folder)
            living = {"status": "running", "ended_at": None, "exit_code": None, "signal": None}
            copy = RunCopy.open(folder, cast("RunFacts", {**facts, **living}), writer=WRITER)
            return cls(copy, writer=WRITER, lock=lock)
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def join(cls, folder: Path, key: Key) -> Landing:
        """Write into the run that the client was started for.

        Raises:
            OSError: the folder is gone or cannot be written.
        """
        writer = f"{WRITER}-{tail_of(key)}"
        return cls(RunCopy.join(folder, writer=writer), writer=writer, lock=None)

    def _recall(self) -> None:
        """Read what the journals hold, before the first record: a long run takes seconds."""
        if self._is_recalled:
            return
        folder = self.copy.folder
        for kept in kept_lines(folder.metrics, self._writer):
            if kept.log_id:
                self._metrics.add(kept.log_id)
            if kept.step is not None:
                self._next_step = kept.step + 1
        for path, ids in ((folder.system, self._system), (folder.samples, self._samples)):
            for kept in kept_lines(path, self._writer):
                if kept.log_id:
                    ids.add(kept.log_id)
        for kept in kept_lines(folder.events, self._writer):
            if kept.alert_id:
                self._alerts.add(kept.alert_id)
        self._is_recalled = True

    @property
    def is_own(self) -> bool:
        """Whether ogd made this run, rather than joined somebody's."""
        return self._lock is not None

    @property
    def is_gone(self) -> bool:
        """Whether the folder was removed or moved (the trash) under our hands."""
        return not self.copy.folder.path.is_dir()

    @property
    def last_step(self) -> int | None:
        """The step of the newest row; None before the first."""
        self._recall()
        return self._next_step - 1 if self._next_step or self.rows else None

    # -- records ---------------------------------------------------------------------------------

    def metrics(self, step: int | None, time_s: float, found: values.Values, log_id: str) -> None:
        """One row: its numbers as a metric record, everything else as samples.

        Raises:
            OSError: here and below: the run's files cannot be read. Forget this object then.
        """
        self._recall()
        at = self._next_step if step is None else step
        if not log_id or self._metrics.add(log_id):
            self.copy.metrics(at, time_s, found.metrics, source=SOURCE, log_id=log_id or None)
            self._next_step = at + 1
            self._heard(time_s)
        for name, columns in found.samples.items():
            part = f"{log_id}:{name}" if log_id else ""
            if not part or self._samples.add(part):
                self._sample(at, time_s, name, columns, part)

    def _sample(self, step: int, time_s: float, name: str, columns: Mapping[str, Any], part: str) -> None:
        table = values.table_of(columns)
        self.copy.sample(
            time_s, step, name, columns if table is None else self._keep_table(step, name, table), log_id=part
        )

    def _keep_table(self, step: int, name: str, table: Mapping[str, Any]) -> dict[str, Any]:
        """The table as the SDK keeps one: a file, and a sample that refers to it."""
        folder = self.copy.folder.path / layout.MEDIA
        folder.mkdir(exist_ok=True)
        file = f"{values.media_name(name.replace('/', '-'))}-{step}-{os.urandom(4).hex()}.table.json"
        data = json.dumps(plain(table), separators=(",", ":")).encode()
        jsonfile.replace_file(str(folder / file), data)
        size = {"bytes": len(data), "rows": len(table["data"]), "columns": len(table["columns"])}
        return {"table": {"media": f"{layout.MEDIA}/{file}", "format": "table.json", **size}}

    def system(self, time_s: float, metrics: Mapping[str, float], log_id: str) -> None:
        """Figures of the client's machine."""
        self._recall()
        if not log_id or self._system.add(log_id):
            self.copy.system(time_s, trackio_values.machine(metrics), log_id=log_id or None)
            self._heard(time_s)

    def alert(self, time_s: float, alert: Mapping[str, Any]) -> None:
        """One alert of the user's code."""
        self._recall()
        alert_id = str(alert.get("alert_id") or os.urandom(8).hex())
        if self._alerts.add(alert_id):
            told = trackio_values.alert(
                alert.get("title"), alert.get("text"), alert.get("level"), alert.get("step"), alert_id
            )
            self.copy.event(time_s, "alert", told)
            self._heard(time_s)

    def config(self, config: Mapping[str, Any]) -> None:
        """The run's config; keys of an earlier leg that this one lacks stay."""
        given = {key: value for key, value in plain(dict(config)).items() if key not in _HIDDEN}
        if not self.is_own:
            if given:
                self.copy.event(time.time(), "config", {"config": given})
            return
        known = self.copy.facts
        changes: dict[str, Any] = {"config": {**known.get("config", {}), **given}}
        if isinstance(config.get("_Group"), str):
            changes["group"] = config["_Group"]
        if isinstance(config.get("_Username"), str):
            changes["user"] = config["_Username"]
        self.copy.set_facts(**changes)

    def _heard(self, time_s: float) -> None:
        self.rows += 1
        self._newest_s = max(self._newest_s, time_s)

    # -- keeping ---------------------------------------------------------------------------------

    def flush(self) -> None:
        """Everything into the page cache.

        Raises:
            OSError: the disk takes no more: forget this object, and what it knows, then.
        """
        self.heard_at = time.monotonic()
        if self.is_own and (
            self.heard_at - self._beat_at > HEARTBEAT_S or "heartbeat_at" not in self.copy.facts
        ):
            self._beat_at = self.heard_at
            self.copy.set_facts(heartbeat_at=layout.utc_iso())
        self.copy.flush()

    def finish(self) -> None:
        """Nothing came for a while: the run ended when its last record was made."""
        if self.is_own:
            self.copy.finish("finished", ended_at_s=self._newest_s or None)
            self.copy.flush()
        self.close()

    def close(self) -> None:
        """Let go of files and lock; what was not flushed is lost."""
        self.copy.close()
        if self._lock is not None:
            locks.unlock_and_close(self._lock)
            self._lock = None


def _take(lock: int, folder: Path) -> None:
    """Hold `run.lock`. It may be taken for a moment: ogd makes a run whole after its end."""
    deadline = time.monotonic() + LOCK_S
    while not locks.try_lock(lock):
        if time.monotonic() > deadline:
            raise BlockingIOError(errno.EBUSY, "another process holds the run's lock", str(folder))
        time.sleep(0.01)


def tail_of(key: Key) -> str:
    """The four letters that end the ids of a client's run: always the same for the same run."""
    return layout.new_run_id(0.0, seed=_seed(key)).rpartition("-")[2]


def _seed(key: Key) -> bytes:
    return hashlib.blake2b(json.dumps([SOURCE, *key.identity()]).encode(), digest_size=8).digest()


def find(store: Path, key: Key) -> Path | None:
    """The newest folder that `create` made for this run; None when there is none (any more).

    Raises:
        OSError: the store cannot be listed.
    """
    runs, tail, wanted = runs_folder(store), f"-{tail_of(key)}", key.identity()
    for name in sorted(run_names(runs), reverse=True):
        if name.endswith(tail) and identity_of(runs / name) == wanted:
            return runs / name
    return None


def last_step_of(folder: Path) -> int | None:
    """The step of the newest row in a run's folder; None when it has none."""
    last: int | None = None
    for kept in kept_lines(folder / layout.METRICS, WRITER):
        last = last if kept.step is None else kept.step
    return last


def identity_of(folder: Path) -> list[str] | None:
    """[project, run id, name] of a run that a client wrote; None for every other."""
    value = jsonfile.read_json(str(folder / IDENTITY)).get(SOURCE)
    is_sound = isinstance(value, list) and len(value) == 3 and all(isinstance(part, str) for part in value)
    return value if is_sound else None


def is_run(folder: Path) -> bool:
    """Whether a client may join here: a run's folder, with its run.json."""
    return folder.is_absolute() and RunFolder(folder).run_json.is_file()
