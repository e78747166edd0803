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
    ".npz": "numpy", ".npy": "numpy", ".json": "json", ".pkl": "pickle", ".pickle": "pickle", ".joblib": "pickle",
    ".h5": "keras", ".keras": "keras", ".onnx": "onnx", ".gguf": "gguf", ".msgpack": "flax", ".zip": "zip",
}  # fmt: skip
_FOLDERS = (
    ("trainer_state.json", "hf"),
    (".metadata", "dcp"),
    ("_CHECKPOINT_METADATA", "orbax"),
    ("random_states_0.pkl", "accelerate"),
    ("adapter_model.safetensors", "hf"),
    ("model.safetensors", "hf"),
    ("model.safetensors.index.json", "hf"),
    ("pytorch_model.bin", "hf"),
    ("latest", "deepspeed"),
    ("latest_checkpointed_iteration.txt", "megatron"),
)
_UNFINISHED = (".tmp", ".part", ".partial", ".incomplete")
_ZIP_START = b"PK\x03\x04"
_ZIP_END, _ZIP64_END = b"PK\x05\x06", b"PK\x06\x07"
_ZIP_TAIL = 22 + (64 << 10)
"""The end record of a zip and the longest comment behind it."""
_HDF5_START = b"\x89HDF\r\n\x1a\n"
_MAX_HEADER = 100 << 20
"""Of a safetensors file; the format has no longer one."""
_MAX_JSON = 64 << 20


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


def is_whole(path: str) -> bool:
    """Whether a plain file is not visibly cut short; False when it is missing or empty."""
    try:
        return os.path.getsize(path) > 0 and _is_file_complete(path, _suffix_format(path))
    except OSError:
        return False


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
    found = _json(index)
    shards = found.get("weight_map") if isinstance(found, dict) else None
    return sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else []


def _json(path: str) -> Any:
    """What a JSON file says; None for one that is damaged or too long to be looked at."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_MAX_JSON + 1)
        return json.loads(text) if len(text) <= _MAX_JSON else None
    except (OSError, ValueError, RecursionError):
        return None


def _is_file_complete(path: str, kind: str) -> bool:
    """Whether what the format says of its own length is there; nothing is unpickled."""
    if path.endswith(_UNFINISHED):
        return False
    if kind == "json":
        return _json(path) is not None
    try:
        with open(path, "rb") as file:
            return _has_its_end(file, os.path.getsize(path), kind)
    except OSError:
        return False


def _has_its_end(file: Any, size: int, kind: str) -> bool:
    if kind == "safetensors":
        return _has_all_tensors(file, size)
    start = file.read(8)
    if start[:4] == _ZIP_START:
        return _has_directory(file, size)
    if start == _HDF5_START:
        return _has_all_hdf5(file, size)
    if kind == "pickle" and start[:1] == b"\x80":
        file.seek(size - 1)
        return bool(file.read(1) == b".")
    return kind != "zip"


def _has_directory(file: Any, size: int) -> bool:
    """A zip's directory is its last part, and its end record says where that begins."""
    begin = max(0, size - _ZIP_TAIL)
    file.seek(begin)
    tail = file.read(_ZIP_TAIL)
    end = tail.rfind(_ZIP_END)
    if end < 0 or len(tail) < end + 22:
        return False
    length, place = (int.from_bytes(tail[end + at : end + at + 4], "little") for at in (12, 16))
    if place == 0xFFFFFFFF:
        return bool(tail.rfind(_ZIP64_END, 0, end) >= 0)
    return bool(place + length <= begin + end)


def _has_all_hdf5(file: Any, size: int) -> bool:
    """An HDF5 file says behind its signature where it ends."""
    version = file.read(1)
    if version not in (b"\0", b"\1", b"\2", b"\3"):
        return False
    file.seek({0: 40, 1: 44}.get(version[0], 28))
    return bool(int.from_bytes(file.read(8), "little") <= size)


def _has_all_tensors(file: Any, size: int) -> bool:
    """A safetensors file says in its header how long it is."""
    import json

    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(size - 8, _MAX_HEADER):
        return False
    try:
        header = json.loads(file.read(length))
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        return bool(8 + length + max(ends, default=0) <= size)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return False
