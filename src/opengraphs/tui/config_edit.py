"""One value of a settings file changed, everything else of the file left as it is: comments, order, blanks.

The new text is read again before it is written: what the edit would break is not written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opengraphs.errors import StoreError, UsageError
from opengraphs.sdk.jsonfile import replace_file
from opengraphs.tui import theme
from opengraphs.tui.keys import Keymap
from opengraphs.tui.settings import PROJECT_FILE, SETTINGS, USERS_OWN, Setting, Value, checked

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HEADING = re.compile(r"\s*\[\s*([A-Za-z0-9_.\"'-]+)\s*\]\s*(#.*)?$")
_BARE = re.compile(r"[A-Za-z0-9_-]+$")


def setting(name: str) -> Setting:
    """The setting of that name.

    Raises:
        UsageError: there is none; the hint names the nearest.
    """
    found = {one.name: one for one in SETTINGS}.get(name)
    if found is None:
        import difflib

        near = difflib.get_close_matches(name, [one.name for one in SETTINGS], n=3, cutoff=0.4)
        raise UsageError(f"unknown setting {name!r}", hint="nearest: " + ", ".join(near) if near else "")
    return found


def put(path: Path, name: str, given: object) -> Value:
    """Write one setting into a file, which is made where there is none; returns its checked value.

    Raises:
        UsageError: no such setting, or it cannot be that; the file is damaged, or has it in a way that cannot
            be edited line by line.
        StoreError: the file cannot be read or written.
    """
    one = setting(name)
    if name in USERS_OWN and path.name == PROJECT_FILE:
        raise UsageError(f"{name} belongs into the user's own file", path=str(path))
    value = checked(one, given, "the new value")
    if name == "ui.theme":
        theme.pick(str(value), dark=True)
    table, _, key = name.partition(".")
    change(path, table, key, value)
    return value


def drop(path: Path, name: str) -> None:
    """Take one setting out of a file, where it is in it. Raises as `put` does."""
    table, _, key = setting(name).name.partition(".")
    change(path, table, key, None)


def put_keys(path: Path, action: str, keys: Sequence[str] | None) -> None:
    """Give an action other keys, or with None its own again. Raises as `put` does."""
    Keymap({action: keys or ()})
    change(path, "keys", action, None if keys is None else tuple(keys))


def change(path: Path, table: str, key: str, value: Value | None) -> None:
    """Write a value of any table, unchecked, or with None take it out. Raises as `put` does."""
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = edited(before, table, key, value)
        _same_but(before, after, table, key, value, path)
        if after != before:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(str(path.resolve()), after.encode())
    except UnicodeDecodeError as error:
        raise UsageError("settings cannot be read (not UTF-8)", path=str(path)) from error
    except OSError as error:
        raise StoreError(f"settings cannot be written ({error.strerror})", path=str(path)) from error


def edited(text: str, table: str, key: str, value: Value | None) -> str:
    """`text` with a value set, or without it for None: its line changes, or one comes at the end of its table."""
    lines = text.splitlines()
    begin = next((n for n, line in enumerate(lines) if _table_of(line) == table), None)
    new = f"{key if _BARE.match(key) else _text(key)} = {_text(value)}" if value is not None else ""
    if begin is None:
        gap = [""] if lines and lines[-1].strip() else []
        return "\n".join([*lines, *gap, f"[{table}]", new]) + "\n" if new else text
    end = next((n for n in range(begin + 1, len(lines)) if lines[n].lstrip().startswith("[")), len(lines))
    pattern = re.compile(rf"(\s*)(?:{re.escape(key)}|\"{re.escape(key)}\"|'{re.escape(key)}')\s*=\s*(.*)$")
    for n in range(begin + 1, end):
        found = pattern.match(lines[n])
        if found:
            lines[n : n + 1] = [found[1] + new + _comment(found[2])] if new else []
            return "\n".join(lines) + "\n"
    while end > begin + 1 and not lines[end - 1].strip():
        end -= 1
    return "\n".join([*lines[:end], new, *lines[end:]]) + "\n" if new else text


def _table_of(line: str) -> str | None:
    found = _HEADING.match(line)
    return found[1].strip("\"'") if found else None


def _comment(rest: str) -> str:
    """The comment behind a value, with the blanks before it; a # within quotes begins none."""
    quote = ""
    for at, char in enumerate(rest):
        if quote:
            quote = "" if char == quote and rest[at - 1] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif char == "#":
            return rest[len(rest[:at].rstrip()) :]
    return ""


def _text(value: Value) -> str:
    import json

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_text(one) for one in value) + "]"
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)


def _same_but(before: str, after: str, table: str, key: str, value: Value | None, path: Path) -> None:
    """Both texts say the same, save for this value."""
    try:
        wanted: dict[str, Any] = tomllib.loads(before)
    except tomllib.TOMLDecodeError as error:
        hint = "mend the file first; it is left as it is"
        raise UsageError(f"settings cannot be read ({error})", hint=hint, path=str(path)) from error
    try:
        if value is not None:
            wanted.setdefault(table, {})[key] = list(value) if isinstance(value, tuple) else value
        elif table in wanted:
            wanted[table].pop(key, None)
        is_sound = tomllib.loads(after) == wanted
    except (tomllib.TOMLDecodeError, AttributeError, TypeError):
        is_sound = False
    if not is_sound:
        what = f"[{table}], {key} = {_text(value)}" if value is not None else f"take {key} out of [{table}]"
        raise UsageError(
            f"{table}.{key} cannot be changed without spoiling the file",
            hint=f"write it yourself: {what}",
            path=str(path),
        )
