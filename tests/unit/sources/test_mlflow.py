from __future__ import annotations

import math
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sink_kit import RecordingSink, read_all, read_once, read_until, reopened
from table_kit import by_name, curves, expected, fixture, kill, lines_of, same, spawn, tree

from opengraphs.sources import mlflow_facts, mlflow_files, mlflow_sqlite

DB_WRITER = """
import sqlite3, sys, time
path, run = sys.argv[1:]
for step in range(100, 100000):
    connection = sqlite3.connect(path, timeout=20)
    connection.execute("INSERT INTO metrics(key, value, timestamp, run_uuid, step, is_nan) VALUES (?,?,?,?,?,0)",
        ("live", step / 8, 1795168800250 + step, run, step))
    connection.commit()
    connection.close()
    print(step, flush=True)
"""
FILE_WRITER = """
import sys, time
out = open(sys.argv[1], "a")
for step in range(100, 100000):
    out.write(f"{1795168800250 + step} {step / 8} {step}\\n")
    out.flush()
    print(step, flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return fixture("mlflow", tmp_path)


def _do(path: Path, sql: str, *values: Any) -> None:
    connection = sqlite3.connect(path)
    connection.execute(sql, values)
    connection.commit()
    connection.close()


def _check(sink: RecordingSink) -> None:
    keys = by_name(sink)
    assert keys.keys() == {"first", "second"}
    for name, key in keys.items():
        assert same(curves(sink, key), expected("mlflow")[name])
    first = sink.facts[keys["first"]]
    assert first["config"] == {"lr": 0.1, "layers": 3, "opt": "adam", "deep/er": True}
    assert first["tags"] == ["team=x"]
    assert first["notes"] == "a note"
    assert first["project"] == "tables"
    assert (first["status"], sink.facts[keys["second"]]["status"]) == ("finished", "stopped")
    assert first["ended_at"] >= first["started_at"] > "2026"
    assert sink.systems[keys["first"]][0][1] == {"gpu.0.util_percent": 33.0}


def test_what_mlflow_stored_in_its_database_comes_out(store: Path) -> None:
    path = store / "mlflow.db"
    assert mlflow_sqlite.accepts(path) == path
    before = tree(store)
    sink, reader = read_once(mlflow_sqlite.open_reader, path)
    assert tree(store) == before
    _check(sink)
    assert reader.troubles() == []
    assert reader.left() == 0.0


def test_what_mlflow_stored_in_files_comes_out(store: Path) -> None:
    path = store / "mlruns"
    assert mlflow_files.accepts(path) == path
    before = tree(store)
    sink, reader = read_once(mlflow_files.open_reader, path)
    assert tree(store) == before
    _check(sink)
    assert reader.troubles() == []
    assert reader.left() == 0.0


def test_an_experiment_and_a_run_are_sources_too(store: Path) -> None:
    run = next(path.parent for path in store.rglob("tags/team")).parent
    for folder, count in ((run, 1), (run.parent, 2)):
        assert mlflow_files.accepts(folder) == folder
        sink, _reader = read_once(mlflow_files.open_reader, folder)
        assert len(sink.facts) == count
        assert sink.facts[run.name]["project"] == "tables"
    assert mlflow_files.accepts(run.parent / "meta.yaml") == run.parent
    assert mlflow_files.accepts(run / "meta.yaml") is None
    assert mlflow_files.accepts(run / "metrics") is None


def test_a_live_database_is_followed_and_never_kept_waiting(store: Path) -> None:
    path = store / "mlflow.db"
    reader, sink = mlflow_sqlite.open_reader(path, None), RecordingSink()
    read_all(reader, sink)
    key = by_name(sink)["second"]
    process = spawn(DB_WRITER, path, key)
    lines_of(process, 10)
    read_until(reader, sink, lambda: len(sink.points[key].get("live", [])) >= 10)
    lines_of(process, 10)
    kill(process)
    count = sqlite3.connect(path).execute("SELECT count(*) FROM metrics WHERE key='live'").fetchone()[0]
    reader = reopened(mlflow_sqlite.open_reader, path, reader)
    read_until(reader, sink, lambda: len(sink.points[key]["live"]) >= count)
    assert sink.points[key]["live"] == [
        (step, 1795168800.25 + step / 1000, step / 8) for step in range(100, 100 + count)
    ]


def test_live_files_are_followed_by_whole_lines(store: Path) -> None:
    path = store / "mlruns"
    loss = next(store.rglob("tags/team")).parents[1] / "metrics" / "live"
    meta = loss.parents[1] / "meta.yaml"
    meta.write_text(meta.read_text().replace("status: 3", "status: 1"))
    reader, sink = mlflow_files.open_reader(path, None), RecordingSink()
    read_all(reader, sink)
    key = by_name(sink)["first"]
    assert sink.facts[key]["status"] == "running"
    process = spawn(FILE_WRITER, loss)
    lines_of(process, 10)
    read_until(reader, sink, lambda: len(sink.points[key].get("live", [])) >= 10)
    kill(process)
    whole = loss.read_text().count("\n")
    reader = reopened(mlflow_files.open_reader, path, reader)
    read_until(reader, sink, lambda: len(sink.points[key]["live"]) >= whole)
    assert [(step, value) for step, _time, value in sink.points[key]["live"]] == [
        (step, step / 8) for step in range(100, 100 + whole)
    ]


def test_an_ended_run_that_goes_on_is_read_again(store: Path) -> None:
    path = store / "mlruns"
    reader, sink = mlflow_files.open_reader(path, None), RecordingSink()
    read_all(reader, sink)
    key = by_name(sink)["second"]
    run = next(path.glob(f"*/{key}"))
    (run / "metrics" / "loss").write_text("1795168800000 3.0 5\n1795168800000 4.0 6\n")
    reader = reopened(mlflow_files.open_reader, path, reader)
    read_all(reader, sink)
    assert curves(sink, key) == {"loss": [(5, 3.0)]}  # nobody said that it goes on
    meta = run / "meta.yaml"
    meta.write_text(meta.read_text().replace("status: 5", "status: 3"))
    read_all(reader, sink)
    assert curves(sink, key) == {"loss": [(5, 3.0), (6, 4.0)]}
    assert sink.facts[key]["status"] == "finished"


@pytest.mark.parametrize("cut", range(1, 21))
def test_a_torn_last_line_is_not_yet(store: Path, cut: int) -> None:
    path = store / "mlruns"
    key = "5" * 32
    run = next(path.glob("*/*/tags")).parents[1] / key
    (run / "metrics").mkdir(parents=True)
    (run / "meta.yaml").write_text(f"run_id: {key}\nrun_name: torn\nstatus: 1\nstart_time: 1795168800000\n")
    line = "1795168800000 0.5 17\n"
    (run / "metrics" / "loss").write_text("1795168800000 0.25 16\n" + line[:-cut])
    reader, sink = mlflow_files.open_reader(path, None), RecordingSink()
    read_all(reader, sink)
    assert curves(sink, key) == {"loss": [(16, 0.25)]}
    (run / "metrics" / "loss").write_text("1795168800000 0.25 16\n" + line)
    read_until(reader, sink, lambda: len(sink.points[key]["loss"]) == 2)
    assert curves(sink, key) == {"loss": [(16, 0.25), (17, 0.5)]}


def test_status_names_and_tags_that_change_are_told(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_sqlite, "FACTS_S", 0.0)
    monkeypatch.setattr(mlflow_sqlite, "FACTS_SHARE", 0)
    path = store / "mlflow.db"
    reader, sink = mlflow_sqlite.open_reader(path, None), RecordingSink()
    read_all(reader, sink)
    key = by_name(sink)["first"]
    _do(path, "UPDATE tags SET value='renamed' WHERE key='mlflow.runName' AND run_uuid=?", key)
    _do(path, "UPDATE runs SET status='FAILED' WHERE run_uuid=?", key)
    read_all(reader, sink)
    assert (sink.facts[key]["name"], sink.facts[key]["status"]) == ("renamed", "failed")
    _do(path, "UPDATE runs SET lifecycle_stage='deleted' WHERE run_uuid=?", key)
    reader = reopened(mlflow_sqlite.open_reader, path, reader)
    read_all(reader, sink)
    assert sink.calls[-1] == ("gone", key)
    _do(path, "UPDATE runs SET lifecycle_stage='active' WHERE run_uuid=?", key)
    del sink.points[key]
    reader = reopened(mlflow_sqlite.open_reader, path, reader)
    read_all(reader, sink)
    assert same(curves(sink, key), expected("mlflow")["first"])


def test_rows_that_went_make_it_begin_anew(store: Path) -> None:
    path = store / "mlflow.db"
    reader, sink = mlflow_sqlite.open_reader(path, None), RecordingSink()
    read_all(reader, sink)
    _do(path, "DELETE FROM metrics WHERE step > 3")
    read_all(reader, sink)
    key = by_name(sink)["first"]
    assert ("reset", key) in sink.calls
    assert curves(sink, key)["loss"] == expected("mlflow")["first"]["loss"][:4]


def test_a_removed_run_and_a_removed_store(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_files, "LIST_S", 0.0)
    path = store / "mlruns"
    reader, sink = mlflow_files.open_reader(path, None), RecordingSink()
    read_all(reader, sink)
    key = by_name(sink)["second"]
    shutil.rmtree(next(path.glob(f"*/{key}")))
    read_until(reader, sink, lambda: ("gone", key) in sink.calls)
    shutil.rmtree(path)
    with pytest.raises(FileNotFoundError):
        read_until(reader, sink, lambda: False)


def test_hostile_files_are_counted_and_never_raise(store: Path) -> None:
    path = store / "mlruns"
    run = next(store.rglob("tags/team")).parents[1]
    (run / "metrics" / "bad\x1b[31m").write_bytes(
        b"\xff\xff\n1 2 3 4 5\nnan inf nan\n" + b"9" * 5000 + b" 1 1\n"
    )
    (run / "metrics" / "long").write_bytes(b"1" * (3 << 20) + b"\n1795168800000 1 1\n")
    (run / "metrics" / "link").symlink_to("/dev/zero")
    (run / "metrics" / "loop").symlink_to(run / "metrics")
    (run / "params" / "huge").write_bytes(b"x" * (1 << 20))
    (run / "params" / "esc").write_text("a\x1b]0;title\x07b")
    (run / "meta.yaml").write_text(
        (run / "meta.yaml").read_text() + "a: !!python/object/apply:os.system ['true']\n&x: *x\n"
    )
    sink, reader = read_once(mlflow_files.open_reader, path)
    key = by_name(sink)["first"]
    assert same({**curves(sink, key), **expected("mlflow")["first"]}.keys(), curves(sink, key).keys())
    assert sink.points[key]["long"] == [(1, 1795168800.0, 1.0)]
    assert all(name.isprintable() for name in sink.points[key])
    assert sink.facts[key]["config"]["esc"] == "a ]0;title b"
    assert len(sink.facts[key]["config"]["huge"]) == 4096
    assert {Path(trouble.path).name for trouble in reader.troubles()} >= {"bad\x1b[31m", "long", "link"}


def test_the_largest_double_is_an_infinity() -> None:
    largest = 1.7976931348623157e308
    assert mlflow_facts.value_of(largest) == math.inf
    assert mlflow_facts.value_of(-largest) == -math.inf
    assert math.isnan(mlflow_facts.value_of(0.0, 1))
    assert mlflow_facts.machine_name("system/gpu_1_memory_usage_megabytes") == ("gpu.1.mem_used_bytes", 1e6)
    assert mlflow_facts.machine_name("system/network_receive_megabytes") == ("network_receive_megabytes", 1.0)
