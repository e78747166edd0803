"""Lightning: each Trainer asks the entry points of this folder's `.dist-info` for callbacks; Fabric is wrapped."""

from __future__ import annotations

import os
import sys

from . import guard
from .frameworks import Hooked
from .mirror import mirror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Mapping

_PACKAGES = {"LightningHook": "lightning.pytorch", "PytorchLightningHook": "pytorch_lightning"}
_latest: Dict[str, Any] = {}


def __getattr__(name: str) -> Any:
    """The callback's class of one of the two packages, made when asked for: also by pickle, in another process."""
    package = _PACKAGES.get(name)
    if package is None:
        raise AttributeError(name)
    from importlib import import_module

    from opengraphs.integrations.lightning_watch import TrainerWatch

    bases = (Hooked, TrainerWatch, import_module(package + ".callbacks").Callback)
    made = type(name, bases, {"source": "lightning", "__module__": __name__})
    globals()[name] = made
    return made


def lightning_callbacks() -> List[Any]:
    """For the entry point of `lightning.pytorch`."""
    return _callbacks("LightningHook")


def pytorch_lightning_callbacks() -> List[Any]:
    """For the entry point of `pytorch_lightning`."""
    return _callbacks("PytorchLightningHook")


@guard.guarded("lightning")
def _callback(name: str) -> Any:
    made = getattr(sys.modules[__name__], name)()
    guard.note_active("lightning", sys.modules[_PACKAGES[name]])
    return made


def _callbacks(name: str) -> List[Any]:
    off = os.environ.get("OG_NO_HOOKS", "").replace(" ", "").split(",")
    if not os.environ.get("OG_RUN_DIR") or "1" in off or "lightning" in off:
        return []
    made = _callback(name)
    return [] if made is None else [made]


def hook(module: ModuleType) -> None:
    """Fabric tells its callbacks nothing of what it logs, so its methods are watched."""
    guard.after(module.Fabric, "log_dict", _logged, hook="lightning")
    guard.after(module.Fabric, "save", _saved, hook="lightning")


def _is_recording(fabric: Any) -> bool:
    from opengraphs.integrations.lightning_watch import LoggerMark

    return fabric.is_global_zero and not any(isinstance(logger, LoggerMark) for logger in fabric.loggers)


def _logged(_result: Any, fabric: Any, metrics: Mapping[str, Any], step: Any = None) -> None:
    if _is_recording(fabric):
        from opengraphs.integrations.recording import numbers

        found = numbers(metrics)
        mirror("lightning").log(found, step)
        _latest.update(found)


def _saved(_result: Any, fabric: Any, path: Any, *_args: Any, **_kwargs: Any) -> None:
    if fabric.is_global_zero:
        mirror("lightning").checkpoint(path, None, _latest)
