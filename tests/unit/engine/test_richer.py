"""Which printed metrics give way to logged ones: by names alone."""

from __future__ import annotations

from typing import Any

import pytest

from opengraphs.engine.richer import hidden, measure


@pytest.mark.parametrize(
    ("printed", "logged"),
    [
        ("loss", "train/loss"),
        ("loss", "loss"),
        ("train_loss", "loss"),
        ("train/loss", "train/loss"),
        ("eval_loss", "eval/loss"),
        ("lr", "train/learning_rate"),
        ("learning_rate", "lr"),
        ("train_lr", "train/learning_rate"),
        ("val_acc", "val/accuracy"),
        ("validation_loss", "val_loss"),
        ("val_loss", "eval/loss"),
        ("grad norm", "train/grad_norm"),
        ("tok/sec", "train/tokens_per_second"),
        ("Loss", "train/loss"),
        ("trainLoss", "train/loss"),
    ],
)
def test_printed_key_gives_way(printed: str, logged: str) -> None:
    assert hidden([printed, "other"], [logged, "something"]) == {printed}


@pytest.mark.parametrize(
    ("printed", "logged"),
    [
        (["loss"], []),
        (["loss"], ["eval/loss"]),
        (["val_loss"], ["train/loss"]),
        (["test_loss"], ["val/loss"]),
        (["val_loss"], ["eval/loss", "val/acc"]),
        (["actor/loss"], ["critic/loss"]),
        (["accuracy"], ["loss"]),
        (["train"], ["loss"]),
    ],
)
def test_printed_key_stays(printed: list[str], logged: list[str]) -> None:
    assert hidden(printed, logged) == set()


def test_order_makes_no_difference() -> None:
    printed, logged = ["loss", "lr", "val_loss", "foo"], ["train/loss", "eval/loss", "train/learning_rate"]
    assert (
        hidden(printed, logged) == hidden(reversed(printed), reversed(logged)) == {"loss", "lr", "val_loss"}
    )


def test_measure_of_a_name() -> None:
    assert measure("train/learning_rate") == measure("train_lr") == ("train", "learning_rate")
    assert measure("critic/rewards/mean") == ("", "critic_rewards_mean")


def records(steps: range, metrics: dict[str, float], source: str) -> list[dict[str, Any]]:
    return [{"step": n, "time": 1763803812.0 + n, "metrics": metrics, "source": source} for n in steps]


def points_of(engine: Any) -> dict[str, int]:
    (run,) = engine.runs()["runs"]
    return {metric["key"]: metric["points"] for metric in engine.run(run["run_id"])["metrics"]}


def test_run_shows_one_curve_of_each_measure(maker: Any) -> None:
    maker.run()
    maker.append(records(range(5), {"loss": 0.5, "lr": 0.1, "tok/s": 9.0}, "stdout"), writer="stdout")
    assert points_of(maker.open()) == {"loss": 5, "lr": 5, "tok/s": 5}
    maker.append(records(range(1, 3), {"train/loss": 0.25, "lr": 0.1}, "transformers"), writer="mirror-a0-r0")
    assert points_of(maker.open()) == {"train/loss": 2, "lr": 2, "tok/s": 5}


def test_no_event_tells_of_what_gives_way(maker: Any) -> None:
    maker.run(ended=False)
    engine = maker.open()
    engine.poll()
    maker.append(records(range(2), {"train/loss": 0.25}, "sdk"), writer="a0-r0")
    maker.append(records(range(2), {"loss": 0.5, "tok/s": 9.0}, "stdout"), writer="stdout")
    (change,) = engine.poll()
    assert sorted(change["keys"]) == ["tok/s", "train/loss"]
