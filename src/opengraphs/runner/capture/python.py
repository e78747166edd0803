"""The training's own Python, and what is installed in it; found and asked, never imported from."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

from opengraphs.sdk.jsonfile import write_json

_LIMIT_S = 15.0
_PYTHON = re.compile(r"(python|pypy)[\d.]*[tw]?")
_SHELLS = frozenset(
    ("sh", "bash", "zsh", "dash", "fish", "env", "time", "nice", "timeout", "make", "srun", "mpirun")
)
_SHEBANG = re.compile(rb"#!\s*(\S+)(?:[ \t]+(?:-S[ \t]+)?(\S+))?|^'''exec' \"?([^\"\n]+?)\"? ", re.MULTILINE)
_QUESTION = (
    "import sys; sys.path[:] = [path for path in sys.path if path]; "
    "print(sys.version.split()[0], sys.executable, sys.prefix, sys.implementation.name, *sys.path, sep='\\n')"
)


class Found(NamedTuple):
    """An interpreter; `guessed` when the command itself does not name it."""

    path: str
    guessed: bool


def find_interpreter(command: list[str], cwd: str, env: Mapping[str, str]) -> Found | None:
    """The Python that a command ends up in.

    `python …` names it, a console script (`torchrun`, `accelerate`) names it in its first
    line; behind `uv run` and shells it is guessed from the environment. None for a plain program.
    """
    program = which(command[0], cwd, env)
    if not program:
        return None
    name = os.path.basename(program)
    if _PYTHON.fullmatch(name):
        return Found(program, guessed=False)
    named = _shebang_python(program, cwd, env)
    if named:
        return Found(named, guessed=False)
    if name in ("uv", "poetry", "pdm", "hatch", "pixi"):
        candidates = [f"{cwd}/.venv/bin/python", _active(env)]
    elif name in _SHELLS or _is_script(program):
        candidates = [_active(env), which("python", cwd, env), which("python3", cwd, env)]
    else:
        return None
    return next((Found(path, guessed=True) for path in candidates if path and os.access(path, os.X_OK)), None)


def which(program: str, cwd: str, env: Mapping[str, str]) -> str:
    """Absolute path of a program as the training's environment finds it; empty when it does not."""
    if "/" in program:
        candidates = [os.path.join(cwd, program)]
    else:
        folders = env.get("PATH", os.defpath).split(os.pathsep)
        candidates = [os.path.join(cwd, folder, program) for folder in folders]
    return next((path for path in candidates if os.path.isfile(path) and os.access(path, os.X_OK)), "")


def _active(env: Mapping[str, str]) -> str:
    folder = env.get("VIRTUAL_ENV") or env.get("CONDA_PREFIX")
    return f"{folder}/bin/python" if folder else ""


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(1024)
    except OSError:
        return b""


def _is_script(path: str) -> bool:
    return _head(path).startswith(b"#!")


def _shebang_python(path: str, cwd: str, env: Mapping[str, str]) -> str:
    """The Python that a script's first line names, also in pip's and uv's long form; empty when it is none."""
    head = _head(path)
    if not head.startswith(b"#!"):
        return ""
    for first, second, long_form in _SHEBANG.findall(head):
        for word in (os.fsdecode(part) for part in (long_form, first, second) if part):
            if _PYTHON.fullmatch(os.path.basename(word)):
                return which(word, cwd, env)
    return ""


def capture(command: list[str], cwd: str, env: Mapping[str, str], bundle: str) -> dict[str, Any] | None:
    """bundle/python.json and bundle/packages.txt of the training's Python; None when there is none.

    Raises:
        OSError: the bundle cannot be written.
    """
    found = find_interpreter(command, cwd, env)
    answer = _ask(found.path, cwd, env) if found else None
    if found is None or answer is None:
        return None
    version, executable, prefix, implementation, *paths = answer
    facts = {
        "version": version,
        "implementation": implementation,
        "executable": executable,
        "prefix": prefix,
        "guessed": found.guessed,
    }
    write_json(f"{bundle}/python.json", facts)
    with open(f"{bundle}/packages.txt", "w", encoding="utf-8") as file:
        file.writelines(f"{name}=={version}\n" for name, version in packages(paths))
    return facts


def _ask(interpreter: str, cwd: str, env: Mapping[str, str]) -> list[str] | None:
    try:
        done = subprocess.run(
            [interpreter, "-c", _QUESTION],
            cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT_S, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    lines = os.fsdecode(done.stdout).splitlines()
    return lines if len(lines) >= 4 else None


def packages(paths: list[str]) -> list[tuple[str, str]]:
    """(name, version) of every distribution on a `sys.path`, by the names of their metadata folders.

    The first one found wins, as for imports. Sorted by name.
    """
    found: dict[str, tuple[str, str]] = {}
    for path in paths:
        try:
            names = sorted(os.listdir(path))
        except OSError:
            continue
        for name in names:
            match = re.fullmatch(r"([^-]+)-([^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info", name)
            if match:
                found.setdefault(match[1].lower().replace("_", "-"), (match[1].replace("_", "-"), match[2]))
    return [found[key] for key in sorted(found)]
