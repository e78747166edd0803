"""Which files of a project a run is made of: its script, what that imports, the configs it names.

Told by reading, never by running: imports come from the syntax tree, configs from the command line and
from names that stand literally in a call, `open("base.yaml")`. A guess that misses a file costs a
question; nothing is allowed that does not lie in the project.
"""

from __future__ import annotations

import ast
import os
import posixpath
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

MAX_MODULES = 200
MAX_CONFIGS = 50
MARKS = (".git", "og.toml", ".opengraphs")
"""What makes a folder the top of a project."""
CONFIG_ENDINGS = (".yaml", ".yml", ".toml", ".json")
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
Read = Callable[[str], "str | None"]
"""The text of a file below the project, None when it may not be read."""


class Place(NamedTuple):
    """root: the project. cwd, script: relative to it; None when outside of it. wide: root holds nothing but the project."""

    root: Path
    cwd: str | None
    script: str | None
    wide: bool


def place_of(facts: Mapping[str, Any]) -> Place:
    """Where a run was at home.

    Args:
        facts: its run.json; `cwd` and `script` are looked at.
    """
    cwd = str(facts.get("cwd") or "")
    if not os.path.isabs(cwd):  # noqa: PTH117  # a path of another machine, perhaps of another system
        return Place(Path("/"), None, None, wide=False)
    here = os.path.realpath(cwd)
    script = _script_path(here, str(facts.get("script") or ""))
    root = _top(here, os.path.dirname(script) if script else here)  # noqa: PTH120
    wide = root != "/" and not Path.home().resolve().is_relative_to(root)
    return Place(Path(root), _below(root, here), _below(root, script) if script else None, wide)


def files_of(place: Place, command: Sequence[str], read: Read) -> list[str]:
    """The files a run is made of, the script first, each relative to the project."""
    if place.script is None:
        return _configs(place, [], command, read)
    modules = _imported(place, read)
    named = [name for source in modules.values() for name in source.configs]
    return [*modules, *_configs(place, named, command, read)]


def _script_path(cwd: str, script: str) -> str:
    """The script's absolute path; `pkg.tool` of `python -m` is looked for in the working folder."""
    if not script:
        return ""
    path = os.path.normpath(os.path.join(cwd, script))  # noqa: PTH118  # `resolve` would follow links
    if os.path.isfile(path) or not _MODULE.fullmatch(script):  # noqa: PTH113
        return path
    stem = os.path.join(cwd, *script.split("."))  # noqa: PTH118
    return next((one for one in (f"{stem}.py", f"{stem}/__main__.py") if Path(one).is_file()), "")


def _top(cwd: str, start: str) -> str:
    home = str(Path.home().resolve())
    for folder in (Path(start), *Path(start).parents):
        if str(folder) in (home, "/"):
            break
        if any((folder / mark).exists() for mark in MARKS):
            return os.path.realpath(folder)
    inside = Path(start).is_relative_to(cwd) and cwd not in (home, "/")
    return cwd if inside else os.path.realpath(start)


def _below(root: str, path: str) -> str | None:
    if path == root:
        return ""
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else None


class _Name(NamedTuple):
    """An imported module. folder: where to look for it, None: wherever Python would."""

    dotted: str
    folder: str | None = None


class _Source(NamedTuple):
    """What a module says that it needs."""

    imports: list[_Name]
    configs: list[str]


def _imported(place: Place, read: Read) -> dict[str, _Source]:
    """The script and the modules of the project that it imports, by path."""
    script = place.script or ""
    bases = list(dict.fromkeys([posixpath.dirname(script), place.cwd or "", "", "src"]))
    found: dict[str, _Source] = {}
    asked: set[_Name] = set()
    waiting = [script]
    while waiting and len(found) < MAX_MODULES:
        path = waiting.pop(0)
        text = None if path in found else read(path)
        if text is None:
            continue
        found[path] = _needed(text, path)
        new = dict.fromkeys(name for name in found[path].imports if name not in asked)
        asked.update(new)
        waiting += [file for name in new for file in _files_of_module(place.root, bases, name)]
    return found


def _needed(text: str, path: str) -> _Source:
    source = _Source([], [])
    for node in _walk(text) if path.endswith(".py") else ():
        if isinstance(node, ast.Import):
            source.imports.extend(_Name(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source.imports.extend(_from(node, path))
        elif isinstance(node, ast.Call):
            source.configs.extend(_literals(node))
    return source


def _from(node: ast.ImportFrom, path: str) -> Iterator[_Name]:
    folder, module = _relative(path, node.level), node.module or ""
    if module:
        yield _Name(module, folder)
    for alias in node.names:
        yield _Name(f"{module}.{alias.name}".strip("."), folder)


def _walk(text: str) -> Iterator[ast.AST]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the user's code, which is not ours to judge
            return ast.walk(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return iter(())


def _relative(path: str, level: int) -> str | None:
    folder = posixpath.dirname(path)
    for _ in range(level - 1):
        folder = posixpath.dirname(folder)
    return folder if level else None


def _files_of_module(root: Path, bases: Sequence[str], name: _Name) -> list[str]:
    """The files that Python runs to import it: the packages' `__init__.py` and the module itself."""
    if not _MODULE.fullmatch(name.dotted):
        return []
    words = name.dotted.split(".")
    for base in bases if name.folder is None else [name.folder]:
        found = []
        for end in range(1, len(words) + 1):
            stem = posixpath.join(base, *words[:end])
            found += [one for one in (f"{stem}.py", f"{stem}/__init__.py") if (root / one).is_file()]
        if found:
            return found
    return []


def _configs(place: Place, literals: Sequence[str], command: Sequence[str], read: Read) -> list[str]:
    bases = [place.cwd] if place.cwd is not None else []
    if place.script is not None:
        bases.append(posixpath.dirname(place.script))
    found: dict[str, None] = {}
    for name in [*_of_command(command), *literals][: 20 * MAX_CONFIGS]:
        path = _config_path(place.root, bases, name)
        if path is not None and len(found) < MAX_CONFIGS and read(path) is not None:
            found[path] = None
    return list(found)


def _config_path(root: Path, bases: Sequence[str], name: str) -> str | None:
    for base in bases:
        path = posixpath.normpath(posixpath.join(str(root), base, name))
        inside = _below(str(root), path)
        if inside and Path(path).is_file():
            return inside
    return None


def _of_command(command: Sequence[str]) -> Iterator[str]:
    for word in command:
        value = word.rpartition("=")[2]
        if value.endswith(CONFIG_ENDINGS):
            yield value


def _literals(call: ast.Call) -> Iterator[str]:
    """Names of config files that stand in a call, unless it opens them to be written."""
    given = (*call.args, *(keyword.value for keyword in call.keywords))
    words = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    found = [word for word in words if word.endswith(CONFIG_ENDINGS) and "\0" not in word]
    if found and not _writes(call):
        yield from found


def _writes(call: ast.Call) -> bool:
    modes = [*call.args[1:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    return any(
        isinstance(mode, ast.Constant)
        and isinstance(mode.value, str)
        and set(mode.value) & set("wax+")
        and set(mode.value) <= set("rwaxbt+")
        for mode in modes
    )
