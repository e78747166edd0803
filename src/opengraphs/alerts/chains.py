"""Which alerts are one story: what explains what, and what becomes graver in its course.

A diverging loss first goes up, then is not a number, while its gradients explode: that is one alert
that gets graver, and not four. A chain lists what belongs together, the gravest first. While an
alert of a chain fires, a graver finding raises it, and a lesser one is noted beside it.
"""

from __future__ import annotations

_CHAINS: dict[str, tuple[str, ...]] = {
    "training": (
        "nonfinite", "divergence", "level_up", "grad_explosion", "masked_nan", "too_good", "no_learning", "plateau",
    ),
    "reinforcement": ("reward_collapse", "entropy_collapse", "kl_blow_up", "zero_variance", "clipped_length"),
    "pace": ("silent_rank", "stall", "straggler", "slow", "gpu_idle"),
}  # fmt: skip
_PLACE = {
    detector: (chain, place) for chain, members in _CHAINS.items() for place, detector in enumerate(members)
}


def chain_of(detector: str, metric: str) -> str:
    """The story that a finding belongs to; a detector of its own, and any rule, is one by itself."""
    return _PLACE[detector][0] if detector in _PLACE else f"{detector}:{metric}"


def weight(detector: str) -> int:
    """Higher explains lower within a chain."""
    return -_PLACE[detector][1] if detector in _PLACE else 0
