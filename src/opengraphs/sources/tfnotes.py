"""What event files say of a run beside its curves: hyper-parameters and dumped configurations."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from opengraphs.sources.protowire import FIXED64, double, fields, text, whole
from opengraphs.sources.tfvalues import HPARAMS, MAX_TEXT_BYTES

_CONFIG_TEXTS = frozenset(
    (
        *("args", "training_args", "arguments", "config", "cfg", "model_config"),
        *("hparams", "hyperparams", "hyperparameters", "params"),
    )
)
_TEXT_SUFFIX = "/text_summary"


class Session(NamedTuple):
    """What the hparams plug-in says of a run. None: not said.

    config: of the start. status and ended_at: of the end; writers that put the end down at once,
    before the training (torch and tensorboardX do), give no time, and are not believed.
    """

    config: dict[str, Any] | None = None
    started_at: float | None = None
    status: int | None = None
    ended_at: float | None = None


class Notes(NamedTuple):
    """What events said beside scalars. config: name of a text → what was parsed from it."""

    sessions: list[Session]
    config: dict[str, dict[str, Any]]


def note(tag: str, content: bytes, notes: Notes) -> None:
    """Take what a value of a plug-in says.

    Raises:
        WireError: it is no message.
    """
    if tag.startswith(HPARAMS):
        if tag.endswith(("session_start_info", "session_end_info")) and len(content) <= MAX_TEXT_BYTES:
            notes.sessions.append(_session(content))
    elif (name := tag.removesuffix(_TEXT_SUFFIX).rpartition("/")[2]) in _CONFIG_TEXTS:
        try:
            found = json.loads(content, parse_constant=str)
        except (ValueError, RecursionError):
            return  # a text that is no config dump
        if isinstance(found, dict):
            notes.config[name] = found


def _session(content: bytes) -> Session:
    config: dict[str, Any] | None = None
    started_at: float | None = None
    ended_at: float | None = None
    status: int | None = None
    for field, _, part in fields(content):
        if field == 3 and isinstance(part, bytes):
            config = {}
            for number, kind, value in fields(part):
                if number == 1 and isinstance(value, bytes):
                    key, hparam = _hparam(value)
                    config[key] = hparam
                elif number == 5 and kind == FIXED64:
                    started_at = double(value)
        elif field == 4 and isinstance(part, bytes):
            for number, kind, value in fields(part):
                if number == 1:
                    status = whole(value)
                elif number == 2 and kind == FIXED64:
                    ended_at = double(value)
    return Session(config, started_at, status, ended_at)


def _hparam(entry: bytes) -> tuple[str, Any]:
    """One entry of a map from names to `google.protobuf.Value`."""
    key: str = ""
    found: Any = None
    for field, _, part in fields(entry):
        if field == 1:
            key = text(part)
        elif field == 2 and isinstance(part, bytes):
            for number, kind, value in fields(part):
                if number == 2 and kind == FIXED64:
                    amount = double(value)  # every number is a double there
                    found = int(amount) if amount.is_integer() and abs(amount) < 1 << 53 else amount
                elif number == 3:
                    found = text(value)
                elif number == 4:
                    found = bool(whole(value))
    return key, found
