"""What real libraries printed, against what the training computed (tests/fixtures/stdout)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opengraphs.grammar.parser import LineParser, Record

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "stdout"


def parsed(name: str) -> list[Record]:
    parser = LineParser()
    return [*parser.feed((FIXTURES / name).read_bytes()), *parser.flush()]


def truth(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


def curve(records: list[Record], key: str) -> dict[int, float]:
    """The last value at each step, as a reader of the journal sees it."""
    return {record.step: record.metrics[key] for record in records if key in record.metrics}


def rounded(value: float) -> Any:
    return pytest.approx(value, rel=1e-3, abs=5e-4)


def test_transformers_lines_get_their_step_from_the_bar() -> None:
    records = parsed("transformers.log")
    for key, logged in (
        ("train/loss", "loss"),
        ("train/learning_rate", "learning_rate"),
        ("eval/loss", "eval_loss"),
    ):
        wanted = {
            entry["step"]: rounded(entry[logged]) for entry in truth("transformers.json") if logged in entry
        }
        assert curve(records, key) == wanted


def test_transformers_lines_without_a_bar_keep_their_order() -> None:
    losses = curve(parsed("transformers_no_bar.log"), "train/loss")
    wanted = [entry["loss"] for entry in truth("transformers_no_bar.json") if "loss" in entry]
    assert losses == {step: rounded(loss) for step, loss in enumerate(wanted, start=1)}


@pytest.mark.parametrize("name", ["keras_v1.log", "keras_v2.log"])
def test_keras_epochs_are_counted_through(name: str) -> None:
    ends = [logs for kind, _, logs in truth("keras.json") if kind == "epoch"]
    records = parsed(name)
    for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
        found = curve(records, key)
        assert [found[9 * epoch] for epoch in (1, 2)] == [rounded(logs[key]) for logs in ends]


def test_keras_batches_of_a_bar_are_points() -> None:
    batches = [logs for kind, _, logs in truth("keras.json") if kind == "batch"]
    found = curve(parsed("keras_v1.log"), "loss")
    assert len(found) > 6
    for step, loss in found.items():
        if step % 9:
            assert loss == rounded(batches[step - 1]["loss"])


def test_lightning_bar_shows_each_batch() -> None:
    wanted = {batch + 1: rounded(loss) for batch, loss in truth("lightning.json")}
    assert curve(parsed("lightning.log"), "train_loss") == wanted


def test_tqdm_postfix_belongs_to_the_step_that_is_not_counted_yet() -> None:
    found = curve(parsed("tqdm.log"), "loss")
    assert found == {5 * epoch + i - 4: rounded(1 / (5 * epoch + i)) for epoch in (1, 2, 3) for i in range(5)}


def test_progress_of_a_bar() -> None:
    parser = LineParser()
    parser.feed((FIXTURES / "keras_v1.log").read_bytes())
    parser.flush()
    assert parser.progress() == (18, 18)
