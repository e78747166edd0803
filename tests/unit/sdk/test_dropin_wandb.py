"""Plain scripts in the manner of wandb's tutorials, with one import changed, and what og has of them."""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sdk_records import Records, run_dir

import opengraphs as wandb


def points(records: Records, key: str) -> list[tuple[int, Any]]:
    return [
        (record["step"], record["metrics"][key]) for record in records.metrics() if key in record["metrics"]
    ]


def tables(records: Records, name: str) -> list[dict[str, Any]]:
    found = [record["columns"] for record in records.samples() if record["name"] == name]
    return [json.loads((run_dir() / columns["table"]["media"]).read_text()) for columns in found]


def test_the_quick_start_of_the_documentation(records: Records) -> None:
    rng = random.Random(1)
    epochs, lr, offset = 10, 0.01, rng.random() / 5
    run = wandb.init(
        project="my-awesome-project",
        config={"learning_rate": lr, "epochs": epochs},
        entity="me",
        mode="offline",
    )
    accuracies = []
    for epoch in range(2, epochs):
        accuracies.append(1 - 2**-epoch - rng.random() / epoch - offset)
        run.log({"accuracy": accuracies[-1], "loss": 2**-epoch})
    run.finish()
    assert points(records, "accuracy") == list(enumerate(accuracies))
    assert run.project == "my-awesome-project"


def test_a_language_model_trainer_logs_when_it_evaluates(records: Records) -> None:
    wandb_log, eval_interval, always_save_checkpoint = True, 250, False
    config = {"batch_size": 12, "block_size": 1024, "compile": True, "device": "cpu", "learning_rate": 6e-4}
    if wandb_log:
        wandb.init(project="owt", name="gpt2-124M", config=config)
    best, running_mfu = 1e9, -1.0
    for iter_num in range(0, 1001, 50):
        if iter_num % eval_interval == 0:
            losses = {"train": np.float32(4.0 / (iter_num + 1)), "val": np.float64(5.0 / (iter_num + 1))}
            wandb.log(
                {
                    "iter": iter_num,
                    "train/loss": losses["train"],
                    "val/loss": losses["val"],
                    "lr": config["learning_rate"],
                    "mfu": running_mfu * 100,
                }
            )
            if losses["val"] < best or always_save_checkpoint:
                best = losses["val"]
    assert points(records, "iter") == [(at, 250 * at) for at in range(5)]
    assert [value for _, value in points(records, "train/loss")] == [
        float(np.float32(4.0 / (250 * at + 1))) for at in range(5)
    ]
    assert [value for _, value in points(records, "val/loss")] == [5.0 / (250 * at + 1) for at in range(5)]
    assert points(records, "mfu") == [(at, -100.0) for at in range(5)]


def test_a_classifier_with_epochs_batches_commit_and_summary(records: Records) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=64)
    args = parser.parse_args([])
    with wandb.init(
        project="mnist",
        config=args,
        tags=["cnn"],
        notes="first",
        reinit=True,
        settings=wandb.Settings(start_method="fork"),
    ) as run:
        wandb.config.update({"epochs": 2}, allow_val_change=True)
        assert (run.config.lr, run.config["batch_size"], wandb.config.get("nothing", 3)) == (0.1, 64, 3)
        wandb.watch(object(), log="all", log_freq=100)
        wandb.define_metric("val/acc", summary="max")
        wandb.define_metric("val/*", summary="min,mean")
        step = 0
        for epoch in range(wandb.config.epochs):
            for batch in range(3):
                wandb.log({"train/loss": 1.0 / (step + 1)}, step=step, commit=batch < 2)
                step += 1
            wandb.log({"val/acc": [0.9, 0.7][epoch], "epoch": epoch}, step=step - 1)
        assert run.summary["val/acc"] == wandb.summary.get("val/acc") == 0.7
        assert wandb.summary["val/acc.max"] == 0.9
        wandb.run.summary["best_accuracy"] = 0.9
        wandb.summary.update({"total": 6})
        run.tags += ("kept",)
        run.name = "renamed-" + run.name
        run.notes = "second"
        wandb.run.save()
    assert points(records, "val/acc") == [(2, 0.9), (5, 0.7)]
    assert [at for at, _ in points(records, "train/loss")] == list(range(6))
    summary = {key: value for event in records.events("summary") for key, value in event["summary"].items()}
    assert summary == {
        "best_accuracy": 0.9, "total": 6, "val/acc.max": 0.9, "val/acc.min": 0.7, "val/acc.mean": 0.8,
    }  # fmt: skip
    assert [event["tags"] for event in records.events("tag")] == [["cnn"], ["kept"]]
    assert [event["notes"] for event in records.events("notes")] == ["second"]
    assert records.events("name")[-1]["name"] == wandb.run.name


def test_tables_pictures_charts_and_figures(records: Records) -> None:
    wandb.init()
    table = wandb.Table(columns=["id", "image", "label"])
    table.add_data(0, wandb.Image(np.zeros((4, 4), dtype=np.uint8), caption="a 0"), "zero")
    table.add_data(1, None, "one")
    table.add_column("score", [0.5, 0.25])
    assert table.get_column("label") == ["zero", "one"]
    assert table.get_column("score", convert_to="numpy").sum() == 0.75
    wandb.log({"predictions": table, "loss": 0.5})
    (stored,) = tables(records, "predictions")
    assert stored["columns"] == ["id", "image", "label", "score"]
    assert stored["data"][1] == [1, None, "one", 0.25]
    assert (run_dir() / stored["data"][0][1]["image"]["media"]).read_bytes().startswith(b"\x89PNG")
    assert stored["data"][0][1]["caption"] == "a 0"
    boxes = {"predictions": {"box_data": [{"position": {"middle": [1, 2]}, "class_id": 0}]}}
    wandb.log({"boxed": wandb.Image([[0, 255]], boxes=boxes, masks={"m": {}}, classes=[{"id": 0}])})
    assert records.samples()[-1]["columns"]["boxes"] == boxes
    wandb.log({"sound": wandb.Audio(np.array([0.0, 0.5, -1.0]), sample_rate=8000)})
    assert (run_dir() / records.samples()[-1]["columns"]["audio"]["media"]).read_bytes()[:4] == b"RIFF"
    wandb.log(
        {
            "page": wandb.Html("<b>x</b>"),
            "cloud": wandb.Object3D(np.zeros((2, 3))),
            "hist": wandb.Histogram(np_histogram=([1, 2], [0, 1, 2])),
        }
    )
    kinds = [key for record in records.samples()[-3:] for key in record["columns"]]
    assert kinds == ["html", "object3d", "histogram"]

    class Figure:
        def savefig(self, path: str, format: str) -> None:  # noqa: A002
            Path(path).write_bytes(b"figure")

    wandb.log({"figure": Figure()})
    assert (run_dir() / records.samples()[-1]["columns"]["image"]["media"]).read_bytes() == b"figure"
    assert points(records, "loss") == [(0, 0.5)]


def test_plots_are_kept_as_the_tables_they_are_drawn_from(records: Records) -> None:
    wandb.init()
    table = wandb.Table(data=[[0, 1.0], [1, 2.0]], columns=["x", "y"])
    wandb.log({"line": wandb.plot.line(table, "x", "y", title="Line")})
    wandb.log({"bar": wandb.plot.bar(table, "x", "y")})
    wandb.log(
        {"cm": wandb.plot.confusion_matrix(y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["cat", "dog"])}
    )
    wandb.log({"series": wandb.plot.line_series(xs=[0, 1], ys=[[1, 2], [3, 4]], keys=["a", "b"], xname="t")})
    (line,) = tables(records, "line")
    assert line == {"columns": ["x", "y"], "data": [[0, 1.0], [1, 2.0]]}
    chart = next(record["columns"] for record in records.samples() if record["name"] == "line")
    assert (chart["chart"], chart["title"]) == ("line", "Line")
    assert tables(records, "cm")[0]["data"] == [
        ["cat", "cat", 1],
        ["cat", "dog", 0],
        ["dog", "cat", 1],
        ["dog", "dog", 1],
    ]
    assert tables(records, "series")[0]["data"] == [[0, 1, "a"], [1, 2, "a"], [0, 3, "b"], [1, 4, "b"]]


def test_curves_of_thresholds_are_exact(records: Records) -> None:
    wandb.init()
    truth = [0, 0, 1, 1]
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    roc = wandb.plot.roc_curve(truth, probabilities, labels=["no", "yes"], classes_to_plot=[1])
    assert roc.data == [["yes", 0, 0], ["yes", 0, 0.5], ["yes", 0.5, 0.5], ["yes", 0.5, 1], ["yes", 1, 1]]
    pr = wandb.plot.pr_curve(truth, probabilities, classes_to_plot=[1])
    assert pr.data == [["1", 0.5, 1], ["1", 0.5, 0.5], ["1", 1, 2 / 3], ["1", 1, 0.5]]
    wandb.log({"roc": roc, "pr": pr})
    assert len(tables(records, "pr")[0]["data"]) == 4


def test_artifacts_are_written_down_and_models_become_checkpoints(records: Records, tmp_path: Path) -> None:
    run = wandb.init()
    wandb.log({"loss": 0.5}, step=7)
    model, data = tmp_path / "model.pt", tmp_path / "data"
    model.write_bytes(b"12345")
    data.mkdir()
    (data / "a.csv").write_text("1")
    artifact = wandb.Artifact("classifier", type="model", metadata={"acc": 0.9}, description="best")
    artifact.add_file(str(model))
    assert run.log_artifact(artifact, aliases=["best"]).wait() is artifact
    dataset = wandb.Artifact("digits", type="dataset")
    dataset.add_dir(str(data))
    with dataset.new_file("readme.txt") as file:
        file.write("hello")
    wandb.log_artifact(dataset)
    (checkpoint,) = records.events("checkpoint")
    assert (checkpoint["path"], checkpoint["step"], checkpoint["metrics"]) == (str(model), 7, {"loss": 0.5})
    first, second = records.events("artifact")
    assert (first["name"], first["aliases"], first["metadata"], first["step"]) == (
        "classifier",
        ["best"],
        {"acc": 0.9},
        7,
    )
    assert first["files"] == [{"path": str(model), "bytes": 5}]
    assert [file["bytes"] for file in second["files"]] == [1, 5]
    assert wandb.use_artifact("me/project/digits:latest").download() == str(data)
    with pytest.raises(wandb.CommError, match="no copies are kept"):
        wandb.use_artifact("somebody/else:v3")
    assert wandb.save(str(tmp_path / "*.pt")) == [str(model)]
    wandb.log_model(str(model), name="again")
    assert len(records.events("checkpoint")) == 2


def test_an_id_with_resume_finds_its_run_again(records: Records) -> None:
    own = wandb.util.generate_id()
    assert (len(own), own.isalnum()) == (8, True)
    first = wandb.init(project="p", id=own, resume="allow")
    wandb.log({"a": 1})
    first.finish()
    second = wandb.init(project="p", id=own, resume="allow")
    assert (second.id, second.resumed, second.attempt) == (first.id, True, 1)
    second.finish()
    third = wandb.init(project="other", id=own, resume="allow")
    assert third.id != first.id
    third.finish()
    assert wandb.init(project="p", id=first.id, resume="must").id == first.id


def test_an_unknown_id_is_no_complaint_and_no_run_name_is_a_path(
    records: Records, capsys: pytest.CaptureFixture[str], fresh_sdk: Path
) -> None:
    wandb.init(id="../../etc", resume="allow").finish()
    assert capsys.readouterr().err == ""
    assert [path.name for path in (fresh_sdk / ".ids").iterdir()] != []
    assert sorted(path.name for path in fresh_sdk.iterdir()) == [".ids", "runs"]


def test_what_scripts_ask_about_a_run(records: Records) -> None:
    run = wandb.init(project="p", config={"a": 1, "b": 2}, config_exclude_keys=["b"])
    assert wandb.run is run
    assert (run.entity, run.get_url(), run.url, run.offline, run.resumed) == ("", None, None, True, False)
    assert run.path == f"p/{run.id}"
    assert dict(run.config) == {"a": 1}
    run.log_code(".")
    run.mark_preempting()
    wandb.mark_preempting()
    wandb.require("core")
    wandb.setup()
    wandb.termlog("hello")
    assert wandb.login(key="x" * 40)
    assert wandb.run.step == 0
    wandb.alert(title="Low accuracy", text="0.1", level=wandb.AlertLevel.WARN, wait_duration=300)
    (alert,) = records.events("alert")
    assert (alert["title"], alert["level"]) == ("Low accuracy", "warn")
    with pytest.raises(AttributeError, match="a run has no 'nonsense'"):
        _ = run.nonsense
    wandb.teardown()
    assert run.is_finished


def test_annotations_and_errors_of_scripts_resolve() -> None:
    def train(run: wandb.sdk.wandb_run.Run, table: wandb.data_types.Table) -> None: ...

    assert train.__module__
    assert wandb.sdk.wandb_run.Run is wandb.wandb_run.Run is wandb.Run
    assert wandb.data_types.Html is wandb.Html
    assert issubclass(wandb.UsageError, wandb.Error)
    assert isinstance(wandb.__version__, str)
    with pytest.raises(AttributeError, match="no 'Nonsense'"):
        _ = wandb.data_types.Nonsense


def test_the_tool_never_takes_the_scripts_errors_for_its_own() -> None:
    """`from opengraphs import errors` would find the other trackers' name first."""
    package = Path(wandb.__file__).parent
    assert not [path for path in package.rglob("*.py") if "from opengraphs import errors" in path.read_text()]


def test_errors_are_found_where_scripts_look_for_them() -> None:
    """In a training: the tool has a module of this name, which no training loads."""
    script = (
        "import opengraphs as wandb\n"
        "try: wandb.Api()\n"
        "except (wandb.errors.CommError, wandb.errors.UsageError) as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Api() is not there in og: ")


@pytest.mark.parametrize(
    "call",
    [lambda: wandb.Api(), lambda: wandb.sweep({}), lambda: wandb.agent("x"), lambda: wandb.controller()],
)
def test_what_has_no_counterpart_says_what_to_do_instead(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(vars(wandb), "agent", raising=False)  # og's own package, which no training imports
    with pytest.raises(wandb.CommError, match="not there in og: "):
        call()


@pytest.mark.parametrize("name", ["keras", "integration", "tensorboard"])
def test_a_missing_module_says_whose_it_was(name: str) -> None:
    with pytest.raises(AttributeError, match="this is wandb's"):
        getattr(wandb, name)


def test_disabled_scripts_run_the_same_lines(records: Records, tmp_path: Path) -> None:
    run = wandb.init(mode="disabled", config={"a": 1})
    (Path(run.dir) / "model.pt").write_bytes(b"1")
    wandb.log({"a": 1, "t": wandb.Table(columns=["x"], data=[[1]])})
    wandb.log_artifact(str(Path(run.dir) / "model.pt"), name="m", type="model")
    wandb.define_metric("a", summary="max")
    run.summary["b"] = 2
    run.finish()
    (Path(run.dir) / "model.pt").unlink()
    Path(run.dir).rmdir()
    assert math.isfinite(run.step)
