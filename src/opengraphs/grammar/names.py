"""Printed names: what they become as keys, which of them count steps, and which are no metrics."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_KEY_CHARS = 96

STEP_KEYS = (
    "global_step",
    "trainer/global_step",
    "train/global_step",
    "_step",
    "step",
    "steps_done",
    "train_step",
    "training_step",
    "num_updates",
    "iteration",
    "iter",
    "it",
    "itr",
    "update",
    "timestep",
    "num_timesteps",
    "total_timesteps",
    "round",
)
"""Names of the step, the most telling first. Plurals such as `steps` and `iterations` are settings."""
_STEP_PLACE = {name: place for place, name in enumerate(STEP_KEYS)}
BATCH_KEYS = frozenset({"batch", "minibatch", "mini_batch", "batches", "steps", "iters", "iterations"})
"""Steps only as a fraction: `batch 3/10`."""

EPOCH = "epoch"

_IGNORED = frozenset(
    [
        "line",
        "lineno",
        "pid",
        "ppid",
        "tid",
        "port",
        "rank",
        "local_rank",
        "global_rank",
        "world_size",
        "v_num",
        "version",
        "gpu",
        "device",
        "devices",
        "node",
        "host",
        "worker",
        "workers",
        "seed",
        "eta",
        "job",
        "job_id",
        "run",
        "run_id",
        "thread",
        "process",
        "exit_code",
        "code",
        "errno",
        "error_code",
        "signal",
        "uid",
        "id",
        "size_bytes",
        "build",
        "revision",
    ]
)
_STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "in",
        "at",
        "of",
        "for",
        "to",
        "after",
        "with",
        "from",
        "on",
        "and",
        "or",
        "per",
        "by",
        "is",
        "are",
        "was",
        "were",
        "took",
        "saved",
        "saving",
        "using",
        "loaded",
        "loading",
        "found",
        "every",
        "than",
        "has",
        "have",
        "had",
        "will",
        "be",
        "as",
        "about",
        "only",
        "got",
    ]
)
_CONFIG = frozenset(
    [
        "batch_size",
        "per_device_train_batch_size",
        "train_batch_size",
        "eval_batch_size",
        "micro_batch_size",
        "seed",
        "num_epochs",
        "epochs",
        "n_epochs",
        "max_epochs",
        "num_train_epochs",
        "max_steps",
        "total_steps",
        "num_steps",
        "warmup_steps",
        "warmup_ratio",
        "weight_decay",
        "dropout",
        "n_layer",
        "n_layers",
        "num_layers",
        "n_head",
        "n_heads",
        "num_heads",
        "n_embd",
        "hidden_size",
        "d_model",
        "vocab_size",
        "block_size",
        "seq_len",
        "max_length",
        "context_length",
        "num_workers",
        "beta1",
        "beta2",
        "adam_beta1",
        "adam_beta2",
        "max_iters",
        "eval_interval",
        "log_interval",
        "gradient_accumulation_steps",
        "num_classes",
    ]
)
_LEVELS = frozenset(["debug", "info", "warning", "warn", "error", "critical", "fatal", "notice", "trace"])
_WORD = re.compile(r"[^\W\d][\w/.%@'+-]*|[\w/.%@'+-]*[^\W\d]")
_SOURCE_FILE = re.compile(r"\.(?:py|pyx|cc|cpp|cu|c|h|go|rs|js|ts|sh|java)$")
_CLOCK = re.compile(r"T\d\d$")
_BAD = re.compile(r"[^\w/.%@+-]+")


def key_of(text: str) -> str | None:
    """A printed name as a key, None when it can be none.

    Lower case, blanks and brackets as `_`, a possessive as `/`: `Validation bpb` →
    `validation_bpb`, `elapsed time per iteration (ms)` → `elapsed_time_per_iteration_ms`,
    `valid_0's l2` → `valid_0/l2`. Dict and JSON keys are not printed names: they stay as they are.
    """
    name = _BAD.sub("_", text.strip().replace("'s ", "/")).strip("_.-+").lower()
    if not name or len(name) > MAX_KEY_CHARS or name.isdigit() or _CLOCK.fullmatch(text.strip()):
        return None
    return None if _SOURCE_FILE.search(name) or not any(map(str.isalpha, name)) else name


def dict_key(text: str) -> str | None:
    """A dict's key without control characters; None when nothing is left, or too much."""
    name = text.strip()
    if not name or len(name) > MAX_KEY_CHARS:
        return None
    return name if name.isprintable() else None


def is_ignored(key: str) -> bool:
    """Numbers that say where a line comes from, not how a training goes."""
    return key in _IGNORED or key.endswith(("_pid", "_port", "_lineno"))


def is_setting(key: str) -> bool:
    """Whether it names what went into a training."""
    return key.rpartition("/")[2] in _CONFIG


def step_place(key: str) -> int | None:
    """How well a key names the step, 0 is best; None when it does not."""
    return _STEP_PLACE.get(key)


def words_of(text: str, *, most: int) -> list[str] | None:
    """The words of a name, log levels in front left out; None when they are no name."""
    words = text.split()
    while words and words[0].lower().strip("[]():") in _LEVELS:
        words = words[1:]
    if not words or len(words) > most or not all(_WORD.fullmatch(word) for word in words):
        return None
    return None if any(word.lower() in _STOP_WORDS for word in words[:1] + words[-1:]) else words


_HF_MARKS = frozenset(
    {"learning_rate", "grad_norm", "train_runtime", "eval_runtime", "train_samples_per_second", "eval_loss"}
)


def is_transformers(keys: Sequence[str]) -> bool:
    """Whether a printed dict is a line of the transformers Trainer."""
    return "epoch" in keys and not _HF_MARKS.isdisjoint(keys)


def transformers_name(key: str) -> str:
    """What the Trainer's own trackers call a metric that it prints: `eval_loss` → `eval/loss`, `loss` → `train/loss`."""
    for split in ("eval", "test"):
        if key.startswith(f"{split}_"):
            return f"{split}/{key[len(split) + 1 :]}"
    return f"train/{key}"
