"""Runs as an aligned table. Pure."""

from __future__ import annotations

from typing import Any

from opengraphs.cli import format as fmt
from opengraphs.cli.output import STATUS_STYLES, Ink
from opengraphs.cli.table import Column, render

COLUMNS = (
    Column("RUN"),
    Column("NAME", weight=1, elastic=True),
    Column("PROJECT", weight=4, elastic=True),
    Column("STATUS"),
    Column("STEP", weight=2, right=True),
    Column("METRIC", weight=3, elastic=True),
    Column("STARTED", weight=2),
    Column("TOOK", weight=5, right=True),
)
_STATUS = 3


def lines(runs: list[dict[str, Any]], *, now: float, limit: int | None, ink: Ink) -> list[str]:
    """The table of `runs`, one line each under a header.

    Args:
        now: epoch seconds that ages are counted to.
        limit: columns of the terminal; None writes everything out.
    """
    rows = [_row(run, now, short=limit is not None and limit < 80) for run in runs]
    styles: dict[tuple[int, int], tuple[str, ...]] = {}
    for at, run in enumerate(runs):
        styles[at, _STATUS] = (STATUS_STYLES.get(str(run.get("status")), ""),)
        styles.update({(at, column): ("dim",) for column in (0, 2, 6, 7)})
    return render(COLUMNS, rows, limit=limit, ink=ink, styles=styles)


def _row(run: dict[str, Any], now: float, *, short: bool) -> list[str]:
    run_id = str(run.get("run_id", ""))
    return [
        run_id.rpartition("-")[2] if short else run_id,
        fmt.clean(str(run.get("name") or "")),
        fmt.clean(str(run.get("project") or "")),
        str(run.get("status", "")),
        fmt.progress(run),
        fmt.shown_metric(run),
        fmt.age(run.get("started_at") or run.get("created_at"), now=now),
        fmt.duration(fmt.took(run, now=now)),
    ]


def footer(shown: int, total: int) -> str:
    """What the table leaves out; empty when it leaves out nothing."""
    return f"{shown} of {total} runs; --limit {total} shows all" if shown < total else ""
