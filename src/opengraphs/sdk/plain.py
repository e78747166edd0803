"""Any Python value as plain JSON: for configs, events and samples, which hold more than numbers."""

from __future__ import annotations

from .values import number, text, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

MAX_DEPTH = 16
MAX_TEXT = 100_000
"""Characters kept of one text; a sample may hold a long completion, not a file."""
MAX_ITEMS = 10_000


def plain(value: Any, depth: int = 0) -> Any:
    """`value` in terms of dict, list, str, int, float, bool and None. Never raises.

    Numbers that are not finite become strings; what JSON has no word for becomes its text.
    """
    if value is None or type(value) is bool:
        return value
    if isinstance(value, str):
        return text(value[:MAX_TEXT])
    if depth > MAX_DEPTH:
        return _named(value)
    try:
        return _structure(value, depth)
    except Exception:  # a foreign object's own trouble
        return _named(value)


def _structure(value: Any, depth: int) -> Any:
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, depth + 1) for item in list(value)[:MAX_ITEMS]]
    mapping = as_mapping(value)
    if mapping is not None:
        return {text(key): plain(item, depth + 1) for key, item in mapping.items()}
    if (
        hasattr(value, "tolist")
        and getattr(value, "ndim", None)
        and getattr(value, "size", MAX_ITEMS + 1) <= MAX_ITEMS
    ):
        return plain(value.tolist(), depth + 1)
    try:
        return wire(number(value))
    except Exception:
        return _named(value)


def _named(value: Any) -> str:
    """A class or function by its name, anything else by its text."""
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return "%s.%s" % (getattr(value, "__module__", ""), value.__qualname__)
    try:
        return text(str(value)[:MAX_TEXT])
    except Exception:
        return "<%s>" % type(value).__name__


def as_mapping(value: Any) -> Optional[Dict[Any, Any]]:
    """What has named members, as a dict: dict-likes, argparse, dataclasses, attrs, pydantic; else None."""
    if isinstance(value, dict):
        return dict(value)
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    if kind.__name__ == "Namespace" or hasattr(kind, "__attrs_attrs__"):
        return dict(vars(value))
    for method in ("model_dump", "to_dict", "flag_values_dict"):
        convert = getattr(kind, method, None)
        if callable(convert):
            made = convert(value)
            return dict(made) if isinstance(made, dict) else None
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
        return {key: value[key] for key in value.keys()}  # noqa: SIM118 - dict-likes need no __iter__
    return None
