"""One value of a run against what a filter wants of it. Pure."""

from __future__ import annotations

import fnmatch
import operator
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from opengraphs.engine.filterwords import error_at
from opengraphs.errors import UsageError
from opengraphs.store.logsearch import cost_exponent, is_risky

REGEX_S = 1.0
"""Processor time that all regular expressions of one filter may take together."""
SEARCHED_CHARS = 4096
"""A regular expression looks at so much of a text at most."""
LOOK_STEPS = 1.2e8
"""What one look may take, which nothing can interrupt: with two open repeats, 500 characters."""
EQUALS = (":", "=", "!=")
_NAN = ("nan",)


class Allowance:
    """What regular expressions of one filter may still take."""

    def __init__(self) -> None:
        self._left_s = REGEX_S

    def spent(self, seconds: float) -> None:
        """Raises UsageError once it is used up."""
        self._left_s -= seconds
        if self._left_s < 0:
            raise UsageError(
                f"filter: its regular expression takes longer than {REGEX_S:g} s over these runs",
                hint="use words or a glob, or begin the expression with ^",
            )


def is_regex(value: str) -> bool:
    return len(value) > 2 and value[0] == value[-1] == "/"


def is_glob(value: str) -> bool:
    return "*" in value or "?" in value


def text_test(
    value: str, at: int, *, whole: bool, literal: bool, allowance: Allowance
) -> Callable[[str], bool]:
    """Text against a plain value, a glob or a regex; case counts only in the last.

    Args:
        at: where the value stands in the filter.
        whole: the text as a whole, else any part of it.
        literal: it was quoted, so globs and slashes mean themselves.
    """
    if is_regex(value) and not literal:
        return _regex_test(value, at, allowance)
    lower = value.lower()
    if is_glob(value) and not literal:
        glob = re.compile(fnmatch.translate(lower if whole else f"*{lower}*"))
        return lambda text: glob.match(text.lower()) is not None
    if whole or not value:
        return lambda text: text.lower() == lower
    return lambda text: lower in text.lower()


def _regex_test(value: str, at: int, allowance: Allowance) -> Callable[[str], bool]:
    source = value[1:-1].replace("\\/", "/")
    try:
        pattern = re.compile(source)
        risky = is_risky(source)
        searched = min(SEARCHED_CHARS, int(LOOK_STEPS ** (1 / cost_exponent(source))))
    except (re.error, OverflowError, RecursionError) as error:
        raise error_at(f"{value} is no regular expression ({error})", at) from error
    if risky:
        raise error_at(f"{value} could run without end", at, "avoid a repeat inside a repeat")

    def test(text: str) -> bool:
        began = time.thread_time()
        found = pattern.search(text[:searched]) is not None
        allowance.spent(time.thread_time() - began)
        return found

    return test


def number(value: Any) -> float | None:
    """A number, also one that is written as text; None for what is none (and for true and false)."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        for read in (int, float):
            try:
                return read(value)
            except (ValueError, OverflowError):
                continue
    return None


def compare(left: Any, op: str, right: Any) -> bool:
    """`left op right`, where op is an operator of the filter language."""
    if op == ">":
        return bool(left > right)
    if op == "<":
        return bool(left < right)
    if op == ">=":
        return bool(left >= right)
    if op == "<=":
        return bool(left <= right)
    return bool(left != right) if op == "!=" else bool(left == right)


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq, ":": operator.eq,
}  # fmt: skip


class Wanted:
    """The right side of a comparison with any value that a config or summary may hold.

    Numbers compare as numbers, also where one is written as text; true and false by those
    words; of a list, any element; text without case. What has no order with the value
    (text with a number, an object with anything) is neither above nor below it.
    """

    def __init__(self, op: str, value: str, at: int, *, literal: bool, allowance: Allowance) -> None:
        self.op = op
        self._number = None if literal else number(value)
        self._is_nan = value.lower() in _NAN and not literal
        self._lower = value.lower()
        self._same = text_test(value, at, whole=True, literal=literal, allowance=allowance)

    def test(self) -> Callable[[Any], bool]:
        """`accepts`, for very many values: a number with a number is compared without detours."""
        wanted, order = self._number, _ORDERS.get(self.op)
        if wanted is None or order is None or self._is_nan:
            return self.accepts

        def quick(found: Any) -> bool:
            if type(found) is float or type(found) is int:
                return order(found, wanted)
            return found is not None and self.accepts(found)

        return quick

    def accepts(self, found: Any) -> bool:
        """Whether `found op value` holds; a run that lacks the value (None) only differs from it."""
        if found is None:
            return self.op == "!="
        if isinstance(found, list):
            if self.op == "!=":
                return all(self.accepts(item) for item in found)
            return any(self.accepts(item) for item in found if item is not None)
        if self.op in EQUALS:
            return self._equals(found) != (self.op == "!=")
        return self._ordered(found)

    def _equals(self, found: Any) -> bool:
        if isinstance(found, bool):
            return self._lower in (("true", "1") if found else ("false", "0")) or self._same(
                str(found).lower()
            )
        if isinstance(found, Mapping):
            return False
        if self._number is not None:
            value = number(found)
            if value is not None:
                return value != value if self._is_nan else value == self._number  # noqa: PLR0124
        return self._same(str(found))

    def _ordered(self, found: Any) -> bool:
        if isinstance(found, (bool, Mapping)):
            return False
        value = number(found)
        if self._number is not None or value is not None:
            return self._number is not None and value is not None and compare(value, self.op, self._number)
        return compare(str(found).lower(), self.op, self._lower)


def getter(path: str) -> Callable[[Mapping[str, Any]], Any]:
    """`lookup` of one path, for very many objects: what can be known of the path is worked out once."""
    if "." not in path:
        return lambda values: values.get(path)
    slashed = path.replace(".", "/")
    cuts = [(path[:at], getter(path[at + 1 :])) for at, char in enumerate(path) if char == "."]

    def get(values: Mapping[str, Any]) -> Any:
        if path in values:
            return values[path]
        if slashed in values:
            return values[slashed]
        for head, rest in cuts:
            inner = values.get(head)
            if isinstance(inner, dict) and (found := rest(inner)) is not None:
                return found
        return None

    return get


def lookup(values: Mapping[str, Any], path: str) -> Any:
    """The value at `a.b.c`: a key of that very name, else nested objects; None where there is none."""
    if path in values:
        return values[path]
    if "." not in path:
        return None
    slashed = path.replace(".", "/")
    if slashed in values:
        return values[slashed]
    for cut in (place for place, char in enumerate(path) if char == "."):
        inner = values.get(path[:cut])
        if isinstance(inner, Mapping):
            found = lookup(inner, path[cut + 1 :])
            if found is not None:
                return found
    return None
