"""Curves that were asked for before, and axes that were joined, kept in bounded memory.

A screen asks the same questions again and again; where no point came in since, the answer
is the same object. What is remembered is forgotten with the curves it was made of.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple
from weakref import ref

from opengraphs.engine.keycurves import KeyCurves
from opengraphs.engine.metricaxis import MetricAxis

BUDGET_BYTES = 16 << 20
_NUMBER_BYTES = 40
"""A float in a list."""
_CURVE_BYTES = 2000
Answer = list[dict[str, Any]]


class _Kept(NamedTuple):
    """of: the curves it was made of. points: how many points each had, and of how many it told."""

    of: tuple[ref[KeyCurves], ...]
    points: tuple[tuple[int, int], ...]
    value: Any
    size_bytes: int


class AnswerCache:
    """The one asked longest ago goes first. For one thread."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._budget_bytes = budget_bytes
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._bytes = 0

    def memory_bytes(self) -> int:
        return self._bytes

    def answer(self, question: Hashable, curves: Sequence[KeyCurves], make: Callable[[], Answer]) -> Answer:
        """The curves that answer a question: those of last time, if no point came in since."""
        points = tuple(curve.mark() for curve in curves)
        known = self._find(question, curves)
        if known is not None and known.points == points:
            return list(known.value)
        made = make()
        if any(curve.unfinished for curve in curves):
            return made  # there will be more of them without a new point
        self._put(question, curves, points, made, sum(map(_size_of, made)))
        return list(made)

    def axis(self, question: Hashable, curves: Sequence[KeyCurves]) -> MetricAxis:
        """The joined axis of two curves, to be brought up to date; call `keep` after that."""
        known = self._find(("axis", question), curves)
        return known.value if known is not None else MetricAxis()

    def keep(self, question: Hashable, curves: Sequence[KeyCurves], axis: MetricAxis) -> None:
        self._put(("axis", question), curves, (), axis, axis.memory_bytes() + _CURVE_BYTES)

    def _find(self, question: Hashable, curves: Sequence[KeyCurves]) -> _Kept | None:
        known = self._kept.get(question)
        if known is None:
            return None
        if len(known.of) != len(curves) or any(a() is not b for a, b in zip(known.of, curves, strict=True)):
            self._drop(question)
            return None
        self._kept.move_to_end(question)
        return known

    def _put(
        self,
        question: Hashable,
        curves: Sequence[KeyCurves],
        points: tuple[tuple[int, int], ...],
        value: Any,
        size: int,
    ) -> None:
        if question in self._kept:
            self._drop(question)
        # What is called back holds nothing of what was kept: that must go when it is dropped, not
        # when Python next looks for circles.
        of = tuple(ref(curve, lambda gone: self._forget(question, gone)) for curve in curves)
        self._kept[question] = _Kept(of, points, value, size)
        self._bytes += size
        while self._bytes > self._budget_bytes:
            self._drop(next(iter(self._kept)))

    def _forget(self, question: Hashable, gone: ref[KeyCurves]) -> None:
        """One of the curves is gone, so nobody will ask this again."""
        kept = self._kept.get(question)
        if kept is not None and any(one is gone for one in kept.of):
            self._drop(question)

    def _drop(self, question: Hashable) -> None:
        dropped = self._kept.pop(question, None)
        self._bytes -= 0 if dropped is None else dropped.size_bytes


def _size_of(curve: dict[str, Any]) -> int:
    band = curve.get("band") or {}
    numbers = len(curve["x"]) + len(curve["y"]) + sum(map(len, band.values()))
    return _CURVE_BYTES + numbers * _NUMBER_BYTES
