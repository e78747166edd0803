"""Checkpoints on the disk: whether one is whole, of which step, and what it weighs.

`sdk.checkpoints` knows what can be seen of a single file; here is what the frameworks' folders
promise beside: a trainer's state that names the step, the pieces of every rank, a tracker
that points at them. Nothing is unpickled, links are not followed, and reading has an end.
"""

from __future__ import annotations

import os
import re
import stat
import time
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.sdk.checkpoints import describe, is_whole
from opengraphs.store import checkpointnames as names
from opengraphs.store.jsonl import parse_object
from opengraphs.store.plainfile import open_plain

MAX_STATE_BYTES = 64 << 20
MAX_FILES = 2000
MAX_DEPTH = 5
WALK_S = 0.2
_WEIGHTS = re.compile(
    r"(?:model|pytorch_model|adapter_model|diffusion_pytorch_model|tf_model|flax_model)"
    r"[\w.\-]*\.(?:safetensors|bin|h5|msgpack)"
)
_PARTED = re.compile(r"zero_pp_rank_(\d+)_mp_rank_(\d+)_optim_states\.pt")


class Mark(NamedTuple):
    """What tells one state of a checkpoint from the next: files, their bytes, the newest change of one.

    newest: that file.
    """

    files: int
    bytes: int
    mtime_ns: int
    newest: str


def mark_of(path: str) -> Mark | None:
    """The mark of a file or folder; None when it is gone, or is neither (a link, a pipe)."""
    try:
        seen = os.lstat(path)
    except OSError:
        return None
    if stat.S_ISREG(seen.st_mode):
        return Mark(1, seen.st_size, seen.st_mtime_ns, path)
    return _folder_mark(path) if stat.S_ISDIR(seen.st_mode) else None


def _folder_mark(path: str) -> Mark:
    count, size, newest, where = 0, 0, 0, path
    for at, seen in walk(path):
        count += 1
        size += seen.st_size
        if seen.st_mtime_ns >= newest:
            newest, where = seen.st_mtime_ns, at
    return Mark(count, size, newest or os.lstat(path).st_mtime_ns, where)


def walk(folder: str) -> list[tuple[str, os.stat_result]]:
    """Plain files below a folder with their stat; bounded in number, depth and time, links left out."""
    found: list[tuple[str, os.stat_result]] = []
    waiting, until = [(folder, 0)], time.monotonic() + WALK_S
    while waiting and len(found) < MAX_FILES and time.monotonic() < until:
        at, depth = waiting.pop()
        try:
            with os.scandir(at) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        found.append((entry.path, entry.stat(follow_symlinks=False)))
                    elif depth < MAX_DEPTH and entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
                    if len(found) >= MAX_FILES:
                        break
        except OSError:  # removed under our eyes, or closed to us
            continue
    return found


def is_complete(path: Path | str, format: str = "", *, ranks: int = 1) -> bool:  # noqa: A002 - the event's word
    """Whether a checkpoint is whole, as its format defines it.

    Args:
        format: as `describe` and events have it; "" is what is seen.
        ranks: of the training: a format that keeps a piece a rank must have so many.

    Returns:
        False also for what is missing, empty, a link, or still has its temporary name.
    """
    place = Path(path)
    try:
        mode = place.lstat().st_mode
    except OSError:
        return False
    if names.is_unfinished(place.name):
        return False
    if stat.S_ISREG(mode):
        return is_whole(str(place))
    if not stat.S_ISDIR(mode):
        return False
    return _is_folder_complete(place, format or format_of(place), ranks)


def _is_folder_complete(path: Path, kind: str, ranks: int) -> bool:
    if not describe(str(path))["complete"]:
        return False
    inside = _names(path)
    if kind == "hf":
        return _is_hf_complete(path, inside)
    if kind == "accelerate":
        return _has_weights(path, inside) and _has_ranks(inside, "random_states_", ranks)
    if kind == "dcp":
        return is_whole(str(path / ".metadata")) and any(name.endswith(".distcp") for name in inside)
    if kind == "deepspeed":
        return _is_deepspeed_complete(path, inside)
    if kind == "megatron":
        return _is_megatron_complete(path)
    if kind == "orbax":
        return _is_orbax_complete(path, inside)
    return all(is_whole(at) or at.endswith((".txt", ".yaml", ".yml", ".md")) for at, _ in walk(str(path)))


def format_of(path: Path | str) -> str:
    """What a checkpoint is, by its name and what stands in it; "" when nothing tells."""
    place = Path(path)
    seen = str(describe(str(place))["format"])
    if not place.is_dir():
        return seen
    found = names.folder_format(place.name, _names(place))
    if found not in ("", "folder"):
        return found
    return found if seen == "hf" else seen or found


def step_of(path: Path | str) -> names.Step | None:
    """The step of a checkpoint, from the trainer's own state or from its name; None where neither tells."""
    place = Path(path)
    told = _global_step(place)
    return names.step_of(place.name) if told is None else names.Step(told, True)


def _global_step(folder: Path) -> int | None:
    state = _object(folder / "trainer_state.json")
    step = state.get("global_step") if state else None
    return step if isinstance(step, int) and not isinstance(step, bool) and step >= 0 else None


def _is_hf_complete(path: Path, inside: set[str]) -> bool:
    """The state parses and is of the step that the folder names, and the weights are there.

    The optimizer is, too, unless nothing but weights was saved (then no scheduler is there either).
    """
    step, named = _global_step(path), names.step_of(path.name)
    if step is None or (named is not None and named.value != step) or not _has_weights(path, inside):
        return False
    optimizer = [name for name in inside if name.startswith(("optimizer", "global_step"))]
    if not optimizer and any(name.startswith(("scheduler.pt", "rng_state")) for name in inside):
        return False
    return all(is_whole(str(path / name)) for name in optimizer if not (path / name).is_dir())


def _has_weights(path: Path, inside: set[str]) -> bool:
    found = [name for name in inside if _WEIGHTS.fullmatch(name)]
    if not found:  # sharded weights lie in folders of their own
        return any(name.startswith(("pytorch_model_fsdp", "global_step", "distributed")) for name in inside)
    return all(is_whole(str(path / name)) for name in found)


def _has_ranks(inside: set[str], start: str, ranks: int) -> bool:
    found = {name[len(start) :].partition(".")[0] for name in inside if name.startswith(start)}
    return {str(rank) for rank in range(max(1, ranks))} <= found


def _is_deepspeed_complete(path: Path, inside: set[str]) -> bool:
    """States of every rank, none left out in between, and `latest` points here or further."""
    if "latest" in inside:  # the folder that holds the tags
        tag = _text(path / "latest").strip()
        inner = path / tag
        is_tag = bool(tag) and Path(tag).name == tag and inner.is_dir()
        return is_tag and _is_deepspeed_complete(inner, _names(inner) - {"latest"})
    files = [name for name in inside if name.endswith("_states.pt")]
    parts = {int(found[1]) for name in files if (found := _PARTED.fullmatch(name))}
    if not any(name.endswith("model_states.pt") for name in files) or parts != set(range(len(parts))):
        return False
    return all(is_whole(str(path / name)) for name in files) and _is_told(path, "latest")


def _is_megatron_complete(path: Path) -> bool:
    saved = [at for at, _ in walk(str(path)) if at.endswith((".pt", ".distcp", ".safetensors"))]
    return bool(saved) and all(map(is_whole, saved)) and _is_told(path, "latest_checkpointed_iteration.txt")


def _is_told(path: Path, tracker: str) -> bool:
    """The tracker beside a folder is written after it: it names this one, or a later one."""
    told = _text(path.parent / tracker).strip()
    own, named = names.step_of(path.name), names.step_of(told)
    if told == path.name or own is None or named is None:
        return told == path.name
    return named.value >= own.value


def _is_orbax_complete(path: Path, inside: set[str]) -> bool:
    """Committed by a rename, with its marker whole."""
    marker = _object(path / "_CHECKPOINT_METADATA")
    return marker is not None and not any(names.ORBAX_UNFINISHED in name for name in inside)


def _names(folder: Path) -> set[str]:
    """At most MAX_FILES of them."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in islice(entries, MAX_FILES)}
    except OSError:
        return set()


def _text(path: Path) -> str:
    return (_bytes(path, 256) or b"").decode("utf-8", "replace")


def _object(path: Path) -> dict[str, Any] | None:
    data = _bytes(path, MAX_STATE_BYTES)
    return None if data is None else parse_object(data)


def _bytes(path: Path, most: int) -> bytes | None:
    try:
        with os.fdopen(open_plain(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            return file.read(most)
    except OSError:
        return None
