"""Event files that grow, end in mid-record, are damaged, rewritten or cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink_kit import RecordingSink, read_all, read_once, reopened
from wire_kit import event, field, framed, scalar, version

from opengraphs.sources import eventfile, followed
from opengraphs.sources.base import Trouble
from opengraphs.sources.tensorboard import TensorBoardReader

NAME = "events.out.tfevents.1700000000.box.1.0"
RECORDS = [version(), *(scalar(f"m{step % 3}", step / 4, step) for step in range(12))]
WHOLE = {f"m{rest}": {step: step / 4 for step in range(12) if step % 3 == rest} for rest in range(3)}


def _write(folder: Path, data: bytes) -> Path:
    path = folder / NAME
    path.write_bytes(data)
    return path


def test_cut_at_every_byte_of_the_last_record_it_is_not_yet_and_comes_when_it_is_whole(
    tmp_path: Path,
) -> None:
    data = b"".join(RECORDS)
    before = {
        key: {step: value for step, value in curve.items() if step < 11} for key, curve in WHOLE.items()
    }
    for cut in range(len(data) - len(RECORDS[-1]), len(data)):
        path = _write(tmp_path, data[:cut])
        reader = TensorBoardReader(tmp_path)
        sink = read_all(reader, RecordingSink())
        assert sink.curves() == before, cut
        assert (reader.troubles(), reader.left()) == ([], 0.0)

        reader = reopened(TensorBoardReader, tmp_path, reader)
        with path.open("ab") as file:
            file.write(data[cut:])
        assert read_all(reader, sink).curves() == WHOLE, cut
        assert reader.troubles() == []


def test_a_reader_made_again_at_every_boundary_hands_each_point_over_once(tmp_path: Path) -> None:
    path = _write(tmp_path, b"")
    reader, sink = TensorBoardReader(tmp_path), RecordingSink()
    for record in RECORDS:
        with path.open("ab") as file:
            file.write(record)
        reader = reopened(TensorBoardReader, tmp_path, reader)
        read_all(reader, sink)

    counts = {key: len(points) for key, points in sink.points[""].items()}
    assert counts == {key: len(curve) for key, curve in WHOLE.items()}
    assert sink.curves() == WHOLE
    assert [call[0] for call in sink.calls].count("run") == 1


def test_small_budgets_read_in_pieces_and_say_how_much_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventfile, "SLICE_BYTES", 100)
    _write(tmp_path, b"".join(RECORDS))
    reader, sink = TensorBoardReader(tmp_path), RecordingSink()
    left = []
    while reader.read(sink, budget_s=0.0):
        left.append(reader.left())
        reader = reopened(TensorBoardReader, tmp_path, reader)

    assert len(left) > 3
    assert left == sorted(left, reverse=True)
    assert reader.left() == 0.0
    assert sink.curves() == WHOLE


def test_damage_costs_the_records_it_is_in_and_is_told_with_its_offset(tmp_path: Path) -> None:
    records = list(RECORDS)
    offset = sum(map(len, records[:4]))
    records[4] = b"\xff" * len(records[4])
    path = _write(tmp_path, b"".join(records))
    sink, reader = read_once(TensorBoardReader, tmp_path)

    assert sink.curves() == {
        key: {step: v for step, v in curve.items() if step != 3} for key, curve in WHOLE.items()
    }
    assert reader.troubles() == [Trouble(str(path), "damaged bytes, read on behind them", 1, offset)]


def test_a_value_that_was_changed_on_disk_is_not_believed(tmp_path: Path) -> None:
    records = list(RECORDS)
    records[6] = records[6][:-5] + b"\x99" + records[6][-4:]
    path = _write(tmp_path, b"".join(records))
    sink, reader = read_once(TensorBoardReader, tmp_path)

    assert 5 not in sink.curves()["m2"]
    offset = sum(map(len, records[:6]))
    assert reader.troubles() == [Trouble(str(path), "records whose check sum is wrong", 1, offset)]


def test_the_check_of_many_records_at_once_finds_what_the_check_of_one_finds(tmp_path: Path) -> None:
    records = [version(), *(scalar("metric/" + "x" * (step % 40), step, step * step) for step in range(300))]
    for broken in (7, 150, 299):
        records[broken] = records[broken][:-5] + bytes([records[broken][-5] ^ 1]) + records[broken][-4:]
    _write(tmp_path, b"".join(records))
    sink, reader = read_once(TensorBoardReader, tmp_path)

    steps = {step for curve in sink.curves().values() for step in curve}
    assert steps == {step * step for step in range(300) if step + 1 not in {7, 150, 299}}
    assert [trouble.skipped for trouble in reader.troubles()] == [3]


def test_damage_at_the_end_may_still_be_written_over(tmp_path: Path) -> None:
    data = b"".join(RECORDS)
    hole = len(data) - len(RECORDS[-1])
    path = _write(tmp_path, data[:hole] + bytes(len(RECORDS[-1])))
    reader = TensorBoardReader(tmp_path)
    sink = read_all(reader, RecordingSink())
    assert [trouble.offset for trouble in reader.troubles()] == [hole]
    assert reader.left() == 0.0

    path.write_bytes(data + scalar("m0", 3.0, 12))
    read_all(reader, sink)
    assert sink.curves() == {**WHOLE, "m0": {**WHOLE["m0"], 12: 3.0}}
    assert reader.troubles() == []


def test_long_damage_is_passed_over_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventfile, "SLICE_BYTES", 200)
    _write(tmp_path, b"".join(RECORDS[:6]) + b"\xee" * 3000 + bytes(1000) + b"".join(RECORDS[6:]))
    sink, reader = read_once(TensorBoardReader, tmp_path)

    assert sink.curves() == WHOLE
    assert {trouble.reason for trouble in reader.troubles()} == {"damaged bytes, read on behind them"}


def test_records_longer_than_a_piece_are_read_and_very_long_ones_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventfile, "SLICE_BYTES", 256)
    monkeypatch.setattr(eventfile, "MAX_RECORD_BYTES", 2000)
    picture = framed(b"\x09" + bytes(5000))
    graph = event(rest=field(4, bytes(1000)))
    data = b"".join([*RECORDS[:3], picture, graph, *RECORDS[3:]])
    path = _write(tmp_path, data[: sum(map(len, RECORDS[:3])) + 3000])
    reader = TensorBoardReader(tmp_path)
    sink = read_all(reader, RecordingSink())
    assert reader.left() == 0.0

    path.write_bytes(data)
    assert read_all(reader, sink).curves() == WHOLE
    assert reader.troubles() == []


@given(
    st.lists(
        st.tuples(st.integers(0, len(b"".join(RECORDS)) - 1), st.integers(1, 255)), min_size=1, max_size=4
    )
)
def test_flipped_bits_never_raise_never_loop_and_are_told(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]]
) -> None:
    data = bytearray(b"".join(RECORDS))
    for at, mask in flips:
        data[at] ^= mask
    folder = tmp_path_factory.mktemp("flips")
    _write(folder, bytes(data))
    sink, reader = read_once(TensorBoardReader, folder)

    for key, curve in sink.curves().items():
        assert curve.items() <= WHOLE[key].items()
    assert sink.curves() == WHOLE or reader.troubles()


@given(st.binary(max_size=600))
def test_any_bytes_at_all_are_survived(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    _write(folder, RECORDS[0] + data)
    read_once(TensorBoardReader, folder)


@given(st.binary(max_size=300))
def test_any_message_in_a_sound_frame_is_survived(
    tmp_path_factory: pytest.TempPathFactory, message: bytes
) -> None:
    folder = tmp_path_factory.mktemp("message")
    _write(
        folder,
        RECORDS[0] + framed(message) + event(1, rest=field(5, message)) + event(rest=message) + RECORDS[1],
    )
    sink, _reader = read_once(TensorBoardReader, folder)
    assert sink.curves()["m0"][0] == 0.0


def test_a_file_that_was_rewritten_is_read_again_from_the_start(tmp_path: Path) -> None:
    path = _write(tmp_path, b"".join(RECORDS))
    reader = TensorBoardReader(tmp_path)
    sink = read_all(reader, RecordingSink())

    path.write_bytes(version() + scalar("other", 1, 1))
    read_all(reader, sink)
    assert sink.calls.count(("reset", "")) == 1
    assert sink.curves() == {"other": {1: 1.0}}

    data = version() + scalar("third", 1, 1) + b"".join(RECORDS)  # longer than before, and another
    path.write_bytes(data)
    reader = reopened(TensorBoardReader, tmp_path, reader)
    read_all(reader, sink)
    assert sink.curves() == {"third": {1: 1.0}, **WHOLE}


def test_a_copy_that_is_brought_up_to_date_by_replacing_it_is_followed_on(tmp_path: Path) -> None:
    path = _write(tmp_path, b"".join(RECORDS[:5]))
    reader = TensorBoardReader(tmp_path)
    sink = read_all(reader, RecordingSink())
    fresh = tmp_path / ".fresh"
    fresh.write_bytes(b"".join(RECORDS))
    os.replace(fresh, path)
    read_all(reader, sink)

    assert ("reset", "") not in sink.calls
    assert sink.curves() == WHOLE


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_what_may_not_be_read_is_told_and_read_when_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path, b"".join(RECORDS))
    real = followed.FollowedFile.piece

    def refuse(self: followed.FollowedFile, size: int = 0) -> followed.Piece:
        raise PermissionError(13, "Permission denied", self.path)

    monkeypatch.setattr(followed.FollowedFile, "piece", refuse)
    reader = TensorBoardReader(tmp_path)
    sink = read_all(reader, RecordingSink())
    assert [(trouble.path, trouble.reason) for trouble in reader.troubles()] == [
        (str(path), "cannot be read: Permission denied")
    ]

    monkeypatch.setattr(followed.FollowedFile, "piece", real)
    assert read_all(reader, sink).curves() == WHOLE
    assert reader.troubles() == []


def test_a_folder_that_is_gone_is_an_error_of_the_system(tmp_path: Path) -> None:
    _write(tmp_path, b"".join(RECORDS))
    reader = TensorBoardReader(tmp_path)
    read_all(reader, RecordingSink())
    (tmp_path / NAME).unlink()

    with pytest.raises(FileNotFoundError):
        reader.read(RecordingSink(), budget_s=1.0)


def test_a_pipe_that_looks_like_an_event_file_is_left_alone(tmp_path: Path) -> None:
    _write(tmp_path, b"".join(RECORDS))
    os.mkfifo(tmp_path / "events.out.tfevents.1700000001.box")
    sink, _reader = read_once(TensorBoardReader, tmp_path)
    assert sink.curves() == WHOLE


def test_a_cursor_of_another_time_begins_anew(tmp_path: Path) -> None:
    _write(tmp_path, b"".join(RECORDS))
    for cursor in (
        {"files": {NAME: [["x", 1], None, None, 3]}},
        {"files": 7},
        {"files": {NAME: {}}},
        {"config": []},
    ):
        sink = read_all(TensorBoardReader(tmp_path, cursor), RecordingSink())
        assert sink.curves() == WHOLE
