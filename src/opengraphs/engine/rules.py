"""Named rules that decide what a number means. Pure functions of names.

They stand in one place because every one of them is a promise: the same files give the
same curve on every machine.
"""

from __future__ import annotations

import re

SOURCE_CLASSES = ("sdk", "callback", "mirror", "summary_writer", "stdout")
"""Who is believed first when one point arrives several ways (DESIGN section 2)."""

_CALLBACKS = re.compile(r"callback|transformers|lightning|keras|accelerate|trainer", re.IGNORECASE)
_SUMMARY = re.compile(r"summary_?writer|tensorboard|tbx|torch", re.IGNORECASE)
_STDOUT = re.compile(r"^(stdout|log)\b", re.IGNORECASE)
_SUMMED = re.compile(
    r"(?:^|[/_.\- ])(?:throughput"
    r"|(?:samples?|tokens?|examples?|images?|frames?|sequences?|episodes?|bytes|flops|tflops|it|items?)"
    r"(?:_per_(?:s|sec|second|step)|/s(?:ec)?|_?ps))(?:$|[/_.\- ])",
    re.IGNORECASE,
)
_NOT_SUMMED = re.compile(r"per_(?:gpu|device|rank|worker)", re.IGNORECASE)
_PREFERRED = (
    "train/loss",
    "loss",
    "train_loss",
    "training/loss",
    "train/total_loss",
    "total_loss",
    "eval/loss",
    "val/loss",
    "val_loss",
    "eval_loss",
    "valid/loss",
    "validation/loss",
    "reward",
    "train/reward",
    "rollout/ep_rew_mean",
    "episode_return",
    "charts/episodic_return",
    "train/acc",
    "train/accuracy",
    "accuracy",
    "acc",
    "eval/acc",
    "eval/accuracy",
    "val/acc",
    "val_acc",
)
_PLACE = {key: place for place, key in enumerate(_PREFERRED)}
_POOR = re.compile(r"(?:^|/)(?:epoch|step|global_step|lr|learning_rate|time|runtime|_.*)$", re.IGNORECASE)
TOTAL_KEYS = (
    "max_steps",
    "total_steps",
    "num_training_steps",
    "num_train_steps",
    "train_steps",
    "training_steps",
    "max_iters",
    "num_iters",
    "total_iters",
    "iterations",
    "num_steps",
    "n_steps",
    "steps",
    "total_timesteps",
    "max_train_steps",
)


def source_class(source: str | None, writer: str) -> int:
    """Place of a point's origin in SOURCE_CLASSES, 0 is believed first.

    Args:
        source: the record's `source`, None for the SDK's own.
        writer: the journal's writer, which says it where records do not.
    """
    name = source or writer
    if not source and not writer.startswith(("mirror", "stdout", "ingest", "log")):
        return 0
    if name == "sdk":
        return 0
    if _STDOUT.search(name):
        return 4
    if _SUMMARY.search(name):
        return 3
    return 1 if _CALLBACKS.search(name) else 2


def is_summed(key: str) -> bool:
    """Whether ranks add up instead of being averaged: throughput and its like.

    `tokens_per_s`, `train/samples_per_second`, `throughput/images`; not
    `tokens_per_s_per_gpu`.
    """
    return _SUMMED.search(key) is not None and _NOT_SUMMED.search(key) is None


def main_metric(keys: list[str]) -> str | None:
    """The one metric a list shows of a run: a loss before a reward before the rest."""
    if not keys:
        return None
    return min(keys, key=lambda key: (*_preference(key), key))


def _preference(key: str) -> tuple[int, int]:
    lower = key.lower()
    if lower in _PLACE:
        return (0, _PLACE[lower])
    if _POOR.search(lower):
        return (4, 0)
    if "loss" in lower:
        return (1, 0 if lower.startswith("train") else 1)
    return (2, 0) if "reward" in lower or "return" in lower or "acc" in lower else (3, 0)


def total_steps(config: dict[str, object]) -> int | None:
    """How many steps the run will take, when its config says so plainly."""
    for key in TOTAL_KEYS:
        for name in (key, f"train/{key}", f"trainer/{key}", f"training/{key}", f"args/{key}"):
            value = config.get(name)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None
