"""Names of other trackers that scripts call, so that `import opengraphs as wandb` runs them.

What has no meaning here says so once and does nothing.
"""

from __future__ import annotations

from . import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class AlertLevel:
    """Levels for `alert`."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class Settings:
    """Accepted by `init(settings=…)` and ignored."""

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)


def define_metric(name: str, *_args: Any, **_kwargs: Any) -> None:
    """Ignored: x axes and summaries are chosen where a curve is looked at."""
    _ignore("define_metric")


def watch(*_args: Any, **_kwargs: Any) -> None:
    """Ignored: log gradient norms as metrics instead."""
    _ignore("watch")


def unwatch(*_args: Any, **_kwargs: Any) -> None:
    """Ignored, like `watch`."""
    _ignore("unwatch")


def save(*_args: Any, **_kwargs: Any) -> None:
    """Ignored: files stay where they are. Use `checkpoint` to register one."""
    _ignore("save")


def login(*_args: Any, **_kwargs: Any) -> bool:
    """True: there is nothing to log in to."""
    return True


def _ignore(name: str) -> None:
    warn.tell("ignored:" + name, "%s() has no meaning here and is ignored" % name)
