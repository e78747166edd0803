"""Metrics as one Parquet file, a row group at a time: memory stays small however long the run is.

pyarrow is loaded here and nowhere else, and only when somebody asks for Parquet.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

from opengraphs.cli.exporting import RunPoints
from opengraphs.errors import UsageError

GROUP_ROWS = 1 << 17
"""Points a row group: a few megabytes in memory, and enough for dictionaries and compression to pay."""

METADATA = {b"opengraphs.schema": b"1"}


def library() -> Any:
    """pyarrow, with its Parquet writer.

    Raises:
        UsageError: it is not installed.
    """
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise UsageError(
            f"--format parquet needs pyarrow ({error})",
            hint="pip install 'opengraphs[parquet]', or --format csv",
        ) from error


def write_parquet(out: IO[bytes], runs: Iterable[RunPoints], arrow: Any) -> None:
    """The rows of CSV as columns: strings and ranks by dictionary, zstd, NaN and infinities as floats.

    rank is null where ranks are merged; time is epoch seconds. Values are as they were
    logged: the numbers of a CSV export, to the bit.

    Args:
        arrow: what `library` returned.
    """
    schema = arrow.schema(
        [
            arrow.field("run_id", arrow.string(), nullable=False),
            arrow.field("metric", arrow.string(), nullable=False),
            arrow.field("rank", arrow.int32()),
            arrow.field("step", arrow.int64(), nullable=False),
            arrow.field("time", arrow.float64(), nullable=False),
            arrow.field("value", arrow.float64(), nullable=False),
        ],
        metadata=METADATA,
    )
    with arrow.parquet.ParquetWriter(
        arrow.PythonFile(_Counted(out), mode="w"),
        schema,
        compression="zstd",
        use_dictionary=["run_id", "metric", "rank"],
        column_encoding={"step": "DELTA_BINARY_PACKED", "time": "PLAIN", "value": "PLAIN"},
    ) as writer:
        for group in _groups(_batches(runs, schema, arrow)):
            writer.write_table(arrow.Table.from_batches(group, schema), row_group_size=GROUP_ROWS)


def _batches(runs: Iterable[RunPoints], schema: Any, arrow: Any) -> Iterator[Any]:
    """A page of points as a record batch."""
    for run_id, metrics, pages in runs:
        for key in metrics:
            for page in pages(key):
                count = len(page["step"])
                if not count:
                    continue
                ranks = page.get("rank") or [None] * count
                values = [float(value) for value in page["value"]]
                columns = [
                    arrow.repeat(arrow.scalar(run_id, arrow.string()), count),
                    arrow.repeat(arrow.scalar(key, arrow.string()), count),
                    *(
                        arrow.array(column, schema.field(name).type)
                        for name, column in (
                            ("rank", ranks),
                            ("step", page["step"]),
                            ("time", page["time"]),
                            ("value", values),
                        )
                    ),
                ]
                yield arrow.record_batch(columns, schema=schema)


def _groups(batches: Iterable[Any]) -> Iterator[list[Any]]:
    """Batches together until they are a row group; one that crosses the border is cut there."""
    held: list[Any] = []
    rows = 0
    for batch in batches:
        rest = batch
        while rows + rest.num_rows >= GROUP_ROWS:
            room = GROUP_ROWS - rows
            yield [*held, rest.slice(0, room)]
            rest, held, rows = rest.slice(room), [], 0
        if rest.num_rows:
            held.append(rest)
            rows += rest.num_rows
    if held:
        yield held


class _Counted:
    """A stream that knows how far it is without being asked to seek: a pipe will do."""

    closed = False

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._written = 0

    def write(self, data: Any) -> int:
        self._out.write(data)
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        self._out.flush()

    def close(self) -> None:
        """Whoever opened the stream closes it."""
