"""The fields that several requests have in common, checked: a wrong one says which and what it may be."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from opengraphs.engine.better import DIRECTIONS, Direction, direction
from opengraphs.engine.derive import Derivation, parse_derivation
from opengraphs.errors import UsageError
from opengraphs.store.jsonl import finite

MAX_COLUMNS = 4000
SMOOTHINGS = ("ma", "ema")


def check_fields(request: Mapping[str, Any], known: Iterable[str]) -> None:
    """UsageError for the first field that is not among `known`; the hint names the nearest."""
    names = list(known)
    for field in request:
        if field not in names:
            near = difflib.get_close_matches(str(field), names, n=1)
            guess = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"unknown field {field!r}", hint=f"{guess}known: {', '.join(names)}")


def run_references(request: Mapping[str, Any], *, least: int, most: int) -> list[str]:
    """`run_ids`: between `least` and `most` references, each once."""
    found = names(request, "run_ids")
    if found is None or len(request["run_ids"]) < least:
        raise UsageError(
            f"run_ids takes at least {least} run{'s' if least > 1 else ''}",
            hint="ids, unique parts of ids, or names",
        )
    if len(found) > most:
        raise UsageError(f"run_ids takes at most {most} runs, not {len(found)}", hint="ask for fewer")
    return found


def names(request: Mapping[str, Any], field: str) -> list[str] | None:
    """A list of texts, each once; None when absent or null."""
    value = request.get(field)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise UsageError(f"{field} is a list of names, not {_shown(value)}")
    return list(dict.fromkeys(value))


def text(request: Mapping[str, Any], field: str, *, example: str) -> str:
    """A text that has to be there."""
    value = request.get(field)
    if not isinstance(value, str) or not value:
        raise UsageError(f"{field} is missing" if value is None else f"{field} is a text", hint=example)
    return value


def choice(request: Mapping[str, Any], field: str, allowed: tuple[str, ...]) -> str:
    """One of `allowed`; the first when absent or null."""
    value = request.get(field)
    if value is None:
        return allowed[0]
    if value not in allowed:
        near = difflib.get_close_matches(str(value), allowed, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"{field} is {', '.join(allowed)}, not {_shown(value)}", hint=guess.strip())
    return str(value)


def whole(request: Mapping[str, Any], field: str, default: int, *, most: int) -> int:
    """A whole number from 1 to `most`."""
    value = request.get(field, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise UsageError(f"{field} is 1 to {most}, not {_shown(value)}")
    return value


def span(request: Mapping[str, Any], field: str = "range") -> tuple[float, float] | None:
    """A closed interval `[low, high]`; None when absent or null."""
    value = request.get(field)
    if value is None:
        return None
    is_sound = (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(finite(edge) is not None and not isinstance(edge, bool) for edge in value)
        and value[0] <= value[1]
    )
    if not is_sound:
        raise UsageError(f"{field} is [low, high] with low <= high, or null, not {_shown(value)}")
    return value[0], value[1]


def smoothing(request: Mapping[str, Any]) -> Derivation | None:
    """`smoothing`: `ma(n)` or `ema(a)`; None when absent or null."""
    value = request.get("smoothing")
    if value is None:
        return None
    name = value.partition("(")[0].strip() if isinstance(value, str) else None
    if name not in SMOOTHINGS:
        raise UsageError(f"smoothing is ma(n) or ema(a), not {_shown(value)}", hint="such as ma(15)")
    return parse_derivation(value)


def better(request: Mapping[str, Any], metric: str) -> Direction | None:
    """`better`: what the request says, else what the metric's name tells."""
    value = request.get("better")
    if value is None:
        return direction(metric)
    if value not in DIRECTIONS:
        raise UsageError(f"better is min or max, not {_shown(value)}")
    return "min" if value == "min" else "max"


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)[:80]
