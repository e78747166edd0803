"""One metric of a run: its track, its detectors, and where they stood at earlier steps."""

from __future__ import annotations

from typing import Any

from opengraphs.alerts.detectors import Around, Detector, detectors_of
from opengraphs.alerts.detectors.speed import Slow
from opengraphs.alerts.roles import Role
from opengraphs.alerts.settings import Settings
from opengraphs.alerts.track import Track

SNAP_EVERY = 100
PACE_S = 1.0
"""What the clock tells of the pace is averaged over so long."""
_LARGEST = 1e300
"""What is larger is no number either: sums of it are not."""
MOST_SNAPS = 12
"""Earlier states that are kept, close together near the end and far apart before it."""


class Series:
    """One metric.

    Attributes:
        changed: detectors that became hot, cooled down, or are hot at another grade, at the newest point.
        resumed_n: points there were when the series last fell back to an earlier step.
    """

    def __init__(self, role: Role, settings: Settings) -> None:
        self.role = role
        self.track = Track()
        self.detectors = [one for one in detectors_of(role) if one.name not in settings.off]
        for detector in self.detectors:
            if isinstance(detector, Slow):
                detector.rate = role == "throughput"
                detector.for_s = settings.after_s["slow"]
        self.changed: list[Detector] = []
        self.resumed_n: int | None = None
        self._snaps: list[tuple[int, dict[str, Any]]] = []
        self._last_step: int | None = None
        self._held: list[Any] | None = None
        """A point at a lower step, until the next one tells what it was."""
        self._pace_from: tuple[int, float] | None = None

    def add(self, step: int, time: float, value: float, around: Around) -> bool:
        """Take in a point; False when nothing changed.

        A repeated step is passed over. One lower step may be a straggler: two of them in a row are a restart.
        """
        last, held = self._last_step, self._held
        if last is None or step > last:
            self._held = None
            return self._take(step, time, value, around)
        if step == last:
            return False
        if held is None or not held[0] < step:
            self._held = [step, time, value]
            return False
        self._held = None
        were_hot = self._go_back(int(held[0]))
        self._take(int(held[0]), held[1], held[2], around)
        self._take(step, time, value, around)
        self.changed += [one for one in were_hot if one not in self.changed]
        return bool(self.changed)

    def _take(self, step: int, time: float, value: float, around: Around) -> bool:
        self._last_step = step
        track = self.track
        is_finite = -_LARGEST < value < _LARGEST
        if is_finite:
            track.add(step, value)
        changed: list[Detector] = []
        for detector in self.detectors:
            if detector.sleeps and is_finite and value and not detector.count:
                continue
            before = detector.hot
            detector.add(step, time, value, track, around)
            if detector.hot or before:
                changed.append(detector)
        self.changed = changed
        if not track.n % SNAP_EVERY and not changed:
            self._snap(step)
        return bool(changed)

    def step_seconds(self, step: int, time: float) -> float | None:
        """Seconds a step over the last second or longer; None before, and where the clock fell back."""
        before = self._pace_from
        if before is not None and 0 <= time - before[1] < PACE_S and step > before[0]:
            return None
        self._pace_from = (step, time)
        if before is None or step <= before[0] or time <= before[1]:
            return None
        return (time - before[1]) / (step - before[0])

    def _snap(self, step: int) -> None:
        """Keep how things stand; of older ones every other goes when there are many."""
        self._snaps.append((step, self._own_state()))
        if len(self._snaps) > MOST_SNAPS:
            del self._snaps[1 : MOST_SNAPS // 2 : 2]

    def _go_back(self, step: int) -> list[Detector]:
        """The run was resumed at an earlier step: stand where we stood then, else begin anew. Who was hot."""
        were_hot = [one for one in self.detectors if one.hot]
        while self._snaps and self._snaps[-1][0] >= step:
            self._snaps.pop()
        if self._snaps:
            self._restore_own(self._snaps[-1][1])
        else:
            self.track.restore(Track().state())
            fresh = {one.name: one.state() for one in detectors_of(self.role)}
            for own in self.detectors:
                own.restore(fresh[own.name])
        self.resumed_n = self.track.n
        return were_hot

    def _own_state(self) -> dict[str, Any]:
        return {
            "track": self.track.state(),
            "detectors": {one.name: one.state() for one in self.detectors},
        }

    def _restore_own(self, state: dict[str, Any]) -> None:
        self.track.restore(state["track"])
        for one in self.detectors:
            if one.name in state["detectors"]:
                one.restore(state["detectors"][one.name])

    def state(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "role": self.role,
            **self._own_state(),
            "snaps": [[step, kept] for step, kept in self._snaps],
            "last_step": self._last_step,
            "held": self._held,
            "pace_from": self._pace_from,
            "resumed_n": self.resumed_n,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """As `state()` was."""
        self._restore_own(state)
        self._snaps = [(int(step), kept) for step, kept in state["snaps"]]
        self._last_step, self._held = state["last_step"], state["held"]
        self._pace_from = None if state["pace_from"] is None else tuple(state["pace_from"])
        self.resumed_n = state["resumed_n"]
