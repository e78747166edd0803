"""MLflow's file store, `mlruns/EXPERIMENT/RUN/…`: many runs, followed while they are written.

A metric is a file of lines `TIME_MS VALUE STEP`, appended to; a name with slashes is a path.
`meta.yaml` is read as flat `key: value` lines, by no YAML library. A run that has ended and was
read is not looked at again until its `meta.yaml` changes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from opengraphs.sources import mlflow_facts, plain
from opengraphs.sources.base import Format, Reader, Sink
from opengraphs.sources.followed import Rewritten
from opengraphs.sources.linefile import LineFile
from opengraphs.sources.mishaps import Mishaps
from opengraphs.sources.reading import PathReader

META = "meta.yaml"
MAX_DEPTH = 8
MAX_FILES = 20_000
FACTS_S = 5.0
"""A tag that is written over moves no time stamp of a folder: texts are read again this often."""
MAX_PAUSE_S = 2.0
LIST_S = 2.0
"""New runs are looked for this often; metrics of live ones at every read."""
_MAX_VALUE = 1 << 16


class _Run:
    """One run's folder and how far its files were read."""

    def __init__(self, folder: Path, project: str, saved: Mapping[str, Any], mishaps: Mishaps) -> None:
        self.folder, self.project, self._mishaps = folder, project, mishaps
        self.facts_sum = int(saved.get("sum", 0))
        self.is_through = list(saved.get("through") or ())
        """What `meta.yaml` was when the ended run had been read to its end."""
        self.has_ended = False
        self.has_news = False
        self.is_met = False
        self.look_at = 0.0
        self._pause_s = 0.0
        self._told: tuple[Any, ...] = ()
        self._files: dict[str, LineFile] = {
            str(name): LineFile(self._path(str(name)), at, mishaps)
            for name, at in (saved.get("files") or {}).items()
        }

    def saved(self) -> dict[str, Any]:
        files = {name: file.saved() for name, file in self._files.items() if file.file.offset}
        if self.is_through:
            files = {}  # thousands of ended runs would make the cursor large
        return {"sum": self.facts_sum, "through": self.is_through, "files": files}

    @property
    def has_files(self) -> bool:
        """Whether it is known how far each metric was read."""
        return bool(self._files)

    def mark(self) -> list[int]:
        return list(plain.file_mark(self.folder / META) or ())

    def rest(self, *, is_new: bool) -> None:
        """Look again at once where there was something new, else after longer and longer."""
        self._pause_s = 0.0 if is_new else min(MAX_PAUSE_S, self._pause_s * 1.5 + 0.1)
        self.look_at = time.monotonic() + self._pause_s

    def tell(self, key: str, sink: Sink) -> bool:
        """Hand over facts that changed; False where the run is deleted or has none yet."""
        marks = tuple(plain.file_mark(self.folder / name) for name in (META, "params", "tags"))
        if self._told[:-1] == marks and time.monotonic() < self._told[-1]:
            return True
        meta = plain.flat_yaml(plain.read_text(self.folder / META, 1 << 18))
        if "run_id" not in meta and "run_uuid" not in meta:
            return self.facts_sum != 0
        if meta.get("lifecycle_stage") == "deleted":
            return False
        self.has_ended = plain.step_number(meta.get("status")) in {3, 4, 5}
        texts = [dict(_texts(self.folder / kind)) for kind in ("params", "tags")]
        found = mlflow_facts.facts({**meta, "run_id": key}, self.project, *texts)
        mark = crc32(json.dumps(found, sort_keys=True).encode("utf-8", "replace")) or 1
        if mark != self.facts_sum:
            sink.run(key, found)
            self.facts_sum = mark
        self._told = (*marks, time.monotonic() + FACTS_S)
        return True

    def read(self, key: str, sink: Sink, deadline: float) -> bool:
        """Hand over new points; True when there is more at once.

        Raises:
            Rewritten: a metric's file is not what it was.
        """
        self.has_news = False
        for name in _names(self.folder / "metrics"):
            file = self._files.get(name)
            if file is None:
                if len(self._files) >= MAX_FILES:
                    self._mishaps.once(self.folder, f"more than {MAX_FILES} metrics")
                    continue
                file = self._files[name] = LineFile(self._path(name), None, self._mishaps)
            try:
                if file.file.is_changed():
                    self.has_news = True
                    if self._read_file(key, sink, name, file, deadline):
                        return True
            except OSError as error:
                self._mishaps.once(self._path(name), error.strerror or "unreadable")
            if time.monotonic() > deadline:
                return True
        return False

    def _read_file(self, key: str, sink: Sink, name: str, file: LineFile, deadline: float) -> bool:
        metric = plain.clean(name)
        is_system = metric.startswith(mlflow_facts.SYSTEM)
        ours, scale = mlflow_facts.machine_name(metric) if is_system else (metric, 1.0)
        while True:
            found = file.next()
            for index, line in enumerate(found.lines):
                point = _point(line)
                if point is None:
                    if line.strip():
                        self._mishaps.add(
                            self._path(name), "a line that is no point", offset=found.offset_of(index)
                        )
                elif is_system:
                    sink.system(key, point[1], {ours: point[2] * scale})
                else:
                    sink.metrics(key, point[0], point[1], {ours: point[2]})
            if found.at_end:
                return False
            if time.monotonic() > deadline:
                return True

    def _path(self, name: str) -> Path:
        return self.folder / "metrics" / name


class MlflowFilesReader(PathReader):
    """Follows a store, one experiment of it, or one run."""

    def __init__(self, path: Path, cursor: Mapping[str, Any] | None) -> None:
        saved = cursor or {}
        super().__init__(path, saved)
        self._saved: Mapping[str, Any] = saved.get("runs") or {}
        self._runs: dict[str, _Run] = {}
        self._list_at = 0.0
        self._turn = 0

    def read(self, sink: Sink, *, budget_s: float) -> bool:
        deadline = time.monotonic() + budget_s
        if time.monotonic() >= self._list_at:
            self._list(sink)
        keys = list(self._runs)
        for _count in range(len(keys)):
            key = keys[self._turn % len(keys)]
            if self._read_run(sink, key, deadline):
                return True  # the next read goes on with this one
            self._turn += 1
            if time.monotonic() > deadline and _count + 1 < len(keys):
                return True
        return False

    def cursor(self) -> dict[str, Any]:
        known = {key: run.saved() for key, run in self._runs.items() if run.facts_sum}
        return {"runs": known or dict(self._saved), "troubles": self._mishaps.saved()}

    def left(self) -> float:
        waiting = sum(not run.is_met for run in self._runs.values())
        return waiting / len(self._runs) if self._runs else 0.0

    def _read_run(self, sink: Sink, key: str, deadline: float) -> bool:
        run = self._runs[key]
        mark = run.mark()
        if time.monotonic() < run.look_at or (run.is_through and run.is_through == mark):
            run.is_met = True
            return False
        if run.is_through and not run.has_files:  # it goes on, and where is not known any more
            sink.reset(key)
            run = self._runs[key] = _Run(run.folder, run.project, {}, self._mishaps)
        run.is_met = True
        if not run.tell(key, sink):
            if run.facts_sum:
                sink.gone(key)
                self._runs[key] = _Run(run.folder, run.project, {}, self._mishaps)
            return False
        try:
            if run.read(key, sink, deadline):
                return True
        except Rewritten:
            sink.reset(key)
            self._runs[key] = _Run(run.folder, run.project, {}, self._mishaps)
            return True
        run.rest(is_new=run.has_news)
        run.is_through = mark if run.has_ended else []
        return False

    def _list(self, sink: Sink) -> None:
        """Find new runs and tell of those that are gone.

        Raises:
            OSError: the store cannot be listed.
        """
        began = time.monotonic()
        os.scandir(self._path).close()  # raises where there is none
        found = dict(_runs(self._path))
        for key in [key for key in self._runs if key not in found]:
            if self._runs.pop(key).facts_sum:
                sink.gone(key)
        for key, (folder, project) in found.items():
            if key not in self._runs:
                self._runs[key] = _Run(folder, project, self._saved.get(key) or {}, self._mishaps)
        for key in self._saved.keys() - self._runs.keys():
            sink.gone(key)
        self._saved = {}
        ended = time.monotonic()
        self._list_at = ended + max(LIST_S, 20 * (ended - began))


def _runs(root: Path) -> Iterator[tuple[str, tuple[Path, str]]]:
    """(run's id, (folder, experiment)) of all runs at or below a store, an experiment or a run."""
    kind = _kind(root)
    if kind == "run":
        yield root.name, (root, _experiment(root.parent))
    elif kind == "experiment":
        yield from _of_experiment(root)
    else:
        for folder in _folders(root):
            if _kind(folder) == "experiment":
                yield from _of_experiment(folder)


def _of_experiment(folder: Path) -> Iterator[tuple[str, tuple[Path, str]]]:
    project = _experiment(folder)
    for run in _folders(folder):
        if (run / META).is_file():
            yield run.name, (run, project)


def _experiment(folder: Path) -> str:
    name = plain.flat_yaml(plain.read_text(folder / META, 1 << 16)).get("name")
    return plain.clean(str(name or folder.name))


def _kind(folder: Path) -> str:
    meta = plain.flat_yaml(plain.read_text(folder / META, 1 << 16))
    if "run_id" in meta or "run_uuid" in meta:
        return "run"
    return "experiment" if "experiment_id" in meta else ""


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []
    return [folder / name for name in names if not name.startswith(".") and name != "models"]


def _names(folder: Path, prefix: str = "", depth: int = 0) -> Iterator[str]:
    """Metrics' names: paths of files below their folder."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError:
        return
    for name, is_folder in found:
        if not is_folder:
            yield prefix + name
        elif depth < MAX_DEPTH:
            yield from _names(folder / name, f"{prefix}{name}/", depth + 1)


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for count, name in enumerate(_names(folder)):
        if count >= plain.MAX_ITEMS:
            return
        yield name, plain.read_text(folder / name, _MAX_VALUE)


def _point(line: bytes) -> tuple[int, float, float] | None:
    """(step, time, value) of `TIME_MS VALUE [STEP …]`."""
    parts = line.split()
    try:
        at, value = plain.epoch_of_ms(int(parts[0])), float(parts[1])
        step = int(parts[2]) if len(parts) > 2 else 0
    except (ValueError, IndexError):
        return None
    return None if b"_" in line or abs(step) > plain.MAX_STEP else (step, at, value)


def accepts(path: Path) -> Path | None:
    """A store (a folder of experiments), one experiment, or one run; or an experiment's `meta.yaml`."""
    if path.name == META:
        return path.parent if _kind(path.parent) == "experiment" else None
    if not path.is_dir():
        return None
    if _kind(path):
        return path
    return path if any(_kind(folder) == "experiment" for folder in _folders(path)[:50]) else None


def open_reader(path: Path, cursor: Mapping[str, Any] | None) -> Reader:
    return MlflowFilesReader(path, cursor)


FORMAT = Format(
    name="mlflow-files",
    title="MLflow file store",
    looks_for="mlruns, or another folder of experiments with a meta.yaml in each",
    names=("mlruns", META),
    accepts=accepts,
    open=open_reader,
)
