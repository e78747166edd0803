"""Words of a command line before click sees them."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.cli import words
from opengraphs.errors import NotFoundError, UsageError


@pytest.mark.parametrize(
    ("given", "arranged"),
    [
        ([], ["view"]),
        (["list"], ["list"]),
        (["-r", "train.py"], ["run", "train.py"]),
        (["-t", "k7f3", "-n", "5"], ["tail", "k7f3", "-n", "5"]),
        (["--store", "X", "list", "--json"], ["list", "--store", "X", "--json"]),
        (["--store=X", "list"], ["list", "--store=X"]),
        (["--graphs", "loss"], ["view", "--graphs", "loss"]),
        (["--version"], ["--version"]),
        (["help", "run"], ["run", "--help"]),
        (["help"], ["help"]),
        (["--help"], ["--help"]),
        (["."], ["view", "."]),
    ],
)
def test_arranged_command_comes_first(given: list[str], arranged: list[str]) -> None:
    assert words.arrange(given) == arranged


def test_words_of_the_users_program_stay_as_they_are() -> None:
    given = ["run", "--graphs", "loss", "--", "prog", "--graphs", "{a,", "b}"]
    assert words.arrange(given) == given


def test_unknown_command_names_the_nearest() -> None:
    with pytest.raises(UsageError) as raised:
        words.arrange(["lst"])
    assert raised.value.exit_code == 2
    assert "did you mean list?" in raised.value.hint


def test_file_is_no_command_and_says_how_to_run_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").touch()
    with pytest.raises(UsageError) as raised:
        words.arrange(["train.py"])
    assert raised.value.hint == "to run it: og run train.py"


def test_path_that_leads_nowhere_is_not_found() -> None:
    with pytest.raises(NotFoundError) as raised:
        words.arrange(["no/such/folder"])
    assert raised.value.exit_code == 3


@pytest.mark.parametrize(
    "given",
    [
        ["--graphs", "reward", "--graphs", "loss"],
        ["--graphs", "reward,loss"],
        ["--graphs", "{reward, loss}"],
        ["--graphs", "{reward,", "loss}"],
        ["--graphs={reward,", "loss}"],
        ["--graphs", "reward, loss"],
    ],
)
def test_three_spellings_of_graphs_mean_the_same(given: list[str]) -> None:
    joined = words.join_braces([*given, "prog"])
    assert joined[-1] == "prog"
    values = tuple(word.removeprefix("--graphs=") for word in joined[:-1] if word != "--graphs")
    assert words.split_graphs(values) == ["reward", "loss"]


def test_brace_that_never_closes_takes_what_there_is() -> None:
    assert words.join_braces(["--graphs", "{a,", "b"]) == ["--graphs", "{a, b"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["list", "--json"], True),
        (["--json", "list"], True),
        (["list"], False),
        (["run", "prog", "--json"], False),
        (["-r", "prog", "--json"], False),
        (["tail", "--", "--json"], False),
    ],
)
def test_json_errors_are_asked_for_by_ogs_own_words(given: list[str], wanted: bool) -> None:
    assert words.wants_json(given) is wanted
