"""Points from a CSV with a `step` column.

Wide: `step[,time],loss,lr,…`, one column a metric. Long, as `og export --format csv` writes
it: `…,metric,…,step,…,value`, one row a point. An empty cell is no point.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from opengraphs.errors import UsageError

_MAX_STEP = 1 << 62
_LONG = ("metric", "step", "value")


class MetricPoint(NamedTuple):
    """A point and the metric it belongs to; time is epoch seconds."""

    metric: str
    step: int
    time: float
    value: float


class _Columns(NamedTuple):
    """Which column holds what, by number; -1 for none. metrics: of a wide table."""

    step: int
    time: int
    metric: int
    value: int
    metrics: tuple[tuple[int, str], ...]


class _Table:
    def __init__(self, lines: Iterable[str], path: str) -> None:
        self._reader = csv.reader(lines, strict=True)
        self._path = path

    def fault(self, what: str, hint: str = "") -> UsageError:
        line = self._reader.line_num
        return UsageError(f"line {line}: {what}" if line else what, hint=hint, path=self._path)

    def points(self) -> Iterator[MetricPoint]:
        header = self._row()
        while header is not None and not any(header):
            header = self._row()
        if header is None:
            raise self.fault("no header line", "the first line names the columns, one of them step")
        columns = self._columns(header)
        while (row := self._row()) is not None:
            if any(row):
                yield from self._of_row(row, header, columns)

    def _row(self) -> list[str] | None:
        try:
            row = next(self._reader, None)
        except csv.Error as error:
            raise self.fault(f"no CSV ({error})") from error
        return None if row is None else [cell.strip().removeprefix("\ufeff") for cell in row]

    def _columns(self, header: list[str]) -> _Columns:
        repeated = sorted({name for name in header if name and header.count(name) > 1})
        if repeated:
            raise self.fault(f"the column {repeated[0]!r} stands twice")
        if "step" not in header:
            raise self.fault("no column named step", "the columns are " + ", ".join(header[:20]))
        time = header.index("time") if "time" in header else -1
        if all(name in header for name in _LONG):
            metric, step, value = (header.index(name) for name in _LONG)
            return _Columns(step, time, metric, value, ())
        metrics = tuple((n, name) for n, name in enumerate(header) if name and name not in ("step", "time"))
        if not metrics:
            raise self.fault("no column besides step and time", "each metric has a column, named as it is")
        return _Columns(header.index("step"), time, -1, -1, metrics)

    def _of_row(self, row: list[str], header: list[str], columns: _Columns) -> Iterator[MetricPoint]:
        if len(row) != len(header):
            raise self.fault(f"{len(row)} cells where the header has {len(header)}")
        step = self._step(row[columns.step])
        time = self._number(row[columns.time], "time") if columns.time >= 0 and row[columns.time] else 0.0
        if not math.isfinite(time):
            raise self.fault(f"time is {row[columns.time]!r}", "epoch seconds")
        cells = columns.metrics or ((columns.value, row[columns.metric]),)
        for place, metric in cells:
            if row[place]:
                yield MetricPoint(metric, step, time, self._number(row[place], metric))

    def _step(self, cell: str) -> int:
        try:
            step = float(cell)
        except ValueError:
            step = math.nan
        if not abs(step) < _MAX_STEP or step != int(step):
            raise self.fault(f"step is {cell!r}", "a step is a whole number")
        return int(step)

    def _number(self, cell: str, column: str) -> float:
        try:
            return float(cell)
        except ValueError:
            hint = "a number, nan, inf, or empty for no point"
            raise self.fault(f"{column} is {cell[:40]!r}", hint) from None


def read_points(lines: Iterable[str], *, path: str = "") -> Iterator[MetricPoint]:
    """The points of a table, row by row; without a `time` column all have the time 0.

    Args:
        lines: of the file, opened with `newline=""`. path: for messages.

    Raises:
        UsageError: no `step` column, a cell that is no number, a row that does not fit the
            header; with the number of the line.
    """
    return _Table(lines, path).points()
