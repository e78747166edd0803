"""Metrics as CSV and JSON, page by page."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from opengraphs.cli import exporting
from opengraphs.cli.exporting import RunPoints

Page = dict[str, Any]


def page(steps: list[int], values: list[float | str], ranks: list[int] | None = None) -> Page:
    times = [1000.5 + step for step in steps]
    return {"step": steps, "time": times, "value": values, **({"rank": ranks} if ranks else {})}


PAGES: dict[str, list[Page]] = {
    "train/loss": [page([0, 1], [0.5, "NaN"]), page([], []), page([2], [0.25])],
    'odd "key", ü': [page([7], [1e-9])],
    "empty": [page([], [])],
}


def pages(key: str) -> Iterator[Page]:
    yield from PAGES[key]


R1 = RunPoints("r1", PAGES, pages)
RANKS = RunPoints("r2", ["m"], lambda _: iter([page([3, 3], [0.1, 0.2], [0, 1])]))


def test_csv_has_one_row_a_point_and_empty_ranks_where_they_are_merged() -> None:
    out = io.StringIO()
    exporting.write_csv(out, [R1])
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    assert rows == [
        ["run_id", "metric", "rank", "step", "time", "value"],
        ["r1", "train/loss", "", "0", "1000.5", "0.5"],
        ["r1", "train/loss", "", "1", "1001.5", "NaN"],
        ["r1", "train/loss", "", "2", "1002.5", "0.25"],
        ["r1", 'odd "key", ü', "", "7", "1007.5", "1e-09"],
    ]


def test_csv_names_ranks_on_demand() -> None:
    out = io.StringIO()
    exporting.write_csv(out, [RANKS])
    assert [row[2] for row in csv.reader(io.StringIO(out.getvalue()))] == ["rank", "0", "1"]


def test_json_joins_pages_into_one_array_each() -> None:
    out = io.StringIO()
    exporting.write_json(out, [R1], ranks=False)
    assert json.loads(out.getvalue()) == {
        "schema": 1,
        "run_id": "r1",
        "metrics": {
            "train/loss": {
                "step": [0, 1, 2],
                "time": [1000.5, 1001.5, 1002.5],
                "value": [0.5, "NaN", 0.25],
            },
            'odd "key", ü': {"step": [7], "time": [1007.5], "value": [1e-9]},
            "empty": {"step": [], "time": [], "value": []},
        },
    }


def test_json_of_a_run_without_metrics_is_whole() -> None:
    out = io.StringIO()
    exporting.write_json(out, [RunPoints("r1", [], pages)], ranks=False)
    assert json.loads(out.getvalue())["metrics"] == {}


def test_csv_of_several_runs_has_one_header() -> None:
    out = io.StringIO()
    exporting.write_csv(out, [R1, RANKS])
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    assert [row[0] for row in rows] == ["run_id", "r1", "r1", "r1", "r1", "r2", "r2"]


def test_json_of_several_runs_is_a_list_of_them() -> None:
    out = io.StringIO()
    exporting.write_json(out, [RANKS._replace(run_id="r1"), RANKS], ranks=True)
    reply = json.loads(out.getvalue())
    assert reply["schema"] == 1
    assert [run["run_id"] for run in reply["runs"]] == ["r1", "r2"]
    assert reply["runs"][1]["metrics"]["m"]["rank"] == [0, 1]


def test_json_adds_ranks_on_demand() -> None:
    out = io.StringIO()
    exporting.write_json(out, [RANKS], ranks=True)
    assert json.loads(out.getvalue())["metrics"]["m"]["rank"] == [0, 1]


class Nowhere(io.StringIO):
    def write(self, text: str) -> int:
        return len(text)


def peak_bytes(count: int) -> int:
    """Memory that an export of `count` pages of 200 points needs at most."""

    def many(_: str) -> Iterator[Page]:
        for _number in range(count):
            yield page(list(range(200)), [0.123456789] * 200)

    tracemalloc.start()
    exporting.write_json(Nowhere(), [RunPoints("r1", ["m"], many)], ranks=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "SPOOL_BYTES", 1 << 14)
    peak_bytes(2)  # what is loaded once counts for neither
    assert peak_bytes(40) < 1.5 * peak_bytes(10)
