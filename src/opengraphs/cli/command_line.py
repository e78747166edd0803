"""What `og run` was asked to start: a command, or a Python file with perhaps a prompt.

Checked before anything is made, so that a typing error leaves no run behind.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from opengraphs.cli.nearest import did_you_mean
from opengraphs.errors import NotFoundError, ProcessError, UsageError

_PYTHON = re.compile(r"^python[\d.]*$")
_PYTHON_FLAGS = re.compile(r"^-[bBdEIOPqsSuvx]+$")

_BRACES = "if it belongs to --graphs, quote the braces: --graphs '{a,b}'"


class Program(NamedTuple):
    """`argv` as it will be started; `script` the Python file in it, where there is one."""

    argv: list[str]
    script: str | None
    prompt: str | None


def parse(words: list[str], *, prompt: str | None = None, behind_graphs: bool = False) -> Program:
    """Read COMMAND… or FILE.py [args] ["prompt"].

    A prompt is `prompt`, or one last argument with spaces in it straight after FILE;
    everything else belongs to the script. FILE.py runs under the `python` of the
    user's PATH.

    Args:
        behind_graphs: `--graphs` came before, so a word may come from braces that the shell expanded.

    Raises:
        UsageError: nothing was given.
        NotFoundError: the file or the program does not exist.
        ProcessError: it exists and cannot be executed.
    """
    if not words:
        raise UsageError("nothing to run", hint="og run train.py, or og run -- COMMAND ARGS")
    if words[0].endswith(".py"):
        return _python_file(words, prompt)
    argv = _local(words)
    _check_program(argv[0], _BRACES if behind_graphs else "")
    script = _script_of(argv)
    if script is not None:
        _check_file(script)
    return Program(argv, script, prompt)


def _python_file(words: list[str], prompt: str | None) -> Program:
    file, rest = words[0], words[1:]
    _check_file(file)
    if prompt is None and len(rest) == 1 and " " in rest[0].strip():
        prompt, rest = rest[0], []
    return Program([_user_python(), file, *rest], file, prompt)


def _user_python() -> str:
    """The name, not the path: the run's record says what the user would type."""
    for name in ("python", "python3"):
        if shutil.which(name):
            return name
    raise NotFoundError(
        "no python on PATH", hint="activate an environment, or og run -- /path/to/python FILE"
    )


def _script_of(words: list[str]) -> str | None:
    """The file in `python [-u …] FILE …`; None when the command is of another form."""
    if not _PYTHON.match(Path(words[0]).name):
        return None
    for word in words[1:]:
        if _PYTHON_FLAGS.match(word):
            continue
        return None if word.startswith("-") else word
    return None


def _local(words: list[str]) -> list[str]:
    """`train.sh` in this folder runs as `./train.sh` when PATH has no such program."""
    name = words[0]
    here = Path(name)
    if os.sep not in name and shutil.which(name) is None and here.is_file() and os.access(here, os.X_OK):
        return [f"{os.curdir}{os.sep}{name}", *words[1:]]
    return words


def _check_file(file: str) -> None:
    path = Path(file).expanduser()
    if path.is_dir():
        if (path / "__main__.py").exists():
            return
        raise ProcessError("a folder is no script", hint=_files_hint(path / "x"), path=file)
    if not path.exists():
        raise NotFoundError("script not found", hint=_files_hint(path), path=file)
    if not os.access(path, os.R_OK):
        raise ProcessError("script not readable", hint=f"chmod u+r {file}", path=file)


def _check_program(name: str, more_hint: str) -> None:
    if shutil.which(name):
        return
    path = Path(name)
    if path.is_dir():
        raise ProcessError("a folder cannot be run", hint=_files_hint(path / "x"), path=name)
    if path.exists():
        shell = f", or og run -- sh {name}" if name.endswith(".sh") else ""
        raise ProcessError("not executable", hint=f"chmod +x {name}{shell}", path=name)
    if os.sep in name:
        raise NotFoundError("no such program", hint=_files_hint(path), path=name)
    near = did_you_mean(name, [*_names_in(Path()), *_programs()])
    hint = more_hint or near or "og run -- COMMAND ARGS, as a shell finds it"
    raise NotFoundError(f'no program "{name}" on PATH', hint=hint)


def _files_hint(path: Path) -> str:
    """The files that look like the one asked for, or the scripts that lie there."""
    here = path.parent
    names = _names_in(here)
    near = did_you_mean(path.name, names)
    if near:
        return near
    scripts = sorted(name for name in names if name.endswith(".py"))[:5]
    place = "here" if here == Path() else f"in {here}"
    return f"{place}: {', '.join(scripts)}" if scripts else f"there is no script {place}"


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError:
        return []


def _programs() -> list[str]:
    """Names of programs on PATH."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return [name for folder in folders if folder for name in _names_in(Path(folder))]
