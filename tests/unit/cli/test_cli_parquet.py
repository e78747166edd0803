"""Metrics as Parquet: the same rows as CSV, in row groups, without holding the run."""

from __future__ import annotations

import io
import itertools
import math
import sys
from collections.abc import Iterator
from typing import Any

import pyarrow
import pyarrow.parquet as pq
import pytest

from opengraphs.cli import parquet
from opengraphs.cli.commands import export
from opengraphs.cli.exporting import HEADER, RunPoints
from opengraphs.errors import NotFoundError, UsageError

Page = dict[str, Any]


def page(steps: list[int], values: list[float | str], ranks: list[int] | None = None) -> Page:
    times = [1_800_000_000.123456 + step for step in steps]
    return {"step": steps, "time": times, "value": values, **({"rank": ranks} if ranks else {})}


PAGES: dict[str, list[Page]] = {
    "train/loss": [page([0, 1], [0.1, "NaN"]), page([], []), page([2, 3], ["Infinity", "-Infinity"])],
    'odd "key", ü': [page([1 << 53], [1e-300])],
    "empty": [page([], [])],
}
R1 = RunPoints("r1", PAGES, lambda key: iter(PAGES[key]))
RANKS = RunPoints("r2", ["m"], lambda _: iter([page([3, 3], [1, 2], [0, 1])]))


def written(*runs: RunPoints) -> pq.ParquetFile:
    out = io.BytesIO()
    parquet.write_parquet(out, runs, parquet.library())
    return pq.ParquetFile(pyarrow.BufferReader(out.getvalue()))


def test_the_columns_are_those_of_csv() -> None:
    schema = written(R1).schema_arrow
    assert tuple(schema.names) == HEADER
    assert [str(field.type) for field in schema] == ["string", "string", "int32", "int64", "double", "double"]
    assert schema.metadata[b"opengraphs.schema"] == b"1"


def test_every_value_comes_back_to_the_bit() -> None:
    rows = written(R1).read().to_pylist()
    assert [(row["metric"], row["step"], row["rank"]) for row in rows] == [
        *(("train/loss", step, None) for step in range(4)),
        ('odd "key", ü', 1 << 53, None),
    ]
    values = [row["value"] for row in rows]
    assert values[0] == 0.1
    assert math.isnan(values[1])
    assert values[2:] == [math.inf, -math.inf, 1e-300]
    assert [row["time"] for row in rows[:4]] == [1_800_000_000.123456 + step for step in range(4)]


def test_not_a_number_is_a_value_and_no_null() -> None:
    column = written(R1).read().column("value")
    assert column.null_count == 0


def test_several_runs_are_one_table_and_ranks_are_numbers() -> None:
    rows = written(R1, RANKS).read().to_pylist()
    assert [row["run_id"] for row in rows] == ["r1"] * 5 + ["r2"] * 2
    assert [(row["rank"], row["value"]) for row in rows[5:]] == [(0, 1.0), (1, 2.0)]


def test_a_run_without_points_is_an_empty_table_with_its_columns() -> None:
    file = written(RunPoints("r1", [], PAGES.__getitem__))
    assert file.metadata.num_rows == 0
    assert tuple(file.schema_arrow.names) == HEADER


@pytest.mark.parametrize("sizes", [[10], [4, 4, 4, 4], [1, 30, 2], [7, 7], [8, 8]])
def test_row_groups_are_full_wherever_pages_end(monkeypatch: pytest.MonkeyPatch, sizes: list[int]) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 8)
    steps = iter(range(1000))
    chunks = [[next(steps) for _ in range(size)] for size in sizes]
    run = RunPoints("r1", ["m"], lambda _: iter([page(chunk, [float(s) for s in chunk]) for chunk in chunks]))
    file = written(run)
    groups = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
    assert groups[:-1] == [8] * (len(groups) - 1)
    assert 0 < groups[-1] <= 8
    assert file.read().column("step").to_pylist() == list(range(sum(sizes)))


def test_strings_lie_in_dictionaries_and_columns_are_compressed() -> None:
    group = written(RANKS).metadata.row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert columns["metric"].has_dictionary_page
    assert columns["run_id"].has_dictionary_page
    assert not columns["value"].has_dictionary_page


def test_a_row_group_leaves_before_the_next_page_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory follows the row group and not the run."""
    monkeypatch.setattr(parquet, "GROUP_ROWS", 200)
    out = io.BytesIO()
    sizes: list[int] = []

    def pages(_: str) -> Iterator[Page]:
        for number in range(20):
            sizes.append(out.tell())
            yield page(list(range(number * 200, number * 200 + 200)), [0.123456789 * number] * 200)

    parquet.write_parquet(out, [RunPoints("r1", ["m"], pages)], parquet.library())
    assert all(later > before for before, later in itertools.pairwise(sizes[1:]))


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError) as caught:
        parquet.library()
    assert "opengraphs[parquet]" in caught.value.hint


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("file", [None, "-"])
def test_parquet_is_not_written_to_a_terminal(monkeypatch: pytest.MonkeyPatch, file: str | None) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    with pytest.raises(UsageError) as caught:
        export._parquet_library(file)
    assert "-o FILE.parquet" in caught.value.hint
    assert export._parquet_library("x.parquet").__name__ == "pyarrow"


def test_of_several_runs_each_writes_the_metrics_it_has() -> None:
    runs = [["train/loss", "lr"], ["train/loss", "eval/acc"]]
    assert export.choose(runs, ()) == runs
    assert export.choose(runs, ("train/*", "eval/acc")) == [["train/loss"], ["train/loss", "eval/acc"]]
    with pytest.raises(NotFoundError) as caught:
        export.choose(runs, ("train/los",))
    assert "train/loss" in caught.value.hint
