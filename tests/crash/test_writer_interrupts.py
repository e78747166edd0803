"""The mapped writer, interrupted after every single bytecode of its slow path.

A tracer stops the writer at the n-th bytecode inside the SDK and does there what a signal
handler, a finaliser, ctrl-c or another thread could do; then what is in the file is
checked. Together the cases cover every place where Python can be interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from opengraphs.sdk.mapped import MappedSink
from opengraphs.sdk.segment import Segment
from opengraphs.sdk.window import Sizes

LINES = 9
TINY = Sizes(first=8192, largest=8192, segment=16384, overlap=4096)
"""Nine lines cross five windows and three segments."""
_FILES = ("mapped.py", "window.py")


class Interrupter:
    """Runs `action` once, before the n-th bytecode executed inside the writer; counts them all."""

    def __init__(self, at: int, action: Callable[[], None]) -> None:
        self.seen = 0
        self._at = at
        self._action = action
        self._is_acting = False

    def __enter__(self) -> Interrupter:
        self._before = sys.gettrace()
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_exc: object) -> None:
        sys.settrace(self._before)

    def _enter(self, frame: FrameType, _event: str, _arg: object) -> Any:
        if self._is_acting or not frame.f_code.co_filename.endswith(_FILES):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._step

    def _step(self, _frame: FrameType, event: str, _arg: object) -> Any:
        if event == "opcode" and not self._is_acting:
            self.seen += 1
            if self.seen == self._at:
                self._is_acting = True
                sys.settrace(None)
                try:
                    self._action()
                finally:
                    self._is_acting = False
        return self._step


def line_of(number: int, length: int = 1900) -> bytes:
    head = b'{"n":%d,"x":"' % number
    return head + b"x" * (length - len(head) - 2) + b'"}'


def make(folder: Path) -> MappedSink:
    folder.mkdir()
    return MappedSink(str(folder), "w", Segment.create(str(folder), "w", 0), sizes=TINY)


def numbers_in(folder: Path, *, padded: bool = False) -> list[int]:
    """Numbers of all records; fails on anything but whole lines (and NULs at the end, if `padded`)."""
    found = []
    for path in folder.iterdir():
        data = path.read_bytes().rstrip(b"\0") if padded else path.read_bytes()
        assert b"\0" not in data
        found += [json.loads(line) for line in data.split(b"\n") if line]
    return sorted(record["n"] for record in found if "n" in record)


def bytecodes_in_all(tmp_path: Path) -> int:
    sink = make(tmp_path / "count")
    with Interrupter(-1, lambda: None) as interrupter:
        for number in range(LINES):
            sink.put(line_of(number))
    sink.close()
    assert interrupter.seen > 1500
    return interrupter.seen


def each_place(tmp_path: Path) -> range:
    """Every bytecode with `OG_TEST_EVERY_BYTECODE=1`, else every 13th."""
    stride = 1 if os.environ.get("OG_TEST_EVERY_BYTECODE") == "1" else 13
    return range(1, bytecodes_in_all(tmp_path) + 1, stride)


@pytest.mark.parametrize("nested_bytes", [50, 1900, 20_000])
def test_log_inside_log_at_any_bytecode(tmp_path: Path, nested_bytes: int) -> None:
    for at in each_place(tmp_path):
        folder = tmp_path / str(at)
        sink = make(folder)

        def log_three(sink: MappedSink = sink) -> None:
            for number in (100, 101, 102):
                sink.put(line_of(number, nested_bytes))

        with Interrupter(at, log_three):
            for number in range(LINES):
                sink.put(line_of(number))
        sink.close()
        assert numbers_in(folder) == [*range(LINES), 100, 101, 102], at


def test_exception_at_any_bytecode_loses_no_line_that_returned(tmp_path: Path) -> None:
    """What may be left behind is a file's padding, which ends with the process."""
    for at in each_place(tmp_path):
        folder = tmp_path / str(at)
        sink = make(folder)
        returned = []

        def interrupt() -> None:
            raise KeyboardInterrupt

        number = 0
        with Interrupter(at, interrupt):
            while number < LINES:
                try:
                    sink.put(line_of(number))
                    returned.append(number)
                except KeyboardInterrupt:
                    pass
                number += 1
        sink.close()
        kept = numbers_in(folder, padded=True)
        assert set(returned) <= set(kept), at
        assert len(kept) == len(set(kept)), at


def test_close_at_any_bytecode_keeps_what_returned(tmp_path: Path) -> None:
    for at in each_place(tmp_path):
        folder = tmp_path / str(at)
        sink = make(folder)
        before_close: list[int] = []
        closed_after: list[int] = []

        def close(
            sink: MappedSink = sink, before: list[int] = before_close, after: list[int] = closed_after
        ) -> None:
            sink.close()
            after.append(len(before))

        with Interrupter(at, close):
            for number in range(LINES):
                sink.put(line_of(number))
                before_close.append(number)
        sink.close()
        kept = numbers_in(folder)
        assert kept[: closed_after[0]] == list(range(closed_after[0])), at
        assert kept == list(range(len(kept))), at
