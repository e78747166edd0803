"""Checkpoints of every format, made of zips and JSON: what their frameworks leave on the disk."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path


def zipped(path: Path, *, size: int = 200) -> Path:
    """A file as torch saves it: a zip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"x" * size + b".")
    return path


def tensors(path: Path, *, size: int = 64, promised: int | None = None) -> Path:
    """A safetensors file; `promised` is what its header says of the data's length."""
    path.parent.mkdir(parents=True, exist_ok=True)
    end = size if promised is None else promised
    header = json.dumps({"w": {"dtype": "U8", "shape": [end], "data_offsets": [0, end]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * size)
    return path


def hdf5(path: Path, *, size: int = 100, promised: int | None = None) -> Path:
    end = size if promised is None else promised
    head = b"\x89HDF\r\n\x1a\n\x00" + b"\0" * 31 + end.to_bytes(8, "little")
    path.write_bytes(head + b"\0" * (size - len(head)))
    return path


def hf(folder: Path, step: int) -> Path:
    tensors(folder / "model.safetensors")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth"):
        zipped(folder / name)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step, "log_history": []}))
    return folder


def accelerate(folder: Path) -> Path:
    tensors(folder / "model.safetensors")
    zipped(folder / "optimizer.bin")
    (folder / "random_states_0.pkl").write_bytes(b"\x80\x04N.")
    return folder


def deepspeed(root: Path, step: int, *, ranks: int = 2) -> Path:
    folder = root / f"global_step{step}"
    zipped(folder / "mp_rank_00_model_states.pt")
    for rank in range(ranks):
        zipped(folder / f"zero_pp_rank_{rank}_mp_rank_00_optim_states.pt")
    (root / "latest").write_text(folder.name)
    return folder


def megatron(root: Path, step: int) -> Path:
    folder = root / f"iter_{step:07d}"
    zipped(folder / "mp_rank_00" / "model_optim_rng.pt")
    (root / "latest_checkpointed_iteration.txt").write_text(str(step))
    return folder


def dcp(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "__0_0.distcp").write_bytes(b"shard")
    (folder / ".metadata").write_bytes(b"\x80\x04N.")
    return folder


def orbax(root: Path, step: int) -> Path:
    folder = root / str(step)
    (folder / "default").mkdir(parents=True)
    (folder / "default" / "manifest.ocdbt").write_bytes(b"x")
    (folder / "_CHECKPOINT_METADATA").write_text(json.dumps({"item_handlers": {}}))
    return folder


def made(at: Path) -> dict[str, tuple[Path, str, int | None]]:
    """One whole checkpoint of each kind below a folder: path, format, step that its name or state tells."""
    one: dict[str, Callable[[], tuple[Path, str, int | None]]] = {
        "hf": lambda: (hf(at / "hf" / "checkpoint-300", 300), "hf", 300),
        "lightning": lambda: (zipped(at / "checkpoints" / "epoch=3-step=400.ckpt"), "lightning", 400),
        "lightning last": lambda: (zipped(at / "checkpoints" / "last.ckpt"), "lightning", None),
        "accelerate": lambda: (accelerate(at / "accelerate" / "step_50"), "accelerate", 50),
        "torch": lambda: (zipped(at / "ckpt.pt"), "torch", None),
        "torch steps": lambda: (zipped(at / "model_step_120.pth"), "torch", 120),
        "deepspeed": lambda: (deepspeed(at / "ds", 70), "deepspeed", 70),
        "megatron": lambda: (megatron(at / "megatron", 100), "megatron", 100),
        "dcp": lambda: (dcp(at / "dcp" / "step-80"), "dcp", 80),
        "keras": lambda: (zipped(at / "checkpoints" / "epoch_04.keras"), "keras", None),
        "orbax": lambda: (orbax(at / "orbax", 900), "orbax", 900),
        "fairseq": lambda: (zipped(at / "checkpoint_2_5000.pt"), "torch", 5000),
        "yolo": lambda: (zipped(at / "weights" / "last.pt"), "torch", None),
        "sb3": lambda: (zipped(at / "rl_model_10000_steps.zip"), "zip", 10000),
        "mmengine": lambda: (zipped(at / "iter_2000.pth"), "torch", 2000),
        "safetensors": lambda: (tensors(at / "checkpoints" / "step-60.safetensors"), "safetensors", 60),
    }
    return {name: make() for name, make in one.items()}


def json_checkpoint(path: Path, step: int) -> Path:
    """Atomically, as a careful script does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(json.dumps({"step": step, "weights": [0.5] * 20}))
    os.replace(beside, path)
    return path
