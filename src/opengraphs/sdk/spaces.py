"""Modules of other trackers that scripts reach through: `wandb.util`, `wandb.sdk.wandb_run`, `wandb.data_types`."""

from __future__ import annotations

from . import api, layout, media, richmedia

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def generate_id(length: int = 8) -> str:
    """Random letters and digits."""
    letters = ""
    while len(letters) < length:
        letters += layout.new_run_id().rpartition("-")[2]
    return letters[:length]


def make_artifact_name_safe(name: str) -> str:
    """`name` with everything but letters, digits, `_`, `-` and `.` replaced by `_`."""
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in name)[:128]


class util:  # noqa: N801 - a module in the other tracker
    """`wandb.util`: what scripts take from it."""

    generate_id = staticmethod(generate_id)
    make_artifact_name_safe = staticmethod(make_artifact_name_safe)


class wandb_run:  # noqa: N801
    """`wandb.sdk.wandb_run`, named in annotations."""

    Run = api.Run


class wandb_config:  # noqa: N801
    """`wandb.sdk.wandb_config`."""

    Config = api.Config


class wandb_summary:  # noqa: N801
    """`wandb.sdk.wandb_summary`."""

    Summary = api.Summary


class wandb_settings:  # noqa: N801
    """`wandb.sdk.wandb_settings`."""

    Settings = api.Settings


class _DataTypes:
    """`wandb.data_types`: all kinds of values."""

    def __getattr__(self, name: str) -> Any:
        for module in (media, richmedia):
            if isinstance(vars(module).get(name), type):
                return vars(module)[name]
        raise AttributeError("data_types has no %r" % name)


data_types = _DataTypes()
NAMES = frozenset(("wandb_run", "wandb_config", "wandb_summary", "wandb_settings", "data_types"))
