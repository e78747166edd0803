"""A sink that keeps what a reader hands over, and ways to drive a reader through it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from opengraphs.records import RunFacts
from opengraphs.sources.base import Reader

DEADLINE_S = 60.0
LOOK_EVERY_S = 0.005
ROUNDS = 100_000
"""More rounds than any test needs: a reader that always says "more" is caught, not waited for."""


class RecordingSink:
    """Everything in the order of the calls, and folded by run.

    calls: (method, key, …arguments). facts: the last value of each fact. points: every point
    as it came, (step, time, value) a metric. logs: what the run printed.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.facts: dict[str, dict[str, Any]] = {}
        self.points: dict[str, dict[str, list[tuple[int, float, float]]]] = {}
        self.systems: dict[str, list[tuple[float, dict[str, float]]]] = {}
        self.events: dict[str, list[tuple[float, str, dict[str, Any]]]] = {}
        self.logs: dict[str, bytes] = {}

    def run(self, key: str, facts: RunFacts) -> None:
        json.dumps(facts)  # facts go to run.json: whatever a file holds, they can be written
        self.calls.append(("run", key, dict(facts)))
        self.facts.setdefault(key, {}).update(facts)

    def metrics(self, key: str, step: int, time: float, metrics: Mapping[str, float]) -> None:
        self._known(key)
        assert type(step) is int, step
        assert isinstance(time, float), time
        self.calls.append(("metrics", key, step, time, dict(metrics)))
        series = self.points.setdefault(key, {})
        for name, value in metrics.items():
            assert type(value) is float, (name, value)
            series.setdefault(name, []).append((step, time, value))

    def system(self, key: str, time: float, metrics: Mapping[str, float]) -> None:
        self._known(key)
        assert all(type(value) is float for value in metrics.values()), metrics
        self.calls.append(("system", key, time, dict(metrics)))
        self.systems.setdefault(key, []).append((time, dict(metrics)))

    def event(self, key: str, time: float, kind: str, payload: Mapping[str, Any]) -> None:
        self._known(key)
        json.dumps(payload)
        self.calls.append(("event", key, time, kind, dict(payload)))
        self.events.setdefault(key, []).append((time, kind, dict(payload)))

    def log(self, key: str, data: bytes) -> None:
        self._known(key)
        self.calls.append(("log", key, data))
        self.logs[key] = self.logs.get(key, b"") + data

    def reset(self, key: str) -> None:
        self.calls.append(("reset", key))
        for kept in (self.facts, self.points, self.systems, self.events, self.logs):
            kept.pop(key, None)  # type: ignore[attr-defined]

    def gone(self, key: str) -> None:
        self.calls.append(("gone", key))

    def _known(self, key: str) -> None:
        assert key in self.facts, f"something of run {key!r} came before its `run`"

    def curves(self, key: str = "") -> dict[str, dict[int, float]]:
        """{metric: {step: value}}, the last write at each step."""
        return {
            name: {step: value for step, _time, value in points}
            for name, points in self.points.get(key, {}).items()
        }

    def content(self) -> dict[str, Any]:
        """All that counts of what was handed over, whatever the number of calls."""
        return {
            "facts": self.facts,
            "points": self.points,
            "systems": self.systems,
            "events": self.events,
            "logs": self.logs,
        }


def read_all(reader: Reader, sink: RecordingSink, *, budget_s: float = 5.0) -> RecordingSink:
    """Read until there is nothing more at once."""
    for _round in range(ROUNDS):
        if not reader.read(sink, budget_s=budget_s):
            return sink
    raise AssertionError("the reader never says that it is through")


Open = Callable[[Path, Mapping[str, Any] | None], Reader]


def read_once(open_reader: Open, path: Path) -> tuple[RecordingSink, Reader]:
    """A fresh reader's view of what is there now. The reader is closed already."""
    reader = open_reader(path, None)
    sink = read_all(reader, RecordingSink())
    reader.close()
    return sink, reader


def reopened(open_reader: Open, path: Path, reader: Reader) -> Reader:
    """Another reader that goes on where this one is, as after a restart of the daemon."""
    cursor = json.loads(json.dumps(reader.cursor()))
    reader.close()
    return open_reader(path, cursor)


def read_until(reader: Reader, sink: RecordingSink, is_there: Callable[[], bool]) -> None:
    """Look again and again, as the follower does, until something is there."""
    end = time.monotonic() + DEADLINE_S
    while not is_there():
        assert time.monotonic() < end, "it never came"
        read_all(reader, sink)
        time.sleep(LOOK_EVERY_S)
