"""What happened in a run, as marks on the x axis: checkpoints, alerts, notes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opengraphs.tui.painters.chartspec import Mark
from opengraphs.tui.questions import EventsQuestion
from opengraphs.tui.screens.graphs_state import GraphsState

MOST = 500
"""Marks of one run; the newest are kept."""

_LEVELS = ("info", "warn", "error")


class RunMarks:
    """The events of the run in view that have a place on the x axis. `version` rises with every other answer."""

    def __init__(self, state: GraphsState) -> None:
        self._state = state
        self._run: str | None = None
        self._events: list[Mapping[str, Any]] = []
        self._made: tuple[object, list[Mark]] | None = None
        self.version = 0

    def question(self) -> EventsQuestion | None:
        return EventsQuestion(self._state.run_id, MOST) if self._state.run and self._state.run_id else None

    def take(self, question: EventsQuestion, reply: Mapping[str, Any]) -> None:
        events = [event for event in _grown(reply.get("events", ())) if _kind(event)]
        if (question.run, events) != (self._run, self._events):
            self._run, self._events = question.run, events
            self._made = None
            self.version += 1

    def marks(self) -> list[Mark]:
        """On the x axis of now; an event without a place there has none."""
        state = self._state
        looks = (state.run_id, state.x.kind, state.origin_s, self.version)
        if self._made is None or self._made[0] != looks:
            self._made = (looks, self._place() if self._run == state.run_id else [])
        return self._made[1]

    def _place(self) -> list[Mark]:
        placed = [(self._x(event), event) for event in self._events]
        return [Mark(x, _kind(event), _label(event)) for x, event in placed if x is not None]

    def _x(self, event: Mapping[str, Any]) -> float | None:
        state = self._state
        if state.x.kind == "step":
            return _number(event.get("step"))
        origin = {"time": 0.0, "relative": state.origin_s}.get(state.x.kind)
        time = _number(event.get("point_time", event.get("time")))
        return None if origin is None or time is None else time - origin

    def near(self, low: float, high: float) -> list[Mark]:
        """Those between two places of the axis."""
        return [mark for mark in self.marks() if low <= mark.x <= high]


def counted(marks: Sequence[Mark], window: tuple[float, float] | None) -> dict[str, int]:
    """How many of each kind stand in the window."""
    out: dict[str, int] = {}
    for mark in marks:
        if window is None or window[0] <= mark.x <= window[1]:
            out[mark.kind] = out.get(mark.kind, 0) + 1
    return out


def _grown(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """An alert that got graver while it fired is one mark: that of its last word."""
    found: list[Mapping[str, Any]] = []
    firing: dict[object, int] = {}
    for event in events:
        name = event.get("alert_id") if event.get("kind") == "alert" else None
        if name is not None and event.get("state") == "resolved":
            firing.pop(name, None)
        elif name in firing and event.get("state") == "firing":
            found[firing[name]] = event
            continue
        elif name is not None:
            firing[name] = len(found)
        found.append(event)
    return found


def _kind(event: Mapping[str, Any]) -> str:
    """The kind of mark, "" for what has none."""
    kind = event.get("kind")
    if kind == "alert":
        if event.get("state") in ("acknowledged", "resolved"):
            return ""
        level = event.get("level")
        return level if level in _LEVELS else "warn"
    return kind if kind in ("checkpoint", "note") else ""


def _label(event: Mapping[str, Any]) -> str:
    for name in ("text", "title", "message", "path", "name"):
        if isinstance(event.get(name), str) and event[name]:
            return str(event[name])
    return str(event.get("kind"))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
