"""How much better a child is than its parent, and whether that counts.

At equal steps (paired) wherever the parent has points after its fault began. Where it has not, because it
crashed, became NaN or was stopped at once, the child is held against the parent's healthy points before the fault: against
their level and against where they were heading, whichever asks more. A parent that could not go on (NaN, or
`parent_failed`) is beaten by a child that does, at a level no worse than that before the fault.

Significance is not enough: with pairing any change is significant. An effect counts beyond a margin.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Literal, NamedTuple

from opengraphs.guard.verify.curve import Curve, Point, finite, points_of
from opengraphs.guard.verify.interval import Line, Mean, block_mean, line_through

Direction = Literal["min", "max"]
Verdict = Literal["improved", "regressed", "no_evidence", "waiting"]
Row = tuple[Point, Point]
"""The parent's point and the child's at one step."""
Rows = Sequence[Row]
BURN_IN = 20
"""Points of the child that are not counted: the optimizer finds its feet."""
LEAST_PAIRS = 8
"""Pairs below which the comparison is not paired."""
REFERENCE = 150
"""Points before the fault that are what healthy means."""
SHARE = 0.01
GROUND = 0.25
LOOKS = 4
"""Looks at a window; only the last may find an improvement."""
HARM = 3.0
"""Margins in the wrong direction that end it at an early look."""
RECOVERED = 0.05
"""Of the level before the fault: so much worse, or what its noise may hide, is still back on it."""
MOST_NONFINITE = 0.05


class Effect(NamedTuple):
    """Positive is better, in the metric's own unit. low, high: the 95 % interval of the mean effect.

    margin: what it must exceed. points of `needed`: compared so far. before, after: means over the same steps;
    unpaired, `before` is the level before the fault. None where there is nothing yet.
    """

    verdict: Verdict
    effect: float | None
    low: float | None
    high: float | None
    margin: float
    points: int
    needed: int
    paired: bool
    before: float | None
    after: float | None
    from_step: int | None
    to_step: int | None
    text: str


class _Sides(NamedTuple):
    """What is compared: pairs of (parent, child) by step, or the child's points alone."""

    child: list[Point]
    parent: list[Point]
    healthy: list[Point]
    broken: bool


def compare(
    parent: Curve,
    child: Curve,
    *,
    direction: Direction,
    from_step: int,
    onset_step: int | None,
    needed: int = 50,
    aa_spread: float | None = None,
    parent_failed: bool = False,
    burn_in: int = BURN_IN,
    metric: str = "the metric",
    change: str = "",
) -> Effect:
    """Compare a child with its parent.

    Args:
        from_step: the checkpoint that the child began at.
        onset_step: where the parent's fault began; None: not known, `from_step` counts.
        needed: points to compare, burn-in left out. Fewer where the parent has fewer.
        aa_spread: how far two runs without a change differ in their means, in the metric's unit; None: not known,
            half of the interval stands for it.
        parent_failed: it crashed, rather than that it was stopped.
        metric, change: for the text.

    Returns:
        `waiting` until there are enough points; harm may be told at 25, 50 and 75 % of them, success never early.
        The window is fixed, so that asking again with more points gives the same answer.
    """
    sides = _sides(parent, child, from_step, onset_step, burn_in, parent_failed)
    if sides.parent:
        needed = min(needed, len(sides.parent))
        judge: _Judge = _Paired(sides, direction, aa_spread)
    else:
        judge = _Unpaired(sides, direction, aa_spread)
    return judge.effect(needed, metric, change)


def _sides(
    parent: Curve, child: Curve, from_step: int, onset: int | None, burn_in: int, failed: bool
) -> _Sides:
    begin = from_step if onset is None else max(onset, from_step)
    theirs = points_of(parent)
    young = [point for point in points_of(child) if point.step > from_step]
    mine = [point for point in young[burn_in:] if point.step >= begin]
    first = mine[0].step if mine else max(begin, from_step + 1)
    late = [point for point in theirs if point.step >= first]
    broken = failed or any(not math.isfinite(point.value) for point in theirs if point.step >= begin)
    usable = finite(late)
    bad = len(late) - len(usable) > len(late) / 2
    healthy = [
        point for point in finite(theirs) if point.step < begin or (onset is None and point.step <= from_step)
    ]
    paired = len(usable) >= LEAST_PAIRS and not bad
    return _Sides(mine, usable if paired else [], healthy[-REFERENCE:], broken)


class _Judge:
    """One way to compare."""

    paired = True

    def __init__(self, sides: _Sides, direction: Direction, aa_spread: float | None) -> None:
        self.sides, self.aa_spread = sides, aa_spread
        self.sign = 1.0 if direction == "min" else -1.0
        healthy = sides.healthy
        self.line: Line | None = None
        if len(healthy) >= 8:
            self.line = line_through([point.step for point in healthy], [point.value for point in healthy])

    def effect(self, needed: int, metric: str, change: str) -> Effect:
        """The verdict on as many points as there are."""
        rows = self.rows()[:needed]
        done = bool(needed) and (len(rows) >= needed or (len(rows) >= LEAST_PAIRS and self.is_over()))
        at_look = len(rows) if done else len(rows) * LOOKS // max(1, needed) * needed // LOOKS
        known = rows[: at_look or len(rows)]
        mean = self.mean(known) if len(known) >= 4 else None
        if self._is_nonfinite(needed):
            told = f"{metric} is not finite any more; that counts as worse"
            return self._told("regressed", known, needed, None, told, change)
        if mean is None or not (done or at_look):
            return self._told("waiting", rows, needed, mean, f"{len(rows)} of {needed} points so far", change)
        verdict = self._verdict(mean, known, done=done)
        if verdict == "waiting":
            told = f"{len(rows)} of {needed} points so far"
            return self._told(verdict, known, needed, mean, told, change)._replace(points=len(rows))
        return self._told(verdict, known, needed, mean, self._text(metric, mean, known, verdict), change)

    def _is_nonfinite(self, needed: int) -> bool:
        window = self.sides.child[: max(needed, LOOKS)]
        lost = len(window) - len(finite(window))
        return len(window) >= LOOKS and lost > max(1.0, MOST_NONFINITE * len(window))

    def _verdict(self, mean: Mean, rows: Rows, *, done: bool) -> Verdict:
        margin = self.margin(mean, rows)
        if mean.mean + mean.half < -margin and (done or mean.mean < -HARM * margin):
            return "regressed"
        if not done:
            return "waiting"
        return (
            "improved" if self.is_better(mean, margin, rows) or self.recovers(mean, margin) else "no_evidence"
        )

    def is_over(self) -> bool:
        """Whether no more rows can come."""
        last = self.sides.parent[-1:]
        return bool(last and self.sides.child and self.sides.child[-1].step >= last[0].step)

    def is_better(self, mean: Mean, margin: float, rows: Rows) -> bool:
        return mean.mean - mean.half > margin

    def recovers(self, mean: Mean, margin: float) -> bool:
        """Whether the child goes on where the parent could not."""
        return False

    def margin(self, mean: Mean, rows: Rows) -> float:
        """What an effect must exceed to count."""
        before = statistics.fmean(one.value for one, _ in rows)
        healthy = self.line.level if self.line else before
        lost = max(0.0, self.sign * (before - healthy)) if self.paired else 0.0
        spread = 3 * self.aa_spread if self.aa_spread is not None else mean.half / 2
        return max(SHARE * abs(healthy), spread, GROUND * lost)

    def rows(self) -> list[Row]:
        raise NotImplementedError

    def mean(self, rows: Rows) -> Mean:
        raise NotImplementedError

    def _told(
        self, verdict: Verdict, rows: Rows, needed: int, mean: Mean | None, text: str, change: str
    ) -> Effect:
        means = [statistics.fmean(row[side].value for row in rows) if rows else None for side in (0, 1)]
        return Effect(
            verdict=verdict,
            effect=mean.mean if mean else None,
            low=mean.mean - mean.half if mean else None,
            high=mean.mean + mean.half if mean else None,
            margin=self.margin(mean, rows) if mean else 0.0,
            points=len(rows),
            needed=needed,
            paired=self.paired,
            before=means[0],
            after=means[1],
            from_step=rows[0][1].step if rows else None,
            to_step=rows[-1][1].step if rows else None,
            text=f"{text}: {change}" if change and verdict != "waiting" else text,
        )

    def _text(self, metric: str, mean: Mean, rows: Rows, verdict: Verdict) -> str:
        word = "lower" if (mean.mean >= 0) == (self.sign > 0) else "higher"
        size, half = abs(mean.mean), mean.half
        steps = rows[-1][1].step - rows[0][1].step + 1
        than = "before" if self.paired else "just before the fault"
        counts = self._counts(mean, rows, verdict)
        interval = f"{_number(size - half)} to {_number(size + half)}"
        return f"{metric} is {_number(size)} {word} ({interval}) over {steps} steps than {than}; {counts}"

    def _counts(self, mean: Mean, rows: Rows, verdict: Verdict) -> str:
        margin = self.margin(mean, rows)
        if verdict == "regressed":
            return "that counts as worse"
        if verdict == "no_evidence":
            return f"that is no evidence of more than {_number(margin)}"
        if self.is_better(mean, margin, rows):
            return "that counts as better"
        return "it goes on where the run before could not, and that counts as better"


class _Paired(_Judge):
    """At equal steps; a step that one of both has not, or not as a number, is left out."""

    def rows(self) -> list[Row]:
        theirs = {point.step: point for point in self.sides.parent}
        return [(theirs[point.step], point) for point in finite(self.sides.child) if point.step in theirs]

    def mean(self, rows: Rows) -> Mean:
        differences = [self.sign * (one.value - other.value) for one, other in rows]
        return block_mean(differences, apart=self.line.apart if self.line else 1.0)


class _Unpaired(_Judge):
    """The child beside the points before the fault."""

    paired = False

    def rows(self) -> list[Row]:
        if self.line is None:
            return []
        return [(Point(point.step, self.line.level), point) for point in finite(self.sides.child)]

    def mean(self, rows: Rows) -> Mean:
        """The effect against the level before the fault."""
        return self._against(rows, ahead=False)

    def _against(self, rows: Rows, *, ahead: bool) -> Mean:
        assert self.line is not None
        own = block_mean([point.value for _, point in rows], apart=self.line.apart)
        place = statistics.fmean(point.step for _, point in rows) if ahead else self.line.middle
        other = self.line.at(place)
        error = math.hypot(own.error, other.error)
        return Mean(self.sign * (other.mean - own.mean), error, min(own.freedom, other.freedom))

    def is_better(self, mean: Mean, margin: float, rows: Rows) -> bool:
        strict = self._against(rows, ahead=True)
        return min(mean.mean - mean.half, strict.mean - strict.half) > margin

    def recovers(self, mean: Mean, margin: float) -> bool:
        level = abs(self.line.level) if self.line else 0.0
        allowed = max(margin, RECOVERED * level, 2 * mean.half)
        return self.sides.broken and mean.mean - mean.half > -allowed


def _number(value: float) -> str:
    """Three digits that say something."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
