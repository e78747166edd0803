"""HF transformers: our callback is among those that every Trainer has, whatever `report_to` says.

In a run that og resumed, `train()` goes on from its checkpoint (`going_on`).
"""

from __future__ import annotations

from opengraphs.integrations.transformers import OpenGraphsCallback

from .frameworks import Hooked
from .going_on import hook_trainer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


class OpenGraphsHook(Hooked, OpenGraphsCallback):
    """Records a Trainer of a script that names no callback of ours."""

    source = "transformers"


def hook(module: ModuleType) -> None:
    if OpenGraphsHook not in module.DEFAULT_CALLBACKS:
        module.DEFAULT_CALLBACKS.append(OpenGraphsHook)
    hook_trainer(module)
