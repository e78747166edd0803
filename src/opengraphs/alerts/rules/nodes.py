"""The small nodes of a rule's graph: inputs, arithmetic, comparisons, logic, the clock.

Each node has a `value`: a float, a bool, or None for "not known yet". Not known stays not
known through arithmetic and comparisons; `and` and `or` know the answer where one side
decides it. A NaN is neither above nor below anything: comparing it is not known either.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

Value = float | bool | None
Saved = Any
"""What json.dumps takes."""


class Node:
    """One place of the graph. mask: which inputs it depends on, one bit each; CLOCK for the time."""

    __slots__ = ("mask", "value")
    keeps = False
    """Whether it remembers points; what does not is computed from the rest."""

    def __init__(self, mask: int = 0) -> None:
        self.value: Value = None
        self.mask = mask

    def renew(self, step: int) -> None:
        """Compute `value` again; what it depends on was renewed before."""

    def rewind(self, step: int) -> None:
        """Forget the points from `step` on: the run goes on from there once more."""

    def save(self) -> Saved:
        """What `load` needs, where it `keeps` something."""
        return None

    def load(self, saved: Saved) -> None:
        """Go on from what `save` gave."""


CLOCK = 1


class Clock:
    """What time it is, epoch seconds. begin: the first moment anybody told.

    As soon as somebody ticks, only ticks move it: a point's own time may be anything.
    """

    __slots__ = ("begin", "is_ticked", "now")

    def __init__(self) -> None:
        self.now: float | None = None
        self.begin: float | None = None
        self.is_ticked = False

    def point(self, time: float) -> None:
        """A point has this time."""
        if self.now is None:
            self.now = self.begin = time
        elif time > self.now and not self.is_ticked:
            self.now = time

    def tick(self, now: float) -> None:
        """It is `now`; it may be earlier than before."""
        self.is_ticked = True
        self.now = now
        if self.begin is None or now < self.begin:
            self.begin = now

    def save(self) -> Saved:
        return [self.now, self.begin, self.is_ticked]

    def load(self, saved: Saved) -> None:
        self.now, self.begin, self.is_ticked = saved


class Const(Node):
    __slots__ = ()

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value


class Negative(Node):
    __slots__ = ("_inner",)

    def __init__(self, inner: Node) -> None:
        super().__init__(inner.mask)
        self._inner = inner

    def renew(self, step: int) -> None:
        value = self._inner.value
        self.value = None if value is None else -value


class Not(Node):
    __slots__ = ("_inner",)

    def __init__(self, inner: Node) -> None:
        super().__init__(inner.mask)
        self._inner = inner

    def renew(self, step: int) -> None:
        value = self._inner.value
        self.value = None if value is None else not value


class Pair(Node):
    """What two nodes make together."""

    __slots__ = ("_function", "left", "right")

    def __init__(self, function: Callable[[Any, Any], Any], left: Node, right: Node) -> None:
        super().__init__(left.mask | right.mask)
        self._function = function
        self.left = left
        self.right = right


class Arithmetic(Pair):
    __slots__ = ()

    def renew(self, step: int) -> None:
        left, right = self.left.value, self.right.value
        self.value = None if left is None or right is None else self._function(left, right)


class Comparison(Pair):
    __slots__ = ()

    def renew(self, step: int) -> None:
        left, right = self.left.value, self.right.value
        if left is None or right is None or left != left or right != right:  # noqa: PLR0124
            self.value = None
        else:
            self.value = self._function(left, right)


class And(Pair):
    __slots__ = ()

    def __init__(self, left: Node, right: Node) -> None:
        super().__init__(operator.and_, left, right)

    def renew(self, step: int) -> None:
        left, right = self.left.value, self.right.value
        if left is False or right is False:
            self.value = False
        else:
            self.value = None if left is None or right is None else True


class Or(Pair):
    __slots__ = ()

    def __init__(self, left: Node, right: Node) -> None:
        super().__init__(operator.or_, left, right)

    def renew(self, step: int) -> None:
        left, right = self.left.value, self.right.value
        if left is True or right is True:
            self.value = True
        else:
            self.value = None if left is None or right is None else False


def divide(left: float, right: float) -> float | None:
    """left / right; None by zero, because there is no answer to compare."""
    return left / right if right else None


FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class NotFinite(Node):
    """nan(x): the newest value is NaN or infinite."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Node) -> None:
        super().__init__(inner.mask)
        self._inner = inner

    def renew(self, step: int) -> None:
        value = self._inner.value
        self.value = None if value is None else not math.isfinite(value)
