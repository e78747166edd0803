"""Which runs are worth a close look."""

from __future__ import annotations

from opengraphs.daemon.attention import INTEREST_S, Attention

LIVE = frozenset(("a", "b"))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def make() -> tuple[Clock, Attention, list[float]]:
    clock = Clock()
    woken: list[float] = []
    return clock, Attention(clock, lambda: woken.append(clock.now)), woken


def test_nobody_looks_at_first() -> None:
    _, attention, _ = make()
    assert attention.watched(LIVE) == frozenset()
    assert attention.listeners == 0


def test_stream_of_one_run_watches_that_run_while_it_is_open() -> None:
    _, attention, woken = make()
    with attention.listen("a"):
        assert attention.watched(LIVE) == {"a"}
        assert attention.listeners == 1
    assert attention.watched(LIVE) == frozenset()
    assert attention.listeners == 0
    assert len(woken) == 1


def test_stream_of_the_store_watches_all_live_runs() -> None:
    _, attention, _ = make()
    with attention.listen(None), attention.listen(None):
        assert attention.watched(LIVE) == LIVE
    assert attention.watched(LIVE) == frozenset()


def test_question_keeps_its_run_in_view_for_a_while() -> None:
    clock, attention, woken = make()
    attention.note(["a", "gone"])
    attention.note(["a"])
    assert attention.watched(LIVE) == {"a"}
    assert len(woken) == 1
    clock.now += INTEREST_S + 0.1
    assert attention.watched(LIVE) == frozenset()
    attention.note(["a"])
    assert len(woken) == 2
