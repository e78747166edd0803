"""Recent runs as cards: name, status, sparkline of the main metric, last value, age."""

from __future__ import annotations

from opengraphs.tui.painters import numbers, table
from opengraphs.tui.painters.cells import beside, blank, fit
from opengraphs.tui.painters.frame import status_mark, top_border
from opengraphs.tui.painters.spark import sparkline
from opengraphs.tui.painters.text import cell_len, clip_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from opengraphs.protocol.runs import RunRow
    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

CARD_HEIGHT = 5
MIN_CARD_WIDTH = 28
_SMALLEST = 8
"""Narrower cards are cut off rather than laid out."""


def per_row(width: int) -> int:
    """How many cards stand side by side."""
    return max(1, min(6, width // MIN_CARD_WIDTH))


def paint(
    runs: Sequence[RunRow], width: int, height: int, glyphs: Glyphs, *, now: float, cursor: str | None = None
) -> list[Row]:
    """The first `per_row(width)` runs as cards of CARD_HEIGHT rows. cursor: run id of the highlighted card."""
    count = per_row(width)
    base, rest = divmod(width, count)
    widths = [base + (index < rest) for index in range(count)]
    shown = list(runs[:count])
    blocks = [
        _card(shown[index], size, height, glyphs, now=now, cursor=cursor)
        if index < len(shown)
        else blank(size, height)
        for index, size in enumerate(widths)
    ]
    return beside(*blocks)


def _card(
    run: RunRow, width: int, height: int, glyphs: Glyphs, *, now: float, cursor: str | None
) -> list[Row]:
    lit = run.get("run_id") == cursor
    role = "focus" if lit else "border"
    v, bl, br, h = glyphs.box[1], glyphs.box[4], glyphs.box[5], glyphs.box[0]
    mark, mark_role = status_mark(run.get("status", ""), glyphs)
    name = glyphs.clean(run.get("name") or run.get("run_id", ""))
    title: Row = [(f"{mark} ", mark_role), (name, "b:accent" if lit else "title")]
    rows = [top_border(width, glyphs, title=title, right=[(table.age_text(run, now), "dim")], role=role)]
    content = _content(run, width - 2, glyphs)
    for index in range(max(0, height - 2)):
        inner = content[index] if index < len(content) else []
        rows.append([(v, role), *fit(inner, width - 2, ellipsis=glyphs.ellipsis), (v, role)])
    rows.append([(bl + h * (width - 2) + br, role)])
    return [fit(row, width) for row in rows[:height]] if width < _SMALLEST else rows[:height]


def _content(run: RunRow, inner: int, glyphs: Glyphs) -> list[Row]:
    """Metric with its last value, sparkline, progress."""
    metric = run.get("main_metric")
    last = (run.get("last") or {}).get(metric) if metric else None
    number = numbers.value(last) if metric else ""
    label = clip_left(
        glyphs.clean(metric or "no metrics yet"),
        max(1, inner - 3 - cell_len(number)),
        ellipsis=glyphs.ellipsis,
    )
    gap = max(1, inner - 2 - cell_len(label) - cell_len(number))
    first: Row = [(" ", "text"), (label, "dim"), (" " * gap, "text"), (number, "b:series.0")]
    spark = sparkline(run.get("spark") or [], max(0, inner - 2), glyphs)
    role = "series.0" if run.get("status") == "running" else "dim"
    return [first, [(" ", "text"), (spark, role)], _progress(run, inner, glyphs)]


def _progress(run: RunRow, inner: int, glyphs: Glyphs) -> Row:
    status = run.get("status", "")
    _, role = status_mark(status, glyphs)
    step = table.step_text(run)
    gap = max(1, inner - 2 - cell_len(status) - cell_len(step))
    return [(" ", "text"), (status, role), (" " * gap, "text"), (step, "dim")]
