"""accelerate: what `Accelerator.log` is given, with whatever trackers or none, and the states it saves."""

from __future__ import annotations

from opengraphs.integrations.accelerate import OpenGraphsTracker
from opengraphs.integrations.recording import numbers

from .guard import after
from .mirror import mirror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Mapping, Optional

_latest: Dict[str, Any] = {}


def hook(module: ModuleType) -> None:
    """`log_with="opengraphs"` is known by now: importing the tracker has registered it."""
    after(module.Accelerator, "log", _logged, hook="accelerate")
    after(module.Accelerator, "init_trackers", _started, hook="accelerate")
    after(module.Accelerator, "save_state", _saved, hook="accelerate")


def _has_tracker(accelerator: Any) -> bool:
    return any(isinstance(tracker, OpenGraphsTracker) for tracker in accelerator.trackers)


def _logged(
    _result: None,
    accelerator: Any,
    values: Mapping[str, Any],
    step: Optional[int] = None,
    *_args: Any,
    **_kw: Any,
) -> None:
    if accelerator.is_main_process:
        found = numbers(values)
        _latest.update(found)
        if not _has_tracker(accelerator):
            mirror("accelerate").log(found, step)


def _started(
    _result: None, accelerator: Any, project_name: str, config: Any = None, *_args: Any, **_kwargs: Any
) -> None:
    if config and accelerator.is_main_process and not _has_tracker(accelerator):
        mirror("accelerate").config(config)


def _saved(result: Any, accelerator: Any, output_dir: Any = None, *_args: Any, **_kwargs: Any) -> None:
    path = result or output_dir
    if path and accelerator.is_main_process:
        mirror("accelerate").checkpoint(path, None, _latest)
