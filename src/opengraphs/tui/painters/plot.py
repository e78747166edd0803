"""What lies inside the axes of a chart: bands and curves in dots, the cursor, the guides.

    points ─ Line, Edge (floats, log10, gaps) ─ raster ─ layers ─ cursor and guides ─ rows

Points and rows are kept in the chart's memo: another frame or a moved cursor draws no curve again.
"""

from __future__ import annotations

import math

from opengraphs.tui.painters import raster
from opengraphs.tui.painters.chartframe import Geometry, Line, cell_of, row_of
from opengraphs.tui.painters.chartspec import Band, ChartSpec, Memo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

_BOLD_FROM = 6
_BOLD_UP_TO = 2
_BOLD_DOTS = 4
"""An average is two dots thick in plots of 6 rows or more, unless more than two runs share them or dots are coarse."""


_FARTHEST = 1e300
"""An axis ends here, so that its own arithmetic stays finite; what lies beyond is off the chart."""


class Edge:
    """One side of a band ready to draw; as `Line`, without what a legend needs."""

    __slots__ = ("x", "y")

    def __init__(self, x: Sequence[float], y: list[float]) -> None:
        self.x = x
        self.y = y


class Prepared:
    """The points of a chart as they are drawn, and how far they reach inside the window."""

    __slots__ = ("bands", "extent", "lines")

    def __init__(
        self,
        lines: list[Line],
        bands: list[tuple[Band, Edge, Edge]],
        extent: tuple[float, float] | None,
    ) -> None:
        self.lines = lines
        self.bands = bands
        self.extent = extent
        """Lowest and highest finite value; None when there is none."""


def prepare(spec: ChartSpec) -> Prepared:
    """Floats, logarithms and gaps of every curve; those of last time when the points are the same."""
    looks: tuple[object, ...] = (
        spec.log_y,
        spec.x_range,
        *(curve.unread for curve in spec.curves),
        *(band.unread for band in spec.bands),
    )
    data = _data(spec)
    known = spec.memo.find("points", looks, data) if spec.memo is not None else None
    if isinstance(known, Prepared):
        lines = [Line(curve, old.x, old.y) for curve, old in zip(spec.curves, known.lines, strict=True)]
        bands = [(band, *old[1:]) for band, old in zip(spec.bands, known.bands, strict=True)]
        return Prepared(lines, bands, known.extent)
    lines, bands = lines_of(spec), edges_of(spec)
    made = Prepared(lines, bands, _extent([*lines, *(edge for _, *edges in bands for edge in edges)], spec))
    if spec.memo is not None:
        spec.memo.keep("points", looks, data, made)
    return made


def _extent(lines: Sequence[Line | Edge], spec: ChartSpec) -> tuple[float, float] | None:
    inf = math.inf
    window = spec.x_range
    seen: list[float] = []
    for line in lines:
        ys: Sequence[float] = line.y
        if window is not None:
            ys = [y for x, y in zip(line.x, line.y, strict=True) if window[0] <= x <= window[1]]
        values = [y for y in ys if -inf < y < inf]
        if values:
            seen += (min(values), max(values))
    return (max(-_FARTHEST, min(seen)), min(_FARTHEST, max(seen))) if seen else None


def lines_of(spec: ChartSpec) -> list[Line]:
    return [Line(curve, *_drawn(curve.x, curve.y, curve.unread, log=spec.log_y)) for curve in spec.curves]


def edges_of(spec: ChartSpec) -> list[tuple[Band, Edge, Edge]]:
    """Every band with its lower and upper edge."""
    return [
        (
            band,
            Edge(*_drawn(*band.low, band.unread, log=spec.log_y)),
            Edge(*_drawn(*band.high, band.unread, log=spec.log_y)),
        )
        for band in spec.bands
    ]


def _drawn(
    xs: Sequence[float], ys: Sequence[float | str], unread: tuple[float, float] | None, *, log: bool
) -> tuple[Sequence[float], list[float]]:
    """Points as they are drawn: floats, log10 on a log axis, a gap where points are still to be read."""
    out = raster.finite(ys)
    if log:
        out = [math.log10(y) if 0 < y < math.inf else math.nan for y in out]
    return (xs, out) if unread is None else _broken(xs, out, unread)


def _broken(
    xs: Sequence[float], ys: list[float], unread: tuple[float, float]
) -> tuple[Sequence[float], list[float]]:
    """No line from the last point before the unread stretch to the first one after it."""
    low, high = unread
    after = next((at for at, x in enumerate(xs) if x >= high), len(xs))
    if not 0 < after < len(xs) or xs[after - 1] > low:
        return xs, ys
    return [*xs[:after], (low + high) / 2, *xs[after:]], [*ys[:after], math.nan, *ys[after:]]


def paint(
    spec: ChartSpec,
    lines: Sequence[Line],
    bands: Sequence[tuple[Band, Edge, Edge]],
    ticks: Sequence[float],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    box: Geometry,
    glyphs: Glyphs,
    *,
    legend: bool,
) -> list[Row]:
    """The rows inside the axes: those of last time when nothing in them is different, with the cursor over them."""
    memo = Memo() if spec.memo is None else spec.memo
    looks, data = _identity(spec, x_range, y_range, box, glyphs, legend=legend)
    rows: list[Row] | None = memo.find("plot", (*looks, *ticks), data)  # type: ignore[assignment]
    if rows is None:
        canvas = _layers(lines, bands, x_range, y_range, box, glyphs, legend=legend)
        _guides(canvas, ticks, y_range, glyphs)
        rows = canvas.render()
        memo.keep("plot", (*looks, *ticks), data, rows)
    edges = [x for x in (spec.cursor, *(spec.selection or ())) if x is not None]
    for x in edges:
        cell = cell_of(x, x_range, box.plot_width, glyphs)
        if cell is not None:
            rows = [_crossed(row, cell, glyphs) for row in rows]
    return rows


def _crossed(row: Row, cell: int, glyphs: Glyphs) -> Row:
    """A row with the cursor in one of its cells, where there is no dot. Every character is one cell wide."""
    start = 0
    for index, (text, role) in enumerate(row):
        at = cell - start
        if at < len(text):
            if text[at] != " " and text[at] != glyphs.guide:
                return row
            pieces = [(text[:at], role), (glyphs.cursor, "dim"), (text[at + 1 :], role)]
            return [*row[:index], *(piece for piece in pieces if piece[0]), *row[index + 1 :]]
        start += len(text)
    return row


def _identity(
    spec: ChartSpec,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    box: Geometry,
    glyphs: Glyphs,
    *,
    legend: bool,
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """All that the layers of a plot depend on: what is compared by value, and what by identity."""
    looks: list[object] = [x_range, y_range, box.plot_width, box.plot_height, legend, spec.log_y]
    looks += [glyphs.name, glyphs.textured]
    looks += [(curve.series, curve.thin, curve.unread) for curve in spec.curves]
    looks += [(band.series, band.unread) for band in spec.bands]
    return tuple(looks), _data(spec)


def _data(spec: ChartSpec) -> tuple[object, ...]:
    """What is known by identity: the points themselves."""
    data: list[object] = [values for curve in spec.curves for values in (curve.x, curve.y)]
    data += [values for band in spec.bands for edge in (band.low, band.high) for values in edge]
    return tuple(data)


def _layers(
    lines: Sequence[Line],
    bands: Sequence[tuple[Band, Edge, Edge]],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    box: Geometry,
    glyphs: Glyphs,
    *,
    legend: bool,
) -> raster.Canvas:
    """Bands and curves in dots, with their markers."""
    canvas = raster.Canvas(box.plot_width, box.plot_height, glyphs)
    for band, low, high in bands:
        _shade(canvas, band, low, high, x_range, y_range, glyphs)
    thin = {line.curve.series for line in lines if line.curve.thin}
    roomy = box.plot_height >= _BOLD_FROM and glyphs.dots[1] >= _BOLD_DOTS
    bold = thin if roomy and len(thin) <= _BOLD_UP_TO else set()
    tops = [_draw(canvas, line, x_range, y_range, glyphs, alone=not legend, bold=bold) for line in lines]
    if glyphs.textured and legend:
        for line, top in zip(lines, tops, strict=True):
            _mark_line(canvas, line, top, x_range, glyphs)
    return canvas


def _shade(
    canvas: raster.Canvas,
    band: Band,
    low: Edge,
    high: Edge,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    glyphs: Glyphs,
) -> None:
    """A band as a dim layer of sparse dots under the lines."""
    size = {"columns": canvas.columns * glyphs.dots[0], "rows": canvas.rows * glyphs.dots[1]}
    top, _ = raster.envelope(high.x, high.y, x_range=x_range, y_range=y_range, **size)
    _, bottom = raster.envelope(low.x, low.y, x_range=x_range, y_range=y_range, **size)
    cells = raster.pack(top, bottom, canvas.columns, canvas.rows, glyphs)
    if not glyphs.shade:
        cells = raster.sparse(cells)
    canvas.add(cells, f"series.{band.series}.dim", marker=glyphs.shade)


def _draw(
    canvas: raster.Canvas,
    line: Line,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    glyphs: Glyphs,
    *,
    alone: bool,
    bold: set[int],
) -> tuple[list[int], list[int]]:
    """One curve as a layer; returns its envelope for the markers."""
    curve = line.curve
    columns, rows = canvas.columns * glyphs.dots[0], canvas.rows * glyphs.dots[1]
    top, bottom = raster.envelope(
        line.x, line.y, x_range=x_range, y_range=y_range, columns=columns, rows=rows
    )
    lonely = raster.lonely(top, bottom)
    if not curve.thin and curve.series in bold:
        raster.thicken(top, bottom)
    role = f"series.{curve.series}.dim" if curve.thin else f"series.{curve.series}"
    if glyphs.textured and not alone and not curve.thin:
        raster.dash(top, bottom, curve.series)
    marker = (
        glyphs.legend[curve.series % len(glyphs.legend)]
        if glyphs.ascii_only and not alone and not curve.thin
        else ""
    )
    canvas.add(
        raster.pack(top, bottom, canvas.columns, canvas.rows, glyphs),
        role,
        marker=marker,
        replace=not curve.thin,
    )
    if lonely is not None:
        at = (lonely[0] // glyphs.dots[0], lonely[1] // glyphs.dots[1])
        canvas.stamp(*at, glyphs.marks["point"], role)
    return top, bottom


def _mark_line(
    canvas: raster.Canvas,
    line: Line,
    span: tuple[list[int], list[int]],
    x_range: tuple[float, float],
    glyphs: Glyphs,
) -> None:
    """The series' marker along its line, so that lines are told apart without colour."""
    if line.curve.thin:
        return
    marker = glyphs.legend[line.curve.series % len(glyphs.legend)]
    top, bottom = span
    sub_columns, sub_rows = glyphs.dots
    for cell in range(2 + 5 * line.curve.series % 15, canvas.columns, 15):
        column = cell * sub_columns
        if top[column] <= bottom[column]:
            canvas.stamp(
                cell, (top[column] + bottom[column]) // 2 // sub_rows, marker, f"series.{line.curve.series}"
            )


def _guides(
    canvas: raster.Canvas, ticks: Sequence[float], y_range: tuple[float, float], glyphs: Glyphs
) -> None:
    """Faint dots at the height of every y label, in every other empty cell."""
    for tick in ticks if glyphs.guide else ():
        row = row_of(tick, y_range, canvas.rows, glyphs)
        if row is not None and row < canvas.rows - 1:
            for cell in range(0, canvas.columns, 2):
                canvas.stamp_empty(cell, row, glyphs.guide, "border")
