"""How many steps are done, from what was said and what was logged."""

from __future__ import annotations

from typing import Any

import pytest

from opengraphs.engine.progress import steps_done, with_steps_done


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
