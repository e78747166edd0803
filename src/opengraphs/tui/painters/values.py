"""Any value of a run as the text of a cell: found by its dotted name, shown in a format of the user's choice."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from opengraphs.tui.painters import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMATS = ("auto", "fixed 2", "fixed 4", "scientific", "percent", "int", "duration")
_ENDS = ("min", "max", "best")
_CALLED = {
    "created": "created_at",
    "started": "started_at",
    "ended": "ended_at",
    "tag": "tags",
    "id": "run_id",
}
_INSIDE = ("config", "summary", "last", "git", "ranks", "job", "progress", "parent")


class Chosen(NamedTuple):
    """One column that the user chose. form: of FORMATS. number: it stands at the right of its column."""

    key: str
    form: str = "auto"
    number: bool = False


def at(run: Mapping[str, Any], key: str) -> Any:
    """What a run has under a name of the filter language; None when it has no such value."""
    head, _, rest = key.partition(".")
    if head == "tag" and rest:
        return next(
            (tag.partition("=")[2] for tag in run.get("tags") or () if tag.startswith(f"{rest}=")), None
        )
    if head in _ENDS and rest:
        return (run.get("values") or {}).get(key)
    if head not in _INSIDE or not rest:
        return run.get(_CALLED.get(key, key))
    found = _inside(run.get(head) or {}, rest)
    return _inside(run.get("last") or {}, rest) if found is None and head == "summary" else found


def _inside(found: Mapping[str, Any], path: str) -> Any:
    """A key may have dots of its own: the longest one that is there counts."""
    if path in found:
        return found[path]
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        inner = found.get(".".join(parts[:cut]))
        if isinstance(inner, dict):
            return _inside(inner, ".".join(parts[cut:]))
    return None


def figure(key: str) -> bool:
    """Whether a column is a figure that lists have only when they are asked for it."""
    return key.startswith(tuple(f"{end}." for end in _ENDS)) and "," not in key


def measured(key: str) -> bool:
    """Whether a column's values come from metrics: they get all their digits, so that they stand in line."""
    return figure(key) or key.startswith(("last.", "summary."))


def shown(found: Any, form: str = "auto", *, short: bool = True) -> str:
    """A value as text; a format that does not suit it leaves it as it is."""
    if found is None:
        return "-"
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, (int, float)) or found in ("NaN", "Infinity", "-Infinity"):
        return _number(numbers.to_float(found), form, short=short)
    if isinstance(found, (list, tuple)):
        return " ".join(shown(one) for one in found)
    return _moment(found) if isinstance(found, str) else str(found)


def _moment(text: str) -> str:
    """A time of run.json to the minute; any other text as it is."""
    if len(text) == 27 and text[10] == "T" and text.endswith("Z"):
        return f"{text[:10]} {text[11:16]}"
    return text


def _number(number: float, form: str, *, short: bool) -> str:
    if form == "auto" or not math.isfinite(number):
        return numbers.short(number) if short else numbers.value(number)
    if form == "duration":
        return numbers.duration(number)
    if form == "scientific":
        return f"{number:.2e}"
    if form == "percent":
        return f"{number * 100:.1f} %"
    return f"{number:.{0 if form == 'int' else int(form[-1])}f}"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(dotted key, old, new) of what differs between two configs; None stands for no value."""
    old, new = dict(_flat(before)), dict(_flat(after))
    keys = dict.fromkeys([*new, *old])
    return [(key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def _flat(found: Mapping[str, Any], lead: str = "") -> Iterator[tuple[str, Any]]:
    for key, one in found.items():
        if isinstance(one, dict) and one:
            yield from _flat(one, f"{lead}{key}.")
        else:
            yield f"{lead}{key}", one
