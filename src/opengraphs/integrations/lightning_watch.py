"""What is recorded of a Lightning Trainer; names no base class, as there are two packages of Lightning.

Everything a trainer logs passes `log_metrics` of its first logger or, without loggers, of
its connector, with the step and the cadence that Lightning chose; that is where we look.
"""

from __future__ import annotations

from math import ceil, inf

from .recording import Watch, never_raise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Mapping, Optional


class LoggerMark:
    """Base of `OpenGraphsLogger`, by which the callbacks see that it records already."""


class TrainerWatch(Watch):
    """The methods of a Lightning `Callback` that record metrics, hyperparameters, progress and checkpoints."""

    def __init__(self, project: Optional[str] = None, name: Optional[str] = None, **init: Any) -> None:
        """Use the current run, or begin one at the first record.

        Args:
            project, name, init: as `opengraphs.init` takes them, for a new run.
        """
        super().__init__(project=project, name=name, **init)
        self._trainer: Any = None
        self._total: Optional[int] = None

    @never_raise
    def setup(self, trainer: Any, pl_module: Any, stage: Optional[str] = None) -> None:
        if not trainer.is_global_zero or not self._is_first_of_ours(trainer):
            return
        self._trainer = trainer
        if any(isinstance(logger, LoggerMark) for logger in trainer.loggers):
            return
        target = trainer.loggers[0] if trainer.loggers else trainer._logger_connector
        watch(target, "log_metrics", self._on_logger if trainer.loggers else self._on_connector)
        watch(trainer, "save_checkpoint", self._on_saved)
        self.settings(hyperparameters, trainer, pl_module)

    def _is_first_of_ours(self, trainer: Any) -> bool:
        ours = [one for one in trainer.callbacks if isinstance(one, TrainerWatch)]
        return next((one for one in ours if one.is_explicit), ours[0]) is self

    @never_raise
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if self._trainer is trainer:
            self._total = _total_steps(trainer)
            self.recorder.progress(_step(trainer), self._total)

    @never_raise
    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._trainer is trainer:
            self.recorder.progress(_step(trainer), self._total)

    @never_raise
    def _on_logger(self, metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
        self.record(metrics, _step(self._trainer) if step is None else step)

    @never_raise
    def _on_connector(self, metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
        """The connector's own reading of what it was given: a metric named `step` is the step."""
        if not metrics:
            return
        named = dict(metrics)
        if step is None and "step" in named:
            step = int(named.pop("step"))
        elif step is None:
            named.setdefault("epoch", self._trainer.current_epoch)
            step = _step(self._trainer)
        self.record(named, step)

    @never_raise
    def _on_saved(self, filepath: Any, *_args: Any, **_kwargs: Any) -> None:
        self.recorder.checkpoint(filepath, self._trainer.global_step, self.latest)


class Watched:
    """A method of one object with a second step. Unlike a closure it can be pickled and copied."""

    def __init__(self, method: Callable[..., Any], then: Callable[..., None]) -> None:
        self.method = method
        self.then = then

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        result = self.method(*args, **kwargs)
        self.then(*args, **kwargs)
        return result


def watch(owner: Any, name: str, then: Callable[..., None]) -> None:
    """Have `then` called with the same arguments after each `owner.name(…)`; a second watch replaces the first.

    Raises:
        AttributeError: there is no such method.
    """
    method = getattr(owner, name)
    if isinstance(method, Watched):
        method.then = then
    else:
        setattr(owner, name, Watched(method, then))


def hyperparameters(trainer: Any, module: Any) -> Dict[str, Any]:
    """What `save_hyperparameters()` kept of the module and the datamodule, unless it said `logger=False`."""
    config: Dict[str, Any] = {}
    for owner in (trainer.datamodule, module):
        if owner is not None and getattr(owner, "_log_hyperparams", False):
            config.update(owner.hparams_initial)
    config.pop("_class_path", None)  # of LightningCLI's own
    return config


def _step(trainer: Any) -> int:
    """The step under which Lightning logs, which counts batches and not optimizers."""
    return int(trainer.fit_loop.epoch_loop._batches_that_stepped)


def _total_steps(trainer: Any) -> Optional[int]:
    bounds = [trainer.max_steps] if trainer.max_steps > 0 else []
    if trainer.max_epochs is not None and trainer.max_epochs > 0 and trainer.num_training_batches < inf:
        per_epoch = ceil(trainer.num_training_batches / trainer.accumulate_grad_batches)
        bounds.append(per_epoch * trainer.max_epochs)
    return int(min(bounds)) if bounds else None
