"""From finding to alert: one story once, again when it comes back, never too often."""

from __future__ import annotations

import pytest
from alerts_kit import LIVE, T0, changed, falling, feed, fired, said

from opengraphs.alerts.finding import Finding
from opengraphs.alerts.incident import HOUR_S, Incidents, Silence
from opengraphs.alerts.watch import RunWatch


def hot(
    detector: str, metric: str = "", at: float = T0, *, level: str = "warn", place: int | None = None
) -> Finding:
    return Finding(
        detector, metric, True, int(at - T0), at, int(at - T0), level, f"{detector}!", "", {}, place
    )  # type: ignore[arg-type]


def cold(detector: str, metric: str = "", at: float = T0, *, place: int | None = None) -> Finding:
    return Finding(detector, metric, False, int(at - T0), at, place=place)


def states(incidents: Incidents) -> list[tuple[str, str]]:
    found = [(event["detector"], event["state"]) for event in incidents.events]
    incidents.events.clear()
    return found


def test_it_fires_once_while_it_lasts_and_is_resolved_once():
    incidents = Incidents()
    for second in range(5):
        incidents.take(hot("level_up", "loss", T0 + second))
    incidents.take(cold("level_up", "loss", T0 + 9))
    incidents.take(cold("level_up", "loss", T0 + 10))
    assert states(incidents) == [("level_up", "firing"), ("level_up", "resolved")]


def test_within_the_cooldown_it_is_the_same_alert_and_later_another():
    incidents = Incidents()
    names = []
    for start in (0, 300, 3000):
        incidents.take(hot("level_up", "loss", T0 + start, place=start * 10))
        incidents.take(cold("level_up", "loss", T0 + start + 5, place=start * 10 + 5))
        names.append(incidents.events[-1]["alert_id"])
    assert names[0] == names[1] != names[2]
    assert incidents.events[3]["evidence"]["count"] == 2


def test_a_lesser_finding_is_noted_beside_a_graver_one():
    incidents = Incidents()
    incidents.take(hot("nonfinite", "loss", level="error"))
    incidents.take(hot("grad_explosion", "grad_norm", T0 + 1))
    incidents.take(hot("divergence", "loss", T0 + 2, level="error"))
    assert states(incidents) == [("nonfinite", "firing")]


def test_a_chain_is_resolved_when_all_of_it_is_over():
    incidents = Incidents()
    incidents.take(hot("level_up", "loss"))
    incidents.take(hot("grad_explosion", "grad_norm", T0 + 1))
    incidents.take(cold("level_up", "loss", T0 + 2))
    assert states(incidents) == [("level_up", "firing")]
    incidents.take(cold("grad_explosion", "grad_norm", T0 + 3))
    assert states(incidents) == [("level_up", "resolved")]


def test_three_pages_an_hour_and_then_a_digest():
    incidents = Incidents()
    for number in range(6):
        incidents.take(hot(f"rule:{number}", "loss", T0 + number))
    assert [event["page"] for event in incidents.events] == [True] * 3 + [False] * 3
    incidents.events.clear()
    incidents.tick(T0 + HOUR_S - 1)
    assert incidents.events == []
    incidents.tick(T0 + HOUR_S + 1)
    assert incidents.events[0]["title"] == "3 more alerts within an hour"
    assert incidents.events[0]["page"] is True


def test_an_info_rings_nowhere():
    incidents = Incidents()
    incidents.take(hot("plateau", "loss", level="info"))
    assert "page" not in incidents.events[0]


@pytest.mark.parametrize(
    ("silence", "told"),
    [
        ({}, False),
        ({"detector": "level_up"}, False),
        ({"metric": "loss"}, False),
        ({"detector": "stall"}, True),
        ({"metric": "other"}, True),
        ({"until": T0 - 1}, True),
        ({"until": T0 + 60}, False),
    ],
)
def test_what_is_silenced_is_not_told_of(silence: dict[str, object], told: bool):
    incidents = Incidents()
    incidents.silences = [Silence(silence)]
    incidents.take(hot("level_up", "loss"))
    assert bool(incidents.events) is told


def test_what_is_still_hot_fires_when_the_silence_ends():
    incidents = Incidents()
    incidents.silences = [Silence({"until": T0 + 10})]
    for second in range(0, 20, 5):
        incidents.take(hot("level_up", "loss", T0 + second))
    assert [event["step"] for event in incidents.events] == [10]


def test_a_jump_of_the_learning_rate_makes_it_a_question():
    watch = RunWatch()
    for step, value in enumerate(changed(falling(500), 400, lambda value: value * 1.15)):
        watch.point("lr", step, T0 + step, 1e-3 if step < 398 else 1e-2)
        watch.point("loss", step, T0 + step, value)
    event = next(event for event in fired(watch) if event["detector"] == "level_up")
    assert event["level"] == "info"
    assert "learning rate rose" in event["text"]


def test_a_run_that_goes_on_from_a_checkpoint_is_judged_as_it_stood_there():
    watch = RunWatch()
    values = changed(falling(500), 420, lambda value: value * 1.5)
    feed(watch, "loss", values)
    assert said(watch)[0][0] == "level_up"
    feed(watch, "loss", falling(200, seed=9)[:1], start=350)
    for step in range(350, 500):
        watch.point("loss", step, T0 + 600 + step, falling(500, seed=7)[step])
    assert [event["state"] for event in watch.take()][:1] == ["resolved"]
    assert said(watch) == []


def test_a_late_point_is_no_restart():
    watch = RunWatch()
    values = changed(falling(500), 400, lambda value: value * 1.3)
    for step, value in enumerate(values):
        watch.point("loss", step, T0 + step, value)
        if step % 50 == 20:
            watch.point("loss", step - 7, T0 + step, 9.0)
    events = [event for event in watch.take() if event["detector"] in ("level_up", "divergence")]
    assert events[0]["state"] == "firing"
    assert 400 <= events[0]["step"] <= 415


def test_a_clock_that_jumps_changes_no_verdict():
    told = []
    for jump in (0.0, -5000.0, 90_000.0):
        watch = RunWatch()
        for step, value in enumerate(changed(falling(500), 400, lambda value: value * 1.3)):
            watch.point("loss", step, T0 + step + (jump if step > 250 else 0.0), value)
        told.append([one for one in said(watch) if one[0] in ("level_up", "divergence")])
    assert told[0] == told[1] == told[2]


def test_ranks_count_as_their_mean_whatever_comes_first():
    told = []
    for order in ((0, 1, 2, 3), (3, 1, 0, 2)):
        watch = RunWatch()
        for step, value in enumerate(changed(falling(500), 400, lambda value: value * 1.3)):
            for rank in order:
                watch.point("loss", step, T0 + step, value + rank * 0.01, rank=rank, ranks=4)
        watch.tick(T0 + 500, LIVE)
        told.append([one for one in said(watch) if one[1] != "info"])
    assert told[0] == told[1]
    assert told[0][0][0] == "level_up"
