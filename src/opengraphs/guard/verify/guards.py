"""What no fix may make worse, whatever it does for its metric. Each says nothing, or one finding that ends it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from opengraphs.guard.changes.finding import Finding

SLOWEST = 0.8
MOST_MEMORY = 1.1
WORST_EVALUATION = 0.02


def nonfinite(metric: str, values: Sequence[float]) -> list[Finding]:
    """The last of the child's values is NaN or infinite, or more than one in twenty is."""
    lost = sum(not math.isfinite(value) for value in values)
    if lost and (not math.isfinite(values[-1]) or lost * 20 > len(values)):
        return _ends("nonfinite", f"{metric} is not finite in {lost} of {len(values)} points")
    return []


def throughput(before: float | None, after: float | None) -> list[Finding]:
    """In anything a second; the median of a stretch says more than a moment."""
    if _known(before, after) and before and after is not None and after < SLOWEST * before:
        return _ends("throughput", f"{after / before:.2f} times as fast as before; {SLOWEST} is the least")
    return []


def memory(before: float | None, after: float | None) -> list[Finding]:
    """The peaks of both, in one unit."""
    if _known(before, after) and before and after is not None and after > MOST_MEMORY * before:
        return _ends("memory", f"{after / before:.2f} times the memory of before; {MOST_MEMORY} is the most")
    return []


def evaluation(metric: str, before: float | None, after: float | None, *, direction: str) -> list[Finding]:
    """Both at the first evaluation that they have in common."""
    if before is None or after is None or not math.isfinite(before):
        return []
    worse = (after - before) * (1 if direction == "min" else -1)
    if not math.isfinite(after) or worse > WORST_EVALUATION * abs(before):
        return _ends("evaluation", f"{metric} went from {before:.4g} to {after:.4g}, more than 2 % worse")
    return []


def new_alerts(
    before: Iterable[tuple[str, str]], after: Iterable[tuple[str, str, str, str]]
) -> list[Finding]:
    """An alert of level error that the parent had not.

    Args:
        before: (detector, metric) of the parent's alerts.
        after: (detector, metric, level, title) of the child's.
    """
    known = set(before)
    found = [one for one in after if one[2] == "error" and (one[0], one[1]) not in known]
    return [Finding("alert", "refuse", f"a new alert: {title}") for _, _, _, title in found]


def exit_code(code: int | None, signal: int | None = None) -> list[Finding]:
    """code: None while it runs. signal: what ended it, None for nothing."""
    if signal:
        return _ends("exit", f"it was ended by signal {signal}")
    return _ends("exit", f"it ended with code {code}") if code else []


def _known(*values: float | None) -> bool:
    return all(value is not None and math.isfinite(value) and value > 0 for value in values)


def _ends(rule: str, text: str) -> list[Finding]:
    return [Finding(rule, "refuse", text)]
