"""Which column or key of a table is the step, and which the time."""

from __future__ import annotations

from collections.abc import Iterable

STEP_NAMES = (
    "step",
    "_step",
    "global_step",
    "global_steps",
    "train/global_step",
    "trainer/global_step",
    "time/total_timesteps",
    "total_timesteps",
    "current_steps",
    "training_iteration",
    "iteration",
    "iterations",
    "iter",
    "n_iter",
    "num_steps",
    "steps",
    "num_updates",
    "update",
    "epoch",
)
"""Best first: where a table has several, the finer count is the step and the others are metrics."""
TIME_NAMES = (
    "timestamp",
    "_timestamp",
    "wall_time",
    "wall time",
    "walltime",
    "time",
    "datetime",
    "created_at",
    "ts",
)
_RANKS = {name: rank for rank, name in enumerate(STEP_NAMES)}


def rank(name: str) -> int:
    """How good a step a name promises, 0 the best; -1 for none."""
    return _RANKS.get(name.strip().lower(), -1)


def best(names: Iterable[str]) -> str | None:
    """The name of the step among these, or None."""
    ranked = [(rank(name), name) for name in names if rank(name) >= 0]
    return min(ranked)[1] if ranked else None


def is_time(name: str) -> bool:
    return name.strip().lower() in TIME_NAMES
