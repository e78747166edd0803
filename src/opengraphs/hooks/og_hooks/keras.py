"""Keras 3 and tf_keras: our callback is put first into every list of callbacks; models' saves are noticed."""

from __future__ import annotations

import sys
from importlib import import_module

from opengraphs.integrations.keras_watch import FitWatch, notice_saves

from .frameworks import Hooked
from .guard import after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict


class _FitHook(Hooked, FitWatch):
    source = "keras"


_classes: Dict[Any, Any] = {}


def hook(module: ModuleType) -> None:
    """`module` has `CallbackList`; of Keras 3 it imports `Callback`, of tf_keras it defines it."""
    after(module.CallbackList, "__init__", _made, hook="keras")


def _made(_result: None, callbacks: Any, *_args: Any, **_kwargs: Any) -> None:
    if any(isinstance(one, FitWatch) for one in callbacks.callbacks):
        return
    package = type(callbacks).__module__.partition(".")[0]
    ours = _class_for(package)()
    ours.set_params(callbacks.params)
    ours.set_model(callbacks.model)
    callbacks.callbacks.insert(0, ours)  # before ModelCheckpoint, whose save then knows its epoch's metrics


def _class_for(package: str) -> Any:
    if package not in _classes:
        base = import_module(package + ".callbacks").Callback
        notice_saves(sys.modules[package].Model)
        _classes[package] = type("OpenGraphsHook", (_FitHook, base), {})
    return _classes[package]
