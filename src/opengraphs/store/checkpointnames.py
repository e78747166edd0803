"""What the name of a file or folder says: whether it is a checkpoint, and of which step. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

STRONG = frozenset((".pt", ".pth", ".ckpt", ".safetensors", ".keras"))
"""Endings that models are saved under and little else."""
WEAK = frozenset((".h5", ".npz", ".pkl", ".pickle", ".joblib", ".msgpack", ".zip", ".json", ".bin"))
"""Endings that anything is saved under: the name must say more."""
UNFINISHED = (".tmp", ".part", ".partial", ".incomplete", "~", ".lock", ".swp")
ORBAX_UNFINISHED = "orbax-checkpoint-tmp"

_UP_TO = r"(?:^|(?<=[^a-z]))"
_WORDS = re.compile(
    _UP_TO + r"(?:ckpt|checkpoint|snapshot|model|weights|steps?|iter|epoch|last|latest|best|final)(?![a-z])"
)
_TELLING = re.compile(_UP_TO + r"(?:ckpt|checkpoint|snapshot|steps?|iter|epoch|last|latest|best)(?![a-z])")
_CHECKPOINT = re.compile(_UP_TO + r"(?:ckpt|checkpoint|snapshot)(?![a-z])")
_PARTS = re.compile(
    _UP_TO
    + r"(?:optim|optimizer|scheduler|sched|rng|scaler|random|sampler|tokenizer|vocab|dataset|data|features?"
    r"|cache|args|config|history|metrics|log|loss|results?|buffer|index|trainer|meta|metadata|manifest)(?![a-z])"
)
_FOLDERS = re.compile(
    r"(?:ckpts?|checkpoints?|snapshots?|weights|saved_models?|models?|saves?)(?:[-_]?\d{0,3})"
)
"""Folders in which every saved model counts."""
_STEP_FOLDER = re.compile(
    r"(?:(?:global_?)?step|checkpoint|ckpt|iter|epoch)s?[-_=]?\d{1,15}|(?:last|latest|best)[-_]?(?:checkpoint|ckpt|model)?"
    r"|(?:checkpoint|ckpt|snapshot)[-_](?:last|latest|best|final|epoch|step|iter)[-_]?\d{0,15}"
)

_SURE = (
    re.compile(_UP_TO + r"(?:global_?)?steps?[-_=]?(\d{1,15})(?!\d)"),
    re.compile(r"(?<![\d.])(\d{1,15})[-_]steps?(?![a-z])"),
    re.compile(_UP_TO + r"iter(?:ation)?s?[-_=]?(\d{1,15})(?!\d)"),
    re.compile(r"^checkpoint-(\d{1,15})$"),
    re.compile(r"^checkpoint[-_]\d{1,9}[-_](\d{1,15})$"),
    re.compile(r"^(\d{1,15})$"),
)
_GUESS = re.compile(_UP_TO + r"(?:checkpoint|ckpt|model|weights|state|snapshot)[-_.=](\d{1,15})(?=$|[-_.=])")
_MEGATRON = re.compile(r"iter_\d{3,}")
_PIECES = re.compile(
    r"(?:model|pytorch_model|adapter_model|diffusion_pytorch_model)(?:-\d+-of-\d+)?\.(?:safetensors|bin)"
)
"""Weights that are a part of the folder they stand in."""
_INPLACE = re.compile(r"(?:last|latest|ckpt|checkpoint|snapshot|best|model|weights|state|final)")


class Step(NamedTuple):
    """A step read from a name. sure: the name says that it is a step, and not a count of something."""

    value: int
    sure: bool


def step_of(name: str) -> Step | None:
    """The step that a file's or folder's name holds; None where it has none, or only an epoch."""
    stem = _stem(name)
    for pattern in _SURE:
        if found := pattern.search(stem):
            return Step(int(found[1]), True)
    found = _GUESS.search(stem)
    return Step(int(found[1]), False) if found and "epoch" not in stem else None


def is_unfinished(name: str) -> bool:
    """A name under which a checkpoint stands while it is written, before it is renamed."""
    low = name.lower()
    return (
        low.startswith((".", "tmp", "_tmp", "temp"))
        or low.endswith(UNFINISHED)
        or ORBAX_UNFINISHED in low
        or ".tmp." in low
    )


def is_file(name: str, folder: str) -> bool:
    """Whether a file is a checkpoint by its name.

    Args:
        folder: the name of the folder it stands in.
    """
    if is_unfinished(name):
        return False
    low = _low(name)
    stem, ending = _split(low)
    if ending not in STRONG and ending not in WEAK:
        return False
    if _PARTS.search(stem) or _PIECES.fullmatch(low):
        return False
    in_place = bool(_FOLDERS.fullmatch(folder.lower()))
    if ending in STRONG:
        return ending == ".ckpt" or in_place or bool(_WORDS.search(stem))
    return bool((_TELLING if in_place or ending != ".json" else _CHECKPOINT).search(stem))


def may_be_folder(name: str) -> bool:
    """Whether a folder's name alone says that it is a checkpoint."""
    return not is_unfinished(name) and bool(_STEP_FOLDER.fullmatch(_low(name)))


def folder_format(name: str, inside: Collection[str]) -> str:
    """The format of a folder that is one checkpoint; "folder" of one that only its name tells, "" of any other.

    Args:
        inside: names in it.
    """
    low = _low(name)
    if is_unfinished(name):
        return ""
    if "trainer_state.json" in inside and (step_of(name) or may_be_folder(name)):
        return "hf"
    if _MEGATRON.fullmatch(low) and any(
        n.startswith(("mp_rank_", "common.pt", "metadata.json")) for n in inside
    ):
        return "megatron"
    for marker, kind in ((".metadata", "dcp"), ("_CHECKPOINT_METADATA", "orbax")):
        if marker in inside:
            return kind
    if any(n.endswith("_model_states.pt") for n in inside):
        return "deepspeed"
    if any(n.startswith("random_states_") for n in inside):
        return "accelerate"
    if may_be_folder(name) and any(_split(_low(n))[1] in STRONG | WEAK for n in inside):
        return "hf" if re.fullmatch(r"checkpoint-\d+", low) else "folder"
    return ""


def is_written_in_place(name: str) -> bool:
    """A file that its training overwrites again and again: its name has no number, as ckpt.pt and last.ckpt."""
    stem = _split(_low(name))[0]
    return not any(letter.isdigit() for letter in stem) and bool(_INPLACE.search(stem))


def _low(name: str) -> str:
    return name.lower()


def _split(low: str) -> tuple[str, str]:
    stem, dot, ending = low.rpartition(".")
    return (stem, "." + ending) if dot and stem else (low, "")


def _stem(name: str) -> str:
    stem, ending = _split(_low(name))
    return stem if ending in STRONG or ending in WEAK else _low(name)
