"""Lightning: `Trainer(logger=OpenGraphsLogger())`, or `Trainer(callbacks=[OpenGraphsCallback()])`.

Of `lightning.pytorch` or, where that is not installed or only the other one is in use, of
`pytorch_lightning`. The logger serves `Fabric(loggers=…)` as well.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec

from .lightning_watch import LoggerMark, TrainerWatch
from .recording import Watch, never_raise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, Mapping, Optional


def _package() -> str:
    has_other = "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules
    return "pytorch_lightning" if has_other or find_spec("lightning") is None else "lightning.pytorch"


_loggers: Any = import_module(_package() + ".loggers")
_callbacks: Any = import_module(_package() + ".callbacks")
_rank_zero_only: Any = import_module(_package() + ".utilities.rank_zero").rank_zero_only


class OpenGraphsCallback(TrainerWatch, _callbacks.Callback):
    """Records whatever the trainer logs, with any loggers or none, on the first process only.

    Metrics have the names and steps that Lightning gives its loggers. Hyperparameters that
    the module or datamodule saved are the run's config; the number of optimizer steps is
    the progress total; every `save_checkpoint` is registered. Beside an `OpenGraphsLogger`
    only progress is left to do.
    """


class OpenGraphsLogger(Watch, LoggerMark, _loggers.Logger):
    """A Lightning logger that writes to an OpenGraphs run, on the first process only."""

    def __init__(self, project: Optional[str] = None, name: Optional[str] = None, **init: Any) -> None:
        """Use the current run, or begin one at the first record.

        Args:
            project, name, init: as `opengraphs.init` takes them, for a new run.
        """
        super().__init__(project=project, name=name, **init)
        self._step: Optional[int] = None
        self._saved: Dict[str, float] = {}

    @property
    def name(self) -> Optional[str]:
        """The project: the folder of checkpoints is named by it; None on other processes."""
        return self._run_recorder.run.project if _rank_zero_only.rank == 0 else None

    @property
    def version(self) -> Optional[str]:
        """The run's id; None on other processes."""
        return self._run_recorder.run.id if _rank_zero_only.rank == 0 else None

    @property
    def experiment(self) -> Any:
        """The `opengraphs.Run`; None on other processes."""
        return self._run_recorder.run if _rank_zero_only.rank == 0 else None

    @never_raise
    def log_metrics(self, metrics: Mapping[str, Any], step: Optional[int] = None) -> None:
        if _rank_zero_only.rank == 0:
            self._step = self._step if step is None else step
            self.record(metrics, step)

    @never_raise
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        if _rank_zero_only.rank == 0:
            self.recorder.config(params)

    @never_raise
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        step = getattr(checkpoint_callback, "_last_global_step_saved", None) or self._step
        for path in _new_files(checkpoint_callback, self._saved):
            self.recorder.checkpoint(path, step, self.latest)


def _new_files(checkpoint_callback: Any, saved: Dict[str, float]) -> Iterator[str]:
    """Checkpoints that this ModelCheckpoint keeps and that are newer than when last seen."""
    kept = [checkpoint_callback.last_model_path, checkpoint_callback.best_model_path]
    for path in dict.fromkeys([*kept, *checkpoint_callback.best_k_models]):
        changed_at = os.path.getmtime(path) if path and os.path.exists(path) else 0.0
        if changed_at > saved.get(path, 0.0):
            saved[path] = changed_at
            yield path
