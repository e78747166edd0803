"""HF Trainer's `trainer_state.json`: one output folder, one run, as far as it was saved.

The Trainer writes its whole history into each checkpoint. The state that was written last
tells the run; a longer one that begins alike goes on where it ended, any other makes what was
read void (a resume from an earlier checkpoint). Entries carry no time: each gets that of the
first state in which it stands. Only JSON is opened; `training_args.bin` is a pickle and is not.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from opengraphs.records import RunFacts
from opengraphs.sdk import checkpoints
from opengraphs.sources import plain
from opengraphs.sources.base import Format, Reader, Sink
from opengraphs.sources.reading import PathReader

STATE = "trainer_state.json"
KEY = ""
MAX_STATE = 256 << 20
MAX_CHECKPOINTS = 1000
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,15})\Z")
_PREFIXES = (("eval_", "eval/"), ("test_", "test/"))
_SETTINGS = (
    "max_steps", "num_train_epochs", "train_batch_size", "logging_steps", "eval_steps", "save_steps",
)  # fmt: skip


class _State(NamedTuple):
    """A state's place: its file, when it was written, the checkpoint's step (None: the folder's own)."""

    path: Path
    mark: tuple[int, int, int]
    step: int | None

    @property
    def modified(self) -> float:
        return self.mark[2] / 1e9


class TrainerStateReader(PathReader):
    """Follows one output folder."""

    def __init__(self, path: Path, cursor: Mapping[str, Any] | None) -> None:
        saved = cursor or {}
        super().__init__(path, saved)
        self._seen: list[Any] = list(saved.get("seen") or ())
        self._count = int(saved.get("count", 0))
        self._sum = int(saved.get("sum", 0))
        self._is_told = bool(saved.get("is_told"))
        self._facts_sum = int(saved.get("facts_sum", 0))
        self._total = saved.get("total")
        self._told_checkpoints: set[int] = {int(step) for step in saved.get("checkpoints") or ()}

    def read(self, sink: Sink, *, budget_s: float) -> bool:
        states = self._states()
        if not states:
            if self._path.is_dir():
                return False
            raise FileNotFoundError(2, "no such folder", str(self._path))
        candidates = _candidates(states)
        marks = [[str(state.path), *state.mark] for state in candidates]
        if marks != self._seen:
            found = self._choose(candidates)
            if found is not None:
                self._take(sink, *found, states)
            self._seen = marks
        return self._tell_checkpoints(sink, states, time.monotonic() + budget_s)

    def cursor(self) -> dict[str, Any]:
        return {
            "seen": self._seen,
            "count": self._count,
            "sum": self._sum,
            "is_told": self._is_told,
            "facts_sum": self._facts_sum,
            "total": self._total,
            "checkpoints": sorted(self._told_checkpoints),
            "troubles": self._mishaps.saved(),
        }

    def left(self) -> float:
        return 0.0

    def _states(self) -> list[_State]:
        found: list[_State] = []
        own = plain.file_mark(self._path / STATE)
        if own:
            found.append(_State(self._path / STATE, own, None))
        for step, folder in _checkpoints(self._path):
            mark = plain.file_mark(folder / STATE)
            if mark:
                found.append(_State(folder / STATE, mark, step))
        return found

    def _choose(self, candidates: list[_State]) -> tuple[Mapping[str, Any], _State] | None:
        """The first state that can be read, or a later one that has all of it and more.

        Times alone do not tell: a copied folder has those of the copying.
        """
        best: tuple[Mapping[str, Any], _State] | None = None
        for state in candidates:
            record = self._load(state)
            if record is None:
                continue
            if best is None:
                best = (record, state)
                continue
            before, after = best[0]["log_history"], record["log_history"]
            if len(after) > len(before) and _sum(after[: len(before)]) == _sum(before):
                best = (record, state)
        return best

    def _load(self, state: _State) -> Mapping[str, Any] | None:
        """The state, or None where it is not whole yet or not to be read."""
        if state.mark[1] > MAX_STATE:
            self._mishaps.once(state.path, f"larger than {MAX_STATE} bytes")
            return None
        try:
            record = plain.decoded(plain.head(state.path, MAX_STATE))
        except ValueError:
            record = None
        why = "no JSON, or not whole"
        if isinstance(record, dict) and isinstance(record.get("log_history"), list):
            self._mishaps.over(state.path, why)
            return record
        self._mishaps.once(state.path, why)
        return None

    def _take(self, sink: Sink, record: Mapping[str, Any], state: _State, states: list[_State]) -> None:
        history = [entry for entry in record["log_history"] if isinstance(entry, dict)]
        if self._count and (len(history) < self._count or _sum(history[: self._count]) != self._sum):
            sink.reset(KEY)
            self._count, self._is_told, self._total = 0, False, None
            self._told_checkpoints.clear()
        self._tell(sink, record, states)
        names: dict[str, str] = {}
        times = sorted((s.step, s.modified) for s in states if s.step is not None)
        for entry in history[self._count :]:
            step = plain.step_number(entry.get("step"))
            metrics = _named(entry, names)
            if step is None or step < 0:
                self._mishaps.add(state.path, "an entry without a step")
            elif metrics:
                at = next((when for at_step, when in times if at_step >= step), state.modified)
                sink.metrics(KEY, step, min(at, state.modified), metrics)
        self._count, self._sum = len(history), _sum(history)
        total = plain.step_number(record.get("max_steps"))
        if total is not None and total > 0 and total != self._total:
            self._total = total
            progress = {"step": None, "total": total, "unit": "step"}
            sink.event(KEY, state.modified, "progress", {"progress": progress})

    def _tell(self, sink: Sink, record: Mapping[str, Any], states: list[_State]) -> None:
        config = {key: record[key] for key in _SETTINGS if record.get(key) is not None}
        folders = [self._path, *(one.path.parent for one in reversed(states))]
        config = {**_model_config(folders), **plain.config(config)}
        fresh = crc32(json.dumps(config, sort_keys=True).encode("utf-8", "replace"))
        if self._is_told and fresh == self._facts_sum:
            return
        first = min(one.modified for one in states)
        facts = RunFacts(name=plain.folder_name(self._path), created_at=plain.iso(first), config=config)
        sink.run(KEY, facts)
        self._is_told, self._facts_sum = True, fresh

    def _tell_checkpoints(self, sink: Sink, states: list[_State], deadline: float) -> bool:
        if not self._is_told:
            return False
        for state in states:
            if state.step is None or state.step in self._told_checkpoints:
                continue
            if time.monotonic() > deadline:
                return True
            try:
                seen = checkpoints.describe(str(state.path.parent))
            except OSError:
                continue
            payload = {"checkpoint_id": f"hf-{state.step}", "step": state.step, **seen, "metrics": {}}
            sink.event(KEY, state.modified, "checkpoint", payload)
            self._told_checkpoints.add(state.step)
        return False


def _candidates(states: list[_State]) -> list[_State]:
    """The state written last, the furthest checkpoint's and the folder's own, in this order."""
    last = max(states, key=lambda state: (state.mark[2], state.step or 0))
    furthest = max(states, key=lambda state: -1 if state.step is None else state.step)
    own = [state for state in states if state.step is None]
    return list(dict.fromkeys([last, furthest, *own]))


def _checkpoints(folder: Path) -> list[tuple[int, Path]]:
    try:
        names = [entry.name for entry in folder.iterdir() if _CHECKPOINT.match(entry.name)]
    except OSError:
        return []
    found = sorted((int(name.partition("-")[2]), folder / name) for name in names)
    return found[-MAX_CHECKPOINTS:]


def _named(entry: Mapping[str, Any], names: dict[str, str]) -> dict[str, float]:
    """An entry's numbers under the names that the Trainer's trackers show. names: those met so far."""
    found: dict[str, float] = {}
    plain.flatten(entry, found)
    found.pop("step", None)
    for key in found.keys() - names.keys():
        names[key] = _name(key)
    return {names[key]: value for key, value in found.items()}


def _name(key: str) -> str:
    """As the Trainer's own trackers show it: `loss` → `train/loss`, `eval_loss` → `eval/loss`."""
    for prefix, shown in _PREFIXES:
        if key.startswith(prefix):
            return shown + key[len(prefix) :]
    return f"train/{key}"


def _sum(history: list[Any]) -> int:
    return crc32(json.dumps(history).encode("utf-8", "replace"))


def _model_config(folders: list[Path]) -> dict[str, Any]:
    for folder in folders:
        try:
            found = plain.decoded(plain.head(folder / "config.json", 1 << 20))
        except ValueError:
            continue
        if isinstance(found, dict):
            return plain.config(found)
    return {}


def accepts(path: Path) -> Path | None:
    """A state's file, or a folder that has one or checkpoints with one: the output folder."""
    if path.name == STATE:
        if b'"global_step"' not in plain.head(path, 1 << 16):
            return None
        folder = path.parent
    elif any(_has_state(at) for at in (path, *(at for _step, at in _checkpoints(path)[-3:]))):
        folder = path
    else:
        return None
    return folder.parent if _CHECKPOINT.match(folder.absolute().name) else folder


def _has_state(folder: Path) -> bool:
    return os.path.isfile(folder / STATE)  # noqa: PTH113  (Path's asks for a folder that may be read)


def open_reader(path: Path, cursor: Mapping[str, Any] | None) -> Reader:
    return TrainerStateReader(path, cursor)


FORMAT = Format(
    name="trainer_state",
    title="Hugging Face Trainer",
    looks_for="an output folder with trainer_state.json, or checkpoint-N folders with one",
    names=(STATE,),
    accepts=accepts,
    open=open_reader,
)
