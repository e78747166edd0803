"""trackio: what its runs log, their config, alerts and system figures.

A step that was not given is the one trackio counted, unless the row has the training's own
(see `axes`). Reserved names are those it stores (`step` becomes `__step`). A tensor on a
device is left alone: trackio does not take one, and so never waits for it.
"""

from __future__ import annotations

import os

from .axes import Axes
from .guard import after
from .mirror import PLAIN, mirror
from .tensors import on_device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Collection, Mapping, Optional

HOOK = "trackio"
_mirror = mirror(HOOK)
_axes = Axes()
_reserved: Collection[str] = ("project", "run", "timestamp", "step", "time", "metrics")


def hook(module: ModuleType) -> None:
    """Watch `trackio.run.Run`, and `trackio.init` for the name that it is given."""
    _stay_local()
    if module.__name__ == "trackio":
        after(module, "init", _init, hook=HOOK)
        return
    global _reserved
    _reserved = getattr(getattr(module, "utils", None), "RESERVED_KEYS", _reserved)
    after(module.Run, "log", _log, hook=HOOK)
    after(module.Run, "__init__", _begin, hook="trackio.run")
    after(module.Run, "alert", _alert, hook=HOOK)
    after(module.Run, "log_system", _log_system, hook=HOOK)


def _stay_local() -> None:
    """Take away the server that `og run` named for clients we cannot watch: this one's own store goes on."""
    ours = os.environ.pop("OG_INGEST_URL", None)
    if ours is not None and os.environ.get("TRACKIO_SERVER_URL") == ours:
        os.environ.pop("TRACKIO_SERVER_URL")
        os.environ.pop("TRACKIO_WRITE_TOKEN", None)


def _init(_result: Any, project: Any = None, name: Any = None, *_args: Any, **_kwargs: Any) -> None:
    if isinstance(name, str):
        _mirror.name(name)


def _begin(_result: None, run: Any, *_args: Any, **_kwargs: Any) -> None:
    _mirror.config({key: value for key, value in run.config.items() if not key.startswith("_")})


def _log(_result: None, run: Any, metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
    if any(key in _reserved or key.startswith("__") for key in metrics):
        metrics = {_stored(key): value for key, value in metrics.items()}
    if not PLAIN.issuperset(map(type, metrics.values())):
        metrics = {key: value for key, value in metrics.items() if not on_device(value)}
    _axes.log(_mirror, metrics, run._next_step - 1 if step is None else step)


def _stored(key: str) -> str:
    return "__" + key if key in _reserved or key.startswith("__") else key


def _alert(
    _result: Any,
    run: Any,
    title: str,
    text: Optional[str] = None,
    level: Any = "warn",
    step: Optional[int] = None,
    *_args: Any,
    **_kwargs: Any,
) -> None:
    _mirror.alert(title, text or "", level, max(run._next_step - 1, 0) if step is None else step)


def _log_system(_result: None, _run: Any, metrics: Mapping[str, Any]) -> None:
    _mirror.system(metrics)
