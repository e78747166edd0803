"""Changes of configuration files: which settings, and whether the file can still be read."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from opengraphs.guard.changes.finding import Finding
from opengraphs.guard.changes.names import about
from opengraphs.guard.patch import Applied

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_ENTRY = re.compile(
    r"""(?P<head>\s*(?:-\s+)?(?:["']?(?P<key>[\w.\-/ ]+?)["']?\s*:\s+|-\s+))(?P<value>[^#]*?)(?P<tail>\s*(?:#.*)?)"""
)
_NO_SCALAR = re.compile(r"[&*!|>{\[@`%?]|.*:\s|.*: *\Z")
SAYS = {
    "evaluation": "is part of how the run is evaluated",
    "seeding": "decides which random numbers are drawn",
    "resume": "decides where the run goes on from",
    "reach": "names something outside of the training: a place, a program or an address",
}
Settings = dict[str, Any]


def read_config(change: Applied, suffix: str) -> tuple[bool, list[Finding]]:
    """Whether only values became others, and what is to be said."""
    if suffix in {".yaml", ".yml"}:
        return _yaml(change)
    parse: Callable[[str], Any] = json.loads if suffix == ".json" else tomllib.loads
    try:
        after = parse(change.after.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        return False, [
            Finding(
                "syntax",
                "refuse",
                f"the new text is no {suffix[1:].upper()}: {error}",
                change.path,
                getattr(error, "lineno", None),
            )
        ]
    try:
        before = parse(change.before.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return False, [Finding("syntax", "info", "the old text could not be read", change.path)]
    return _compared(dict(_leaves(before, "")), dict(_leaves(after, "")), change.path)


def _compared(before: Settings, after: Settings, path: str) -> tuple[bool, list[Finding]]:
    changed = [
        name for name in {**before, **after} if repr(before.get(name, ...)) != repr(after.get(name, ...))
    ]
    findings = [one for name in changed for one in about_setting(name, path, None)]
    return before.keys() == after.keys(), findings


def about_setting(name: str, path: str, line: int | None) -> Iterator[Finding]:
    """What there is to say of a setting that gets another value."""
    if rule := about(name):
        yield Finding(rule, "ask", f"{name} {SAYS[rule]}", path, line)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    todo = [(name, value)]
    while todo:
        name, value = todo.pop()
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        inner = [(f"{name}.{key}" if name else str(key), one) for key, one in items]
        todo += inner
        if not inner:
            yield name, value


def _yaml(change: Applied) -> tuple[bool, list[Finding]]:
    """Line by line, since og has no YAML reader: an entry whose scalar became another is understood, the rest is asked."""
    gone, come = _changed_lines(change)
    findings: list[Finding] = []
    plain = len(gone) == len(come)
    for at, line in come:
        body = line.lstrip(" ")
        if body.startswith("\t") or re.search(r"(?:^|\s)!\S", line.partition("#")[0]):
            what = (
                "a tab in the indentation"
                if body.startswith("\t")
                else "a tag, which makes objects of any kind"
            )
            findings.append(Finding("syntax", "refuse", what, change.path, at))
    for (_, old), (at, new) in zip(gone, come, strict=False):
        same, name = _entry(old, new)
        plain = plain and same
        findings += about_setting(name, change.path, at) if name else ()
    if not plain:
        findings.append(
            Finding(
                "structure",
                "ask",
                "more than single values of a YAML file changed; og cannot check it",
                change.path,
            )
        )
    return plain, findings


def _entry(old: str, new: str) -> tuple[bool, str]:
    """Whether only the value of one entry is different, and the entry's name."""
    mine, theirs = _ENTRY.fullmatch(old), _ENTRY.fullmatch(new)
    if old.partition("#")[0].rstrip() == new.partition("#")[0].rstrip():
        return True, ""
    if not mine or not theirs or mine["head"] != theirs["head"]:
        return False, ""
    values = [one["value"].strip() for one in (mine, theirs)]
    whole = all(value and not _NO_SCALAR.match(value) and _quotes_close(value) for value in values)
    return whole, mine["key"] or ""


def _quotes_close(value: str) -> bool:
    return value[:1] not in ("'", '"') or (
        len(value) > 1 and value[-1] == value[0] and value[0] not in value[1:-1]
    )


def _changed_lines(change: Applied) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Lines of the diff that went and came, those that came with their number."""
    gone: list[tuple[int, str]] = []
    come: list[tuple[int, str]] = []
    at = 0
    for line in change.diff.split("\n")[2:]:
        if line.startswith("@@"):
            at = int(line.split("+", 1)[1].split(",", 1)[0]) - 1
            continue
        at += line[:1] in (" ", "+")
        if line.startswith("-"):
            gone.append((at, line[1:]))
        elif line.startswith("+"):
            come.append((at, line[1:]))
    return gone, come
