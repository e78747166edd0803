"""Which modules are watched, and who hooks them. Imported at the start of every Python: data only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Tuple

TABLE: Dict[str, Tuple[str, str]] = {
    # a module, once loaded → (name for OG_NO_HOOKS and og show, file in this folder)
    "wandb.sdk.wandb_run": ("wandb", "wandb"),
    "wandb.sdk.lib.noop_run": ("wandb", "wandb"),
    "wandb.sdk.wandb_summary": ("wandb", "wandb"),
    "trackio.run": ("trackio", "trackio"),
    "trackio": ("trackio", "trackio"),
    "mlflow.tracking._tracking_service.client": ("mlflow", "mlflow"),
    "torch.utils.tensorboard.writer": ("tensorboard", "summary_writer"),
    "tensorboardX.writer": ("tensorboardX", "summary_writer"),
    "transformers.trainer": ("transformers", "transformers"),
    "lightning.fabric.fabric": ("lightning", "lightning"),
    "lightning_fabric.fabric": ("lightning", "lightning"),
    "keras.src.callbacks.callback_list": ("keras", "keras"),
    "tf_keras.src.callbacks": ("keras", "keras"),
    "accelerate.accelerator": ("accelerate", "accelerate"),
    "argparse": ("argparse", "argparse"),
    "hydra.core.utils": ("hydra", "hydra"),
}
"""A module may be any depth down; it is hooked right after its own code has run."""


def names() -> Tuple[str, ...]:
    """What can be switched off by `OG_NO_HOOKS`, in order."""
    return tuple(dict.fromkeys(name for name, _ in TABLE.values()))
