"""OpenGraphs: htop for experiments. In a training script:

    import opengraphs as og

    og.init(project="digits", config={"lr": 3e-4})
    og.log({"train/loss": loss}, step=step)

Importing the package costs nothing; the SDK is loaded when one of its names is first used,
and from then on they are plain attributes of this module.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional

    from .sdk.api import (
        AlertLevel,
        Audio,
        Config,
        Histogram,
        Image,
        Run,
        Settings,
        Summary,
        Table,
        Video,
        alert,
        checkpoint,
        define_metric,
        finish,
        init,
        log,
        log_system,
        login,
        note,
        progress,
        sample,
        save,
        tag,
        untag,
        unwatch,
        watch,
    )

    run: Optional[Run]
    config: Config
    summary: Summary

__version__ = "0.1.0"

__all__ = [
    "AlertLevel",
    "Audio",
    "Config",
    "Histogram",
    "Image",
    "Run",
    "Settings",
    "Summary",
    "Table",
    "Video",
    "alert",
    "checkpoint",
    "config",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_system",
    "login",
    "note",
    "progress",
    "run",
    "sample",
    "save",
    "summary",
    "tag",
    "untag",
    "unwatch",
    "watch",
]


if not TYPE_CHECKING:  # type checkers see the names above, and no others

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError("module 'opengraphs' has no attribute %r" % name)
        from .sdk import api

        if name in api.CURRENT:  # these mean another run tomorrow
            return api.current(name)
        globals().update((public, getattr(api, public)) for public in api.__all__)
        return globals()[name]


def __dir__() -> List[str]:
    return sorted([*globals(), *__all__])
