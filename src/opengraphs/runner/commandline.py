"""What a command line tells before the program runs: its script, its settings, its seeds."""

from __future__ import annotations

import os
import re

from opengraphs.sdk.redact import name_is_secret, redact_text

_SCRIPT_ENDINGS = (
    ".py",
    ".sh",
    ".bash",
    ".zsh",
    ".ipynb",
    ".r",
    ".R",
    ".jl",
    ".lua",
    ".pl",
    ".rb",
    ".js",
    ".ts",
)
_FLAG = re.compile(r"--?([A-Za-z][\w.\-]*)")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_SEED_NAMES = re.compile(r"(^|[_.\-])seed$", re.IGNORECASE)

Setting = str | int | float | bool


def script_index(command: list[str], cwd: str) -> int | None:
    """Where the script stands in the command: `python train.py` → 1, `./train.sh` → 0, `python -m pkg` → 2."""
    for index, word in enumerate(command):
        if word.endswith(_SCRIPT_ENDINGS) and os.path.isfile(os.path.join(cwd, word)):
            return index
        if word == "-m" and index + 1 < len(command) and re.fullmatch(r"[A-Za-z_][\w.]*", command[index + 1]):
            return index + 1
        if word == "-c":
            return None
    return None


def script_of(command: list[str], cwd: str) -> str | None:
    """The script as the user typed it, a module's dotted name for `-m`; None for a plain program."""
    index = script_index(command, cwd)
    return None if index is None else command[index]


def title(command: list[str], cwd: str) -> str:
    """The bare name of what is run: `src/train.py` → `train`, `python -m pkg.tool` → `tool`, `/bin/sh -c …` → `sh`."""
    script = script_of(command, cwd)
    if script is not None and not script.endswith(_SCRIPT_ENDINGS):
        return script.rpartition(".")[2]
    return os.path.splitext(os.path.basename(script or command[0]))[0]


def settings(command: list[str], cwd: str) -> dict[str, Setting]:
    """The script's own flags as a config: `--lr 1e-3 --use-amp` → `{"lr": 0.001, "use_amp": True}`.

    A guess, which argparse or the script's own `config` corrects later under the same
    names. Flags whose name promises a secret are left out; flags before the script
    belong to `python` or `torchrun`, and short ones without a script to `sh` and the like.
    """
    index = script_index(command, cwd)
    found: dict[str, Setting] = {}
    words = command[1 if index is None else index + 1 :]
    for position, word in enumerate(words):
        flag, equals, value = word.partition("=")
        match = _FLAG.fullmatch(flag)
        if match is None or name_is_secret(flag) or (index is None and not flag.startswith("--")):
            continue
        following = words[position + 1] if position + 1 < len(words) else None
        found[match[1].replace("-", "_")] = _typed(value) if equals else _value(following)
    return found


def _value(word: str | None) -> Setting:
    """The word after a flag: its value, or True when it is a flag again or there is none."""
    if word is None or (word.startswith("-") and _NUMBER.fullmatch(word) is None):
        return True
    return _typed(word)


def _typed(text: str) -> Setting:
    if re.fullmatch(r"[-+]?\d{1,18}", text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return {"true": True, "false": False}.get(text.lower(), redact_text(text))


def seeds(command: list[str], cwd: str, env: dict[str, str]) -> dict[str, Setting]:
    """Seeds that can be seen from outside: `--seed 1`, `--data-seed=2`, `PYTHONHASHSEED`."""
    found = {name: value for name, value in settings(command, cwd).items() if _SEED_NAMES.search(name)}
    hash_seed = env.get("PYTHONHASHSEED")
    return {**found, **({"PYTHONHASHSEED": hash_seed} if hash_seed else {})}
