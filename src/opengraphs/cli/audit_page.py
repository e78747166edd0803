"""An audit's records as lines for people. Pure."""

from __future__ import annotations

import time
from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli.output import Ink
from opengraphs.cli.table import Column, render

_COLUMNS = (Column("SEQ", right=True), Column("TIME", weight=1), Column("KIND"), Column("WHAT", elastic=True))
_CHAIN = ("seq", "time", "kind", "prev", "hash", "blobs")
_FIRST = ("text", "title", "decision", "outcome")
"""What says most stands first, without its name."""
_STYLES = {"gap": "red", "repair": "yellow", "killswitch": "red", "decision": "cyan", "done": "green"}
_LONGEST = 400


def lines(records: list[dict[str, Any]], *, limit: int | None, ink: Ink) -> list[str]:
    """One line a record, under a heading."""
    rows = [
        [str(one.get("seq", "")), _time(one.get("time")), fmt.clean(str(one.get("kind", ""))), what(one)]
        for one in records
    ]

    styles: dict[tuple[int, int], tuple[str, ...]] = {
        (at, 2): (_STYLES[row[2]],) for at, row in enumerate(rows) if row[2] in _STYLES
    }
    return render(_COLUMNS, rows, limit=limit, ink=ink, styles=styles)


def what(record: dict[str, Any]) -> str:
    """What a record says, in one line."""
    said = [_value(record[name]) for name in _FIRST if record.get(name)]
    said += [
        f"{name}={_value(value)}"
        for name, value in record.items()
        if name not in _CHAIN and name not in _FIRST and value not in (None, "", [], {})
    ]
    text = fmt.clean("  ".join(said))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        if set(value) == {"blob", "size_bytes"}:
            return f"({value['size_bytes']} bytes in blob {str(value['blob'])[:12]})"
        return "{" + ", ".join(f"{name}: {_value(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return f"[{len(value)}]" if len(value) > 3 else "[" + ", ".join(map(_value, value)) + "]"
    return str(value)


def _time(value: Any) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(value))
    except (TypeError, ValueError, OverflowError, OSError):
        return "-"
