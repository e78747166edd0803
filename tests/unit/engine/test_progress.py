"""How many steps are done, from what was said and what was logged."""

from __future__ import annotations

from typing import Any

import pytest

from opengraphs.engine.logtotal import Place
from opengraphs.engine.progress import known_progress, steps_done, total_of, with_steps_done


@pytest.mark.parametrize(
    ("said", "last_step", "done"),
    [
        ({"total": 300}, None, None),
        ({"total": 300}, 0, 0),
        ({"total": 300}, 105, 105),
        ({"total": 300}, 299, 300),  # the last step of a loop that counts from 0
        ({"total": 300}, 300, 300),  # … and of one that counts from 1
        ({"step": 40, "total": 300}, 105, 105),  # the script spoke a while ago
        ({"step": 200, "total": 300}, 105, 200),  # it logs more rarely than it speaks
        ({"step": 2, "total": 10, "unit": "epoch"}, 4000, 2),
        ({}, 7, 7),
    ],
)
def test_the_further_of_said_and_logged_counts(
    said: dict[str, Any], last_step: int | None, done: int | None
) -> None:
    assert steps_done(said, last_step) == done


def test_run_without_progress_has_none() -> None:
    assert with_steps_done({"progress": None}, 12) is None
    assert with_steps_done({"progress": {"total": 20, "unit": "step"}}, 12) == {
        "total": 20,
        "unit": "step",
        "step": 12,
    }


def test_total_is_asked_of_the_log_only_when_nobody_said_it() -> None:
    asked: list[int | None] = []

    def printed(last_step: int | None) -> int:
        asked.append(last_step)
        return 900

    assert total_of({"progress": {"total": 20}}, 3, printed) == (20, "progress")
    assert total_of({"config": {"max_steps": 30}}, 3, printed) == (30, "config")
    assert total_of({"progress": {"step": 1, "unit": "epoch"}}, 3, printed) == (None, None)
    assert asked == []
    assert total_of({"progress": {"step": 1}}, 3, printed) == (900, "stdout")
    assert asked == [3]
    assert total_of({}, 3, None) == (None, None)


def test_run_that_draws_nothing_but_bars_has_step_and_eta() -> None:
    place = Place(step=300, total=900, per_s=20.0)
    known = known_progress({}, None, lambda _: 900, lambda: place, live=True)
    assert known == {
        "step": 300,
        "total": 900,
        "unit": "step",
        "total_source": "stdout",
        "steps_per_s": 20.0,
        "eta_s": 30.0,
    }
    ended = known_progress({}, None, lambda _: 900, lambda: place)
    assert ended is not None
    assert ended["eta_s"] is None
    assert known_progress({}, 12, lambda _: 900, lambda: place, live=True) == {
        "step": 12,
        "total": 900,
        "unit": "step",
        "total_source": "stdout",
    }


def test_progress_of_a_run_that_said_nothing_is_what_is_known() -> None:
    assert known_progress({}, 12, None) is None
    assert known_progress({"config": {"max_steps": 13}}, 12, None) == {
        "step": 13,
        "total": 13,
        "unit": "step",
        "total_source": "config",
    }
    assert known_progress({"progress": {"step": 40, "unit": "epoch"}}, 12, None) == {
        "step": 40,
        "total": None,
        "unit": "epoch",
        "total_source": None,
    }
