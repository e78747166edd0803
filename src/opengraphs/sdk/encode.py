"""Records as lines of JSON: no NaN literals, no NUL bytes, no newline inside.

The metric line is encoded by what is there: orjson, msgspec, or a template of the
standard library. All three write the same JSON.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Mapping, Optional

    Encode = Callable[[int, float, Mapping[str, Any]], bytes]

MAX_TEMPLATES = 1024
"""Key sets remembered by the standard library's way; a script that logs more pays for a new one each time."""

_dumps: Optional[Callable[[Any], str]] = None


def dumps(value: Any) -> str:
    """Compact JSON. The library is loaded when it is first needed, not when a script imports og.

    Raises:
        ValueError, TypeError: it holds what JSON does not know (see `plain.plain`).
    """
    global _dumps
    if _dumps is None:
        import json

        _dumps = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
    return _dumps(value)


def line(record: Any) -> bytes:
    """One JSON object as a line without its newline; other characters than ASCII are escaped.

    Raises:
        ValueError, TypeError: it holds what JSON does not know (see `plain.plain`).
    """
    return dumps(record).encode("ascii")


def metric_encoder(rank: int, source: str = "") -> Encode:
    """The fastest way to write a metric line here: `encode(step, time, metrics)`.

    Args:
        rank: stands in the line when it is above 0.
        source: stands in the line unless it is "", the SDK itself.

    The metrics given must be plain, finite floats and ints under str keys.

    Raises (the encoder, not this function):
        Exception: a value or key is not plain. Not every one is refused.
    """
    extra: Dict[str, Any] = {"rank": rank} if rank > 0 else {}
    if source:
        extra["source"] = source
    try:
        import orjson
    except Exception:  # missing, or broken in its own way: the SDK's border
        pass
    else:
        return _by_library(orjson.dumps, extra)
    try:
        import msgspec
    except Exception:
        return _by_template(extra)
    return _by_library(msgspec.json.Encoder().encode, extra)


def _by_library(encode: Callable[[Any], bytes], extra: Dict[str, Any]) -> Encode:
    if not extra:
        return lambda step, time, metrics: encode({"step": step, "time": time, "metrics": metrics})
    return lambda step, time, metrics: encode({"step": step, "time": time, "metrics": metrics, **extra})


def _by_template(extra: Dict[str, Any]) -> Encode:
    """A line's text but for its numbers is the same each time: it is kept, by its keys."""
    templates: Dict[Any, str] = {}
    tail = "".join(',"%s":%s' % (key, dumps(value).replace("%", "%%")) for key, value in extra.items())

    def encode(step: int, time: float, metrics: Mapping[str, Any]) -> bytes:
        keys = tuple(metrics)
        template = templates.get(keys)
        if template is None:
            if len(templates) >= MAX_TEMPLATES:
                templates.clear()
            template = templates[keys] = _template(keys, tail)
        return (template % (step, time, *metrics.values())).encode("ascii")

    return encode


def _template(keys: Any, tail: str) -> str:
    """The line with `%r` for each number.

    Raises:
        TypeError, UnicodeEncodeError: a key is no text, or none that can be written.
    """
    for key in keys:
        if type(key) is not str:
            raise TypeError("keys are text")
        key.encode("utf-8")
    pairs = ",".join(dumps(key).replace("%", "%%") + ":%r" for key in keys)
    return '{"step":%r,"time":%r,"metrics":{' + pairs + "}" + tail + "}"
