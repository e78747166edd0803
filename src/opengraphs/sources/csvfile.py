"""Metrics in tables: Lightning, Keras, Ultralytics, stable-baselines, Ray, exports, any CSV.

A table is followed while it grows. Lightning and stable-baselines write the whole file again
when a column appears: then what was read is not there any more, the run is void, and comes
again from the start. A last line without its end may be half a number and is left until it
has one, or until nobody has touched the file for ten minutes.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opengraphs.records import RunFacts
from opengraphs.sources import csvshape, plain
from opengraphs.sources.base import Format, Reader, Sink
from opengraphs.sources.csvshape import Shape
from opengraphs.sources.followed import Rewritten
from opengraphs.sources.linefile import MAX_LINE, Lines
from opengraphs.sources.reading import LineReader

QUIET_S = 600.0
"""A last line without an end counts as whole in a file that nobody touched for so long."""
_SIDE_FILES = ("params.json", "hparams.yaml", "args.yaml")
_HEAD = 1 << 15


class CsvReader(LineReader):
    """Follows one table."""

    def _begin(self, saved: Mapping[str, Any]) -> None:
        self._shape: Shape | None = None
        self._keys = [str(key) for key in saved.get("keys") or ()]
        self._row = int(saved.get("row", 0))
        self._step = int(saved.get("step", 0))
        self._created = saved.get("created")
        self._config: dict[str, Any] = dict(saved.get("config") or {})
        self._side: list[Any] = list(saved.get("side") or ())

    def read(self, sink: Sink, *, budget_s: float) -> bool:
        deadline = time.monotonic() + budget_s
        if not self._lines.file.is_changed() and not self._is_tail_due():
            return False
        modified = self._path.stat().st_mtime
        if self._keys and self._side_marks() != self._side:
            self._tell(sink, modified)
        while True:
            try:
                if self._shape is None and self._lines.file.offset:
                    self._shape = self._header_again()
                found = self._lines.next()
            except Rewritten:
                self._restart(sink)
                continue
            self._take(sink, found, modified)
            if found.at_end:
                self._tail_due = modified + QUIET_S if found.tail else None
                if found.tail and time.time() >= modified + QUIET_S and self._shape:
                    self._take(sink, Lines(found.offset, [found.tail], b"", True), modified)
                    self._lines.take_tail(found)
                    self._tail_due = None
                return False
            if time.monotonic() > deadline:
                return True

    def cursor(self) -> dict[str, Any]:
        return {
            "lines": self._lines.saved(),
            "keys": self._keys,
            "row": self._row,
            "step": self._step,
            "created": self._created,
            "config": self._config,
            "side": self._side,
            "troubles": self._mishaps.saved(),
        }

    _tail_due: float | None = None

    def _is_tail_due(self) -> bool:
        return self._tail_due is not None and time.time() >= self._tail_due

    def _told(self) -> list[str]:
        return self._keys

    def _header_again(self) -> Shape:
        """The header that the rows before belonged to.

        Raises:
            Rewritten: it is none any more.
        """
        lines = plain.head(self._path, MAX_LINE).split(b"\n")
        for line in lines:
            if line.strip():
                shape = csvshape.understand(line.decode("utf-8", "replace"), self._path.stem)
                if shape is None:
                    break
                return shape
        raise Rewritten

    def _take(self, sink: Sink, found: Lines, modified: float) -> None:
        lines, index = found.lines, 0
        while self._shape is None and index < len(lines):
            line = lines[index].decode("utf-8", "replace").strip("\r\n\0")
            if line.strip("\ufeff \t"):
                self._shape = csvshape.understand(line, self._path.stem)
                if self._shape is None:
                    self._mishaps.add(self._path, "no header line", offset=found.offset_of(index))
            index += 1
        if self._shape is None or index >= len(lines):
            return
        texts = [line.decode("utf-8", "replace").rstrip("\r\0") for line in lines[index:]]
        if any('"' in text or "\r" in text or "\0" in text for text in texts):
            rows = [csvshape.cells(text, self._shape.delimiter) for text in texts]
        else:
            csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
            rows = list(csv.reader((text or " " for text in texts), delimiter=self._shape.delimiter))
        for at, row in enumerate(rows):
            if len(row) == len(self._shape.names):
                self._take_row(sink, self._shape, row, modified)
            elif texts[at].strip():
                self._mishaps.add(
                    self._path, "a row that does not fit the header", offset=found.offset_of(index + at)
                )

    def _take_row(self, sink: Sink, shape: Shape, row: list[str], modified: float) -> None:
        step = plain.step_number(row[shape.step]) if shape.step >= 0 else self._row
        if step is None and row[shape.step].strip() == shape.names[shape.step]:
            return  # a restart wrote the header again
        step = self._own_step(row, shape) if step is None else step
        stamp = plain.epoch_s(row[shape.time]) if shape.time >= 0 else None
        at = modified if stamp is None else stamp
        if not self._keys:
            self._config = {name: _scalar(row[index]) for index, name in shape.config if row[index]}
            self._created = at
            self._tell(sink, at)
        found: dict[str, dict[str, float]] = {}
        skipped = shape.time if stamp is not None else -1
        for index, metric, key in shape.metrics:
            text = row[index]
            if text and index != skipped:
                try:
                    value = float(text)
                except ValueError:
                    continue
                if "_" in text or not text.isascii():
                    continue
                if key in found:
                    found[key][metric] = value
                else:
                    found[key] = {metric: value}
        for key, metrics in found.items():
            sink.metrics(key, step, at, metrics)
        self._row += 1
        self._step = step

    def _own_step(self, row: list[str], shape: Shape) -> int:
        """The step of a row without a whole one: the one before where the cell is empty, else the row's number."""
        return self._step if not row[shape.step].strip() else self._row

    def _tell(self, sink: Sink, at: float) -> None:
        assert self._shape is not None or self._keys
        if self._shape is None:
            self._shape = self._header_again()
        self._side = self._side_marks()
        config = {**_side_config(self._path.parent), **self._config}
        created = plain.iso(float(self._created or at))
        for key in self._shape.keys:
            name = key or self._shape.run_name or plain.file_name(self._path)
            facts = RunFacts(name=name, created_at=created)
            if config:
                facts["config"] = plain.config(config)
            sink.run(key, facts)
        self._keys = self._shape.keys

    def _side_marks(self) -> list[Any]:
        marks = [plain.file_mark(self._path.parent / name) for name in _SIDE_FILES]
        return [list(mark) if mark else None for mark in marks]


def _side_config(folder: Path) -> dict[str, Any]:
    """What the tools write beside their table: Ray as JSON, Lightning and Ultralytics as flat YAML."""
    for name in _SIDE_FILES:
        text = plain.read_text(folder / name)
        if not text:
            continue
        if not name.endswith(".json"):
            return plain.flat_yaml(text)
        try:
            found = plain.decoded(text)
        except ValueError:
            continue
        return found if isinstance(found, dict) else {}
    return {}


def _scalar(text: str) -> Any:
    value = plain.cell(text)
    return text if value is None else int(value) if value.is_integer() and "." not in text else value


def _rows(path: Path) -> tuple[Shape | None, list[list[str]]]:
    start = plain.head(path, _HEAD)
    whole = start[: start.rfind(b"\n") + 1].decode("utf-8", "replace")
    lines = [line for line in whole.split("\n")[:20] if line.strip("\ufeff \t\r")]
    shape = csvshape.understand(lines[0].rstrip("\r"), path.stem) if lines else None
    if shape is None:
        return None, []
    return shape, [csvshape.cells(line.rstrip("\r"), shape.delimiter) for line in lines[1:6]]


def accepts(path: Path) -> Path | None:
    """A table that looks like a training's: a column with the step and columns of numbers."""
    if path.suffix not in {".csv", ".tsv"} and path.name != "training.log":
        return None
    shape, rows = _rows(path)
    return path if shape is not None and csvshape.looks_like_metrics(shape, rows) else None


def accepts_any(path: Path) -> Path | None:
    """Any table with a header and a number below it, when somebody names it."""
    shape, rows = _rows(path)
    if shape is None or not rows:
        return None
    fitting = [row for row in rows if len(row) == len(shape.names)]
    has_number = any(plain.cell(row[column.at]) is not None for row in fitting for column in shape.metrics)
    return path if has_number and len(fitting) * 2 > len(rows) else None


def open_reader(path: Path, cursor: Mapping[str, Any] | None) -> Reader:
    return CsvReader(path, cursor)


FORMAT = Format(
    name="csv",
    title="CSV",
    looks_for="*.csv or *.tsv with a column step, iteration or epoch and columns of numbers",
    names=("*.csv", "*.tsv", "training.log"),
    accepts=accepts,
    open=open_reader,
)
ANY = FORMAT._replace(
    looks_for="any table with a header and numbers that you name", names=(), accepts=accepts_any
)
"""For files that are named by hand: no pattern finds them."""
