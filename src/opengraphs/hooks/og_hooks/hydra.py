"""hydra: the config that it gives to the job's function, resolved, becomes the run's config."""

from __future__ import annotations

from .early import tell
from .guard import before, trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable, Dict, Optional, Tuple

HOOK = "hydra"


def hook(module: ModuleType) -> None:
    """Watch `hydra.core.utils.run_job`, which every launcher calls for each job."""
    before(module, "run_job", _prepare, hook=HOOK)


def _prepare(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Optional[Tuple[Any, Any]]:
    """The job's function tells its config on the way: by then hydra's own resolvers work."""
    if args:
        return (_telling(args[0]), *args[1:]), kwargs
    return args, {**kwargs, "task_function": _telling(kwargs["task_function"])}


def _telling(function: Callable[..., Any]) -> Callable[..., Any]:
    import functools

    @functools.wraps(function)
    def call(config: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            _tell(config)
        except Exception as error:  # the border of the hooks
            trouble(HOOK, error)
        return function(config, *args, **kwargs)

    return call


def _tell(config: Any) -> None:
    from omegaconf import OmegaConf

    from opengraphs.sdk.redact import redact_config

    try:
        found = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    except Exception:  # the border of the hooks: a reference that leads nowhere stays as it is written
        found = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    if isinstance(found, dict) and found:
        tell(HOOK, "config", {"config": redact_config({str(key): value for key, value in found.items()})})
