"""Plain scripts in the manner of Trackio's README, with one import changed, and what og has of them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sdk_records import Records, run_dir

import opengraphs as trackio
from opengraphs.sdk import forwarding


def test_the_readmes_loop_of_runs(records: Records) -> None:
    rng = random.Random(0)
    seen = []
    for number in range(3):
        run = trackio.init(
            project="my-project",
            name=f"fake-training-run-{number}",
            config={"epochs": 4, "learning_rate": 0.001, "batch_size": 64},
            group="three",
            embed=False,
            auto_log_gpu=True,
            gpu_log_interval=5.0,
            private=True,
        )
        losses = [rng.random() for _ in range(run.config["epochs"])]
        for epoch, loss in enumerate(losses):
            trackio.log({"epoch": epoch, "train_loss": loss, "nested": {"a": epoch}})
        stored = [(record["step"], record["metrics"]) for record in records.metrics()]
        assert stored == [
            (at, {"epoch": at, "train_loss": loss, "nested/a": at}) for at, loss in enumerate(losses)
        ]
        assert records.run_json()["group"] == "three"
        trackio.finish()
        seen.append(run.id)
    assert len(set(seen)) == 3


def test_values_alerts_system_figures_and_artifacts(
    records: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trackio.init(project="p", settings=trackio.Settings(x=1), resume="never")
    trackio.log({"image": trackio.Image(value=np.zeros((2, 2, 3), dtype=np.uint8), caption="black")})
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"film")
    trackio.log(
        {
            "video": trackio.Video(value=str(clip), fps=4),
            "sound": trackio.Audio(value=[0, 100], sample_rate=8),
        }
    )
    trackio.log({"text": trackio.Markdown("# title"), "page": trackio.Html("<p>", data_is_not_path=True)})
    messages = [{"role": "user", "content": "hi"}]
    trackio.log({"trace": trackio.Trace(messages, metadata={"model": "m"})})
    trackio.log(
        {"table": trackio.Table(columns=["a"], data=[[1]]), "hist": trackio.Histogram([1, 2, 2], num_bins=2)}
    )
    trackio.log({"points": trackio.Object3D(path_or_array=[[0, 0, 0]])})
    columns = [record["columns"] for record in records.samples()]
    assert [next(iter(one)) for one in columns] == [
        "image", "video", "audio", "markdown", "html", "messages", "table", "histogram", "object3d",
    ]  # fmt: skip
    assert columns[0]["caption"] == "black"
    assert (run_dir() / columns[1]["video"]["media"]).read_bytes() == b"film"
    assert (run_dir() / columns[3]["markdown"]["media"]).read_text() == "# title"
    assert columns[5] == {"messages": messages, "metadata": {"model": "m"}}
    trackio.log_system({"gpu/0/power": 250.0})
    trackio.alert(
        title="Loss spike", text="it grew", level=trackio.AlertLevel.ERROR, webhook_url="https://example.org"
    )
    (alert,) = records.events("alert")
    assert (alert["title"], alert["text"], alert["level"]) == ("Loss spike", "it grew", "error")
    assert trackio.AlertLevel.ERROR.value == "error"
    artifact = trackio.Artifact("weights", type="model")
    artifact.add_file(str(clip))
    trackio.log_artifact(artifact)
    assert trackio.use_artifact("weights").file() == str(clip)
    assert len(records.events("checkpoint")) == 1
    assert capsys.readouterr().err == ""


def test_words_about_a_dashboard_say_where_og_has_it(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    trackio.show(project="p")
    assert "og: `og` shows the runs of p" in capsys.readouterr().err
    for _ in range(2):
        trackio.sync("p", space_id="me/space")
        trackio.freeze("me/space", "p")
        trackio.import_csv("runs.csv", project="p")
        assert trackio.delete_project("p") is False
        assert trackio.log_gpu() == trackio.log_cpu() == {}
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 4
    assert any("og import runs.csv" in line for line in said)
    with pytest.raises(trackio.CommError, match="og list --json"):
        trackio.Api()


def test_a_server_url_has_the_run_forwarded_by_ogd(records: Records) -> None:
    run = trackio.init(project="p", server_url="https://trackio.example.org/?write_token=secret")
    (rank,) = records.events("rank")
    assert rank["mirror_to"] == "https://trackio.example.org"
    granted = forwarding.granted("https://trackio.example.org")
    assert granted is not None
    assert granted["token"] == "secret"
    everything = b"".join(path.read_bytes() for path in run_dir().rglob("*") if path.is_file())
    assert b"secret" not in everything
    assert run.dir is not None


def test_a_wrong_server_is_one_warning_and_no_trouble(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    trackio.init(project="p", mirror_to="user/space")
    trackio.log({"a": 1})
    assert len(records.metrics()) == 1
    assert "not forwarded" in capsys.readouterr().err
    assert "mirror_to" not in json.dumps(records.events("rank"))


def test_flags_and_data_frames_are_taken_as_they_come(records: Records) -> None:
    class Flags:
        def flag_values_dict(self) -> dict[str, Any]:
            return {"lr": 0.1}

    class Frame:
        columns = ("a", "b")
        values = np.array([[1, 2], [3, 4]])
        iloc = None

    trackio.init(config=Flags())
    assert trackio.config.lr == 0.1
    trackio.log({"frame": Frame()})
    stored = json.loads((run_dir() / records.samples()[-1]["columns"]["table"]["media"]).read_text())
    assert stored == {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}


def test_frames_of_a_film_are_left_out_with_a_word(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    trackio.init()
    trackio.log({"film": trackio.Video(np.zeros((2, 3, 4, 4), dtype=np.uint8)), "a": 1})
    assert [record["metrics"] for record in records.metrics()] == [{"a": 1}]
    assert "frames cannot be encoded here" in capsys.readouterr().err
