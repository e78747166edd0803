"""Functions of the last n points: one push a point, never a look at the whole window.

A window counts points that have a finite value, one for each step; it has no value before it
is full. A point at the step of the newest replaces it. Values beyond LARGEST are left out
like infinities, so that no sum of squares overflows.

Cost: O(1) a point for mean, std, slope, count and delta, a bisection and a move in a list of
n numbers for min, max, median and q.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from itertools import pairwise

from opengraphs.alerts.rules.nodes import Node, Saved

LARGEST = 1e150
_OUTLIER = 1e6
"""A square so many times what is left, when it leaves, took the sums' digits with it."""

_FLAT = 1e-9
"""Squares about the mean below this share of those about the middle have lost their digits."""


class Window(Node):
    """The last `size` points of a node. `add`, `drop` and `result` are what differs.

    turns: neighbours that are not equal; 0: all are the same, and sums need not be believed.
    """

    __slots__ = ("_arg", "_size", "points", "turns")
    keeps = True

    def __init__(self, arg: Node, size: int) -> None:
        super().__init__(arg.mask)
        self._arg = arg
        self._size = size
        self.points: deque[tuple[int, float]] = deque()
        self.turns = 0

    def renew(self, step: int) -> None:
        value = self._arg.value
        if value is not None and -LARGEST <= value <= LARGEST:
            self.push(step, value)
            self.value = self.result() if len(self.points) == self._size else None

    def push(self, step: int, value: float) -> None:
        points = self.points
        if points and points[-1][0] == step:
            self._drop_newest()
        elif len(points) == self._size:
            point = points.popleft()
            self.turns -= bool(points) and points[0][1] != point[1]
            self.drop(point)
        self.turns += bool(points) and points[-1][1] != value
        points.append((step, value))
        self.add(step, value)

    def _drop_newest(self) -> None:
        point = self.points.pop()
        self.turns -= bool(self.points) and self.points[-1][1] != point[1]
        self.drop(point)

    def rewind(self, step: int) -> None:
        points = self.points
        while points and points[-1][0] >= step:
            self._drop_newest()
        self.value = self.result() if len(points) == self._size else None

    @property
    def is_full(self) -> bool:
        return len(self.points) == self._size

    def add(self, step: int, value: float) -> None:
        """A point came into `points`."""

    def drop(self, point: tuple[int, float]) -> None:
        """A point left `points`, at either end."""

    def result(self) -> float | None:
        """The value of a full window."""
        return None

    def save(self) -> Saved:
        return [list(point) for point in self.points]

    def load(self, saved: Saved) -> None:
        self.points = deque((int(step), value) for step, value in saved[-self._size :])
        values = [value for _, value in self.points]
        self.turns = sum(one != other for one, other in pairwise(values))
        self.recount()
        self.value = self.result() if self.is_full else None

    def recount(self) -> None:
        """What `add` and `drop` keep, from the points alone."""


class Sorted(Window):
    """A window whose values also stand in order."""

    __slots__ = ("_place", "ordered")

    def __init__(self, arg: Node, size: int, share: float) -> None:
        super().__init__(arg, size)
        self.ordered: list[float] = []
        self._place = share * (size - 1)

    def add(self, step: int, value: float) -> None:
        insort(self.ordered, value)

    def drop(self, point: tuple[int, float]) -> None:
        del self.ordered[bisect_left(self.ordered, point[1])]

    def recount(self) -> None:
        self.ordered = sorted(value for _, value in self.points)

    def result(self) -> float:
        """The quantile, straight between the two values around its place."""
        low = int(self._place)
        rest = self._place - low
        value = self.ordered[low]
        return value + rest * (self.ordered[low + 1] - value) if rest else value


def middle_of(values: list[float]) -> float:
    """What sums of a window count from, renewed a few times while the window passes.

    The median and not the mean, so that one outlier does not carry it away from the rest.
    """
    return sorted(values)[len(values) // 2] if values else 0.0


class Moments(Window):
    """Sums of a window's values and their squares, about a middle that moves along."""

    __slots__ = ("_age", "_middle", "_squares", "_sum")

    def __init__(self, arg: Node, size: int) -> None:
        super().__init__(arg, size)
        self._middle = self._sum = self._squares = 0.0
        self._age = 0

    def add(self, step: int, value: float) -> None:
        self._age += 1
        if 4 * self._age >= self._size or len(self.points) == 1:
            self.recount()
            return
        apart = value - self._middle
        self._sum += apart
        self._squares += apart * apart

    def drop(self, point: tuple[int, float]) -> None:
        apart = point[1] - self._middle
        square = apart * apart
        self._sum -= apart
        self._squares -= square
        if square > _OUTLIER * self._squares:
            self.recount()

    def recount(self) -> None:
        values = [value for _, value in self.points]
        self._middle = middle_of(values)
        self._sum = math.fsum(value - self._middle for value in values)
        self._squares = math.fsum((value - self._middle) ** 2 for value in values)
        self._age = 0

    def mean(self) -> float:
        """Of points that are all the same exactly theirs."""
        return self._middle + self._sum / self._size if self.turns else self.points[-1][1]

    def std(self) -> float:
        """Sample standard deviation; of points that are all the same exactly 0."""
        if not self.turns:
            return 0.0
        squares = self._apart()
        if squares < _FLAT * self._squares:
            self.recount()
            squares = self._apart()
        return math.sqrt(squares / (self._size - 1)) if squares > 0 else 0.0

    def _apart(self) -> float:
        """Squares about the mean."""
        return self._squares - self._sum * self._sum / self._size

    def save(self) -> Saved:
        return [super().save(), self._middle, self._sum, self._squares, self._age]

    def load(self, saved: Saved) -> None:
        points, middle, total, squares, age = saved
        super().load(points)
        self._middle, self._sum, self._squares = float(middle), float(total), float(squares)
        self._age = int(age)
        self.value = self.result() if self.is_full else None


class Mean(Moments):
    __slots__ = ()

    def result(self) -> float:
        return self.mean()


class Std(Moments):
    __slots__ = ()

    def result(self) -> float:
        return self.std()


class Count(Window):
    """How many of the last n points hold; a number holds where it is finite.

    Unlike in other windows a point that is not known counts as one that does not hold.
    """

    __slots__ = ("_held",)

    def __init__(self, arg: Node, size: int) -> None:
        super().__init__(arg, size)
        self._held = 0

    def renew(self, step: int) -> None:
        self.push(step, holds(self._arg.value))
        self.value = self._held if self.is_full else None

    def add(self, step: int, value: float) -> None:
        self._held += int(value)

    def drop(self, point: tuple[int, float]) -> None:
        self._held -= int(point[1])

    def recount(self) -> None:
        self._held = sum(int(value) for _, value in self.points)

    def result(self) -> float:
        return self._held


def holds(value: float | bool | None) -> int:
    if value is None or value is True or value is False:
        return int(bool(value))
    return int(math.isfinite(value))


class Slope(Window):
    """Least-squares change a step; steps and values count from near the window's own."""

    __slots__ = (
        "_age",
        "_from_step",
        "_from_value",
        "_products",
        "_squares",
        "_steps",
        "_value_squares",
        "_values",
    )

    def __init__(self, arg: Node, size: int) -> None:
        super().__init__(arg, size)
        self._from_step = 0
        self._from_value = self._steps = self._values = self._products = self._squares = 0.0
        self._value_squares = 0.0
        self._age = 0

    def add(self, step: int, value: float) -> None:
        self._age += 1
        if 4 * self._age >= self._size or len(self.points) == 1:
            self.recount()
        else:
            self._sum(step, value, 1)

    def drop(self, point: tuple[int, float]) -> None:
        square = (point[1] - self._from_value) ** 2
        self._sum(*point, -1)
        if square > _OUTLIER * self._value_squares:
            self.recount()

    def _sum(self, step: int, value: float, sign: int) -> None:
        along = float(step - self._from_step)
        apart = value - self._from_value
        self._steps += sign * along
        self._values += sign * apart
        self._products += sign * along * apart
        self._squares += sign * along * along
        self._value_squares += sign * apart * apart

    def recount(self) -> None:
        self._from_step = self.points[len(self.points) // 2][0] if self.points else 0
        values = [value for _, value in self.points]
        self._from_value = middle_of(values)
        self._steps = self._values = self._products = self._squares = self._value_squares = 0.0
        for step, value in self.points:
            self._sum(step, value, 1)
        self._age = 0

    def result(self) -> float | None:
        if not self.turns:
            return 0.0
        size = self._size
        spread = self._squares - self._steps * self._steps / size
        return (self._products - self._steps * self._values / size) / spread if spread > 0 else None

    def save(self) -> Saved:
        sums = [self._steps, self._values, self._products, self._squares, self._value_squares]
        return [super().save(), self._from_step, self._from_value, sums, self._age]

    def load(self, saved: Saved) -> None:
        points, from_step, from_value, sums, age = saved
        super().load(points)
        self._from_step, self._from_value, self._age = int(from_step), float(from_value), int(age)
        self._steps, self._values, self._products, self._squares, self._value_squares = map(float, sums)
        self.value = self.result() if self.is_full else None
