"""MLflow's database, `mlflow.db`: many runs of many experiments, followed while it is written.

Queries are short and read by row number behind the last one, so that a writer waits for no
more than some milliseconds (the journal mode is `delete`: readers and writers exclude one
another). What can change in place, names, status, tags, is asked again when the file
changed, as often as that is cheap.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from opengraphs.sources import mlflow_facts, plain
from opengraphs.sources.base import Format, Reader, Sink
from opengraphs.sources.reading import DatabaseReader
from opengraphs.sources.sqlitefile import Look, Row, Signature, has_tables

BATCH = 2000
FACTS_S = 0.5
FACTS_SHARE = 20
"""Facts are asked again after this many times as long as asking took."""
_RUN = ("run_uuid", "name", "status", "start_time", "end_time", "user_id", "lifecycle_stage", "experiment_id")
_METRIC = ("run_uuid", "key", "value", "timestamp", "step", "is_nan")


class MlflowReader(DatabaseReader):
    """Follows one database."""

    def __init__(self, path: Path, cursor: Mapping[str, Any] | None) -> None:
        saved = cursor or {}
        super().__init__(path, saved)
        self._identity = int(saved.get("identity", 0))
        self._last = int(saved.get("last", 0))
        self._runs: dict[str, int] = {
            str(key): int(value) for key, value in (saved.get("runs") or {}).items()
        }
        self._deleted: set[str] = {str(key) for key in saved.get("deleted") or ()}
        self._names: dict[str, tuple[str, float | None]] = {}
        self._facts_at = 0.0

    def read(self, sink: Sink, *, budget_s: float) -> bool:
        deadline = time.monotonic() + budget_s
        signature = self._db.signature()
        due = time.monotonic() >= self._facts_at
        if signature == self._seen and (signature == self._settled or not due):
            return False
        return self._look(signature, lambda look: self._read(sink, look, signature, deadline, due))

    def cursor(self) -> dict[str, Any]:
        return {
            "identity": self._identity,
            "last": self._last,
            "runs": self._runs,
            "deleted": sorted(self._deleted),
            "troubles": self._mishaps.saved(),
        }

    def _read(self, sink: Sink, look: Look, signature: Signature, deadline: float, due: bool) -> bool | None:
        """True: more at once. False: through. None: what was seen does not hold together, ask again."""
        top = look.last_row("metrics")
        if not look.is_whole():
            return None
        if self._identity and (signature[0] != self._identity or top < self._last):
            self._restart(sink)
        self._identity = signature[0]
        if due and not self._read_facts(sink, look, signature):
            return None
        while True:
            rows = look.rows("metrics", _METRIC, self._last, BATCH)
            strangers = {str(row[1]) for row in rows} - self._runs.keys() - self._deleted
            if strangers:
                before = self._last
                if not self._read_facts(sink, look, signature):
                    return None
                if self._last != before:
                    continue
                self._deleted |= strangers - self._runs.keys()
            if not look.is_whole():
                return None
            for row in rows:
                self._take(sink, row)
            self._left = max(0.0, 1 - self._last / top) if top else 0.0
            if len(rows) < BATCH:
                self._left = 0.0
                return False
            if time.monotonic() > deadline:
                return True

    def _restart(self, sink: Sink) -> None:
        for key in self._runs:
            sink.reset(key)
        self._runs.clear()
        self._deleted = set()
        self._last = 0

    def _read_facts(self, sink: Sink, look: Look, signature: Signature) -> bool:
        began = time.monotonic()
        experiments = {
            str(row[1]): str(row[2]) for row in self._all(look, "experiments", ("experiment_id", "name"))
        }
        runs = {str(row[1]): dict(zip(_RUN, row[1:], strict=True)) for row in self._all(look, "runs", _RUN)}
        params, tags = self._texts(look, "params"), self._texts(look, "tags")
        if not look.is_whole():
            return False
        alive = {key: run for key, run in runs.items() if run["lifecycle_stage"] != "deleted"}
        if alive.keys() & self._deleted:
            self._restart(sink)  # restored: its rows were passed over
        self._deleted = runs.keys() - alive.keys()
        for key, run in alive.items():
            found = mlflow_facts.facts(
                {**run, "run_id": key},
                experiments.get(str(run["experiment_id"]), ""),
                params.get(key, {}),
                tags.get(key, {}),
            )
            mark = crc32(json.dumps(found, sort_keys=True).encode("utf-8", "replace"))
            if self._runs.get(key) != mark:
                sink.run(key, found)
                self._runs[key] = mark
        for key in self._runs.keys() - alive.keys():
            del self._runs[key]
            sink.gone(key)
        ended = time.monotonic()
        self._facts_at = ended + max(FACTS_S, FACTS_SHARE * (ended - began))
        self._settled = signature
        return True

    def _all(self, look: Look, table: str, columns: tuple[str, ...]) -> list[Row]:
        rows: list[Row] = []
        last = -(1 << 62)
        while batch := look.rows(table, columns, last, BATCH):
            rows += batch
            last = batch[-1][0]
        return rows

    def _texts(self, look: Look, table: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for _rowid, run, key, value in self._all(look, table, ("run_uuid", "key", "value")):
            found[str(run)][str(key)] = "" if value is None else str(value)
        return found

    def _take(self, sink: Sink, row: Row) -> None:
        self._last, run, key, value, stamp, step, is_nan = row
        if run not in self._runs:
            return  # of a deleted run
        as_float = value if type(value) is float else plain.number(value)
        step = step if type(step) is int and abs(step) <= plain.MAX_STEP else plain.step_number(step)
        if as_float is None or step is None:
            self._mishaps.add(self._path, "a metric without a number or a step")
            return
        at, as_float = plain.epoch_of_ms(stamp), mlflow_facts.value_of(as_float, is_nan)
        if key not in self._names:
            self._remember(str(key))
        ours, scale = self._names[key]
        if scale is None:
            sink.metrics(run, step, at, {ours: as_float})
        else:
            sink.system(run, at, {ours: as_float * scale})

    def _remember(self, key: str) -> None:
        """og's name of a metric, and the factor where it is a figure of the machine."""
        if len(self._names) >= plain.MAX_METRICS:
            self._names.clear()
        name = plain.clean(key)
        is_system = name.startswith(mlflow_facts.SYSTEM)
        self._names[key] = mlflow_facts.machine_name(name) if is_system else (name, None)


def accepts(path: Path) -> Path | None:
    """A database with MLflow's tables."""
    wanted = {
        "runs": {"run_uuid", "status", "experiment_id"},
        "metrics": {"run_uuid", "key", "value", "step"},
    }
    return path if has_tables(path, wanted) else None


def open_reader(path: Path, cursor: Mapping[str, Any] | None) -> Reader:
    return MlflowReader(path, cursor)


FORMAT = Format(
    name="mlflow",
    title="MLflow database",
    looks_for="mlflow.db, or another SQLite file with MLflow's tables",
    names=("*.db", "*.sqlite", "*.sqlite3"),
    accepts=accepts,
    open=open_reader,
)
