"""A framework's own way to go on from a checkpoint, taken where a script does not say anything about it.

Only in a run that og resumed from a checkpoint of that framework; every other run is left as it is.
"""

from __future__ import annotations

import os

from . import guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, List, Optional, Tuple

HOOK = "transformers resume"
_used: List[str] = []
"""Checkpoints that were handed out: a second training of the same process begins as it is told."""


def hook_trainer(module: ModuleType) -> None:
    """`Trainer.train()` without a word about checkpoints goes on from `OG_RESUME_FROM`."""
    if os.environ.get("OG_RESUME") == "1" and os.environ.get("OG_RESUME_KIND") == "hf":
        guard.before(module.Trainer, "train", _train, hook=HOOK)


def _train(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Optional[Tuple[Tuple[Any, ...], Dict[str, Any]]]:
    path = os.environ.get("OG_RESUME_FROM", "")
    given = args[1] if len(args) > 1 else kwargs.get("resume_from_checkpoint")
    if _used or given is not None or not os.path.isfile(os.path.join(path, "trainer_state.json")):
        return None
    _used.append(path)
    if len(args) > 1:
        return (args[0], path, *args[2:]), kwargs
    return args, {**kwargs, "resume_from_checkpoint": path}
