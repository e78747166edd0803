"""`opengraphs` as a script uses it, in this process: what lands in which file."""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import opengraphs as og
from opengraphs.sdk import api, layout, start, warn, writers
from opengraphs.sdk import run as run_module

Reader = Callable[[Path, str], list[dict[str, Any]]]


def run_dir() -> Path:
    assert og.run is not None
    assert og.run.dir is not None
    return Path(og.run.dir)


class Records:
    """What the current run has recorded so far, read from its files while it lives."""

    def __call__(self, folder: str, writer: str = "a0-r0") -> list[dict[str, Any]]:
        data = (run_dir() / folder / f"{writer}.jsonl").read_bytes().rstrip(b"\0")
        return [record for line in data.splitlines() if "seal" not in (record := json.loads(line))]

    def metrics(self) -> list[dict[str, Any]]:
        return self("metrics")

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self("events") if event["kind"] == kind]

    def run_json(self) -> dict[str, Any]:
        return dict(json.loads((run_dir() / "run.json").read_bytes()))


@pytest.fixture
def records(fresh_sdk: Path) -> Records:
    return Records()


# -- init and its facts -----------------------------------------------------------------------


def test_init_makes_a_run_that_says_what_it_is(records: Records, fresh_sdk: Path) -> None:
    run = og.init(
        project="digits",
        name="first",
        config={"lr": 0.1},
        tags=["base", "k=v"],
        notes="why",
        group="g",
        job_type="train",
        progress_total=10,
    )
    facts = records.run_json()
    assert run_dir().parent == fresh_sdk / "runs"
    assert {
        key: facts[key] for key in ("project", "name", "group", "job_type", "notes", "status", "schema")
    } == {
        "project": "digits",
        "name": "first",
        "group": "g",
        "job_type": "train",
        "notes": "why",
        "status": "running",
        "schema": 1,
    }
    assert facts["config"] == {"lr": 0.1}
    assert facts["tags"] == ["base", "k=v"]
    assert facts["pid"] == os.getpid()
    assert facts["journal"] == run.mode
    assert facts["ended_at"] is None
    assert run.id == facts["run_id"] == run_dir().name
    assert records.events("rank")[0]["world_size"] == 1
    assert records.events("progress")[0]["progress"] == {"step": None, "total": 10, "unit": "step"}
    assert run.url is None


def test_init_again_is_the_same_run_until_it_is_finished(fresh_sdk: Path) -> None:
    first = og.init()
    assert og.init(project="other") is first
    first.finish()
    second = og.init()
    assert second is not first
    assert second.dir != first.dir
    third = og.init(reinit=True)
    assert third is not second
    assert second.is_finished


def test_words_of_other_trackers_warn_once_and_are_ignored(
    fresh_sdk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    og.init(entity="me", save_code=True).finish()
    og.init(entity="me")
    og.define_metric("a")
    og.watch(object(), log="all")
    og.run.watch(object())
    og.watch(object())
    assert og.login() is True
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 4
    assert all(line.startswith("og: ") for line in said)


def test_disabled_mode_writes_nothing(fresh_sdk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_MODE", "disabled")
    run = og.init(config={"a": 1})
    use_everything()
    assert run.dir is None
    assert run.config.a == 1
    assert list(fresh_sdk.iterdir()) == []


def test_other_trackers_disabled_mode_is_ours_too(fresh_sdk: Path) -> None:
    assert og.init(mode="disabled").dir is None


def use_everything() -> None:
    """Every public call once, with sound arguments."""
    og.log({"a": 1.0, "image": og.Image([[1, 2]])}, step=3)
    og.log_system({"x": 1})
    og.sample(prompt="p", completion="c")
    og.tag("t")
    og.untag("t")
    og.note("n")
    og.alert("title", "text", level=og.AlertLevel.WARN)
    og.checkpoint(__file__)
    og.progress(1, 2)
    og.config.x = 1
    og.summary["y"] = 2
    og.finish()
    og.log({"a": 1.0})


@pytest.mark.parametrize("kind", ["file", "read-only"])
def test_store_that_cannot_be_written_is_one_warning(
    fresh_sdk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "file":
        blocked = fresh_sdk / "file"
        blocked.touch()
        monkeypatch.setenv("OG_STORE", str(blocked / "store"))
    else:

        def refuse(_store: str, _run_id: str) -> str:
            raise PermissionError(13, "Permission denied", "/ro")

        monkeypatch.setattr(layout, "create_run_folder", refuse)
    og.init(project="p", config={"a": 1})
    use_everything()
    said = capsys.readouterr().err
    assert said.count("og: ") == 1
    assert "nothing is recorded" in said


def test_strict_mode_raises_what_is_wrong(fresh_sdk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_STRICT", "1")
    with pytest.raises(RuntimeError, match="before init"):
        og.log({"a": 1})
    og.init()
    with pytest.raises(TypeError, match="not a number"):
        og.log({"a": "x"})
    with pytest.raises(ValueError, match="takes a dict"):
        og.log(5)  # type: ignore[arg-type]
    monkeypatch.setenv("OG_STORE", "/dev/null/store")
    og.finish()
    with pytest.raises(OSError, match="Not a directory"):
        og.init()


def test_nothing_before_init_raises(fresh_sdk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    og.log({"a": 1})
    og.log({"a": 1})
    og.finish()
    assert og.run is None
    og.config.lr = 1
    assert capsys.readouterr().err.count("og: ") == 1


@pytest.mark.parametrize("config", [5, "a string", [1, 2]])
def test_config_that_is_none_is_named(
    fresh_sdk: Path, capsys: pytest.CaptureFixture[str], config: Any
) -> None:
    assert og.init(config=config).dir is not None
    assert "config takes" in capsys.readouterr().err


def test_nonsense_in_init_still_gives_a_run(fresh_sdk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert og.init(tags=5).dir is not None  # type: ignore[arg-type]
    assert "cannot use" in capsys.readouterr().err


# -- log ---------------------------------------------------------------------------------------------


def test_log_writes_the_documented_line(records: Records) -> None:
    og.init()
    og.log({"train/loss": 0.31, "lr": 3e-4}, step=12)
    line = (run_dir() / "metrics" / "a0-r0.jsonl").read_bytes().rstrip(b"\0")
    assert line.startswith(b'{"step":12,"time":')
    assert line.endswith(b',"metrics":{"train/loss":0.31,"lr":0.0003}}\n')


def test_missing_step_is_the_previous_plus_one(records: Records) -> None:
    run = og.init()
    og.log({"a": 1})
    og.log({"a": 1})
    og.log({"a": 1}, step=10)
    og.log({"a": 1})
    og.log({"a": 1}, step=5)
    og.log({"a": 1})
    assert [record["step"] for record in records.metrics()] == [0, 1, 10, 11, 5, 6]
    assert run.step == 6


def test_commit_false_keeps_the_step(records: Records) -> None:
    og.init()
    og.log({"a": 1})
    og.log({"b": 1}, commit=False)
    og.log({"c": 1}, commit=False)
    og.log({"d": 1}, commit=True)
    og.log({"e": 1}, step=9, commit=False)
    og.log({"f": 1})
    assert [record["step"] for record in records.metrics()] == [0, 1, 1, 1, 9, 9]


@pytest.mark.parametrize("step", [np.int64(4), 4.0, np.float32(4), np.array(4)])
def test_steps_of_other_types_are_whole_numbers(records: Records, step: Any) -> None:
    og.init()
    og.log({"a": 1.0}, step=step)
    og.log({"a": 2.0})
    assert [record["step"] for record in records.metrics()] == [4, 5]


@pytest.mark.parametrize("step", ["four", 1.5, math.nan, 2**70])
def test_step_that_is_none_is_told_and_the_point_kept(
    records: Records, capsys: pytest.CaptureFixture[str], step: Any
) -> None:
    og.init()
    og.log({"a": 1.0}, step=7)
    og.log({"a": 2.0}, step=step)
    assert [record["metrics"]["a"] for record in records.metrics()] == [1.0, 2.0]
    assert "a step is a whole number" in capsys.readouterr().err


def test_values_that_are_not_finite_are_strings(records: Records) -> None:
    og.init()
    og.log({"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1.0, "e": np.float32("nan")})
    assert records.metrics()[0]["metrics"] == {
        "a": "NaN",
        "b": "Infinity",
        "c": "-Infinity",
        "d": 1.0,
        "e": "NaN",
    }


def test_values_of_all_kinds_are_numbers(records: Records) -> None:
    og.init()
    og.log(
        {"flag": True, "np": np.float32(0.5), "n": {"x": 1, "y": {"z": np.int8(2)}}, 3: 4.0, "huge": 10**30}
    )  # type: ignore[dict-item]
    assert records.metrics()[0]["metrics"] == {
        "flag": 1,
        "np": 0.5,
        "n/x": 1,
        "n/y/z": 2,
        "3": 4.0,
        "huge": 1e30,
    }


def test_value_that_cannot_be_logged_costs_only_its_key(
    records: Records, capsys: pytest.CaptureFixture[str]
) -> None:
    class _Hostile:
        def __float__(self) -> float:
            raise RuntimeError("boom")

        def __repr__(self) -> str:
            raise RuntimeError("boom too")

    og.init()
    for _ in range(3):
        og.log({"ok": 1.0, "none": None, "text": "x", "list": [1, 2], "bad": _Hostile()})
    assert [record["metrics"] for record in records.metrics()] == [{"ok": 1.0}] * 3
    said = capsys.readouterr().err.splitlines()
    assert sorted(line.split()[1] for line in said) == ["bad", "list", "none", "text"]


@pytest.mark.parametrize("metrics", [None, 5, "x", [("a", 1)], np.array([1.0])])
def test_what_is_no_dict_is_told_and_harmless(
    records: Records, capsys: pytest.CaptureFixture[str], metrics: Any
) -> None:
    og.init()
    og.log(metrics)
    og.log({"a": 1.0})
    assert len(records.metrics()) == 1
    assert "takes a dict" in capsys.readouterr().err


def test_empty_dict_writes_nothing_and_counts_a_step(records: Records) -> None:
    og.init()
    og.log({})
    og.log({"a": 1.0})
    assert [record["step"] for record in records.metrics()] == [1]


def test_threads_that_log_without_steps_get_steps_of_their_own(records: Records) -> None:
    og.init()
    threads = [threading.Thread(target=lambda: [og.log({"a": 1.0}) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(record["step"] for record in records.metrics()) == list(range(2000))


def test_higher_ranks_say_who_they_are(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    og.init()
    og.log({"a": 1.0})
    og.log({"a": math.nan})
    assert [record["rank"] for record in records("metrics", "a0-r1")] == [1, 1]


def test_log_after_finish_is_one_warning(fresh_sdk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = og.init()
    run.finish()
    run.log({"a": 1.0})
    og.log({"a": 1.0})
    run.finish()
    assert capsys.readouterr().err.count("after finish()") == 1


# -- config, summary, words ----------------------------------------------------------------------------


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


# -- ends ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "status"),
    [
        ({}, 0, "finished"),
        ({"exit_code": 3}, 3, "failed"),
        ({"status": "failed"}, 1, "failed"),
        ({"status": 2}, 2, "failed"),
        ({"status": "stopped"}, 1, "stopped"),
    ],
)
def test_finish_writes_the_end(
    records: Records, journal_of: Reader, arguments: dict[str, Any], code: int, status: str
) -> None:
    og.init()
    og.log({"a": 1.0})
    og.finish(**arguments)
    facts = records.run_json()
    end = json.loads((run_dir() / "exit.json").read_bytes())
    assert (facts["status"], facts["exit_code"]) == (status, code)
    assert (end["code"], end["signal"], end["stopped"]) == (code, None, status == "stopped")
    assert end["ended_at"] == facts["ended_at"]
    assert end["rusage"]["user_s"] > 0
    assert journal_of(run_dir() / "metrics", "a0-r0")[0]["metrics"] == {"a": 1.0}
    assert journal_of(run_dir() / "events", "a0-r0")[-1] == {
        **journal_of(run_dir() / "events", "a0-r0")[-1],
        "kind": "status",
        "status": status,
    }


def test_context_manager_tells_how_it_ended(records: Records) -> None:
    with og.init() as run:
        run.log({"a": 1.0})
    assert records.run_json()["status"] == "finished"
    failing = og.init()
    with pytest.raises(ZeroDivisionError), failing:
        _ = 1 / 0
    assert records.run_json()["status"] == "failed"


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (SystemExit(0), (0, None)),
        (SystemExit(), (0, None)),
        (SystemExit(3), (3, None)),
        (SystemExit("text"), (1, None)),
        (KeyboardInterrupt(), (None, 2)),
        (ValueError(), (1, None)),
    ],
)
def test_context_manager_knows_how_a_process_ends(
    records: Records, error: BaseException, end: tuple[int | None, int | None]
) -> None:
    with pytest.raises(type(error)), og.init():
        raise error
    record = json.loads((run_dir() / "exit.json").read_bytes())
    assert (record["code"], record["signal"]) == end


def test_writer_that_breaks_is_told_and_training_goes_on(
    records: Records, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = og.init()

    def broken(_body: bytes) -> None:
        raise ValueError("mmap closed or invalid")

    with monkeypatch.context() as patch:
        patch.setattr(run._metrics, "put", broken)
        og.log({"a": 1.0})
        og.log({"a": math.nan})
    og.log({"a": 2.0})
    assert [record["metrics"] for record in records.metrics()] == [{"a": 2.0}]
    assert "mmap closed" in capsys.readouterr().err


def test_heartbeat_carries_what_changed(records: Records) -> None:
    run = og.init()
    before = records.run_json()["heartbeat_at"]
    og.config.lr = 1
    og.tag("t")
    run.tend(1e12)
    facts = records.run_json()
    assert facts["heartbeat_at"] > before
    assert facts["config"] == {"lr": 1}
    assert facts["tags"] == ["t"]


def test_resume_continues_a_run_as_its_next_attempt(records: Records) -> None:
    first = og.init(name="n", config={"a": 1}, tags=["t"])
    og.log({"a": 1.0}, step=5)
    og.finish(exit_code=1)
    second = og.init(resume=first.id, config={"b": 2}, tags=["u"], notes="again")
    facts = records.run_json()
    assert second.id == first.id
    assert second.attempt == 1
    assert second.name == "n"
    assert (facts["status"], facts["exit_code"], facts["ended_at"]) == ("running", None, None)
    assert (facts["config"], facts["tags"]) == ({"a": 1, "b": 2}, ["t", "u"])
    assert not (run_dir() / "exit.json").exists()
    og.log({"a": 2.0}, step=6)
    og.finish()
    assert records("metrics", "a1-r0")[0]["step"] == 6
    assert records.run_json()["status"] == "finished"
    assert records.run_json()["tags"] == ["t", "u"]


def test_resume_by_other_trackers_words(records: Records) -> None:
    first = og.init()
    og.finish()
    assert og.init(id=first.id, resume="allow").id == first.id
    og.finish()
    assert og.init(resume="allow").id != first.id


def test_resume_of_what_is_not_there_is_a_new_run(
    fresh_sdk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert og.init(resume="20200101-000000-none").attempt == 0
    assert "no run" in capsys.readouterr().err


# -- under a runner -----------------------------------------------------------------------------------------


@pytest.fixture
def runner_dir(fresh_sdk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder as a runner leaves it for the training, and the environment it sets."""
    folder = Path(layout.create_run_folder(str(fresh_sdk), "20261122-093012-k7f3"))
    facts = {"run_id": folder.name, "name": "by runner", "project": "p", "tags": ["r"], "status": "running"}
    (folder / "run.json").write_text(json.dumps(facts))
    monkeypatch.setenv("OG_RUN_DIR", str(folder))
    monkeypatch.setenv("OG_RUN_ID", folder.name)
    return folder


def test_runners_run_is_joined_and_its_files_left_alone(records: Records, runner_dir: Path) -> None:
    before = (runner_dir / "run.json").read_bytes()
    run = og.init(name="mine", config={"lr": 1}, tags=["t"], notes="n", project="q")
    og.log({"a": 1.0})
    og.finish()
    assert (run.id, run.dir, run.is_joined) == (runner_dir.name, str(runner_dir), True)
    assert (runner_dir / "run.json").read_bytes() == before
    assert not (runner_dir / "exit.json").exists()
    assert not (runner_dir / "run.lock").exists()
    assert run.tags == ["r", "t"]
    assert records.events("name")[0]["name"] == "mine"
    assert records.events("config")[0]["config"] == {"lr": 1}
    assert records.events("note")[0]["text"] == "n"
    assert records.events("rank")[0]["project"] == "q"
    assert records.events("status")[-1]["status"] == "finished"


def test_second_run_of_a_process_under_a_runner_is_its_own(records: Records, runner_dir: Path) -> None:
    og.init()
    og.finish()
    second = og.init()
    assert second.dir != str(runner_dir)
    assert Path(str(second.dir)).parent == runner_dir.parent
    assert records.run_json()["status"] == "running"


def test_second_process_of_a_rank_is_the_next_attempt(runner_dir: Path, journal_of: Reader) -> None:
    (runner_dir / "metrics" / "a0-r0.jsonl").write_bytes(b'{"step":0,"time":1,"metrics":{"a":1}}\n')
    run = og.init()
    og.log({"a": 2.0})
    og.finish()
    assert run.attempt == 1
    assert journal_of(runner_dir / "metrics", "a1-r0")[0]["metrics"] == {"a": 2.0}


def test_restarted_job_writes_the_attempt_its_launcher_counts(
    runner_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "2")
    assert og.init().attempt == 2


def test_hooks_that_reached_the_process_are_recorded(
    records: Records, runner_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setattr(sys, "_opengraphs_hooks", ["sitecustomize"], raising=False)
    og.init()
    assert records.events("hooks")[0]["active"] == ["sitecustomize"]


def test_runner_folder_that_is_gone_is_no_runner(fresh_sdk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_RUN_DIR", str(fresh_sdk / "gone"))
    run = og.init()
    assert not run.is_joined
    assert run.dir is not None


# -- ranks without a runner -----------------------------------------------------------------------------------


def as_rank(monkeypatch: pytest.MonkeyPatch, rank: int) -> og.Run:
    """`init` as another process of the same job would call it."""
    for name, value in {"RANK": rank, "WORLD_SIZE": 2, "TORCHELASTIC_RUN_ID": "job-1"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr(api, "_run", None)
    return og.init(notes="n")


def test_ranks_write_one_run_and_the_first_owns_it(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    last = as_rank(monkeypatch, 1)
    first = as_rank(monkeypatch, 0)
    assert first.dir == last.dir
    assert records.run_json()["ranks"] == {"world_size": 2}
    for run in (first, last):
        run.log({"a": float(run.rank)})
    first.finish()
    assert not (run_dir() / "exit.json").exists()
    last.finish()
    assert json.loads((run_dir() / "exit.json").read_bytes())["code"] == 0
    assert {path.name for path in (run_dir() / "metrics").iterdir()} == {"a0-r0.jsonl", "a0-r1.jsonl"}


def test_rank_takes_over_when_the_owner_is_gone(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = as_rank(monkeypatch, 0)
    other = as_rank(monkeypatch, 1)
    assert owner.owner is not None
    assert other.owner is not None
    other.tend(1e12)
    assert not other.owner.is_owner
    owner.owner.forget()  # what the kernel does when it dies
    other.tend(2e12)
    assert other.owner.is_owner
    other.finish()
    assert records.run_json()["status"] == "finished"


# -- the package ------------------------------------------------------------------------------------------------


def test_every_public_name_is_there_and_log_is_a_plain_attribute(fresh_sdk: Path) -> None:
    for name in og.__all__:
        getattr(og, name)
    assert "log" in vars(og)
    assert "run" not in vars(og)
    assert set(og.__all__) == {*api.__all__, *api.CURRENT}
    assert set(og.__all__) <= set(dir(og))
    with pytest.raises(AttributeError, match="no attribute"):
        _ = og.nonsense  # type: ignore[attr-defined]


def test_module_functions_take_what_the_methods_take() -> None:
    import inspect

    for name in ("log", "log_system", "sample", "note", "checkpoint", "progress", "finish"):
        method = inspect.signature(getattr(og.Run, name))
        function = inspect.signature(getattr(og, name))
        assert [p for p in method.parameters if p != "self"] == list(function.parameters), name


def test_broken_stderr_is_no_trouble(fresh_sdk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setattr(sys, "stderr", None)
    og.init()
    og.log({"a": None})  # type: ignore[dict-item]
    warn.tell("x", "y")


def test_names_of_attempts_are_read_from_files(tmp_path: Path) -> None:
    assert writers.first_attempt(str(tmp_path), 0) == 0
    (tmp_path / "metrics").mkdir()
    for name in (
        "a0-r0.jsonl",
        "a3-r0.000001.jsonl",
        "a9-r1.jsonl",
        "mirror-a7-r0.jsonl",
        "a5-r0-f12.jsonl",
        "x.txt",
    ):
        (tmp_path / "metrics" / name).touch()
    assert writers.first_attempt(str(tmp_path), 0) == 4
    assert writers.first_attempt(str(tmp_path), 1) == 10


def test_wish_reads_tags_and_paths(tmp_path: Path) -> None:
    wish = start.Wish(tags="one", store=tmp_path, resume="abc", run_id="x")
    assert (wish.tags, wish.store, wish.resume) == (["one"], str(tmp_path), "abc")
    assert start.Wish(resume="must", run_id="x").resume == "x"
    assert start.Wish(resume="never", run_id="x").resume is None
