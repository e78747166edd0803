"""Runs that a shell offers to complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from opengraphs.cli import completing

PARAM = click.Argument(["run"])


def offered(store: Path, typed: str) -> list[tuple[str, str | None]]:
    ctx = click.Context(click.Command("show"))
    ctx.params["store"] = str(store)
    return [(item.value, item.help) for item in completing.runs(ctx, PARAM, typed)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for run_id, name in (("20270115-075900-k7f3", "old"), ("20270116-075900-k9aa", "new")):
        folder = tmp_path / "runs" / run_id
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"name": name}))
    (tmp_path / "runs" / "20270117-000000-zzzz").mkdir()
    return tmp_path


def test_newest_run_comes_first_with_its_name_beside_it(store: Path) -> None:
    assert offered(store, "2027") == [
        ("20270117-000000-zzzz", None),
        ("20270116-075900-k9aa", "new"),
        ("20270115-075900-k7f3", "old"),
    ]


def test_last_part_of_the_id_is_enough(store: Path) -> None:
    assert offered(store, "k") == [("k9aa", "new"), ("k7f3", "old")]


def test_no_name_is_read_once_the_time_is_up(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "BUDGET_S", -1.0)
    assert offered(store, "k7") == [("k7f3", None)]


def test_no_more_than_the_cap_is_offered(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "MAX_ITEMS", 2)
    assert len(offered(store, "2027")) == 2


def test_store_that_is_not_there_offers_nothing(tmp_path: Path) -> None:
    assert offered(tmp_path / "none", "") == []


def test_damaged_run_json_costs_only_the_name(store: Path) -> None:
    (store / "runs" / "20270115-075900-k7f3" / "run.json").write_text("[1")
    assert offered(store, "k7") == [("k7f3", None)]


def test_settings_and_what_they_may_be() -> None:
    def offered(complete: Any, typed: str, **params: Any) -> list[str]:
        ctx = click.Context(click.Command("set"))
        ctx.params = params
        return [item.value for item in complete(ctx, PARAM, typed)]

    assert offered(completing.settings, "ui.m") == ["ui.mode", "ui.mouse"]
    assert offered(completing.setting_values, "", name="ui.mouse") == ["true", "false"]
    assert offered(completing.setting_values, "b", name="ui.glyphs") == ["braille", "block"]
    assert "colorblind" in offered(completing.setting_values, "c", name="ui.theme")
    assert offered(completing.setting_values, "", name="nothing") == []
