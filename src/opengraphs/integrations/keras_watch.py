"""What is recorded of a Keras training; names no base class, as Keras 3 and tf_keras have one each."""

from __future__ import annotations

import functools
import os
from weakref import WeakKeyDictionary

from opengraphs.sdk import warn

from .recording import Watch, never_raise, numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Mapping, MutableMapping, Optional

    from .recording import Recorder


class Saves:
    """What a model's saves are registered with. Holds no model: a script that drops it gets its memory back."""

    def __init__(self, recorder: Recorder, latest: Mapping[str, Any]) -> None:
        self._recorder = recorder
        self._latest = latest
        self.epoch = 0

    def register(self, path: str) -> None:
        """After the model was saved there."""
        self._recorder.checkpoint(path, self.epoch, self._latest)


_saves: MutableMapping[Any, Saves] = WeakKeyDictionary()
"""By model that is or was in training."""


class FitWatch(Watch):
    """The methods of a Keras `Callback` that record each epoch, the settings, progress and saved models.

    It looks at no batch: a callback that does makes some back ends wait for the device.
    """

    model: Any
    params: Optional[Dict[str, Any]]

    @never_raise
    def on_train_begin(self, logs: Optional[Mapping[str, Any]] = None) -> None:
        self._saves = _saves[self.model] = Saves(self.recorder, self.latest)
        self.settings(_config, self.model, self.params or {})
        self.recorder.progress(None, self._epochs(), "epoch")

    @never_raise
    def on_epoch_begin(self, epoch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
        self._saves.epoch = epoch

    @never_raise
    def on_epoch_end(self, epoch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
        self.record(logs or {}, epoch)
        self.recorder.progress(epoch + 1, self._epochs(), "epoch")

    def _epochs(self) -> Optional[int]:
        return (self.params or {}).get("epochs")


class BatchWatch(FitWatch):
    """`FitWatch` that can record batches too."""

    async_safe = True
    """Keras may go on computing while a batch is recorded."""

    def __init__(
        self,
        project: Optional[str] = None,
        name: Optional[str] = None,
        *,
        log_every: Optional[int] = None,
        **init: Any,
    ) -> None:
        """Use the current run, or begin one at the first record.

        Args:
            project, name, init: as `opengraphs.init` takes them, for a new run.
            log_every: record every n-th batch as well, under `batch/`, at its number since
                the training began; None records epochs only.
        """
        super().__init__(project=project, name=name, **init)
        self._log_every = log_every
        self._batches = 0

    @never_raise
    def on_train_batch_end(self, batch: int, logs: Optional[Mapping[str, Any]] = None) -> None:
        self._batches += 1
        if self._log_every and self._batches % self._log_every == 0:
            named = {"batch/" + key: value for key, value in numbers(logs or {}).items()}
            self.recorder.log(named, self._batches)


def _config(model: Any, params: Mapping[str, Any]) -> Dict[str, Any]:
    config = {key: params[key] for key in ("epochs", "steps", "batch_size") if params.get(key) is not None}
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        config["optimizer"] = optimizer.get_config()
    loss = getattr(model, "loss", None)
    if isinstance(loss, str):
        config["loss"] = loss
    if getattr(model, "built", False):
        config["model"] = {"name": model.name, "parameters": model.count_params()}
    return config


def notice_saves(model_class: Any) -> None:
    """Have every `save` and `save_weights` of a model that is or was in training registered.

    `ModelCheckpoint` and `BackupAndRestore` save through these, and so do scripts.
    """
    for name in ("save", "save_weights"):
        real = getattr(model_class, name)
        if not hasattr(real, "_og_wrapped"):
            setattr(model_class, name, _noticed(real))


def _noticed(real: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(real)
    def call(model: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        result = real(model, filepath, *args, **kwargs)
        try:
            if isinstance(filepath, (str, os.PathLike)) and model in _saves:
                _saves[model].register(os.fspath(filepath))
        except Exception as error:  # the border of the SDK
            warn.tell("integration:saves", "a saved model was not registered: %r" % error)
        return result

    call._og_wrapped = real  # type: ignore[attr-defined]
    return call
