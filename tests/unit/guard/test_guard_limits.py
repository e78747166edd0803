"""Budgets, the kill switch, and settings that a restart may change."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengraphs.errors import StoreError, UsageError
from opengraphs.guard import killswitch
from opengraphs.guard.budget import Budget, Limits, Spent, Used, findings, from_settings, may_ask_model, money
from opengraphs.guard.finding import Finding
from opengraphs.guard.killswitch import clear_stop, set_stop, stopped_by
from opengraphs.guard.overrides import check, risk_of

# budgets


def rules(spent: Spent) -> list[tuple[str, str]]:
    return [(one.rule, one.level) for one in findings(spent)]


def test_within_four_fifths_nothing_is_said() -> None:
    used = Used(tokens=159_999, usd=1.59, llm_s=479, attempts=3)
    assert findings(Spent(used, used, used)) == []
    assert may_ask_model(Spent(used, used, used)) is None


def test_from_four_fifths_on_a_warning_and_then_a_question() -> None:
    assert rules(Spent(incident=Used(tokens=160_000))) == [("budget_tokens", "info")]
    assert rules(Spent(incident=Used(tokens=200_000))) == [("budget_tokens", "ask")]
    assert rules(Spent(day=Used(llm_s=5000, usd=25))) == [("budget_usd", "ask"), ("budget_llm_s", "info")]
    assert may_ask_model(Spent(incident=Used(tokens=160_000))) is None
    asked = may_ask_model(Spent(incident=Used(tokens=200_000)))
    assert asked is not None
    assert asked.text == "200 000 of 200 000 tokens are used for this incident"


def test_attempts_do_not_silence_the_model() -> None:
    assert may_ask_model(Spent(run=Used(attempts=8))) is None
    assert rules(Spent(run=Used(attempts=8))) == [("budget_attempts", "ask")]


def test_a_cap_in_money_holds_where_no_price_is_known() -> None:
    used = Used().plus(150_000, None, 1.0).plus(50_000, 0.5, 2.0)
    assert used == Used(200_000, 0.5, 3.0, 0, 150_000)
    assert money(used) == pytest.approx(2.0)
    (_, usd) = findings(Spent(incident=used))
    assert (usd.rule, usd.level) == ("budget_usd", "ask")
    assert "the price is not known" in usd.text
    small = from_settings({"budget": {"incident": {"usd": 0.1}}})
    capped = may_ask_model(Spent(incident=Used(tokens=10_000, unpriced_tokens=10_000), budget=small))
    assert capped is not None


def test_settings_override_what_they_name() -> None:
    budget = from_settings({"budget": {"incident": {"tokens": 1000}, "day": {"usd": 1}}})
    assert budget.incident == Budget().incident._replace(tokens=1000)
    assert budget.day == Budget().day._replace(usd=1)
    assert (budget.run, from_settings({})) == (Budget().run, Budget())


def test_a_limit_of_nothing_allows_nothing() -> None:
    none = Budget(Limits(0, 0, 0, 0))
    assert {level for _, level in rules(Spent(budget=none))} == {"ask"}


@pytest.mark.parametrize(
    "budget",
    [
        3,
        {"week": {}},
        {"run": 3},
        {"run": {"euros": 1}},
        {"run": {"usd": -1}},
        {"run": {"usd": float("inf")}},
        {"run": {"usd": float("nan")}},
        {"run": {"usd": "2"}},
        {"run": {"tokens": 1.5}},
        {"run": {"tokens": True}},
    ],
    ids=str,
)
def test_wrong_budgets_are_refused(budget: Any) -> None:
    with pytest.raises(UsageError, match=r"\[agent\.budget"):
        from_settings({"budget": budget})


# the kill switch


def stopped(tmp_path: Path, env: dict[str, str] | None = None, run_switch: bool = False) -> str:
    root = tmp_path / "project"
    return stopped_by(store=tmp_path / "store", root=root, env=env or {}, run_switch=run_switch)


@pytest.fixture
def places(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    (tmp_path / "project" / ".opengraphs").mkdir(parents=True)
    return tmp_path


def test_nothing_stops_it_where_nothing_is(places: Path) -> None:
    assert stopped(places) == ""
    assert stopped_by(store=places / "store", root=None, env={}, run_switch=False) == ""
    assert stopped_by(store=places / "no", root=places / "no", env={}, run_switch=False) == ""


def test_each_place_stops_it_by_itself(places: Path) -> None:
    assert stopped(places, {"OG_AUTO_DISABLE": "1"}) == "OG_AUTO_DISABLE is set"
    assert stopped(places, run_switch=True) == "stopped for this run"
    (places / "project" / ".opengraphs" / "STOP").touch()
    assert stopped(places) == f"{places}/project/.opengraphs/STOP exists"
    (places / "store" / "STOP").symlink_to("nowhere")
    assert stopped(places) == f"{places}/store/STOP exists"


@pytest.mark.parametrize(
    ("value", "off"), [("", True), ("0", True), (" No ", True), ("1", False), ("yes", False), ("?", False)]
)
def test_the_variable(places: Path, value: str, off: bool) -> None:
    assert (stopped(places, {"OG_AUTO_DISABLE": value}) == "") is off


def test_set_and_released(places: Path) -> None:
    for _ in range(2):
        set_stop(places / "store", "it went \ud800 wrong")
    assert stopped(places) != ""
    for _ in range(2):
        clear_stop(places / "store")
    assert stopped(places) == ""


def test_a_switch_that_cannot_be_moved_says_so(places: Path) -> None:
    (places / "store" / "STOP").mkdir()
    for move in (set_stop, clear_stop):
        with pytest.raises(StoreError, match="the kill switch could not be"):
            move(places / "store")
    assert stopped(places) != ""


def test_where_it_cannot_be_told_it_is_on(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(killswitch.Path, "lstat", denied)
    assert "cannot be looked at" in stopped(places)


# settings that a restart may change

CONFIG = {
    "lr": 0.1,
    "optim": {"name": "adam", "betas": {"one": 0.9}},
    "amp": True,
    "eval/every": 10,
    "seed": 7,
}
COMMAND = ["python", "train.py", "--batch-size", "32", "--warmup=100", "+data.shuffle=true", "-v"]


def found(overrides: dict[str, Any]) -> list[Finding]:
    return check(overrides, config=CONFIG, command=COMMAND)


@pytest.mark.parametrize(
    "overrides",
    [
        {"lr": 0.01},
        {"lr": 1},
        {"optim.betas.one": 0.95},
        {"amp": False},
        {"batch-size": 16},
        {"batch_size": 16},
        {"warmup": 200},
        {"data.shuffle": False},
        {"lr": 0.01, "batch_size": 64},
    ],
    ids=str,
)
def test_settings_that_the_run_knows(overrides: dict[str, Any]) -> None:
    assert found(overrides) == []
    assert risk_of([]) == "low"


@pytest.mark.parametrize(
    ("overrides", "rule"),
    [
        ({}, "override_empty"),
        ({f"n{n}": 1 for n in range(17)}, "override_many"),
        ({"momentum": 0.9}, "override_unknown"),
        ({"optim": 1}, "override_unknown"),
        ({"LD_PRELOAD": "x"}, "override_unknown"),
        ({"train.py": 1}, "override_unknown"),
        ({"--lr": 1}, "override_name"),
        ({"lr; rm -rf /": 1}, "override_name"),
        ({"": 1}, "override_name"),
        ({"l" * 121: 1}, "override_name"),
        ({"lr\n": 1}, "override_name"),
        ({"api_key": "x"}, "override_secret"),
        ({"lr": float("nan")}, "override_value"),
        ({"lr": float("inf")}, "override_value"),
        ({"lr": 10**400}, "override_value"),
        ({"lr": [0.1]}, "override_value"),
        ({"lr": {"a": 1}}, "override_value"),
        ({"lr": None}, "override_value"),
        ({"optim.name": "x" * 201}, "override_value"),
        ({"optim.name": "a\x1b[2J"}, "override_value"),
        ({"optim.name": "a\u202eb"}, "override_value"),
        ({"lr": "small"}, "override_type"),
        ({"optim.name": 3}, "override_type"),
        ({"batch-size": 16, "batch_size": 32}, "override_twice"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_settings_that_are_refused(overrides: dict[str, Any], rule: str) -> None:
    assert (rule, "refuse") in [(one.rule, one.level) for one in found(overrides)]


@pytest.mark.parametrize(
    ("overrides", "rule", "risk"),
    [
        ({"optim.name": "sgd"}, "override_text", "high"),
        ({"eval/every": 20}, "override_judge", "high"),
        ({"seed": 8}, "override_judge", "high"),
        ({"lr": 11.0}, "override_far", "medium"),
        ({"lr": -0.1}, "override_far", "medium"),
        ({"lr": 0.0001}, "override_far", "medium"),
    ],
    ids=str,
)
def test_settings_that_are_asked_for(overrides: dict[str, Any], rule: str, risk: str) -> None:
    (one,) = found(overrides)
    assert (one.rule, one.level) == (rule, "ask")
    assert risk_of([one]) == risk


def test_a_setting_that_is_so_already_is_told() -> None:
    assert [(one.rule, one.level) for one in found({"lr": 0.1})] == [("override_same", "info")]


@given(
    st.dictionaries(
        st.text(max_size=8) | st.sampled_from(["lr", "optim.name", "seed", "amp"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=8)
        | st.lists(st.integers()),
        max_size=5,
    )
)
def test_anything_is_judged_in_words(overrides: dict[str, Any]) -> None:
    for one in found(overrides):
        assert one.text.isprintable()
