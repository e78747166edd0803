"""Did a training really go on? Two curves of one metric where they overlap: the first run's, and the resumed one's.

Pure: steps and values in, verdicts out. `og doctor resume` starts the two runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import mean, median
from typing import Literal, NamedTuple

Status = Literal["ok", "warn", "fail"]

POINTS = 5
"""So many points behind the checkpoint are compared."""
NOISE_POINTS = 40
_SIGMAS = 3.0
_FROM_MAD = 1.4826
_FLOOR = 1e-3
"""Of the value: a curve smoother than that is as good as exact."""
_RATE_TOLERANCE = 0.01


class Curve(NamedTuple):
    """Points of one metric in order; the last of equal steps counts."""

    steps: list[int]
    values: list[float]

    def by_step(self) -> dict[int, float]:
        return dict(zip(self.steps, self.values, strict=True))


class Verdict(NamedTuple):
    """One check of the proof; `fix` is what to do about it, "" when nothing."""

    id: str
    status: Status
    message: str
    fix: str = ""


def judge_steps(before: Curve, after: Curve, saved: int) -> Verdict:
    """Whether the steps of the resumed run follow those up to the checkpoint."""
    first, gap = after.steps[0], _gap(before.steps)
    if first <= before.steps[0] + gap < saved:
        return Verdict(
            "steps",
            "fail",
            f"it begins again at step {first}, not behind {saved}: the checkpoint was not loaded",
            "load og.resume().path (or the argument's) before the loop, and begin at its step; docs/resume.md",
        )
    if first > saved + 2 * gap:
        return Verdict(
            "steps",
            "fail",
            f"it goes on at step {first}: those from {saved + 1} on are left out",
            "begin at the step that stands in the checkpoint, plus 1",
        )
    if first <= saved:
        return Verdict("steps", "warn", f"it repeats steps {first} to {saved}, which the first run had done")
    return Verdict("steps", "ok", f"it goes on at step {first}, behind {saved}")


def _gap(steps: Sequence[int]) -> int:
    """How far logged steps usually lie apart."""
    between = [later - earlier for earlier, later in pairwise(steps) if later > earlier]
    return max(1, round(median(between))) if between else 1


def judge_loss(metric: str, before: Curve, after: Curve, saved: int) -> Verdict:
    """Whether the first values behind the checkpoint are those that the first run had at the same steps."""
    pairs = _shared(before, after, saved)
    if not pairs:
        return Verdict(
            "loss",
            "warn",
            f"{metric} was never logged at the same step by both runs, so nothing can be said of it",
            "log it at fixed steps, or try with more --after",
        )
    if not all(math.isfinite(value) for pair in pairs for value in pair):
        return Verdict("loss", "fail", f"{metric} is not finite behind the checkpoint")
    difference = mean(new - old for old, new in pairs)
    limit = _SIGMAS * _noise(before, saved)
    shown = f"{metric} behind step {saved}: {_short([new for _, new in pairs])} where it was {_short([old for old, _ in pairs])}"
    if all(old == new for old, new in pairs):
        return Verdict(
            "loss", "ok", f"{metric} is the same to the last digit at {len(pairs)} steps behind {saved}"
        )
    if abs(difference) <= limit:
        return Verdict("loss", "ok", f"{shown}; within 3 sigma ({limit:.3g})")
    return Verdict(
        "loss",
        "fail",
        f"{shown}; off by {difference:+.3g}, 3 sigma are {limit:.3g}",
        "save and load all of it: weights, optimizer, scheduler, scaler, and where the data was",
    )


def judge_rate(metric: str, before: Curve, after: Curve, saved: int) -> Verdict:
    """Whether the learning rate goes on where it was."""
    pairs = _shared(before, after, saved)
    wrong = [
        (old, new) for old, new in pairs if not math.isclose(old, new, rel_tol=_RATE_TOLERANCE, abs_tol=1e-12)
    ]
    if wrong:
        old, new = wrong[0]
        return Verdict(
            "rate",
            "fail",
            f"{metric} is {new:.4g} where it was {old:.4g} at the same step",
            "save and load the scheduler, and do not set the learning rate anew after loading",
        )
    if not pairs:
        return Verdict("rate", "warn", f"{metric} was never logged at the same step by both runs")
    return Verdict("rate", "ok", f"{metric} is what it was at {len(pairs)} steps")


def _shared(before: Curve, after: Curve, saved: int) -> list[tuple[float, float]]:
    """(old, new) at the first steps behind the checkpoint that both runs have."""
    old, new = before.by_step(), after.by_step()
    steps = sorted(step for step in old.keys() & new.keys() if step > saved)
    return [(old[step], new[step]) for step in steps[:POINTS]]


def _noise(before: Curve, saved: int) -> float:
    """How far one point usually lies from where the curve goes, around the checkpoint.

    From differences of neighbours, so that a slope counts little and an outlier not at all.
    """
    known = before.by_step()
    steps = sorted(sorted(known, key=lambda step: abs(step - saved))[:NOISE_POINTS])
    values = [known[step] for step in steps if math.isfinite(known[step])]
    jumps = [later - earlier for earlier, later in pairwise(values)]
    size = abs(median(values)) if values else 0.0
    if not jumps:
        return _FLOOR * size
    middle = median(jumps)
    spread = _FROM_MAD * median(abs(jump - middle) for jump in jumps) / math.sqrt(2)
    return max(spread, abs(middle), _FLOOR * size)


def _short(values: Sequence[float]) -> str:
    return " ".join(f"{value:.4g}" for value in values)


def is_rate(metric: str) -> bool:
    """Whether a metric is a learning rate by its name."""
    return metric.rpartition("/")[2].lower() in ("lr", "learning_rate", "learning-rate")
