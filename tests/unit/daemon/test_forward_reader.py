"""Journals read on from a cursor: which records become rows, and where reading goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opengraphs.daemon.forward.cursor import Cursor
from opengraphs.daemon.forward.reader import RunReader
from opengraphs.daemon.forward.rows import Row, Who
from opengraphs.store.fdpool import FdPool
from opengraphs.store.folder import RunFolder


class Bench:
    """One run folder, and readers of it that begin where a saved cursor stands."""

    def __init__(self, home: Path) -> None:
        self.run = home / "run"
        self.cursor_path = home / "cursor.json"
        self.fds = FdPool()

    def write(self, journal: str, *records: dict[str, Any], tail: bytes = b"") -> None:
        path = self.run / f"{journal}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(b"".join(json.dumps(record).encode() + b"\n" for record in records) + tail)

    def reader(self) -> tuple[RunReader, Cursor]:
        cursor = Cursor(self.cursor_path, store="/s", run_id="r", target="https://x")
        return RunReader(RunFolder(self.run), cursor, self.fds, who=Who("p", "n", "r")), cursor


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.fds.close()


def read(reader: RunReader, *, final: bool = False) -> list[Row]:
    rows: list[Row] = []
    while batch := reader.read(final=final):
        rows += batch.rows
    return rows


def points(rows: list[Row]) -> list[tuple[int, dict[str, Any]]]:
    return [(row.entry["step"], row.entry["metrics"]) for row in rows if "config" in row.entry]


def test_reading_goes_on_where_the_saved_cursor_stands(bench: Bench) -> None:
    bench.write("metrics/a0-r0", {"step": 0, "metrics": {"a": 1}}, {"step": 1, "metrics": {"a": 2}})
    reader, cursor = bench.reader()
    assert points(read(reader)) == [(0, {"a": 1}), (1, {"a": 2})]
    cursor.save()
    bench.write("metrics/a0-r0", {"step": 2, "metrics": {"a": 3}})
    again, _ = bench.reader()
    assert points(read(again)) == [(2, {"a": 3})]


def test_an_unsaved_cursor_reads_the_same_rows_under_the_same_ids(bench: Bench) -> None:
    bench.write("metrics/a0-r0", *({"step": step, "metrics": {"a": step}} for step in range(2000)))
    first, second = bench.reader()[0], bench.reader()[0]
    ids = [row.entry["log_id"] for row in read(first)]
    assert len(set(ids)) == 2000
    assert ids == [row.entry["log_id"] for row in read(second)]


def test_a_torn_tail_waits_and_a_damaged_line_is_passed_over(bench: Bench) -> None:
    bench.write("metrics/a0-r0", {"step": 0, "metrics": {"a": 1}}, tail=b'not json\n{"step":1,"met')
    reader, _ = bench.reader()
    assert points(read(reader)) == [(0, {"a": 1})]
    bench.write("metrics/a0-r0", tail=b'rics":{"a":2}}\n' + b"\0" * 4096)
    assert points(read(reader)) == [(1, {"a": 2})]


def test_a_step_that_is_missing_follows_the_one_before_also_after_a_restart(bench: Bench) -> None:
    bench.write("metrics/stdout", {"metrics": {"a": 1}}, {"step": 5, "metrics": {"a": 2}})
    reader, cursor = bench.reader()
    assert [step for step, _ in points(read(reader))] == [0, 5]
    cursor.save()
    bench.write("metrics/stdout", {"metrics": {"a": 3}})
    assert [step for step, _ in points(read(bench.reader()[0]))] == [6]


def test_a_metric_that_comes_several_ways_is_sent_from_the_most_trusted_one(bench: Bench) -> None:
    bench.write("metrics/stdout", {"step": 0, "metrics": {"loss": 0.3, "only": 1}, "source": "stdout"})
    bench.write("metrics/mirror-a0-r0", {"step": 0, "metrics": {"loss": 0.31}, "source": "wandb"})
    bench.write("metrics/mirror-a0-r0", {"step": 0, "metrics": {"loss": 0.31}, "source": "trackio"})
    bench.write("metrics/a0-r0", {"step": 0, "metrics": {"loss": 0.314}})
    assert points(read(bench.reader()[0])) == [(0, {"loss": 0.314}), (0, {"only": 1})]


def test_other_ranks_are_told_apart_by_their_keys(bench: Bench) -> None:
    bench.write("metrics/a0-r0", {"step": 0, "metrics": {"loss": 1}})
    bench.write("metrics/a0-r3", {"step": 0, "metrics": {"loss": 2}, "rank": 3})
    assert points(read(bench.reader()[0])) == [(0, {"loss": 1}), (0, {"rank-3/loss": 2})]


def test_a_journal_that_was_replaced_is_read_from_its_start(bench: Bench) -> None:
    bench.write("metrics/a0-r0", {"step": 0, "metrics": {"a": 1}}, {"step": 1, "metrics": {"a": 2}})
    reader, _ = bench.reader()
    read(reader)
    (bench.run / "metrics/a0-r0.jsonl").unlink()
    bench.write("metrics/a0-r0", {"step": 9, "metrics": {"a": 9}})
    assert points(read(reader)) == [(9, {"a": 9})]


def test_the_config_travels_with_the_first_row_and_again_when_it_changes(bench: Bench) -> None:
    bench.write("metrics/a0-r0", {"step": 0, "metrics": {"a": 1}}, {"step": 1, "metrics": {"a": 2}})
    reader, _ = bench.reader()
    rows = read(reader)
    assert [row.entry["config"] for row in reader.config_rows({"lr": 1}, rows)] == [{"lr": 1}, None]
    assert reader.config_rows({"lr": 1}, []) == []
    (alone,) = reader.config_rows({"lr": 2}, [])
    assert alone.entry == {**rows[-1].entry, "config": {"lr": 2}}


def test_what_waits_is_counted_without_padding(bench: Bench) -> None:
    bench.write("metrics/a0-r0", {"step": 0, "metrics": {"a": 1}}, tail=b"\0" * 9000)
    size = len(json.dumps({"step": 0, "metrics": {"a": 1}})) + 1
    reader, _ = bench.reader()
    assert reader.pending_bytes() == size
    read(reader)
    assert reader.pending_bytes() == 0


def test_a_damaged_cursor_is_none(bench: Bench) -> None:
    bench.write("metrics/a0-r0", {"step": 0, "metrics": {"a": 1}})
    reader, cursor = bench.reader()
    read(reader)
    cursor.save()
    known = json.loads(bench.cursor_path.read_text())
    for damage in (
        '{"sche',
        "[]",
        json.dumps({**known, "marks": {"metrics/a0-r0": [1, "x"]}, "skips": 3, "steps": []}),
    ):
        bench.cursor_path.write_text(damage)
        assert points(read(bench.reader()[0])) == [(0, {"a": 1})]
