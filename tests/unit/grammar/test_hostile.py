"""Whatever comes, in whatever pieces: nothing raises, memory and time stay bounded, the result is the same."""

from __future__ import annotations

import math
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.grammar.parser import LineParser, Record
from opengraphs.grammar.terminal import MAX_LINE_BYTES, LineSplitter, visible

FIXTURES = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "stdout").glob("*.log"))
WORDS = [
    b"step", b"Epoch", b"loss", b"1/3", b"12/30", b"[", b"]", b"|", b":", b"=", b"{'loss':", b"}", b"nan", b"inf", b"1.5",
    b"1,234", b"%", b"ms", b"\r", b"\n", b"\b", b"\x1b[31m", b"\x1b", b" ", b"  ", b"\t", b"\xff", b"#", b"100%|##| 2/5 [00:00<00:01, 5it/s",
    b", loss=0.5]", b'{"step": 3, "a": ', b"[1,", b"(", b")", b"-", b"/", b"\xe2\x94\x81" * 4, b"1e400", b"9" * 400,
]  # fmt: skip
printed = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=6)), max_size=60).map(b"".join)


def parse(data: bytes, cuts: list[int]) -> list[Record]:
    parser = LineParser()
    records: list[Record] = []
    begin = 0
    for end in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        records += parser.feed(data[begin:end])
        begin = end
    return [*records, *parser.flush()]


def shown(records: list[Record]) -> str:
    return repr(records)  # NaN is not equal to itself


@settings(max_examples=300, deadline=None)
@given(printed, st.lists(st.integers(min_value=0, max_value=10_000), max_size=8))
def test_pieces_make_no_difference_and_nothing_raises(data: bytes, cuts: list[int]) -> None:
    assert shown(parse(data, cuts)) == shown(parse(data, []))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_real_output_byte_by_byte(path: Path) -> None:
    data = path.read_bytes()
    parser = LineParser()
    records = [record for byte in data for record in parser.feed(bytes([byte]))]
    assert shown([*records, *parser.flush()]) == shown(parse(data, []))


@settings(max_examples=200, deadline=None)
@given(printed)
def test_state_that_was_saved_goes_on(data: bytes) -> None:
    parser = LineParser()
    parser.feed(data + b"\n")
    other = LineParser()
    other.feed(data + b"\n")
    other.restore(parser.saved())
    assert shown(other.feed(b"step 3: loss 0.5\n")) == shown(parser.feed(b"step 3: loss 0.5\n"))


HOSTILE = [
    b"1" * (1 << 20),
    b"1," * (1 << 19),
    b" " * (1 << 20),
    b"step " * (1 << 18),
    b"epoch " * 5000 + b"1" * 2000,
    b"/" * 32_000,
    b"1/" * 16_000,
    b"[" * 32_000,
    b"{'" * 16_000,
    b"{'a':" * 6000,
    b'{"a":' * 6000,
    b"((" * 16_000,
    b"\x1b[" * 16_000,
    b"\x1b]" * 16_000,
    b"\b" * 32_000 + b"x",
    b"a\b" * 16_000,
    b"Epoch  a" * 4000,
    b"      Epoch" + b"   GPU_mem" * 3000,
    b"a=1 " * 8000,
    b"a 1 | " * 5000,
    b"nan " * 8000,
    b"-" * 32_000,
    b"1e" * 16_000,
    b"\xe2\x94\x81" * 10_000 + b" 1/2",
    b"100%|" * 6000,
    b"1/2 [00:00<" * 3000,
    b"x" * 31_000 + b" step 3 loss 0.5",
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_line_ends_soon(line: bytes) -> None:
    parser = LineParser()
    for _ in range(3):  # a pattern that goes back and forth would take hours
        parser.feed(line + b"\n")
    parser.flush()


def test_too_long_a_line_is_dropped_and_the_next_one_read() -> None:
    parser = LineParser()
    for _ in range(64):
        parser.feed(b"step 3 loss 0.5 " * 1024)
    assert parser.dropped == 1
    (record,) = parser.feed(b"\nstep 4: loss 0.25\n")
    assert (record.step, record.metrics) == (4, {"loss": 0.25})
    assert parser.dropped == 1


def test_memory_is_bounded() -> None:
    parser = LineParser()
    tracemalloc.start()
    try:
        for number in range(700):
            name = b"k%x" % number
            parser.feed(b"step %d | %s: 1.5 | %s 2 | x%s: 3ms\n" % (number, name, name, name))
            parser.feed(b"%s/%d [00:00<00:00, 1it/s, %s=1]\r" % (b"1", number + 2, name))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 8 << 20


def test_splitter_counts_positions_and_drops_long_lines() -> None:
    splitter = LineSplitter()
    lines = list(splitter.feed(b"ab\rcd\n\n"))
    assert lines == [(b"ab", 3), (b"cd", 6)]
    assert list(splitter.feed(b"x" * MAX_LINE_BYTES)) == []
    assert list(splitter.feed(b"y")) == []
    assert splitter.dropped == 1
    assert list(splitter.feed(b"z\nok\n")) == [(b"ok", 7 + MAX_LINE_BYTES + 6)]
    assert splitter.flush() is None


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain", "plain"),
        (b"\x1b[1mbold\x1b[0m", "bold"),
        (b"\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        (b"abc\b\bX", "aXc"),
        (b"\b\bab", "ab"),
        (b"a\x00b\x07c\td", "abc\td"),
        (b"\xff\xfeok", "\ufffd\ufffdok"),
    ],
)
def test_visible_is_what_a_person_sees(data: bytes, text: str) -> None:
    assert visible(data) == text


def test_numbers_too_large_are_infinite_and_no_steps() -> None:
    parser = LineParser()
    (record,) = parser.feed(b"step 3: loss 1e999\n")
    assert record.metrics["loss"] == math.inf
    assert all(record.step < 1 << 62 for record in parser.feed(b"step " + b"9" * 300 + b": loss 0.5\n"))
