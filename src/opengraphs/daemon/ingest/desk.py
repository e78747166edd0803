"""What takes the rows: which run each belongs to, was it here before, and when a run is over.

All of it runs in the ingest's own thread. A call returns once its records are in the page
cache; only then is the client told that they arrived.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.daemon.ingest import calls, landing, values
from opengraphs.daemon.ingest.landing import Key, Landing
from opengraphs.daemon.ingest.quarantine import Quarantine
from opengraphs.daemon.ingest.repeats import Repeats
from opengraphs.sdk import jsonfile, layout

log = logging.getLogger("ogd.ingest")

MAX_OPEN = 96
"""Runs that are open at once; the one that was silent longest makes room."""
MAX_REMEMBERED = 1024
MAX_NAME = 500
DEFAULT_NAME = "unnamed"


class Sender(NamedTuple):
    """Who sends a batch. folder: the run its token is for. agent: its User-Agent, "" without one."""

    peer: str = ""
    agent: str = ""
    path: str = ""
    folder: Path | None = None


class Seen(NamedTuple):
    """A run that something arrived for, as `og ingest` shows it. rows: since the daemon started."""

    run_id: str
    project: str
    name: str
    rows: int
    is_open: bool


class Desk:
    """Takes batches for one store; one thread.

    Args:
        quiet_s: a run that sent nothing for so long is over.
        open_file: where the folders of open runs are noted, for the daemon after this one.
    """

    def __init__(
        self, store: Path, *, project: str, quarantine: Quarantine, quiet_s: float, open_file: Path
    ) -> None:
        self.store = store
        self.project = project
        self.quarantine = quarantine
        self._quiet_s = quiet_s
        self._open_file = open_file
        self._open: dict[Key, Landing] = {}
        self._seen: dict[str, Seen] = {}
        self._repeats = Repeats(quiet_s=quiet_s)
        self._aliases: dict[Key, Key] = {}
        self._number = 0

    # -- calls -----------------------------------------------------------------------------------

    def bulk_log(self, body: bytes | bytearray, sender: Sender) -> None:
        """`/api/bulk_log`, in the shape of Trackio's own client or of the contributed ones."""
        found = self._arguments("bulk_log", body)
        if found is None:
            return
        if "metrics_list" in found:
            self._flat(found, body, sender)
        else:
            self._rows("bulk_log", found.get("logs"), sender, self._metrics_row)

    def bulk_log_system(self, body: bytes | bytearray, sender: Sender) -> None:
        """`/api/bulk_log_system`."""
        found = self._arguments("bulk_log_system", body)
        if found is not None:
            self._rows("bulk_log_system", found.get("logs"), sender, self._system_row)

    def bulk_alert(self, body: bytes | bytearray, sender: Sender) -> None:
        """`/api/bulk_alert`."""
        found = self._arguments("bulk_alert", body)
        if found is not None:
            self._rows("bulk_alert", found.get("alerts"), sender, self._alert_row)

    def log(self, body: bytes | bytearray, sender: Sender) -> None:
        """`/api/log`: one row, an older client's."""
        found = self._arguments("log", body)
        if found is not None:
            self._rows("log", [found], sender, self._metrics_row)

    def _arguments(self, api: str, body: bytes | bytearray) -> dict[str, Any] | None:
        try:
            return calls.arguments(api, body)
        except calls.BadBodyError as error:
            self.quarantine.put(api, bytes(body[: 1 << 16]), str(error))
            return None

    # -- rows ------------------------------------------------------------------------------------

    def _rows(
        self, api: str, rows: Any, sender: Sender, store: Callable[[Mapping[str, Any], Sender], None]
    ) -> None:
        found = calls.items(rows)
        if found is None:
            self.quarantine.put(api, _shown(rows), "the rows are no list")
            return
        with self._batch():
            for raw in found:
                self._row(api, raw, sender, store)

    def _row(
        self,
        api: str,
        raw: Any,
        sender: Sender,
        store: Callable[[Mapping[str, Any], Sender], None],
    ) -> None:
        row: Any = raw
        try:
            row = _object(raw)
            store(row, sender)
        except (values.PoisonError, calls.BadBodyError) as error:
            known = row if isinstance(row, dict) else {}
            self.quarantine.put(
                api,
                _shown(row),
                str(error),
                project=str(known.get("project") or ""),
                run=str(known.get("run") or ""),
            )

    def _metrics_row(self, row: Mapping[str, Any], sender: Sender) -> None:
        found = values.split(row.get("metrics"))
        step = values.step_of(row.get("step"))
        time_s = values.moment(row.get("timestamp")) or time.time()
        target = self._landing(row, sender, time_s)
        if isinstance(row.get("config"), Mapping):
            target.config(row["config"])
        target.metrics(step, time_s, found, _text(row.get("log_id")))

    def _system_row(self, row: Mapping[str, Any], sender: Sender) -> None:
        found = values.split(row.get("metrics"))
        time_s = values.moment(row.get("timestamp")) or time.time()
        target = self._landing(row, sender, time_s)
        target.system(time_s, found.metrics, _text(row.get("log_id")))

    def _alert_row(self, row: Mapping[str, Any], sender: Sender) -> None:
        if not row.get("title"):
            raise values.PoisonError("an alert without a title")
        values.step_of(row.get("step"))
        time_s = values.moment(row.get("timestamp")) or time.time()
        target = self._landing(row, sender, time_s)
        target.alert(time_s, row)

    def _flat(self, found: Mapping[str, Any], body: bytes | bytearray, sender: Sender) -> None:
        """`{project, run, metrics_list, steps, timestamps, config?}`, which has no ids."""
        try:
            named = {name: calls.plain(found[name]) for name in ("project", "run", "config") if name in found}
        except calls.BadBodyError as error:
            self.quarantine.put("bulk_log", bytes(body[: 1 << 16]), str(error))
            return
        rows = calls.items(found["metrics_list"])
        if rows is None:
            self.quarantine.put("bulk_log", _shown(found["metrics_list"]), "metrics_list is no list")
            return
        place = (sender.peer, str(named.get("project")), str(named.get("run")))
        batch = self._repeats.look(place, body, path=sender.path, agent=sender.agent)
        if batch is None:
            return
        columns = {name: calls.items(found.get(name)) or [] for name in ("steps", "timestamps", "log_ids")}
        with self._batch():
            for at, metrics in enumerate(rows):
                row = {**named, "metrics": metrics}
                for name, column in columns.items():
                    row[name[:-1]] = column[at] if at < len(column) else None
                named.pop("config", None)
                self._row("bulk_log", row, sender, self._metrics_row)
        self._repeats.stored(place, batch)

    # -- runs ------------------------------------------------------------------------------------

    def _landing(self, row: Mapping[str, Any], sender: Sender, time_s: float) -> Landing:
        key = self._known_as(self._key(row, sender))
        found = self._open.get(key)
        if found is not None and (found.batch == self._number or not found.is_gone):
            found.batch = self._number
            return found
        if found is not None:
            self._drop(key)
        self._make_room()
        opened = self._opened(key, row, time_s)
        opened.batch = self._number
        self._open[key] = opened
        self._note_open()
        return opened

    def _key(self, row: Mapping[str, Any], sender: Sender) -> Key:
        run_id, name = _text(row.get("run_id")), _text(row.get("run"))
        project = _text(row.get("project")) or self.project or landing.SOURCE
        return Key(project, run_id, "" if run_id else name or DEFAULT_NAME, sender.folder)

    def _opened(self, key: Key, row: Mapping[str, Any], time_s: float) -> Landing:
        if key.folder is not None and landing.is_run(key.folder):
            return Landing.join(key.folder, key)
        key = key._replace(folder=None)
        folder = landing.find(self.store, key)
        if folder is not None:
            return Landing.resume(folder)
        config = row.get("config")
        begun = values.moment(config.get("_Created")) if isinstance(config, Mapping) else None
        shown = key._replace(name=_text(row.get("run")) or key.name)
        return Landing.create(self.store, shown, created_s=begun or time_s)

    def _known_as(self, key: Key) -> Key:
        """The key that a run is open under: a client may name it by the id that og gave it."""
        if key in self._open or key.folder is not None:
            return key
        if key not in self._aliases:
            folder = self._by_run_id(key.run_id)
            identity = None if folder is None else landing.identity_of(folder)
            if identity is None:
                return key
            _bound(self._aliases)
            self._aliases[key] = Key(identity[0], identity[1], identity[2], None)
        return self._aliases[key]

    def _by_run_id(self, run_id: str) -> Path | None:
        """The run that `get_runs_for_project` called so: ids are ours there."""
        folder = self.store / layout.RUNS / run_id
        if not run_id or folder.name != run_id or landing.identity_of(folder) is None:
            return None
        return folder

    def folder_of(self, project: str, run_id: str, name: str, sender: Sender) -> Path | None:
        """The folder of a client's run, made when there is none yet; None without any name."""
        if not (run_id or name or sender.folder):
            return None
        row = {"project": project, "run_id": run_id, "run": name}
        target = self._landing(row, sender, time.time())
        target.flush()
        return target.copy.folder.path

    def last_step(self, run_id: str) -> int | None:
        """The newest step of a client's run, rows without numbers included; None when it has none."""
        for target in self._open.values():
            if target.is_own and target.copy.folder.run_id == run_id:
                return target.last_step
        folder = self._by_run_id(run_id)
        return None if folder is None else landing.last_step_of(folder)

    def _make_room(self) -> None:
        while len(self._open) >= MAX_OPEN:
            silent = min(self._open, key=lambda key: self._open[key].heard_at)
            self._open[silent].flush()  # it may hold rows of this batch: who sent them hears of trouble
            self._finish(silent)

    # -- keeping ---------------------------------------------------------------------------------

    @contextmanager
    def _batch(self) -> Iterator[None]:
        """Rows that are acknowledged together: what they touched is in the page cache at the end.

        Raises:
            OSError: the disk takes no more. What these runs were thought to hold is forgotten:
                it is read from their files when the client tries again.
        """
        self._number += 1
        try:
            yield
            for target in self._touched().values():
                target.flush()
        except BaseException:
            for key in self._touched():
                self._drop(key)
            raise
        for key, target in self._touched().items():
            self._show(key, target)

    def _touched(self) -> dict[Key, Landing]:
        return {key: target for key, target in self._open.items() if target.batch == self._number}

    def _show(self, key: Key, target: Landing, *, is_open: bool = True) -> None:
        facts = target.copy.facts
        run_id = target.copy.folder.run_id
        before = self._seen.pop(run_id, None)
        rows = target.rows + (before.rows if before else 0)
        target.rows = 0
        self._seen[run_id] = Seen(
            run_id, str(facts.get("project") or key.project), str(facts.get("name") or run_id), rows, is_open
        )
        _bound(self._seen)

    def seen(self) -> list[Seen]:
        """The runs that something arrived for, the newest last."""
        return list(self._seen.values())

    def tick(self) -> bool:
        """Finish the runs that nothing came from for a while; whether others are open."""
        now = time.monotonic()
        for key in [key for key, target in self._open.items() if now - target.heard_at > self._quiet_s]:
            self._finish(key)
        return bool(self._open)

    def reopen(self) -> None:
        """Go on with the runs that were open when the daemon before this one ended."""
        noted = jsonfile.read_json(str(self._open_file)).get("runs")
        for text in noted if isinstance(noted, list) else ():
            folder = Path(str(text))
            identity = landing.identity_of(folder)
            if identity is None or folder.parent.parent != self.store:
                continue
            project, run_id, name = identity
            try:
                self._open[Key(project, run_id, name, None)] = Landing.resume(folder)
            except OSError as error:
                log.warning("%s cannot be written: %s", folder, error)

    def close(self) -> None:
        """Let go of all runs. They are not over: the next daemon goes on with them."""
        for target in self._open.values():
            target.close()
        self._open.clear()

    def finish_all(self) -> None:
        """Nobody listens any more: the runs are over."""
        for key in list(self._open):
            self._finish(key)

    def _finish(self, key: Key) -> None:
        target = self._open.pop(key)
        try:
            if target.is_gone:
                target.close()
            else:
                target.finish()
                self._show(key, target, is_open=False)
        except OSError as error:
            log.warning("the end of %s cannot be written: %s", target.copy.folder.path, error)
            target.close()
        self._note_open()

    def _drop(self, key: Key) -> None:
        self._open.pop(key).close()

    def _note_open(self) -> None:
        runs = [str(target.copy.folder.path) for target in self._open.values() if target.is_own]
        try:
            self._open_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            jsonfile.replace_file(str(self._open_file), json.dumps({"runs": runs}).encode())
        except OSError as error:
            log.warning("open runs cannot be noted: %s", error)


def _bound(remembered: dict[Any, Any]) -> None:
    """Forget what was remembered first."""
    while len(remembered) > MAX_REMEMBERED:
        remembered.pop(next(iter(remembered)))


def _object(raw: Any) -> dict[str, Any]:
    row = calls.plain(raw)
    if not isinstance(row, dict):
        raise values.PoisonError("a row is no object")
    return row if row is not raw else {name: calls.plain(value) for name, value in row.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = str(value)[:MAX_NAME]
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _shown(value: Any) -> Any:
    if isinstance(value, calls.Raw):
        return bytes(value)
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    return value
