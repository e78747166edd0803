"""The loop: one wait for descriptors and times."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from opengraphs.runner.loop import Loop


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


def test_readable_descriptor_is_called(pipe: tuple[int, int]) -> None:
    loop, got = Loop(), []
    loop.watch(pipe[0], lambda: got.append(os.read(pipe[0], 10)))
    os.write(pipe[1], b"x")
    loop.run(lambda: bool(got))
    assert got == [b"x"]


def test_timers_are_called_in_order_and_once() -> None:
    loop, calls = Loop(), []
    loop.later(0.002, lambda: calls.append("b"))
    loop.later(0.0, lambda: calls.append("a"))
    loop.run(lambda: len(calls) == 2)
    assert calls == ["a", "b"]


def test_cancelled_timer_is_not_called() -> None:
    loop, calls = Loop(), []
    loop.later(0.0, lambda: calls.append("never")).cancel()
    loop.later(0.001, lambda: calls.append("end"))
    loop.run(lambda: bool(calls))
    assert calls == ["end"]


def test_timer_may_cancel_another_one_that_is_due_too() -> None:
    loop, calls, timers = Loop(), [], []
    loop.later(0.0, lambda: timers[0].cancel())
    timers.append(loop.later(0.0, lambda: calls.append("never")))
    loop.later(0.001, lambda: calls.append("end"))
    loop.run(lambda: bool(calls))
    assert calls == ["end"]


def test_descriptor_that_an_earlier_call_of_the_round_dropped_is_left_alone(pipe: tuple[int, int]) -> None:
    loop, calls = Loop(), []
    second = os.dup(pipe[0])
    for fd, other in ((pipe[0], second), (second, pipe[0])):
        loop.watch(fd, lambda fd=fd, other=other: (calls.append(fd), loop.unwatch(other)))
    os.write(pipe[1], b"x")
    loop.run(lambda: bool(calls))
    os.close(second)
    assert len(calls) == 1


def test_finished_loop_does_not_wait() -> None:
    Loop().run(lambda: True)
