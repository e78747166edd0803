"""Names of other trackers that scripts call, so that `import opengraphs as wandb` runs them.

What has no meaning here says so once and does nothing.
"""

from __future__ import annotations

from . import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping


class Level(str):
    """A level's name, which other trackers have as a member of an enumeration."""

    @property
    def value(self) -> str:
        """The name itself."""
        return str(self)


class AlertLevel:
    """Levels for `alert`."""

    INFO = Level("info")
    WARN = Level("warn")
    ERROR = Level("error")


class Settings:
    """Accepted by `init(settings=…)` and ignored."""

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)


_QUIET = frozenset(
    (
        "allow_val_change", "anonymous", "auto_log_cpu", "auto_log_gpu", "config_exclude_keys", "config_include_keys",
        "cpu_log_interval", "dir", "embed", "entity", "force", "gpu_log_interval", "id", "magic", "mode", "private",
        "reinit", "save_code", "server_url", "settings",
    )
)  # fmt: skip
"""Arguments of `init` that mean something here, or that nobody misses."""
_INSTEAD = {
    "sync_tensorboard": "`og run` captures SummaryWriter by itself",
    "tensorboard": "`og run` captures SummaryWriter by itself",
    "monitor_gym": "log the video that the environment writes: Video(path)",
    "space_id": "mirror_to= has a run forwarded to a Trackio server",
    "dataset_id": "`og export` writes CSV, JSON and Parquet",
    "bucket_id": "`og export` writes CSV, JSON and Parquet",
    "resume_from": "`og resume` starts a run from a checkpoint",
    "fork_from": "`og resume` starts a run from a checkpoint",
}


def tell_ignored(given: Mapping[str, Any]) -> None:
    """Once for each argument of `init` that means nothing here, and what to do instead."""
    for name, value in sorted(given.items()):
        if name not in _QUIET and value is not None and value is not False:
            more = "; " + _INSTEAD[name] if name in _INSTEAD else ""
            warn.tell("init:" + name, "init(%s=…) has no meaning here and is ignored%s" % (name, more))


def chosen_config(config: Dict[str, Any], given: Mapping[str, Any]) -> Dict[str, Any]:
    """The config without the keys that `init` was told to leave out."""
    kept, gone = given.get("config_include_keys"), set(given.get("config_exclude_keys") or ())
    return {key: value for key, value in config.items() if key not in gone and (not kept or key in kept)}


def watch(*_args: Any, **_kwargs: Any) -> None:
    """Ignored: log gradient norms as metrics instead."""
    _ignore("watch")


def unwatch(*_args: Any, **_kwargs: Any) -> None:
    """Ignored, like `watch`."""
    _ignore("unwatch")


def login(*_args: Any, **_kwargs: Any) -> bool:
    """True: there is nothing to log in to."""
    return True


def _ignore(name: str) -> None:
    warn.tell("ignored:" + name, "%s() has no meaning here and is ignored" % name)
