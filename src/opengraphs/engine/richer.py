"""Which printed metrics are left out because a better source has the same measure. Pure, of names alone.

What a training prints is the last resort: rounded, at steps that are read off bars. Where the
SDK, a framework's callback or a tracker's mirror of the same run gives the same measure,
printed `loss` and logged `train/loss` would be two charts of one thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_SPLITS = {
    "train": "train",
    "training": "train",
    "trainer": "train",
    "eval": "eval",
    "evaluation": "eval",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_SAME = {
    "lr": "learning_rate",
    "learningrate": "learning_rate",
    "acc": "accuracy",
    "ppl": "perplexity",
    "gradnorm": "grad_norm",
    "gnorm": "grad_norm",
    "norm": "grad_norm",
    "samples_s": "samples_per_second",
    "tok_s": "tokens_per_second",
    "tok_sec": "tokens_per_second",
    "tokens_per_s": "tokens_per_second",
    "tokens_per_sec": "tokens_per_second",
}
_WORDS = re.compile(r"[^a-z0-9@%]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Measure(NamedTuple):
    """What a key is about. split: `train`, `eval`, `val`, `test`, "" where it says nothing."""

    split: str
    name: str


def measure(key: str) -> Measure:
    """`train/learning_rate`, `train_lr` and `lr` are one measure; so are `eval/loss` and `eval_loss`."""
    words = [word for word in _WORDS.split(_HUMP.sub("_", key).lower()) if word]
    split = ""
    while len(words) > 1 and words[0] in _SPLITS and split in ("", _SPLITS[words[0]]):
        split = _SPLITS[words.pop(0)]
    name = "_".join(words)
    return Measure(split, _SAME.get(name, name))


def hidden(printed: Iterable[str], logged: Iterable[str]) -> set[str]:
    """The printed keys whose measure is among the logged ones.

    A key that says nothing of its split is the training's. Evaluation and validation are one
    where only one of them is logged.
    """
    printed, logged = list(printed), list(logged)
    if not printed or not logged:
        return set()
    known = {measure(key) for key in logged}
    plain = {_plain(each) for each in known}
    splits = {each.split for each in known}
    found = set()
    for key in printed:
        wanted = _plain(measure(key))
        other = {"eval": "val", "val": "eval"}.get(wanted.split)
        if wanted in plain or (
            other is not None and wanted.split not in splits and Measure(other, wanted.name) in plain
        ):
            found.add(key)
    return found


def _plain(one: Measure) -> Measure:
    return Measure(one.split or "train", one.name)
