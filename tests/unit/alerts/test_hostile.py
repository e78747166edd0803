"""Series that nobody would want to meet: no crash, no flood, and the same said again of the same points."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest
from alerts_kit import LIVE, T0, falling, feed, said
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.alerts.pulse import RunLook
from opengraphs.alerts.replay import replay
from opengraphs.alerts.roles import ROLES, guess, role_of
from opengraphs.alerts.rules import read_points
from opengraphs.alerts.watch import RunWatch
from opengraphs.sdk import described

CURVES = Path(__file__).parent / "curves"
METRICS = (
    "train/loss",
    "eval/loss",
    "grad_norm",
    "lr",
    "reward",
    "kl",
    "entropy",
    "step_time",
    "tokens_per_s",
    "x",
)
values = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(-10, 10),
    st.just(0.0),
    st.just(1e308),
    st.just(5e-324),
)
points = st.lists(
    st.tuples(
        st.sampled_from(METRICS), st.integers(-5, 400), st.floats(-1e6, 1e6), values, st.integers(0, 2)
    ),
    max_size=300,
)


@settings(max_examples=150, deadline=None)
@given(points, st.integers(0, 300))
def test_anything_is_taken_and_said_twice_alike(found: list[tuple[str, int, float, float, int]], cut: int):
    whole, parted = RunWatch(), RunWatch()
    told: list[object] = []
    for place, (metric, step, when, value, rank) in enumerate(found):
        if place == cut:
            told += parted.take()
            again = RunWatch()
            again.restore(json.loads(json.dumps(parted.state())))
            parted = again
        for watch in (whole, parted):
            watch.point(metric, step, T0 + when, value, rank=rank, ranks=3 if rank else 1)
    told += parted.take()
    events = whole.take()
    assert json.dumps(events, allow_nan=False) == json.dumps(told, allow_nan=False)
    assert len(events) <= len(found) + 2
    whole.tick(T0 + 1e7, LIVE)
    whole.tick(T0 + 1e7 + 5, RunLook("failed", False, 1))
    json.dumps(whole.take(), allow_nan=False)


@pytest.mark.parametrize(
    "series",
    [
        [],
        [1.0],
        [1.0, 2.0],
        [5.0] * 3000,
        [math.nan] * 3000,
        [0.0] * 500,
        [1e300, -1e300] * 500,
        [-3.0] * 1000,
    ],
)
def test_series_without_anything_to_say_say_little(series: list[float]):
    watch = RunWatch()
    feed(watch, "train/loss", series)
    assert len(said(watch)) <= 2


def test_a_million_points_keep_a_small_state():
    watch = RunWatch()
    dice = random.Random(1)
    for step in range(60_000):
        watch.point("loss", step, T0 + step, 2 + dice.gauss(0, 0.1))
    assert len(json.dumps(watch.state())) < 60_000


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sigma", [0.005, 0.03, 0.2])
@pytest.mark.parametrize("base", [0.01, 2.0, -4.0])
def test_healthy_noise_is_left_alone(seed: int, sigma: float, base: float):
    watch = RunWatch()
    feed(watch, "loss", falling(1200, seed=seed, base=base, gain=abs(base) * 1.5, sigma=abs(base) * sigma))
    assert [one for one in said(watch) if one[1] != "info"] == []


@pytest.mark.parametrize(
    ("name", "detector", "within"),
    [
        ("bad_nan_s31", "nonfinite", (350, 350)),
        ("bad_labels_shuffled_s31", "level_up", (350, 380)),
        ("bad_wd_huge_s31", "level_up", (350, 380)),
        ("bad_frozen_s31", "no_learning", (190, 250)),
        ("bad_overfit_s31", "overfit", (50, 400)),
        ("grpo_kl_blowup", "entropy_collapse", (70, 110)),
    ],
)
def test_faults_of_real_trainings_are_found(name: str, detector: str, within: tuple[int, int]):
    found = [one for one in of_curve(name) if one["level"] != "info"]
    assert found[0]["detector"] == detector
    assert within[0] <= (found[0]["fired_step"] or 0) <= within[1]


@pytest.mark.parametrize("name", ["healthy_0", "healthy_3", "healthy_outlier_batches"])
def test_healthy_trainings_are_left_alone(name: str):
    assert [one for one in of_curve(name) if one["level"] != "info"] == []


def of_curve(name: str) -> list[dict[str, object]]:
    """What is said of a real curve: generated for og, a tiny GPT on a CPU."""
    with (CURVES / f"{name}.csv").open(newline="") as file:
        found = [one._replace(time=T0 + one.step) for one in read_points(file)]
    return [dict(one) for one in replay(found)]


@pytest.mark.parametrize(
    ("metric", "role"),
    [
        ("loss", "loss"), ("train/loss", "loss"), ("train_loss", "loss"), ("Loss/train", "loss"),
        ("train/total_loss", "loss"), ("val/bpb", "eval_loss"), ("perplexity", "loss"),
        ("eval_loss", "eval_loss"), ("val/loss", "eval_loss"), ("validation/nll", "eval_loss"),
        ("grad_norm", "grad_norm"), ("train/grad_norm", "grad_norm"), ("gradient_norm", "grad_norm"),
        ("lr", "lr"), ("train/learning_rate", "lr"), ("lr-AdamW", "lr"),
        ("reward", "reward"), ("rewards/mean", "reward"), ("rollout/ep_rew_mean", "reward"),
        ("charts/episodic_return", "reward"), ("critic/rewards/mean", "reward"),
        ("rewards/std", "other"), ("rewards/margins", "other"), ("reward_std", "other"),
        ("tokens_per_s", "throughput"), ("train/samples_per_second", "throughput"), ("fps", "throughput"),
        ("step_time", "step_time"), ("iter_time_ms", "step_time"), ("dt", "step_time"), ("step_ms", "step_time"),
        ("objective/kl", "kl"), ("train/approx_kl", "kl"), ("policy/entropy", "entropy"),
        ("frac_reward_zero_std", "zero_std"), ("completions/clipped_ratio", "clip_ratio"),
        ("train/value_loss", "value_loss"), ("vf_loss", "value_loss"), ("policy_loss", "other"),
        ("loss_scale", "other"), ("epoch", "other"), ("accuracy", "other"), ("train/clip_fraction", "other"),
    ],
)  # fmt: skip
def test_roles_are_known_by_name(metric: str, role: str):
    assert guess(metric) == role


def test_what_a_person_says_counts_before_the_name():
    assert role_of("my/objective", {"my/*": "loss"}) == "loss"
    assert role_of("train/loss", {"train/loss": "other"}) == "other"
    assert set(ROLES) >= {guess(name) for name in ("loss", "x", "lr")}


def test_the_roles_a_script_may_name_are_the_ones_alerts_know() -> None:
    """The list stands twice: the SDK in a training imports nothing of the rest."""
    assert described.ROLES == ROLES
