"""A chart: curves in dots, nice axes, last value in the title, read-out cursor, marks.

    ┌ train/loss ────────────── 0.4120 ┐
    │ 2.0 ⢣                            │
    │     ⠈⠢⡀                          │
    │ 1.0   ⠈⠑⠢⢄⣀                      │
    │ 0.0        ⠉⠉⠒⠒⠤⠤⣀⣀              │
    └──── 0 ───────── 500 ──◆───×──────┘

Bands are shaded first; raw curves are drawn next, thin and dim; averages after, bright. Marks (checkpoints,
alerts, values that are not finite) lie on the x axis, which is the bottom border.
"""

from __future__ import annotations

import math

from opengraphs.tui.painters import plot, raster
from opengraphs.tui.painters.cells import faded, fit
from opengraphs.tui.painters.chartframe import (
    Geometry,
    Line,
    headline,
    label_column,
    legend_row,
    title_row,
    x_axis_row,
    y_ticks,
)
from opengraphs.tui.painters.chartspec import (
    Band,
    ChartSpec,
    Curve,
    Mark,
    Memo,
    bands_of,
    curves_of,
    nearest,
)
from opengraphs.tui.painters.text import pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

__all__ = [
    "Band",
    "ChartSpec",
    "Curve",
    "Mark",
    "Memo",
    "bands_of",
    "cell_span",
    "curves_of",
    "dot_columns",
    "move_cursor",
    "nearest",
    "paint",
    "x_at",
]

MIN_WIDTH = 12
MIN_HEIGHT = 4


def dot_columns(width: int, glyphs: Glyphs) -> int:
    """What to ask `/series` for (`columns`) for a chart of this width."""
    return max(1, (width - 7) * glyphs.dots[0])


def paint(spec: ChartSpec, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    """The chart as `height` rows of `width` cells. Below 12×4 only title and value are left.

    `spec.axis` is updated: it remembers the bounds shown.
    """
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return _tiny(spec, width, height, glyphs)
    made = plot.prepare(spec)
    lines, bands = made.lines, made.bands
    x_range = _x_range(lines, spec)
    legend = len({line.curve.series for line in lines if line.curve.label}) > 1
    if made.extent is None or x_range is None:
        rows = _without_curves(spec, lines, x_range, width, height, glyphs)
    else:
        y_range = spec.axis.fit_y(*made.extent, log=spec.log_y)
        rows = _with_curves(spec, lines, bands, x_range, y_range, width, height, glyphs, legend=legend)
    return faded(rows) if spec.stale else rows


def _x_range(lines: Sequence[Line], spec: ChartSpec) -> tuple[float, float] | None:
    if spec.x_range is not None:
        spec.axis.x = spec.x_range
        return spec.x_range
    ends = [x for line in lines if len(line.x) for x in (line.x[0], line.x[-1])]
    ends += [x for line in lines for x in line.curve.nonfinite]
    return spec.axis.fit_x(min(ends), max(ends), live=spec.live) if ends else None


def _with_curves(
    spec: ChartSpec,
    lines: Sequence[Line],
    bands: Sequence[tuple[Band, plot.Edge, plot.Edge]],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    legend: bool,
) -> list[Row]:
    rows_for_labels = max(1, int((height - 2) / 2.4))
    ticks, texts = y_ticks(y_range, rows_for_labels, spec.log_y, width)
    spec.axis.label_width = max(spec.axis.label_width, 3, *(len(text) for text in texts)) if texts else 3
    box = Geometry(width, height, spec.axis.label_width, legend)
    if spec.live and spec.x_range is not None:
        x_range = spec.axis.x = _on_cells(x_range, box.plot_width, glyphs)
    picture = plot.paint(spec, lines, bands, ticks, x_range, y_range, box, glyphs, legend=legend)
    labels = label_column(ticks, texts, y_range, box, glyphs)
    border = "focus" if spec.focused else "border"
    v = glyphs.box[1]
    inside = [[(v, border), *label, *row, (v, border)] for label, row in zip(labels, picture, strict=True)]
    rows = [title_row(spec, lines, width, glyphs)]
    if box.legend:
        rows.append([(v, border), *legend_row(spec, lines, width - 2, glyphs), (v, border)])
    return [*rows, *inside, x_axis_row(spec, lines, x_range, width, box, glyphs)]


def _on_cells(x_range: tuple[float, float], columns: int, glyphs: Glyphs) -> tuple[float, float]:
    """A window moved by less than a cell, to the right, so that one that follows the newest point shifts whole cells.

    Between two shifts nothing on the chart moves, and a shift repeats the same picture a cell further left.
    """
    span = x_range[1] - x_range[0]
    cell = span * glyphs.dots[0] / max(1, columns * glyphs.dots[0] - 1)
    if not cell > abs(x_range[1]) * 1e-12:
        return x_range
    end = math.ceil(x_range[1] / cell - 1e-9) * cell
    return end - span, end


def _without_curves(
    spec: ChartSpec,
    lines: Sequence[Line],
    x_range: tuple[float, float] | None,
    width: int,
    height: int,
    glyphs: Glyphs,
) -> list[Row]:
    """Nothing finite to draw: the message in the middle, marks of lost values on the axis."""
    border = "focus" if spec.focused else "border"
    v = glyphs.box[1]
    message = _message(spec, lines)
    middle = (height - 2) // 2
    body: list[Row] = []
    for index in range(height - 2):
        text = (
            pad(glyphs.clean(message), width - 2, align="center", ellipsis=glyphs.ellipsis)
            if index == middle
            else " " * (width - 2)
        )
        body.append([(v, border), (text, "dim"), (v, border)])
    bottom: Row = [(glyphs.box[4] + glyphs.box[0] * (width - 2) + glyphs.box[5], border)]
    if x_range is not None:
        bottom = x_axis_row(spec, lines, x_range, width, Geometry(width, height, 3, False), glyphs)
    return [title_row(spec, lines, width, glyphs), *body, bottom]


def _message(spec: ChartSpec, lines: Sequence[Line]) -> str:
    if not any(len(line.x) for line in lines):
        return spec.message
    if spec.x_range is not None:
        return "no points in this window"
    if spec.log_y and any(math.isfinite(number) for line in lines for number in raster.finite(line.curve.y)):
        return "no value above 0 (log y)"
    return "no finite value: all NaN or infinite"


def _tiny(spec: ChartSpec, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    lines = plot.lines_of(spec)
    head = [(glyphs.clean(spec.title), "title"), (" ", "text"), *headline(spec, lines)]
    return [fit(head if y == 0 else [], width, ellipsis=glyphs.ellipsis) for y in range(height)]


def x_at(spec: ChartSpec, width: int, height: int, column: int, glyphs: Glyphs) -> float | None:
    """The x under a cell column of the painted chart (0 is the left border); None beside the plot."""
    box = Geometry(width, height, spec.axis.label_width, False)
    cell = column - box.plot_x
    if spec.axis.x is None or not 0 <= cell < box.plot_width:
        return None
    dots = box.plot_width * glyphs.dots[0]
    dot = cell * glyphs.dots[0] + (glyphs.dots[0] - 1) / 2
    return spec.axis.x[0] + dot / max(1, dots - 1) * (spec.axis.x[1] - spec.axis.x[0])


def cell_span(spec: ChartSpec, width: int, height: int) -> float:
    """How much of x a cell of the painted chart holds; 0 before the first picture."""
    if spec.axis.x is None:
        return 0.0
    box = Geometry(width, height, spec.axis.label_width, False)
    return (spec.axis.x[1] - spec.axis.x[0]) / box.plot_width


def move_cursor(spec: ChartSpec, width: int, height: int, cells: int, glyphs: Glyphs) -> float | None:
    """Where the read-out cursor stands after moving `cells` to the right: snapped to the nearest point."""
    xs: Sequence[float] = max((curve.x for curve in spec.curves), key=len, default=())
    if not len(xs) or spec.axis.x is None:
        return None
    if spec.cursor is None:
        return xs[-1]
    box = Geometry(width, height, spec.axis.label_width, False)
    now = nearest(xs, spec.cursor) or 0
    target = spec.cursor + cells * (spec.axis.x[1] - spec.axis.x[0]) / max(1, box.plot_width)
    then = nearest(xs, target) or 0
    if then == now and cells:
        then = now + (1 if cells > 0 else -1)
    return xs[max(0, min(then, len(xs) - 1))]
