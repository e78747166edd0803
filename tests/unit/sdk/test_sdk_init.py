"""`og.init` and the module as a script sees it, in this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sdk_records import Records, run_dir

import opengraphs as og
from opengraphs.sdk import api, layout, start, warn, writers

Reader = Callable[[Path, str], list[dict[str, Any]]]


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
    og.init(entity="me", sync_tensorboard=True, space_id="me/space").finish()
    og.init(entity="me", sync_tensorboard=True, monitor_gym=False)
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
    assert run.store is None
    assert run.config.a == 1
    assert list(fresh_sdk.iterdir()) == []


def test_other_trackers_disabled_mode_is_ours_too(fresh_sdk: Path) -> None:
    assert og.init(mode="disabled").store is None


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
