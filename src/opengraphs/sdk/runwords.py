"""Members of a run that scripts of other trackers use; `Run.__getattr__` finds them here."""

from __future__ import annotations

from . import artifacts, elsewhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    from .run import Run

_METHODS: Dict[str, Callable[..., Any]] = {
    "log_artifact": artifacts.record,
    "upsert_artifact": artifacts.record,
    "finish_artifact": artifacts.record,
    "use_artifact": artifacts.use,
    "log_model": artifacts.log_model,
    "use_model": artifacts.use_model,
    "save": artifacts.save,
}
"""These take the run first."""
_FUNCTIONS: Dict[str, Callable[..., Any]] = {
    "link_artifact": elsewhere.nothing,
    "link_model": elsewhere.nothing,
    "log_code": elsewhere.log_code,
    "restore": elsewhere.restore,
    "mark_preempting": elsewhere.nothing,
    "pin_config_keys": elsewhere.nothing,
    "display": elsewhere.nothing,
    "write_logs": elsewhere.nothing,
}
_VALUES: Dict[str, Callable[[Run], Any]] = {
    "entity": lambda _run: "",
    "project_url": lambda _run: None,
    "sweep_id": lambda _run: None,
    "sweep_url": lambda _run: None,
    "offline": lambda _run: True,
    "disabled": lambda run: run.store is None,
    "resumed": lambda run: run.attempt > 0,
    "starting_step": lambda _run: 0,
    "path": lambda run: "%s/%s" % (run.project, run.id),
    "sync_dir": lambda run: run.dir,
    "settings": lambda run: run.current_facts(),
    "config_static": lambda run: run.config,
}
_NONE: Dict[str, Callable[..., Any]] = {"get_url": elsewhere.nothing, "get_project_url": elsewhere.nothing}


def of_run(run: Run, name: str) -> Any:
    """A member that is not og's own.

    Raises:
        AttributeError: nobody's scripts use such a member.
    """
    if name in _METHODS:
        method = _METHODS[name]
        return lambda *args, **kwargs: method(run, *args, **kwargs)
    if name in _VALUES:
        return _VALUES[name](run)
    found = _FUNCTIONS.get(name) or _NONE.get(name)
    if found is None:
        raise AttributeError("a run has no %r" % name)
    return found


def of_current(name: str) -> Callable[..., Any]:
    """The module-level word for a member of the current run."""

    def call(*args: Any, **kwargs: Any) -> Any:
        from . import api

        run = api.current("run") or api.missing("%s()" % name)
        return of_run(run, name)(*args, **kwargs)

    call.__name__ = name
    return call


log_artifact = of_current("log_artifact")
use_artifact = of_current("use_artifact")
log_model = of_current("log_model")
use_model = of_current("use_model")
link_model = elsewhere.nothing
