"""Points of several ranks as one series: the mean of a step, once all have logged it."""

from __future__ import annotations

from typing import Any

LAG = 4
"""A step that some rank has not logged counts as it is once another is so many steps further."""
MOST_WAITING = 64


class _Waiting:
    """Steps of one metric that are not complete. steps: step → {rank: value}, in order."""

    __slots__ = ("done", "steps")

    def __init__(self) -> None:
        self.steps: dict[int, dict[int, float]] = {}
        self.done: int | None = None


class RankMean:
    """Every metric that several ranks log."""

    def __init__(self) -> None:
        self._metrics: dict[str, _Waiting] = {}

    def add(
        self, metric: str, rank: int, ranks: int, step: int, time: float, value: float
    ) -> list[tuple[int, float, float]]:
        """Take in a point; the (step, time, mean) that are complete now, in order of steps."""
        waiting = self._metrics.setdefault(metric, _Waiting())
        steps = waiting.steps
        if waiting.done is not None and step <= waiting.done and not self._went_back(waiting, step, rank):
            return []
        steps.setdefault(step, {})[rank] = value
        ready = [
            known
            for known in sorted(steps)
            if len(steps[known]) >= ranks or (len(steps) > LAG + 1 and known <= sorted(steps)[-LAG - 1])
        ]
        found = []
        for known in ready:
            values = steps.pop(known)
            waiting.done = known
            found.append((known, time, sum(values.values()) / len(values)))
        while len(steps) > MOST_WAITING:
            del steps[min(steps)]
        return found

    @staticmethod
    def _went_back(waiting: _Waiting, step: int, rank: int) -> bool:
        """A rank that logged this step before logs it again, or far below: the run was resumed there."""
        if waiting.done is not None and step <= waiting.done - LAG:
            waiting.steps.clear()
            waiting.done = None
            return True
        return False

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {
            metric: [one.done, [[step, sorted(values.items())] for step, values in one.steps.items()]]
            for metric, one in self._metrics.items()
        }

    def restore(self, state: dict[str, Any]) -> None:
        """As `state()` was."""
        for metric, (done, steps) in state.items():
            waiting = self._metrics[metric] = _Waiting()
            waiting.done = done
            waiting.steps = {step: dict(values) for step, values in steps}
