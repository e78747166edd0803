"""Runs, or groups of runs, side by side as a table with a curve each. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli.comparing import VERDICT_STYLES, change, direction_words
from opengraphs.cli.output import STATUS_STYLES, Ink
from opengraphs.cli.table import GAP, Column, cells, clip, natural_width, render
from opengraphs.tui.glyphs import BRAILLE
from opengraphs.tui.painters.spark import sparkline

PIPE_CURVE = 24
"""Width of a curve where there is no terminal to fit it into."""
LEAST_CURVE = 8
MOST_CURVE = 60
_RUNS = (
    Column("RUN"),
    Column("NAME", weight=1, elastic=True),
    Column("STATUS", weight=4),
    Column("LAST", right=True),
    Column("BEST", right=True),
    Column("@STEP", weight=3, right=True),
    Column("Δ LAST", weight=2),
    Column("Δ BEST"),
)
_GROUPS = (
    Column("GROUP", elastic=True),
    Column("RUNS", right=True),
    Column("MEAN", right=True),
    Column("P50", weight=1, right=True),
    Column("P95", weight=1, right=True),
    Column("MIN", weight=3, right=True),
    Column("MAX", weight=3, right=True),
    Column("N", weight=2, right=True),
)
_CURVE = Column("CURVE")
_FIRST_DELTA = 6


def run_lines(reply: dict[str, Any], *, limit: int | None, ink: Ink) -> list[str]:
    """The table of one metric: CompareReply as lines; deltas are against the first run."""
    runs = reply["runs"]
    best = _best_of_all(runs, reply["direction"])
    step = reply["equal_step"]
    is_level = all(run["last"]["step"] == step for run in runs if run["last"] is not None)
    deltas = ("last", "best") if is_level or step is None else ("last", "best", "equal_step")
    columns = [*_RUNS, *([Column(f"Δ @{step}", weight=5)] if len(deltas) > 2 else [])]
    rows = [_run_row(run, deltas, short=limit is not None, is_best=run is best) for run in runs]
    curves = [_curve_of(run["smoothed"] or run["series"]) for run in runs]
    styles: dict[tuple[int, int], tuple[str, ...]] = {}
    for at, run in enumerate(runs):
        styles[at, 0] = ("dim",)
        styles[at, 2] = (STATUS_STYLES.get(str(run["status"]), ""),)
        styles[at, 4] = ("bold",) if run is best else ()
        for place, name in enumerate(deltas):
            styles[at, _FIRST_DELTA + place] = (VERDICT_STYLES.get(run["verdict"][name], "dim"),)
    said = [direction_words(reply["direction"])]
    if step is not None and len(runs) > 1:
        said.append(f"last equal step {step}")
    return [_head(reply, said, limit, ink), *_with_curves(columns, rows, curves, limit, ink, styles)]


def _head(reply: dict[str, Any], said: Sequence[str], limit: int | None, ink: Ink) -> str:
    key, rest = fmt.clean(reply["metric_key"]), GAP.join(said)
    if limit is not None:
        key = clip(key, limit)
        rest = clip(rest, limit - cells(key) - len(GAP))
    return f"{ink(key, 'bold')}{GAP}{ink(rest, 'dim')}".rstrip()


def _best_of_all(runs: Sequence[dict[str, Any]], direction: str | None) -> dict[str, Any] | None:
    known = [run for run in runs if run["best"] is not None]
    if direction is None or len(known) < 2:
        return None
    pick = min if direction == "min" else max
    return pick(known, key=lambda run: run["best"]["value"])


def _run_row(run: dict[str, Any], deltas: Sequence[str], *, short: bool, is_best: bool) -> list[str]:
    run_id = str(run["run"])
    shown_id = run_id.rpartition("-")[2] if short else run_id
    name, status = fmt.clean(str(run["name"])), str(run["status"])
    if run["missing"]:
        return [shown_id, name, status, "no such metric", "", "", *("" for _ in deltas)]
    best = run["best"]
    return [
        shown_id,
        name,
        status,
        fmt.number(run["last"]["value"]),
        f"{fmt.number(best['value'])}{'*' if is_best else ''}" if best else "-",
        str(best["step"] if best else run["last"]["step"]),
        *(change(run["delta"][name], run["verdict"][name]) for name in deltas),
    ]


def group_lines(reply: dict[str, Any], *, limit: int | None, ink: Ink) -> list[str]:
    """The table of one metric by groups: GroupReply as lines; figures are those at each group's end."""
    groups = reply["groups"]
    rows = [_group_row(group) for group in groups]
    curves = [(group["x"], group["mean"]) for group in groups]
    grid = reply["grid"]
    said = [f"by {fmt.clean(reply['by'])}"]
    if grid is not None:
        unit = "step" if reply["align_by"] == "step" else "s"
        said.append(f"{unit} {fmt.number(grid['low'])} to {fmt.number(grid['high'])}, each group at its end")
    lines = [_head(reply, said, limit, ink), *_with_curves(_GROUPS, rows, curves, limit, ink, {})]
    without = (("ungrouped", f"without {fmt.clean(reply['by'])}"), ("missing", "without the metric"))
    quiet = [f"{len(reply[name])} {words}" for name, words in without if reply[name]]
    return [*lines, ink(", ".join(quiet), "dim")] if quiet else lines


def _group_row(group: dict[str, Any]) -> list[str]:
    value = group["value"]
    shown = fmt.number(value) if isinstance(value, float) else fmt.clean(str(value))
    figures = [
        fmt.number(group[name][-1]) if group["x"] else "-" for name in ("mean", "p50", "p95", "min", "max")
    ]
    return [shown, str(len(group["runs"])), *figures, str(group["n"][-1]) if group["x"] else "0"]


Curve = tuple[list[float], list[Any]]


def _curve_of(series: dict[str, Any] | None) -> Curve:
    return (series["x"], series["y"]) if series else ([], [])


def _with_curves(
    columns: Sequence[Column],
    rows: list[list[str]],
    curves: list[Curve],
    limit: int | None,
    ink: Ink,
    styles: dict[tuple[int, int], tuple[str, ...]],
) -> list[str]:
    """The table, with curves in what is left of the width or, where too little is, below it.

    All curves are drawn over one x axis and on one scale.
    """
    if not any(x for x, _ in curves):
        return render(columns, rows, limit=limit, ink=ink, styles=styles)
    width = PIPE_CURVE if limit is None else min(MOST_CURVE, limit - natural_width(columns, rows) - len(GAP))
    if width < LEAST_CURVE:
        table = render(columns, rows, limit=limit, ink=ink, styles=styles)
        return [*table, *_below([row[0] for row in rows], curves, limit or MOST_CURVE, ink)]
    full = [[*row, spark.rstrip()] for row, spark in zip(rows, sparks(curves, width), strict=True)]
    painted = {**styles, **{(at, len(columns)): ("cyan",) for at in range(len(rows))}}
    return render([*columns, _CURVE], full, limit=limit, ink=ink, styles=painted)


def _below(titles: Sequence[str], curves: list[Curve], limit: int, ink: Ink) -> list[str]:
    """A line for each curve, behind what the first column calls it."""
    shown = [clip(title, max(4, limit // 3)) for title in titles]
    indent = max(map(cells, shown))
    width = min(MOST_CURVE, limit - indent - len(GAP))
    if width < LEAST_CURVE:
        return []
    return [
        f"{ink(title, 'dim')}{' ' * (indent - cells(title))}{GAP}{ink(spark.rstrip(), 'cyan')}".rstrip()
        for title, spark in zip(shown, sparks(curves, width), strict=True)
    ]


def sparks(curves: Sequence[Curve], width: int) -> list[str]:
    """Each curve in one line of `width` cells, over the x that all of them span and on one scale."""
    finite = [[(x, y) for x, y in zip(*curve, strict=True) if isinstance(y, int | float)] for curve in curves]
    places = [x for curve in finite for x, _ in curve]
    if not places:
        return [" " * width for _ in curves]
    columns = [_columns(curve, min(places), max(places), width) for curve in finite]
    heights = [y for row in columns for y in row if math.isfinite(y)]
    bounds = (min(heights), max(heights)) if heights else None
    return [sparkline(row, width, BRAILLE, bounds=bounds) for row in columns]


def _columns(curve: list[tuple[float, float]], low: float, high: float, width: int) -> list[float]:
    """The mean of each of `width` columns; one without a point repeats the one before it."""
    sums, counts = [0.0] * width, [0] * width
    for x, y in curve:
        at = min(width - 1, int((x - low) / (high - low) * width)) if high > low else 0
        sums[at] += y
        counts[at] += 1
    last = max((at for at, count in enumerate(counts) if count), default=-1)
    found: list[float] = []
    for at in range(width):
        if counts[at]:
            found.append(sums[at] / counts[at])
        else:
            found.append(found[-1] if found and at < last else math.nan)
    return found
