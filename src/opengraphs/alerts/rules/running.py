"""Functions of all points so far, and the newest point beside its own past."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any

from opengraphs.alerts.rules.nodes import Node, Saved
from opengraphs.alerts.rules.windows import LARGEST, Moments, Sorted, Window, holds

_KEPT = 16

State = tuple[float, ...]
Fold = Callable[[State, float], State]


class Running(Node):
    """A few numbers that every point changes.

    For a run that goes on from an earlier step, some of the states before are kept: the last
    16 of all, of every second, every fourth, and so on. Going back n points forgets at most
    n / 8 points too many.
    """

    __slots__ = (
        "_arg",
        "_before",
        "_count",
        "_empty",
        "_fold",
        "_kept",
        "_least",
        "_result",
        "_state",
        "_step",
    )
    keeps = True

    def __init__(
        self, arg: Node, fold: Fold, result: Callable[[State], float], least: float, empty: State
    ) -> None:
        super().__init__(arg.mask)
        self._arg = arg
        self._fold = fold
        self._result = result
        self._least = least
        self._empty = self._state = self._before = empty
        self._step: int | None = None
        self._kept: list[deque[tuple[int, State]]] = []
        self._count = 0

    def renew(self, step: int) -> None:
        value = self.taken(self._arg.value)
        if value is not None:
            if step != self._step:
                self._keep()
                self._before = self._state
                self._step = step
            self._state = self._fold(self._before, value)
            self._show()

    def taken(self, value: float | bool | None) -> float | None:
        """The number to fold in; None leaves the point out."""
        return value if value is not None and -LARGEST <= value <= LARGEST else None

    def _keep(self) -> None:
        if self._step is None:
            return
        self._count += 1
        count, level = self._count, 0
        while True:
            if level == len(self._kept):
                self._kept.append(deque(maxlen=_KEPT))
            self._kept[level].append((self._step, self._state))
            if count & 1:
                return
            count >>= 1
            level += 1

    def _show(self) -> None:
        self.value = self._result(self._state) if self._state[0] >= self._least else None

    def rewind(self, step: int) -> None:
        if self._step is None or self._step < step:
            return
        self._step, self._state = None, self._empty
        for kept in self._kept:
            while kept and kept[-1][0] >= step:
                kept.pop()
            if kept and (self._step is None or kept[-1][0] > self._step):
                self._step, self._state = kept[-1]
        self._before = self._state
        self._show()

    def save(self) -> Saved:
        kept = [[[step, list(state)] for step, state in level] for level in self._kept]
        return [self._step, list(self._state), list(self._before), self._count, kept]

    def load(self, saved: Saved) -> None:
        self._step, state, before, self._count, kept = saved
        self._state, self._before = tuple(state), tuple(before)
        self._kept = [deque(((step, tuple(state)) for step, state in level), maxlen=_KEPT) for level in kept]
        self._show()


class Tally(Running):
    """count(x): points that held, or had a finite value, so far."""

    __slots__ = ()

    def taken(self, value: float | bool | None) -> float:
        return holds(value)


def ema(arg: Node, span: int) -> Running:
    """Weights fall by 1 - 2 / (span + 1) a point and add up to 1 from the first point on."""
    keep = 1.0 - 2.0 / (span + 1.0)

    def fold(state: State, value: float) -> State:
        count, mean, weight = state
        weight = weight * keep + 1.0
        return count + 1.0, mean + (value - mean) / weight, weight

    return Running(arg, fold, lambda state: state[1], span, (0.0, 0.0, 0.0))


def _fold_moments(state: State, value: float) -> State:
    """Count, mean and squares about it (Welford 1962)."""
    count, mean, squares = state
    count += 1.0
    apart = value - mean
    mean += apart / count
    return count, mean, squares + apart * (value - mean)


def _result_std(state: State) -> float:
    return math.sqrt(max(0.0, state[2]) / (state[0] - 1.0))


def running(name: str, arg: Node) -> Node:
    """`mean`, `std`, `min`, `max` or `count` of all points so far."""
    if name == "mean":
        return Running(arg, _fold_moments, lambda state: state[1], 1, (0.0, 0.0, 0.0))
    if name == "std":
        return Running(arg, _fold_moments, _result_std, 2, (0.0, 0.0, 0.0))
    if name == "count":
        return Tally(arg, lambda state, value: (state[0] + value,), lambda state: state[0], 0, (0.0,))
    pick: Callable[[float, float], float] = min if name == "min" else max

    def fold(state: State, value: float) -> State:
        return (1.0, pick(state[1], value) if state[0] else value)

    return Running(arg, fold, lambda state: state[1], 1, (0.0, 0.0))


class BesidePast(Node):
    """The newest value and a full window of the points before it.

    The newest is held apart from the window, so that it is never compared with itself. Where
    it is not finite there is no value.
    """

    __slots__ = ("_arg", "_compare", "_held", "_past")
    keeps = True

    def __init__(self, arg: Node, past: Window, compare: Callable[[float, Any], float | None]) -> None:
        super().__init__(arg.mask)
        self._arg = arg
        self._past = past
        self._compare = compare
        self._held: tuple[int, float] | None = None

    def renew(self, step: int) -> None:
        value = self._arg.value
        if value is None or not -LARGEST <= value <= LARGEST:
            self.value = None
            return
        held = self._held
        if held is not None and held[0] != step:
            self._past.push(*held)
        self._held = (step, value)
        self._show()

    def _show(self) -> None:
        known = self._held is not None and self._past.is_full
        self.value = self._compare(self._held[1], self._past) if known and self._held else None

    def rewind(self, step: int) -> None:
        if self._held is not None and self._held[0] >= step:
            self._held = None
            self._past.rewind(step)
        self._show()

    def save(self) -> Saved:
        return [self._held and list(self._held), self._past.save()]

    def load(self, saved: Saved) -> None:
        held, past = saved
        self._held = held and (int(held[0]), held[1])
        self._past.load(past)
        self._show()


def _z(value: float, past: Moments) -> float | None:
    """None where the past never moved: then any change would be infinitely odd."""
    std = past.std()
    return (value - past.mean()) / std if std else None


def _ratio(value: float, past: Sorted) -> float | None:
    middle = past.result()
    return value / middle if middle else None


def _delta(value: float, past: Window) -> float:
    return value - past.points[0][1]


def beside_past(name: str, arg: Node, size: int) -> Node:
    """`z`, `ratio` or `delta` against `size` points before."""
    if name == "z":
        return BesidePast(arg, Moments(arg, size), _z)
    if name == "ratio":
        return BesidePast(arg, Sorted(arg, size, 0.5), _ratio)
    return BesidePast(arg, Window(arg, size), _delta)
