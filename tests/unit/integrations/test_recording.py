"""What all integrations share: which run they write to, and that they never raise."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import opengraphs as og
from opengraphs.integrations.recording import RunRecorder, Watch, never_raise
from opengraphs.sdk import api


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OG_STORE", str(tmp_path / "store"))
    for name in ("OG_RUN_DIR", "OG_MODE", "OG_STRICT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(api, "_run", None)
    yield
    og.finish()


def test_the_run_of_the_script_is_used_and_left_open() -> None:
    run = og.init(project="script", name="mine")
    recorder = RunRecorder(project="other")
    assert recorder.run is run
    assert not recorder.is_own


def test_without_a_run_one_is_begun_at_the_first_record(tmp_path: Path) -> None:
    recorder = RunRecorder(project="made", name=None)
    assert not (tmp_path / "store").exists()
    recorder.log({"loss": 1.0}, 3)
    assert recorder.is_own
    assert recorder.run is og.run
    assert (recorder.run.project, recorder.run.step) == ("made", 3)


def test_a_pickled_recorder_knows_its_wish_and_no_run() -> None:
    recorder = RunRecorder(project="made")
    recorder.log({"loss": 1.0}, 0)
    copy = pickle.loads(pickle.dumps(recorder))
    assert not copy.is_own
    assert copy.run is recorder.run


class Fragile(Watch):
    calls = 0

    @never_raise
    def on_something(self, value: Any) -> str:
        """A hook of a framework."""
        self.calls += 1
        if value is None:
            raise RuntimeError("broken")
        return "done"


def test_a_callback_that_raised_is_off_and_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    callback = Fragile()
    assert callback.on_something(1) == "done"
    assert callback.on_something(None) is None
    assert callback.on_something(1) is None
    assert callback.calls == 2
    assert capsys.readouterr().err == "og: Fragile stops recording: RuntimeError('broken')\n"
    assert Fragile.on_something.__doc__ == "A hook of a framework."


def test_strict_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OG_STRICT", "1")
    with pytest.raises(RuntimeError, match="broken"):
        Fragile().on_something(None)


def test_only_numbers_are_recorded_and_remembered() -> None:
    callback = Watch()
    callback.record({"a": 1, "nested": {"b": 2.5}, "text": "x", "list": [1]}, 0)
    callback.record({"text": "x"}, 1)
    assert callback.latest == {"a": 1, "nested/b": 2.5}
    assert callback._run_recorder.run.step == 0
