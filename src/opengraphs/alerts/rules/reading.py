"""What a rule says after a point: hot or not, and the numbers that made it so."""

from __future__ import annotations

from typing import Any, NamedTuple

from opengraphs.alerts.rules.globs import Captures, Glob
from opengraphs.alerts.rules.inputs import packed
from opengraphs.alerts.rules.nodes import Node, Value
from opengraphs.alerts.rules.tree import COMPARISONS, Binary, Call, Expr, Metric, parts, walk

_LEVELS = ("last", "ema", "mean", "median", "min", "max", "q")


class Shape(NamedTuple):
    """What is the same in all readings of an instance.

    Attributes:
        nodes: whose values a reading keeps.
        operands: text of each metric, function and side of a comparison → the place of its value.
        main, threshold: places of the number to draw and of the one it is compared with.
        is_level: both are levels of the leading metric, in its own unit.
    """

    when: str
    nodes: tuple[Node, ...]
    operands: dict[str, int]
    main: int
    threshold: int | None
    is_level: bool


class Reading(NamedTuple):
    """A rule's answer for one instance.

    Attributes:
        hot: the condition holds; None: not known yet, or not any more.
        value: what the condition is about, the left side of its first comparison.
        step, time: of the newest point, or of the tick.
        metric: the instance's leading metric.
        ticked: the clock asked, no point came.
    """

    hot: bool | None
    value: Value
    step: int
    time: float
    metric: str
    ticked: bool
    shape: Shape
    values: tuple[Value, ...]

    @property
    def threshold(self) -> Value:
        """What `value` was compared with; None where nothing was compared."""
        return None if self.shape.threshold is None else self.values[self.shape.threshold]

    @property
    def evidence(self) -> dict[str, Any]:
        """Every number behind the answer, as flat JSON: NaN and infinities are text.

        `when` the condition, `value` and what it is compared with: `threshold` where that is a
        level on the metric's own curve, else `bound`; then each metric, function and side of a
        comparison by its text.
        """
        shape = self.shape
        numbers = {text: packed(self.values[place]) for text, place in shape.operands.items()}
        found: dict[str, Any] = {"when": shape.when, "value": packed(self.value)}
        if shape.threshold is not None:
            found["threshold" if shape.is_level else "bound"] = packed(self.threshold)
        return {**found, **{text: number for text, number in numbers.items() if text not in found}}


def shape_of(
    when: str, expr: Expr, leading: Metric, nodes: dict[Expr, Node], texts: dict[Expr, str]
) -> Shape:
    """The shape of an instance's readings.

    Args:
        nodes: the node of each part of the condition.
        texts: each part as text, with real names in the place of globs.
    """
    kept: list[Node] = []

    def place(part: Expr) -> int:
        if nodes[part] not in kept:
            kept.append(nodes[part])
        return kept.index(nodes[part])

    main, threshold = _sides(expr)
    places = place(main), None if threshold is None else place(threshold)
    sides = [side for one in _comparisons(expr) for side in (one.left, one.right) if _operands(side)]
    operands = {texts[part]: place(part) for part in (*sides, *_operands(expr)) if part in nodes}
    return Shape(when, tuple(kept), operands, *places, _is_level(main, leading.name))


def _is_level(part: Expr, metric: str) -> bool:
    """Whether a part has the unit of this metric, so that it can be drawn on its curve."""
    if isinstance(part, Call):
        return part.name in _LEVELS and _is_level(part.args[0], metric)
    return isinstance(part, Metric) and part.name == metric


def _comparisons(expr: Expr) -> list[Binary]:
    """Those that decide the condition; what stands in count(…) is not among them."""
    if isinstance(expr, Binary) and expr.op in COMPARISONS:
        return [expr]
    return [] if isinstance(expr, Call) else [found for part in parts(expr) for found in _comparisons(part)]


def _operands(expr: Expr) -> list[Expr]:
    return [part for part in walk(expr) if isinstance(part, (Metric, Call))]


def _sides(expr: Expr) -> tuple[Expr, Expr | None]:
    """The part to draw, and the part it is compared with: a number that never changes is the limit."""
    compared = _comparisons(expr)
    if compared:
        left, right = compared[0].left, compared[0].right
        return (left, right) if _operands(left) else (right, left)
    return next(part for part in walk(expr) if isinstance(part, Metric)), None


def rendered(part: Expr, when: str, begin: int, globs: dict[str, Glob], captures: Captures) -> str:
    """A part as it is written in `when`, whose first character has the place `begin`."""
    text = when[part.at - begin : part.end - begin]
    named = [one for one in walk(part) if isinstance(one, Metric) and one.name in globs and one.is_glob]
    for one in sorted(named, key=lambda one: -one.at):
        text = text[: one.at - part.at] + globs[one.name].filled(captures) + text[one.end - part.at :]
    return " ".join(text.split())
