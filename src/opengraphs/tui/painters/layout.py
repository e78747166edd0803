"""Where things go: grids of charts that reflow, side panels that vanish, whole screens.

Pure arithmetic on (width, height, number of charts); stage 0 and the app share it,
so that the takeover moves nothing.
"""

from __future__ import annotations

import math

MIN_CHART_WIDTH = 28
MIN_CHART_HEIGHT = 8
MAX_COLUMNS = 4
MAX_ROWS = 4
SIDE_FROM = 100
"""Columns of a terminal from which side panels are shown."""

MIN_STATS_HEIGHT = 8
MIN_PANEL_HEIGHT = 5
MAX_PANEL_HEIGHT = 12

_SHAPE = 3.4
"""Width by height, in cells, at which a curve reads best: a cell is twice as high as wide."""


class Rect:
    """A rectangle in cells."""

    __slots__ = ("height", "width", "x", "y")

    def __init__(self, x: int, y: int, width: int, height: int) -> None:
        self.x = x
        self.y = y
        self.width = width
        self.height = height

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rect) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Rect({self.x}, {self.y}, {self.width}, {self.height})"

    def _key(self) -> tuple[int, int, int, int]:
        return (self.x, self.y, self.width, self.height)


class Grid:
    """One page of charts: `slots` in reading order, `first` is the index of the chart in slot 0."""

    __slots__ = ("columns", "first", "page", "pages", "rows", "slots")

    def __init__(
        self, columns: int, rows: int, slots: list[Rect], *, page: int, pages: int, first: int
    ) -> None:
        self.columns = columns
        self.rows = rows
        self.slots = slots
        self.page = page
        self.pages = pages
        self.first = first


def grid(area: Rect, count: int, *, page: int = 0) -> Grid:
    """Slots for `count` charts inside `area`; more than fit go on further pages.

    Slots of the last row stay empty rather than stretch, so a new chart takes the next
    empty slot and the others stay where they are until a row or column is added.
    """
    columns, rows = _shape(area, count)
    capacity = columns * rows
    pages = max(1, -(-count // capacity))
    page = max(0, min(page, pages - 1))
    shown = min(capacity, max(0, count - page * capacity))
    slots = _slots(area, columns, rows)[:shown]
    return Grid(columns, rows, slots, page=page, pages=pages, first=page * capacity)


def _shape(area: Rect, count: int) -> tuple[int, int]:
    """Columns and rows: charts of a pleasant shape, few empty slots, none below the smallest size."""
    most_columns = max(1, min(MAX_COLUMNS, area.width // MIN_CHART_WIDTH))
    most_rows = max(1, min(MAX_ROWS, area.height // MIN_CHART_HEIGHT))
    if count >= most_columns * most_rows:
        return most_columns, most_rows
    fitting = [
        (columns, rows)
        for columns in range(1, most_columns + 1)
        for rows in range(1, most_rows + 1)
        if columns * rows >= max(1, count)
    ]
    return min(fitting, key=lambda shape: _awkwardness(area, shape, count))


def _awkwardness(area: Rect, shape: tuple[int, int], count: int) -> float:
    columns, rows = shape
    proportion = (area.width / columns) / max(0.1, area.height / rows)
    empty = columns * rows - count
    return (
        abs(math.log(max(0.01, proportion) / _SHAPE))
        + 0.3 * empty / (columns * rows)
        + 0.2 * (empty // columns)
    )


def _slots(area: Rect, columns: int, rows: int) -> list[Rect]:
    xs = _cuts(area.x, area.width, columns)
    ys = _cuts(area.y, area.height, rows)
    return [
        Rect(xs[column], ys[row], xs[column + 1] - xs[column], ys[row + 1] - ys[row])
        for row in range(rows)
        for column in range(columns)
    ]


def _cuts(start: int, size: int, parts: int) -> list[int]:
    """Borders of `parts` parts; the first ones are a cell larger where it does not divide."""
    base, rest = divmod(size, parts)
    cuts = [start]
    for index in range(parts):
        cuts.append(cuts[-1] + base + (index < rest))
    return cuts


class GraphsLayout:
    """The Graphs screen. Panels that do not fit are None."""

    __slots__ = ("charts", "grid", "header", "panels", "prompt", "stats", "status", "system")

    def __init__(
        self,
        *,
        header: Rect,
        charts: Rect,
        grid: Grid,
        panels: list[Rect],
        stats: Rect | None,
        system: Rect | None,
        prompt: Rect | None,
        status: Rect,
    ) -> None:
        self.header = header
        self.charts = charts
        self.grid = grid
        self.panels = panels
        self.stats = stats
        self.system = system
        self.prompt = prompt
        self.status = status


class RunsLayout:
    """The Runs screen. `cards` is None where there is no room for them."""

    __slots__ = ("cards", "header", "status", "table")

    def __init__(self, *, header: Rect, cards: Rect | None, table: Rect, status: Rect) -> None:
        self.header = header
        self.cards = cards
        self.table = table
        self.status = status


class LogsLayout:
    """The Logs screen."""

    __slots__ = ("header", "log", "status")

    def __init__(self, *, header: Rect, log: Rect, status: Rect) -> None:
        self.header = header
        self.log = log
        self.status = status


def _edges(width: int, height: int) -> tuple[Rect, Rect, Rect]:
    """Header, body, status; header and status go first on a screen of one or two rows."""
    header = Rect(0, 0, width, 1 if height >= 2 else 0)
    status = Rect(0, height - 1, width, 1 if height >= 3 else 0)
    if not status.height:
        status.y = height
    body = Rect(0, header.height, width, max(0, height - header.height - status.height))
    return header, body, status


def graphs(
    width: int,
    height: int,
    count: int,
    *,
    page: int = 0,
    panels: int = 0,
    side: bool = True,
    minimal: bool = False,
) -> GraphsLayout:
    """Graphs at a size: header, grid, side panels (from 100 columns), prompt (from 16 rows), status.

    panels: how many panels of plug-ins to put between the statistics and the machine; as many as fit.
    """
    header, body, status = _edges(width, height)
    prompt = None
    if height >= 16 and not minimal:
        body.height -= 1
        prompt = Rect(0, body.y + body.height, width, 1)
    stats = system = None
    places: list[Rect] = []
    if side and not minimal and width >= SIDE_FROM:
        stats, system = _side_panels(body)
        body.width -= stats.width
        places = _places_below(stats, panels)
    return GraphsLayout(
        header=header,
        charts=body,
        grid=grid(body, count, page=page),
        panels=places,
        stats=stats,
        system=system,
        prompt=prompt,
        status=status,
    )


def _side_panels(body: Rect) -> tuple[Rect, Rect | None]:
    width = 34 if body.width < 130 else 36
    x = body.x + body.width - width
    if body.height < 16:
        return Rect(x, body.y, width, body.height), None
    low = min(12, body.height // 2)
    return Rect(x, body.y, width, body.height - low), Rect(x, body.y + body.height - low, width, low)


def _places_below(stats: Rect, count: int) -> list[Rect]:
    """Places for panels, cut off the lower end of the statistics, of which some lines stay."""
    fitting = min(count, (stats.height - MIN_STATS_HEIGHT) // MIN_PANEL_HEIGHT)
    if fitting <= 0:
        return []
    height = min(MAX_PANEL_HEIGHT, (stats.height - MIN_STATS_HEIGHT) // fitting)
    stats.height -= fitting * height
    top = stats.y + stats.height
    return [Rect(stats.x, top + number * height, stats.width, height) for number in range(fitting)]


def runs(width: int, height: int, count: int, *, minimal: bool = False) -> RunsLayout:
    """Runs at a size: header, cards (from 20 rows and 60 columns), table, status."""
    header, body, status = _edges(width, height)
    cards = None
    if height >= 20 and width >= 60 and count > 0 and not minimal:
        cards = Rect(0, body.y, width, 5)
        body.y += 5
        body.height -= 5
    return RunsLayout(header=header, cards=cards, table=body, status=status)


def logs(width: int, height: int) -> LogsLayout:
    """Logs at a size."""
    header, body, status = _edges(width, height)
    return LogsLayout(header=header, log=body, status=status)
