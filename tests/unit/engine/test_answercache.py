"""What was answered is remembered while it is true, within its budget, and no longer than its curves."""

from __future__ import annotations

import gc
from typing import Any
from weakref import ref

import pytest

from opengraphs.engine.answercache import AnswerCache
from opengraphs.engine.metricaxis import MetricAxis


class Curve:
    """As much of KeyCurves as the cache asks for."""

    def __init__(self, points: int = 3) -> None:
        self.points = points
        self.unfinished = 0

    def mark(self) -> tuple[int, int]:
        return self.points, 0


class Asker:
    """Counts how often an answer had to be made."""

    def __init__(self, cache: AnswerCache, *, length: int = 2) -> None:
        self.cache = cache
        self.length = length
        self.made = 0

    def ask(self, question: str, *curves: Any) -> list[dict[str, Any]]:
        return self.cache.answer(question, curves, self._make)

    def _make(self) -> list[dict[str, Any]]:
        self.made += 1
        return [{"x": [0.0] * self.length, "y": [float(self.made)] * self.length}]


def test_answer_is_made_again_once_a_point_came() -> None:
    asker, curve, other = Asker(AnswerCache()), Curve(), Curve()
    first = asker.ask("q", curve, other)
    assert asker.ask("q", curve, other) == first
    assert asker.made == 1
    other.points += 1
    assert asker.ask("q", curve, other) != first
    assert asker.made == 2
    asker.ask("other q", curve, other)
    assert asker.made == 3


def test_same_question_about_other_curves_is_another() -> None:
    asker, curve, again = Asker(AnswerCache()), Curve(), Curve()
    asker.ask("q", curve)
    asker.ask("q", again)  # the run was opened anew
    assert asker.made == 2
    asker.ask("q", again)
    assert asker.made == 2


def test_answer_about_a_curve_that_is_being_built_is_not_kept() -> None:
    asker, curve = Asker(AnswerCache()), Curve()
    curve.unfinished = 5
    asker.ask("q", curve)
    asker.ask("q", curve)
    assert asker.made == 2
    curve.unfinished = 0
    asker.ask("q", curve)
    asker.ask("q", curve)
    assert asker.made == 3


def test_budget_holds_and_the_one_asked_longest_ago_goes_first() -> None:
    cache = AnswerCache(budget_bytes=40_000)
    asker, curve = Asker(cache, length=100), Curve()
    for number in range(50):
        asker.ask(f"q{number}", curve)
        asker.ask("q0", curve)
        assert cache.memory_bytes() <= 40_000
    assert asker.made == 50
    asker.ask("q1", curve)
    assert asker.made == 51


def test_answer_larger_than_the_budget_is_given_and_not_kept() -> None:
    cache = AnswerCache(budget_bytes=10)
    asker, curve = Asker(cache), Curve()
    assert asker.ask("q", curve)
    assert asker.ask("q", curve)
    assert asker.made == 2
    assert cache.memory_bytes() == 0


def test_answers_go_with_their_curves() -> None:
    cache = AnswerCache()
    asker, curve, stays = Asker(cache), Curve(), Curve()
    asker.ask("q", curve, stays)
    asker.ask("r", stays)
    kept = cache.memory_bytes()
    del curve
    gc.collect()
    assert 0 < cache.memory_bytes() < kept
    asker.ask("r", stays)
    assert asker.made == 2


@pytest.mark.parametrize("kept", [True, False])
def test_axis_is_found_again(kept: bool) -> None:
    cache, curves = AnswerCache(), (Curve(), Curve())
    axis = cache.axis("q", curves)  # type: ignore[arg-type]
    assert isinstance(axis, MetricAxis)
    if kept:
        cache.keep("q", curves, axis)  # type: ignore[arg-type]
    assert (cache.axis("q", curves) is axis) == kept  # type: ignore[arg-type]


class Numbers(list[dict[str, Any]]):
    """An answer that can be watched."""


def test_answer_that_was_replaced_goes_at_once() -> None:
    """And not when Python next looks for circles: a live chart makes some a second."""
    cache, curve = AnswerCache(), Curve()
    gc.disable()
    try:
        first = Numbers([{"x": [0.0], "y": [0.0]}])
        watched = ref(first)
        cache.answer("q", [curve], lambda made=first: made)  # type: ignore[list-item,misc]
        del first
        assert watched() is not None
        curve.points += 1
        cache.answer("q", [curve], list)  # type: ignore[list-item]
        assert watched() is None
    finally:
        gc.enable()
