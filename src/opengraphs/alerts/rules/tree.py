"""What a rule's condition is made of, as the parser leaves it."""

from __future__ import annotations

from typing import NamedTuple


class Number(NamedTuple):
    """A number in its base: 5% is 0.05, 10m is 600 s. unit: "", "%" or that of a duration."""

    value: float
    unit: str
    at: int
    end: int


class Metric(NamedTuple):
    """A metric by name; `is_glob`: the name has `*` or `?`, and stands for all that match."""

    name: str
    is_glob: bool
    at: int
    end: int


class Unary(NamedTuple):
    """op: `-` or `not`."""

    op: str
    inner: Expr
    at: int
    end: int


class Binary(NamedTuple):
    """op: `+ - * / < <= > >= == != and or`. place: of the operator itself."""

    op: str
    left: Expr
    right: Expr
    at: int
    end: int
    place: int


class Call(NamedTuple):
    """A function of `functions.FUNCTIONS`, its arguments as written."""

    name: str
    args: tuple[Expr, ...]
    at: int
    end: int


Expr = Number | Metric | Unary | Binary | Call
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def parts(expr: Expr) -> tuple[Expr, ...]:
    """The expressions straight below one."""
    if isinstance(expr, Call):
        return expr.args
    if isinstance(expr, Binary):
        return (expr.left, expr.right)
    return (expr.inner,) if isinstance(expr, Unary) else ()


def walk(expr: Expr) -> list[Expr]:
    """An expression and all below it, in the order they are written."""
    found: list[Expr] = []
    waiting = [expr]
    while waiting:
        part = waiting.pop()
        found.append(part)
        waiting.extend(reversed(parts(part)))
    return found
