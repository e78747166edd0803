"""From readings to firings: a condition that holds long enough fires once, until it is over.

    inactive -> pending (`for`) -> firing -> resolved (cold for twice as long)

A repeated step is the same point again. What is not known changes nothing. Inside the
cooldown after an end the same alert opens again, and that is no firing.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from opengraphs.alerts.rules.nodes import Saved
from opengraphs.alerts.rules.reading import Reading
from opengraphs.alerts.rules.rule import COOLDOWN, Level, Rule, Span


class Change(NamedTuple):
    """Something that happened to a rule's alert. onset_step: of the first point that held."""

    kind: Literal["fired", "reopened", "resolved"]
    detector: str
    metric: str
    level: Level
    onset_step: int
    step: int
    time: float
    evidence: dict[str, Any]


class _Mark(NamedTuple):
    """A moment: its point's number, step and time."""

    point: int
    step: int
    time: float

    def is_past(self, span: Span, now: _Mark) -> bool:
        """Whether `span` has passed since."""
        if span.unit == "s":
            return now.time - self.time >= span.amount
        passed = now.step - self.step if span.unit == "steps" else now.point - self.point
        return passed >= span.amount


class _Track:
    """One instance of a rule.

    now: the newest point. onset: where it became hot. cold: where it became cold while firing.
    ended: the last end.
    """

    __slots__ = ("cold", "ended", "firing", "now", "onset")

    def __init__(self) -> None:
        self.now = _Mark(0, -1, 0.0)
        self.onset: _Mark | None = None
        self.cold: _Mark | None = None
        self.ended: _Mark | None = None
        self.firing = False

    def save(self) -> Saved:
        marks = (self.now, self.onset, self.cold, self.ended)
        return [self.firing, *(None if mark is None else list(mark) for mark in marks)]

    def load(self, saved: Saved) -> None:
        firing, now, *marks = saved
        self.firing, self.now = bool(firing), _Mark(*now)
        self.onset, self.cold, self.ended = (None if mark is None else _Mark(*mark) for mark in marks)


class RuleWatch:
    """The alerts of one rule in one run, an own life for each instance."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._tracks: dict[str, _Track] = {}

    def take(self, reading: Reading) -> Change | None:
        """What a reading changes; None for nothing."""
        if reading.hot is None or (self.rule.after is not None and reading.step < self.rule.after):
            return None
        track = self._tracks.get(reading.metric)
        if track is None:
            if not reading.hot:
                return None
            track = self._tracks[reading.metric] = _Track()
        self._move(track, reading)
        return self._hot(track, reading) if reading.hot else self._cold(track, reading)

    def firing(self) -> list[str]:
        """Leading metrics of the instances that fire."""
        return [metric for metric, track in self._tracks.items() if track.firing]

    def state(self) -> Saved:
        """As JSON, for `restore`."""
        return {metric: track.save() for metric, track in self._tracks.items()}

    def restore(self, saved: Saved) -> bool:
        """Go on from what `state` gave; False where it is damaged, then nothing fires yet."""
        try:
            tracks = {metric: _Track() for metric in saved}
            for metric, track in tracks.items():
                track.load(saved[metric])
        except (KeyError, TypeError, ValueError):
            self._tracks = {}
            return False
        self._tracks = tracks
        return True

    def _move(self, track: _Track, reading: Reading) -> None:
        before = track.now
        is_same = reading.ticked or reading.step == before.step
        if not is_same and reading.step < before.step:
            self._rewind(track, reading.step)
        track.now = _Mark(before.point + (not is_same), reading.step, reading.time)

    def _rewind(self, track: _Track, step: int) -> None:
        """The run goes on from an earlier step: what was waiting begins anew."""
        if not track.firing:
            track.onset = None
        track.cold = None
        if track.ended is not None and track.ended.step >= step:
            track.ended = track.ended._replace(step=step)

    def _hot(self, track: _Track, reading: Reading) -> Change | None:
        track.cold = None
        if track.onset is None:
            track.onset = track.now
        if track.firing or not _is_held(self.rule.hold, track.onset, track.now):
            return None
        track.firing = True
        is_again = track.ended is not None and not track.ended.is_past(
            self.rule.cooldown or COOLDOWN, track.now
        )
        return self._change("reopened" if is_again else "fired", track, reading)

    def _cold(self, track: _Track, reading: Reading) -> Change | None:
        if not track.firing:
            track.onset = None
            return None
        if track.cold is None:
            track.cold = track.now
        hold = self.rule.hold
        if not _is_held(hold._replace(amount=2 * hold.amount), track.cold, track.now):
            return None
        change = self._change("resolved", track, reading)
        track.firing, track.onset, track.cold, track.ended = False, None, None, track.now
        return change

    def _change(
        self, kind: Literal["fired", "reopened", "resolved"], track: _Track, reading: Reading
    ) -> Change:
        onset = track.onset or track.now
        rule = self.rule
        return Change(
            kind,
            rule.detector,
            reading.metric,
            rule.level,
            onset.step,
            reading.step,
            reading.time,
            reading.evidence,
        )


def _is_held(span: Span, since: _Mark, now: _Mark) -> bool:
    """Whether something lasts for `span`; of points the first counts too."""
    return since.is_past(span._replace(amount=span.amount - 1) if span.unit == "points" else span, now)
