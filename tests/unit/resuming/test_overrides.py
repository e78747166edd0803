"""Settings that a resumed run shall have another value of."""

from __future__ import annotations

from typing import Any

import pytest

from opengraphs.errors import UsageError
from opengraphs.resuming import overrides
from opengraphs.resuming.scripts import Script


def script(flags: set[str] = frozenset(), bare: set[str] = frozenset()) -> Script:  # type: ignore[assignment]
    return Script("train.py", "", False, [], "", "", frozenset(flags) | frozenset(bare), frozenset(bare))


@pytest.mark.parametrize(
    ("pair", "setting"),
    [
        ("lr=1e-4", {"lr": 1e-4}),
        ("depth=12", {"depth": 12}),
        ("name=x=y", {"name": "x=y"}),
        ("amp=true", {"amp": True}),
        ("sched=none", {"sched": None}),
        ("betas=[0.9, 0.95]", {"betas": [0.9, 0.95]}),
        ("odd=[1", {"odd": "[1"}),
        ("empty=", {"empty": ""}),
        ("model.depth=2", {"model.depth": 2}),
    ],
)
def test_pairs(pair: str, setting: dict[str, Any]) -> None:
    assert overrides.parse([pair]) == setting


@pytest.mark.parametrize("pair", ["lr", "=1", " =1"])
def test_pairs_that_are_none(pair: str) -> None:
    with pytest.raises(UsageError):
        overrides.parse([pair])


@pytest.mark.parametrize("value", [[], "lr=1", {"": 1}, {"a": "\0"}, {str(n): 0 for n in range(101)}])
def test_requests_that_are_none(value: Any) -> None:
    with pytest.raises(UsageError):
        overrides.checked(value)


@pytest.mark.parametrize(
    ("command", "given", "after"),
    [
        (["t", "--lr", "1e-3"], {"lr": 1e-4}, ["t", "--lr", "0.0001"]),
        (["t", "--lr=1e-3"], {"lr": 1e-4}, ["t", "--lr=0.0001"]),
        (["t", "lr=1e-3"], {"lr": 1e-4}, ["t", "lr=0.0001"]),
        (["t", "++opt.lr=1e-3"], {"opt.lr": 1e-4}, ["t", "++opt.lr=0.0001"]),
        (["t", "--batch-size", "8"], {"batch_size": 16}, ["t", "--batch-size", "16"]),
        (["t", "--name", "a"], {"name": "b c"}, ["t", "--name", "b c"]),
        (["t"], {"lr": 1e-4}, ["t"]),
    ],
)
def test_what_stands_in_the_command_is_replaced(
    command: list[str], given: dict[str, Any], after: list[str]
) -> None:
    words, placed = overrides.with_overrides(command, given, script())
    assert words == after
    assert placed == ([] if after == ["t"] else list(given))


def test_a_flag_of_the_source_is_added() -> None:
    words, placed = overrides.with_overrides(["t"], {"lr": 1e-4, "x": 1}, script({"--lr"}))
    assert (words, placed) == (["t", "--lr", "0.0001"], ["lr"])


def test_a_setting_that_argparse_read_is_added() -> None:
    assert overrides.with_overrides(["t"], {"lr": 2}, script(), {"lr"})[0] == ["t", "--lr", "2"]
    assert overrides.with_overrides(["t"], {"two_words": 2}, script(), {"two_words"})[0] == ["t"]


@pytest.mark.parametrize(
    ("command", "value", "after"),
    [
        (["t"], True, ["t", "--amp"]),
        (["t", "--amp", "x"], True, ["t", "--amp", "x"]),
        (["t", "--amp", "x"], False, ["t", "x"]),
        (["t"], False, ["t"]),
    ],
)
def test_switches_are_switched(command: list[str], value: bool, after: list[str]) -> None:
    assert overrides.with_overrides(command, {"amp": value}, script(bare={"--amp"}))[0] == after
