"""The public names of `opengraphs`: a run to log to, and module-level words for the current one."""

from __future__ import annotations

import os
from _thread import RLock

from . import exits, habits, warn
from .dicts import Config, Summary
from .habits import AlertLevel, Settings, login, unwatch, watch
from .media import Audio, Histogram, Image, Table, Video
from .resuming import override, resume, should_checkpoint, should_stop
from .run import Run
from .start import Wish, disabled, start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Union

__all__ = [
    "AlertLevel",
    "Audio",
    "Config",
    "Histogram",
    "Image",
    "Run",
    "Settings",
    "Summary",
    "Table",
    "Video",
    "alert",
    "checkpoint",
    "define",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_system",
    "login",
    "note",
    "override",
    "progress",
    "resume",
    "sample",
    "save",
    "should_checkpoint",
    "should_stop",
    "tag",
    "untag",
    "unwatch",
    "watch",
]
CURRENT = ("config", "run", "summary")
"""Names that mean the current run's, looked up at each use."""

_lock = RLock()
_run: Optional[Run] = None
_has_joined = False


def init(
    project: Optional[str] = None,
    name: Optional[str] = None,
    config: Any = None,
    tags: Union[str, Sequence[str], None] = None,
    notes: Optional[str] = None,
    group: Optional[str] = None,
    job_type: Optional[str] = None,
    resume: Any = None,
    store: Union[str, os.PathLike[str], None] = None,
    progress_total: Optional[int] = None,
    mirror_to: Optional[str] = None,
    **others: Any,
) -> Run:
    """Begin a run, or return the current one while it is not finished.

    Under `og run` this joins the run that the runner made. Without a runner it makes a
    folder in the store; ranks of one job agree on one. It never raises, blocks or starts a
    program: when nothing can be written, one warning says so and the run records nothing.

    Args:
        project: None is `OG_PROJECT`, the git top folder's name or the working folder's.
        name: None is made from the script's name.
        config: a dict, argparse namespace, dataclass or dict-like.
        tags, notes, group, job_type: what runs are found and grouped by.
        resume: the id of a run of this store, which is continued as its next attempt.
        store: the folder of all runs; None is found as DESIGN section 2 says.
        progress_total: how many steps there will be.
        mirror_to: a Trackio server that `ogd` forwards the run to: `https://host`, `trackio://host:port`;
            None is `OG_MIRROR`. Nothing is sent from here; see docs/forwarding.md.
        others: what other trackers take. `id` with `resume="allow"`, `mode="disabled"`,
            `reinit=True`, `config_exclude_keys` and `server_url` mean what they do there; what
            means nothing here warns once, or says nothing where nothing is missed.
    """
    is_off = others.get("mode") == "disabled" or os.environ.get("OG_MODE") == "disabled"
    words = {"project": project, "name": name, "config": config, "tags": tags, "notes": notes, "group": group}
    words.update(job_type=job_type, resume=resume, store=store, progress_total=progress_total)
    words.update(mirror_to=mirror_to or others.get("server_url"), run_id=others.get("id"))
    with _lock:
        if _run is not None and not _run.is_finished:
            if others.get("reinit") not in (True, "finish_previous", "create_new"):
                return _run
            _run.finish()
        return _begin(_wish(words, others), is_off=is_off)


def _wish(words: Dict[str, Any], others: Mapping[str, Any]) -> Wish:
    habits.tell_ignored(others)
    try:
        wish = Wish(**words)
        wish.config = habits.chosen_config(wish.config, others)
        return wish
    except Exception as error:  # the border of the SDK: whatever was given instead of a name
        warn.complain("wish", "init() cannot use what it was given: %r" % error, error)
        return Wish()


def _begin(wish: Wish, *, is_off: bool) -> Run:
    global _run, _has_joined
    _run = disabled(wish) if is_off else start(wish, join=not _has_joined)
    _has_joined = _has_joined or _run.is_joined
    exits.watch(_run)
    return _run


def current(name: str) -> Any:
    """The current run, its config or its summary; see `CURRENT`."""
    return _run if name == "run" else getattr(_run or missing(name), name)


def missing(call: str) -> Run:
    """Without a run: one warning, and a run that records nothing."""
    text = "%s before init() is ignored" % call
    warn.complain("init", text, RuntimeError(text))
    return disabled(Wish())


def log(metrics: Mapping[str, Any], step: Optional[int] = None, commit: Optional[bool] = None) -> None:
    """`Run.log` of the current run."""
    run = _run
    if run is None:
        run = missing("log()")
    run.log(metrics, step, commit)


def log_system(metrics: Mapping[str, Any]) -> None:
    """`Run.log_system` of the current run."""
    (_run or missing("log_system()")).log_system(metrics)


def sample(
    columns: Optional[Mapping[str, Any]] = None,
    *,
    name: str = "samples",
    step: Optional[int] = None,
    **more: Any,
) -> None:
    """`Run.sample` of the current run."""
    (_run or missing("sample()")).sample(columns, name=name, step=step, **more)


def tag(*tags: Union[str, Iterable[str]]) -> None:
    """`Run.tag` of the current run."""
    (_run or missing("tag()")).tag(*tags)


def untag(*tags: Union[str, Iterable[str]]) -> None:
    """`Run.untag` of the current run."""
    (_run or missing("untag()")).untag(*tags)


def note(text: str, step: Optional[int] = None) -> None:
    """`Run.note` of the current run."""
    (_run or missing("note()")).note(text, step)


def alert(title: str, text: str = "", level: Any = "info", **habits: Any) -> None:
    """`Run.alert` of the current run."""
    (_run or missing("alert()")).alert(title, text, level, **habits)


def checkpoint(
    path: Union[str, os.PathLike[str]],
    step: Optional[int] = None,
    metrics: Optional[Mapping[str, Any]] = None,
) -> Optional[str]:
    """`Run.checkpoint` of the current run."""
    return (_run or missing("checkpoint()")).checkpoint(path, step, metrics)


def define_metric(name: str, *args: Any, **options: Any) -> Any:
    """`Run.define_metric` of the current run."""
    return (_run or missing("define_metric()")).define_metric(name, *args, **options)


def define(metric: str, role: str) -> None:
    """`Run.define` of the current run: what a metric is, for alerts."""
    (_run or missing("define()")).define(metric, role)


def save(glob_str: Any = None, *args: Any, **options: Any) -> Any:
    """`Run.save` of the current run: writes down which files the script means to keep."""
    from . import artifacts

    return artifacts.save(_run or missing("save()"), glob_str, *args, **options)


def progress(step: Optional[int], total: Optional[int] = None, unit: str = "step") -> None:
    """`Run.progress` of the current run."""
    (_run or missing("progress()")).progress(step, total, unit)


def finish(
    status: Union[str, int, None] = None,
    exit_code: Optional[int] = None,
    quiet: Optional[bool] = None,
) -> None:
    """`Run.finish` of the current run; nothing when there is none."""
    if _run is not None:
        _run.finish(status, exit_code, quiet)
