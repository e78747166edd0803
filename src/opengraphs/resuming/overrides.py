"""Settings that a resumed run shall have another value of: as og's variable, and as arguments where they fit."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from opengraphs.errors import UsageError
from opengraphs.resuming.scripts import Script
from opengraphs.runner.succession import bare, find_argument, replaced

MAX_OVERRIDES = 100
MAX_BYTES = 8 << 10


def parse(pairs: Sequence[str]) -> dict[str, Any]:
    """`["lr=1e-4", "model.depth=12", "name=x"]` as settings: JSON where it is JSON, else text.

    Raises:
        UsageError: a pair has no name or no `=`.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                f"--set {pair!r} is not possible", hint="--set NAME=VALUE, such as --set lr=1e-4"
            )
        found[name.strip()] = _value(text)
    return found


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    if text[:1] in "[{":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def checked(overrides: Any) -> dict[str, Any]:
    """Overrides as a request gives them.

    Raises:
        UsageError: they are no object of settings, or too many.
    """
    if not isinstance(overrides, Mapping) or not all(isinstance(name, str) and name for name in overrides):
        raise UsageError("overrides must be an object of settings", hint='{"lr": 0.0001}')
    if len(overrides) > MAX_OVERRIDES or len(json.dumps(overrides, default=str)) > MAX_BYTES:
        raise UsageError(f"overrides are at most {MAX_OVERRIDES} settings and {MAX_BYTES} bytes")
    if any("\0" in f"{name}{value}" for name, value in overrides.items()):
        raise UsageError("a NUL byte can stand in no setting")
    return dict(overrides)


def with_overrides(
    command: Sequence[str], overrides: Mapping[str, Any], script: Script, recorded: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """The command with each override that it has a place for.

    A setting whose flag or key stands in the command is replaced there; one whose flag the
    script's source has, or whose name argparse recorded, is added. The others reach the
    script by `OG_OVERRIDES` alone.

    Returns:
        (command, names of the settings that are now arguments).
    """
    words, placed = list(command), []
    flags = {bare(flag): flag for flag in sorted(script.flags)}
    for name, value in overrides.items():
        changed = _with_one(words, name, value, flags=flags, script=script, recorded=recorded)
        if changed is not None:
            words = changed
            placed.append(name)
    return words, placed


def _with_one(
    words: list[str],
    name: str,
    value: Any,
    *,
    flags: Mapping[str, str],
    script: Script,
    recorded: Collection[str],
) -> list[str] | None:
    place = find_argument(words, name)
    flag = flags.get(bare(name)) or (f"--{name}" if name in recorded and "_" not in name else None)
    if flag in script.bare_flags and isinstance(value, bool):
        return _with_switch(words, flag, place, on=value)
    if place is not None:
        return replaced(words, place, text_of(value))
    return [*words, flag, text_of(value)] if flag else None


def _with_switch(words: list[str], flag: str, place: int | None, *, on: bool) -> list[str]:
    if place is None:
        return [*words, flag] if on else words
    return words if on else [*words[:place], *words[place + 1 :]]


def text_of(value: Any) -> str:
    """A value as an argument has it."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return str(value)
    return json.dumps(value, default=str)
