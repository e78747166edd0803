"""Guessed arguments that a person accepted once."""

from __future__ import annotations

from pathlib import Path

import pytest

from opengraphs.resuming import accepted


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def test_what_was_accepted_is_remembered_for_this_text_alone() -> None:
    assert not accepted.is_accepted("a", ["--resume"])
    accepted.accept("a", ["--resume"])
    assert accepted.is_accepted("a", ["--resume"])
    assert not accepted.is_accepted("b", ["--resume"])
    assert not accepted.is_accepted("a", ["--load"])


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', "{"])
def test_a_damaged_memory_is_none(text: str) -> None:
    accepted.file().parent.mkdir(parents=True)
    accepted.file().write_text(text)
    assert not accepted.is_accepted("a", ["--resume"])
    accepted.accept("a", ["--resume"])
    assert accepted.is_accepted("a", ["--resume"])


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepted, "MAX_KEPT", 2)
    for name in "abc":
        accepted.accept(name, [])
    assert [accepted.is_accepted(name, []) for name in "abc"] == [False, True, True]


def test_a_folder_that_cannot_be_written_only_forgets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "opengraphs").write_text("")
    accepted.accept("a", [])
    assert not accepted.is_accepted("a", [])
