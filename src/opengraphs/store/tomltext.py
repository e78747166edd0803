"""Plain values as TOML text; the standard library only reads it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from opengraphs.errors import UsageError

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dumps(table: Mapping[str, Any]) -> str:
    """A document: values first, tables after, each under its own heading.

    Raises:
        UsageError: a value that TOML cannot hold, such as null.
    """
    lines: list[str] = []
    _table(table, (), lines)
    return "\n".join(lines).strip("\n") + "\n" if lines else ""


def value(given: object) -> str:
    """One value as it stands behind `=`; a table becomes an inline one."""
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, str):
        return _text(given)
    if isinstance(given, int):
        return str(given)
    if isinstance(given, float):
        return repr(given) if math.isfinite(given) else str(given)
    if isinstance(given, (list, tuple)):
        return "[" + ", ".join(value(one) for one in given) + "]"
    if isinstance(given, Mapping):
        return "{" + ", ".join(f"{_key(name)} = {value(one)}" for name, one in given.items()) + "}"
    raise UsageError(f"{given!r} cannot be kept as TOML", hint="texts, numbers, true, false, lists, tables")


def _table(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    plain = [name for name, one in table.items() if not isinstance(one, Mapping)]
    if path and (plain or not table):
        lines += ["", f"[{'.'.join(_key(part) for part in path)}]"]
    lines += [f"{_key(name)} = {value(table[name])}" for name in plain]
    for name, one in table.items():
        if isinstance(one, Mapping):
            _table(one, (*path, name), lines)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, save that DEL has to be escaped and lone surrogates cannot be."""
    clean = text.encode("utf-8", "replace").decode()
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")
