"""`.wandb` files that grow, end in mid-record, are damaged, rewritten or cannot be read."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sink_kit import RecordingSink, read_all, read_once, reopened
from wire_kit import WandbLog, field, wandb_exit, wandb_output, wandb_row, wandb_run, wandb_summary

from opengraphs.sources import wandb
from opengraphs.sources.leveldblog import BLOCK_BYTES, FILE_HEADER
from opengraphs.sources.wandb import WandbReader

ROWS = 12


class Written:
    """A file of a run with some rows. ends: where each record ends."""

    def __init__(self, rows: int = ROWS, padding: int = 0) -> None:
        log = WandbLog()
        self.ends = [log.add(wandb_run(lr=0.1))]
        for step in range(rows):
            if padding:
                self.ends.append(log.add(field(19, bytes(padding))))  # of no interest
            self.ends.append(log.add(wandb_summary(loss=step / 4)))
            self.ends.append(log.add(wandb_row(step, loss=step / 4, word="x")))
        self.data = bytes(log.data)


WHOLE = {"loss": {step: step / 4 for step in range(ROWS)}}


def _write(folder: Path, data: bytes) -> Path:
    path = folder / "run-abc.wandb"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("padding", [0, 5000])
def test_cut_at_every_byte_of_the_last_record_it_is_not_yet_and_comes_when_it_is_whole(
    tmp_path: Path, padding: int
) -> None:
    written = Written(padding=padding)
    before = {"loss": {step: step / 4 for step in range(ROWS - 1)}}
    for cut in range(written.ends[-2], written.ends[-1]):
        path = _write(tmp_path, written.data[:cut])
        reader = WandbReader(path)
        sink = read_all(reader, RecordingSink())
        assert sink.curves() == before, cut
        assert (reader.troubles(), reader.left()) == ([], 0.0)

        reader = reopened(WandbReader, path, reader)
        with path.open("ab") as file:
            file.write(written.data[cut:])
        assert read_all(reader, sink).curves() == WHOLE, cut
        assert reader.troubles() == []
        assert "summary" not in sink.facts[""] or sink.facts[""]["summary"] == {}


def test_cut_anywhere_in_a_record_of_several_chunks(tmp_path: Path) -> None:
    log = WandbLog()
    log.add(wandb_run())
    begin = log.add(wandb_row(0, a=1))
    end = log.add(wandb_row(1, b=2, long="x" * (2 * BLOCK_BYTES + 100)))
    log.add(wandb_row(2, c=3))
    data = bytes(log.data)
    for cut in [*range(begin, begin + 50), *range(begin + 50, end - 50, 997), *range(end - 50, end)]:
        path = _write(tmp_path, data[:cut])
        reader = WandbReader(path)
        sink = read_all(reader, RecordingSink())
        assert sink.curves() == {"a": {0: 1.0}}, cut
        reader = reopened(WandbReader, path, reader)
        path.write_bytes(data)
        assert read_all(reader, sink).curves() == {"a": {0: 1.0}, "b": {1: 2.0}, "c": {2: 3.0}}, cut
        assert reader.troubles() == []


def test_a_reader_made_again_at_every_boundary_hands_each_point_over_once(tmp_path: Path) -> None:
    written = Written(padding=3000)
    path = _write(tmp_path, b"")
    reader, sink = WandbReader(path), RecordingSink()
    for start, end in pairwise([0, *written.ends]):
        with path.open("ab") as file:
            file.write(written.data[start:end])
        reader = reopened(WandbReader, path, reader)
        read_all(reader, sink)

    assert [(step, value) for step, _time, value in sink.points[""]["loss"]] == list(WHOLE["loss"].items())
    assert sink.facts[""]["config"] == {"lr": 0.1}
    assert sink.facts[""].get("summary", {}) == {}


def test_padding_at_the_end_of_blocks_is_passed_over(tmp_path: Path) -> None:
    for short in range(16):  # what is left of the first block, to the byte
        log = WandbLog()
        log.add(wandb_run())
        log.add(field(19, bytes(BLOCK_BYTES - len(log.data) - 7 - 4 - short)))
        log.add(wandb_row(0, a=1))
        sink, reader = read_once(WandbReader, _write(tmp_path, bytes(log.data)))
        assert sink.curves() == {"a": {0: 1.0}}, short
        assert reader.troubles() == []


def test_a_damaged_block_is_passed_over_and_told(tmp_path: Path) -> None:
    written = Written(padding=9000)
    broken = bytearray(written.data)
    at = BLOCK_BYTES + 4000
    broken[at] ^= 0x55
    path = _write(tmp_path, bytes(broken))
    sink, reader = read_once(WandbReader, path)

    lost = {
        step
        for step in range(ROWS)
        if written.ends[3 * step + 3] > BLOCK_BYTES and written.ends[3 * step + 2] < 2 * BLOCK_BYTES
    }
    found = sink.curves()["loss"]
    assert set(WHOLE["loss"]) - set(found) <= lost
    assert found.items() <= WHOLE["loss"].items()
    ((trouble),) = reader.troubles()
    assert (trouble.path, trouble.skipped) == (str(path), 1)
    assert trouble.offset is not None
    assert BLOCK_BYTES <= trouble.offset <= at


def test_a_lost_first_block_still_shows_the_rest(tmp_path: Path) -> None:
    written = Written(padding=9000)
    path = _write(tmp_path, bytes(BLOCK_BYTES) + written.data[BLOCK_BYTES:])
    sink, reader = read_once(WandbReader, path)

    assert len(sink.curves()["loss"]) >= ROWS - 5
    assert sink.facts[""]["name"]
    assert {trouble.reason for trouble in reader.troubles()} == {
        "does not begin as a W&B file",
        "damaged blocks of 32 KiB",
    }


def test_damage_in_the_last_block_may_still_be_written_over(tmp_path: Path) -> None:
    written = Written()
    hole = written.ends[-2]
    path = _write(tmp_path, written.data[:hole] + bytes(len(written.data) - hole))
    reader = WandbReader(path)
    sink = read_all(reader, RecordingSink())
    assert [trouble.offset for trouble in reader.troubles()] == [hole]

    log = WandbLog()
    log.data[:] = written.data
    log.add(wandb_row(ROWS, loss=3.0))
    path.write_bytes(bytes(log.data))
    assert read_all(reader, sink).curves() == {"loss": {**WHOLE["loss"], ROWS: 3.0}}
    assert reader.troubles() == []


@given(
    st.lists(st.tuples(st.integers(0, len(Written().data) - 1), st.integers(1, 255)), min_size=1, max_size=4)
)
def test_flipped_bits_never_raise_never_loop_and_are_told(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]]
) -> None:
    written = Written()
    data = bytearray(written.data)
    for at, mask in flips:
        data[at] ^= mask
    sink, reader = read_once(WandbReader, _write(tmp_path_factory.mktemp("flips"), bytes(data)))

    found = sink.curves().get("loss", {})
    assert found.items() <= WHOLE["loss"].items()
    # a length that now reaches behind the end of the file looks like a record that is still being written
    assert reader.troubles() or list(found) == list(range(len(found)))


@given(st.binary(max_size=600))
def test_any_bytes_at_all_are_survived(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    read_once(WandbReader, _write(folder, data))
    read_once(WandbReader, _write(folder, FILE_HEADER + data))


@given(st.sampled_from([2, 3, 4, 5, 7, 10, 12, 13, 17, 18, 26]), st.binary(max_size=200))
def test_any_record_in_a_sound_chunk_is_survived(
    tmp_path_factory: pytest.TempPathFactory, number: int, message: bytes
) -> None:
    log = WandbLog()
    for record in (
        wandb_run(),
        field(number, message),
        field(number, field(1, message)),
        message,
        wandb_row(0, ok=1),
    ):
        log.add(record)
    sink, _reader = read_once(WandbReader, _write(tmp_path_factory.mktemp("record"), bytes(log.data)))
    assert 1.0 in sink.curves()["ok"].values()


def test_records_that_are_none_are_counted(tmp_path: Path) -> None:
    log = WandbLog()
    for record in (wandb_run(), field(2, b"\x0a\x7f"), b"\x0b", wandb_row(0, a=1)):
        log.add(record)
    sink, reader = read_once(WandbReader, _write(tmp_path, bytes(log.data)))

    assert sink.curves() == {"a": {0: 1.0}}
    assert [(trouble.reason, trouble.skipped) for trouble in reader.troubles()] == [
        ("records that are none of W&B's", 2)
    ]


def test_small_budgets_read_in_pieces_and_say_how_much_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wandb, "SLICE_BYTES", 4096)
    path = _write(tmp_path, Written(padding=6000).data)
    reader, sink = WandbReader(path), RecordingSink()
    left = []
    while reader.read(sink, budget_s=0.0):
        left.append(reader.left())
    assert len(left) > 3
    assert left == sorted(left, reverse=True)
    assert reader.left() == 0.0
    assert sink.curves() == WHOLE


def test_a_record_that_is_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wandb, "SLICE_BYTES", 4096)
    monkeypatch.setattr(wandb, "MAX_RECORD_BYTES", 65_536)
    log = WandbLog()
    log.add(wandb_run())
    log.add(wandb_row(0, a=1))
    log.add(wandb_output(b"x" * 300_000))
    log.add(wandb_row(1, a=2))
    log.add(wandb_exit())
    sink, reader = read_once(WandbReader, _write(tmp_path, bytes(log.data)))

    assert sink.curves() == {"a": {0: 1.0, 1: 2.0}}
    assert sink.facts[""]["status"] == "finished"
    assert [trouble.reason for trouble in reader.troubles()] == ["records that are too long"]


def test_a_file_that_was_rewritten_is_read_again_from_the_start(tmp_path: Path) -> None:
    path = _write(tmp_path, Written().data)
    reader = WandbReader(path)
    sink = read_all(reader, RecordingSink())

    log = WandbLog()
    log.add(wandb_run("other"))
    log.add(wandb_row(0, a=1))
    path.write_bytes(bytes(log.data))
    read_all(reader, sink)
    assert sink.calls.count(("reset", "")) == 1
    assert (sink.facts[""]["name"], sink.curves()) == ("other", {"a": {0: 1.0}})


def test_a_file_that_is_gone_is_an_error_of_the_system(tmp_path: Path) -> None:
    path = _write(tmp_path, Written().data)
    reader = WandbReader(path)
    read_all(reader, RecordingSink())
    path.unlink()
    with pytest.raises(FileNotFoundError):
        reader.read(RecordingSink(), budget_s=1.0)


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.wandb")
    assert wandb.accepts(tmp_path / "x.wandb") is None
    with pytest.raises(OSError, match="not a regular file"):
        WandbReader(tmp_path / "x.wandb").read(RecordingSink(), budget_s=1.0)


def test_a_cursor_of_another_time_begins_anew(tmp_path: Path) -> None:
    path = _write(tmp_path, Written().data)
    for cursor in ({"place": "x"}, {"place": [1, 2]}, {"run": 3}, {"run": {"facts": 3, "config": []}}):
        assert read_all(WandbReader(path, cursor), RecordingSink()).curves() == WHOLE
