"""Plain text logs: growing, rotated, overwritten, torn at every byte."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from sink_kit import RecordingSink, read_all, read_once, reopened

from opengraphs.sources import formats, textlog
from opengraphs.sources.discover import identify

OPEN = textlog.open_reader
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "stdout"
LLM_C = "".join(f"s:{step} trl:{8 - step / 100:.4f} lr:{step / 1e6:.6f} norm:1.23\n" for step in range(200))


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def steps(sink: RecordingSink, key: str) -> list[int]:
    return list(sink.curves()[key])


def test_cold_log_of_llm_c(tmp_path: Path) -> None:
    path = tmp_path / "log124M" / "main.log"
    path.parent.mkdir()
    path.write_text(f"{LLM_C}s:200 tel:6.1\n")
    sink, reader = read_once(OPEN, path)
    assert sink.curves()["trl"][199] == 6.01
    assert sink.curves()["tel"] == {200: 6.1}
    assert sink.facts[""]["name"] == "main"
    assert "status" not in sink.facts[""]
    assert sink.logs[""] == path.read_bytes()
    assert reader.left() == 0.0
    assert reader.troubles() == []


def test_torchtune_log_is_as_old_as_its_name_says(tmp_path: Path) -> None:
    path = tmp_path / "log_1763803812.txt"
    path.write_text("Step 1 | loss:1.2345 lr:2e-05\nStep 2 | loss:1.2 lr:2e-05\n")
    sink, _ = read_once(OPEN, path)
    assert sink.facts[""]["created_at"].startswith("2025-11-22T09:30:12")
    assert sink.curves() == {"loss": {1: 1.2345, 2: 1.2}, "lr": {1: 2e-05, 2: 2e-05}}


def test_times_are_those_of_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    lines = [f"2026-03-01T12:00:{second:02d}.500Z INFO step {second}: loss 0.5" for second in range(3)]
    path.write_text("\n".join([*lines, ""]))
    os.utime(path, (2e9, 2e9))
    sink, _ = read_once(OPEN, path)
    assert [moment for _, moment, _ in sink.points[""]["loss"]] == [1772366400.5, 1772366401.5, 1772366402.5]


def test_growing_log_is_followed_across_restarts(tmp_path: Path) -> None:
    path = tmp_path / "slurm-4711.out"
    path.write_text("")
    reader = OPEN(path, None)
    sink = RecordingSink()
    data = (FIXTURES / "transformers.log").read_bytes()
    for begin in range(0, len(data), 97):
        with path.open("ab") as file:
            file.write(data[begin : begin + 97])
        read_all(reader, sink)
        reader = reopened(OPEN, path, reader)
    whole, _ = read_once(OPEN, path)
    assert sink.logs == whole.logs
    assert sink.curves()["train/loss"] == whole.curves()["train/loss"]
    assert list(sink.curves()["train/loss"]) == [4, 8, 12, 16, 20, 24, 28, 32]
    assert sink.curves()["eval/loss"] == whole.curves()["eval/loss"]


@pytest.mark.parametrize("cut", range(1, 46))
def test_torn_line_is_not_yet_and_counts_once(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "train.log"
    last = "step 2 | loss 0.12345 | lr 0.001 | time 12ms\n"
    path.write_text("step 1 | loss 0.5 | lr 0.001 | time 12ms\n" + last[:cut])
    reader, sink = OPEN(path, None), RecordingSink()
    read_all(reader, sink)
    assert steps(sink, "loss") == ([1, 2] if cut == len(last) else [1])
    reader = reopened(OPEN, path, reader)
    append(path, last[cut:])
    read_all(reader, sink)
    assert sink.curves()["loss"] == {1: 0.5, 2: 0.12345}
    assert sink.logs[""] == path.read_bytes()


def test_last_line_without_an_end_counts_when_the_file_is_old(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text("step 1: loss 0.5\nstep 2: loss 0.25")
    reader, sink = OPEN(path, None), RecordingSink()
    read_all(reader, sink)
    assert steps(sink, "loss") == [1]
    old = path.stat().st_mtime - 2 * textlog.QUIET_S
    os.utime(path, (old, old))
    read_all(reader, sink)
    assert steps(sink, "loss") == [1, 2]


def test_rotated_log_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text("step 1: loss 0.5\nstep 2: loss 0.4\n")
    reader, sink = OPEN(path, None), RecordingSink()
    read_all(reader, sink)
    append(path, "step 3: loss 0.3\n")  # not read before it is rotated away
    path.rename(tmp_path / "train.log.1")
    path.write_text("step 4: loss 0.2\n")
    read_all(reopened(OPEN, path, reader), sink)
    assert sink.curves()["loss"] == {1: 0.5, 2: 0.4, 3: 0.3, 4: 0.2}
    assert ("reset", "") not in sink.calls


@pytest.mark.parametrize("text", ["step 1: loss 9.5\n", "step 1: loss 9.5\n" * 9])
def test_overwritten_log_begins_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / "train.log"
    path.write_text("step 1: loss 0.5\nstep 2: loss 0.4\n")
    reader, sink = OPEN(path, None), RecordingSink()
    read_all(reader, sink)
    path.write_text(text)
    read_all(reader, sink)
    assert ("reset", "") in sink.calls
    assert sink.curves()["loss"] == {1: 9.5}
    assert sink.logs[""] == text.encode()


def test_line_that_is_too_long_is_told(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    path.write_text("step 1: loss 0.5\n" + "x 1 " * 20_000 + "\nstep 2: loss 0.4\n")
    sink, reader = read_once(OPEN, path)
    assert steps(sink, "loss") == [1, 2]
    (trouble,) = reader.troubles()
    assert (trouble.path, trouble.skipped) == (str(path), 1)


def test_total_of_a_bar_is_the_runs(tmp_path: Path) -> None:
    path = tmp_path / "job_0_log.out"
    path.write_bytes((FIXTURES / "tqdm.log").read_bytes()[:3000] + b"\n")
    sink, _ = read_once(OPEN, path)
    assert [payload["progress"]["total"] for _, kind, payload in sink.events[""] if kind == "progress"] == [
        15
    ]


@pytest.mark.parametrize(
    ("name", "text", "is_taken"),
    [
        ("main.log", LLM_C, True),
        ("train-7.log", "hello\n" * 50 + "step 1: loss 0.5\nstep 2: loss 0.4\n", True),
        ("main.log", "2026-03-01 12:00:00 INFO started worker 3\n" * 50, False),
        ("main.log", "", False),
        ("main.log", "\0\1\2step 1: loss 0.5\nstep 2: loss 0.4\n" + "\0" * 500, False),
    ],
)
def test_log_is_taken_when_its_beginning_has_metrics(
    tmp_path: Path, name: str, text: str, is_taken: bool
) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert (textlog.accepts(path) == path) is is_taken


def test_text_that_somebody_names_is_followed_before_it_has_metrics(tmp_path: Path) -> None:
    path = tmp_path / "whatever"
    path.write_text("loading the model\n")
    found = identify(path, formats.FORMATS)
    assert found is not None
    assert found.format.name == "textlog"


def test_places_that_are_no_text_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "main.log")
    assert textlog.accepts(tmp_path / "main.log") is None
    assert textlog.accepts_any(tmp_path / "main.log") is None
    assert textlog.accepts(tmp_path) is None
    assert textlog.accepts(tmp_path / "missing") is None


@pytest.mark.parametrize("parser", [None, {}, {"count": "x"}, 7, {"count": 1, "last_step": [], "bars": 3}])
def test_cursor_of_another_version_reads_on(tmp_path: Path, parser: object) -> None:
    path = tmp_path / "train.log"
    path.write_text("step 1: loss 0.5\n")
    reader, sink = OPEN(path, None), RecordingSink()
    read_all(reader, sink)
    append(path, "step 2: loss 0.4\n")
    read_all(OPEN(path, {**reader.cursor(), "parser": parser}), sink)
    assert sink.curves()["loss"] == {1: 0.5, 2: 0.4}


def test_bytes_that_are_no_text_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(zlib.compress(bytes(range(256)) * 50 + os.urandom(4000)))
    assert textlog.accepts_any(path) is None
    path.write_text("\x1b[32mstep 1\x1b[0m loss 0.5\r\n学习率 0.1\n" * 20, encoding="gbk")
    assert textlog.accepts_any(path) == path
