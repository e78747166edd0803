"""A condition as a graph of nodes; equal parts are computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opengraphs.alerts.rules.inputs import Age, Input, Missing
from opengraphs.alerts.rules.nodes import (
    FUNCTIONS,
    And,
    Arithmetic,
    Clock,
    Comparison,
    Const,
    Negative,
    Node,
    Not,
    NotFinite,
    Or,
)
from opengraphs.alerts.rules.running import beside_past, ema, running
from opengraphs.alerts.rules.tree import COMPARISONS, Binary, Call, Expr, Metric, Number, Unary
from opengraphs.alerts.rules.windows import Count, Mean, Slope, Sorted, Std

_SHARES = {"min": 0.0, "median": 0.5, "max": 1.0}


class Graph:
    """The nodes of one instance, each after those it depends on.

    Attributes:
        order: all nodes that compute something.
        inputs: the node of each metric, by name.
        nodes: the node of each part of the condition, save for arguments that are no values.
    """

    def __init__(self, expr: Expr, clock: Clock, names: Mapping[str, str]) -> None:
        """names: what each metric of the condition is called in this instance."""
        self.order: list[Node] = []
        self.inputs: dict[str, Input] = {}
        self.nodes: dict[Expr, Node] = {}
        self._clock = clock
        self._names = names
        self._known: dict[Any, Node] = {}
        self.root = self._node(expr)

    def _node(self, expr: Expr) -> Node:
        key = self._key(expr)
        if key not in self._known:
            node = self._made(expr)
            self._known[key] = node
            if not isinstance(node, (Input, Const)) and node not in self.order:
                self.order.append(node)
        self.nodes[expr] = self._known[key]
        return self._known[key]

    def _key(self, expr: Expr) -> Any:
        """Equal for parts that compute the same."""
        if isinstance(expr, Number):
            return expr.value
        if isinstance(expr, Metric):
            return self._names[expr.name]
        if isinstance(expr, Unary):
            return (expr.op, self._key(expr.inner))
        if isinstance(expr, Binary):
            return (expr.op, self._key(expr.left), self._key(expr.right))
        return (expr.name, "call", *map(self._key, expr.args))

    def _made(self, expr: Expr) -> Node:
        if isinstance(expr, Number):
            return Const(expr.value)
        if isinstance(expr, Metric):
            return self._input(self._names[expr.name])
        if isinstance(expr, Unary):
            inner = self._node(expr.inner)
            return Not(inner) if expr.op == "not" else Negative(inner)
        return self._call(expr) if isinstance(expr, Call) else self._binary(expr)

    def _input(self, name: str) -> Input:
        if name not in self.inputs:
            self.inputs[name] = Input(name, 2 << len(self.inputs))
        return self.inputs[name]

    def _binary(self, expr: Binary) -> Node:
        left, right = self._node(expr.left), self._node(expr.right)
        if expr.op in ("and", "or"):
            return And(left, right) if expr.op == "and" else Or(left, right)
        kind = Comparison if expr.op in COMPARISONS else Arithmetic
        return kind(FUNCTIONS[expr.op], left, right)

    def _call(self, call: Call) -> Node:
        arg = self._node(call.args[0])
        numbers = [part.value for part in call.args[1:] if isinstance(part, Number)]
        if isinstance(arg, Input) and call.name in ("age", "missing"):
            if call.name == "age":
                return Age(arg, self._clock)
            return Missing(arg, self._clock, numbers[0] if numbers else None)
        if call.name == "last":
            return arg
        if call.name == "nan":
            return NotFinite(arg)
        return _windowed(call.name, arg, numbers)


def _windowed(name: str, arg: Node, numbers: list[float]) -> Node:
    """The node of a function of several points; its numbers were checked by `units`."""
    if name == "q":
        return Sorted(arg, int(numbers[1]), numbers[0])
    if name == "delta":
        return beside_past(name, arg, int(numbers[0]) if numbers else 1)
    if not numbers:
        return running(name, arg)
    size = int(numbers[0])
    if name in _SHARES:
        return Sorted(arg, size, _SHARES[name])
    if name in ("z", "ratio"):
        return beside_past(name, arg, size)
    kinds: dict[str, Callable[[Node, int], Node]] = {
        "ema": ema,
        "mean": Mean,
        "std": Std,
        "slope": Slope,
        "count": Count,
    }
    return kinds[name](arg, size)
