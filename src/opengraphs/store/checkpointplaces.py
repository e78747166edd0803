"""Where a run may put its checkpoints: folders that it names, and those that such trainings use. Bounded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.sdk import layout

MAX_PLACES = 24
_SETTING = re.compile(
    r"(?:.*[._-])?(?:out(?:put)?|save|checkpoints?|ckpts?|log|logging|work|result|results|run|exp|default_root|snapshot|backup"
    r"|model|project)[._-]?(?:dir|folder|path|root)"
    r"|(?:out|output|outdir|savedir|logdir|dirpath|workdir|save|default_root_dir|ckpt_path)"
)
_FOLDER = re.compile(
    r"(?:out|outputs?|results?|runs?|checkpoints?|ckpts?|snapshots?|weights|saves?|saved|saved_models?|models?|logs?"
    r"|lightning_logs|tb_logs|work_dirs?|experiments?|exps?|multirun|trainer_output|tmp_trainer|finetuned?)(?:[-_.].{0,64})?"
)
_NOT = frozenset((".opengraphs", "node_modules", "__pycache__", "venv", "site-packages", "wandb", "mlruns"))


class Place(NamedTuple):
    """A folder to look into.

    named: the run says so (a setting, an argument, OG_CKPT_DIR); else its name is of the usual
    ones, and it may be another run's as well. deep: also what lies below.
    """

    path: str
    named: bool
    deep: bool = True


def is_passed_over(name: str) -> bool:
    """Folders in which no checkpoint of a training is."""
    return name.startswith(".") or name in _NOT


def places_of(facts: Mapping[str, Any], run_dir: Path, *, ckpt_dir: str = "") -> list[Place]:
    """The folders of one run, each once and resolved, at most MAX_PLACES.

    Args:
        facts: its run.json; `cwd`, `config` and `command` count.
        ckpt_dir: OG_CKPT_DIR of the training, where it is known.
    """
    cwd = Path(str(facts.get("cwd") or ""))
    found = [Place(str(run_dir / layout.CHECKPOINTS), True)]
    if not cwd.is_absolute():
        return _existing(found)
    spoken = [ckpt_dir, *_of_config(facts.get("config")), *_of_command(facts.get("command"))]
    for text in spoken:
        path = os.path.realpath(cwd / _expanded(text)) if text else ""
        if path and _may_be_looked_at(path, os.path.realpath(cwd)):
            found.append(Place(path, True))
    return _existing([*found, Place(str(cwd), False, deep=False), *_usual(cwd)])


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # a home that nobody knows
        return Path(text)


def _existing(places: Iterable[Place]) -> list[Place]:
    """What is there, by its real path. A folder that a run names may be a link; what lies below is never followed."""
    found: dict[str, Place] = {}
    for place in places:
        real = os.path.realpath(place.path)
        if real not in found and Path(real).is_dir() and len(found) < MAX_PLACES:
            found[real] = place._replace(path=real)
    return list(found.values())


def _usual(cwd: Path) -> Iterator[Place]:
    try:
        with os.scandir(cwd) as entries:
            for entry in islice(entries, 2000):
                is_usual = bool(_FOLDER.fullmatch(entry.name.lower())) and not is_passed_over(entry.name)
                if is_usual and entry.is_dir(follow_symlinks=False):
                    yield Place(entry.path, False)
    except OSError:
        return


def _may_be_looked_at(path: str, cwd: str) -> bool:
    """Not the root of everything, nor a folder above the working folder: those hold other people's files."""
    home = os.path.realpath(_expanded("~"))
    return not any(f"{below}/".startswith(f"{path.rstrip('/')}/") for below in (cwd, home))


def _of_config(config: object, depth: int = 0) -> Iterator[str]:
    """Texts under names such as `output_dir` or `trainer.default_root_dir`."""
    if not isinstance(config, Mapping) or depth > 4:
        return
    for name, value in list(config.items())[:500]:
        if isinstance(value, Mapping):
            yield from _of_config(value, depth + 1)
        elif isinstance(value, str) and 0 < len(value) < 512 and _SETTING.fullmatch(_bare(str(name))):
            yield value


def _of_command(command: object) -> Iterator[str]:
    """`--output_dir X`, `--output_dir=X`, `out_dir=X`."""
    words = (
        [str(word) for word in command]
        if isinstance(command, Sequence) and not isinstance(command, str)
        else []
    )
    for at, word in enumerate(words[:500]):
        name, equals, value = word.partition("=")
        if not _SETTING.fullmatch(_bare(name)):
            continue
        following = words[at + 1] if at + 1 < len(words) else ""
        text = value if equals else following
        if text and (equals or word.startswith("-")) and not text.startswith("-") and "://" not in text:
            yield text


def _bare(name: str) -> str:
    return name.lower().lstrip("-+").replace("/", ".")
