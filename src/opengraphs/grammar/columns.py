"""Tables that name their columns in a line above, as Ultralytics prints them.

Epoch    GPU_mem   box_loss   cls_loss  Instances       Size
1/100      2.15G      1.234      2.345         12        640: 100%|███| 8/8 [00:01<00:00]
"""

from __future__ import annotations

import re

from . import names
from .numbers import WHOLE, unit_at, value

_HEADER = re.compile(r"\s*Epoch(?:\s{2,40}[A-Za-z][\w/.()%-]{0,40}){2,40}\s*")
_ROW = re.compile(r"\s*(\d{1,9})/(\d{1,9})((?:\s{2,40}[-+]?[\w.]{1,24}){2,40})\s*(?::|$|\s+\d{1,3}%)")
_NO_METRICS = frozenset({"instances", "size", "epoch"})


class ColumnTable:
    """The header that is in force."""

    def __init__(self) -> None:
        self._columns: list[str] | None = None

    def header(self, text: str) -> bool:
        """Take a line as a header if it is one."""
        if "Epoch" not in text[:40] or _HEADER.fullmatch(text) is None:
            return False
        self._columns = text.split()
        return True

    def row(self, text: str) -> tuple[int, dict[str, float]] | None:
        """Epoch and metrics of a line below the header; None for other lines."""
        if self._columns is None:
            return None
        found = _ROW.match(text)
        if found is None:
            return None
        cells = found[3].split()
        if len(cells) != len(self._columns) - 1:
            return None
        metrics: dict[str, float] = {}
        for name, cell in zip(self._columns[1:], cells, strict=True):
            key = names.key_of(name)
            number = _number(cell, memory="mem" in name.lower())
            if key is not None and number is not None and key not in _NO_METRICS:
                metrics[key] = number
        return (int(found[1]), metrics) if metrics else None


def _number(cell: str, *, memory: bool) -> float | None:
    found = WHOLE.match(cell)
    if found is None:
        return None
    unit, length = unit_at(cell[found.end() :], memory=memory)
    if found.end() + length != len(cell):
        return None
    return value(found[0]) * (1.0 if unit is None or unit.family else unit.size)
