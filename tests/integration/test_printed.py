"""A training that only prints, under a real runner: metrics/stdout.jsonl, to the last line."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ogd_kit import wait_for
from runner_kit import Runs, Training

from opengraphs.store.folder import RunFolder
from opengraphs.store.recovery import finish_printed

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "stdout"


@pytest.fixture
def runs(og_home: Path) -> Iterator[Runs]:
    started = Runs(og_home)
    yield started
    started.end()


def points(training: Training) -> list[dict[str, Any]]:
    """The records, without seals."""
    path = training.folder / "metrics" / "stdout.jsonl"
    if not path.exists():
        return []
    return [record for record in training.lines("metrics/stdout.jsonl") if "metrics" in record]


def script(runs: Runs, text: str) -> str:
    path = runs.work / "train.py"
    path.write_text(text)
    return str(path)


def statuses(training: Training) -> list[dict[str, Any]]:
    path = training.folder / "events" / "runner.jsonl"
    lines = training.lines("events/runner.jsonl") if path.exists() else []
    return [line for line in lines if line.get("kind") == "status"]


NANO = """
import sys
for i in range(50):
    print(f"iter {i}: loss {4 / (i + 1):.4f}, time {100 + i:.2f}ms, mfu 38.21%")
    if i % 10 == 0:
        print(f"step {i}: train loss {4 / (i + 1):.4f}, val loss {4.5 / (i + 1):.4f}")
"""


@pytest.mark.parametrize("pty", [False, True])
def test_every_printed_step_is_a_point_when_the_run_has_ended(runs: Runs, pty: bool) -> None:
    training = runs.start(sys.executable, script(runs, NANO), use_pty=pty)
    assert training.ended()["code"] == 0
    found = points(training)  # before the end was told, not a moment later
    losses = {record["step"]: record["metrics"]["loss"] for record in found if "loss" in record["metrics"]}
    assert losses == {i: round(4 / (i + 1), 4) for i in range(50)}
    assert [record["step"] for record in found if "val_loss" in record["metrics"]] == [0, 10, 20, 30, 40]
    assert {record["source"] for record in found} == {"stdout"}
    # A terminal ends a line with two bytes, and the first of them ends it.
    assert found[-1]["offset"] == (training.folder / "stdout.log").stat().st_size - pty


def test_points_come_while_the_training_runs(runs: Runs) -> None:
    go = runs.work / "go"
    text = f"""
import os, time
for i in range(3):
    print(f"step {{i}}: loss {{i}}.5")
while not os.path.exists({str(go)!r}):
    time.sleep(0.01)
print("step 3: loss nan", end="")
"""
    training = runs.start(sys.executable, script(runs, text))
    wait_for(lambda: len(points(training)) == 3, what="three points of a living run")
    go.touch()
    training.ended()
    assert points(training)[-1]["metrics"] == {"loss": "NaN"}  # a last line without its end


@pytest.mark.parametrize("name", ["keras_v1", "tqdm", "transformers"])
def test_bars_of_real_libraries(runs: Runs, name: str) -> None:
    from opengraphs.grammar.parser import LineParser

    data = (FIXTURES / f"{name}.log").read_bytes()
    parser = LineParser()
    wanted = [*parser.feed(data), *parser.flush()]
    text = f"import sys\nfor part in open({str(FIXTURES / f'{name}.log')!r}, 'rb'):\n    sys.stdout.buffer.write(part)\n    sys.stdout.flush()\n"
    training = runs.start(sys.executable, script(runs, text))
    training.ended()
    assert [(record["step"], record["metrics"]) for record in points(training)] == [
        (record.step, record.metrics) for record in wanted
    ]


def test_flood_is_sampled_and_told(runs: Runs) -> None:
    text = """
import sys
line = "step {} | loss {:.3f} | and so on and so forth, for a line of a usual length | {}\\n"
for block in range(400):
    sys.stdout.write("".join(line.format(i, i / 7, "x" * 60) for i in range(block * 1000, block * 1000 + 1000)))
"""
    training = runs.start(sys.executable, script(runs, text))
    assert training.ended()["code"] == 0
    training.leave()
    found = points(training)
    assert found[-1]["step"] == 399_999  # the end is read whatever came before
    assert [record["step"] for record in found] == sorted(record["step"] for record in found)
    left_out = sum(status.get("dropped_bytes", 0) for status in statuses(training))
    assert len(found) == 400_000 or left_out > 0


def test_pattern_of_the_user(runs: Runs) -> None:
    text = 'print("<< 12 >> cost=0.25")\nprint("step 13: loss 0.5")\n'
    pattern = r"<< (?P<step>\d+) >> cost=(?P<train__cost>\S+)"
    training = runs.start(sys.executable, script(runs, text), patterns=[pattern])
    training.ended()
    assert [(record["step"], record["metrics"]) for record in points(training)] == [
        (12, {"train/cost": 0.25}),
        (13, {"loss": 0.5}),
    ]


def test_pattern_that_never_ends_is_given_up_and_told(runs: Runs) -> None:
    text = 'for i in range(3):\n    print("a" * 40 + f"! step {i} loss 0.5")\n'
    training = runs.start(
        sys.executable,
        script(runs, text),
        patterns=[r"(a+)+$(?P<x>\d)", r"step (?P<step>\d+) loss (?P<loss>\S+)"],
    )
    assert training.ended()["code"] == 0
    training.leave()
    assert [record["step"] for record in points(training)] == [0, 1, 2]
    assert any("no longer used" in status["reason"] for status in statuses(training))


def test_switched_off_writes_nothing(runs: Runs) -> None:
    training = runs.start(sys.executable, script(runs, NANO), stdout_metrics=False)
    training.ended()
    assert not (training.folder / "metrics" / "stdout.jsonl").exists()


def test_silent_training_leaves_no_journal(runs: Runs) -> None:
    training = runs.start(sys.executable, script(runs, "print('hello')"))
    training.ended()
    assert not (training.folder / "metrics" / "stdout.jsonl").exists()


def test_stop_still_reads_the_last_words(runs: Runs) -> None:
    text = """
import signal, sys, time
def end(*_):
    print("step 9: loss 0.125")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""
    training = runs.start(sys.executable, script(runs, text))
    training.says("ready")
    os.kill(training.pid, signal.SIGTERM)
    training.ended()
    assert points(training)[-1]["metrics"] == {"loss": 0.125}


def test_what_a_killed_runner_did_not_read_is_completed_once(runs: Runs) -> None:
    go = runs.work / "go"
    text = f"""
import os, time
print("step 0: loss 0.5")
while not os.path.exists({str(go)!r}):
    time.sleep(0.01)
for i in range(1, 20):
    print(f"step {{i}}: loss {{i / 8}}")
"""
    training = runs.start(sys.executable, script(runs, text))
    wait_for(lambda: len(points(training)) == 1, what="the first point")
    os.kill(training.runner_pid, signal.SIGKILL)
    training.leave()
    go.touch()
    wait_for(lambda: not training.lock_held(), what="end of the training")
    folder = RunFolder(training.folder)
    assert finish_printed(folder) == 19
    assert finish_printed(folder) == 0
    found = points(training)
    assert [record["step"] for record in found] == list(range(20))
    times = [record["time"] for record in found]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(folder.stdout_log.stat().st_mtime)


def test_torn_record_of_a_killed_runner_is_written_again(runs: Runs) -> None:
    training = runs.start(sys.executable, script(runs, NANO))
    training.ended()
    training.leave()
    (training.folder / "exit.json").unlink()
    journal = training.folder / "metrics" / "stdout.jsonl"
    whole = [json.loads(line) for line in journal.read_bytes().splitlines() if b'"metrics"' in line]
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:20]) + lines[20][:17])
    assert finish_printed(RunFolder(training.folder)) == len(whole) - 20
    again = [
        json.loads(line)
        for line in journal.read_bytes().splitlines()
        if line.endswith(b"}") and b'"offset"' in line
    ]
    assert [record["step"] for record in again] == [record["step"] for record in whole]
