"""How a run ends, is resumed, is joined under a runner, and is shared by ranks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sdk_records import Records, run_dir

import opengraphs as og
from opengraphs.sdk import api, layout

Reader = Callable[[Path, str], list[dict[str, Any]]]


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
