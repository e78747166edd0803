"""`define_metric(…, summary="min")`: the best of a metric as it is logged, for the run's summary."""

from __future__ import annotations

from math import isnan

from . import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Tuple

    Step = Callable[[float, float, int], float]

_STEPS: Dict[str, Step] = {
    "min": lambda best, value, _count: value if value < best else best,
    "max": lambda best, value, _count: value if value > best else best,
    "mean": lambda best, value, count: best + (value - best) / count,
    "first": lambda best, _value, _count: best,
}
"""From the figure so far, a new value and how many there are with it to the new figure. NaN changes none but the mean."""
_AS_WORDS = {"minimize": "min", "maximize": "max"}


class Metric:
    """What `define_metric` returns."""

    def __init__(self, name: str) -> None:
        self.name = name


class Goals:
    """Which figures of which metrics the summary shall hold, and what they are so far."""

    def __init__(self) -> None:
        self._wanted: List[Tuple[str, str]] = []
        self._figures: Dict[str, Tuple[float, int]] = {}

    def add(self, name: str, summary: Any, goal: Optional[str]) -> bool:
        """Take in one `define_metric`; False when it asks for no figure."""
        words = [summary] if isinstance(summary, str) else list(summary or ())
        asked = [part.strip() for word in words for part in str(word).split(",")]
        asked = [_AS_WORDS.get(str(goal), "min") if word == "best" else word for word in asked]
        new = [(name, word) for word in asked if word in _STEPS]
        self._wanted += [pair for pair in new if pair not in self._wanted]
        return bool(new)

    def take(self, logged: Dict[str, Any]) -> Dict[str, float]:
        """The figures that these values change: `loss.min`."""
        changed = {}
        for key, value in logged.items():
            for word in self._words_of(key):
                name = "%s.%s" % (key, word)
                best, count = self._figures.get(name, (value, 0))
                figure = _STEPS[word](value if isnan(best) else best, value, count + 1)
                self._figures[name] = (figure, count + 1)
                if figure != best or not count:
                    changed[name] = figure
        return changed

    def _words_of(self, key: str) -> List[str]:
        return [word for name, word in self._wanted if name == key or ("*" in name and _fits(name, key))]


def _fits(pattern: str, key: str) -> bool:
    from fnmatch import fnmatchcase

    return fnmatchcase(key, pattern)


def tell_ignored() -> None:
    """Once: an x axis is chosen where a curve is looked at."""
    warn.tell(
        "ignored:define_metric",
        "define_metric() is honoured for summary=min, max, mean and first alone: x axes are chosen in the view",
    )
