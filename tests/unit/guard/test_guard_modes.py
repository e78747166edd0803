"""What happens unasked: every cell of the table in docs/agent.md, and every limit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from opengraphs.errors import UsageError
from opengraphs.guard.budget import Spent, Used
from opengraphs.guard.finding import Finding
from opengraphs.guard.modes import (
    KINDS,
    MODES,
    RISKS,
    TABLE,
    Attempts,
    Bounds,
    bounds_from,
    judge,
    mode_in_force,
)

PAGE = Path(__file__).resolve().parents[3] / "docs" / "agent.md"
CHANGES = [kind for kind in KINDS if kind != "explain"]
REFUSE, ASK, INFO = (Finding("x", level, "a sentence") for level in ("refuse", "ask", "info"))  # type: ignore[arg-type]


def decided(
    mode: str,
    kind: str = "patch",
    risk: str = "low",
    *findings: Finding,
    attempts: Attempts = Attempts(),  # noqa: B008  # it cannot be changed
    budget: Spent = Spent(),  # noqa: B008
) -> str:
    judged = judge(mode, kind, risk, findings, attempts=attempts, budget=budget)
    if judged.decision != "allow":
        told = [one for one in judged.findings if one.level == judged.decision]
        assert told, "somebody has to be told why"
        assert all(len(one.text.split()) > 1 for one in told)
    return judged.decision


def documented() -> dict[tuple[str, str], tuple[str, ...]]:
    rows = re.findall(
        r"^\| `(\w+)` \| `(\w+)` \| (\w+) \| (\w+) \| (\w+) \| (\w+) \|$", PAGE.read_text(), re.MULTILINE
    )
    return {(mode, kind): tuple(cells) for mode, kind, *cells in rows}


def test_the_page_has_the_table() -> None:
    assert documented() == TABLE


def test_the_table_has_every_cell() -> None:
    assert set(TABLE) == {(mode, kind) for mode in MODES for kind in KINDS}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("risk", RISKS)
def test_every_cell(mode: str, kind: str, risk: str) -> None:
    assert decided(mode, kind, risk) == documented()[mode, kind][RISKS.index(risk)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("risk", RISKS)
def test_what_is_refused_is_refused_in_every_mode(mode: str, kind: str, risk: str) -> None:
    assert decided(mode, kind, risk, INFO, ASK, REFUSE) == "refuse"


@pytest.mark.parametrize(
    ("mode", "decision"),
    [("off", "refuse"), ("explain", "refuse"), ("propose", "ask"), ("guarded", "ask"), ("full", "allow")],
)
def test_what_is_to_be_asked_is_asked_but_in_full(mode: str, decision: str) -> None:
    assert decided(mode, "patch", "low", ASK) == decision


def test_a_word_by_the_way_changes_nothing() -> None:
    assert decided("guarded", "patch", "low", INFO) == "allow"


OUT_OF_BOUNDS = [
    ("incident", Attempts(incident_patches=2), Spent()),
    ("run", Attempts(run_patches=3), Spent()),
    ("cool-down", Attempts(since_last_s=599), Spent()),
    ("tokens", Attempts(), Spent(incident=Used(tokens=200_000))),
    ("money", Attempts(), Spent(run=Used(usd=10.0))),
    ("time", Attempts(), Spent(day=Used(llm_s=6000))),
    ("attempts", Attempts(), Spent(incident=Used(attempts=4))),
]


@pytest.mark.parametrize(
    ("attempts", "spent"), [row[1:] for row in OUT_OF_BOUNDS], ids=[row[0] for row in OUT_OF_BOUNDS]
)
@pytest.mark.parametrize(
    ("mode", "decision"),
    [("off", "refuse"), ("explain", "refuse"), ("propose", "ask"), ("guarded", "ask"), ("full", "refuse")],
)
def test_out_of_bounds_nothing_happens_by_itself(
    attempts: Attempts, spent: Spent, mode: str, decision: str
) -> None:
    assert decided(mode, attempts=attempts, budget=spent) == decision
    assert decided(mode, "explain", attempts=attempts, budget=spent) == "allow"


def test_within_the_bounds_it_goes_on() -> None:
    attempts = Attempts(incident_patches=1, run_patches=2, rollbacks=1, since_last_s=600)
    assert decided("guarded", attempts=attempts) == decided("full", attempts=attempts) == "allow"


def test_patches_are_counted_and_restarts_are_not() -> None:
    attempts = Attempts(incident_patches=9, run_patches=9)
    assert decided("guarded", "restart", attempts=attempts) == "allow"


@pytest.mark.parametrize("mode", ["guarded", "full"])
@pytest.mark.parametrize("kind", CHANGES)
def test_after_two_rollbacks_a_person_is_asked(mode: str, kind: str) -> None:
    assert decided(mode, kind, "none", attempts=Attempts(rollbacks=2)) == "ask"
    assert mode_in_force(mode, Attempts(rollbacks=2)) == "propose"


@pytest.mark.parametrize("mode", ["off", "explain", "propose"])
def test_rollbacks_raise_no_mode(mode: str) -> None:
    assert mode_in_force(mode, Attempts(rollbacks=9)) == mode


@pytest.mark.parametrize(
    ("mode", "kind", "risk"),
    [
        ("auto", "patch", "low"),
        ("full", "shell", "low"),
        ("full", "patch", "tiny"),
        ("", "", ""),
        ("FULL", "patch", "low"),
    ],
)
def test_what_nobody_knows_is_refused(mode: str, kind: str, risk: str) -> None:
    assert decided(mode, kind, risk) == "refuse"


def test_settings_override_the_bounds_they_name() -> None:
    bounds = bounds_from({"bounds": {"cool_down_s": 5, "patches_an_incident": 1}})
    assert bounds == Bounds()._replace(cool_down_s=5, patches_an_incident=1)
    assert bounds_from({}) == Bounds()
    assert decided("guarded", attempts=Attempts(since_last_s=6, bounds=bounds)) == "allow"
    assert decided("guarded", attempts=Attempts(incident_patches=1, bounds=bounds)) == "ask"


@pytest.mark.parametrize(
    "bounds",
    [
        3,
        {"tries": 1},
        {"patches_a_run": 31},
        {"patches_a_run": 1.5},
        {"rollbacks": -1},
        {"rollbacks": True},
        {"cool_down_s": "10m"},
        {"cool_down_s": float("nan")},
    ],
    ids=str,
)
def test_wrong_bounds_are_refused(bounds: Any) -> None:
    with pytest.raises(UsageError, match=r"\[agent\.bounds"):
        bounds_from({"bounds": bounds})
