"""One foreign format in the bench of readers: how its input is made, and who else reads it."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from opengraphs.records import RunFacts
from opengraphs.sources.base import Format


class Peer(NamedTuple):
    """Another reader of the same place. read: takes the place and returns how many points it found.

    needs: modules that must be installed. overhead: seconds of starting it with next to
    nothing to read, where it is a program of its own; they are taken off.
    """

    label: str
    needs: tuple[str, ...]
    read: Callable[[Path], int]
    overhead: Callable[[], float] | None = None

    def is_installed(self) -> bool:
        return all(importlib.util.find_spec(name) is not None for name in self.needs)


class Case(NamedTuple):
    """A format, its input and its peers.

    make: writes about so many points below a folder and returns the place that the reader takes.
    needs: modules that `make` imports. points: of the full measurement; a tenth with --quick.
    """

    title: str
    format: Format
    make: Callable[[Path, int], Path]
    needs: tuple[str, ...] = ()
    peers: tuple[Peer, ...] = ()
    points: int = 200_000

    def is_possible(self) -> bool:
        return all(importlib.util.find_spec(name) is not None for name in self.needs)


class CountingSink:
    """Takes everything and counts points."""

    def __init__(self) -> None:
        self.points = 0

    def run(self, key: str, facts: RunFacts) -> None: ...

    def metrics(self, key: str, step: int, time: float, metrics: Mapping[str, float]) -> None:
        self.points += len(metrics)

    def system(self, key: str, time: float, metrics: Mapping[str, float]) -> None: ...

    def event(self, key: str, time: float, kind: str, payload: Mapping[str, Any]) -> None: ...

    def log(self, key: str, data: bytes) -> None: ...

    def reset(self, key: str) -> None:
        self.points = 0

    def gone(self, key: str) -> None: ...


class Timed(NamedTuple):
    """Median seconds of some rounds, and the points that were found."""

    seconds: float
    points: int


def read_with_og(case: Case, place: Path) -> int:
    reader, sink = case.format.open(place, None), CountingSink()
    while reader.read(sink, budget_s=1.0):
        pass
    reader.close()
    return sink.points


def timed(read: Callable[[], int], rounds: int) -> Timed:
    """The first round is thrown away: it imports and fills the page cache."""
    points = read()
    seconds = []
    for _round in range(rounds):
        began = time.perf_counter()
        points = read()
        seconds.append(time.perf_counter() - began)
    return Timed(statistics.median(seconds), points)
