"""transformers' Trainer goes on from og's checkpoint, where the script says nothing about one."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from opengraphs.hooks.og_hooks import going_on, guard


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module with a Trainer of the real one's signature, in a run that was resumed from `checkpoint-9`."""
    for name in ("_seen", "ACTIVE", "FAILED"):
        monkeypatch.setattr(guard, name, type(getattr(guard, name))())
    monkeypatch.setattr(going_on, "_used", [])
    saved = tmp_path / "checkpoint-9"
    saved.mkdir()
    (saved / "trainer_state.json").write_text("{}")
    for name, value in {"OG_RESUME": "1", "OG_RESUME_KIND": "hf", "OG_RESUME_FROM": str(saved)}.items():
        monkeypatch.setenv(name, value)

    class Trainer:
        def train(self, resume_from_checkpoint: Any = None, trial: Any = None, **kwargs: Any) -> Any:
            return resume_from_checkpoint

    made = ModuleType("transformers.trainer")
    made.Trainer = Trainer  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("args", [(), (None,), (None, "trial")])
def test_a_script_that_says_nothing_goes_on_once(module: Any, tmp_path: Path, args: tuple[Any, ...]) -> None:
    going_on.hook_trainer(module)
    assert module.Trainer().train(*args) == str(tmp_path / "checkpoint-9")
    assert module.Trainer().train(*args) is None, "a second stage is none of the checkpoint's"


@pytest.mark.parametrize("given", [True, False, "/mine"])
def test_what_the_script_says_counts(module: Any, given: Any) -> None:
    going_on.hook_trainer(module)
    assert module.Trainer().train(given) is given
    assert module.Trainer().train(resume_from_checkpoint=given) is given


def test_a_subclass_that_hands_everything_on_goes_on(module: Any, tmp_path: Path) -> None:
    going_on.hook_trainer(module)

    class Mine(module.Trainer):  # type: ignore[misc,name-defined]
        def train(self, *args: Any, **kwargs: Any) -> Any:
            return super().train(*args, **kwargs)

    assert Mine().train() == str(tmp_path / "checkpoint-9")


def test_a_checkpoint_that_was_removed_meanwhile_is_not_asked_for(module: Any, tmp_path: Path) -> None:
    going_on.hook_trainer(module)
    (tmp_path / "checkpoint-9" / "trainer_state.json").unlink()
    assert module.Trainer().train() is None


@pytest.mark.parametrize(("name", "value"), [("OG_RESUME", "0"), ("OG_RESUME_KIND", "torch")])
def test_other_runs_are_left_as_they_are(
    module: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    before = module.Trainer.train
    going_on.hook_trainer(module)
    assert module.Trainer.train is before
