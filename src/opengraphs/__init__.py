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
        override,
        progress,
        resume,
        sample,
        save,
        should_checkpoint,
        should_stop,
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
    "define",
    "define_metric",
    "finish",
    "init",
    "log",
    "log_system",
    "login",
    "note",
    "override",
    "progress",
    "resume",
    "run",
    "sample",
    "save",
    "should_checkpoint",
    "should_stop",
    "summary",
    "tag",
    "untag",
    "unwatch",
    "watch",
]


_OF_OTHERS = {
    "artifacts": "Artifact",
    "elsewhere": (
        "AuthenticationError Api Collection CommError Error Registry UsageError agent attach controller delete_project"
        " ensure_configured errors freeze import_csv import_tf_events log_code log_cpu log_gpu mark_preempting"
        " pin_config_keys require restore set_trace setup show sweep sync termerror termlog termsetup termwarn trigger"
    ),
    "plots": "plot plot_table visualize",
    "richmedia": (
        "ArtifactTTL Classes EvalTable Graph Html JoinedTable Markdown Molecule Object3D Plotly Trace box3d"
    ),
    "runwords": "link_model log_artifact log_model use_artifact use_model",
    "spaces": "data_types util wandb_run",
}
"""Names that scripts of other trackers use, by the module of the SDK that has them; loaded when they are used."""
_NOT_HERE = {
    "integration": "wandb's own integrations; og has opengraphs.integrations, and `og run` captures by itself",
    "keras": "wandb's callback; og has opengraphs.integrations.keras",
    "tensorboard": "wandb's patch; `og run` captures SummaryWriter by itself",
    "ReferenceHandler": "Trackio's; og keeps no artifacts",
    "ResolvedReference": "Trackio's; og keeps no artifacts",
    "register_reference_handler": "Trackio's; og keeps no artifacts",
    "TRACKIO_LOGO_DIR": "Trackio's dashboard",
}
"""Names whose absence is worth a word."""

if not TYPE_CHECKING:  # type checkers see the names above, and no others

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            return _of_others(name)
        from .sdk import api

        if name in api.CURRENT:  # these mean another run tomorrow
            return api.current(name)
        globals().update((public, getattr(api, public)) for public in api.__all__)
        return globals()[name]


def _of_others(name: str) -> Any:
    """What `import opengraphs as wandb` and `as trackio` find beside og's own names.

    Raises:
        AttributeError: there is no such name.
    """
    if name in ("join", "teardown"):
        from .sdk.api import finish

        return finish
    for module, names in _OF_OTHERS.items():
        if name in names.split():
            from importlib import import_module

            return getattr(import_module("%s.sdk.%s" % (__name__, module)), name)
    if name == "sdk":
        from . import sdk

        return sdk
    why = ": this is " + _NOT_HERE[name] if name in _NOT_HERE else ""
    raise AttributeError("module 'opengraphs' has no attribute %r%s" % (name, why))


def __dir__() -> List[str]:
    return sorted([*globals(), *__all__])
