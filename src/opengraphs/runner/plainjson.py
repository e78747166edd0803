"""JSON for a process that counts its milliseconds: writes what a runner writes, and nothing else.

`json` brings `re` and `enum` with it and takes as long to import as Python to start;
a runner around a short command would spend half its life on that.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(32), 0x7F)} | {
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    ord("\n"): "\\n",
    ord("\t"): "\\t",
    ord("\r"): "\\r",
}
_NOT_FINITE = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}


def dumps(value: Any, *, indent: int | None = None) -> bytes:
    """`value` as UTF-8: dicts, lists, tuples, strings, numbers, bools and None; anything else as its `str`.

    Numbers that are not finite are the strings of DESIGN section 2. With `indent`, one item a line.
    """
    return _text(value, indent, 0).encode("utf-8", "replace")


def _text(value: Any, indent: int | None, level: int) -> str:
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        text = float.__repr__(value)
        return _NOT_FINITE.get(text, text)
    if isinstance(value, dict):
        items = [f"{_string(str(key))}: {_text(item, indent, level + 1)}" for key, item in value.items()]
        return _wrapped("{", items, "}", indent, level)
    if isinstance(value, (list, tuple)):
        return _wrapped("[", [_text(item, indent, level + 1) for item in value], "]", indent, level)
    return _string(str(value))


def _string(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def _wrapped(start: str, items: list[str], end: str, indent: int | None, level: int) -> str:
    if not items or indent is None:
        return start + ", ".join(items) + end
    margin = "\n" + " " * indent * (level + 1)
    return f"{start}{margin}{(',' + margin).join(items)}\n{' ' * indent * level}{end}"
