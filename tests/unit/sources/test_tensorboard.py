"""What the TensorBoard reader makes of files that torch, tensorboardX and TensorBoard itself wrote."""

from __future__ import annotations

import math
import shutil
import struct
from pathlib import Path

import pytest
from sink_kit import RecordingSink, read_all, read_once, reopened
from wire_kit import (
    double_field,
    event,
    field,
    float_field,
    framed,
    hparams_end,
    scalar,
    session_start,
    text_summary,
    version,
)

from opengraphs.sources.eventfolder import in_order, kinship, origin
from opengraphs.sources.tensorboard import TensorBoardReader, accepts

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sources"
FIRST = "events.out.tfevents.1700000000.box.1.0"
SECOND = "events.out.tfevents.1700000100.box.2.0"


def _single(value: float) -> float:
    """The value as a float of 32 bits, which is all that these files keep."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def _curves(path: Path) -> dict[str, dict[int, float]]:
    sink, reader = read_once(TensorBoardReader, path)
    assert reader.troubles() == []
    assert reader.left() == 0.0
    return sink.curves()


# -- files of the real libraries ------------------------------------------------------------------


def test_torch_writes_two_encodings_and_curves_in_folders_below() -> None:
    curves = _curves(FIXTURES / "tensorboard_torch" / "run")

    steps = range(0, 400, 40)
    odd = curves.pop("odd")
    assert curves == {
        "train/loss": {step: _single(2.0**-step) for step in steps},
        "train/acc": {step: step / 512 for step in steps},
        "lr/group/head": {step: step * 2.0 for step in steps},
        "lr/group/body": {step: step * 0.5 for step in steps},
        "hparam/acc": {0: 0.75},
    }
    assert math.isnan(odd[1])
    assert (odd[2], odd[1 << 40]) == (math.inf, -math.inf)


def test_torch_config_is_what_was_dumped_and_the_hyper_parameters_above_it() -> None:
    sink, _reader = read_once(TensorBoardReader, FIXTURES / "tensorboard_torch" / "run")

    facts = sink.facts[""]
    assert facts["config"] == {
        "learning_rate": 0.001,
        "optim": "adamw",
        "seed": 7,
        "lr": 0.5,
        "layers": 3,
        "opt": "sgd",
        "bias": 1,  # torch writes bools as numbers
    }
    assert facts["name"] == "tensorboard_torch/run"
    assert facts["host"] == "vm"
    assert "status" not in facts  # add_hparams puts "success" down before the training has begun


def test_tensorboardx_lays_curves_out_in_folders_of_folders() -> None:
    assert _curves(FIXTURES / "tensorboard_x") == {
        "loss": {step * 100: step + 0.25 for step in range(5)},
        "lr/a": {step: float(step) for step in range(5)},
        "lr/b/c": {step: step * 2.0 for step in range(5)},
        "score": {0: 1.5},
    }


def test_a_writer_that_takes_over_makes_later_points_void_and_one_that_goes_on_does_not() -> None:
    curves = _curves(FIXTURES / "tensorboard_restarted")

    taken_over = {step: 2000.0 + step for step in range(30, 35)}
    assert curves == {"loss": {**{step: float(step) for step in range(30)}, **taken_over}}


def test_tensors_of_every_type_are_read_packed_and_raw() -> None:
    kinds = ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "bool"]
    expected = {
        f"{how}/{kind}": {step: float(bool(step) if kind == "bool" else step) for step in range(3)}
        for how in ("packed", "raw")
        for kind in kinds
    }

    curves = _curves(FIXTURES / "tensorboard_tensors")

    assert curves == expected


def test_times_are_the_files_own() -> None:
    sink, _reader = read_once(TensorBoardReader, FIXTURES / "tensorboard_tensors")

    times = [time for _step, time, _value in sink.points[""]["raw/float32"]]
    assert times == [1_700_000_000.0, 1_700_000_001.0, 1_700_000_002.0]


# -- what belongs to a run ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("below", "tag", "name"),
    [
        ("cmp_x_a", "cmp/x", "cmp/x/a"),
        ("loss_train", "loss", "loss/train"),
        ("cmp/x/b/c", "cmp/x", "cmp/x/b/c"),
        ("1700000000.123", "_hparams_/experiment", "cmp/x"),
    ],
)
def test_folders_of_add_scalars_and_add_hparams_are_part_of_the_run(below: str, tag: str, name: str) -> None:
    rename = kinship(below, tag)

    assert rename is not None
    assert rename(tag if not tag.startswith("_") else "cmp/x") == name


@pytest.mark.parametrize(("below", "tag"), [("train", "epoch_loss"), ("version_1", "loss"), ("loss", "loss")])
def test_other_folders_are_runs_of_their_own(below: str, tag: str) -> None:
    assert kinship(below, tag) is None


def test_a_folder_below_is_accepted_as_its_run() -> None:
    run = FIXTURES / "tensorboard_x"

    assert accepts(run) == run
    assert accepts(run / "lr" / "b" / "c") == run
    assert accepts(run / "hp") == run
    assert accepts(next(run.glob("events*"))) == run


def test_a_sweep_of_add_hparams_under_a_writer_without_points_is_many_runs(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_bytes(version())
    for name in ("a", "b"):
        shutil.copytree(FIXTURES / "tensorboard_x" / "hp", tmp_path / name)

    assert accepts(tmp_path / "a") == tmp_path / "a"
    assert _curves(tmp_path / "a") == {"score": {0: 1.5}}
    assert _curves(tmp_path) == {}


def test_accepts_looks_inside_and_never_raises(tmp_path: Path) -> None:
    (tmp_path / "model.tfevents.txt").write_text("these are no events at all")
    assert accepts(tmp_path) is None
    assert accepts(tmp_path / "model.tfevents.txt") is None
    assert accepts(tmp_path / "nothing") is None
    (tmp_path / FIRST).touch()  # a writer has just begun
    assert accepts(tmp_path) == tmp_path


def test_files_are_in_order_of_their_numbers() -> None:
    names = [f"events.out.tfevents.1700000000.box.9.{number}" for number in (10, 9, 2)] + ["tfevents.x"]

    assert [name.rpartition(".")[2] for name in sorted(names, key=in_order)] == ["x", "2", "9", "10"]
    assert origin("events.out.tfevents.1700000000.node-3.cluster.77.0.v2") == (
        1_700_000_000,
        "node-3.cluster",
    )
    assert origin("tfevents") == (None, "")


# -- restarts -------------------------------------------------------------------------------------


def test_points_beyond_a_takeover_go_when_the_new_file_appears_while_live(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_bytes(version() + b"".join(scalar("loss", step, step) for step in range(10)))
    reader = TensorBoardReader(tmp_path)
    sink = read_all(reader, RecordingSink())
    reader = reopened(TensorBoardReader, tmp_path, reader)

    (tmp_path / SECOND).write_bytes(version())
    read_all(reader, sink)
    assert ("reset", "") not in sink.calls

    with (tmp_path / SECOND).open("ab") as file:
        file.write(session_start(4) + scalar("loss", 400, 4))
    read_all(reader, sink)

    assert sink.calls.count(("reset", "")) == 1
    assert sink.curves() == {"loss": {0: 0.0, 1: 1.0, 2: 2.0, 3: 3.0, 4: 400.0}}


def test_a_takeover_behind_the_last_point_resets_nothing(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_bytes(version() + scalar("loss", 1, 1))
    reader = TensorBoardReader(tmp_path)
    sink = read_all(reader, RecordingSink())
    (tmp_path / SECOND).write_bytes(version() + session_start(2) + scalar("loss", 2, 2))
    read_all(reader, sink)

    assert ("reset", "") not in sink.calls
    assert sink.curves() == {"loss": {1: 1.0, 2: 2.0}}


def test_a_later_file_wins_where_steps_overlap(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_bytes(version() + b"".join(scalar("loss", 1, step) for step in range(5)))
    (tmp_path / SECOND).write_bytes(version() + b"".join(scalar("loss", 2, step) for step in range(3, 8)))

    curve = _curves(tmp_path)["loss"]
    assert list(curve.values()) == [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0]


# -- details --------------------------------------------------------------------------------------


def test_scalars_of_one_moment_are_one_record_and_later_ones_keep_their_time(tmp_path: Path) -> None:
    begun = 1_700_000_000.0
    (tmp_path / FIRST).write_bytes(
        version()
        + scalar("a", 1, 7, begun)
        + scalar("b", 2, 7, begun + 0.01)
        + scalar("b", 3, 7, begun + 0.02)
        + scalar("c", 4, 7, begun + 60)
        + scalar("a", 5, 8, begun + 60)
    )
    sink, _reader = read_once(TensorBoardReader, tmp_path)

    assert [call[2:] for call in sink.calls if call[0] == "metrics"] == [
        (7, begun, {"a": 1.0, "b": 2.0}),
        (7, begun + 0.02, {"b": 3.0}),
        (7, begun + 60, {"c": 4.0}),
        (8, begun + 60, {"a": 5.0}),
    ]


def test_negative_and_huge_steps_and_several_values_an_event(tmp_path: Path) -> None:
    values = b"".join(field(1, field(1, tag) + float_field(2, 1.5)) for tag in (b"x", b"y"))
    (tmp_path / FIRST).write_bytes(
        version() + scalar("s", 1, -3) + scalar("s", 2, 1 << 45) + event(9, rest=field(5, values))
    )

    assert _curves(tmp_path) == {"s": {-3: 1.0, 1 << 45: 2.0}, "x": {9: 1.5}, "y": {9: 1.5}}


def test_values_that_look_like_other_bytes_are_told_apart(tmp_path: Path) -> None:
    """A layout is learned from one event; the next ones hold the same bytes as name or value."""
    records = [
        ("v\x00\x00\x00\x00", 0.0),
        ("v", 0.0),
        ("v", 1.0),
        ("v\x00\x00\x00\x00", 2.0),
        ("w", math.nan),
        ("w", 3.0),
    ]
    data = b"".join(scalar(tag, value, step) for step, (tag, value) in enumerate(records))
    (tmp_path / FIRST).write_bytes(version() + data)

    curves = _curves(tmp_path)
    assert curves["v"] == {1: 0.0, 2: 1.0}
    assert curves["v\x00\x00\x00\x00"] == {0: 0.0, 3: 2.0}
    assert math.isnan(curves["w"][4])
    assert curves["w"][5] == 3.0


def test_texts_that_are_no_config_and_long_names_are_left_out(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_bytes(
        version()
        + text_summary("args/text_summary", "{not json")
        + text_summary("config/text_summary", "[1, 2]")
        + text_summary("sample/text_summary", '{"a": 1}')
        + text_summary("hparams/text_summary", "[" * 5000)
        + scalar("n" * 2000, 1, 1)
        + scalar("", 1, 1)
        + scalar("loss", 1, 1)
    )
    sink, reader = read_once(TensorBoardReader, tmp_path)

    assert sink.curves() == {"loss": {1: 1.0}}
    assert "config" not in sink.facts[""]
    assert reader.troubles() == []


@pytest.mark.parametrize(("status", "word"), [(1, "finished"), (2, "failed")])
def test_a_session_end_with_a_time_ends_the_run(tmp_path: Path, status: int, word: str) -> None:
    (tmp_path / FIRST).write_bytes(version() + hparams_end(status, 1_700_000_500.0))
    sink, _reader = read_once(TensorBoardReader, tmp_path)

    assert sink.facts[""]["status"] == word
    assert sink.facts[""]["ended_at"] == "2023-11-14T22:21:40.000000Z"


def test_a_config_that_comes_after_a_restart_of_the_daemon_adds_to_what_was_there(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_bytes(version() + text_summary("args/text_summary", '{"lr": 1, "x": 2}'))
    reader = TensorBoardReader(tmp_path)
    sink = read_all(reader, RecordingSink())
    reader = reopened(TensorBoardReader, tmp_path, reader)
    with (tmp_path / FIRST).open("ab") as file:
        file.write(text_summary("model_config/text_summary", '{"dim": 8, "x": 9}'))
    read_all(reader, sink)

    assert sink.facts[""]["config"] == {"dim": 8, "lr": 1, "x": 2}


def test_a_run_whose_files_bear_no_time_begins_with_its_first_event(tmp_path: Path) -> None:
    (tmp_path / "my.tfevents").write_bytes(b"")
    reader = TensorBoardReader(tmp_path)
    sink = read_all(reader, RecordingSink())
    assert sink.calls == []
    (tmp_path / "my.tfevents").write_bytes(version(1_600_000_000.5) + scalar("loss", 1, 1))
    read_all(reader, sink)

    assert sink.facts[""]["created_at"] == "2020-09-13T12:26:40.500000Z"
    assert sink.curves() == {"loss": {1: 1.0}}


def test_records_that_are_whole_and_say_nonsense_are_counted(tmp_path: Path) -> None:
    good = scalar("loss", 1, 1)
    (tmp_path / FIRST).write_bytes(
        version()
        + framed(b"\x0b\x0c")
        + framed(b"")
        + framed(double_field(1, math.nan) + field(5, field(1, field(1, b"t") + float_field(2, 1.0))))
        + framed(double_field(1, 1e300) + field(5, field(1, field(1, b"t") + float_field(2, 1.0))))
        + good
    )
    sink, reader = read_once(TensorBoardReader, tmp_path)

    assert sink.curves() == {"loss": {1: 1.0}}
    assert {trouble.reason: trouble.skipped for trouble in reader.troubles()} == {
        "records that are no events": 2,
        "records with a time that is none": 2,
    }
