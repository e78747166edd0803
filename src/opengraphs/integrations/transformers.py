"""HF transformers: `Trainer(..., callbacks=[OpenGraphsCallback()])`, or `report_to="opengraphs"`.

Trainers of TRL, Axolotl, LLaMA-Factory and others that build on `transformers.Trainer` take it too.
"""

from __future__ import annotations

import os

from transformers.trainer_callback import TrainerCallback

from opengraphs.sdk.plain import as_mapping

from .recording import Watch, never_raise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional

MAX_LABELS = 100
"""A model's table of class names is part of the config up to this size."""
_OWNER = "_opengraphs_callback"


class OpenGraphsCallback(Watch, TrainerCallback):
    """Records what a Trainer logs, at its global step and in full precision, on the first process only.

    Metrics have the names that the Trainer's own integrations give them: `loss` is
    `train/loss`, `eval_loss` is `eval/loss`, `test_loss` is `test/loss`. The training
    arguments, the model's config and PEFT's are the run's config; `max_steps` is the
    progress total; saved checkpoints are registered.
    """

    def __init__(self, project: Optional[str] = None, name: Optional[str] = None, **init: Any) -> None:
        """Use the current run, or begin one at the first record.

        Args:
            project, name, init: as `opengraphs.init` takes them, for a new run.
        """
        super().__init__(project=project, name=name, **init)
        self._has_begun = False

    def _is_recording(self, args: Any, state: Any, control: Any, model: Any) -> bool:
        """Whether this process and this callback record; several of ours leave a Trainer to one of them."""
        if getattr(control, _OWNER, self) is not self or not state.is_world_process_zero:
            return False
        if not self._has_begun:
            self._has_begun = True
            self.settings(_config, args, model)
            self._tell_progress(state)
        return True

    def _claim(self, control: Any) -> None:
        if self.is_explicit and not hasattr(control, _OWNER):
            setattr(control, _OWNER, self)

    def _tell_progress(self, state: Any) -> None:
        self.recorder.progress(state.global_step, state.max_steps if state.max_steps > 0 else None)

    @never_raise
    def on_init_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._claim(control)

    @never_raise
    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._claim(control)
        self._has_begun = False

    @never_raise
    def on_epoch_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        self._is_recording(args, state, control, model)

    @never_raise
    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        if self._is_recording(args, state, control, model):
            self._tell_progress(state)

    @never_raise
    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        model: Any = None,
        logs: Optional[Mapping[str, Any]] = None,
        **kwargs: Any,
    ) -> None:
        if logs and self._is_recording(args, state, control, model):
            self.record(_renamed(logs), state.global_step)

    @never_raise
    def on_predict(
        self,
        args: Any,
        state: Any,
        control: Any,
        metrics: Optional[Mapping[str, Any]] = None,
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        if metrics and self._is_recording(args, state, control, model):
            self.record(_renamed(metrics), state.global_step)

    @never_raise
    def on_save(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        path = os.path.join(args.output_dir, "checkpoint-%d" % state.global_step)
        if os.path.isdir(path) and self._is_recording(args, state, control, model):
            self.recorder.checkpoint(path, state.global_step, self.latest)


def _renamed(logs: Mapping[str, Any]) -> Dict[str, Any]:
    """Logs under the names that TensorBoard and other integrations of transformers show."""
    named: Dict[str, Any] = {}
    for key, value in logs.items():
        head, underscore, rest = key.partition("_")
        if underscore and head in ("eval", "test"):
            named[head + "/" + rest] = value
        else:
            named["train/" + key] = value
    return named


def _config(args: Any, model: Any) -> Dict[str, Any]:
    """Model config under training arguments under PEFT's, as other integrations merge them."""
    config: Dict[str, Any] = {}
    config.update(as_mapping(getattr(model, "config", None)) or {})
    config.update(args.to_dict())
    for table in ("id2label", "label2id"):
        if len(config.get(table) or ()) > MAX_LABELS:
            del config[table]
    peft = getattr(model, "peft_config", None)
    if isinstance(peft, dict):
        config["peft_config"] = {adapter: as_mapping(one) for adapter, one in peft.items()}
    return config


def register() -> None:
    """Make `report_to="opengraphs"` valid. Done when this module is imported."""
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    INTEGRATION_TO_CALLBACK.setdefault("opengraphs", OpenGraphsCallback)


register()
