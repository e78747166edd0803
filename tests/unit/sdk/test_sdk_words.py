"""Config, summary and the words about a run: which events they write."""

from __future__ import annotations

import argparse
import copy
import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sdk_records import Records, run_dir

import opengraphs as og
from opengraphs.sdk import run as run_module

Reader = Callable[[Path, str], list[dict[str, Any]]]


def test_config_records_each_change(records: Records) -> None:
    run = og.init(config=argparse.Namespace(lr=0.1))
    og.config.batch = 32
    og.config["net"] = {"layers": (1, 2)}
    og.config.update({"lr": 0.2}, allow_val_change=True)
    og.config.setdefaults({"lr": 0.3, "seed": 1})
    assert og.config.setdefault("seed", 5) == 1
    assert og.config.lr == og.config["lr"] == 0.2
    merged: dict[str, Any] = {}
    for event in records.events("config"):
        merged.update(event["config"])
    assert merged == {"lr": 0.2, "batch": 32, "net": {"layers": [1, 2]}, "seed": 1}
    assert run.config.as_dict()["net"] == {"layers": (1, 2)}


def test_config_behaves_like_a_dict_elsewhere(fresh_sdk: Path) -> None:
    og.init(config={"a": 1})
    assert copy.deepcopy(og.config) == pickle.loads(pickle.dumps(og.config)) == {"a": 1}
    assert json.dumps(og.config) == '{"a": 1}'
    del og.config.a
    with pytest.raises(AttributeError):
        _ = og.config.a
    with pytest.raises(AttributeError):
        del og.config.a
    with pytest.raises(KeyError):
        _ = og.config["a"]


def test_summary_is_recorded_and_falls_back_to_the_last_values(records: Records) -> None:
    og.init()
    og.log({"loss": 0.5})
    og.log({"loss": np.float32(0.25)})
    og.summary["best"] = 0.1
    og.summary.update({"note": "x"})
    assert og.summary["loss"] == og.summary.loss == og.summary.get("loss") == 0.25
    assert og.summary.get("none", 7) == 7
    with pytest.raises(KeyError):
        _ = og.summary["none"]
    assert [event["summary"] for event in records.events("summary")] == [{"best": 0.1}, {"note": "x"}]


def test_words_about_the_run_are_events(records: Records) -> None:
    run = og.init(tags="one")
    og.tag("two", ["three", "k=v"])
    og.untag("one")
    og.note("all of it")
    og.note("here", step=7)
    og.log({"a": 1.0}, step=41)
    og.alert("title", "text", level="ERROR", wait_duration=300)
    og.alert("odd", level="shout")
    assert run.tags == ["two", "three", "k=v"]
    assert [event["tags"] for event in records.events("tag")] == [["one"], ["two", "three", "k=v"]]
    assert [event["tags"] for event in records.events("untag")] == [["one"]]
    assert [(event["text"], event["step"]) for event in records.events("note")] == [
        ("all of it", None),
        ("here", 7),
    ]
    first, second = records.events("alert")
    assert (first["title"], first["level"], first["step"], first["detector"]) == (
        "title",
        "error",
        41,
        "script",
    )
    assert second["level"] == "info"
    assert first["alert_id"] != second["alert_id"]


def test_progress_is_written_at_once_when_its_total_changes_and_else_now_and_then(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(run_module, "monotonic", lambda: clock[0])
    run = og.init()
    for step in range(5):
        og.progress(step, 50)
    clock[0] += 1.1
    og.progress(5)
    og.progress(6)
    run.tend(clock[0] + 1.1)
    run.tend(clock[0] + 2.2)
    assert [event["progress"]["step"] for event in records.events("progress")] == [0, 5, 6]
    og.progress(7)
    og.finish()
    assert records.run_json()["progress"] == {"step": 7, "total": 50, "unit": "step"}


def test_samples_and_system_have_files_of_their_own(records: Records) -> None:
    og.init()
    og.log({"a": 1.0}, step=3)
    og.sample({"prompt": "p"}, completion="c", score=math.nan)
    og.sample(name="eval", step=9, ids=np.arange(2))
    og.log_system({"gpu.watts": np.float32(0.5), "bad": "x"})
    first, second = records("samples")
    assert first["columns"] == {"prompt": "p", "completion": "c", "score": "NaN"}
    assert (first["name"], first["step"], first["rank"]) == ("samples", 3, 0)
    assert (second["name"], second["step"], second["columns"]) == ("eval", 9, {"ids": [0, 1]})
    assert records("system", "sdk-a0-r0")[0]["metrics"] == {"gpu.watts": 0.5}


def test_media_are_files_that_samples_refer_to(records: Records) -> None:
    og.init()
    og.log(
        {"pics/x y": [og.Image([[0, 255]]), og.Image(np.zeros((2, 3, 3)), caption="c")], "loss": 1.0}, step=5
    )
    og.log({"table": og.Table(["a", "b"], [[1, math.nan]]), "hist": og.Histogram([1.0, 2.0])})
    first, second, table, hist = records("samples")
    assert records.metrics()[0]["metrics"] == {"loss": 1.0}
    for sample in (first, second):
        picture = run_dir() / sample["columns"]["image"]["media"]
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert sample["name"] == "pics/x y"
        assert sample["step"] == 5
    assert second["columns"]["caption"] == "c"
    rows = json.loads((run_dir() / table["columns"]["table"]["media"]).read_bytes())
    assert rows == {"columns": ["a", "b"], "data": [[1, "NaN"]]}
    assert sum(hist["columns"]["histogram"]["counts"]) == 2


def test_checkpoint_is_described_not_copied(records: Records, tmp_path: Path) -> None:
    og.init()
    og.log({"loss": 0.5}, step=10)
    weights = tmp_path / "model.bin"
    weights.write_bytes(b"x" * 10)
    first = og.checkpoint(weights)
    second = og.checkpoint(str(weights), step=20, metrics={"acc": np.float32(0.5)})
    events = records.events("checkpoint")
    assert [event["checkpoint_id"] for event in events] == [first, second]
    assert events[0]["path"] == str(weights)
    assert (events[0]["bytes"], events[0]["complete"], events[0]["format"]) == (10, True, "torch")
    assert (events[0]["step"], events[0]["metrics"]) == (10, {"loss": 0.5})
    assert (events[1]["step"], events[1]["metrics"]) == (20, {"acc": 0.5})
