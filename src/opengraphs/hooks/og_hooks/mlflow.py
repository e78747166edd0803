"""mlflow: metrics, params, tags and names, by whichever of its ways they came.

All of them (the fluent functions, `MlflowClient`, autologging) end in one client class.
Metrics that are logged without a step all have step 0 there; so that they make a curve,
a metric that has never had another step counts 0, 1, 2, … here.
"""

from __future__ import annotations

from .guard import after
from .mirror import mirror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Iterable, Tuple

HOOK = "mlflow"
MAX_KEYS = 10_000
_mirror = mirror(HOOK)
_counted: Dict[Tuple[str, str], int] = {}


def hook(module: ModuleType) -> None:
    """Watch the client that all other ways go through."""
    client = module.TrackingServiceClient
    after(client, "log_metric", _log_metric, hook=HOOK)
    after(client, "log_batch", _log_batch, hook=HOOK)
    after(client, "log_param", _log_param, hook=HOOK)
    after(client, "set_tag", _set_tag, hook=HOOK)
    after(client, "create_run", _create_run, hook=HOOK)


def _log_metric(
    _result: Any,
    _client: Any,
    run_id: str,
    key: str,
    value: Any,
    timestamp: Any = None,
    step: Any = None,
    *_more: Any,
    **_others: Any,
) -> None:
    _mirror.log({key: value}, _step(run_id, key, step or 0))


def _log_batch(
    _result: Any,
    _client: Any,
    run_id: str,
    metrics: Iterable[Any] = (),
    params: Iterable[Any] = (),
    tags: Iterable[Any] = (),
    *_more: Any,
    **_others: Any,
) -> None:
    rows: Dict[int, Dict[str, Any]] = {}
    for metric in metrics:
        rows.setdefault(_step(run_id, metric.key, metric.step), {})[metric.key] = metric.value
    for step, row in rows.items():
        _mirror.log(row, step)
    _mirror.config({param.key: _typed(param.value) for param in params})
    for tag in tags:
        _set_tag(None, None, run_id, tag.key, tag.value)


def _step(run_id: str, key: str, step: int) -> int:
    """The step a point is shown at: its own, or a count where none was ever given."""
    name = (run_id, key)
    if step:
        _counted[name] = -1
        return step
    count = _counted.get(name, 0)
    if count < 0 or (count == 0 and len(_counted) >= MAX_KEYS):
        return step
    _counted[name] = count + 1
    return count


def _log_param(
    _result: Any, _client: Any, _run_id: str, key: str, value: Any, *_more: Any, **_others: Any
) -> None:
    _mirror.config({key: value})


def _typed(text: Any) -> Any:
    """mlflow has made text of a batch's params: numbers and truth values become themselves again."""
    if not isinstance(text, str):
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"True": True, "False": False, "None": None}.get(text, text)


def _set_tag(
    _result: Any, _client: Any, _run_id: str, key: str, value: Any, *_more: Any, **_others: Any
) -> None:
    if key == "mlflow.runName":
        _mirror.name(str(value))
    elif key == "mlflow.note.content":
        _mirror.note(str(value))
    elif not key.startswith("mlflow."):
        _mirror.tags("%s=%s" % (key, value))


def _create_run(
    _result: Any,
    _client: Any,
    _experiment_id: Any = None,
    _start_time: Any = None,
    tags: Any = None,
    run_name: Any = None,
    *_more: Any,
    **_others: Any,
) -> None:
    if run_name:
        _mirror.name(str(run_name))
    for key, value in dict(tags or {}).items():
        _set_tag(None, None, "", key, value)
