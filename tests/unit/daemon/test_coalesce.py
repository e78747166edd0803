"""Merging of events, on a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from opengraphs.daemon.coalesce import Coalescer, Topic, merged

A = Topic("metrics", "/store", "a")
B = Topic("metrics", "/store", "b")


class HandClock(asyncio.AbstractEventLoop):
    """The one method the coalescer uses; `tick` lets all timers run that were set before."""

    def __init__(self) -> None:
        self.timers: list[Callable[[], None]] = []

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        self.timers.append(lambda: callback(*args))

    def tick(self) -> None:
        due, self.timers = self.timers, []
        for timer in due:
            timer()


def metrics(points: int, **keys: int) -> dict[str, Any]:
    return {"keys": keys, "points": points}


def make() -> tuple[HandClock, Coalescer, list[tuple[str, dict[str, Any]]]]:
    clock, out = HandClock(), []
    return clock, Coalescer(clock, lambda topic, payload: out.append((topic.run, payload))), out


def test_first_event_passes_at_once_and_the_rest_are_merged() -> None:
    clock, coalescer, out = make()
    for step in range(5):
        coalescer.add(A, metrics(1, loss=step))
    assert out == [("a", metrics(1, loss=0))]
    clock.tick()
    assert out[1:] == [("a", metrics(4, loss=4))]


def test_runs_do_not_wait_for_each_other() -> None:
    _, coalescer, out = make()
    coalescer.add(A, metrics(1, loss=1))
    coalescer.add(B, metrics(1, loss=1))
    assert [run for run, _ in out] == ["a", "b"]


def test_nothing_is_kept_of_a_topic_that_fell_silent() -> None:
    clock, coalescer, out = make()
    coalescer.add(A, metrics(1, loss=1))
    clock.tick()
    assert clock.timers == []
    coalescer.add(A, metrics(1, loss=2))
    assert out[-1] == ("a", metrics(1, loss=2))


def test_merged_event_starts_the_next_interval() -> None:
    clock, coalescer, out = make()
    for step in range(2):
        coalescer.add(A, metrics(1, loss=step))
    clock.tick()
    coalescer.add(A, metrics(1, loss=2))
    assert len(out) == 2
    clock.tick()
    assert len(out) == 3


def test_metrics_add_up_and_a_reset_is_never_forgotten() -> None:
    old = {"keys": {"a": 1, "b": 1}, "points": 2, "reset": True}
    assert merged("metrics", old, {"keys": {"a": 2}, "points": 1}) == {
        "keys": {"a": 2, "b": 1},
        "points": 3,
        "reset": True,
    }


def test_of_other_kinds_the_newest_counts() -> None:
    assert merged("log", {"size_bytes": 1}, {"size_bytes": 2}) == {"size_bytes": 2}


def test_nothing_about_a_run_comes_after_its_going() -> None:
    clock, out = HandClock(), []
    coalescer = Coalescer(clock, lambda topic, payload: out.append((topic.kind, topic.run)))
    for topic in (A, A, B, B, Topic("gone", "/store", "a")):
        coalescer.add(topic, metrics(1, loss=1))
    clock.tick()
    assert out == [("metrics", "a"), ("metrics", "b"), ("gone", "a"), ("metrics", "b")]
