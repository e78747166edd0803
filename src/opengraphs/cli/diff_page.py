"""What is different about runs, as a page: a block for each section that differs. Pure."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli.comparing import VERDICT_STYLES, called, change
from opengraphs.cli.output import Ink
from opengraphs.cli.table import GAP, Column, cells, clip, render

SECTIONS = ("config", "args", "env", "git", "packages", "files")
NOTHING = "(none)"
_SIDES = (("-", "red"), ("+", "green"))
_LEAST_KEY = 12
_WIDE_KEY = 32


def lines(reply: dict[str, Any], *, limit: int | None, ink: Ink) -> list[str]:
    """DiffReply as a page: who is who, what differs, what the metrics say, a last line for all that is equal."""
    blocks = [_heading(reply["runs"], limit, ink)]
    blocks += [_section(name, reply, limit, ink) for name in SECTIONS if reply[name]]
    blocks.append(_metrics(reply, limit, ink))
    blocks.append(_quiet(reply, limit, ink))
    page: list[str] = []
    for block in blocks:
        page += (["", *block] if page else block) if block else []
    return page


def _marks(count: int) -> list[tuple[str, str]]:
    """Two runs are - and +, more are numbered."""
    return list(_SIDES) if count == 2 else [(str(at + 1), "") for at in range(count)]


def _heading(runs: Sequence[dict[str, Any]], limit: int | None, ink: Ink) -> list[str]:
    names = [called(run) for run in runs]
    room = max(map(cells, names)) if limit is None else max(8, limit - 14)  # beside the mark and a status
    names = [clip(name, room) for name in names]
    width = max(map(cells, names))
    return [
        f"{ink(mark, style)} {ink(name, 'bold')}{' ' * (width - cells(name))}  {ink.status(str(run['status']))}"
        for (mark, style), name, run in zip(_marks(len(runs)), names, runs, strict=True)
    ]


def _section(name: str, reply: dict[str, Any], limit: int | None, ink: Ink) -> list[str]:
    rows, same = reply[name], reply["same"].get(name, 0)
    left = reply["left_out"].get(name, 0)
    said = f"{len(rows) + left} differ" + (f", {same} equal" if same else "")
    shown = [(fmt.clean(row["key"]), _texts(row)) for row in rows]
    body = _in_columns(shown, len(reply["runs"]), limit, ink)
    more = [ink(f"  and {left} more; --json has the first {len(rows)}", "dim")] if left else []
    return [f"{ink(name, 'bold')}  {ink(said, 'dim')}", *body, *more]


def _texts(row: dict[str, Any]) -> list[str]:
    return [NOTHING if at in row["missing"] else text_of(value) for at, value in enumerate(row["values"])]


def text_of(value: Any) -> str:
    """A value on one line: texts as they are, lists of texts with commas, the rest as JSON."""
    if isinstance(value, str):
        return fmt.clean(value) or '""'
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ", ".join(fmt.clean(item) for item in value)
    return fmt.clean(json.dumps(value, ensure_ascii=False, default=str))


def _in_columns(shown: Sequence[tuple[str, list[str]]], count: int, limit: int | None, ink: Ink) -> list[str]:
    """`key  - old  + new` where every value fits into its share of the width, else a line a value."""
    marks = _marks(count)
    key_width = min(_WIDE_KEY, max(cells(key) for key, _ in shown))
    widths = [max(cells(texts[at]) for _, texts in shown) for at in range(count)]
    share = None if limit is None else (limit - 2 - key_width) // count - len(GAP) - 2
    if share is not None:
        widths = [min(width, max(share, 4)) for width in widths]
    out: list[str] = []
    for key, texts in shown:
        if cells(key) <= key_width and all(
            cells(text) <= width for text, width in zip(texts, widths, strict=True)
        ):
            parts = [
                ink(f"{mark} {text}", style if text != NOTHING else "dim") + " " * (width - cells(text))
                for (mark, style), text, width in zip(marks, texts, widths, strict=True)
            ]
            out.append(f"  {key}{' ' * (key_width - cells(key))}{GAP}{GAP.join(parts)}".rstrip())
        else:
            out.append(f"  {key}")
            for (mark, style), text in zip(marks, texts, strict=True):
                out += _wrapped(mark, text, style, limit, ink)
    return out


def _wrapped(mark: str, text: str, style: str, limit: int | None, ink: Ink) -> list[str]:
    """A long value over as many lines as it takes, nothing of it cut."""
    room = len(text) if limit is None else max(_LEAST_KEY, limit - 5 - len(mark))
    pieces = [text[at : at + room] for at in range(0, len(text), room)] or [""]
    heads = [mark, *(" " * len(mark) for _ in pieces[1:])]
    return [f"    {ink(f'{head} {piece}', style)}" for head, piece in zip(heads, pieces, strict=True)]


def _metrics(reply: dict[str, Any], limit: int | None, ink: Ink) -> list[str]:
    """Metrics that moved; those that stayed the same are only counted."""
    moved = [row for row in reply["metrics"] if not _is_still(row)]
    still = len(reply["metrics"]) - len(moved)
    left = reply["left_out"].get("metrics", 0)
    if not moved:
        return []
    said = "at the last equal step" + (f", {still} equal" if still else "")
    table = _pair_table(moved, limit, ink) if len(reply["runs"]) == 2 else _many_table(moved, limit, ink)
    more = [ink(f"  and {left} more; --metrics chooses", "dim")] if left else []
    return [f"{ink('metrics', 'bold')}  {ink(said, 'dim')}", *(f"  {line}" for line in table), *more]


def _is_still(row: dict[str, Any]) -> bool:
    """All runs have it, and it is the same at the equal step, at the best and at the end."""
    parts = (row, row["last"], *([row["best"]] if row["better"] else []))
    return not row["missing"] and all(delta == 0 for part in parts for delta in part["deltas"][1:])


def _pair_table(rows: Sequence[dict[str, Any]], limit: int | None, ink: Ink) -> list[str]:
    columns = (
        Column("METRIC", elastic=True),
        Column("STEP", weight=2, right=True),
        Column("-", right=True),
        Column("+", right=True),
        Column("CHANGE"),
        Column("BEST -", weight=1, right=True),
        Column("BEST +", weight=1, right=True),
        Column("CHANGE", weight=1),
    )
    shown: list[list[str]] = []
    styles: dict[tuple[int, int], tuple[str, ...]] = {}
    for at, row in enumerate(rows):
        best = row["best"]
        best_verdict = best["verdicts"][1]
        shown.append(
            [
                fmt.clean(row["key"]),
                _step(row),
                *(_value(row["values"][side]) for side in (0, 1)),
                change(row["delta"], row["verdicts"][1]),
                *(_value(best["values"][side]) for side in (0, 1)),
                change(best["delta"], best_verdict),
            ]
        )
        styles[at, 4] = (VERDICT_STYLES.get(row["verdicts"][1], "dim"),)
        styles[at, 7] = (VERDICT_STYLES.get(best_verdict, "dim"),)
    return render(columns, shown, limit=None if limit is None else limit - 2, ink=ink, styles=styles)


def _many_table(rows: Sequence[dict[str, Any]], limit: int | None, ink: Ink) -> list[str]:
    count = len(rows[0]["values"])
    columns = [Column("METRIC", elastic=True), Column("STEP", weight=1, right=True), Column("1", right=True)]
    columns += [Column(str(at + 1)) for at in range(1, count)]
    shown: list[list[str]] = []
    styles: dict[tuple[int, int], tuple[str, ...]] = {}
    for at, row in enumerate(rows):
        others = [_with_change(row, side) for side in range(1, count)]
        shown.append([fmt.clean(row["key"]), _step(row), _value(row["values"][0]), *others])
        for side in range(1, count):
            styles[at, 2 + side] = (VERDICT_STYLES.get(row["verdicts"][side], ""),)
    return render(columns, shown, limit=None if limit is None else limit - 2, ink=ink, styles=styles)


def _with_change(row: dict[str, Any], side: int) -> str:
    """`0.5 ▼ -0.5 ✓`: a run's value, and what that is against the first run."""
    value, delta = _value(row["values"][side]), row["deltas"][side]
    return value if delta is None else f"{value} {change(delta, row['verdicts'][side])}"


def _step(row: dict[str, Any]) -> str:
    return "-" if row["step"] is None else str(row["step"])


def _value(value: Any) -> str:
    return fmt.number(value)


def _quiet(reply: dict[str, Any], limit: int | None, ink: Ink) -> list[str]:
    """One line for what is equal, not recorded, or left out."""
    equal = [f"{name} {reply['same'][name]}" for name in SECTIONS if not reply[name] and reply["same"][name]]
    if reply["metrics"] and all(map(_is_still, reply["metrics"])):
        equal.append(f"metrics {len(reply['metrics'])}")
    parts = [f"equal: {', '.join(equal)}"] if equal else []
    unknown = [
        f"{name} (in part)" if reply[name] or reply["same"][name] else name
        for name in SECTIONS
        if reply["unknown"].get(name)
    ]
    if unknown:
        parts.append(f"not recorded: {', '.join(unknown)}")
    if reply["ignored"]:
        parts.append(f"{len(reply['ignored'])} ignored (--all shows them)")
    text = "; ".join(parts)
    return [ink(line, "dim") for line in (textwrap.wrap(text, limit) if limit else [text]) if line]
