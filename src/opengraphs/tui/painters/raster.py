# ruff: noqa: PLR1730  (min() and max() calls would be half of the time of the inner loops)
"""Curves to dots: the envelope of a polyline per dot column, packed into one big int per cell column.

    points ─ envelope ─▶ spans (top, bottom) per dot column ─ pack ─▶ bytes, one per cell ─ Canvas ─▶ runs

A cell holds `glyphs.dots` dots and is one byte; a column of cells is an int whose byte i
is the cell in row i. Overlaying, choosing the owner of a cell and transposing are then
operations on whole ints and byte strings, so only the loop over the points is Python.
"""

from __future__ import annotations

import math

from opengraphs.tui.painters.cells import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opengraphs.tui.glyphs import Glyphs
    from opengraphs.tui.painters.cells import Row

Spans = tuple[list[int], list[int]]
"""Top and bottom dot row per dot column, counted from the top; top > bottom where nothing is."""

_LIMIT = 1 << 20
"""Rows are clamped to ± this before rounding: an axis far away must not overflow."""

_STRETCH = 2.0**600
_NON_EMPTY = bytes([0]) + bytes([255]) * 255
"""Byte table: 255 where a cell has any dot."""


def envelope(
    xs: Sequence[float],
    ys: Sequence[float],
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    columns: int,
    rows: int,
) -> Spans:
    """Top and bottom dot row of the polyline in every dot column.

    The ends of `x_range` fall on the centres of the first and last column, those of
    `y_range` on the last and first row. NaN and infinite values are gaps. Flat parts are
    one dot thin; steep parts fill from border to border, so that the line has no holes.
    Every finite point in the window lies inside its column's span.
    """
    x0, x1 = x_range
    y1 = y_range[1]
    if xs and (xs[0] < x0 or xs[-1] > x1):
        xs, ys = cut_sides(xs, ys, x_range)
    scale_x = (columns - 1) / (x1 - x0) if x1 > x0 else 0.0
    scale_y = (rows - 1) / (y1 - y_range[0]) if y1 > y_range[0] else 0.0
    if scale_y == math.inf:  # the range is subnormal
        ys, y1 = [y * _STRETCH for y in ys], y1 * _STRETCH
        scale_y = (rows - 1) / (y1 - y_range[0] * _STRETCH)
    top, bottom = [_LIMIT] * columns, [-_LIMIT] * columns
    inf, limit = math.inf, float(_LIMIT // 2)
    last_column, last_exact = -1, 0.0
    for x, y in zip(xs, ys, strict=True):
        if not -inf < y < inf:
            last_column = -1
            continue
        column = int((x - x0) * scale_x + 0.5)
        exact = (y1 - y) * scale_y
        if exact < 0:
            exact = exact if exact > -limit else -limit
            row = -int(0.5 - exact)
        else:
            exact = exact if exact < limit else limit
            row = int(exact + 0.5)
        if row < top[column]:
            top[column] = row
        if row > bottom[column]:
            bottom[column] = row
        if last_column >= 0 and last_column != column:
            if last_column < column:
                _join(top, bottom, last_column, last_exact, column, exact)
            else:
                _join(top, bottom, column, exact, last_column, last_exact)
        last_column, last_exact = column, exact
    return top, bottom


def cut_sides(
    xs: Sequence[float], ys: Sequence[float], x_range: tuple[float, float]
) -> tuple[list[float], list[float]]:
    """Only what lies in the window; a line that crosses its side is cut there, so that it runs to the edge."""
    low, high = x_range
    out_x: list[float] = []
    out_y: list[float] = []
    before: tuple[float, float] | None = None
    for x, y in zip(xs, ys, strict=True):
        if before is not None and x > before[0] and math.isfinite(y) and math.isfinite(before[1]):
            for side in (low, high):
                if before[0] < side < x:
                    out_x.append(side)
                    out_y.append(before[1] + (side - before[0]) / (x - before[0]) * (y - before[1]))
        if low <= x <= high:
            out_x.append(x)
            out_y.append(y)
        before = (x, y)
    return out_x, out_y


def _join(top: list[int], bottom: list[int], c0: int, r0: float, c1: int, r1: float) -> None:
    """Extend the spans by the straight line between two points of different columns."""
    slope = (r1 - r0) / (c1 - c0)
    if -1.0 <= slope <= 1.0:
        for column in range(c0 + 1, c1):
            row = math.floor(r0 + slope * (column - c0) + 0.5)
            if row < top[column]:
                top[column] = row
            if row > bottom[column]:
                bottom[column] = row
        return
    edge = r0
    for column in range(c0, c1 + 1):
        after = r1 if column == c1 else r0 + slope * (column - c0 + 0.5)
        low, high = (edge, after) if edge <= after else (after, edge)
        first, last = math.floor(low + 0.5), math.floor(high + 0.5)
        if first < top[column]:
            top[column] = first
        if last > bottom[column]:
            bottom[column] = last
        edge = after


def lonely(top: Sequence[int], bottom: Sequence[int]) -> tuple[int, int] | None:
    """(column, row) of the only dot there is; None when there are more, or none."""
    lit = [column for column, row in enumerate(top) if row <= bottom[column]]
    if len(lit) == 1 and top[lit[0]] == bottom[lit[0]]:
        return lit[0], top[lit[0]]
    return None


def thicken(top: list[int], bottom: list[int]) -> None:
    """One dot more at the lower side: a bold line."""
    for column, low in enumerate(bottom):
        if low >= top[column]:
            bottom[column] = low + 1


_DASHES = (0, 0b110000, 0b1010, 0b11101110, 0b11110000, 0b10)
"""Bit n set: dot column n of the pattern is left out. Solid, then dashes that differ in rhythm."""

_DASH_PERIODS = (1, 6, 4, 12, 8, 2)


def dash(top: list[int], bottom: list[int], texture: int) -> None:
    """Leave out dot columns so that lines differ without colour; texture 0 is solid."""
    index = texture % len(_DASHES)
    pattern, period = _DASHES[index], _DASH_PERIODS[index]
    for column in range(len(top)):
        if pattern >> column % period & 1:
            top[column], bottom[column] = _LIMIT, -_LIMIT


_prefixes: dict[tuple[int, int, int], list[list[int]]] = {}


def _prefix_tables(sub_columns: int, sub_rows: int, cell_rows: int) -> list[list[int]]:
    """Per dot column of a cell: masks of all dots above row r, for r = 0 … rows."""
    key = (sub_columns, sub_rows, cell_rows)
    tables = _prefixes.get(key)
    if tables is None:
        tables = []
        for sub in range(sub_columns):
            masks = [0]
            for row in range(cell_rows * sub_rows):
                bit = row // sub_rows * 8 + sub * sub_rows + row % sub_rows
                masks.append(masks[-1] | 1 << bit)
            tables.append(masks)
        _prefixes[key] = tables
    return tables


def pack(
    top: Sequence[int], bottom: Sequence[int], cell_columns: int, cell_rows: int, glyphs: Glyphs
) -> bytes:
    """The spans as cells, column after column, top first: `cell_columns * cell_rows` bytes of dot masks."""
    sub_columns, sub_rows = glyphs.dots
    tables = _prefix_tables(sub_columns, sub_rows, cell_rows)
    last = cell_rows * sub_rows - 1
    out: list[bytes] = []
    empty = bytes(cell_rows)
    for cell in range(cell_columns):
        mask = 0
        for sub in range(sub_columns):
            column = cell * sub_columns + sub
            first, final = top[column], bottom[column]
            if first <= final and final >= 0 and first <= last:
                table = tables[sub]
                mask |= table[min(final, last) + 1] ^ table[max(first, 0)]
        out.append(mask.to_bytes(cell_rows, "little") if mask else empty)
    return b"".join(out)


_CHECKER = 0b10100101
"""Every second dot of a cell of two by four, like the squares of a chess board."""

_SPARSE = bytes(mask & _CHECKER for mask in range(256))


def sparse(cells: bytes) -> bytes:
    """Cells of two by four dots from `pack` with every second dot left out."""
    return cells.translate(_SPARSE)


class Canvas:
    """Layers of dots in one picture. The layer added last owns the cells it touches."""

    def __init__(self, columns: int, rows: int, glyphs: Glyphs) -> None:
        self.columns = columns
        self.rows = rows
        self.glyphs = glyphs
        self._size = columns * rows
        self._ones = int.from_bytes(b"\x01" * self._size, "little")
        self._dots = 0
        self._owner = 0
        self._roles: list[str] = [""]
        self._markers: list[str] = [""]
        self._stamps: dict[tuple[int, int], tuple[str, str]] = {}

    def add(self, cells: bytes, role: str, *, marker: str = "", replace: bool = False) -> None:
        """A layer from `pack`. marker: character drawn instead of dots. replace: hide other dots in its cells."""
        layer = int.from_bytes(cells, "little")
        touched = int.from_bytes(cells.translate(_NON_EMPTY), "little")
        index = len(self._roles)
        self._roles.append(role)
        self._markers.append(marker)
        self._dots = (self._dots & ~touched | layer) if replace else self._dots | layer
        self._owner = self._owner & ~touched | touched & (self._ones * index)

    def stamp(self, column: int, row: int, char: str, role: str) -> None:
        """One character over whatever is in that cell; outside the canvas nothing happens."""
        if 0 <= column < self.columns and 0 <= row < self.rows:
            self._stamps[row, column] = (char, role)

    def stamp_empty(self, column: int, row: int, char: str, role: str) -> None:
        """Like `stamp`, but dots win."""
        if 0 <= column < self.columns and 0 <= row < self.rows and not self.filled(column, row):
            self._stamps.setdefault((row, column), (char, role))

    def filled(self, column: int, row: int) -> bool:
        """Whether a cell has any dot."""
        return bool(self._dots >> 8 * (column * self.rows + row) & 255)

    def render(self) -> list[Row]:
        """The picture as rows of exactly `columns` cells. Blanks join the run at their left."""
        dots = self._dots.to_bytes(self._size, "little")
        owner = self._owner.to_bytes(self._size, "little")
        return [self._row(dots[y :: self.rows], owner[y :: self.rows], y) for y in range(self.rows)]

    def _row(self, dots: bytes, owner: bytes, y: int) -> Row:
        chars = [self.glyphs.masks[mask] for mask in dots]
        roles = [self._roles[index] for index in owner]
        if any(self._markers):
            for x, index in enumerate(owner):
                if self._markers[index]:
                    chars[x] = self._markers[index]
        for (row, x), (char, role) in self._stamps.items():
            if row == y:
                chars[x], roles[x] = char, role
        return join(chars, roles)


def finite(ys: Iterable[float | str]) -> list[float]:
    """Protocol numbers as floats; the strings become NaN or infinities."""
    return [y if isinstance(y, float) else float(y) for y in ys]
