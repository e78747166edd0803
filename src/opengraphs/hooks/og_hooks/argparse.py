"""argparse: what the command line was parsed into becomes the run's config.

Only the outermost parse of the process's own arguments counts, and not that of a launcher
(torchrun, accelerate, …) or of hydra, whose settings are not the training's.
"""

from __future__ import annotations

import sys

from .early import is_child, tell
from .guard import CONFIGURED, after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, ModuleType
    from typing import Any, Dict, Optional, Tuple

HOOK = "argparse"
_LAUNCHERS = (
    "torch.distributed", "accelerate.commands", "deepspeed.launcher", "horovod", "ray", "pip", "pytest",
    "_pytest", "hydra", "IPython", "ipykernel", "jupyter", "debugpy", "coverage", "cProfile", "pdb", "multiprocessing",
)  # fmt: skip


def hook(module: ModuleType) -> None:
    """Watch `ArgumentParser.parse_known_args`, which every other way to parse ends in."""
    after(module.ArgumentParser, "parse_known_args", _parsed, hook=HOOK)


def _parsed(
    result: Tuple[Any, Any],
    parser: Any,
    args: Any = None,
    _namespace: Any = None,
    *_more: Any,
    **_others: Any,
) -> None:
    if (args is not None and list(args) != sys.argv[1:]) or not _is_training():
        return
    from opengraphs.sdk.redact import redact_config

    found = {key: value for key, value in vars(result[0]).items() if not key.startswith("_")}
    config = redact_config({key: value for key, value in found.items() if not callable(value)})
    if config:
        given = [key for key in config if not _is_default(parser, key, found[key])]
        tell(HOOK, "config", {"config": config, "given": given})
        CONFIGURED.append(HOOK)


def _is_default(parser: Any, key: str, value: Any) -> bool:
    try:
        return bool(parser.get_default(key) == value)
    except Exception:  # the border of the hooks: values of foreign types compare as they like
        return False


def _is_training() -> bool:
    """Whether this process is the training's first, and no launcher asks."""
    if is_child():
        return False
    from opengraphs.sdk import ranks

    return ranks.find_place().rank == 0 and not _asks_launcher(sys._getframe(1))


def _asks_launcher(frame: Optional[FrameType]) -> bool:
    """Whether the code that called argparse belongs to a launcher."""
    while frame is not None and _module(frame.f_globals).partition(".")[0] in ("og_hooks", "argparse"):
        frame = frame.f_back
    name = "" if frame is None else _module(frame.f_globals)
    return any(name == launcher or name.startswith(launcher + ".") for launcher in _LAUNCHERS)


def _module(names: Dict[str, Any]) -> str:
    """A module's name; that of `python -m package.module` too."""
    spec = names.get("__spec__")
    return str(getattr(spec, "name", None) or names.get("__name__", ""))
