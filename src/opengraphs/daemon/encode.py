"""JSON of replies and events. Numbers that are not finite travel as strings."""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def encode(value: Any) -> bytes:
    """`value` as JSON. Floats that may be NaN must have gone through `plain` before."""
    try:
        return orjson.dumps(value, option=_OPTIONS)
    except orjson.JSONEncodeError:
        # text that is no UTF-8 (a path, a broken log), or integers beyond 64 bits
        return json.dumps(plain(value), separators=(",", ":")).encode()


def encode_line(value: Any) -> bytes:
    """One line of an NDJSON stream."""
    return encode(value) + b"\n"


def plain(value: Any) -> Any:
    """A copy in which NaN and the infinities are strings."""
    if isinstance(value, float):
        return value if math.isfinite(value) else non_finite(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def non_finite(value: float) -> str:
    """The wire's word for a float that is not finite."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
