"""What a step of a run stands for, and which metrics count units. Pure functions of names.

`throughput` of a counter (tokens, samples, … seen so far) is how fast it rises. Of any
other metric it is steps a second times the units of a step, where the config says plainly
how many those are; else steps a second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_UNITS = r"tokens?|samples?|examples?|images?|frames?|sequences?|episodes?|bytes|flops|flos|batches|env_?steps?|timesteps?"
_COUNTER = re.compile(
    rf"^(?:(?:num|n|total|cumulative|cum|global|consumed|processed|seen|train|input|target)_)*"
    rf"({_UNITS})(?:_(?:seen|so_far|total|processed|consumed|count|trained|sampled))*$"
)
_CONSUMED = re.compile(rf"^(?:consumed|processed|seen)_(?:train_)?({_UNITS})$")
_GLOBAL = {
    "tokens_per_step": "tokens", "tokens_per_batch": "tokens", "batch_tokens": "tokens", "global_batch_tokens": "tokens",
    "samples_per_step": "samples", "global_batch_size": "samples", "total_batch_size": "samples",
    "effective_batch_size": "samples", "global_train_batch_size": "samples", "total_train_batch_size": "samples",
}  # fmt: skip
_PER_RANK = ("per_device_train_batch_size", "micro_batch_size", "micro_batch_size_per_gpu")
_ALONE = ("train_batch_size", "batch_size", "bs")
_ACCUMULATED = ("gradient_accumulation_steps", "grad_accum_steps", "accumulate_grad_batches", "grad_accum")
_PLACES = ("", "train/", "trainer/", "training/", "args/", "data/")


class Meaning(NamedTuple):
    """scale: units a step, None where the metric itself counts them. unit: `tokens/s`, …."""

    scale: float | None
    unit: str


def meaning(key: str, facts: Mapping[str, Any]) -> Meaning:
    """What `throughput` of a metric means in a run.

    Args:
        key: the metric.
        facts: run.json, for its config and world size.
    """
    counted = counted_unit(key)
    if counted is not None:
        return Meaning(None, f"{counted}/s")
    units = units_of_step(facts.get("config") or {}, world_size(facts) or 1)
    return Meaning(1.0, "steps/s") if units is None else Meaning(units[0], f"{units[1]}/s")


def world_size(facts: Mapping[str, Any]) -> int | None:
    """How many ranks run.json says that there are; None where it does not."""
    ranks = facts.get("ranks")
    size = ranks.get("world_size") if isinstance(ranks, Mapping) else None
    return size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else None


def counted_unit(key: str) -> str | None:
    """The unit that a metric counts up, by its name: `tokens` of `train/num_tokens_seen`; else None."""
    leaf = key.rpartition("/")[2].lower().replace("-", "_").replace(" ", "_")
    found = _COUNTER.match(leaf) or _CONSUMED.match(leaf)
    if found is None:
        return None
    return found[1] if found[1].endswith("s") else f"{found[1]}s"


def units_of_step(config: Mapping[str, Any], world_size: int) -> tuple[float, str] | None:
    """Units that all ranks together take in one step, and their name; None where that is a guess.

    Batches of the whole step count as they stand. Those of one device are multiplied by
    ranks and accumulated steps; a bare `batch_size` counts only where there is one rank.
    """
    for name, unit in _GLOBAL.items():
        size = _setting(config, name)
        if size is not None:
            return size, unit
    accumulated = next((found for name in _ACCUMULATED if (found := _setting(config, name))), 1.0)
    for name in _PER_RANK:
        size = _setting(config, name)
        if size is not None:
            return size * accumulated * max(1, world_size), "samples"
    if world_size <= 1:
        for name in _ALONE:
            size = _setting(config, name)
            if size is not None:
                return size * accumulated, "samples"
    return None


def _setting(config: Mapping[str, Any], name: str) -> float | None:
    """A positive number of the config, at one of the usual places; nested or flat."""
    for place in _PLACES:
        value = config.get(f"{place}{name}")
        if value is None and place:
            inner = config.get(place[:-1])
            value = inner.get(name) if isinstance(inner, Mapping) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e15:
            return float(value)
    return None
