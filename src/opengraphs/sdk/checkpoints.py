"""What can be seen of a checkpoint from outside: its size, its format, whether it is whole."""

from __future__ import annotations

import os
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Tuple

MAX_FILES = 10_000
MAX_LOOK_S = 0.2
"""The training waits while a folder is looked through: longer than this it does not."""
_SUFFIXES = {
    ".safetensors": "safetensors", ".pt": "torch", ".pth": "torch", ".bin": "torch", ".ckpt": "lightning",
    ".npz": "numpy", ".npy": "numpy", ".pkl": "pickle", ".pickle": "pickle", ".joblib": "pickle",
    ".h5": "keras", ".keras": "keras", ".onnx": "onnx", ".gguf": "gguf", ".msgpack": "flax", ".zip": "zip",
}  # fmt: skip
_FOLDERS = (
    ("trainer_state.json", "hf"),
    (".metadata", "dcp"),
    ("_CHECKPOINT_METADATA", "orbax"),
    ("adapter_model.safetensors", "hf"),
    ("model.safetensors", "hf"),
    ("model.safetensors.index.json", "hf"),
    ("pytorch_model.bin", "hf"),
    ("latest", "deepspeed"),
    ("latest_checkpointed_iteration.txt", "megatron"),
)
_UNFINISHED = (".tmp", ".part", ".partial", ".incomplete")
_ZIPPED = ("torch", "lightning", "numpy", "zip")
_ZIP_START = b"PK\x03\x04"
_ZIP_END = b"PK\x05\x06"


def describe(path: str) -> Dict[str, Any]:
    """`{"path", "format", "complete", "bytes"}` of a file or folder.

    `format` is "" when nothing is known; `complete` is False for what is missing, empty or
    visibly cut short, such as a zip without its end or shards that an index names and are
    not there. Folders are looked at down to `MAX_FILES` files and for
    `MAX_LOOK_S`; `bytes` are those of the files seen. An address such as `s3://…` is kept as
    it is and not looked at.
    """
    if "://" in path:
        return {"path": path, "format": _suffix_format(path), "complete": False, "bytes": 0}
    full = os.path.abspath(path)
    if os.path.isdir(full):
        files = list(_files(full))
        size = sum(size for _, size in files)
        return {
            "path": full,
            "format": _folder_format(full),
            "complete": size > 0 and _is_folder_complete(full, [name for name, _ in files]),
            "bytes": size,
        }
    size = os.path.getsize(full) if os.path.isfile(full) else 0
    kind = _suffix_format(full)
    return {
        "path": full,
        "format": kind,
        "complete": size > 0 and _is_file_complete(full, kind),
        "bytes": size,
    }


def _suffix_format(path: str) -> str:
    return _SUFFIXES.get(os.path.splitext(path)[1].lower(), "")


def _files(folder: str) -> Iterator[Tuple[str, int]]:
    count, until = 0, monotonic() + MAX_LOOK_S
    for root, _, names in os.walk(folder):
        for name in names:
            count += 1
            if count > MAX_FILES or monotonic() > until:
                return
            try:
                yield name, os.path.getsize(os.path.join(root, name))
            except OSError:  # removed under our eyes
                continue


def _folder_format(folder: str) -> str:
    for name, kind in _FOLDERS:
        if os.path.exists(os.path.join(folder, name)):
            return kind
    return "deepspeed" if os.path.basename(folder).startswith("global_step") else ""


def _is_folder_complete(folder: str, names: List[str]) -> bool:
    if any(name.endswith(_UNFINISHED) for name in names):
        return False
    return all(
        os.path.exists(os.path.join(folder, shard))
        for index in names
        if index.endswith(".index.json")
        for shard in _shards(os.path.join(folder, index))
    )


def _shards(index: str) -> List[str]:
    import json

    try:
        with open(index, encoding="utf-8") as file:
            return sorted(set(json.load(file).get("weight_map", {}).values()))
    except (OSError, ValueError, AttributeError):
        return []


def _is_file_complete(path: str, kind: str) -> bool:
    if path.endswith(_UNFINISHED):
        return False
    with open(path, "rb") as file:
        if kind == "safetensors":
            return _has_all_tensors(file, os.path.getsize(path))
        if kind in _ZIPPED and file.read(4) == _ZIP_START:
            file.seek(max(0, os.path.getsize(path) - (64 << 10)))
            return _ZIP_END in file.read()
    return True


def _has_all_tensors(file: Any, size: int) -> bool:
    """A safetensors file says in its header how long it is."""
    import json

    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= size - 8:
        return False
    try:
        header = json.loads(file.read(length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    except (ValueError, KeyError, TypeError, IndexError):
        return False
    return bool(8 + length + max(ends, default=0) <= size)
