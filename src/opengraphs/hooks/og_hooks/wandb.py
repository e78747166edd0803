"""wandb: what `Run.log`, config, summary, tags, name, notes and alerts are given, in every mode.

Every public way to log ends in `Run._log`, also those of wandb's own integrations. A step
that was not given is the one wandb counted, unless the row has the steps that its charts
have (see `axes`); nested names are joined by `.`, as wandb shows them. Of a disabled run (`mode="disabled"`) the steps are counted here, as wandb would, and
tensors that lie on a device are left alone: wandb itself would not wait for them.
"""

from __future__ import annotations

from .axes import Axes
from .guard import after, after_set
from .mirror import mirror
from .tensors import on_device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Mapping, Optional

HOOK = "wandb"
_mirror = mirror(HOOK)
_noop_steps: Dict[int, int] = {}
_axes: Dict[int, Axes] = {}


def hook(module: ModuleType) -> None:
    """Watch the classes of one of wandb's modules."""
    if module.__name__.endswith("wandb_run"):
        _hook_run(module.Run)
    elif module.__name__.endswith("wandb_summary"):
        after(module.SummaryDict, "update", _summary, hook=HOOK)
    else:
        after(module.NoopRun, "log", _noop_log, hook=HOOK)
        after(module.NoopRun, "define_metric", _define, hook=HOOK)
        after(module.NoopRun, "alert", _alert, hook=HOOK)
        after(module.NoopRun, "__init__", _begin, hook=HOOK)


def _hook_run(run: Any) -> None:
    after(run, "_log", _log, hook=HOOK)
    after(run, "_on_start", _begin, hook=HOOK)
    after(run, "_config_callback", _config, hook=HOOK)
    after(run, "define_metric", _define, hook=HOOK)
    after(run, "alert", _alert, hook=HOOK)
    after_set(run, "tags", _tags, hook=HOOK)
    after_set(run, "name", _name, hook=HOOK)
    after_set(run, "notes", _notes, hook=HOOK)


def _log(
    _result: None,
    run: Any,
    data: Mapping[str, Any],
    step: Optional[int] = None,
    commit: Optional[bool] = None,
    *_more: Any,
) -> None:
    if step is None:  # wandb has moved on already, unless it was told to stay
        step = run._local_step - (commit is not False)
    _axes_of(run).log(_mirror, data, step)


def _noop_log(
    _result: None,
    run: Any,
    data: Mapping[str, Any],
    step: Optional[int] = None,
    commit: Optional[bool] = None,
    *_more: Any,
    **_others: Any,
) -> None:
    now = _noop_steps.get(id(run), 0)
    at = now if step is None else step
    _noop_steps[id(run)] = max(now, at) + (commit is True or (step is None and commit is None))
    _axes_of(run).log(_mirror, {key: value for key, value in data.items() if not on_device(value)}, at)


def _axes_of(run: Any) -> Axes:
    found = _axes.get(id(run))
    if found is None:
        found = _axes[id(run)] = Axes()
    return found


def _define(_result: Any, run: Any, name: str, step_metric: Any = None, *_more: Any, **_others: Any) -> None:
    if step_metric is not None:
        _axes_of(run).define(name, str(getattr(step_metric, "name", step_metric)))


def _begin(_result: None, run: Any, *_args: Any, **_kwargs: Any) -> None:
    """A run has started: what `wandb.init` was told."""
    _axes.pop(id(run), None)  # one that is gone may have had this number
    _noop_steps.pop(id(run), None)
    settings = run._settings
    _mirror.config({key: value for key, value in run._config.items() if not key.startswith("_")})
    if settings.mode != "disabled" and settings.run_name:
        _mirror.name(settings.run_name)
    _mirror.tags(*(settings.run_tags or ()))
    if settings.run_notes:
        _mirror.note(settings.run_notes)


def _config(_result: None, _run: Any, key: Any = None, val: Any = None, data: Any = None) -> None:
    found: Dict[str, Any] = dict(data or {})
    if key is not None:
        found[key if isinstance(key, str) else ".".join(key)] = val
    _mirror.config({name: value for name, value in found.items() if not name.startswith("_")})


def _summary(_result: None, summary: Any, values: Mapping[str, Any], *_more: Any) -> None:
    if type(summary).__name__ == "Summary":  # what lies inside another one is told by that
        _mirror.summary(dict(values))


def _alert(
    _result: None,
    _run: Any,
    title: str = "",
    text: str = "",
    level: Any = "info",
    *_more: Any,
    **_others: Any,
) -> None:
    _mirror.alert(title, text, level or "info")


def _tags(_result: None, run: Any, _value: Any) -> None:
    _mirror.tags(*(run._settings.run_tags or ()))


def _name(_result: None, _run: Any, value: Any) -> None:
    _mirror.name(value)


def _notes(_result: None, _run: Any, value: Any) -> None:
    _mirror.note(value)
