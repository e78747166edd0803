"""Heat strips: a row for each of many like things, time across, how full as shade.

    ┌ gpus util % ─────────────── 12 to 98 ┐
    │  0   97 ██▓▓████▓▓██▓▓▓▓██████████   │
    │  1   12 ██▓▓████▓▓██▒░······░░····   │
    └── 14:05 ──────── 14:10 ──────────────┘

Shades differ by glyph, so the picture reads without colour and in ASCII.
"""

from __future__ import annotations

import itertools
import math

from opengraphs.tui.painters import numbers
from opengraphs.tui.painters.cells import join
from opengraphs.tui.painters.chartframe import Geometry, cell_of, x_axis_row
from opengraphs.tui.painters.chartspec import ChartSpec, nearest
from opengraphs.tui.painters.frame import top_border
from opengraphs.tui.painters.text import pad

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

    Choose = Callable[[list[float]], float]

SHADES = "·░▒▓█"
ASCII_SHADES = ".:-=+*#@"
_VALUE = 6
_GAP = 3.0
"""A sample counts for so many intervals at most, the newest for one; behind that nothing is known."""


class Strip:
    """One row. x rising; y in the unit shown, NaN for nothing; full: the y of the darkest shade, None the highest there is."""

    __slots__ = ("full", "label", "x", "y")

    def __init__(self, label: str, x: Sequence[float], y: Sequence[float], full: float | None) -> None:
        self.label, self.x, self.y, self.full = label, x, y, full


def shade(fraction: float, glyphs: Glyphs) -> str:
    """One cell for how full: the lightest below 5 %, the darkest from 95 %; blank for nothing known."""
    if not math.isfinite(fraction):
        return " "
    ramp = ASCII_SHADES if glyphs.ascii_only else SHADES
    return ramp[max(0, min(len(ramp) - 1, int((fraction - 0.05) / 0.9 * (len(ramp) - 2) + 1)))]


def paint(
    strips: Sequence[Strip],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    spec: ChartSpec,
    lowest: bool = False,
) -> list[Row]:
    """A box of rows. spec: title, window (`x_range`), kind of x, cursor and focus, as of a chart.

    Where there are more strips than rows, one row stands for several: the highest of them, with
    `lowest` the lowest (where one that idles among many is what the eye looks for).
    """
    border = "focus" if spec.focused else "border"
    room = max(1, height - 2)
    rows = _grouped(strips, room)
    name_width = max((len(label) for label, _ in rows), default=1)
    labels = name_width + 1 + _VALUE
    box = Geometry(width, height, labels, False)
    if not box.labels:
        labels = 0
    v = glyphs.box[1]
    out: list[Row] = [_title(strips, spec, width, glyphs)]
    for index in range(height - 2):
        if index < len(rows) and spec.x_range is not None:
            body = _row(*rows[index], spec, box, name_width if labels else 0, glyphs, min if lowest else max)
        else:
            message = spec.message if not strips and index == (height - 2) // 2 else ""
            body = [(pad(glyphs.clean(message), width - 2, align="center"), "dim")]
        out.append([(v, border), *body, (v, border)])
    if spec.x_range is None:
        out.append([(glyphs.box[4] + glyphs.box[0] * (width - 2) + glyphs.box[5], border)])
    else:
        spec.axis.x, spec.axis.label_width = spec.x_range, labels
        out.append(x_axis_row(spec, (), spec.x_range, width, box, glyphs))
    return out[:height]


def _title(strips: Sequence[Strip], spec: ChartSpec, width: int, glyphs: Glyphs) -> Row:
    values = [value for strip in strips if math.isfinite(value := value_at(strip, spec.cursor))]
    right: Row = []
    if values:
        low, high = numbers.short(round(min(values), 1)), numbers.short(round(max(values), 1))
        right = [(f"{low} to {high}", "b:accent" if spec.cursor is not None else "b:series.0")]
    title: Row = [(glyphs.clean(spec.title), "b:accent" if spec.focused else "title")]
    return top_border(width, glyphs, title=title, right=right, role="focus" if spec.focused else "border")


def value_at(strip: Strip, x: float | None) -> float:
    """The value nearest to x, the newest for None; NaN when there is none."""
    index = (len(strip.x) - 1 if len(strip.x) else None) if x is None else nearest(strip.x, x)
    return math.nan if index is None else strip.y[index]


def _grouped(strips: Sequence[Strip], room: int) -> list[tuple[str, list[Strip]]]:
    """Label and members of each row."""
    each = -(-len(strips) // room) if strips else 1
    groups = [list(strips[at : at + each]) for at in range(0, len(strips), each)]
    return [
        (group[0].label if len(group) == 1 else f"{group[0].label}-{group[-1].label}", group)
        for group in groups
    ]


def _row(
    label: str,
    group: list[Strip],
    spec: ChartSpec,
    box: Geometry,
    name_width: int,
    glyphs: Glyphs,
    choose: Choose,
) -> Row:
    row: Row = []
    if name_width:
        value = _chosen((value_at(strip, spec.cursor) for strip in group), choose)
        text = numbers.short(round(value, 1)) if math.isfinite(value) else "-"
        row = [
            (f" {pad(label, name_width, align='right')}", "dim"),
            (pad(text, _VALUE, align="right"), "b:accent" if spec.cursor is not None else "text"),
            ("  ", "text"),
        ]
    cells = _cells(group, spec, box.plot_width, choose)
    at = None
    if spec.cursor is not None and spec.x_range is not None:
        at = cell_of(spec.cursor, spec.x_range, box.plot_width, glyphs)
    chars = [shade(fraction, glyphs) for fraction in cells]
    roles = ["faint" if fraction < 0.05 else "series.0" for fraction in cells]
    if at is not None:
        roles[at] = "sel:b:accent"
    return [*row, *join(chars, roles)]


def _chosen(values: Iterable[float], choose: Choose) -> float:
    """One of several; NaN when none is known."""
    known = [value for value in values if math.isfinite(value)]
    return choose(known) if known else math.nan


def _cells(group: list[Strip], spec: ChartSpec, columns: int, choose: Choose) -> list[float]:
    """How full each column is; NaN where nothing is known."""
    rows = [_fractions(strip, spec, columns) for strip in group]
    return [_chosen(column, choose) for column in zip(*rows, strict=True)]


def _fractions(strip: Strip, spec: ChartSpec, columns: int) -> list[float]:
    """One strip's mean of each column; a column between two samples shows the one before it."""
    assert spec.x_range is not None
    low, span = spec.x_range[0], max(1e-9, spec.x_range[1] - spec.x_range[0])
    finite = [value for value in strip.y if math.isfinite(value)]
    full = strip.full or max(finite, default=1.0) or 1.0
    sums, counts = [0.0] * columns, [0] * columns
    for x, y in zip(strip.x, strip.y, strict=True):
        at = int((x - low) / span * columns)
        if (0 <= at < columns or x == low + span) and math.isfinite(y):
            sums[min(at, columns - 1)] += y
            counts[min(at, columns - 1)] += 1
    reach = _reach(strip.x) / span * columns
    newest = max((at for at in range(columns) if counts[at]), default=0) + reach / _GAP
    out: list[float] = []
    known, known_at = math.nan, -math.inf
    for at in range(columns):
        if counts[at]:
            known, known_at = sums[at] / counts[at] / full, at
        out.append(known if at - known_at <= reach and at < newest + 1 else math.nan)
    return out


def _reach(x: Sequence[float]) -> float:
    """How long a sample holds."""
    gaps = sorted(b - a for a, b in itertools.pairwise(x))
    return _GAP * gaps[len(gaps) // 2] if gaps else 0.0
