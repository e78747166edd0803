"""Numbers as text that does not jump: four significant digits, engineering suffixes.

`value` never takes more than `VALUE_WIDTH` cells, so a right-aligned column of
them stands still while the numbers move.
"""

from __future__ import annotations

import math

VALUE_WIDTH = 8
"""Widest `value`: such as `-1.23e-5`."""

_SUFFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def to_float(number: float | int | str | None) -> float:
    """A protocol number as a float: the strings NaN, Infinity, -Infinity come back; None is NaN."""
    if isinstance(number, str):
        return _NON_FINITE.get(number, math.nan)
    return math.nan if number is None else float(number)


def value(number: float | str | None) -> str:
    """A metric's value in 4 significant digits, at most `VALUE_WIDTH` cells.

    0.4120, 12.35, 1235, 12.35k, 1.500M, 3.00e-4, NaN, inf; `-` stands for no value.
    Whole numbers below 10 000 stay whole.
    """
    if number is None:
        return "-"
    v = to_float(number)
    if not math.isfinite(v):
        return "NaN" if math.isnan(v) else "inf" if v > 0 else "-inf"
    size = abs(v)
    if v == int(v) and size < 1e4:
        return str(int(v))
    if size < 1e-2:
        return _scientific(v)
    if size < 0.99995:
        return f"{v:.4f}"
    return _engineering(v)


def _engineering(v: float) -> str:
    size = abs(v)
    if size < 9999.5:
        return _significant(v, "")
    if size >= 9.9995e17:
        return _scientific(v)
    for scale, suffix in _SUFFIXES:
        if size >= scale * 0.99995:
            return _significant(v / scale, suffix)
    return _significant(v, "")


def _significant(v: float, suffix: str) -> str:
    size = abs(v)
    digits = 3 if size < 9.9995 else 2 if size < 99.995 else 1 if size < 999.95 else 0
    return f"{v:.{digits}f}{suffix}"


def _scientific(v: float) -> str:
    """3.00e-4; fewer digits where sign or exponent need their room."""
    for digits in (2, 1, 0):
        mantissa, _, exponent = f"{v:.{digits}e}".partition("e")
        text = f"{mantissa}e{int(exponent)}"
        if len(text) <= VALUE_WIDTH:
            return text
    return text


def short(number: float | str | None) -> str:
    """`value` without trailing zeros: for constants, config and cards (0.412, 3e-4, 1.5M)."""
    text = value(number)
    head, mark, tail = text.partition("e")
    suffix = head[-1:] if head[-1:] in "kMGTP" and head[-1:] else ""
    digits = head[: len(head) - len(suffix)]
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return digits + suffix + mark + tail


def count(number: float) -> str:
    """A step or a number of things: 372, 12 000 as 12k, 1.5M; digits only as far as they say something."""
    if abs(number) < 1e4:
        return str(round(number))
    return short(number)


def step(number: float) -> str:
    """A step in full up to 999 999, then as `count`: the counter a user compares with his script."""
    return str(round(number)) if abs(number) < 1e6 else count(number)


def percent(fraction: float) -> str:
    """0.372 as ` 37 %`, always 5 cells; 100 % only when it is all."""
    whole = max(0, min(100, int(fraction * 100 + 1e-9)))
    return f"{whole:3d} %"


def duration(seconds: float | None) -> str:
    """A span in its two largest units: 350ms, 12s, 4m12s, 1h03m, 2d04h; at most 6 cells."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds < 0:
        return "-" + duration(-seconds)
    if seconds < 1:
        return f"{round(seconds * 1000)}ms" if seconds else "0s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    if whole < 100 * 86400:
        return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"
    return f"{whole // 86400}d"


def age(seconds: float | None) -> str:
    """How long ago in one unit: now, 5s, 3m, 2h, 4d, 7w, 6.9y; at most 4 cells."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    s = max(0, int(seconds))
    if s < 1:
        return "now"
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h"), (14 * 86400, 86400, "d")):
        if s < limit:
            return f"{s // size}{unit}"
    if s < 730 * 86400:
        return f"{s // (7 * 86400)}w"
    years = s / (365.25 * 86400)
    return f"{years:.1f}y" if years < 9.95 else f"{years:.0f}y"


def size_bytes(number: float | None) -> str:
    """Bytes in powers of 1024, three digits: 512B, 1.2K, 15.6G; at most 5 cells."""
    if number is None or not math.isfinite(number):
        return "-"
    v = float(number)
    if abs(v) < 1000:
        return f"{round(v)}B"
    for suffix in "KMGTPE":
        v /= 1024
        if abs(v) < 99.95:
            return f"{v:.1f}{suffix}"
        if abs(v) < 999.5:
            return f"{v:.0f}{suffix}"
    return f"{v:.0f}E"
