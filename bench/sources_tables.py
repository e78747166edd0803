"""Trackio, MLflow, Trainer states, CSV and JSON Lines: input as their writers make it, read by their readers.

Databases are made by the library and then filled by SQL, as fast as the disk takes it; the
rows are what the library writes.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bench.sources_case import Case, Peer
from opengraphs.sources import csvfile, jsonl, mlflow_files, mlflow_sqlite, trackio, trainer_state

METRICS = 10
NAMES = tuple(f"train/metric_{number}" for number in range(METRICS))
START_MS = 1_763_803_812_000
os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False",
    HF_HUB_OFFLINE="1",
    MLFLOW_DISABLE_TELEMETRY="true",
    MLFLOW_ALLOW_FILE_STORE="true",
)


def _rows(points: int) -> Iterator[tuple[int, dict[str, float]]]:
    for step in range(points // METRICS):
        yield step, {name: step * 0.37 + number for number, name in enumerate(NAMES)}


def _trackio_db(folder: Path, points: int) -> Path:
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio as library
    from trackio import utils

    utils.TRACKIO_DIR = folder
    library.init(project="bench", name="one")
    library.log({"first": 1.0})
    library.finish()
    path = folder / "bench.db"
    connection = sqlite3.connect(path)
    run = connection.execute("SELECT run_id, timestamp, run_name FROM metrics").fetchone()
    connection.execute("DELETE FROM metrics")
    sql = "INSERT INTO metrics(run_id, timestamp, run_name, step, metrics, log_id) VALUES (?,?,?,?,?,?)"
    connection.executemany(
        sql, ((*run, step, json.dumps(values).encode(), f"{step:032}") for step, values in _rows(points))
    )
    connection.commit()
    connection.close()
    return path


def _trackio_storage(place: Path) -> int:
    from trackio import utils
    from trackio.sqlite_storage import SQLiteStorage

    utils.TRACKIO_DIR = place.parent
    return sum(len(row.keys() & set(NAMES)) for row in SQLiteStorage.get_logs("bench", "one"))


def _mlflow_db(folder: Path, points: int) -> Path:
    import mlflow

    path = folder / "mlflow.db"
    mlflow.set_tracking_uri(f"sqlite:///{path}")
    with mlflow.start_run(run_name="one") as run:
        mlflow.log_metric("first", 1.0)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM metrics")
    sql = "INSERT INTO metrics(key, value, timestamp, run_uuid, step, is_nan) VALUES (?,?,?,?,?,0)"
    connection.executemany(
        sql,
        (
            (name, value, START_MS + step, run.info.run_id, step)
            for step, values in _rows(points)
            for name, value in values.items()
        ),
    )
    sql = "INSERT INTO latest_metrics(key, value, timestamp, run_uuid, step, is_nan) VALUES (?,1,?,?,1,0)"
    connection.executemany(sql, ((name, START_MS, run.info.run_id) for name in NAMES))
    connection.commit()
    connection.close()
    return path


def _mlruns(folder: Path, points: int) -> Path:
    import mlflow

    path = folder / "mlruns"
    mlflow.set_tracking_uri(f"file://{path}")
    with mlflow.start_run(run_name="one") as run:
        mlflow.log_metric("train/first", 1.0)
    metrics = next(path.glob(f"*/{run.info.run_id}")) / "metrics"
    (metrics / "train" / "first").unlink()
    for number, name in enumerate(NAMES):
        lines = (f"{START_MS + step} {step * 0.37 + number} {step}\n" for step in range(points // METRICS))
        (metrics / name).write_text("".join(lines))
    return path


def _mlflow_client(place: Path) -> int:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{place}" if place.is_file() else f"file://{place}")
    (run,) = client.search_runs(["0"])
    return sum(len(client.get_metric_history(run.info.run_id, name)) for name in NAMES)


def _csv(folder: Path, points: int) -> Path:
    path = folder / "metrics.csv"
    with path.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(("epoch", "step", *NAMES))
        table.writerows((0, step, *values.values()) for step, values in _rows(points))
    return path


def _pandas_csv(place: Path) -> int:
    import pandas

    return int(pandas.read_csv(place)[list(NAMES)].count().sum())


def _dict_reader(place: Path) -> int:
    with place.open(newline="") as file:
        return sum(len([float(row[name]) for name in NAMES]) for row in csv.DictReader(file))


def _jsonl(folder: Path, points: int) -> Path:
    path = folder / "log.jsonl"
    with path.open("w") as out:
        out.writelines(json.dumps({"step": step, **values}) + "\n" for step, values in _rows(points))
    return path


def _pandas_jsonl(place: Path) -> int:
    import pandas

    return int(pandas.read_json(place, lines=True)[list(NAMES)].count().sum())


def _json_loads(place: Path) -> int:
    with place.open() as file:
        return sum(len([float(value) for value in json.loads(line).values()]) - 1 for line in file)


def _trainer_state(folder: Path, points: int) -> Path:
    output = folder / "model"
    (output / "checkpoint-1").mkdir(parents=True)
    history = [{"step": step, **values} for step, values in _rows(points)]
    record = {"global_step": len(history), "max_steps": len(history), "log_history": history}
    (output / "checkpoint-1" / "trainer_state.json").write_text(json.dumps(record, indent=2, sort_keys=True))
    return output


def _json_load(place: Path) -> int:
    (path,) = place.rglob("trainer_state.json")
    history = json.loads(path.read_text())["log_history"]
    return sum(len([float(entry[name]) for name in NAMES]) for entry in history)


CASES = (
    Case(
        "Trackio database",
        trackio.FORMAT,
        _trackio_db,
        ("trackio",),
        (Peer("trackio's `SQLiteStorage.get_logs`", ("trackio",), _trackio_storage),),
    ),
    Case(
        "MLflow database",
        mlflow_sqlite.FORMAT,
        _mlflow_db,
        ("mlflow",),
        (Peer("`MlflowClient.get_metric_history`", ("mlflow",), _mlflow_client),),
    ),
    Case(
        "MLflow file store",
        mlflow_files.FORMAT,
        _mlruns,
        ("mlflow",),
        (Peer("`MlflowClient.get_metric_history`", ("mlflow",), _mlflow_client),),
    ),
    Case(
        "`trainer_state.json`",
        trainer_state.FORMAT,
        _trainer_state,
        (),
        (Peer("`json.loads`", (), _json_load),),
    ),
    Case(
        "CSV as Lightning writes it",
        csvfile.FORMAT,
        _csv,
        (),
        (Peer("`pandas.read_csv`", ("pandas",), _pandas_csv), Peer("`csv.DictReader`", (), _dict_reader)),
    ),
    Case(
        "JSON Lines",
        jsonl.FORMAT,
        _jsonl,
        (),
        (Peer("`pandas.read_json`", ("pandas",), _pandas_jsonl), Peer("`json.loads`", (), _json_loads)),
    ),
)
