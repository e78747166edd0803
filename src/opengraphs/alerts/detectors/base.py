"""What every detector is: fed with points, hot or not, with figures to show for it."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, isfinite
from typing import Any, ClassVar

from opengraphs.alerts.finding import Evidence, Level
from opengraphs.alerts.track import Track

_WORDS = {inf: "Infinity", -inf: "-Infinity"}


class Around:
    """What a detector may know of the rest of the run.

    lr_share: the learning rate in parts of its highest; None without one. done: share of the run that
    is over, None where no total is known. train: the track of the main training loss.
    """

    __slots__ = ("done", "lr_share", "train")

    def __init__(self) -> None:
        self.lr_share: float | None = None
        self.done: float | None = None
        self.train: Track | None = None


class Detector:
    """One detector on one series.

    Attributes:
        hot: the condition holds now, persistence included. onset: the step where it began.
        clear_after: so many points without it end the alert. sleeps: it need not see finite values other
            than 0 while its `count` is 0.
    """

    name: ClassVar[str]
    level: ClassVar[Level] = "warn"
    clear_after: ClassVar[int] = 20
    sleeps: ClassVar[bool] = False
    KEPT: ClassVar[tuple[str, ...]] = ()
    __slots__ = ("count", "hot", "onset")

    def __init__(self) -> None:
        self.hot = False
        self.count = 0
        self.onset: int | None = None

    def add(self, step: int, time: float, value: float, track: Track, around: Around) -> None:
        """A point, finite or not. `track` has taken it in already where it is finite."""
        raise NotImplementedError

    def streak(self, step: int, holds: bool, needed: int) -> bool:
        """Count points in a row on which something holds; whether there were so many."""
        if not holds:
            self.count = 0
            return False
        if not self.count:
            self.onset = step
        self.count += 1
        return self.count >= needed

    def grade(self) -> Level:
        """How grave it is now."""
        return self.level

    def title(self, metric: str) -> str:
        """One line for people."""
        raise NotImplementedError

    def evidence(self, track: Track) -> Evidence:
        """The figures behind it."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {name: _plain(getattr(self, name)) for name in ("hot", "onset", "count", *self.KEPT)}

    def restore(self, state: dict[str, Any]) -> None:
        """As `state()` was."""
        for name in ("hot", "onset", "count", *self.KEPT):
            setattr(self, name, _plain(state[name]))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list) else value


def figures(values: Iterable[tuple[str, float]]) -> Evidence:
    """Numbers to six digits: they are read by people. What is no number is a word, as everywhere in JSON."""
    return {
        name: float(f"{value:.6g}") if isfinite(value) else _WORDS.get(value, "NaN") for name, value in values
    }
