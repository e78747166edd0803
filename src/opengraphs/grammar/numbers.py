"""What counts as a number in printed text, and the units that stand behind it."""

from __future__ import annotations

import re

_BODY = r"(?:\d{1,3}(?:,\d{3}){1,6}(?![\d,])(?:\.\d*)?|\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_BEFORE = r"(?: {1,24}|(?<![\w.@ ])(?<![A-Za-z]-)(?<!\d,))"
NUMBER = re.compile(rf"{_BEFORE}((?=[-+.\d])[-+]?{_BODY})")
"""With `split`: texts and numbers in turn. Blanks before a number belong to it, so that padding
makes no difference; a digit inside a word (`top5`, `acc@1`, `resnet-50`) is no number."""

WORD_OR_NUMBER = re.compile(
    rf"{_BEFORE}((?=[-+.\dnNiI])[-+]?(?:{_BODY}|(?:[nN]a[nN]|NAN|[iI]nf(?:inity)?|INF)(?![\w/-])))"
)
"""The same, and NaN and infinities, which are values too."""

WHOLE = re.compile(rf"[-+]?(?:{_BODY}|nan|inf|infinity)", re.IGNORECASE)

_SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "T": 1e12}
_TIME = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "secs": 1.0,
    "seconds": 1.0,
    "m": 60.0,
    "min": 60.0,
    "mins": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hours": 3600.0,
}
_BYTES = {
    "B": 1.0,
    "KB": 1e3,
    "kB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "TB": 1e12,
    "KiB": 2.0**10,
    "MiB": 2.0**20,
    "GiB": 2.0**30,
    "TiB": 2.0**40,
}
_RATE = re.compile(
    r"(?:ms|us|µs|s|min)/(?:step|it|iter|iteration|epoch|batch|sample|example)|"
    r"(?:it|step|steps|iter|iters|batch|batches|samples?|examples?|ex|tok|tokens?|img|imgs|images?|frames?|[KMGT]?i?B)"
    r"/(?:sec|second|s|min)"
)
_UNIT = re.compile(
    r"(%|[KMGT]i?B|[munµμ]?s|secs?|seconds|mins?|minutes|m|hr|hours|h|[kKMBGT]|x|z|W|°C|C|it)(?![\w/])"
)


class Unit:
    """`size`: how many of `family`'s base unit it is; family "" for what only scales, or means nothing here."""

    __slots__ = ("family", "name", "size")

    def __init__(self, name: str, family: str, size: float) -> None:
        self.name, self.family, self.size = name, family, size


def unit_at(text: str, *, memory: bool = False) -> tuple[Unit | None, int]:
    """The unit directly at the beginning of `text`, and how long it is; (None, 0) for none.

    Args:
        memory: what it measures is memory: `2.15G` are gigabytes, not a count.
    """
    found = _RATE.match(text)
    if found is not None:
        return Unit(found[0], "", 1.0), found.end()
    found = _UNIT.match(text)
    if found is None:
        return None, 0
    name = found[1]
    if name in _TIME:
        return Unit(name, "time", _TIME[name]), found.end()
    if name in _BYTES and (memory or name != "B"):
        return Unit(name, "bytes", _BYTES[name]), found.end()
    if memory and name in _SCALES:
        return Unit(name, "bytes", _SCALES[name]), found.end()
    return Unit(name, "", _SCALES.get(name, 1.0)), found.end()


def value(text: str) -> float:
    """The number of a text that `NUMBER` or `WHOLE` matched."""
    return float(text.replace(",", "")) if "," in text else float(text)


def whole(number: float) -> int | None:
    """A step: a whole number that is not negative; None for anything else."""
    return int(number) if 0 <= number < 1 << 62 and number == int(number) else None
