"""Names and command lines of runs that go on from others."""

from __future__ import annotations

import pytest

from opengraphs.runner.succession import (
    filled,
    find_argument,
    is_crash,
    next_name,
    replaced,
    restored,
    with_arguments,
)
from opengraphs.sdk.redact import redact_command


@pytest.mark.parametrize(
    ("name", "after"),
    [("gpt", "gpt-r1"), ("gpt-r1", "gpt-r2"), ("gpt-r9", "gpt-r10"), ("a-r1-b", "a-r1-b-r1"), ("-r1", "-r2")],
)
def test_names_are_counted(name: str, after: str) -> None:
    assert next_name(name) == after


@pytest.mark.parametrize(
    ("record", "asked", "crashed"),
    [
        ({"code": 1}, False, True),
        ({"code": None, "signal": 9}, False, True),
        ({"code": 0}, False, False),
        ({"code": None, "signal": 2}, False, False),
        ({"code": 130}, False, False),
        ({"code": 1, "stopped": True}, False, False),
        ({"code": 1}, True, False),
    ],
)
def test_only_an_end_that_nobody_wanted_is_a_crash(
    record: dict[str, object], asked: bool, crashed: bool
) -> None:
    assert is_crash(record, asked=asked) is crashed


TRAIN = ["python", "train.py", "--lr", "1e-3", "--resume=old.pt", "seed=1", "--amp"]


@pytest.mark.parametrize(
    ("arguments", "after"),
    [
        (["--resume_from_checkpoint", "/c"], [*TRAIN, "--resume_from_checkpoint", "/c"]),
        (["--resume", "/c"], ["python", "train.py", "--lr", "1e-3", "--resume=/c", "seed=1", "--amp"]),
        (["--lr", "/c"], ["python", "train.py", "--lr", "/c", "--resume=old.pt", "seed=1", "--amp"]),
        (["seed=7"], ["python", "train.py", "--lr", "1e-3", "--resume=old.pt", "seed=7", "--amp"]),
        (["--init_from=resume"], [*TRAIN, "--init_from=resume"]),
        (["--amp"], TRAIN),
        (["--fresh", "--init", "x"], [*TRAIN, "--fresh", "--init", "x"]),
        (["mode=on", "model=/c"], [*TRAIN, "mode=on", "model=/c"]),
        ([], TRAIN),
    ],
)
def test_arguments_take_the_place_of_those_of_the_same_name(arguments: list[str], after: list[str]) -> None:
    assert with_arguments(TRAIN, arguments) == after


def test_hyphen_and_underscore_are_one() -> None:
    assert with_arguments(["x", "--ckpt-path", "a"], ["--ckpt_path", "b"]) == ["x", "--ckpt-path", "b"]


def test_a_flag_without_a_value_gets_one_and_the_next_flag_stays() -> None:
    assert with_arguments(["x", "--resume", "--amp"], ["--resume", "/c"]) == ["x", "--resume", "/c", "--amp"]


def test_a_negative_number_is_a_value() -> None:
    assert replaced(["x", "--bias", "-1.5", "y"], 1, "2") == ["x", "--bias", "2", "y"]


def test_the_program_is_no_argument() -> None:
    assert find_argument(["lr=3", "train.py"], "lr") is None


def test_only_known_braces_are_filled() -> None:
    assert filled(["{path}/x", "{step}", "{json}", "{}"], {"path": "/c", "step": "9"}) == [
        "/c/x",
        "9",
        "{json}",
        "{}",
    ]


def test_secrets_come_back_where_they_stood() -> None:
    original = ["python", "x.py", "--api-key", "sk-aaaaaaaaaaaaaaaaaaaa", "--token=abcdefgh12", "--lr", "1"]
    stored = redact_command(original)
    assert "[redacted]" in stored
    assert restored([*stored, "--resume", "/c"], original) == [*original, "--resume", "/c"]


def test_a_word_that_nobody_hid_stays() -> None:
    assert restored(["x", "[redacted]"], ["x", "y"]) == ["x", "[redacted]"]
