"""An effect is told when it counts, harm early, and nothing of what is only noise."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from opengraphs.guard.verify import (
    Curve,
    Effect,
    choose_checkpoint,
    compare,
    evaluation,
    exit_code,
    memory,
    new_alerts,
    nonfinite,
    throughput,
)
from opengraphs.guard.verify.interval import block_mean, correlation_time, t_quantile

ONSET, BEGIN, END = 200, 170, 300
NAN = math.nan


def noise(dice: random.Random, count: int, *, share: float = 0.0, sigma: float = 0.03) -> list[float]:
    now, found = 0.0, []
    for _ in range(count):
        now = share * now + dice.gauss(0, sigma * math.sqrt(1 - share**2))
        found.append(now)
    return found


def parent(dice: random.Random, *, fault: float = 0.0, end: int = END, **more: float) -> Curve:
    values = [1.0 + one for one in noise(dice, end, **more)]
    return Curve(list(range(end)), [value + fault * (step >= ONSET) for step, value in enumerate(values)])


def child(dice: random.Random, *, level: float = 1.0, upto: int = END, **more: float) -> Curve:
    steps = list(range(BEGIN + 1, upto))
    return Curve(steps, [level + one for one in noise(dice, len(steps), **more)])


def judged(one: Curve, other: Curve, **more: object) -> Effect:
    told = {"direction": "min", "from_step": BEGIN, "onset_step": ONSET, **more}
    return compare(one, other, **told)  # type: ignore[arg-type]


def test_a_cured_fault_is_improved_and_told_with_its_numbers() -> None:
    dice = random.Random(1)
    found = judged(
        parent(dice, fault=0.4), child(dice), metric="train/loss", change="restart + lr 3e-4 → 1e-4"
    )
    assert (found.verdict, found.paired, found.points, found.needed) == ("improved", True, 50, 50)
    assert (found.from_step, found.to_step) == (ONSET, ONSET + 49)
    assert found.effect is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.effect < found.high
    assert found.effect == pytest.approx(0.4, abs=0.03)
    assert found.margin == pytest.approx(0.1, abs=0.01), "a quarter of the ground that was lost"
    assert found.text.startswith(f"train/loss is {found.effect:.3g} lower (")
    assert found.text.endswith("over 50 steps than before; that counts as better: restart + lr 3e-4 → 1e-4")


def test_a_reward_improves_upwards() -> None:
    dice = random.Random(1)
    one, other = parent(dice, fault=-0.4), child(dice)
    found = judged(one, other, direction="max", metric="reward")
    assert found.verdict == "improved"
    assert "reward is 0.39" in found.text
    assert "higher" in found.text
    assert judged(one, other, direction="min").verdict == "regressed"


def test_a_change_that_does_nothing_is_no_evidence() -> None:
    dice = random.Random(2)
    found = judged(parent(dice, fault=0.4), child(dice, level=1.4), metric="train/loss")
    assert found.verdict == "no_evidence"
    assert "no evidence of more than 0.1" in found.text
    assert found.effect == pytest.approx(0.0, abs=0.02)


def test_significant_is_not_enough() -> None:
    steps = list(range(END))
    values = [1 + 0.1 * math.sin(step) for step in steps]
    found = judged(
        Curve(steps, values), Curve(steps[BEGIN + 1 :], [one - 0.005 for one in values[BEGIN + 1 :]])
    )
    assert found.low == pytest.approx(found.high, abs=1e-9)
    assert found.verdict == "no_evidence", "half a percent, however certain"


def test_success_waits_for_the_last_look_and_harm_does_not() -> None:
    dice = random.Random(3)
    one = parent(dice, fault=0.4)
    good, bad = child(dice), child(dice, level=2.5)
    verdicts = [judged(one, Curve(good.steps[:n], good.values[:n])).verdict for n in range(1, 80)]
    assert set(verdicts[:78]) == {"waiting"}
    assert verdicts[-1] == "improved"
    worse = [judged(one, Curve(bad.steps[:n], bad.values[:n])) for n in range(1, 80)]
    first = next(found for found in worse if found.verdict != "waiting")
    assert (first.verdict, first.points, first.needed) == ("regressed", 12, 50)


def test_asked_again_the_answer_is_the_same() -> None:
    dice = random.Random(4)
    one, other = parent(dice, fault=0.4), child(dice)
    assert judged(one, other) == judged(one, Curve(other.steps[:85], other.values[:85]))


def test_steps_said_twice_count_once_and_missing_ones_are_left_out() -> None:
    dice = random.Random(5)
    one, other = parent(dice, fault=0.4), child(dice)
    twice = Curve(
        [*[step for step in other.steps if step % 7], 210],
        [*[v for s, v in zip(other.steps, other.values, strict=True) if s % 7], 1.0],
    )
    shuffled = Curve([*reversed(one.steps), 205], [*reversed(one.values), NAN])
    found = judged(shuffled, twice)
    assert found.verdict == "improved"
    assert found.points == 50
    assert found.to_step is not None
    assert found.to_step > ONSET + 50


def test_the_first_points_after_a_restart_do_not_count() -> None:
    dice = random.Random(6)
    other = child(dice)
    wild = Curve(other.steps, [9.0 if at < 20 else value for at, value in enumerate(other.values)])
    faulty = Curve(
        list(range(END)), [1.0 + 0.4 * (step >= BEGIN) + one for step, one in enumerate(noise(dice, END))]
    )
    assert judged(faulty, wild, onset_step=BEGIN).verdict == "improved"
    assert judged(faulty, wild, onset_step=BEGIN, burn_in=0).verdict != "improved"


def test_a_parent_that_became_nan_is_beaten_by_a_child_that_goes_on() -> None:
    dice = random.Random(7)
    one = parent(dice)
    dead = Curve(
        one.steps, [value if step < ONSET else NAN for step, value in zip(one.steps, one.values, strict=True)]
    )
    found = judged(dead, child(dice), metric="loss")
    assert (found.verdict, found.paired) == ("improved", False)
    assert "it goes on where the run before could not" in found.text
    assert found.before == pytest.approx(1.0, abs=0.02)
    assert judged(dead, child(dice, level=1.5)).verdict == "regressed", (
        "it goes on, and far above the level before"
    )
    assert judged(dead, child(dice, upto=ONSET + 20)).verdict == "waiting"


def test_a_parent_that_crashed_is_like_one_that_became_nan_and_one_that_was_stopped_is_not() -> None:
    dice = random.Random(8)
    one, other = parent(dice, end=ONSET + 2), child(dice)
    assert judged(one, other, parent_failed=True).verdict == "improved"
    assert judged(one, other).verdict == "no_evidence"
    assert judged(one, child(dice, level=0.5)).verdict == "improved"


def test_going_on_down_a_slope_is_no_improvement() -> None:
    dice = random.Random(9)
    values = [3 - 0.01 * step + one for step, one in enumerate(noise(dice, END))]
    steps = list(range(END))
    found = judged(
        Curve(steps[: ONSET + 2], values[: ONSET + 2]), Curve(steps[BEGIN + 1 :], values[BEGIN + 1 :])
    )
    assert (found.verdict, found.paired) == ("no_evidence", False)


def test_a_child_that_is_not_finite_is_worse_at_once() -> None:
    dice = random.Random(10)
    other = child(dice, upto=ONSET + 12)
    broken = Curve(other.steps, [*other.values[:-3], NAN, math.inf, NAN])
    found = judged(parent(dice, fault=0.4), broken, metric="loss")
    assert found.verdict == "regressed"
    assert "not finite" in found.text
    assert not any(math.isnan(one) for one in (found.margin, found.before or 0.0, found.after or 0.0))


def test_a_short_parent_is_compared_as_far_as_it_goes() -> None:
    dice = random.Random(11)
    found = judged(parent(dice, fault=0.6, end=ONSET + 16), child(dice))
    assert (found.verdict, found.paired, found.needed) == ("improved", True, 16)


def test_a_step_that_the_child_never_logs_does_not_make_it_wait_for_ever() -> None:
    dice = random.Random(11)
    other = child(dice)
    gap = Curve(
        [s for s in other.steps if s != ONSET + 5],
        [v for s, v in zip(other.steps, other.values, strict=True) if s != ONSET + 5],
    )
    assert judged(parent(dice, fault=0.6, end=ONSET + 16), gap).verdict == "improved"


def test_the_spread_of_runs_without_a_change_is_a_margin() -> None:
    dice = random.Random(12)
    one, other = parent(dice), child(dice, level=0.9)
    assert judged(one, other).verdict == "improved"
    assert judged(one, other, aa_spread=0.05).verdict == "no_evidence"
    assert judged(one, other, aa_spread=0.05).margin == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Curve([], []), Curve([], [])),
        (Curve([1], [1.0]), Curve([], [])),
        (Curve([], []), Curve(list(range(300)), [1.0] * 300)),
        (Curve(list(range(300)), [NAN] * 300), Curve(list(range(300)), [1.0] * 300)),
    ],
)
def test_nothing_to_compare_is_waiting(one: Curve, other: Curve) -> None:
    found = judged(one, other)
    assert (found.verdict, found.effect) == ("waiting", None)


def test_constant_curves_are_compared() -> None:
    steps = list(range(END))
    flat = Curve(steps, [0.0] * END)
    assert judged(flat, flat).verdict == "no_evidence"
    assert judged(Curve(steps, [2.0] * END), Curve(steps, [1.0] * END)).verdict == "improved"


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_less_than_one_in_a_hundred_that_do_nothing_is_called_an_improvement(
    share: float, paired: bool
) -> None:
    dice = random.Random(f"{share} {paired}")
    end = END if paired else ONSET + 3
    told = [judged(parent(dice, end=end, share=share), child(dice, share=share)).verdict for _ in range(150)]
    assert told.count("improved") <= 1
    assert told.count("regressed") <= 3


def test_the_interval_holds_its_promise_on_correlated_noise() -> None:
    dice = random.Random(13)
    means = [block_mean(noise(dice, 50, share=0.5, sigma=1.0)) for _ in range(300)]
    covered = sum(abs(one.mean) < one.half for one in means)
    assert covered > 0.93 * 300


def test_correlation_and_quantiles() -> None:
    dice = random.Random(14)
    assert correlation_time(noise(dice, 500)) < 1.4
    assert 2 < correlation_time(noise(dice, 500, share=0.6)) < 7
    assert correlation_time([1.0] * 50) == correlation_time([]) == 1.0
    assert t_quantile(4) == 2.776
    assert t_quantile(60) == pytest.approx(2.000, abs=0.001)
    assert t_quantile(10_000) == pytest.approx(statistics.NormalDist().inv_cdf(0.975), abs=0.001)


# -- guards -------------------------------------------------------------------------------------


def test_guards_are_silent_on_what_is_well() -> None:
    assert not nonfinite("loss", [1.0] * 30 + [NAN] + [1.0])
    assert not throughput(100.0, 81.0)
    assert not memory(10.0, 10.9)
    assert not evaluation("eval/loss", 1.0, 1.01, direction="min")
    assert not new_alerts(
        [("level_up", "loss")], [("level_up", "loss", "error", "up"), ("plateau", "loss", "info", "flat")]
    )
    assert not exit_code(None)
    assert not exit_code(0)
    assert not throughput(None, 3.0)
    assert not memory(0.0, 3.0)
    assert not evaluation("x", None, 1.0, direction="min")


@pytest.mark.parametrize(
    ("findings", "rule"),
    [
        (nonfinite("loss", [1.0, NAN]), "nonfinite"),
        (nonfinite("loss", [NAN, 1.0, 1.0]), "nonfinite"),
        (throughput(100.0, 79.0), "throughput"),
        (memory(10.0, 11.1), "memory"),
        (evaluation("eval/loss", 1.0, 1.03, direction="min"), "evaluation"),
        (evaluation("eval/acc", 0.9, 0.8, direction="max"), "evaluation"),
        (evaluation("eval/acc", 0.9, NAN, direction="max"), "evaluation"),
        (new_alerts([], [("divergence", "loss", "error", "it diverges")]), "alert"),
        (exit_code(1), "exit"),
        (exit_code(None, 9), "exit"),
    ],
)
def test_guards_end_what_got_worse(findings: list[object], rule: str) -> None:
    assert [(one.rule, one.level) for one in findings] == [(rule, "refuse")]  # type: ignore[attr-defined]


# -- checkpoints ---------------------------------------------------------------------------------


def point(step: int | None, **more: object) -> dict[str, object]:
    return {
        "checkpoint_id": f"c{step}",
        "path": f"/x/{step}",
        "step": step,
        "complete": True,
        "exists": True,
        "time": step or 0,
        **more,
    }


POINTS = [
    point(300),
    point(100),
    point(200, best=True),
    point(150, complete=False),
    point(250, exists=False),
    point(None),
]


@pytest.mark.parametrize(
    ("onset", "margin", "wanted", "step"),
    [
        (None, 30, None, 300),
        (310, 30, None, 200),
        (330, 30, None, 300),
        (229, 30, None, 100),
        (100, 30, None, "none"),
        (100, 30, "latest", 300),
        (100, 30, "best", 200),
        (100, 30, 100, 100),
        (100, 30, "100", 100),
        (100, 30, "c200", 200),
        (100, 30, "/x/300", 300),
        (None, 30, 150, "none"),
        (None, 30, "c250", "none"),
        (None, 30, "nonsense", "none"),
    ],
)
def test_a_checkpoint_is_complete_there_and_from_before_the_fault(
    onset: int | None, margin: int, wanted: str | int | None, step: object
) -> None:
    found = choose_checkpoint(POINTS, onset_step=onset, margin=margin, wanted=wanted)
    assert (found["step"] if found else "none") == step


def test_a_pinned_checkpoint_counts_when_its_own_file_is_gone() -> None:
    gone = [point(50, exists=False, pinned="/pins/50"), point(60, exists=False)]
    found = choose_checkpoint(gone, onset_step=None, margin=0)
    assert found is not None
    assert found["step"] == 50
    assert choose_checkpoint([], onset_step=5, margin=0) is None
