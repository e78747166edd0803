"""Whether a training went on, told from two curves."""

from __future__ import annotations

import math
import random

import pytest

from opengraphs.resuming.proof import Curve, is_rate, judge_loss, judge_rate, judge_steps

SAVED = 50


def curve(
    first: int, last: int, *, noise: float = 0.0, seed: int = 0, off: float = 0.0, every: int = 1
) -> Curve:
    draw = random.Random(seed)
    steps = list(range(first, last + 1, every))
    values = [2.0 * math.exp(-step / 40) + 1.0 + draw.gauss(0, noise) + off for step in steps]
    return Curve(steps, values)


@pytest.mark.parametrize(
    ("first", "status", "says"),
    [
        (51, "ok", "goes on at step 51"),
        (52, "ok", "goes on at step 52"),
        (1, "fail", "begins again at step 1"),
        (54, "fail", "those from 51 on are left out"),
        (46, "warn", "repeats steps 46 to 50"),
    ],
)
def test_steps(first: int, status: str, says: str) -> None:
    found = judge_steps(curve(1, 70), curve(first, 80), SAVED)
    assert found.status == status
    assert says in found.message


def test_steps_that_are_logged_now_and_then() -> None:
    assert judge_steps(curve(10, 90, every=10), curve(60, 90, every=10), SAVED).status == "ok"
    assert judge_steps(curve(10, 90, every=10), curve(10, 90, every=10), SAVED).status == "fail"


def test_a_loss_that_is_the_same_is_said_to_be() -> None:
    found = judge_loss("loss", curve(1, 70), curve(51, 80), SAVED)
    assert found.status == "ok"
    assert "to the last digit at 5 steps" in found.message


@pytest.mark.parametrize("seed", range(20))
def test_another_draw_of_the_same_noise_is_no_jump(seed: int) -> None:
    before = curve(1, 70, noise=0.05, seed=seed)
    assert judge_loss("loss", before, curve(51, 80, noise=0.05, seed=seed + 100), SAVED).status == "ok"


@pytest.mark.parametrize("seed", range(20))
def test_a_jump_above_the_noise_is_one(seed: int) -> None:
    before = curve(1, 70, noise=0.05, seed=seed)
    after = curve(51, 80, noise=0.05, seed=seed + 100, off=0.5)
    found = judge_loss("loss", before, after, SAVED)
    assert found.status == "fail"
    assert "off by +0." in found.message
    assert found.fix


def test_a_loss_that_begins_anew_is_a_jump() -> None:
    fresh = Curve(list(range(51, 60)), curve(1, 9).values)
    assert judge_loss("loss", curve(1, 70), fresh, SAVED).status == "fail"


def test_an_outlier_in_the_first_run_hides_no_jump() -> None:
    before = curve(1, 70, noise=0.01)
    before.values[30] = 1e6
    assert judge_loss("loss", before, curve(51, 80, off=0.5), SAVED).status == "fail"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_fails(value: float) -> None:
    after = Curve([51, 52], [value, 1.0])
    assert judge_loss("loss", curve(1, 70), after, SAVED).status == "fail"


def test_nothing_in_common_is_nothing_known() -> None:
    assert judge_loss("loss", curve(1, 50), curve(51, 80), SAVED).status == "warn"
    assert judge_rate("lr", curve(1, 50), curve(51, 80), SAVED).status == "warn"


def test_learning_rates() -> None:
    steps = list(range(51, 60))
    before = Curve(list(range(1, 70)), [1e-3 * (1 - step / 100) for step in range(1, 70)])
    same = Curve(steps, [1e-3 * (1 - step / 100) for step in steps])
    assert judge_rate("lr", before, same, SAVED).status == "ok"
    found = judge_rate("lr", before, Curve(steps, [1e-3] * len(steps)), SAVED)
    assert found.status == "fail"
    assert "lr is 0.001 where it was 0.00049" in found.message


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("lr", True), ("train/lr", True), ("learning_rate", True), ("clr", False), ("lr/loss", False)],
)
def test_names_of_learning_rates(name: str, is_one: bool) -> None:
    assert is_rate(name) is is_one
