"""The mapped writer at its borders: windows, segments, nested calls, failing disks."""

from __future__ import annotations

import errno
import gc
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opengraphs.sdk import mapped, space
from opengraphs.sdk.mapped import MappedSink
from opengraphs.sdk.segment import Segment
from opengraphs.sdk.window import Sizes, Window

Reader = Callable[[Path, str], list[dict[str, Any]]]
PAGE = space.PAGE_BYTES


def line_of(length: int, number: int = 0) -> bytes:
    """A JSON line of exactly `length` bytes without its newline."""
    head = b'{"n":%d,"x":"' % number
    return head + b"x" * (length - len(head) - 2) + b'"}'


@pytest.fixture
def sink(tmp_path: Path, tiny: Sizes) -> Iterator[MappedSink]:
    made = MappedSink(str(tmp_path), "w", Segment.create(str(tmp_path), "w", 0), sizes=tiny)
    yield made
    made.close()


def test_line_is_in_the_file_when_put_returns(sink: MappedSink, tmp_path: Path) -> None:
    sink.put(b'{"a":1}')
    assert (tmp_path / "w.jsonl").read_bytes().rstrip(b"\0") == b'{"a":1}\n'


@pytest.mark.parametrize("length", [20, 21, 64, 255, 256, 257, 1000, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
def test_lines_meet_every_offset_of_a_window_end(
    tmp_path: Path, tiny: Sizes, journal_of: Reader, length: int
) -> None:
    """A first line of each length moves the border through the second line, byte by byte."""
    for shift in range(min(length, 40) + 3):
        folder = tmp_path / str(shift)
        folder.mkdir()
        sink = MappedSink(str(folder), "w", Segment.create(str(folder), "w", 0), sizes=tiny)
        first = PAGE - length - 2 + shift
        lines = [line_of(first if first > 20 else first + PAGE, 0), line_of(length, 1), line_of(30, 2)]
        for line in lines:
            sink.put(line)
        sink.close()
        assert [record["n"] for record in journal_of(folder, "w")] == [0, 1, 2]
        assert (folder / "w.jsonl").read_bytes().startswith(b"\n".join(lines) + b"\n")


def test_body_that_fills_a_window_gets_its_newline_in_the_next(
    sink: MappedSink, tmp_path: Path, journal_of: Reader
) -> None:
    sink.put(line_of(PAGE))
    assert (tmp_path / "w.jsonl").read_bytes()[PAGE : PAGE + 1] == b"\n"
    sink.put(b'{"n":1}')
    sink.close()
    assert [record["n"] for record in journal_of(tmp_path, "w")] == [0, 1]


def test_body_that_fills_a_segment_stays_whole(sink: MappedSink, tmp_path: Path, journal_of: Reader) -> None:
    for number in range(15):
        sink.put(line_of(PAGE - 1, number))
    sink.put(line_of(PAGE, 15))
    sink.put(line_of(40, 16))
    sink.close()
    assert [record["n"] for record in journal_of(tmp_path, "w")] == list(range(17))


def test_segments_are_cut_and_each_is_plain_json_lines(
    sink: MappedSink, tmp_path: Path, journal_of: Reader
) -> None:
    for number in range(500):
        sink.put(line_of(700, number))
    sink.close()
    assert [record["n"] for record in journal_of(tmp_path, "w")] == list(range(500))
    sizes = [path.stat().st_size for path in sorted(tmp_path.iterdir())]
    assert len(sizes) == 6
    assert all(size <= 66 << 10 for size in sizes)


def test_line_longer_than_a_segment_gets_one_of_its_own(
    sink: MappedSink, tmp_path: Path, journal_of: Reader
) -> None:
    for number, length in enumerate((50, 200_000, 50, 100_000)):
        sink.put(line_of(length, number))
    sink.close()
    assert [record["n"] for record in journal_of(tmp_path, "w")] == [0, 1, 2, 3]


def test_upkeep_prepares_seals_and_finishes_segments(
    sink: MappedSink, tmp_path: Path, journal_of: Reader
) -> None:
    for number in range(500):
        sink.put(line_of(700, number))
        if number % 7 == 0:
            sink.tend(float(number) + 1e9)
    sink.close()
    assert [record["n"] for record in journal_of(tmp_path, "w")] == list(range(500))
    seals = b"".join(path.read_bytes() for path in tmp_path.iterdir()).count(b'{"seal"')
    assert seals > 50


def test_sync_without_news_writes_nothing(sink: MappedSink, tmp_path: Path) -> None:
    sink.put(b'{"a":1}')
    for _ in range(3):
        sink.sync()
    assert (tmp_path / "w.jsonl").read_bytes().rstrip(b"\0").count(b"\n") == 2


def test_spare_segment_that_was_not_needed_leaves_no_file(sink: MappedSink, tmp_path: Path) -> None:
    for number in range(15):
        sink.put(line_of(PAGE - 1, number))
        sink.tend(0.0)
    assert (tmp_path / "w.000001.jsonl").exists()
    sink.close()
    assert [path.name for path in tmp_path.iterdir()] == ["w.jsonl"]


def test_put_after_close_is_counted_and_told(sink: MappedSink) -> None:
    told: list[OSError] = []
    sink.on_drop = told.append
    sink.close()
    sink.close()
    sink.put(b"{}")
    assert sink.dropped == 1
    assert len(told) == 1


# -- a log() inside a log() ------------------------------------------------------------------


@pytest.mark.parametrize("step", ["_candidate", "_make", "_publish"])
@pytest.mark.parametrize("nested_bytes", [40, 3000, 9000, 70_000])
def test_nested_put_at_every_step_of_moving_on(
    sink: MappedSink,
    tmp_path: Path,
    journal_of: Reader,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    nested_bytes: int,
) -> None:
    """A signal handler or finaliser may log while the same thread is between two windows."""
    nested = iter(range(1000, 2000))
    plain = getattr(MappedSink, step)
    depth = 0

    def interrupted(self: MappedSink, *args: Any, **kwargs: Any) -> Any:
        nonlocal depth
        depth += 1
        if depth == 1:
            self.put(line_of(nested_bytes, next(nested)))
        result = plain(self, *args, **kwargs)
        if depth == 1:
            self.put(line_of(nested_bytes, next(nested)))
        depth -= 1
        return result

    monkeypatch.setattr(MappedSink, step, interrupted)
    for number in range(60):
        sink.put(line_of(1500, number))
    monkeypatch.undo()
    sink.close()
    numbers = [record["n"] for record in journal_of(tmp_path, "w")]
    assert [n for n in numbers if n < 1000] == list(range(60))
    assert sorted(n for n in numbers if n >= 1000) == list(range(1000, next(nested)))


@pytest.mark.parametrize("step", ["seal", "fits", "begin", "end", "is_torn"])
def test_nested_put_between_any_two_looks_at_a_window(
    sink: MappedSink, tmp_path: Path, journal_of: Reader, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    nested = iter(range(1000, 9000))
    plain = getattr(Window, step)
    depth = 0

    def interrupted(self: Window, *args: Any) -> Any:
        nonlocal depth
        depth += 1
        if depth == 1:
            sink.put(line_of(1100, next(nested)))
        result = plain(self, *args)
        if depth == 1:
            sink.put(line_of(1100, next(nested)))
        depth -= 1
        return result

    monkeypatch.setattr(Window, step, interrupted)
    for number in range(40):
        sink.put(line_of(1500, number))
    monkeypatch.undo()
    sink.close()
    numbers = [record["n"] for record in journal_of(tmp_path, "w")]
    assert [n for n in numbers if n < 1000] == list(range(40))
    assert sorted(n for n in numbers if n >= 1000) == list(range(1000, next(nested)))


def test_close_inside_a_put_keeps_what_was_there(
    sink: MappedSink, tmp_path: Path, journal_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = MappedSink._candidate

    def closing(self: MappedSink, *args: Any) -> Window:
        self.close()
        return plain(self, *args)

    sink.put(line_of(PAGE - 100, 0))
    monkeypatch.setattr(MappedSink, "_candidate", closing)
    sink.put(line_of(200, 1))
    assert [record["n"] for record in journal_of(tmp_path, "w")] == [0]
    assert sink.dropped == 1


class _Cycle:
    """Garbage whose finaliser logs."""

    def __init__(self, sink: MappedSink, number: int) -> None:
        self.me = self
        self.sink = sink
        self.number = number

    def __del__(self) -> None:
        self.sink.put(line_of(400, self.number))


def test_finaliser_logs_in_the_middle_of_anything(
    sink: MappedSink, tmp_path: Path, journal_of: Reader
) -> None:
    for number in range(600):
        _Cycle(sink, 1000 + number)
        sink.put(line_of(300, number))
    gc.collect()
    sink.close()
    numbers = [record["n"] for record in journal_of(tmp_path, "w")]
    assert sorted(numbers) == [*range(600), *range(1000, 1600)]


def put_many(sink: MappedSink) -> None:
    for _ in range(20):
        sink.put(line_of(999, 0))


def test_keyboard_interrupt_between_two_windows_leaves_no_hole(
    sink: MappedSink, tmp_path: Path, journal_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_args: object) -> None:
        raise KeyboardInterrupt

    for step in ("_publish", "_make", "_candidate"):
        with monkeypatch.context() as patch:
            patch.setattr(MappedSink, step, interrupt)
            with pytest.raises(KeyboardInterrupt):
                put_many(sink)
        sink.put(line_of(999, 1))
    sink.close()
    numbers = [record["n"] for record in journal_of(tmp_path, "w")]
    assert numbers.count(1) == 3


# -- disks that are full or fail ---------------------------------------------------------------


class _Disk:
    """Stands in for the system's way to reserve space; full when told so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free_bytes = 1 << 30
        self._plain = space._reserve_here
        monkeypatch.setattr(space, "_reserve_here", self._reserve)

    def _reserve(self, fd: int, start: int, end: int) -> None:
        if end - start > self.free_bytes:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.free_bytes -= end - start
        self._plain(fd, start, end)


def test_full_disk_drops_counts_and_goes_on(
    tmp_path: Path, tiny: Sizes, journal_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _Disk(monkeypatch)
    sink = MappedSink(str(tmp_path), "w", Segment.create(str(tmp_path), "w", 0), sizes=tiny)
    problems: list[OSError] = []
    returned: list[int] = []
    sink.on_drop, sink.on_space = problems.append, returned.append
    disk.free_bytes = 0
    for number in range(100):
        sink.put(line_of(500, number))
    assert 0 < sink.dropped == len(problems) < 100
    assert problems[0].errno == errno.ENOSPC
    disk.free_bytes = 1 << 20
    sink.tend(0.0)
    dropped = sink.dropped
    assert returned == [dropped]
    sink.put(line_of(500, 100))
    sink.close()
    kept = [record["n"] for record in journal_of(tmp_path, "w")]
    assert kept == [*range(100 - dropped), 100]


def test_last_pages_of_a_disk_are_used_one_by_one(
    tmp_path: Path, journal_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _Disk(monkeypatch)
    disk.free_bytes = 11 * PAGE
    sizes = Sizes(first=4 * PAGE, largest=64 * PAGE, overlap=PAGE)
    sink = MappedSink(str(tmp_path), "w", Segment.create(str(tmp_path), "w", 0), sizes=sizes)
    for number in range(200):
        sink.put(line_of(999, number))
    sink.close()
    assert disk.free_bytes < PAGE
    assert len(journal_of(tmp_path, "w")) == 11 * PAGE // 1000


def test_short_lines_still_fit_while_long_ones_do_not(
    tmp_path: Path, tiny: Sizes, journal_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _Disk(monkeypatch)
    sink = MappedSink(str(tmp_path), "w", Segment.create(str(tmp_path), "w", 0), sizes=tiny)
    disk.free_bytes = 0
    sink.put(line_of(9000, 0))
    sink.put(line_of(100, 1))
    sink.close()
    assert [record["n"] for record in journal_of(tmp_path, "w")] == [1]


def test_failed_sync_moves_unsealed_lines_to_a_new_segment(
    sink: MappedSink, tmp_path: Path, journal_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink.put(line_of(100, 0))
    sink.sync()
    sink.put(line_of(100, 1))
    plain = space.datasync
    failing = {0}

    def fail_once(fd: int) -> None:
        if failing:
            failing.clear()
            raise OSError(errno.EIO, "Input/output error")
        plain(fd)

    monkeypatch.setattr(space, "datasync", fail_once)
    sink.sync()
    sink.put(line_of(100, 2))
    sink.sync()
    sink.close()
    assert [record["n"] for record in journal_of(tmp_path, "w")] == [0, 1, 2]
    first = (tmp_path / "w.jsonl").read_bytes()
    assert b'"n":1' not in first
    assert b'"n":0' in first


def test_disk_that_never_syncs_is_asked_three_times(
    sink: MappedSink, tmp_path: Path, journal_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def fail(_fd: int) -> None:
        nonlocal asked
        asked += 1
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(space, "datasync", fail)
    for number in range(10):
        sink.put(line_of(100, number))
        sink.sync()
    assert asked == 3
    sink.close()
    assert [record["n"] for record in journal_of(tmp_path, "w")] == list(range(10))


def test_folder_that_moved_does_not_stop_a_journal(tmp_path: Path, tiny: Sizes, journal_of: Reader) -> None:
    """`og rm` moves a run to the trash while it writes; no new segment can be made then."""
    before, after = tmp_path / "run", tmp_path / "trash"
    before.mkdir()
    sink = MappedSink(str(before), "w", Segment.create(str(before), "w", 0), sizes=tiny)
    sink.put(line_of(500, 0))
    before.rename(after)
    for number in range(1, 300):
        sink.put(line_of(500, number))
    sink.close()
    assert [record["n"] for record in journal_of(after, "w")] == list(range(300))


def test_reader_sees_each_line_as_soon_as_it_is_put(sink: MappedSink, tmp_path: Path) -> None:
    for number in range(100):
        sink.put(line_of(777, number))
        data = b"\n".join(path.read_bytes().strip(b"\0") for path in tmp_path.iterdir())
        assert max(json.loads(line).get("n", -1) for line in data.split(b"\n") if line) == number


def test_without_an_interpreter_lock_every_put_takes_ours(
    tmp_path: Path, tiny: Sizes, journal_of: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped, "_HAS_GIL", False)
    sink = MappedSink(str(tmp_path), "w", Segment.create(str(tmp_path), "w", 0), sizes=tiny)
    assert sink.put == sink._put_locked
    for number in range(100):
        sink.put(line_of(500, number))
    sink.close()
    assert [record["n"] for record in journal_of(tmp_path, "w")] == list(range(100))
