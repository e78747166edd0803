"""From one run to the one that goes on from it: its name, its command line, and whether it is wanted at all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from opengraphs.sdk.redact import REDACTED, redact_command

SIGINT = 2
_INTERRUPTED = 130
_COUNTED = re.compile(r"(.*)-r(\d{1,6})")
_KEYED = re.compile(r"\+{0,2}[A-Za-z_][\w.]*")


def next_name(name: str) -> str:
    """`gpt` → `gpt-r1`, `gpt-r1` → `gpt-r2`."""
    match = _COUNTED.fullmatch(name)
    return f"{match[1]}-r{int(match[2]) + 1}" if match else f"{name}-r1"


def is_crash(record: Mapping[str, Any], *, asked: bool) -> bool:
    """Whether a training ended against everybody's will.

    Args:
        record: exit.json.
        asked: somebody sent it a signal through og that means "end".
    """
    if asked or record.get("stopped") or record.get("signal") == SIGINT:
        return False
    return record.get("code") not in (0, _INTERRUPTED)


def filled(arguments: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Templates with `{path}`, `{folder}`, `{step}` replaced; braces of other kinds stay."""
    return [re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), word) for word in arguments]


def with_arguments(command: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """The command with these arguments, each in the place of one of the same name, else at the end.

    `--flag value`, `--flag=value`, `key=value` and a bare `--flag` are understood.
    """
    words = list(command)
    index = 0
    while index < len(arguments):
        name, equals, value = arguments[index].partition("=")
        takes_next = not equals and index + 1 < len(arguments) and not _is_named(arguments[index + 1])
        if takes_next:
            index += 1
            value = arguments[index]
        words = _set(words, name, value if equals or takes_next else None, equals)
        index += 1
    return words


def _is_named(word: str) -> bool:
    """Whether a word of a template begins an argument of its own."""
    return word.startswith("-") or bool(_KEYED.fullmatch(word.partition("=")[0]) and "=" in word)


def _set(words: list[str], name: str, value: str | None, equals: str) -> list[str]:
    place = find_argument(words, name)
    if place is None:
        added = [name] if value is None else [f"{name}={value}"] if equals else [name, value]
        return [*words, *added]
    return words if value is None else replaced(words, place, value)


def bare(name: str) -> str:
    """The name behind a flag or a key, however it is written: `--batch-size` → `batch_size`."""
    return name.lstrip("-+").replace("-", "_")


def find_argument(words: Sequence[str], name: str) -> int | None:
    """Where `--name`, `--name=…` or `name=…` stands last, behind the program; None when it does not."""
    wanted = bare(name)
    for index in range(len(words) - 1, 0, -1):
        given, equals, _ = words[index].partition("=")
        if bare(given) != wanted:
            continue
        if given.startswith("-") or (equals and _KEYED.fullmatch(given)):
            return index
    return None


def replaced(words: Sequence[str], place: int, value: str) -> list[str]:
    """The words with another value for the argument at `place`."""
    name, equals, _ = words[place].partition("=")
    if equals:
        return [*words[:place], f"{name}={value}", *words[place + 1 :]]
    rest = words[place + 1 :]
    has_value = bool(rest) and (not rest[0].startswith("-") or _is_number(rest[0]))
    return [*words[: place + 1], value, *rest[1 if has_value else 0 :]]


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def restored(command: Sequence[str], original: Sequence[str]) -> list[str]:
    """A command as it was recorded, with the secrets that the one it came from still has.

    A word that `redact_command` made of a word of `original` becomes that word again, in order.
    """
    hidden = [
        (stored, true)
        for stored, true in zip(redact_command(list(original)), original, strict=True)
        if stored != true
    ]
    words: list[str] = []
    for word in command:
        found = next((pair for pair in hidden if pair[0] == word), None) if REDACTED in word else None
        if found is not None:
            hidden.remove(found)
        words.append(word if found is None else found[1])
    return words
