"""Folders of foreign runs: what was flushed is there, what came after the marks is not."""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from opengraphs.sdk import layout
from opengraphs.store import runcopy
from opengraphs.store.runcopy import RunCopy
from opengraphs.store.runjson import read_run_json

RUN = "20261101-120000-abcd"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def opened(tmp_path: Path, **more: Any) -> RunCopy:
    return RunCopy.open(tmp_path / "runs" / RUN, {"name": "tb", "status": "running"}, writer="tb", **more)


def test_all_kinds_of_records_stand_in_the_folder(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    copy.metrics(3, 10.5, {"loss": math.nan, "lr": 0.1}, source="wandb", rank=2)
    copy.system(11.0, {"cpu.percent": 3.0}, host="box")
    copy.event(12.0, "alert", {"title": "oh", "step": 3})
    copy.sample(13.0, 3, "text", {"prompt": "a"})
    copy.log(b"hello\n")
    copy.set_facts(config={"lr": 0.1})
    marks = copy.flush()
    folder = copy.folder
    assert lines(folder.metrics / "tb.jsonl") == [
        {"step": 3, "time": 10.5, "metrics": {"loss": "NaN", "lr": 0.1}, "rank": 2, "source": "wandb"}
    ]
    assert lines(folder.system / "tb.jsonl") == [
        {"time": 11.0, "metrics": {"cpu.percent": 3.0}, "host": "box"}
    ]
    assert lines(folder.events / "tb.jsonl") == [{"title": "oh", "step": 3, "time": 12.0, "kind": "alert"}]
    assert lines(folder.samples / "tb.jsonl")[0]["columns"] == {"prompt": "a"}
    assert folder.stdout_log.read_bytes() == b"hello\n"
    facts = read_run_json(folder.run_json).facts
    assert (facts["run_id"], facts["name"], facts["config"]) == (RUN, "tb", {"lr": 0.1})
    assert marks == {
        name: (folder.path / name).stat().st_size
        for name in (
            "metrics/tb.jsonl",
            "system/tb.jsonl",
            "events/tb.jsonl",
            "samples/tb.jsonl",
            "stdout.log",
        )
    }


def test_what_came_after_the_marks_is_cut_off(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    copy.metrics(0, 1.0, {"loss": 1.0})
    marks = copy.flush()
    copy.metrics(1, 2.0, {"loss": 2.0})
    copy.system(2.0, {"cpu.percent": 1.0})
    copy.log(b"more")
    copy.flush()
    copy.close()
    copy.folder.events.mkdir()
    (copy.folder.events / "ogd.jsonl").write_bytes(b'{"time":1,"kind":"tag"}\n')
    again = opened(tmp_path, marks=marks)
    again.metrics(1, 2.0, {"loss": 3.0})
    again.flush()
    assert [line["metrics"]["loss"] for line in lines(again.folder.metrics / "tb.jsonl")] == [1.0, 3.0]
    assert not (again.folder.system / "tb.jsonl").exists()
    assert not again.folder.stdout_log.exists()
    assert (again.folder.events / "ogd.jsonl").exists()


def test_without_marks_a_torn_line_goes_and_the_rest_stays(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    copy.metrics(0, 1.0, {"loss": 1.0})
    copy.flush()
    with (copy.folder.metrics / "tb.jsonl").open("ab") as file:
        file.write(b'{"step":1,"ti')
    again = opened(tmp_path)
    again.metrics(1, 2.0, {"loss": 2.0})
    again.flush()
    assert [line["step"] for line in lines(again.folder.metrics / "tb.jsonl")] == [0, 1]


def test_a_file_shorter_than_its_mark_is_noticed(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    copy.metrics(0, 1.0, {"loss": 1.0})
    marks = copy.flush()
    assert not copy.lacks(marks)
    os.truncate(copy.folder.metrics / "tb.jsonl", 5)
    assert copy.lacks(marks)
    (copy.folder.metrics / "tb.jsonl").unlink()
    assert copy.lacks(marks)


def test_facts_that_are_known_stay_where_nothing_new_is_said(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    copy.set_facts(tags=["a"], project="p")
    copy.finish("finished", ended_at_s=1_700_000_000.0, exit_code=0)
    copy.flush()
    again = RunCopy.open(copy.folder.path, {"name": "other"}, writer="tb")
    again.flush()
    facts = read_run_json(copy.folder.run_json).facts
    assert (facts["name"], facts["tags"], facts["project"], facts["status"], facts["exit_code"]) == (
        "other",
        ["a"],
        "p",
        "finished",
        0,
    )
    assert facts["ended_at"] == layout.utc_iso(1_700_000_000.0)


def test_reset_takes_everything_but_the_facts(tmp_path: Path) -> None:
    copy = opened(tmp_path)
    copy.metrics(0, 1.0, {"loss": 1.0})
    copy.log(b"x")
    copy.flush()
    copy.reset()
    copy.metrics(5, 1.0, {"loss": 5.0})
    assert list(copy.flush()) == ["metrics/tb.jsonl"]
    assert [line["step"] for line in lines(copy.folder.metrics / "tb.jsonl")] == [5]


def test_journals_are_cut_into_segments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "SEGMENT_BYTES", 60)
    copy = opened(tmp_path)
    for step in range(4):
        copy.metrics(step, 1.0, {"loss": 1.0})
        marks = copy.flush()
    assert set(marks) == {"metrics/tb.jsonl", "metrics/tb.000001.jsonl"}
    copy.close()
    again = opened(tmp_path, marks={"metrics/tb.jsonl": marks["metrics/tb.jsonl"]})
    again.metrics(9, 1.0, {"loss": 1.0})
    again.flush()
    found = [line["step"] for path in sorted((again.folder.metrics).iterdir()) for line in lines(path)]
    assert sorted(found) == [0, 1, 9]


def test_a_full_disk_leaves_whole_records_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = opened(tmp_path)
    copy.metrics(0, 1.0, {"loss": 1.0})
    copy.flush()
    copy.metrics(1, 1.0, {"loss": 1.0})
    write, calls = os.write, []

    def half(fd: int, data: memoryview) -> int:
        calls.append(len(data))
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "no space")
        return write(fd, data[:7])

    with monkeypatch.context() as patched:
        patched.setattr(runcopy.os, "write", half)
        with pytest.raises(OSError, match="no space"):
            copy.flush()
    assert [line["step"] for line in lines(copy.folder.metrics / "tb.jsonl")] == [0]
    copy.metrics(2, 1.0, {"loss": 1.0})
    copy.flush()
    assert [line["step"] for line in lines(copy.folder.metrics / "tb.jsonl")] == [0, 1, 2]
