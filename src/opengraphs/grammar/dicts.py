"""Metrics printed as a Python dict or as JSON, anywhere in a line."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import NamedTuple

from . import names
from .numbers import WHOLE, value, whole

MAX_DEPTH = 8
MAX_KEYS = 512

_OPENING = re.compile(r"\{\s*['\"]")
_CALL = re.compile(
    r"\b(?:np\.|numpy\.|torch\.|jnp\.)?(?:float|int|uint|bfloat|tensor|array|Array|Tensor)\w{0,3}"
    r"\(\s*([-+]?[\w.+-]{1,32})\s*(?:,[^(){}]{0,80})?\)"
)
_WORDS = re.compile(r"(?<=[:\[,( ])(nan|inf|-inf|None|True|False)(?=[,}\])\s])")
_JSON_WORDS = {
    "nan": "NaN",
    "inf": "Infinity",
    "-inf": "-Infinity",
    "None": "null",
    "True": "true",
    "False": "false",
}
_WRAPPERS = ("metrics", "data", "logs", "log")
_NO_METRICS = frozenset({"timestamp", "_timestamp", "_runtime", "ts", "time_stamp", "asctime", "created"})


def opening(text: str) -> int:
    """Where a dict begins, -1 for nowhere."""
    if "{" not in text:
        return -1
    found = _OPENING.search(text)
    return found.start() if found else -1


class DictLine:
    """The numbers of a printed dict.

    Attributes:
        step: what it says of the step; None for nothing.
        epoch: its epoch, where that is a number.
        metrics: the rest, nested keys joined by `/`, with `epoch` where there is a step beside it.
        is_transformers: a line of the transformers Trainer; its metrics have their trackers' names.
        is_settings: what went into a training rather than what came out.
    """

    __slots__ = ("epoch", "is_settings", "is_transformers", "metrics", "step")

    def __init__(self, found: dict[str, float]) -> None:
        kind = _kind(tuple(found))
        self.step = None
        if kind.step is not None:
            self.step = whole_or_none(found.pop(kind.step))
        self.epoch = found.get(names.EPOCH)
        self.is_settings = kind.is_settings
        self.is_transformers = self.step is None and kind.is_transformers
        if self.is_transformers:
            found = (
                dict(zip(kind.renamed, found.values(), strict=True)) if kind.step is None else _renamed(found)
            )
        elif self.step is None and len(found) > 1 and whole_or_none(self.epoch) is not None:
            found.pop(names.EPOCH)
        self.metrics = found


class _Kind(NamedTuple):
    """What a dict's keys say, looked at once a set of keys."""

    step: str | None
    is_settings: bool
    is_transformers: bool
    renamed: tuple[str, ...]


@lru_cache(maxsize=256)
def _kind(keys: tuple[str, ...]) -> _Kind:
    places = [(place, key) for key in keys if (place := names.step_place(key)) is not None]
    return _Kind(
        min(places)[1] if places else None,
        any(names.is_setting(key) for key in keys),
        names.is_transformers(keys),
        tuple(names.transformers_name(key) for key in keys),
    )


def _renamed(found: dict[str, float]) -> dict[str, float]:
    return {names.transformers_name(key): number for key, number in found.items()}


def _is_finite(number: float) -> bool:
    return number - number == 0


def whole_or_none(number: float | None) -> int | None:
    """`numbers.whole` of what may be NaN or missing."""
    return None if number is None or not _is_finite(number) else whole(number)


def read(text: str) -> DictLine | None:
    """The dict that `text` begins with; None when it is none, or holds no numbers."""
    end = text.rfind("}") + 1
    if end <= 0:
        return None
    loaded = _load(text[:end])
    if not isinstance(loaded, dict):
        return None
    for wrapper in _WRAPPERS:
        inner = loaded.get(wrapper)
        if isinstance(inner, dict):
            loaded = {**{key: item for key, item in loaded.items() if key != wrapper}, **inner}
    found: dict[str, float] = {}
    if not _flatten(loaded, "", found, 0) or not found:
        return None
    return DictLine(found)


def _load(text: str) -> object:
    """The object that JSON, or a Python literal that is almost JSON, stands for; None when it is neither."""
    if text[1:2] != "'":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass
    if "'" in text:
        if '"' in text or "\\" in text:
            return None
        text = text.replace("'", '"')
    if "(" in text:
        text = _CALL.sub(r"\1", text)
    if "n" in text or "e," in text or "e}" in text:
        text = _WORDS.sub(lambda found: _JSON_WORDS[found[1]], text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _flatten(values: dict[str, object], prefix: str, found: dict[str, float], depth: int) -> bool:
    """Collect the numbers; False when there is too much of them."""
    if depth > MAX_DEPTH:
        return False
    for name, item in values.items():
        key = names.dict_key(f"{prefix}{name}")
        if key is None or key in _NO_METRICS or names.is_ignored(key):
            continue
        if isinstance(item, dict):
            if not _flatten(item, f"{key}/", found, depth + 1):
                return False
            continue
        number = _number(item)
        if number is not None:
            found[key] = number
            if len(found) > MAX_KEYS:
                return False
    return True


def _number(item: object) -> float | None:
    if isinstance(item, bool):
        return None
    if isinstance(item, (int, float)):
        try:
            return float(item)
        except OverflowError:
            return None
    if isinstance(item, str) and len(item) <= 40 and WHOLE.fullmatch(item):
        return value(item)
    return None
