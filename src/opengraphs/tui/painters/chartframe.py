"""What stands around the curves of a chart: title, legend, labels, the axis with its marks."""

from __future__ import annotations

from opengraphs.tui.painters import axis, numbers
from opengraphs.tui.painters.cells import fit, join, row_width
from opengraphs.tui.painters.chartspec import ChartSpec, Curve, nearest
from opengraphs.tui.painters.frame import top_border
from opengraphs.tui.painters.text import cell_len, clip_left, pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

_LABELS_FROM = 22
"""Narrower charts go without y labels."""

_LEAST_LABELS = 2
_LEAST_NAME = 8
"""A legend has no values before its names are cut below this."""
_GRAVITY = ("accent", "ok", "warn", "error")
_CROWDED = 8
"""So many checkpoints and the like leave no room for numbers on the axis: numbers come first then."""


class Line:
    """A curve ready to draw: values as floats, in log10 on a log axis."""

    __slots__ = ("curve", "x", "y")

    def __init__(self, curve: Curve, x: Sequence[float], y: list[float]) -> None:
        self.curve = curve
        self.x = x
        self.y = y


class Geometry:
    """Where the parts of a chart lie, in cells from its top left corner."""

    __slots__ = ("labels", "legend", "plot_height", "plot_width", "plot_x")

    def __init__(self, width: int, height: int, label_width: int, legend: bool) -> None:
        self.labels = label_width if width >= _LABELS_FROM else 0
        self.plot_x = 1 + (self.labels + 2 if self.labels else 0)
        self.plot_width = max(1, width - 1 - self.plot_x)
        self.legend = legend and height >= 6
        self.plot_height = height - 2 - self.legend


def row_of(y: float, y_range: tuple[float, float], rows: int, glyphs: Glyphs) -> int | None:
    """The plot's cell row that holds y; None outside."""
    span = y_range[1] - y_range[0]
    row = (
        int((y_range[1] - y) / span * (rows * glyphs.dots[1] - 1) + 0.5) // glyphs.dots[1] if span > 0 else 0
    )
    return row if 0 <= row < rows else None


def cell_of(x: float, x_range: tuple[float, float], columns: int, glyphs: Glyphs) -> int | None:
    """The plot's cell column that holds x; None outside."""
    dots = columns * glyphs.dots[0]
    span = x_range[1] - x_range[0]
    if not x_range[0] <= x <= x_range[1]:
        return None
    return int((x - x_range[0]) / span * (dots - 1) + 0.5) // glyphs.dots[0] if span > 0 else 0


def title_row(spec: ChartSpec, lines: Sequence[Line], width: int, glyphs: Glyphs) -> Row:
    border = "focus" if spec.focused else "border"
    right = headline(spec, lines)
    room = max(4, width - 7 - row_width(right))
    name = clip_left(glyphs.clean(spec.title), room, ellipsis=glyphs.ellipsis)
    return top_border(
        width, glyphs, title=[(name, "b:accent" if spec.focused else "title")], right=right, role=border
    )


def headline(spec: ChartSpec, lines: Sequence[Line]) -> Row:
    """What stands at the right of the title: the last value, or the value under the cursor."""
    shown = {line.curve.series for line in lines}
    if len(shown) != 1:
        return []
    curve = next((line.curve for line in lines if line.curve.label), lines[0].curve)
    if spec.cursor is None:
        return [(numbers.value(_last(curve)), f"b:series.{curve.series}")]
    return [(numbers.value(_at(curve, spec.cursor)), "b:accent")]


def _last(curve: Curve) -> float | str | None:
    if curve.last is not None:
        return curve.last
    return curve.y[-1] if len(curve.y) else None


def _at(curve: Curve, x: float) -> float | str | None:
    """The value at the point nearest to x."""
    index = nearest(curve.x, x)
    return None if index is None else curve.y[index]


def legend_row(spec: ChartSpec, lines: Sequence[Line], width: int, glyphs: Glyphs) -> Row:
    """Marker, name and value of every run in the chart; values under the cursor when there is one."""
    entries = {line.curve.series: line.curve for line in reversed(lines) if line.curve.label}
    names = {index: glyphs.clean(curve.label) for index, curve in sorted(entries.items())}
    sizes = [cell_len(name) for name in names.values()]
    longest = _fair_share(sizes, width - 1 - 11 * len(entries))
    if longest < min(_LEAST_NAME, max(sizes, default=0)):  # who is who comes before what
        return _names_alone(names, _fair_share(sizes, width - 1 - 3 * len(entries)), width, glyphs)
    row: Row = [(" ", "text")]
    for index, name in names.items():
        curve = entries[index]
        number = _last(curve) if spec.cursor is None else _at(curve, spec.cursor)
        row += [
            (f"{glyphs.legend[index % len(glyphs.legend)]} ", f"series.{index}"),
            (f"{clip_left(name, longest, ellipsis=glyphs.ellipsis)} ", "dim"),
            (pad(numbers.value(number), numbers.VALUE_WIDTH), f"series.{index}"),
        ]
    return fit(row, width, ellipsis=glyphs.ellipsis)


def _names_alone(names: dict[int, str], longest: int, width: int, glyphs: Glyphs) -> Row:
    """Marker and name of every run, where there is no room for values."""
    row: Row = [(" ", "text")]
    for index, name in names.items():
        row += [
            (f"{glyphs.legend[index % len(glyphs.legend)]} ", f"series.{index}"),
            (f"{clip_left(name, max(1, longest), ellipsis=glyphs.ellipsis)} ", f"series.{index}"),
        ]
    return fit(row, width, ellipsis=glyphs.ellipsis)


def _fair_share(sizes: Sequence[int], room: int) -> int:
    """The greatest width to which names may be cut so that all of them fit into `room`."""
    left, most = room, len(sizes)
    for size in sorted(sizes):
        if size * most > left:
            return max(0, left // most)
        left, most = left - size, most - 1
    return max(sizes, default=0)


def y_ticks(y_range: tuple[float, float], parts: int, log: bool, width: int) -> tuple[list[float], list[str]]:
    """Heights with a label and the labels; finer than `parts` where that leaves a single one, which tells no scale."""
    if log:
        positions = axis.log_ticks(*y_range, parts)
        return positions, axis.log_labels(positions)
    tries = (
        axis.ticks(*y_range, parts * finer) for finer in ((1, 2, 3, 5) if width >= _LABELS_FROM else (1,))
    )
    positions = next((found for found in tries if len(found) >= _LEAST_LABELS), axis.ticks(*y_range, parts))
    return positions, axis.labels(positions)


def label_column(
    ticks: Sequence[float], texts: Sequence[str], y_range: tuple[float, float], box: Geometry, glyphs: Glyphs
) -> list[Row]:
    """The y labels, right-aligned, each in the row of its tick."""
    if not box.labels:
        return [[] for _ in range(box.plot_height)]
    blank = " " * (box.labels + 2)
    out: list[Row] = [[(blank, "dim")] for _ in range(box.plot_height)]
    for tick, text in zip(ticks, texts, strict=True):
        row = row_of(tick, y_range, box.plot_height, glyphs)
        if row is not None:
            label = pad(text, box.labels, align="right", ellipsis=glyphs.ellipsis)
            out[row] = [(f" {label} ", "dim")]
    return out


def x_axis_row(
    spec: ChartSpec,
    lines: Sequence[Line],
    x_range: tuple[float, float],
    width: int,
    box: Geometry,
    glyphs: Glyphs,
) -> Row:
    """The bottom border with x labels, marks and the cursor's position."""
    border = "focus" if spec.focused else "border"
    chars = [glyphs.box[4], *glyphs.box[0] * (width - 2), glyphs.box[5]]
    roles = [border] * width

    def column(x: float) -> int | None:
        cell = cell_of(x, x_range, box.plot_width, glyphs)
        return None if cell is None else box.plot_x + cell

    _dash_unread(lines, x_range, column, chars, glyphs)
    _place_marks(spec, lines, column, chars, roles, glyphs)
    quiet = [border, "accent"] if roles.count("accent") > _CROWDED else [border]
    _select(spec, column, chars, roles, glyphs)
    if spec.cursor is not None and (at := column(spec.cursor)) is not None:
        _place_label(f" {axis.x_text(spec.cursor, spec.x_kind)} ", at, chars, roles, "b:accent")

    def labels(parts: int) -> list[tuple[str, int]]:
        ticks = axis.x_ticks(*x_range, parts, spec.x_kind)
        texts = axis.x_labels(ticks, spec.x_kind)
        found = ((f" {text} ", column(tick)) for tick, text in zip(ticks, texts, strict=True))
        return [(text, at) for text, at in found if at is not None]

    parts = max(1, box.plot_width // 11)
    wanted = next(
        (found for finer in (1, 2, 3) if len(found := labels(finer * parts)) >= _LEAST_LABELS), labels(parts)
    )
    placed = [_place_label(*label, chars, roles, "dim", over=quiet) for label in wanted]
    for _ in range(min(_LEAST_LABELS, len(placed)) - sum(placed)):
        _place_over_marks(labels(2 * parts + 1), chars, roles, quiet)
    return join(chars, roles)


def _place_over_marks(
    labels: list[tuple[str, int]], chars: list[str], roles: list[str], quiet: Sequence[str]
) -> None:
    """An axis needs two numbers: one more, where it covers the fewest marks, and none that tells of a fault."""
    over = [*quiet, *_GRAVITY[:-1]]

    def covered(label: tuple[str, int]) -> int:
        start = label[1] - len(label[0]) // 2
        return sum(role not in quiet for role in roles[max(0, start) : start + len(label[0])])

    before = list(zip(chars, roles, strict=True))
    for text, at in sorted(labels, key=lambda label: (covered(label), -label[1])):
        if _place_label(text, at, chars, roles, "dim", over=over):
            _move_marks_beside(before, chars, roles, quiet)
            return


def _move_marks_beside(
    before: Sequence[tuple[str, str]], chars: list[str], roles: list[str], quiet: Sequence[str]
) -> None:
    """The gravest mark that a label covers in each of its halves goes to the blank at that end of it."""
    changed = [x for x, now in enumerate(zip(chars, roles, strict=True)) if now != before[x]]
    middle = (changed[0] + changed[-1]) / 2
    for x in sorted(changed, key=lambda x: _GRAVITY.index(before[x][1]) if before[x][1] in _GRAVITY else -1):
        if before[x][1] not in quiet:
            end = changed[0] if x < middle else changed[-1]
            chars[end], roles[end] = before[x]


def _select(
    spec: ChartSpec,
    column: Callable[[float], int | None],
    chars: list[str],
    roles: list[str],
    glyphs: Glyphs,
) -> None:
    """The axis is thick along the stretch that is being marked."""
    if spec.selection is None:
        return
    first, last = (column(x) for x in sorted(spec.selection))
    if first is not None and last is not None:
        for at in range(first, last + 1):
            chars[at], roles[at] = glyphs.bar[0], "b:accent"


def _dash_unread(
    lines: Sequence[Line],
    x_range: tuple[float, float],
    column: Callable[[float], int | None],
    chars: list[str],
    glyphs: Glyphs,
) -> None:
    """The axis is a broken line below what is still to be read."""
    for low, high in {line.curve.unread for line in lines if line.curve.unread is not None}:
        first, last = column(max(low, x_range[0])), column(min(high, x_range[1]))
        if first is not None and last is not None and last > first + 1:
            chars[first + 1 : last] = (glyphs.unread * (last - first))[: last - first - 1]


def _place_marks(
    spec: ChartSpec,
    lines: Sequence[Line],
    column: Callable[[float], int | None],
    chars: list[str],
    roles: list[str],
    glyphs: Glyphs,
) -> None:
    kinds = [
        ("checkpoint", "accent"),
        ("note", "ok"),
        ("info", "accent"),
        ("warn", "warn"),
        ("nonfinite", "error"),
        ("error", "error"),
    ]
    places: dict[str, list[float]] = {
        kind: [mark.x for mark in spec.marks if mark.kind == kind] for kind, _ in kinds
    }
    places["nonfinite"] += [x for line in lines for x in line.curve.nonfinite]
    for kind, role in kinds:
        for x in places[kind]:
            at = column(x)
            if at is not None:
                chars[at], roles[at] = glyphs.marks[kind], role


def _place_label(
    text: str, at: int, chars: list[str], roles: list[str], role: str, *, over: Sequence[str] | None = None
) -> bool:
    """A label centred on a cell of the axis, where it covers nothing but roles of `over`; None is anything."""
    start = max(1, min(at - len(text) // 2, len(chars) - 1 - len(text)))
    cells = range(start, start + len(text))
    if start < 1 or (over is not None and any(roles[x] not in over for x in cells)):
        return False
    for x, char in zip(cells, text, strict=True):
        chars[x], roles[x] = char, role
    return True
