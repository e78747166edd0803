from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from sink_kit import RecordingSink, read_all, read_once, reopened
from table_kit import curves, expected, fixture, same, tree

from opengraphs.sources import trainer_state


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The output folder, its times those of a training: each state a minute after the other."""
    folder = fixture("trainer", tmp_path) / "my-model"
    for minute, name in enumerate(("checkpoint-4", "checkpoint-8", ".")):
        os.utime(folder / name / "trainer_state.json", (1795168800 + 60 * minute,) * 2)
    return folder


def _state(folder: Path, history: list[Any], *, when: float, **more: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    record = {"global_step": len(history), "max_steps": 100, "log_history": history, **more}
    (folder / "trainer_state.json").write_text(json.dumps(record, indent=2, sort_keys=True))
    os.utime(folder / "trainer_state.json", (when, when))


def _entries(*losses: float, first: int = 1) -> list[dict[str, float]]:
    return [{"epoch": 0.5, "loss": loss, "step": first + index} for index, loss in enumerate(losses)]


def test_what_the_trainer_logged_comes_out(output: Path) -> None:
    for place in (output, output / "trainer_state.json", output / "checkpoint-4" / "trainer_state.json"):
        assert trainer_state.accepts(place) == output
    before = tree(output)
    sink, reader = read_once(trainer_state.open_reader, output)
    assert tree(output) == before
    assert same(curves(sink, ""), expected("trainer")[""])
    assert sink.facts[""]["name"] == "my-model"
    assert sink.facts[""]["config"]["model_type"] == "tiny"
    assert sink.facts[""]["config"]["max_steps"] == 8
    events = [(kind, payload.get("step"), payload.get("format")) for _time, kind, payload in sink.events[""]]
    assert events == [("progress", None, None), ("checkpoint", 4, "hf"), ("checkpoint", 8, "hf")]
    assert {(step, time) for step, time, _value in sink.points[""]["train/loss"]} == {
        (2, 1795168800.0), (4, 1795168800.0), (6, 1795168860.0), (8, 1795168860.0),
    }  # fmt: skip
    assert reader.troubles() == []


def test_a_folder_whose_times_are_those_of_a_copy_shows_the_whole_history(output: Path) -> None:
    os.utime(output / "checkpoint-4" / "trainer_state.json", (1795999999,) * 2)
    sink, _reader = read_once(trainer_state.open_reader, output)
    assert same(curves(sink, ""), expected("trainer")[""])


def test_new_checkpoints_go_on_and_a_resume_begins_anew(tmp_path: Path) -> None:
    output = tmp_path / "out"
    _state(output / "checkpoint-2", _entries(3, 2), when=1000)
    reader, sink = trainer_state.open_reader(output, None), RecordingSink()
    read_all(reader, sink)
    assert sink.facts[""]["name"].endswith("/out")
    _state(output / "checkpoint-4", _entries(3, 2, 1, 0.5), when=2000)
    reader = reopened(trainer_state.open_reader, output, reader)
    read_all(reader, sink)
    assert curves(sink, "")["train/loss"] == [(1, 3.0), (2, 2.0), (3, 1.0), (4, 0.5)]
    assert ("reset", "") not in sink.calls
    _state(output / "checkpoint-3", _entries(3, 2, 9), when=3000)
    read_all(reader, sink)
    assert ("reset", "") in sink.calls
    assert curves(sink, "")["train/loss"] == [(1, 3.0), (2, 2.0), (3, 9.0)]
    calls = len(sink.calls)
    read_all(reader, sink)
    assert len(sink.calls) == calls


def test_a_state_cut_anywhere_is_not_yet(tmp_path: Path) -> None:
    output = tmp_path / "model"
    _state(output, _entries(3, 2), when=1000)
    whole = (output / "trainer_state.json").read_text()
    reader, sink = trainer_state.open_reader(output, None), RecordingSink()
    for size in range(len(whole)):
        (output / "trainer_state.json").write_text(whole[:size])
        read_all(reader, sink)
        assert sink.calls == []
    assert len(reader.troubles()) == 1
    (output / "trainer_state.json").write_text(whole)
    read_all(reader, sink)
    assert curves(sink, "")["train/loss"] == [(1, 3.0), (2, 2.0)]
    assert reader.troubles() == []


def test_hostile_states_never_raise(tmp_path: Path) -> None:
    output = tmp_path / "model"
    history = [
        {"loss": "NaN", "step": 1, "\x1b[2Jx": 1},
        {"loss": 1},
        {"step": "four", "loss": 2},
        {"step": -3, "loss": 2},
        "text",
        {"step": 10**30, "loss": 1},
        {"step": 5, "loss": {"deep": [1, {"er": 2}], "x": 7}, "eval_acc": 10**400},
    ]
    _state(output, history, when=1000, max_steps="many", train_batch_size={"a": ["b"] * 10})
    sink, reader = read_once(trainer_state.open_reader, output)
    assert curves(sink, "")["train/loss/x"] == [(5, 7.0)]
    assert all(name.isprintable() for name in sink.points[""])
    assert reader.troubles()[0].skipped == 4
    for text in ("[]", '{"log_history": 3}', "[" * 100_000, '{"log_history": [' + "9" * 10_000 + "]}"):
        (output / "trainer_state.json").write_text(text)
        assert read_once(trainer_state.open_reader, output)[0].points == {}


def test_pickles_are_not_opened(output: Path) -> None:
    os.mkfifo(output / "checkpoint-8" / "training_args.bin")  # whoever opens it waits forever
    read_once(trainer_state.open_reader, output)


def test_other_places_are_not_taken(tmp_path: Path) -> None:
    (tmp_path / "trainer_state.json").write_text('{"a": 1}')
    assert trainer_state.accepts(tmp_path / "trainer_state.json") is None
    assert trainer_state.accepts(tmp_path / "absent") is None


def test_a_folder_that_may_not_be_read_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, **_: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "stat", refuse)
    assert trainer_state.accepts(tmp_path) is None


def test_a_removed_folder_cannot_be_read(output: Path) -> None:
    reader, sink = trainer_state.open_reader(output, None), RecordingSink()
    read_all(reader, sink)
    shutil.rmtree(output)
    with pytest.raises(FileNotFoundError):
        reader.read(sink, budget_s=1)
