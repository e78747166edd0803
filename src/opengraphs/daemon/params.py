"""Query parameters and JSON bodies, checked: a wrong one says which, why and what is known."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from opengraphs.errors import UsageError

EVERYWHERE = ("store",)
"""Taken by every route."""


class Params:
    """The parameters of one request, by name; each may stand once."""

    def __init__(self, query: bytes, known: Sequence[str]) -> None:
        """Raises UsageError for a name that is not `known`, or stands twice."""
        self._values: dict[str, str] = {}
        text = query.decode("ascii", "replace")
        for name, value in parse_qsl(text, keep_blank_values=True, errors="surrogateescape"):
            check_known(name, (*known, *EVERYWHERE), what="parameter")
            if name in self._values:
                raise UsageError(f"the parameter {name!r} is given twice")
            self._values[name] = value

    def text(self, name: str) -> str | None:
        """As it stands; None when absent or empty."""
        return self._values.get(name) or None

    def required(self, name: str) -> str:
        """As it stands; UsageError when absent."""
        value = self.text(name)
        if value is None:
            raise UsageError(f"the parameter {name!r} is missing", hint=f"add {name}=…")
        return value

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self._values.get(name)
        if value is None:
            return default
        number = _whole(value)
        if number is None or not low <= number <= high:
            raise UsageError(f"{name}={value!r} is not possible", hint=f"a whole number from {low} to {high}")
        return number

    def real(self, name: str) -> float | None:
        """A finite number, None when absent."""
        value = self.text(name)
        if value is None:
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise UsageError(f"{name}={value!r} is not possible", hint="a number")
        return number

    def number_or_none(self, name: str) -> int | None:
        """A whole number, None when absent."""
        return self.integer(name, 0, low=0, high=1 << 62) if self.text(name) else None

    def flag(self, name: str) -> bool:
        """0 or 1; absent is 0."""
        return self.choice(name, ("0", "1"), default="0") == "1"

    def choice(self, name: str, allowed: Sequence[str], *, default: str) -> str:
        """One of `allowed`."""
        value = self._values.get(name, default)
        if value not in allowed:
            raise UsageError(f"{name}={value!r} is not possible", hint=f"one of {', '.join(allowed)}")
        return value


def _whole(value: str) -> int | None:
    try:
        return int(value) if len(value) <= 20 else None
    except ValueError:
        return None


def check_known(name: str, known: Iterable[str], *, what: str) -> None:
    """UsageError unless `name` is among `known`; its hint names the nearest and lists all."""
    names = sorted(known)
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"unknown {what} {name!r}", hint=f"{guess}known: {', '.join(names)}")


def read_body(data: bytes, known: Sequence[str]) -> Mapping[str, Any]:
    """The JSON object of a request; empty means `{}`.

    Raises:
        UsageError: no JSON (with the position), no object, or an unknown key.
    """
    if not data.strip():
        return {}
    try:
        body = json.loads(data)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"the body is no JSON: {error.msg} at position {error.pos} "
            f"(line {error.lineno}, column {error.colno})"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"the body is no UTF-8: byte {error.start}") from None
    except RecursionError:
        raise UsageError("the body is nested too deeply") from None
    if not isinstance(body, dict):
        raise UsageError("the body must be a JSON object")
    for name in body:
        check_known(name, known, what="key in the body:")
    return body


def body_number(body: Mapping[str, Any], name: str, default: float, *, low: float, high: float) -> float:
    """A number of the body from `low` to `high`."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise UsageError(
            f"{name} = {json.dumps(value)} is not possible", hint=f"a number from {low:g} to {high:g}"
        )
    return float(value)


def body_flag(body: Mapping[str, Any], name: str) -> bool:
    """true or false of the body; absent is false."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise UsageError(f"{name} must be true or false")
    return value
