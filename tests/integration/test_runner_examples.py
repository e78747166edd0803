"""The demo and the examples, run as a user would run them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from runner_kit import Runs, Training

EXAMPLES = Path(__file__).parents[2] / "examples"
FAST = ("--steps", "41", "--steps-per-s", "0")


@pytest.fixture
def runs(og_home: Path) -> Iterator[Runs]:
    kit = Runs(og_home)
    yield kit
    kit.end()


def points(training: Training, writer: str) -> dict[str, dict[int, float]]:
    """Metric → step → value of one journal."""
    found: dict[str, dict[int, float]] = {}
    for record in training.lines(f"metrics/{writer}.jsonl"):
        for key, value in record.get("metrics", {}).items():
            found.setdefault(key, {})[record["step"]] = value
    return found


def test_demo_logs_metrics_checkpoints_and_samples(runs: Runs) -> None:
    training = runs.run([sys.executable, "-m", "opengraphs.demo.train", *FAST])
    assert training.facts()["status"] == "finished", training.log()
    assert training.facts()["script"] == "opengraphs.demo.train"
    metrics = points(training, "a0-r0")
    for key in ("train/loss", "train/acc", "lr", "grad_norm", "samples_per_s"):
        assert sorted(metrics[key]) == list(range(41)), key
    assert sorted(metrics["eval/acc"]) == sorted(metrics["eval/loss"]) == [0, 20, 40]
    events = training.lines("events/a0-r0.jsonl")
    (checkpoint,) = [event for event in events if event.get("kind") == "checkpoint"]
    assert checkpoint["step"] == 40
    assert Path(checkpoint["path"]).stat().st_size > 10_000
    samples = [line for line in training.lines("samples/a0-r0.jsonl") if "columns" in line]
    assert len(samples) == 6
    assert "step    40" in training.log()


def test_example_with_og(runs: Runs) -> None:
    training = runs.run([sys.executable, str(EXAMPLES / "train_digits.py"), *FAST])
    assert training.facts()["status"] == "finished", training.log()
    metrics = points(training, "a0-r0")
    assert set(metrics) == {
        "train/loss",
        "train/acc",
        "lr",
        "grad_norm",
        "samples_per_s",
        "eval/loss",
        "eval/acc",
    }
    kinds = {event.get("kind") for event in training.lines("events/a0-r0.jsonl")}
    assert {"checkpoint", "config", "progress"} <= kinds


def test_example_that_only_prints(runs: Runs) -> None:
    script = EXAMPLES / "train_digits_print.py"
    assert not re.search(r"^import opengraphs|og\.", script.read_text(), re.MULTILINE)
    training = runs.run([sys.executable, str(script), *FAST])
    assert training.facts()["status"] == "finished", training.log()
    records = training.lines("metrics/stdout.jsonl")
    assert [record["step"] for record in records if "train/loss" in record.get("metrics", {})] == list(
        range(41)
    )
    assert "step 40/41 train/loss: " in training.log()


def test_example_with_two_ranks(runs: Runs) -> None:
    training = runs.run([sys.executable, str(EXAMPLES / "ranks.py"), *FAST])
    assert training.facts()["status"] == "finished", training.log()
    first, second = points(training, "a0-r0"), points(training, "a0-r1")
    assert sorted(first["train/loss"]) == sorted(second["train/loss"]) == list(range(41))
    assert first["train/loss"] != second["train/loss"]
    assert "eval/acc" not in second
    ranks = {
        (event["rank"], event["world_size"])
        for writer in ("a0-r0", "a0-r1")
        for event in training.lines(f"events/{writer}.jsonl")
        if event.get("kind") == "rank"
    }
    assert ranks == {(0, 2), (1, 2)}


def test_demo_says_what_is_missing(short_tmp: Path) -> None:
    (short_tmp / "sklearn.py").write_text("raise ImportError('no sklearn here', name='sklearn')\n")
    done = subprocess.run(
        [sys.executable, "-m", "opengraphs.demo.train"],
        cwd=short_tmp, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 6
    assert done.stderr == "this training needs scikit-learn: pip install 'opengraphs[demo]'\n"
    assert json.dumps(done.stdout) == '""'
