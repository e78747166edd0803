"""Ranks that lag, fall silent, end, or never came."""

from __future__ import annotations

import numpy as np
import pytest

from opengraphs.engine.rankstate import Habit, Writer, habit_of, missing_ranks, states

NOW = 1_763_803_812.0
SECOND = Habit(1.0, 1.2, 1.0)


def writer(rank: int, step: int | None, *, ago_s: float = 0.5, **more: object) -> Writer:
    known = Writer(rank, 0, "", step, None if step is None else NOW - ago_s, True, SECOND)
    return known._replace(**more)


def words(*writers: Writer, live: bool = True) -> list[str]:
    return [state.state for state in states(writers, live=live, now_s=NOW)]


def test_ranks_side_by_side_are_well() -> None:
    found = states([writer(0, 100), writer(1, 99), writer(2, 98)], live=True, now_s=NOW)
    assert [state.lag_steps for state in found] == [0, 1, 2]
    assert [state.state for state in found] == ["ok", "ok", "ok"]
    assert found[0].silent_s == 0.5


def test_rank_that_falls_behind_lags() -> None:
    assert words(writer(0, 100), writer(1, 90)) == ["ok", "lagging"]


@pytest.mark.parametrize(
    ("habit", "lag", "word"),
    [
        (Habit(0.001, 0.01, 1.0), 500, "ok"),  # half a second of steps: journals are read in turn
        (Habit(0.001, 0.01, 1.0), 5000, "lagging"),
        (Habit(60.0, 70.0, 500.0), 1000, "ok"),  # two points of a rank that logs every 500 steps
        (Habit(60.0, 70.0, 500.0), 1500, "lagging"),
        (Habit(None, None, None), 1500, "ok"),  # nothing is known of it yet
    ],
)
def test_lag_is_measured_by_the_habit_of_the_rank(habit: Habit, lag: int, word: str) -> None:
    late = writer(1, 10_000 - lag, habit=habit)
    assert words(writer(0, 10_000), late) == ["ok", word]


@pytest.mark.parametrize(
    ("habit", "ago_s", "word"),
    [
        (SECOND, 9.0, "ok"),
        (SECOND, 11.0, "silent"),
        (Habit(0.01, 0.05, 1.0), 9.0, "ok"),  # ten seconds are nothing, whatever the pace
        (Habit(60.0, 70.0, 1.0), 599.0, "ok"),
        (Habit(60.0, 70.0, 1.0), 601.0, "silent"),
        (Habit(1.0, 300.0, 1.0), 599.0, "ok"),  # it has paused for an evaluation before
        (Habit(1.0, 300.0, 1.0), 601.0, "silent"),
        (Habit(None, None, None), 599.0, "ok"),
        (Habit(None, None, None), 601.0, "silent"),
    ],
)
def test_silence_is_measured_by_the_habit_of_the_rank(habit: Habit, ago_s: float, word: str) -> None:
    assert words(writer(0, 100, habit=habit, ago_s=ago_s)) == [word]


def test_silent_before_lagging() -> None:
    assert words(writer(0, 100), writer(1, 10, ago_s=90)) == ["ok", "silent"]


def test_ended_ranks_are_not_silent_and_keep_their_lag() -> None:
    found = states([writer(0, 100, ago_s=9000), writer(1, 60, ago_s=9000)], live=False, now_s=NOW)
    assert [tuple(state) for state in found] == [(0, None, "ended"), (40, None, "ended")]


def test_writer_that_let_go_of_its_journal_has_ended_once_it_is_quiet() -> None:
    gone = writer(1, 50, ago_s=60, alive=False)
    elsewhere = writer(2, 100, alive=False)  # its lock cannot be seen from here, its points can
    assert words(writer(0, 100), gone, elsewhere) == ["ok", "ended", "ok"]
    assert words(writer(0, None, alive=False)) == ["ended"]
    assert words(writer(0, None)) == ["ok"]


def test_earlier_attempts_have_ended_and_set_no_pace() -> None:
    writers = [writer(0, 900), writer(1, 900), writer(0, 40, attempt=1), writer(1, 39, attempt=1)]
    found = states(writers, live=True, now_s=NOW)
    assert [state.state for state in found] == ["ended", "ended", "ok", "ok"]
    assert [state.lag_steps for state in found] == [None, None, 0, 1]


def test_mirrors_are_compared_with_mirrors() -> None:
    assert words(writer(0, 5000), writer(0, 10, branch="mirror-")) == ["ok", "ok"]


def test_habit_is_typical_and_not_shaken_by_one_pause_or_a_clock_set_back() -> None:
    steps = np.arange(0, 1000, 10)
    times = np.cumsum(np.where(steps == 500, 120.0, 2.0))
    assert habit_of(steps, times) == (2.0, 120.0, 10.0)
    times[60:] -= 500
    assert habit_of(steps, times) == (2.0, 120.0, 10.0)
    assert habit_of(steps[:2], times[:2]) == (None, None, None)
    assert habit_of(steps[:0], times[:0]) == (None, None, None)


def test_missing_ranks_are_those_below_the_world_size() -> None:
    assert missing_ranks([0, 2], 4) == [1, 3]
    assert missing_ranks([0], 1) == []
    assert missing_ranks([0], None) == []
    assert missing_ranks([5], 2) == [0, 1]
    assert len(missing_ranks([], 10**9)) == 4096
