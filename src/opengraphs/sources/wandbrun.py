"""What the records of a `.wandb` file say of a run, one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from opengraphs.records import RunFacts
from opengraphs.sources import plain, wandbsystem
from opengraphs.sources.base import Sink
from opengraphs.sources.protowire import BYTES, VARINT, WireError, fields, text, varint, whole
from opengraphs.sources.wandbitems import JOINT, Names, Row, item, numbers, put, row, tree

KEY = ""
"""A file holds one run."""
LOG_BYTES = 1 << 16
_INTERNAL = frozenset({"_step", "_runtime", "_timestamp", "_wandb"})
_LAST_DAY = 1e11
_HISTORY, _SUMMARY, _CONFIG, _STATS, _ALERT, _METRIC = 2, 3, 5, 7, 10, 12
_OUTPUT, _RUN, _EXIT, _ENVIRONMENT = 13, 17, 18, 26
_FOLDER = re.compile(r"run-(\d{8}_\d{6})-", re.ASCII)
_STEP_NAMES = re.compile("step|iter", re.IGNORECASE)
_TEXT_FACTS = {3: "project", 6: "group", 7: "job_type", 9: "notes", 13: "host"}
_LEVELS = frozenset({"info", "warn", "error"})

Handler = Callable[["WandbRun", bytes, int, int, Sink], None]


class WandbRun:
    """Folds records into calls of a sink.

    Attributes:
        has_output: the file itself holds what the run printed.
        has_ended: the record of the run's exit was seen.
    """

    def __init__(
        self, saved: Mapping[str, Any], folder: str, fallback: Callable[[], Mapping[str, Any]]
    ) -> None:
        """
        Args:
            saved: from `cursor`; empty to begin.
            folder: name of the run's folder.
            fallback: facts that lie beside the file, taken where the file has none.
        """
        self.has_output = bool(saved.get("has_output"))
        self.has_ended = bool(saved.get("has_ended"))
        self._folder = folder
        self._fallback = fallback
        self._facts: dict[str, Any] = _dict(saved.get("facts"))
        self._config: dict[str, Any] = _dict(saved.get("config"))
        self._summary: dict[str, Any] = _dict(saved.get("summary"))
        self._is_told = bool(saved.get("is_told"))
        self._news: set[str] = set()
        self._names = Names(_INTERNAL)
        self._last: dict[str, float] = {}
        self._pending = self._taken = b""
        self._step = int(saved.get("step", -1))
        self._time = float(saved.get("time", 0.0))
        self._started_at = float(saved.get("started_at", 0.0))
        self._alerts = int(saved.get("alerts", 0))
        self._axis: str = saved.get("axis", "")
        self._printed: list[bytes] = []

    def cursor(self) -> dict[str, Any]:
        return {
            "facts": self._facts,
            "config": self._config,
            "summary": self._summary,
            "has_output": self.has_output,
            "has_ended": self.has_ended,
            "is_told": self._is_told,
            "step": self._step,
            "time": self._time,
            "started_at": self._started_at,
            "alerts": self._alerts,
            "axis": self._axis,
        }

    def take(self, record: bytes, sink: Sink) -> None:
        """One record of the file.

        Raises:
            WireError: it is none.
        """
        at, end = 0, len(record)
        if record[:1] == b"\x08":  # its number
            at = 1
            while at < end and record[at] >= 0x80:
                at += 1
            at += 1
        while at < end:
            tag, at = varint(record, at)
            kind = tag & 7
            if kind == VARINT:
                _, at = varint(record, at)
                continue
            if kind != BYTES:
                raise WireError(f"wire type {kind}")
            size, at = varint(record, at)
            stop = at + size
            if stop > end:
                raise WireError("a field is cut off")
            handler = _HANDLERS.get(tag >> 3)
            if handler is not None:
                if self._pending and tag >> 3 != _HISTORY:
                    self._take_pending()
                handler(self, record, at, stop, sink)
                return
            at = stop

    def flush(self, sink: Sink) -> None:
        """Pass on what was held back: output, and facts that changed."""
        self._take_pending()
        self._flush_log(sink)
        if not self._is_told and not self._facts and not self._config:
            return
        if self._summary:
            user = {key: value for key, value in self._summary.items() if self._last.get(key) != value}
            if len(user) != len(self._summary):
                self._summary = user
                self._news.add("summary")
        if self._news or not self._is_told:
            self._tell(sink)

    # -- facts -----------------------------------------------------------------------------------

    def _tell(self, sink: Sink) -> None:
        facts = dict(self._facts)
        if not self._is_told:
            facts = {**self._fallback(), **facts}
            facts.setdefault("created_at", self._begun())
            facts.setdefault("started_at", facts["created_at"])
            facts.setdefault("name", self._folder)
            self._facts = dict(facts)
        if self._config or "config" in self._news:
            facts["config"] = plain.config(self._config)
        if self._summary or "summary" in self._news:
            facts["summary"] = plain.config(self._summary)
        sink.run(KEY, cast("RunFacts", facts))
        self._is_told = True
        self._news.clear()

    def _begun(self) -> str:
        """When a run began whose own record is lost: from the folder's name, else from the first row."""
        found = _FOLDER.search(self._folder)
        if found:
            try:
                return plain.iso(datetime.strptime(found[1], "%Y%m%d_%H%M%S").astimezone().timestamp())
            except (ValueError, OverflowError, OSError):
                pass
        return plain.iso(self._time)

    def _set(self, name: str, value: Any) -> None:
        if self._facts.get(name) != value:
            self._facts[name] = value
            self._news.add(name)

    def _run(self, data: bytes, at: int, end: int, _sink: Sink) -> None:
        tags: list[str] = []
        run_id = name = ""
        for number, kind, value in fields(data[at:end]):
            if kind != BYTES or not isinstance(value, bytes):
                continue
            if number in _TEXT_FACTS:
                if value:
                    limit = plain.MAX_TEXT if number == 9 else plain.MAX_NAME
                    self._set(_TEXT_FACTS[number], plain.clean(text(value), limit))
            elif number == 1:
                run_id = plain.clean(text(value))
            elif number == 8:
                name = plain.clean(text(value))
            elif number == 4:
                self._config_items(value, 0, len(value), _sink)
            elif number == 10:
                tags.append(plain.clean(text(value)))
            elif number == 17:
                self._started(value)
            elif number == 21:
                self._git(value)
        if name or run_id:
            self._set("name", name or run_id)
        if tags or "tags" in self._facts:
            self._set("tags", tags)

    def _started(self, value: bytes) -> None:
        at = _time(value)
        if at is not None:
            self._time, self._started_at = max(self._time, at), at
            if "created_at" not in self._facts:
                self._set("created_at", plain.iso(at))
                self._set("started_at", plain.iso(at))

    def _git(self, value: bytes) -> None:
        found = {number: plain.clean(text(part)) for number, kind, part in fields(value) if kind == BYTES}
        git = {name: found[number] for number, name in ((1, "remote"), (2, "commit")) if found.get(number)}
        if git:
            self._set("git", git)

    def _environment(self, data: bytes, at: int, end: int, _sink: Sink) -> None:
        texts: dict[int, str] = {}
        arguments: list[str] = []
        for number, kind, value in fields(data[at:end]):
            if kind != BYTES or not isinstance(value, bytes):
                continue
            if number == 5:
                arguments.append(plain.clean(text(value), plain.MAX_TEXT))
            elif number == 9:
                self._git(value)
            elif number in {2, 6, 11, 12, 13, 14}:
                texts[number] = plain.clean(text(value), plain.MAX_TEXT)
        for number, name in ((2, "python"), (12, "host"), (13, "user"), (11, "cwd"), (6, "script")):
            if texts.get(number):
                self._set(name, texts[number])
        if texts.get(6):
            self._set("command", [texts.get(14) or "python", texts[6], *arguments[:1000]])

    def _config_items(self, data: bytes, at: int, end: int, _sink: Sink) -> None:
        found = row(data, at, end)
        for path, value in tree(found):
            if path[0] == "_wandb":
                continue
            put(self._config, path, _unwrapped(value))
            self._news.add("config")
        for number, part in found.others:
            if number == 2:
                self._config.pop(item(part).path[0].decode("utf-8", "replace"), None)
                self._news.add("config")

    # -- rows ------------------------------------------------------------------------------------

    def _history(self, data: bytes, at: int, end: int, sink: Sink) -> None:
        found = row(data, at, end)
        self._pending = b""  # the automatic summary of this very row
        metrics = numbers(found, self._names)
        self._move_on(found, metrics)
        if metrics:
            if not self._is_told:
                self._tell(sink)
            sink.metrics(KEY, self._step, self._time, metrics)
            self._last.update(metrics)

    def _move_on(self, found: Row, metrics: Mapping[str, float]) -> None:
        """Take step and time from a row."""
        step: int | None = None
        try:
            at = float(found.plain.get(b"_timestamp", b""))
            if 0.0 <= at < _LAST_DAY:
                self._time = at
        except ValueError:
            pass
        if self._axis and metrics.get(self._axis, 0.5).is_integer():
            step = int(metrics[self._axis])
        elif b"_step" in found.plain:
            try:
                step = int(found.plain[b"_step"])
            except ValueError:
                pass
        if step is None:
            for number, part in found.others:
                if number == 2:
                    step = next((whole(value) for field, _, value in fields(part) if field == 1), 0)
        if step is None or abs(step) > plain.MAX_STEP:
            step = self._step + 1
        self._step = step

    def _summary_items(self, data: bytes, at: int, end: int, _sink: Sink) -> None:
        self._pending = data[at:end]

    def _take_pending(self) -> None:
        """A summary that no row of history follows was set by the script."""
        found, self._pending = self._pending, b""
        if found == self._taken:
            return  # the running time, put down before every row
        self._taken = found
        for path, value in tree(row(found, 0, len(found))):
            name = JOINT.join(path)
            if path[0] in _INTERNAL or isinstance(value, (dict, list)) or name.endswith("._type"):
                continue
            if self._summary.get(name) != value and len(self._summary) < plain.MAX_ITEMS:
                self._summary[name] = value
                self._news.add("summary")

    def _metric(self, data: bytes, at: int, end: int, _sink: Sink) -> None:
        """`define_metric("*", step_metric=…)`: frameworks name the counter of steps so."""
        named = {number: text(value) for number, kind, value in fields(data[at:end]) if kind == BYTES}
        if "*" in {named.get(1), named.get(2)} and _STEP_NAMES.search(named.get(4, "")):
            self._axis = plain.clean(named[4])

    def _stats(self, data: bytes, at: int, end: int, sink: Sink) -> None:
        found = row(data, at, end, field=3)
        for number, part in found.others:
            if number == 2:
                self._seen(part)
        metrics = wandbsystem.figures(found.plain)
        if metrics:
            if not self._is_told:
                self._tell(sink)
            sink.system(KEY, self._time, metrics)

    def _seen(self, timestamp: bytes) -> None:
        at = _time(timestamp)
        if at is not None:
            self._time = at

    def _alert(self, data: bytes, at: int, end: int, sink: Sink) -> None:
        named = {number: text(value) for number, kind, value in fields(data[at:end]) if kind == BYTES}
        level = named.get(3, "").lower()
        step = max(self._step, 0)
        payload: dict[str, Any] = {
            "alert_id": f"wandb-{self._alerts}",
            "detector": "script",
            "metric": None,
            "level": level if level in _LEVELS else "info",
            "state": "fired",
            "onset_step": step,
            "step": step,
            "title": plain.clean(named.get(1, "")),
            "text": plain.clean(named.get(2, ""), plain.MAX_TEXT),
            "evidence": {},
        }
        self._alerts += 1
        if not self._is_told:
            self._tell(sink)
        sink.event(KEY, self._time, "alert", payload)

    def _output(self, data: bytes, at: int, end: int, sink: Sink) -> None:
        for number, kind, value in fields(data[at:end]):
            if kind == BYTES and isinstance(value, bytes):
                if number == 3:
                    self._printed.append(value)
                elif number == 2:
                    self._seen(value)
        self.has_output = True
        if len(self._printed) > LOG_BYTES >> 5:
            self._flush_log(sink)

    def _flush_log(self, sink: Sink) -> None:
        if self._printed:
            if not self._is_told:
                self._tell(sink)
            sink.log(KEY, b"".join(self._printed))
            self._printed = []

    def _exit(self, data: bytes, at: int, end: int, sink: Sink) -> None:
        named = {number: whole(value) for number, kind, value in fields(data[at:end]) if kind == VARINT}
        code = named.get(1, 0)
        self._time = max(self._time, self._started_at + named.get(2, 0)) if self._started_at else self._time
        self.has_ended = True
        self._set("status", "failed" if code else "finished")
        self._set("exit_code", code)
        if self._time:
            self._set("ended_at", plain.iso(self._time))
        self.flush(sink)


_HANDLERS: dict[int, Handler] = {
    _HISTORY: WandbRun._history,
    _SUMMARY: WandbRun._summary_items,
    _CONFIG: WandbRun._config_items,
    _STATS: WandbRun._stats,
    _ALERT: WandbRun._alert,
    _METRIC: WandbRun._metric,
    _OUTPUT: WandbRun._output,
    _RUN: WandbRun._run,
    _EXIT: WandbRun._exit,
    _ENVIRONMENT: WandbRun._environment,
}


def _time(timestamp: bytes) -> float | None:
    """`google.protobuf.Timestamp` as epoch seconds; None for what is no time."""
    parts = {number: whole(value) for number, kind, value in fields(timestamp) if kind == VARINT}
    at = parts.get(1, 0) + parts.get(2, 0) / 1e9
    return at if 0.0 < at < _LAST_DAY else None


def _unwrapped(value: Any) -> Any:
    """Older files keep a config value as `{"value": …, "desc": …}`."""
    if isinstance(value, dict) and "value" in value and value.keys() <= {"value", "desc"}:
        return value["value"]
    return value


def _dict(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {}
