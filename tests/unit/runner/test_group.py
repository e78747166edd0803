"""How a process group is asked, told and made to end; signals recorded instead of sent."""

from __future__ import annotations

import signal

import pytest

from opengraphs.runner import group as group_module
from opengraphs.runner import system
from opengraphs.runner.group import Group
from opengraphs.runner.loop import Loop


class Recorder:
    """What was sent to the group; `alive` is the answer to every signal."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.alive = True

    def __call__(self, _pid: int, number: int) -> bool:
        self.sent.append(number)
        return self.alive


class NoStrays:
    def __init__(self, _pid: int) -> None:
        pass

    def pids(self) -> set[int]:
        return set()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(group_module, "signal_group", recorder)
    monkeypatch.setattr(system, "ProcessTree", NoStrays)
    return recorder


def test_signals_are_passed_on_as_they_are(sent: Recorder) -> None:
    group = Group(Loop(), 5)
    assert group.deliver(signal.SIGTERM)
    assert group.deliver(signal.SIGTERM)
    assert sent.sent == [signal.SIGTERM, signal.SIGTERM]
    assert not group.stopped


def test_second_interrupt_kills(sent: Recorder) -> None:
    group = Group(Loop(), 5)
    group.deliver(signal.SIGINT, stop=True)
    group.deliver(signal.SIGINT, stop=True)
    assert sent.sent == [signal.SIGINT, signal.SIGKILL]
    assert group.stopped
    assert group.killed


def test_stop_is_term_then_kill(sent: Recorder) -> None:
    loop = Loop()
    group = Group(loop, 5)
    group.stop(0.001)
    assert sent.sent == [signal.SIGTERM, signal.SIGCONT]
    loop.run(lambda: group.killed)
    assert sent.sent[-1] == signal.SIGKILL


def test_second_stop_shortens_the_grace_and_never_lengthens_it(sent: Recorder) -> None:
    loop = Loop()
    group = Group(loop, 5)
    group.stop(60)
    group.stop(0.001)
    group.stop(60)
    loop.run(lambda: group.killed)
    assert sent.sent.count(signal.SIGKILL) == 1


def test_end_without_a_stop_waits_for_nobody(sent: Recorder) -> None:
    done: list[bool] = []
    Group(Loop(), 5).when_gone(lambda: done.append(True))
    assert done
    assert sent.sent == []


def test_stop_waits_for_the_helpers_and_not_longer_than_the_grace(sent: Recorder) -> None:
    loop = Loop()
    group = Group(loop, 5)
    done: list[bool] = []
    group.stop(60)
    group.when_gone(lambda: done.append(True))
    assert not done
    sent.alive = False
    loop.run(lambda: bool(done))
    assert not group.killed


def test_helpers_that_outlive_the_grace_are_killed(sent: Recorder) -> None:
    loop = Loop()
    group = Group(loop, 5)
    done: list[bool] = []
    group.stop(0.001)
    group.when_gone(lambda: done.append(True))
    loop.run(lambda: bool(done))
    assert group.killed
