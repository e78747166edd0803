"""Where things go: grids of charts that reflow, side panels that vanish, whole screens.

Pure arithmetic on (width, height, number of charts); stage 0 and the app share it,
so that the takeover moves nothing.
"""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

Section = tuple[str, int, bool]
"""Name, number of metrics, whether it is folded."""

MIN_CHART_WIDTH = 28
MIN_CHART_HEIGHT = 8
MAX_COLUMNS = 4
MAX_ROWS = 4
SIDE_FROM = 100
"""Columns of a terminal from which side panels are shown."""

MIN_STATS_HEIGHT = 8
MIN_PANEL_HEIGHT = 5
MAX_PANEL_HEIGHT = 12

MIN_SECTIONED_HEIGHT = 2 * MIN_CHART_HEIGHT + 2
"""Lower areas have no rows for the heads of sections."""

_SHAPE = 3.4
"""Width by height, in cells, at which a curve reads best: a cell is twice as high as wide."""


_EMPTY = 1.2
"""How much worse empty slots are where each section may leave some, against an unpleasant shape."""


class Rect:
    """A rectangle in cells."""

    __slots__ = ("height", "width", "x", "y")

    def __init__(self, x: int, y: int, width: int, height: int) -> None:
        self.x = x
        self.y = y
        self.width = width
        self.height = height

    def has(self, x: int, y: int) -> bool:
        """Whether a cell lies in it."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rect) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Rect({self.x}, {self.y}, {self.width}, {self.height})"

    def _key(self) -> tuple[int, int, int, int]:
        return (self.x, self.y, self.width, self.height)


class Head:
    """The line above a section: `first` to `last` of its `count` metrics stand below it, counted from 1.

    stop: the place of its first metric among all stops. A folded section has no chart and one stop.
    """

    __slots__ = ("count", "first", "folded", "last", "name", "rect", "stop")

    def __init__(
        self, rect: Rect, name: str, count: int, *, folded: bool, first: int, last: int, stop: int
    ) -> None:
        self.rect = rect
        self.name = name
        self.count = count
        self.folded = folded
        self.first = first
        self.last = last
        self.stop = stop


class Grid:
    """One page of charts in reading order.

    A stop is what the chart cursor can stand on: a chart, or the head of a folded section.
    slots, places: where each chart of the page stands, and its place among all stops.
    starts: the first stop of every page. lines: the stops of every row of every page.
    """

    __slots__ = ("columns", "heads", "lines", "page", "places", "slots", "starts")

    def __init__(
        self,
        columns: int,
        slots: list[Rect],
        places: Sequence[int],
        *,
        page: int,
        starts: list[int],
        lines: list[list[int]],
        heads: Sequence[Head] = (),
    ) -> None:
        self.columns = columns
        self.slots = slots
        self.places = places
        self.page = page
        self.starts = starts
        self.lines = lines
        self.heads = heads

    @property
    def pages(self) -> int:
        return len(self.starts)

    @property
    def first(self) -> int:
        """The first stop of this page."""
        return self.starts[self.page]


def grid(area: Rect, count: int, *, page: int = 0) -> Grid:
    """Slots for `count` charts inside `area`; more than fit go on further pages.

    Slots of the last row stay empty rather than stretch, so a new chart takes the next
    empty slot and the others stay where they are until a row or column is added.
    """
    columns, rows = _shape(area, count)
    capacity = columns * rows
    starts = list(range(0, max(1, count), capacity))
    page = max(0, min(page, len(starts) - 1))
    shown = range(starts[page], min(count, starts[page] + capacity))
    slots = _slots(area, columns, rows)[: len(shown)]
    lines = [
        list(range(at, min(at + columns, start + capacity, count)))
        for start in starts
        for at in range(start, min(start + capacity, count), columns)
    ]
    return Grid(columns, slots, shown, page=page, starts=starts, lines=lines)


def has_heads(area: Rect, sections: Sequence[Section]) -> bool:
    """Whether sections are told apart: there are several, of more than a chart each, and rows to spare."""
    count = sum(size for _, size, _ in sections)
    return len(sections) > 1 and 2 * count >= 3 * len(sections) and area.height >= MIN_SECTIONED_HEIGHT


def sectioned(area: Rect, sections: Sequence[Section], *, page: int = 0) -> Grid:
    """Slots for the charts of sections, each below a head of one row; what does not fit goes on further pages."""
    columns, sheets = _sheets(area, sections)
    starts = [sheet[0].stop for sheet in sheets]
    page = max(0, min(page, len(sheets) - 1))
    lines = [list(stops) for sheet in sheets for row in sheet for stops in (row.stops,) if len(stops)]
    slots, places, heads = _placed(area, columns, sheets, page, sections)
    return Grid(columns, slots, places, page=page, starts=starts, lines=lines, heads=heads)


class _Line:
    """A row of a page before it has a height: the head of a section, or charts of it."""

    __slots__ = ("head", "section", "stop", "stops")

    def __init__(self, section: int, stop: int, stops: Sequence[int], *, head: bool) -> None:
        self.section = section
        self.stop = stop
        self.stops = stops
        self.head = head


def _sheets(area: Rect, sections: Sequence[Section]) -> tuple[int, list[list[_Line]]]:
    """Columns, and the lines of every page: all on one where that gives charts of a pleasant shape."""
    most = max(1, min(MAX_COLUMNS, area.width // MIN_CHART_WIDTH))
    count = sum(size for _, size, folded in sections if not folded)
    room = Rect(0, 0, area.width, max(1, area.height - len(sections)))
    fitting = []
    for columns in range(1, most + 1):
        rows = sum(-(-size // columns) for _, size, folded in sections if not folded)
        if rows <= MAX_ROWS and rows * MIN_CHART_HEIGHT <= room.height:
            empty = _EMPTY * (columns * rows - count) / max(1, columns * rows)
            fitting.append((_awkwardness(room, (columns, max(1, rows)), count) + empty, columns))
    columns = min(fitting)[1] if fitting else most
    return columns, _pages(_lines(sections, columns), area.height)


def _lines(sections: Sequence[Section], columns: int) -> list[_Line]:
    out: list[_Line] = []
    stop = 0
    for index, (_, count, folded) in enumerate(sections):
        out.append(_Line(index, stop, [stop] if folded else (), head=True))
        end = stop + (1 if folded else count)
        if not folded:
            for at in range(stop, end, columns):
                out.append(_Line(index, at, range(at, min(at + columns, end)), head=False))
        stop = end
    return out


def _pages(lines: Sequence[_Line], height: int) -> list[list[_Line]]:
    """Lines dealt out to pages: a head never stands last, and a section that goes on has its head again."""
    pages: list[list[_Line]] = [[]]
    used = rows = 0
    for at, line in enumerate(lines):
        size = 1 if line.head else MIN_CHART_HEIGHT
        follows = line.head and not len(line.stops) and at + 1 < len(lines)
        full = rows + (follows or not line.head) > MAX_ROWS
        if pages[-1] and (used + size + (MIN_CHART_HEIGHT if follows else 0) > height or full):
            again = [] if line.head else [_Line(line.section, line.stop, (), head=True)]
            pages.append(again)
            used, rows = len(again), 0
        pages[-1].append(line)
        used += size
        rows += not line.head
    return pages


def _placed(
    area: Rect, columns: int, sheets: Sequence[Sequence[_Line]], page: int, sections: Sequence[Section]
) -> tuple[list[Rect], list[int], list[Head]]:
    """One page with its heights: rows share what the heads leave, on a later page no more than on the first."""
    sheet = sheets[page]
    rows, usual = (sum(not line.head for line in lines) for lines in (sheet, sheets[0]))
    free = area.height - (len(sheet) - rows)
    if page and rows < usual:
        free = min(free, rows * ((area.height - (len(sheets[0]) - usual)) // usual))
    cuts = _cuts(0, free, max(1, rows))
    xs = _cuts(area.x, area.width, columns)
    slots: list[Rect] = []
    places: list[int] = []
    heads: list[Head] = []
    y, row = area.y, 0
    for line in sheet:
        if line.head:
            heads.append(_head(Rect(area.x, y, area.width, 1), line, sheet, sections))
            y += 1
            continue
        height = cuts[row + 1] - cuts[row]
        slots += [Rect(xs[n], y, xs[n + 1] - xs[n], height) for n in range(len(line.stops))]
        places += line.stops
        y, row = y + height, row + 1
    return slots, places, heads


def _head(rect: Rect, line: _Line, sheet: Sequence[_Line], sections: Sequence[Section]) -> Head:
    name, count, folded = sections[line.section]
    start = sum(1 if one[2] else one[1] for one in sections[: line.section])
    below = [stop for one in sheet if one.section == line.section and not one.head for stop in one.stops]
    first, last = (below[0] - start + 1, below[-1] - start + 1) if below else (0, 0)
    return Head(rect, name, count, folded=folded, first=first, last=last, stop=start)


def even(area: Rect, columns: int, count: int) -> list[Rect]:
    """Slots for `count` pictures in so many columns, all of one size."""
    return _slots(area, columns, -(-count // columns))[:count]


def most(area: Rect) -> tuple[int, int]:
    """The most columns and rows of charts that `area` holds."""
    return (
        max(1, min(MAX_COLUMNS, area.width // MIN_CHART_WIDTH)),
        max(1, min(MAX_ROWS, area.height // MIN_CHART_HEIGHT)),
    )


def _shape(area: Rect, count: int) -> tuple[int, int]:
    """Columns and rows: charts of a pleasant shape, few empty slots, none below the smallest size."""
    most_columns, most_rows = most(area)
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
    sections: Sequence[Section] = (),
) -> GraphsLayout:
    """Graphs at a size: header, grid, side panels (from 100 columns), prompt (from 16 rows), status.

    sections: of the metrics, which are `count` when all are unfolded; heads where there is room for them.
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
        grid=sectioned(body, sections, page=page)
        if has_heads(body, sections)
        else grid(body, count, page=page),
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
