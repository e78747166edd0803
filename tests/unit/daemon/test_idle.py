"""When the daemon leaves by itself, on a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from opengraphs.daemon.idle import IdleClock


class HandLoop(asyncio.AbstractEventLoop):
    """Time goes only when `go` says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        entry = (self.now + delay, lambda: callback(*args))
        self._timers.append(entry)
        return type("Handle", (), {"cancel": lambda _: self._timers.remove(entry)})()

    def go(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [timer for timer in self._timers if timer[0] <= end]:
            timer = min(due, key=lambda timer: timer[0])
            self._timers.remove(timer)
            self.now = timer[0]
            timer[1]()
        self.now = end


class Life:
    """A clock of 900 s over two switches."""

    def __init__(self) -> None:
        self.loop = HandLoop()
        self.busy = self.lost = False
        self.left: list[str] = []
        self.clock = IdleClock(
            self.loop,
            after_s=900.0,
            busy=lambda: self.busy,
            lost=lambda: self.lost,
            leave=self.left.append,
        )
        self.clock.touch()


def test_it_leaves_after_a_quarter_of_an_hour_of_nothing() -> None:
    life = Life()
    life.loop.go(899)
    assert life.left == []
    life.loop.go(1.5)
    assert life.left == ["idle"]


def test_every_visit_begins_the_quarter_anew() -> None:
    life = Life()
    life.loop.go(800)
    life.clock.touch()
    life.loop.go(800)
    assert life.left == []
    life.loop.go(101)
    assert life.left == ["idle"]


def test_busy_daemon_stays_and_counts_from_the_end_of_its_work() -> None:
    life = Life()
    life.busy = True
    life.loop.go(5000)
    assert life.left == []
    life.busy = False
    life.loop.go(800)
    assert life.left == []
    life.loop.go(200)
    assert life.left == ["idle"]


def test_daemon_whose_socket_is_lost_leaves_once_nobody_is_connected() -> None:
    life = Life()
    life.busy = life.lost = True
    life.loop.go(600)
    assert life.left == []
    life.busy = False
    life.loop.go(61)
    assert life.left == ["the socket is gone"]


def test_stopped_clock_says_nothing() -> None:
    life = Life()
    life.clock.stop()
    life.loop.go(5000)
    assert life.left == []
