"""The readers of databases and tables beside the libraries that write them, followed and killed."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from og_user import wait_until
from real_kit import need, writing
from sink_kit import RecordingSink, read_all, read_once, read_until, reopened
from table_kit import tree

from opengraphs.sources import csvfile, mlflow_files, mlflow_sqlite, trackio, trainer_state

PATIENCE_S = 60.0

TRACKIO = """
import sys, time, trackio
trackio.init(project="live", name="one", config={"lr": 0.5})
for step in range(1_000_000):
    trackio.log({"loss": step / 8, "nested": {"x": step}, "none": None, "word": "text"}, step=step)
    time.sleep(0.002)
    if step % 50 == 49:
        print(step, flush=True)
"""
MLFLOW = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("live")
with mlflow.start_run(run_name="one"):
    mlflow.log_param("lr", 0.5)
    for step in range(1_000_000):
        mlflow.log_metrics({"loss": step / 8, "train/acc": -step / 4}, step=step)
        if step % 10 == 9:
            print(step, flush=True)
"""
LIGHTNING = """
import sys
from lightning.pytorch.loggers import CSVLogger
logger = CSVLogger(sys.argv[1], flush_logs_every_n_steps=5)
logger.log_hyperparams({"lr": 0.5})
for step in range(1_000_000):
    values = {"loss": step / 8}
    if step % 40 == 30:
        values[f"late{step}"] = float(step)
    logger.log_metrics(values, step=step)
    if step % 10 == 9:
        print(step, flush=True)
"""
TRAINER = """
import sys, torch
from transformers import PretrainedConfig, PreTrainedModel, Trainer, TrainingArguments
class Config(PretrainedConfig):
    model_type = "tiny"
class Model(PreTrainedModel):
    config_class = Config
    def __init__(self, config):
        super().__init__(config)
        self.layer = torch.nn.Linear(2, 1)
        self.post_init()
    def forward(self, x=None, labels=None):
        found = self.layer(x).squeeze(-1)
        return {"loss": (found - labels).pow(2).mean(), "logits": found}
data = [{"x": torch.ones(2), "labels": torch.tensor(1.0)}] * 64
settings = TrainingArguments(sys.argv[1], max_steps=int(sys.argv[2]), logging_steps=1, save_steps=5, report_to=[],
                             use_cpu=True, disable_tqdm=True, per_device_train_batch_size=2)
Trainer(Model(Config()), settings, train_dataset=data).train(resume_from_checkpoint=len(sys.argv) > 3)
print("done", flush=True)
"""


def _writer(
    script: str, folder: Path, *args: object, **env: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    return writing(need(), script, folder, *args, MLFLOW_ALLOW_FILE_STORE="true", **env)


def _say(child: subprocess.Popen[str], count: int) -> None:
    """Wait until the writer printed so many lines that are numbers."""
    assert child.stdout is not None
    while count:
        line = child.stdout.readline()
        assert line, "the writer ended early"
        count -= line.strip().isdigit()


def _loss(sink: RecordingSink) -> list[tuple[int, float]]:
    (points,) = [series["loss"] for series in sink.points.values() if "loss" in series] or [[]]
    return [(step, value) for step, _time, value in points]


def _count(path: Path, scratch: Path) -> int:
    """Rows of `metrics` that SQLite itself sees in a copy."""
    for end in ("", "-wal", "-journal"):
        if Path(f"{path}{end}").exists():
            (scratch / f"copy.db{end}").write_bytes(Path(f"{path}{end}").read_bytes())
    connection = sqlite3.connect(scratch / "copy.db")
    (count,) = connection.execute("SELECT count(*) FROM metrics").fetchone()
    connection.close()
    return int(count)


def test_trackio_is_followed_and_killed(tmp_path: Path) -> None:
    need("trackio")
    place = tmp_path / "trackio"
    place.mkdir()
    path, sink = place / "live.db", RecordingSink()
    with _writer(TRACKIO, tmp_path, TRACKIO_DIR=str(place)) as child:
        _say(child, 2)
        wait_until(lambda: trackio.accepts(path), within_s=PATIENCE_S, what="the database")
        reader = trackio.open_reader(path, None)
        read_until(reader, sink, lambda: len(_loss(sink)) >= 100)
        reader = reopened(trackio.open_reader, path, reader)
        read_until(reader, sink, lambda: len(_loss(sink)) >= 300)
    before = tree(place)
    read_until(reader, sink, lambda: len(_loss(sink)) >= _count(path, tmp_path))
    assert _loss(sink) == [(step, step / 8) for step in range(len(_loss(sink)))]
    assert tree(place) == before
    assert reader.troubles() == []
    (facts,) = sink.facts.values()
    assert (facts["name"], facts["project"], facts["config"]) == ("one", "live", {"lr": 0.5})


def test_trackio_never_waits_for_us(tmp_path: Path) -> None:
    """A reader that looks as often as it can: the writer's own close folds its log back, as without one."""
    need("trackio")
    place = tmp_path / "trackio"
    place.mkdir()
    path, sink = place / "live.db", RecordingSink()
    script = TRACKIO.replace("1_000_000", "400") + "\ntrackio.finish()\nprint(1, flush=True)\n"
    with _writer(script, tmp_path, TRACKIO_DIR=str(place)) as child:
        wait_until(lambda: trackio.accepts(path), within_s=PATIENCE_S, what="the database")
        reader = trackio.open_reader(path, None)
        while child.poll() is None:
            read_all(reader, sink)
    read_until(reader, sink, lambda: len(_loss(sink)) >= 400)
    assert _loss(sink) == [(step, step / 8) for step in range(400)]
    assert sorted(file.name for file in place.iterdir() if "wal" in file.name or "shm" in file.name) == []


@pytest.mark.parametrize("kind", ["sqlite", "file"])
def test_mlflow_is_followed_and_killed(tmp_path: Path, kind: str) -> None:
    need("mlflow")
    path = tmp_path / ("mlflow.db" if kind == "sqlite" else "mlruns")
    module = mlflow_sqlite if kind == "sqlite" else mlflow_files
    uri = f"sqlite:///{path}" if kind == "sqlite" else f"file://{path}"
    sink = RecordingSink()
    with _writer(MLFLOW, tmp_path, uri) as child:
        _say(child, 2)
        assert module.accepts(path) == path
        reader = module.open_reader(path, None)
        read_until(reader, sink, lambda: len(_loss(sink)) >= 40)
        (facts,) = sink.facts.values()
        assert (facts["name"], facts["project"], facts["status"]) == ("one", "live", "running")
        assert facts["config"] == {"lr": 0.5}
        reader = reopened(module.open_reader, path, reader)
        read_until(reader, sink, lambda: len(_loss(sink)) >= 80)
    read_all(reader, sink)
    assert _loss(sink) == [(step, step / 8) for step in range(len(_loss(sink)))]
    assert not list(tmp_path.glob("*-wal")) + list(tmp_path.glob("*-shm"))


def test_lightnings_table_is_followed_through_its_rewrites(tmp_path: Path) -> None:
    need("lightning")
    path, sink = tmp_path / "lightning_logs" / "version_0" / "metrics.csv", RecordingSink()
    with _writer(LIGHTNING, tmp_path, tmp_path) as child:
        _say(child, 5)
        reader = csvfile.open_reader(path, None)
        read_until(reader, sink, lambda: len(_loss(sink)) >= 60)
        _say(child, 20)
        reader = reopened(csvfile.open_reader, path, reader)
    read_all(reader, sink)
    rows = path.read_bytes().split(b"\n")[1:-1]
    assert _loss(sink) == [(step, step / 8) for step in range(len(rows))]


def test_a_trainers_folder_goes_on_over_a_resume(tmp_path: Path) -> None:
    need("transformers", "torch")
    output, sink = tmp_path / "out", RecordingSink()
    with _writer(TRAINER, tmp_path, output, 10) as child:
        assert child.wait(PATIENCE_S) == 0
    reader = trainer_state.open_reader(output, None)
    read_all(reader, sink)
    first = dict(sink.curves()["train/loss"])
    assert sorted(first) == list(range(1, 11))
    with _writer(TRAINER, tmp_path, output, 20, "resume") as child:
        assert child.wait(PATIENCE_S) == 0
    reader = reopened(trainer_state.open_reader, output, reader)
    read_all(reader, sink)
    assert sorted(sink.curves()["train/loss"]) == list(range(1, 21))
    assert {step: sink.curves()["train/loss"][step] for step in first} == first
    assert ("reset", "") not in sink.calls
    assert [event[2]["step"] for event in sink.events[""] if event[1] == "checkpoint"] == [5, 10, 15, 20]
    assert read_once(trainer_state.open_reader, output)[0].curves() == sink.curves()
