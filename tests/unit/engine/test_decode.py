"""Lines to columns: three speeds, one meaning."""

from __future__ import annotations

import json
import math
import random
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.engine.decode import LineDecoder
from opengraphs.store.tail import Piece

Table = dict[tuple[str, int | None, str | None], list[tuple[int, float, str]]]


def table(decoder: LineDecoder, data: bytes, **options: Any) -> Table:
    decoded = decoder.decode(Piece(data, 0, 0), **options)
    return {
        (rows.key, rows.rank, rows.source): list(
            zip(rows.steps.tolist(), rows.times.tolist(), map(repr, rows.values.tolist()), strict=True)
        )
        for rows in decoded.rows
    }


def line_by_line(data: bytes, **options: Any) -> Table:
    """The same, a decoder and a piece for each line: nothing of one line can touch another."""
    found: Table = {}
    step, time = options.get("next_step", 0), options.get("last_time", 0.0)
    for line in data.splitlines(keepends=True):
        decoder = LineDecoder()
        decoded = decoder.decode(Piece(line, 0, 0), next_step=step, last_time=time)
        step, time = decoded.next_step, decoded.last_time
        for rows in decoded.rows:
            found.setdefault((rows.key, rows.rank, rows.source), []).extend(
                zip(rows.steps.tolist(), rows.times.tolist(), map(repr, rows.values.tolist()), strict=True)
            )
    return found


def lines(*records: Any) -> bytes:
    return b"".join(
        (record if isinstance(record, bytes) else json.dumps(record).encode()) + b"\n" for record in records
    )


def test_plain_records_become_columns() -> None:
    data = lines(*({"step": n, "time": n + 0.5, "metrics": {"a": n, "b": n / 2}} for n in range(5)))
    found = table(LineDecoder(), data)
    assert found[("a", None, None)] == [(n, n + 0.5, repr(float(n))) for n in range(5)]
    assert found[("b", None, None)] == [(n, n + 0.5, repr(n / 2)) for n in range(5)]


def test_the_three_strings_and_foreign_spellings_come_back_as_floats() -> None:
    data = lines(
        {"step": 0, "time": 0, "metrics": {"a": "NaN", "b": "Infinity", "c": "-Infinity"}},
        b'{"step":1,"time":1,"metrics":{"a":NaN,"b":Infinity,"c":-Infinity}}',
        b'{"step":2,"time":2,"metrics":{"a":1e999,"b":-1e999,"c":true}}',
    )
    found = table(LineDecoder(), data)
    assert [value for _, _, value in found[("a", None, None)]] == ["nan", "nan", "inf"]
    assert [value for _, _, value in found[("b", None, None)]] == ["inf", "inf", "-inf"]
    assert [value for _, _, value in found[("c", None, None)]] == ["-inf", "-inf", "1.0"]


def test_missing_step_is_the_previous_plus_one() -> None:
    data = lines(
        {"time": 1, "metrics": {"a": 1}},
        {"time": 2, "metrics": {"a": 2}},
        {"step": 10, "time": 3, "metrics": {"a": 3}},
        {"metrics": {"a": 4}},
    )
    decoder = LineDecoder()
    assert [row[:2] for row in table(decoder, data)[("a", None, None)]] == [
        (0, 1.0),
        (1, 2.0),
        (10, 3.0),
        (11, 3.0),
    ]
    assert table(LineDecoder(), data, next_step=7)[("a", None, None)][0][0] == 7


def test_seals_and_headers_are_no_points_and_no_damage() -> None:
    data = lines(
        {"schema": 1},
        {"step": 0, "time": 0, "metrics": {"a": 1, "b": 2}},
        {"seal": {"from": 0, "to": 9, "crc32": 1}},
    )
    decoder = LineDecoder()
    for _ in range(3):
        decoded = decoder.decode(Piece(data, 0, 0))
        assert decoded.bad == []
        assert decoded.records == 1


BAD: list[tuple[bytes, str]] = [
    (b"garbage", "not a JSON object"),
    (b'{"step":1,"metr', "not a JSON object"),
    (b"[1,2]", "not a JSON object"),
    (b"\xff\xfe\xfa", "not a JSON object"),
    (b'{"step":1,"metrics":[1]}', "metrics is no object"),
    (b'{"step":"x","metrics":{"a":1}}', "step is no number"),
    (b'{"step":99999999999999999999,"metrics":{"a":1}}', "out of range"),
    (b'{"step":-99999999999999999999,"metrics":{"a":1}}', "out of range"),
    (b'{"step":1,"time":"NaN","metrics":{"a":1}}', "out of range"),
    (b'{"step":1,"time":{},"metrics":{"a":1}}', "out of range"),
    (b'{"step":1,"rank":-1,"metrics":{"a":1}}', "out of range"),
    (b'{"step":NaN,"metrics":{"a":1}}', "step is no number"),
    (b"[" * 100_000, "not a JSON object"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_bad_line_is_skipped_and_named_with_its_offset(bad: bytes, reason: str) -> None:
    before, after = ({"step": n, "time": 1.0, "metrics": {"a": n, "b": 0}} for n in (1, 2))
    data = lines(before, bad, after)
    decoded = LineDecoder().decode(Piece(data, 3, 1000))
    assert [rows.steps.tolist() for rows in decoded.rows] == [[1, 2], [1, 2]]
    (found,) = decoded.bad
    assert (found.segment, found.offset, found.length) == (3, 1000 + len(lines(before)), len(bad) + 1)
    assert reason in found.reason


def test_values_that_are_no_numbers_leave_the_others() -> None:
    data = lines(
        {"step": 1, "time": 1, "metrics": {"a": 1, "b": None, "c": "text", "d": {"x": 1}, "e": [1], "f": 2}}
    )
    assert {key for key, _, _ in table(LineDecoder(), data)} == {"a", "f"}


def test_odd_keys_survive() -> None:
    keys = ["a/b/c", "with space", "", "\N{GRINNING FACE}", "tab\tnew\nline", "nul\x00", "ключ", "x" * 3000]
    data = lines(
        {"step": 1, "time": 1, "metrics": dict.fromkeys(keys, 1.0)}, b'{"step":2,"metrics":{"\\ud800":1}}'
    )
    assert {key for key, _, _ in table(LineDecoder(), data)} == {*keys, "?"}


def test_own_rank_and_source_say_nothing_new() -> None:
    data = lines(
        {"step": 1, "time": 1, "metrics": {"a": 1}, "rank": 2},
        {"step": 2, "time": 1, "metrics": {"a": 1}, "source": "sdk"},
        {"step": 3, "time": 1, "metrics": {"a": 1}, "rank": 5, "source": "wandb"},
    )
    assert set(table(LineDecoder(rank=2), data)) == {("a", None, None), ("a", 5, "wandb")}


def test_lines_of_one_metric_and_of_mirrors_become_columns_in_bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ever being looked at one by one."""
    monkeypatch.setattr(LineDecoder, "_complete", None)
    records = [
        {"step": n // 3, "time": n * 0.5, "metrics": {"abc"[n % 3]: n}, "source": source, "rank": rank}
        for n in range(300)
        for source, rank in (("wandb", 0), ("tensorboard", n % 2))
    ]
    found = table(LineDecoder(), lines(*records))
    assert set(found) == {
        (key, rank, source)
        for key in "abc"
        for source, rank in (("wandb", None), ("tensorboard", None), ("tensorboard", 1))
    }
    assert found[("b", None, "wandb")] == [(n // 3, n * 0.5, repr(float(n))) for n in range(1, 300, 3)]
    assert found[("a", 1, "tensorboard")] == [(n // 3, n * 0.5, repr(float(n))) for n in range(3, 300, 6)]


@pytest.mark.parametrize("warm", [0, 3000])
def test_two_objects_on_a_line_are_one_bad_line(warm: int) -> None:
    """Also where the lines before taught the decoder a shape."""
    decoder = LineDecoder()
    usual = lines(*({"step": n, "time": n, "metrics": {"a": n, "b": n}} for n in range(max(2, warm))))
    decoder.decode(Piece(usual, 0, 0))
    data = lines({"step": 7, "time": 1, "metrics": {"a": 1, "b": 2}})
    decoded = decoder.decode(Piece(data + data[:-1] + data, 0, 0))
    assert [(bad.offset, bad.length) for bad in decoded.bad] == [(len(data), 2 * len(data) - 1)]
    assert decoded.records == 1


def test_system_lines_take_their_time_for_a_step() -> None:
    data = lines(
        {"time": 12.3456, "metrics": {"cpu.percent": 1}}, {"time": 14.0, "metrics": {"cpu.percent": 2}}
    )
    found = table(LineDecoder(clock_steps=True), data)
    assert [row[0] for row in found[("cpu.percent", None, None)]] == [12345, 14000]


def test_a_logged_nan_is_told_from_an_absent_key_bit_by_bit() -> None:
    decoder = LineDecoder()
    first = lines(*({"step": n, "time": 1.0, "metrics": {"a": 1, "b": 2}} for n in range(10)))
    table(decoder, first)
    second = lines(
        {"step": 11, "time": 1.0, "metrics": {"a": "NaN"}}, {"step": 12, "time": 1.0, "metrics": {"b": "NaN"}}
    )
    assert table(decoder, second) == {
        ("a", None, None): [(11, 1.0, "nan")],
        ("b", None, None): [(12, 1.0, "nan")],
    }
    decoded = decoder.decode(Piece(second, 0, 0))
    bits = {struct.pack("<d", value) for rows in decoded.rows for value in rows.values.tolist()}
    assert bits == {struct.pack("<d", math.nan)}


record = st.fixed_dictionaries(
    {
        "metrics": st.dictionaries(
            st.sampled_from("abcd"), st.sampled_from([0, 1.5, -2, "NaN", "Infinity"]), max_size=4
        )
    },
    optional={
        "step": st.integers(-5, 20),
        "time": st.floats(0, 10, width=16),
        "rank": st.integers(0, 2),
        "source": st.sampled_from(["sdk", "wandb"]),
    },
)
odd = st.sampled_from(
    [b"", b"  ", b"junk", b'{"seal":{"from":0,"to":1,"crc32":2}}', b'{"step":1.5,"metrics":{"a":true}}',
     b'{"metrics":{"a":null,"b":"0.25"}}', b'{"step":"12","metrics":{"a":"0.5"}}', b'{"dropped":3}', b'{"metrics":null}'],
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(record, record, record, odd), max_size=25), st.integers(1, 5))
def test_pieces_mean_what_their_lines_mean(records: list[Any], cuts: int) -> None:
    data = lines(*records)
    whole = line_by_line(data, next_step=3, last_time=1.5)
    decoder = LineDecoder()
    found: Table = {}
    step, time = 3, 1.5
    rows = data.splitlines(keepends=True)
    size = max(1, len(rows) // cuts)
    for at in range(0, len(rows), size):
        decoded = decoder.decode(Piece(b"".join(rows[at : at + size]), 0, 0), next_step=step, last_time=time)
        step, time = decoded.next_step, decoded.last_time
        for part in decoded.rows:
            found.setdefault((part.key, part.rank, part.source), []).extend(
                zip(part.steps.tolist(), part.times.tolist(), map(repr, part.values.tolist()), strict=True)
            )
    assert found == whole


def test_flipped_bytes_cost_at_most_their_line() -> None:
    rng = random.Random(7)
    records = [{"step": n, "time": 1.0 + n, "metrics": {"loss": n / 7, "lr": 0.1}} for n in range(50)]
    data = lines(*records)
    clean_rows = set(table(LineDecoder(), data)[("loss", None, None)])
    for _ in range(300):
        flipped = bytearray(data)
        at = rng.randrange(len(data))
        flipped[at] ^= 1 << rng.randrange(8)
        found = set(table(LineDecoder(), bytes(flipped)).get(("loss", None, None), []))
        assert len(clean_rows - found) <= 2
