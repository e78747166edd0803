from __future__ import annotations

import json
import math
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from sink_kit import RecordingSink, read_all, read_once, read_until, reopened
from table_kit import by_name, curves, expected, fixture, kill, lines_of, same, spawn, tree

from opengraphs.sources import trackio, trackio_values

WHEN = "2026-11-20T10:00:00.250000+00:00"
WHEN_S = 1795168800.25
OLD_SCHEMA = """
CREATE TABLE metrics (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL,
  run_name TEXT NOT NULL, step INTEGER NOT NULL, metrics TEXT NOT NULL);
CREATE TABLE configs (id INTEGER PRIMARY KEY AUTOINCREMENT, run_name TEXT NOT NULL,
  config TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE(run_name));
"""
WRITER = """
import json, sqlite3, sys, time
path, mode = sys.argv[1:]
held = sqlite3.connect(path) if mode == "held" else None
for step in range(100, 100000):
    connection = held or sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("INSERT INTO metrics(run_id, timestamp, run_name, step, metrics) VALUES (?,?,?,?,?)",
        ("live", "2026-11-20T10:00:00.250000+00:00", "live one", step, json.dumps({"loss": step / 8}).encode()))
    connection.commit()
    if not held:
        connection.close()
    print(step, flush=True)
    time.sleep(0.004)
"""


def _rows(path: Path, rows: list[tuple[Any, ...]], *, keep: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=wal")
    sql = "INSERT INTO metrics(run_id, timestamp, run_name, step, metrics, log_id) VALUES (?,?,?,?,?,?)"
    connection.executemany(sql, rows)
    connection.commit()
    if not keep:
        connection.close()
    return connection


def _do(path: Path, sql: str, *values: Any) -> None:
    connection = sqlite3.connect(path)
    connection.execute(sql, values)
    connection.commit()
    connection.close()


def _row(step: int, metrics: object, run: str = "r1", log_id: str | None = None) -> tuple[Any, ...]:
    data = metrics if isinstance(metrics, (bytes, str)) else json.dumps(metrics).encode()
    return (run, WHEN, f"{run} name", step, data, log_id)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return fixture("trackio", tmp_path) / "myproject.db"


@pytest.fixture
def empty(db: Path) -> Path:
    for table in ("metrics", "configs", "system_metrics", "alerts"):
        _do(db, f"DELETE FROM {table}")
    return db


def test_what_trackio_logged_comes_out(db: Path) -> None:
    assert trackio.accepts(db) == db
    before = tree(db.parent)
    sink, reader = read_once(trackio.open_reader, db)
    assert tree(db.parent) == before
    assert reader.troubles() == []
    assert reader.left() == 0.0
    keys = by_name(sink)
    assert keys.keys() == {"first", "second"}
    for name, key in keys.items():
        assert same(curves(sink, key), expected("trackio")[name])
        facts = sink.facts[key]
        assert facts["project"] == "myproject"
        assert facts["config"] == {"lr": 0.1, "layers": [1, 2]}
        assert facts["group"] == "pair"
        assert "status" not in facts
        assert sink.systems[key][0][1] == {
            "gpu.0.util_percent": 50.0,
            "gpu.0.mem_used_bytes": 1.5 * 2**30,
            "cpu.percent": 3.0,
        }
        ((_time, kind, alert),) = sink.events[key]
        assert (kind, alert["level"], alert["title"]) == ("alert", "error", "Loss is high")


def test_a_cursor_goes_on_right_behind(empty: Path) -> None:
    _rows(empty, [_row(step, {"loss": step}) for step in range(5)])
    sink = RecordingSink()
    reader = trackio.open_reader(empty, None)
    read_all(reader, sink)
    reader = reopened(trackio.open_reader, empty, reader)
    calls = len(sink.calls)
    read_all(reader, sink)
    assert sink.calls[calls:] == []
    _rows(empty, [_row(5, {"loss": math.inf}), _row(5, {"loss": "NaN"})])
    read_all(reader, sink)
    assert [call[0] for call in sink.calls[calls:]] == ["metrics", "metrics"]
    assert sink.points["r1"]["loss"][:6] == [(step, WHEN_S, float(step)) for step in range(5)] + [
        (5, WHEN_S, math.inf)
    ]


@pytest.mark.parametrize("mode", ["held", "closing"])
def test_a_live_writer_is_followed_until_it_is_killed(empty: Path, mode: str) -> None:
    reader, sink = trackio.open_reader(empty, None), RecordingSink()
    read_all(reader, sink)
    process = spawn(WRITER, empty, mode)
    lines_of(process, 20)
    read_until(reader, sink, lambda: len(sink.points.get("live", {}).get("loss", [])) >= 20)
    lines_of(process, 20)
    kill(process)
    before = tree(empty.parent)
    stored = _stored(empty)
    reader = reopened(trackio.open_reader, empty, reader)
    read_until(reader, sink, lambda: len(sink.points["live"]["loss"]) >= stored)
    assert [(step, value) for step, _time, value in sink.points["live"]["loss"]] == [
        (step, step / 8) for step in range(100, 100 + stored)
    ]
    assert tree(empty.parent) == before
    assert reader.troubles() == []


def _stored(path: Path) -> int:
    """How many rows SQLite itself finds in copies of the files."""
    copy = path.parent.parent / "copy.db"
    for end in ("", "-wal"):
        if Path(f"{path}{end}").exists():
            Path(f"{copy}{end}").write_bytes(Path(f"{path}{end}").read_bytes())
    connection = sqlite3.connect(copy)
    (count,) = connection.execute("SELECT count(*) FROM metrics").fetchone()
    connection.close()
    return int(count)


def test_renamed_moved_and_deleted_runs_are_noticed(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackio, "RECOUNT_S", 0.0)
    sink = RecordingSink()
    reader = trackio.open_reader(db, None)
    read_all(reader, sink)
    keys = by_name(sink)
    for table in ("metrics", "configs"):
        _do(db, f"UPDATE {table} SET run_name = 'renamed' WHERE run_id = ?", keys["first"])
    for table in ("metrics", "configs", "system_metrics", "alerts"):
        _do(db, f"DELETE FROM {table} WHERE run_id = ?", keys["second"])
    read_until(reader, sink, lambda: ("gone", keys["second"]) in sink.calls)
    assert sink.facts[keys["first"]]["name"] == "renamed"
    assert ("gone", keys["first"]) not in sink.calls


def test_a_replaced_database_is_read_again_from_its_start(empty: Path) -> None:
    _rows(empty, [_row(step, {"loss": step}) for step in range(5)])
    reader, sink = trackio.open_reader(empty, None), RecordingSink()
    read_all(reader, sink)
    other = empty.with_name("other.db")
    other.write_bytes(empty.read_bytes())
    _do(other, "UPDATE metrics SET metrics = ?", b'{"loss": 7}')
    other.replace(empty)
    reader = reopened(trackio.open_reader, empty, reader)
    read_all(reader, sink)
    assert ("reset", "r1") in sink.calls
    assert curves(sink, "r1") == {"loss": [(step, 7.0) for step in range(5)]}


def test_old_schemas_go_by_the_runs_name(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript(OLD_SCHEMA)
    connection.execute("INSERT INTO metrics VALUES (1, ?, 'alpha', 3, ?)", (WHEN, '{"loss": 0.5}'))
    connection.execute("INSERT INTO configs VALUES (1, 'alpha', ?, ?)", ('{"lr": 1}', WHEN))
    connection.commit()
    connection.close()
    assert trackio.accepts(path) == path
    sink, reader = read_once(trackio.open_reader, path)
    assert curves(sink, "alpha") == {"loss": [(3, 0.5)]}
    assert sink.facts["alpha"]["config"] == {"lr": 1}
    assert reader.troubles() == []


def test_a_newer_schema_is_read_with_a_warning(db: Path) -> None:
    _do(db, "PRAGMA user_version = 9")
    sink, reader = read_once(trackio.open_reader, db)
    assert len(sink.facts) == 2
    assert "newer" in reader.troubles()[0].reason


def test_typed_values_are_left_out_and_nested_ones_flattened(empty: Path) -> None:
    typed = {
        "t": {"_type": "trackio.table", "_value": [{"a": 1}]},
        "deep": {"er": {"x": 2}},
        "no": True,
        "s": "text",
    }
    _rows(empty, [_row(0, typed), _row(1, {})])
    sink, reader = read_once(trackio.open_reader, empty)
    assert curves(sink, "r1") == {"deep/er/x": [(0, 2.0)]}
    assert reader.troubles() == []


def test_hostile_rows_are_counted_and_never_raise(empty: Path) -> None:
    rows = [
        _row(0, b"\xff\xfe"),
        _row(1, "[" * 100_000),
        _row(2, b'{"loss": NaN}'),
        _row(3, json.dumps({"\x1b[31mred\n": 10**400, "big": 1e300, "n": 10**30})),
        _row(4, json.dumps({f"m{index}": index for index in range(10_000)})),
        _row(2**62, {"far": 1}),
        (b"\x00blob", "no time", "\x1b]0;name\x07", "no step", b"[]", None),
        _row(5, {"loss": 1}),
    ]
    _rows(empty, rows)
    sink, reader = read_once(trackio.open_reader, empty)
    found = curves(sink, "r1")
    assert found["loss"][-1] == (5, 1.0)
    assert math.isnan(found["loss"][0][1])
    assert found["m9999"] == [(4, 9999.0)]
    assert found["n"] == [(3, 1e30)]
    assert all(name.isprintable() for name in found)
    assert all(key.isprintable() and facts["name"].isprintable() for key, facts in sink.facts.items())
    assert sum(trouble.skipped for trouble in reader.troubles()) == 3


def test_a_locked_database_comes_later(empty: Path) -> None:
    _do(empty, "PRAGMA journal_mode=delete")
    lock = sqlite3.connect(empty, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    reader, sink = trackio.open_reader(empty, None), RecordingSink()
    assert not reader.read(sink, budget_s=1)
    lock.execute(
        "INSERT INTO metrics(run_id, timestamp, run_name, step, metrics) VALUES ('a', ?, 'a', 1, '{\"l\": 2}')",
        (WHEN,),
    )
    lock.execute("COMMIT")
    lock.close()
    read_until(reader, sink, lambda: "a" in sink.points)
    assert reader.troubles() == []


def test_text_that_is_no_database_is_a_trouble_and_not_a_run(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_text("hello")
    sink, reader = read_once(trackio.open_reader, path)
    assert sink.calls == []
    assert "not a SQLite database" in reader.troubles()[0].reason
    with pytest.raises(OSError, match="No such file"):
        read_once(trackio.open_reader, tmp_path / "absent.db")


def _fragment(folder: Path, number: int, *records: dict[str, Any]) -> Path:
    path = folder / "inbox" / "writer" / f"{number:08}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def _record(step: int, **more: Any) -> dict[str, Any]:
    return {
        "v": 1, "kind": "metric", "project": "my project", "run": "boxed", "run_id": "b1", "step": step,
        "metrics": {"loss": step}, "timestamp": WHEN, "config": None, "log_id": f"id{step}", **more,
    }  # fmt: skip


def test_the_inbox_is_read_where_it_is_and_each_record_once(empty: Path) -> None:
    alert = _record(2, kind="alert", title="t", text="x", level="info", alert_id="a1", log_id=None)
    first = _fragment(empty.parent, 1, _record(0, config={"lr": 2, "_Group": "g"}), _record(1), alert)
    _fragment(empty.parent, 2, _record(9, project="another"))
    assert trackio.accepts(first) == empty
    reader, sink = trackio.open_reader(empty, None), RecordingSink()
    before = tree(empty.parent)
    read_all(reader, sink)
    assert tree(empty.parent) == before
    assert sink.facts["b1"]["config"] == {"lr": 2}
    assert curves(sink, "b1") == {"loss": [(0, 0.0), (1, 1.0)]}
    first.unlink()
    _rows(
        empty,
        [
            _row(0, {"loss": 0}, "b1", "id0"),
            _row(1, {"loss": 1}, "b1", "id1"),
            _row(2, {"loss": 2}, "b1", "id2"),
        ],
    )
    sql = "INSERT INTO alerts(run_id, timestamp, run_name, title, level, alert_id) VALUES ('b1', ?, 'boxed', 't', 'info', 'a1')"
    _do(empty, sql, WHEN)
    read_all(reader, sink)
    assert curves(sink, "b1") == {"loss": [(0, 0.0), (1, 1.0), (2, 2.0)]}
    assert len(sink.events["b1"]) == 1


def test_an_inbox_without_a_database_is_a_source(tmp_path: Path) -> None:
    fragment = _fragment(tmp_path, 1, _record(3), {"v": 1})
    path = trackio.accepts(fragment)
    assert path == tmp_path / "myproject.db"
    sink, reader = read_once(trackio.open_reader, path)
    assert curves(sink, "b1") == {"loss": [(3, 3.0)]}
    assert reader.troubles() == []


def test_others_files_are_not_taken(tmp_path: Path, db: Path) -> None:
    registry = db.rename(db.with_name("registry-models.db"))
    mlflow = fixture("mlflow", tmp_path) / "mlflow.db"
    assert trackio.accepts(registry) is None
    assert trackio.accepts(mlflow) is None
    assert trackio.accepts(tmp_path) is None


def test_places_follow_trackios_variables() -> None:
    assert trackio_values.folder({"TRACKIO_DIR": "/t"}) == Path("/t")
    assert trackio_values.folder({"HF_HOME": "/h"}) == Path("/h/trackio")
    assert trackio_values.folder({"XDG_CACHE_HOME": "/c", "HOME": "/u"}) == Path("/c/huggingface/trackio")
    assert trackio_values.folder({"HOME": "/u"}) == Path("/u/.cache/huggingface/trackio")
    assert trackio_values.canonical("demo proj.x") == "demoprojx"
    assert trackio_values.canonical("...") == "default"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_read(empty: Path) -> None:
    held = _rows(empty, [_row(0, {"loss": 1})], keep=True)
    empty.parent.chmod(0o555)
    try:
        sink, _reader = read_once(trackio.open_reader, empty)
        assert curves(sink, "r1") == {"loss": [(0, 1.0)]}
    finally:
        empty.parent.chmod(0o755)
        held.close()
