"""`log` in this process: which line each call writes."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sdk_records import Records, run_dir

import opengraphs as og

Reader = Callable[[Path, str], list[dict[str, Any]]]


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
