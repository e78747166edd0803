"""Did the fix help? The child beside its parent at equal steps, what must not get worse, and where to begin again."""

from __future__ import annotations

from opengraphs.guard.verify.choose import choose_checkpoint
from opengraphs.guard.verify.curve import Curve
from opengraphs.guard.verify.effect import Effect, compare
from opengraphs.guard.verify.guards import evaluation, exit_code, memory, new_alerts, nonfinite, throughput

__all__ = [
    "Curve",
    "Effect",
    "choose_checkpoint",
    "compare",
    "evaluation",
    "exit_code",
    "memory",
    "new_alerts",
    "nonfinite",
    "throughput",
]
