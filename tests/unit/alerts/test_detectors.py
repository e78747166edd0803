"""Each detector finds its fault, says where it began, and keeps silent on what is healthy."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable

import pytest
from alerts_kit import LIVE, T0, changed, falling, feed, fired, said

from opengraphs.alerts.pulse import RunLook
from opengraphs.alerts.settings import Settings
from opengraphs.alerts.watch import RunWatch

NAN = math.nan


def test_one_nan_loss_is_told_at_once():
    watch = RunWatch()
    feed(watch, "train/loss", [*falling(20), NAN, NAN, NAN])
    (event,) = fired(watch)
    assert (event["detector"], event["level"], event["step"], event["onset_step"]) == (
        "nonfinite",
        "error",
        20,
        20,
    )
    assert event["evidence"]["last_finite_step"] == 19
    assert "NaN" in event["title"]


def test_a_gradient_may_overflow_now_and_then():
    watch = RunWatch()
    values = [1.0] * 100
    for place in (20, 45, 70, 95):
        values[place] = math.inf
    feed(watch, "grad_norm", values)
    assert said(watch) == []
    feed(watch, "grad_norm", [math.inf, 1.0] * 6, start=100)
    assert [name for name, *_ in said(watch)] == ["nonfinite"]


def test_a_loss_of_exactly_nothing_is_a_masked_nan():
    watch = RunWatch()
    feed(watch, "loss", [*falling(100), *[0.0] * 6])
    assert said(watch)[0] == ("masked_nan", "warn", 104)


@pytest.mark.parametrize("rise", [1.1, 1.3, 2.0, 5.0])
def test_a_loss_that_jumps_and_stays_is_found_within_thirty_points(rise: float):
    watch = RunWatch()
    feed(watch, "train/loss", changed(falling(500), 400, lambda value: value * rise))
    first = fired(watch)[0]
    assert first["detector"] in ("level_up", "divergence")
    assert 400 <= first["step"] <= 430
    assert 395 <= first["onset_step"] <= 405
    assert first["evidence"]["threshold"] > first["evidence"].get("baseline", 0)


def test_a_single_bad_batch_is_nobodys_concern():
    values = falling(600)
    for place in range(100, 600, 37):
        values[place] *= 4
    watch = RunWatch()
    feed(watch, "loss", values)
    assert said(watch) == []


def test_a_loss_that_gives_its_progress_back_diverges_as_the_same_alert():
    watch = RunWatch()
    feed(watch, "loss", changed(falling(400), 300, lambda value: value + 2.5))
    events = fired(watch)
    assert [event["detector"] for event in events] == ["level_up", "divergence"]
    assert len({event["alert_id"] for event in events}) == 1
    assert events[-1]["level"] == "error"
    assert events[-1]["evidence"]["also"] == ["level_up loss"]


def test_a_leak_is_too_good_to_be_true():
    watch = RunWatch()
    feed(watch, "loss", changed(falling(300), 200, lambda value: value * 0.05))
    assert said(watch)[0][0] == "too_good"


def test_a_loss_that_stands_still_from_the_start_does_not_learn():
    dice = random.Random(3)
    watch = RunWatch()
    feed(watch, "loss", [4.2 + dice.gauss(0, 0.05) for _ in range(260)])
    assert ("no_learning", "warn", 199) in said(watch)


def test_a_loss_that_learns_slowly_learns():
    dice = random.Random(3)
    watch = RunWatch()
    feed(watch, "loss", [2.0 - 0.0001 * step + dice.gauss(0, 0.01) for step in range(600)])
    assert [name for name, level, _ in said(watch) if level != "info"] == []


def test_a_plateau_is_worth_a_word_and_none_at_the_end_of_the_schedule():
    flat = [*falling(200, tau=20), *falling(400, gain=0.0)]
    watch = RunWatch()
    feed(watch, "loss", flat)
    assert said(watch) == [("plateau", "info", pytest.approx(275, abs=100))]
    ending = RunWatch()
    for step, value in enumerate(flat):
        ending.point("lr", step, T0 + step, 1e-3 if step < 150 else 1e-5)
        ending.point("loss", step, T0 + step, value)
    assert said(ending) == []


def test_gradients_that_explode_once_by_far_or_three_times():
    for values, step in (([1.0] * 80 + [600.0], 80), ([1.0] * 80 + [15.0] * 3, 82)):
        watch = RunWatch()
        feed(watch, "grad_norm", values)
        assert said(watch) == [("grad_explosion", "warn", step)]
    calm = RunWatch()
    feed(calm, "grad_norm", [1.0, 2.0, 0.5, 15.0] * 60)
    assert said(calm) == []


def test_steps_that_slow_down_for_a_minute():
    watch = RunWatch()
    feed(watch, "step_time", [0.5] * 200 + [1.5] * 200, every_s=1.0)
    ((name, level, step),) = said(watch)
    assert (name, level) == ("slow", "warn")
    assert 260 <= step <= 285


def test_throughput_that_falls_is_slower_and_a_short_dip_is_not():
    watch = RunWatch()
    feed(watch, "tokens_per_s", [1000.0] * 200 + [400.0] * 40 + [1000.0] * 100)
    assert said(watch) == []
    feed(watch, "tokens_per_s", [400.0] * 200, start=340)
    assert [name for name, *_ in said(watch)] == ["slow"]


def test_where_nobody_logs_the_pace_the_clock_tells_it():
    watch = RunWatch()
    values, when = falling(400), T0
    for step, value in enumerate(values):
        when += 1.0 if step < 200 else 3.0
        watch.point("loss", step, when, value)
    assert [name for name, level, _ in said(watch) if level != "info"] == ["slow"]


def test_a_reward_that_is_lost_again():
    dice = random.Random(1)
    up = [10 * (1 - math.exp(-step / 150)) + dice.gauss(0, 1) for step in range(900)]
    watch = RunWatch()
    feed(watch, "rollout/ep_rew_mean", up)
    assert said(watch) == []
    feed(watch, "rollout/ep_rew_mean", [2 + dice.gauss(0, 1) for _ in range(400)], start=900)
    assert [name for name, *_ in said(watch)] == ["reward_collapse"]


def test_evaluation_that_gets_worse_while_training_gets_better():
    watch = RunWatch()
    for step, value in enumerate(falling(1000, tau=300)):
        watch.point("train/loss", step, T0 + step, value)
        if step % 100 == 0:
            watch.point(
                "eval/loss", step, T0 + step, 3.0 - step / 400 if step <= 300 else 2.25 + (step - 300) / 700
            )
    ((name, level, step),) = [one for one in said(watch) if one[1] != "info"]
    assert (name, level) == ("overfit", "warn")
    assert step in (700, 800, 900)


def test_evaluation_that_jumps_about_is_no_overfitting():
    dice = random.Random(8)
    watch = RunWatch()
    for step, value in enumerate(falling(3000, tau=300)):
        watch.point("train/loss", step, T0 + step, value)
        if step % 20 == 0:
            watch.point("eval/loss", step, T0 + step, 0.1 + dice.gauss(0, 0.012) + 2 * math.exp(-step / 100))
    assert [name for name, level, _ in said(watch) if level != "info"] == []


@pytest.mark.parametrize(
    ("metric", "healthy", "ill", "detector"),
    [
        ("policy/entropy", [1.0] * 60, [0.05] * 25, "entropy_collapse"),
        ("frac_reward_zero_std", [0.2] * 60, [0.95] * 25, "zero_variance"),
        ("completions/clipped_ratio", [0.1] * 60, [0.8] * 25, "clipped_length"),
        ("objective/kl", [0.1] * 80, [0.1 * 1.5**n for n in range(5, 20)], "kl_blow_up"),
    ],
)
def test_what_goes_wrong_in_reinforcement_learning(
    metric: str, healthy: list[float], ill: list[float], detector: str
):
    watch = RunWatch()
    feed(watch, metric, healthy)
    assert said(watch) == []
    feed(watch, metric, ill, start=len(healthy))
    assert [name for name, *_ in said(watch)] == [detector]


def test_a_run_that_goes_silent_stalls_and_one_that_ends_does_not():
    watch = RunWatch()
    feed(watch, "loss", falling(100), every_s=0.5)
    last = T0 + 49.5
    watch.tick(last + 30, LIVE)
    assert said(watch) == []
    watch.tick(last + 61, LIVE)
    assert said(watch) == [], "seen once, it may be the machine that slept"
    watch.tick(last + 63, LIVE)
    assert said(watch) == [("stall", "error", 99)]
    watch.tick(last + 65, RunLook("finished", live=False, exit_code=0))
    assert [event["state"] for event in watch.take()] == ["resolved"]


def test_long_pauses_for_evaluation_are_known_after_the_first():
    watch = RunWatch()
    when = T0
    for step in range(60):
        when += 90.0 if step % 20 == 19 else 1.0
        watch.point("loss", step, when, 2.0)
    watch.tick(when + 120, LIVE)
    watch.tick(when + 125, LIVE)
    assert said(watch) == []


@pytest.mark.parametrize(
    ("look", "title"),
    [
        (
            RunLook("failed", False, 1, None, False, "x\nRuntimeError: CUDA out of memory. Tried to"),
            "out of memory",
        ),
        (RunLook("failed", False, None, 9, True, ""), "the machine ran out of memory"),
        (RunLook("failed", False, 3, None, False, "Traceback\nValueError: bad shape"), "exit code 3"),
        (RunLook("failed", False, None, 11, False, ""), "signal 11"),
        (RunLook("crashed", False, None, None, False, ""), "nothing says why"),
    ],
)
def test_a_crash_is_told_once_with_its_cause(look: RunLook, title: str):
    watch = RunWatch()
    feed(watch, "loss", falling(20))
    watch.tick(T0 + 30, look)
    watch.tick(T0 + 31, look)
    (event,) = fired(watch)
    assert (event["detector"], event["level"]) == ("crash", "error")
    assert title in event["title"]


@pytest.mark.parametrize("status", ["finished", "stopped"])
def test_an_end_that_was_meant_is_no_crash(status: str):
    watch = RunWatch()
    feed(watch, "loss", falling(20))
    watch.tick(T0 + 30, RunLook(status, False, 0))
    assert said(watch) == []


def test_a_rank_that_hangs_while_others_go_on():
    watch = RunWatch()
    for step in range(200):
        for rank in (0, 1):
            if rank == 0 or step < 100:
                watch.point("loss", step, T0 + step, 500.0 - step, rank=rank, ranks=2)
        watch.tick(T0 + step, LIVE)
    (event,) = fired(watch)
    assert (event["detector"], event["metric"]) == ("silent_rank", "rank 1")


@pytest.mark.parametrize(
    ("metric", "usual", "slow"), [("step_time", 1.0, 1.6), ("tokens_per_s", 900.0, 500.0)]
)
def test_a_rank_that_is_slower_than_the_others(metric: str, usual: float, slow: float):
    watch = RunWatch()
    for step in range(900):
        for rank in range(4):
            value = slow if rank == 2 and step >= 300 else usual
            watch.point(metric, step, T0 + step, value + rank * usual / 1000, rank=rank, ranks=4)
    found = [event for event in fired(watch) if event["detector"] == "straggler"]
    assert [(event["metric"], event["level"]) for event in found] == [("rank 2", "warn")]
    assert 600 <= found[0]["step"] <= 625


def test_a_gpu_that_was_busy_and_idles():
    watch = RunWatch()
    for second in range(0, 400, 2):
        watch.system("gpu.0.util_percent", T0 + second, 90.0 if second < 60 else 0.0)
        watch.system("gpu.1.util_percent", T0 + second, 0.0)
    assert [(event["detector"], event["metric"]) for event in fired(watch)] == [
        ("gpu_idle", "gpu.0.util_percent")
    ]


def test_memory_and_disk_that_run_out():
    watch = RunWatch()
    watch.checkpoint(50 << 30)
    for second in range(0, 60, 2):
        watch.system("ram.percent", T0 + second, 98.5)
        watch.system("disk.free_bytes", T0 + second, 60 << 30)
    assert sorted(name for name, *_ in said(watch)) == ["disk", "memory"]


def test_an_unknown_metric_is_asked_for_nothing_but_numbers():
    watch = RunWatch()
    feed(watch, "my/thing", [1.0, 50.0, -3e9, 0.0] * 50)
    assert said(watch) == []
    feed(watch, "my/thing", [NAN], start=200)
    assert said(watch) == [("nonfinite", "info", 200)]
    never = RunWatch()
    feed(never, "val/auc", [NAN] * 30)
    assert said(never) == [], "what never was a number is meant so"


FAULTS: list[tuple[str, Callable[[], list[float]]]] = [
    ("train/loss", lambda: changed(falling(500), 350, lambda value: value * 1.4)),
    ("train/loss", lambda: changed(falling(500), 350, lambda _: NAN)),
    ("grad_norm", lambda: [1.0] * 350 + [80.0] * 50),
    ("reward", lambda: [step / 50 for step in range(350)] + [0.0] * 400),
    ("kl", lambda: [0.1] * 350 + [0.1 * 1.2**n for n in range(40)]),
    ("step_time", lambda: [0.5] * 350 + [2.0] * 150),
    ("entropy", lambda: [1.0] * 350 + [0.01] * 50),
]


@pytest.mark.parametrize(("metric", "made"), FAULTS)
@pytest.mark.parametrize("cut", [1, 9, 60, 352, 357, 380])
def test_a_state_kept_anywhere_goes_on_as_if_nothing_had_been(
    metric: str, made: Callable[[], list[float]], cut: int
):
    values = made()
    whole = RunWatch()
    feed(whole, metric, values)
    first = RunWatch()
    feed(first, metric, values[:cut])
    before = first.take()
    second = RunWatch()
    second.restore(json.loads(json.dumps(first.state())))
    feed(second, metric, values[cut:], start=cut)
    assert before + second.take() == whole.take()


def test_what_is_off_says_nothing_and_a_level_can_be_another():
    values = changed(falling(500), 400, lambda value: value * 1.2)
    off = RunWatch(settings=Settings(off=frozenset({"level_up", "divergence", "plateau"})))
    feed(off, "loss", values)
    assert said(off) == []
    graver = RunWatch(settings=Settings(levels={"level_up": "error"}, off=frozenset({"divergence"})))
    feed(graver, "loss", values)
    assert said(graver)[0][:2] == ("level_up", "error")
