"""A run, seen from inside the training process."""

from __future__ import annotations

import os
from itertools import count
from math import isfinite
from time import monotonic, time

from . import checkpoints, encode, exits, habits, keeper, layout, values, warn
from .described import Described
from .dicts import Config, Summary
from .media import Media
from .plain import as_mapping, plain
from .writers import NoWriters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Dict, List, Mapping, Optional, Tuple, Type, Union

    from .journal import Journal
    from .owner import Owner
    from .ranks import Place
    from .writers import Writers

PLAIN = frozenset((float, int))
LEVELS = ("info", "warn", "error")
PROGRESS_S = 1.0
"""Progress is written at most this often; what came last is written in any case."""


class Run(Described):
    """One execution of a script, and the folder it is recorded in.

    Made by `opengraphs.init`. Safe to use from threads, signal handlers and, under a name
    of their own, forked children. Nothing here raises into the training or waits for
    another process; with `OG_STRICT=1` mistakes raise.

    Attributes:
        id, name, project, group, job_type: as in run.json.
        dir: the run's folder; None when nothing can be written.
        store: the folder of all runs; None likewise.
        rank, world_size: this process among those of the job.
        attempt: how many lives of this run came before this one.
        mode: `mapped` or `append`: how metrics are written.
        config, summary, tags: what went in, what came out, labels.
    """

    url: Optional[str] = None
    """None: a run has no web page. Kept for scripts that print it."""

    def __init__(
        self,
        facts: Mapping[str, Any],
        place: Place,
        writers: Union[Writers, NoWriters],
        *,
        run_dir: Optional[str] = None,
        store: Optional[str] = None,
        is_joined: bool = False,
    ) -> None:
        """Not to be called by scripts: `opengraphs.init` does.

        Args:
            facts: run_id, name, project, group, job_type, config, tags.
            is_joined: a runner owns this run.
        """
        super().__init__(facts)
        self.id: str = facts["run_id"]
        self.project: str = facts["project"]
        self.group: Optional[str] = facts.get("group")
        self.job_type: Optional[str] = facts.get("job_type")
        self.dir = run_dir
        self.store = store
        self.rank = place.rank
        self.world_size = place.world_size
        self.attempt = writers.attempt
        self.mode = writers.mode
        self.is_joined = is_joined
        self.is_finished = False
        self.owner: Optional[Owner] = None
        self._writers: Union[Writers, NoWriters] = writers
        self._metrics: Union[Journal, NoWriters] = writers.metrics
        self._encode = encode.metric_encoder(place.rank)
        self._steps = count(0)
        self._latest: Dict[str, Any] = {}
        self._progress: Optional[Dict[str, Any]] = None
        self._progress_at = 0.0
        self._is_progress_told = True
        self._media = count(1)
        self._pid = os.getpid()
        self.config = Config(self._record_config, facts.get("config"))
        self.summary = Summary(self._record_summary, self._latest)

    # -- metrics -----------------------------------------------------------------------------

    def log(
        self, metrics: Mapping[str, Any], step: Optional[int] = None, commit: Optional[bool] = None
    ) -> None:
        """Record values at a step. When this returns, a kill of the process loses nothing of it.

        Args:
            metrics: numbers under names; nested dicts are joined by `/`. Ints, floats, bools,
                numpy and 0-d tensors of any library, also those that are NaN or infinite.
                `Image`, `Table` and their like go to the run's media. What is no value is
                left out with one warning a key; the others are recorded.
            step: of this script's own choice; None is the last one plus 1.
            commit: False keeps the step where it is for the next call without one.

        Cost: 3 µs for ten floats with orjson, 8 µs without; see bench/log.py. No system
            call, no lock, the GIL is kept.
        """
        body: Optional[bytes] = None
        try:
            if step is None:
                step = next(self._steps)
            elif type(step) is int:
                self._steps = count(step + 1)
            numbers = metrics.values()
            if (
                type(step) is int
                and commit is not False
                and metrics
                and PLAIN.issuperset(map(type, numbers))
                and isfinite(sum(numbers))
            ):
                body = self._encode(step, time(), metrics)
        except Exception:  # the border of the SDK: the slow way finds out what is wrong
            body = None
        if body is None:
            self._log_any(metrics, step, commit)
            return
        try:
            self._metrics.put(body)
        except Exception as error:  # the border again: what was full or broken is told, not raised
            warn.complain("put", "a record was not written: %r" % error, error)
        self._latest.update(metrics)
        if self._goals is not None:
            self._meet_goals(metrics)

    @warn.guarded
    def _log_any(self, metrics: Any, step: Any, commit: Optional[bool]) -> None:
        """`log` of whatever was given: numbers are picked out, media stored, the rest is named."""
        at = self._step_for(step)
        self._steps = count(at if commit is False else at + 1)
        mapping = as_mapping(metrics)
        if mapping is None:
            warn.complain("log", "log() takes a dict, not %s" % type(metrics).__name__)
            return
        others: List[Tuple[str, Any, Exception]] = []
        found = values.numbers(mapping, lambda *other: others.append(other))
        if found:
            record: Dict[str, Any] = {"step": at, "time": time()}
            record["metrics"] = {key: values.wire(value) for key, value in found.items()}
            if self.rank > 0:
                record["rank"] = self.rank
            self._metrics.put(encode.line(record))
            self._latest.update(found)
            if self._goals is not None:
                self._meet_goals(found)
        for name, value, error in others:
            self._log_other(name, value, at, error)

    def _step_for(self, step: Any) -> int:
        try:
            return values.step_number(step)
        except Exception as error:
            warn.complain("step", "a step is a whole number, not %r; the next one is used" % (step,), error)
            return next(self._steps)

    def _log_other(self, name: str, value: Any, step: int, error: Exception) -> None:
        pieces = value if isinstance(value, (list, tuple)) else [value]
        if pieces and all(isinstance(piece, Media) for piece in pieces):
            for piece in pieces:
                self._store_media(name, piece, step)
            return
        figure = self._figure(value)
        if figure is not None:
            self._store_media(name, figure, step)
            return
        warn.complain(
            "value:" + name,
            "%s cannot be logged and is left out: %s (%s)" % (name, _shown(value), error),
            error,
        )

    @staticmethod
    def _figure(value: Any) -> Optional[Media]:
        """A figure, picture or data frame logged as it is, as media."""
        if isinstance(value, (str, bytes, list, tuple, dict)) or value is None:
            return None
        from . import richmedia

        return richmedia.wrap(value)

    def _store_media(self, name: str, piece: Media, step: int) -> None:
        if self.dir is None:
            return
        safe = "".join(char if char.isalnum() or char in "-_." else "_" for char in name).strip(".")[:80]
        stem = "%s-%s-%d-%d" % (self._writers.name, safe or "media", step, next(self._media))
        columns = piece.store(os.path.join(self.dir, layout.MEDIA), stem)
        self._add_sample(name, columns, step)

    @warn.guarded
    def log_system(self, metrics: Mapping[str, Any]) -> None:
        """Record figures of the machine that only the script can see, at the present time."""
        others: List[str] = []
        found = values.numbers(metrics, lambda name, *_: others.append(name))
        record = {key: values.wire(value) for key, value in found.items()}
        self._writers.system().append({"time": time(), "host": layout.host_name(), "metrics": record})
        if others:
            warn.complain("system", "log_system() takes numbers; left out: %s" % ", ".join(others))

    @warn.guarded
    def sample(
        self,
        columns: Optional[Mapping[str, Any]] = None,
        *,
        name: str = "samples",
        step: Optional[int] = None,
        **more: Any,
    ) -> None:
        """Record one output of the model: `sample(prompt=…, completion=…, score=0.7, step=12)`.

        Args:
            columns, more: anything; what JSON has no word for is recorded as its text.
            name: which table of samples it belongs to.
            step: None is the step logged last.
        """
        at = self.step if step is None else values.step_number(step)
        self._add_sample(name, {**dict(columns or {}), **more}, at)

    def _add_sample(self, name: str, columns: Dict[str, Any], step: int) -> None:
        record = {"time": time(), "step": step, "rank": self.rank, "name": name, "columns": plain(columns)}
        self._writers.samples().append(record)

    @property
    def step(self) -> int:
        """The step logged last; 0 before the first."""
        return max(0, int(repr(self._steps)[len("count(") : -1]) - 1)  # a look that takes no number

    # -- words about the run -------------------------------------------------------------------

    @warn.guarded
    def alert(self, title: str, text: str = "", level: Any = "info", **_habits: Any) -> None:
        """Raise an alert from the script.

        Args:
            level: `info`, `warn` or `error`; `AlertLevel` and any case will do.
        """
        known = str(level).lower()
        payload: Dict[str, Any] = {
            "alert_id": "sdk-" + layout.new_run_id().rpartition("-")[2] + "-" + self._writers.name,
            "detector": "script",
            "metric": None,
            "level": known if known in LEVELS else "info",
            "state": "fired",
            "onset_step": self.step,
            "step": self.step,
            "title": str(title),
            "text": str(text),
            "evidence": {},
        }
        self._event("alert", payload)

    @warn.guarded
    def checkpoint(
        self,
        path: Union[str, os.PathLike[str]],
        step: Optional[int] = None,
        metrics: Optional[Mapping[str, Any]] = None,
    ) -> Optional[str]:
        """Register a saved model state; nothing is copied. Call it after the save is complete.

        Args:
            path: file or folder, absolute or relative to the working folder.
            step: None is the step logged last.
            metrics: what it scored; None is what was logged last.

        Returns:
            The checkpoint's id; None when the path cannot be read.
        """
        at = self.step if step is None else values.step_number(step)
        found = dict(self._latest) if metrics is None else values.numbers(metrics, lambda *_: None)
        checkpoint_id = "%s-%d-%s" % (self._writers.name, at, layout.new_run_id().rpartition("-")[2])
        self._event(
            "checkpoint",
            {
                "checkpoint_id": checkpoint_id,
                "step": at,
                **checkpoints.describe(os.fspath(path)),
                "metrics": {key: values.wire(value) for key, value in found.items()},
            },
        )
        return checkpoint_id

    @warn.guarded
    def progress(self, step: Optional[int], total: Optional[int] = None, unit: str = "step") -> None:
        """Say how far the training is.

        Args:
            step: how many are done; None lets the step of the last `log()` tell.
            total: how many there will be; None keeps what was said before.
            unit: what is counted: `step`, `epoch`, `token`.
        """
        before = self._progress or {}
        known = before.get("total") if total is None else values.step_number(total)
        done = None if step is None else values.step_number(step)
        self._progress = {"step": done, "total": known, "unit": unit}
        self._is_progress_told = False
        if known != before.get("total") or monotonic() - self._progress_at >= PROGRESS_S:
            self._tell_progress()

    def _tell_progress(self) -> None:
        if not self._is_progress_told:
            self._is_progress_told, self._progress_at = True, monotonic()
            self._event("progress", {"progress": self._progress})

    def _record_config(self, changed: Dict[str, Any]) -> None:
        self._event("config", {"config": changed})

    def _record_summary(self, changed: Dict[str, Any]) -> None:
        self._event("summary", {"summary": changed})

    def _event(self, kind: str, payload: Dict[str, Any]) -> None:
        self._writers.event(kind, payload)

    watch = staticmethod(habits.watch)
    unwatch = staticmethod(habits.unwatch)

    # -- life ----------------------------------------------------------------------------------

    def start(self, words: Mapping[str, Any]) -> None:
        """Not to be called by scripts: write what `init` was given, and begin the upkeep.

        Args:
            words: rank event's facts, then config, tags, notes, name, progress_total and
                hooks, where given.
        """
        for kind in ("rank", "config", "tag", "name", "note", "hooks"):
            if words.get(kind):
                self._event(kind, words[kind])
        if words.get("progress_total") is not None:
            self.progress(None, words["progress_total"])
        keeper.keeper().add(self.tend)

    def tend(self, now: float) -> None:
        """The keeper's round: heartbeat, and progress that is still to be written."""
        if self.owner is not None:
            self.owner.tend(now)
        if now - self._progress_at >= PROGRESS_S:
            self._tell_progress()

    def current_facts(self) -> Dict[str, Any]:
        """What run.json says of this run now, as far as it changes."""
        return {
            "name": self.name,
            "config": plain(dict(self.config)),
            "summary": plain(dict(self.summary)),
            "tags": list(self.tags),
            "progress": self._progress,
            "journal": self.mode,
        }

    def finish(
        self,
        status: Union[str, int, None] = None,
        exit_code: Optional[int] = None,
        quiet: Optional[bool] = None,
    ) -> None:
        """End the run: what was written is brought to the disk, and later calls do nothing.

        Args:
            status: `finished`, `failed` or `stopped`; None follows `exit_code`. An int is taken
                as the exit code, as wandb does.
            exit_code: None is 0, or 1 for a status that is not `finished`.
            quiet: accepted; this is always quiet.
        """
        code = status if isinstance(status, int) else exit_code
        if code is None:
            code = 0 if status in (None, "finished") else 1
        self.end(code=code, stopped=status == "stopped")

    @warn.guarded
    def end(self, *, code: Optional[int], signal: Optional[int] = None, stopped: bool = False) -> None:
        """`finish` with an exact exit record. A run a runner owns ends with its process, not here."""
        if self.is_finished:
            return
        self.is_finished = True
        keeper.keeper().remove(self.tend)
        self._tell_progress()
        if self._figures:
            self._record_summary(plain(self._figures))
        if self._pid == os.getpid() and (self.is_joined or self.owner is not None):
            status = "stopped" if stopped else "finished" if code == 0 else "failed"
            self._event("status", {"status": status})
        writers = self._writers
        self._writers = self._metrics = NoWriters("what is logged after finish() is ignored")
        writers.close()
        if self.owner is not None and self._pid == os.getpid():
            self.owner.finish(code=code, signal=signal, stopped=stopped)

    def leave(self) -> None:
        """After a fork, in the child: the run is the parent's; the child only adds to it."""
        if self.owner is not None:
            self.owner.forget()
            self.owner = None

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        _kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        _trace: Optional[TracebackType],
    ) -> None:
        code, signal = exits.meaning(error)
        self.end(code=code, signal=signal)

    def __repr__(self) -> str:
        return "<Run %s %s>" % (self.id, self.name)


def _shown(value: Any) -> str:
    try:
        return repr(value)[:80]
    except Exception:
        return "<%s>" % type(value).__name__
