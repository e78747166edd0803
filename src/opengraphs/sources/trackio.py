"""Trackio projects: one SQLite file each, with many runs, followed while trackio writes.

The file is asked again when its or its log's stat moved (`sqlitefile` says how, without a
lock and without a file beside it), and only for rows behind the last id of each table. A run
is keyed by its run_id; in databases from before there were any, by its name. Trackio knows
no status, end or host: none is made up.

All rows of one flush carry one time stamp, so times are no finer than its half second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from opengraphs.sources import plain, trackio_values
from opengraphs.sources.base import Format, Reader, Sink
from opengraphs.sources.reading import DatabaseReader
from opengraphs.sources.sqlitefile import Look, Row, Signature, has_tables
from opengraphs.sources.trackio_inbox import Inbox, id_of

KNOWN_SCHEMA = 2
BATCH = 2000
RECOUNT_S = 5.0
"""Renamed and removed runs are looked for this often, or more rarely where that is dear."""
_TABLES = {
    "metrics": ("timestamp", "run_name", "step", "metrics", "log_id"),
    "system_metrics": ("timestamp", "run_name", "metrics", "log_id"),
    "alerts": ("timestamp", "run_name", "title", "text", "level", "step", "alert_id"),
}
_CONFIG = ("run_name", "config", "created_at")


class TrackioReader(DatabaseReader):
    """Follows one project."""

    def __init__(self, path: Path, cursor: Mapping[str, Any] | None) -> None:
        saved = cursor or {}
        super().__init__(path, saved)
        self._project = plain.clean(path.stem)
        self._inbox = Inbox(path.parent / "inbox", path.stem, saved.get("inbox") or {}, self._mishaps)
        self._identity: list[Any] = list(saved.get("identity") or [])
        self._last: dict[str, int] = {
            str(key): int(value) for key, value in (saved.get("last") or {}).items()
        }
        self._runs: dict[str, int] = {
            str(key): int(value) for key, value in (saved.get("runs") or {}).items()
        }
        self._inboxed: set[str] = {str(key) for key in saved.get("inboxed") or ()}
        self._recount_at = 0.0
        self._stamp: object = None
        self._stamp_s = 0.0

    def read(self, sink: Sink, *, budget_s: float) -> bool:
        deadline = time.monotonic() + budget_s
        more = self._inbox.read(
            lambda record: self._take_fragment(sink, record), is_over=lambda: time.monotonic() > deadline
        )
        try:
            signature = self._db.signature()
        except OSError:
            if (self._path.parent / "inbox").is_dir():
                return more  # nobody has imported anything yet
            raise
        if signature == self._seen and (signature == self._settled or time.monotonic() < self._recount_at):
            return more
        return self._look(signature, lambda look: self._read(sink, look, signature, deadline)) or more

    def cursor(self) -> dict[str, Any]:
        return {
            "identity": self._identity,
            "last": self._last,
            "runs": self._runs,
            "inboxed": sorted(self._inboxed),
            "inbox": self._inbox.saved(),
            "troubles": self._mishaps.saved(),
        }

    def _read(self, sink: Sink, look: Look, signature: Signature, deadline: float) -> bool | None:
        """True: more at once. False: through. None: what was seen does not hold together, ask again."""
        has_ids = "run_id" in look.tables.get("metrics", ())
        sequence = {str(name): int(top or 0) for _id, name, top in self._sequence(look)}
        if not look.is_whole():
            return None
        if look.user_version > KNOWN_SCHEMA:
            self._mishaps.once(self._path, f"schema version {look.user_version} is newer than {KNOWN_SCHEMA}")
        identity = [signature[0], has_ids]
        if self._identity and (identity != self._identity or self._went_back(sequence)):
            self._restart(sink)
        self._identity = identity
        if not self._read_configs(sink, look, has_ids, all_of_them=time.monotonic() >= self._recount_at):
            return None
        for table, columns in _TABLES.items():
            verdict = self._read_table(
                sink, look, table, (*columns, "run_id"), sequence.get(table, 0), deadline
            )
            if verdict is not False:
                return verdict
        self._left = 0.0
        if time.monotonic() >= self._recount_at:
            return self._recount(sink, look, has_ids, signature)
        return False

    def _sequence(self, look: Look) -> list[Row]:
        return look.rows("sqlite_sequence", ("name", "seq"), 0, 100)

    def _went_back(self, sequence: Mapping[str, int]) -> bool:
        """Ids are never given twice: a counter below ours is another database's."""
        return any(
            sequence.get(table, 0) < self._last.get(table, 0) for table in _TABLES if table in sequence
        )

    def _restart(self, sink: Sink) -> None:
        for key in self._runs:
            if key not in self._inboxed:
                sink.reset(key)
        self._runs = {key: 0 for key in self._runs if key in self._inboxed}
        self._last = {}

    def _read_configs(self, sink: Sink, look: Look, has_ids: bool, *, all_of_them: bool) -> bool:
        """New configs, or all to find what was renamed; False when they do not hold together."""
        last = 0 if all_of_them else self._last.get("configs", 0)
        rows: list[Row] = []
        while batch := look.rows("configs", (*_CONFIG, "run_id"), last, BATCH):
            rows += batch
            last = batch[-1][0]
        if not look.is_whole():
            return False
        for _rowid, name, config, created, run_id in rows:
            key = self._key(run_id if has_ids else name)
            self._tell(sink, key, str(name or ""), self._object(config), plain.epoch_s(created) or 0.0)
        self._last["configs"] = max(last, self._last.get("configs", 0))
        return True

    def _tell(self, sink: Sink, key: str, name: str, config: Mapping[str, Any], created_s: float) -> None:
        mark = crc32(repr((name, config)).encode("utf-8", "replace"))
        if self._runs.get(key) != mark:
            sink.run(key, trackio_values.facts(self._project, name, config, created_s))
            self._runs[key] = mark

    def _read_table(
        self, sink: Sink, look: Look, table: str, columns: tuple[str, ...], top: int, deadline: float
    ) -> bool | None:
        take = self._takers()[table]
        while True:
            last = self._last.get(table, 0)
            rows = look.rows(table, columns, last, BATCH)
            if not look.is_whole():
                return None
            for row in rows:
                fields = dict(zip(columns, row[1:], strict=True))
                key = self._key(fields.get("run_id") or fields["run_name"])
                one = id_of(fields)
                self._last[table] = row[0]
                if not one or one not in self._inbox.ids:
                    take(sink, key, fields)
            self._left = max(0.0, 1 - self._last.get(table, 0) / top) if top else 0.0
            if len(rows) < BATCH:
                return False
            if time.monotonic() > deadline:
                return True

    def _takers(self) -> dict[str, Callable[[Sink, str, Mapping[str, Any]], None]]:
        return {
            "metrics": self._take_metrics,
            "system_metrics": self._take_system,
            "alerts": self._take_alert,
        }

    def _take_metrics(self, sink: Sink, key: str, fields: Mapping[str, Any]) -> None:
        found: dict[str, float] = {}
        plain.flatten(self._object(fields["metrics"]), found)
        at = self._known(sink, key, fields)
        step = plain.step_number(fields["step"])
        if found and step is not None:
            sink.metrics(key, step, at, found)

    def _take_system(self, sink: Sink, key: str, fields: Mapping[str, Any]) -> None:
        found = trackio_values.machine(self._object(fields["metrics"]))
        at = self._known(sink, key, fields)
        if found:
            sink.system(key, at, found)

    def _take_alert(self, sink: Sink, key: str, fields: Mapping[str, Any]) -> None:
        at = self._known(sink, key, fields)
        told = trackio_values.alert(
            fields["title"],
            fields["text"],
            fields["level"],
            fields["step"],
            str(fields.get("alert_id") or at),
        )
        sink.event(key, at, "alert", told)

    def _take_fragment(self, sink: Sink, record: Mapping[str, Any]) -> None:
        name = str(record.get("run") or "")
        key = self._key(record.get("run_id") or name)
        fields = {**record, "run_name": name}
        self._inboxed.add(key)
        config = record.get("config")
        if isinstance(config, dict):
            self._tell(sink, key, name, config, plain.epoch_s(record.get("timestamp")) or 0.0)
        kinds = {"metric": "metrics", "system_metric": "system_metrics", "alert": "alerts"}
        table = kinds.get(str(record.get("kind")))
        if table:
            blank = dict.fromkeys(_TABLES[table])
            self._takers()[table](sink, key, {**blank, **fields})

    def _known(self, sink: Sink, key: str, fields: Mapping[str, Any]) -> float:
        """The record's time; the run is announced if nothing of it was seen before."""
        stamp = fields["timestamp"]
        if stamp != self._stamp:  # all rows of a flush carry one
            self._stamp, self._stamp_s = stamp, plain.epoch_s(stamp) or 0.0
        at = self._stamp_s
        if key not in self._runs:
            self._tell(sink, key, str(fields["run_name"] or ""), {}, at)
        return at

    def _recount(self, sink: Sink, look: Look, has_ids: bool, signature: Signature) -> bool | None:
        """Tell of runs that are nowhere in the database any more."""
        began = time.monotonic()
        column = "run_id" if has_ids else "run_name"
        present: set[str] = set()
        for table in ("metrics", "configs", "system_metrics", "alerts"):
            found = look.distinct(table, column)
            if found is None:
                self._recount_at = began + RECOUNT_S
                self._settled = signature
                return False
            present |= {self._key(one) for one in found}
        if not look.is_whole():
            return None
        for key in [key for key in self._runs if key not in present and key not in self._inboxed]:
            del self._runs[key]
            sink.gone(key)
        ended = time.monotonic()
        self._recount_at = ended + max(RECOUNT_S, 20 * (ended - began))
        self._settled = signature
        return False

    def _key(self, value: object) -> str:
        return plain.clean(str(value or ""))

    def _object(self, value: object) -> Mapping[str, Any]:
        if isinstance(value, dict):
            return value
        try:
            found = plain.decoded(value) if isinstance(value, (str, bytes)) else None
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
        self._mishaps.add(self._path, "a row whose JSON cannot be read")
        return {}


def accepts(path: Path) -> Path | None:
    """A project's database, or a fragment of the inbox, which belongs to one."""
    if path.suffix == ".db":
        if path.name.startswith("registry-"):
            return None
        wanted = {"metrics": {"timestamp", "run_name", "step", "metrics"}, "configs": {"run_name", "config"}}
        return path if has_tables(path, wanted) else None
    if path.suffix == ".jsonl" and path.parent.parent.name == "inbox":
        return _fragment_of(path)
    return None


def _fragment_of(path: Path) -> Path | None:
    first = plain.head(path, 1 << 16).partition(b"\n")[0]
    try:
        record = plain.decoded(first)
    except ValueError:
        return None
    if not isinstance(record, dict) or not {"v", "kind", "project", "run"} <= record.keys():
        return None
    return path.parent.parent.parent / f"{trackio_values.canonical(str(record['project']))}.db"


def open_reader(path: Path, cursor: Mapping[str, Any] | None) -> Reader:
    return TrackioReader(path, cursor)


FORMAT = Format(
    name="trackio",
    title="Trackio",
    looks_for="a project's database, PROJECT.db in TRACKIO_DIR or ~/.cache/huggingface/trackio",
    names=("*.db", "[0-9]*.jsonl"),
    accepts=accepts,
    open=open_reader,
)
