"""What the columns of a metrics table mean, from its header line alone."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import NamedTuple

from opengraphs.sources import plain, stepnames
from opengraphs.sources.jsonshape import RAY_FACTS

DELIMITERS = ",;\t"
MAX_COLUMNS = plain.MAX_METRICS
_NOTHING = frozenset({"", "NA", "N/A", "NONE", "NULL", "-"})
"""What writers put into a cell for which they have no value."""
_EXPORT = ("wall time", "step", "value")
_OF_RUN = re.compile(r"(.+) - (.+?)(__MIN|__MAX)?\Z")
_DOWNLOAD = re.compile(r"run-(?P<run>.+)-tag-(?P<tag>.+)\Z")


class Column(NamedTuple):
    """A metric's place in a row. key: of its run, "" where the table is one run's."""

    at: int
    metric: str
    key: str


class Shape(NamedTuple):
    """A header understood. step, time: indices, -1 where there is none. config: (index, name)."""

    names: tuple[str, ...]
    delimiter: str
    step: int
    time: int
    metrics: tuple[Column, ...]
    config: tuple[tuple[int, str], ...]
    run_name: str

    @property
    def keys(self) -> list[str]:
        """The runs of the table."""
        return list(dict.fromkeys(column.key for column in self.metrics)) or [""]


def cells(line: str, delimiter: str) -> list[str]:
    """One row's cells, stripped; a line that is no row (an open quote, a NUL) gives none."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def delimiter_of(line: str) -> str:
    """The most frequent of the three outside quotes; a comma where there is none."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=bare.count)


def understand(line: str, stem: str) -> Shape | None:
    """The shape that a header line gives a table; None when it is no header.

    Args:
        stem: the file's name, in which TensorBoard's download button puts run and tag.
    """
    line = line.lstrip("\ufeff")
    delimiter = delimiter_of(line)
    names = tuple(cells(line, delimiter))
    if len(names) < 2 or len(names) > MAX_COLUMNS or all(plain.cell(name) is not None for name in names):
        return None
    if tuple(name.lower() for name in names) == _EXPORT:
        download = _DOWNLOAD.match(stem)
        metric = plain.clean(download["tag"] if download else stem)
        run = plain.clean(download["run"]) if download else ""
        return Shape(names, delimiter, 1, 0, (Column(2, metric, ""),), (), run)
    best = stepnames.best(names)
    step = names.index(best) if best is not None else 0 if names[0] == "" else -1
    time = next((index for index, name in enumerate(names) if stepnames.is_time(name)), -1)
    is_ray = {"training_iteration", "trial_id"} <= set(names)
    dropped = RAY_FACTS if is_ray else frozenset()
    config = tuple(
        (index, plain.clean(name.removeprefix("config/")))
        for index, name in enumerate(names)
        if is_ray and name.startswith("config/")
    )
    skipped = {step, *(index for index, _name in config)}
    metrics = tuple(
        _column(index, name, step)
        for index, name in enumerate(names)
        if name and index not in skipped and name not in dropped and not name.endswith(("__MIN", "__MAX"))
    )
    return Shape(names, delimiter, step, time, metrics, config, "")


def _column(index: int, name: str, step: int) -> Column:
    """A column of W&B's export is `RUN - METRIC`, behind a first column with the step."""
    of_run = _OF_RUN.match(name) if step == 0 else None
    if of_run:
        return Column(index, plain.clean(of_run[2]), plain.clean(of_run[1]))
    return Column(index, plain.clean(name), "")


def looks_like_metrics(shape: Shape, rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first rows are a training's: steps that do not go back, and mostly numbers."""
    if shape.step < 0 or shape.names[shape.step] == "" or not shape.metrics:
        return False
    if not rows:
        return False
    fitting = [row for row in rows if len(row) == len(shape.names)]
    steps = [plain.step_number(row[shape.step]) for row in fitting]
    known = [step for step in steps if step is not None]
    if not known or len(known) * 2 < len(rows) or known != sorted(known) or known[0] < 0:
        return False
    columns = [column.at for column in shape.metrics if column.at != shape.time]
    filled = [row[index] for row in fitting for index in columns if row[index].upper() not in _NOTHING]
    numbers = sum(plain.cell(text) is not None for text in filled)
    return numbers > 0 and numbers * 10 >= len(filled) * 7
