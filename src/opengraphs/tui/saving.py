"""The picture or its values as a file: where it goes, and what stands in it. Nothing is ever written over."""

from __future__ import annotations

import csv
import io
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs.errors import StoreError
from opengraphs.tui import svg
from opengraphs.tui.painters.cells import plain
from opengraphs.tui.questions import SeriesQuestion

if TYPE_CHECKING:
    from opengraphs.tui.model import Desk
    from opengraphs.tui.painters.cells import Row
    from opengraphs.tui.screens.base import View
    from opengraphs.tui.theme import Theme

KINDS = ("svg", "txt", "csv")
Table = list[list[Any]]
"""A heading and the rows below it."""


def write(folder: Path, stem: str, suffix: str, text: str) -> Path:
    """A new file `stem.suffix`, or `stem-2.suffix` and so on where there is one.

    Raises:
        StoreError: the folder cannot be written to.
    """
    for number in range(1, 1000):
        path = folder / (f"{stem}-{number}.{suffix}" if number > 1 else f"{stem}.{suffix}")
        if write_new(path, text):
            return path
    raise StoreError(f"there are too many files {stem}-N.{suffix}", path=str(folder))


def write_new(path: Path, text: str) -> bool:
    """Write a file that is not there yet; False, and nothing written, where it is.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise StoreError(f"cannot be written ({error.strerror})", path=str(path)) from error
    return True


def folder(wanted: str) -> Path:
    """`ui.export_dir`, or the working folder; absolute."""
    return Path(os.path.expanduser(wanted or ".")).absolute()  # noqa: PTH111 - an unknown ~user stays as it is


def stem(desk: Desk) -> str:
    """og, screen, run and time."""
    name = "" if desk.screen == "runs" else str(desk.graphs.run.get("name") or desk.graphs.ref or "")
    safe = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:60]
    when = time.strftime("%Y%m%d-%H%M%S", time.localtime(desk.clock()))
    return "-".join(part for part in ("og", desk.screen, safe, when) if part)


def as_csv(table: Table) -> str:
    """Values as they are; what is missing is empty."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(table)
    return out.getvalue()


def table(view: View) -> Table:
    """What the screen shows, as values: its own table, else series, runs, lines, or what its answers hold; [] for none."""
    own = view.table()
    if own:
        return own
    makers = {"graphs": _series, "runs": _runs, "logs": _lines}
    return makers.get(view.name, _answers)(view)


def _series(view: View) -> Table:
    """The points of the charts in view, as they are drawn: thinned to the width, smoothed curves too."""
    curves = view.desk.graphs.curves
    shown = [
        m for q in view.wants() if isinstance(q, SeriesQuestion) and q.slot == "series" for m in q.metrics
    ]
    rows: Table = []
    for metric in shown:
        for one in curves[metric].series if metric in curves else ():
            lead = [one["run"], one["metric"], one.get("derived") or "", _or_empty(one.get("rank"))]
            rows += [[*lead, x, y] for x, y in zip(one["x"], one["y"], strict=True)]
    return [["run", "metric", "derived", "rank", view.desk.graphs.curves_x, "value"], *rows] if rows else []


def _runs(view: View) -> Table:
    """The rows of the table that are on the screen, with the last value of each metric."""
    rows = [row for row in view.desk.runs.visible() if row.get("run_id")]
    metrics = sorted({key for row in rows for key in row.get("last") or {}})
    facts = ("run_id", "name", "project", "status", "created_at", "ended_at", "last_step")
    body = [
        [
            *(_or_empty(row.get(name)) for name in facts),
            *(_or_empty((row.get("last") or {}).get(m)) for m in metrics),
        ]
        for row in rows
    ]
    return [[*facts, *metrics], *body] if rows else []


def _lines(view: View) -> Table:
    """The log lines on the screen."""
    logs = view.desk.logs
    numbers = [n for n in range(logs.top, logs.top + logs.height) if n in logs.lines]
    return [["line", "text"], *([n + 1, logs.lines[n]["text"]] for n in numbers)] if numbers else []


def _answers(view: View) -> Table:
    """The series of its own answers, where they hold any; else the first list of things with facts in them."""
    replies = [reply for slot in view.own_slots or view.slots if (reply := view.desk.replies.get(slot))]
    series = [one for reply in replies for one in _series_in(reply)]
    if series:
        facts = ("run", "metric", "derived", "rank")
        body = [
            [*(_or_empty(one.get(name)) for name in facts), x, y]
            for one in series
            for x, y in zip(one["x"], one["y"], strict=False)
        ]
        return [[*facts, "x", "value"], *body]
    lists = (things for reply in replies for value in reply.values() if (things := _things(value)))
    return _facts_of(next(lists, []))


def _series_in(value: object, depth: int = 4) -> Iterator[dict[str, Any]]:
    """The series anywhere in an answer: what has x and y."""
    if isinstance(value, dict) and isinstance(value.get("x"), list) and isinstance(value.get("y"), list):
        yield value
    elif isinstance(value, (dict, list)) and depth:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _series_in(part, depth - 1)


def _things(value: object) -> list[dict[str, Any]]:
    return value if isinstance(value, list) and value and all(isinstance(one, dict) for one in value) else []


def _facts_of(things: list[dict[str, Any]]) -> Table:
    """A column for every fact that is one value, in the order in which they come up."""
    plain = (str, int, float, bool, type(None))
    names = dict.fromkeys(name for one in things for name, value in one.items() if isinstance(value, plain))
    return [list(names), *([_or_empty(one.get(name)) for name in names] for one in things)] if names else []


def _or_empty(value: Any) -> Any:
    return "" if value is None else value


def made(kind: str, rows: Sequence[Row], values: Table, theme: Theme, depth: str) -> str:
    """The text of a file of one of `KINDS`."""
    if kind == "svg":
        return svg.document(rows, theme, depth)
    return as_csv(values) if kind == "csv" else "".join(line.rstrip() + "\n" for line in plain(rows))
