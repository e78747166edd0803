"""Numbers keep their width, untrusted text loses its teeth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengraphs.tui.painters import numbers, text


@given(st.floats())
def test_value_never_exceeds_its_width(number: float) -> None:
    assert len(numbers.value(number)) <= numbers.VALUE_WIDTH
    assert len(numbers.short(number)) <= numbers.VALUE_WIDTH


@given(st.floats(min_value=1e-99, max_value=1e17))
def test_value_keeps_three_digits_of_what_it_shows(number: float) -> None:
    shown = numbers.value(number)
    scale = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
    back = float(shown[:-1]) * scale[shown[-1]] if shown[-1] in scale else float(shown)
    assert math.isclose(back, number, rel_tol=6e-3)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (372, "372"),
        (0.412, "0.4120"),
        (12.345, "12.35"),
        (9999.7, "10.00k"),
        (12_345, "12.35k"),
        (1.5e6, "1.500M"),
        (3e-4, "3.00e-4"),
        (-1.2345e-5, "-1.23e-5"),
        (1.5e300, "1.50e300"),
        (0.99999, "1.000"),
        ("NaN", "NaN"),
        ("-Infinity", "-inf"),
        (None, "-"),
    ],
)
def test_value_examples(number: float | str | None, shown: str) -> None:
    assert numbers.value(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(3e-4, "3e-4"), (0.412, "0.412"), (1.5e6, "1.5M"), (10_000, "10k"), (2, "2")]
)
def test_short_drops_what_says_nothing(number: float, shown: str) -> None:
    assert numbers.short(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (0.35, "350ms"),
        (12, "12s"),
        (252, "4m12s"),
        (3780, "1h03m"),
        (187_200, "2d04h"),
        (None, "-"),
    ],
)
def test_duration_examples(seconds: float | None, shown: str) -> None:
    assert numbers.duration(seconds) == shown


@pytest.mark.parametrize(
    ("days", "shown"),
    [(13, "13d"), (14, "2w"), (729, "104w"), (731, "2.0y"), (2520, "6.9y"), (3640, "10y"), (20_000, "55y")],
)
def test_a_long_age_is_told_in_weeks_and_years(days: int, shown: str) -> None:
    assert numbers.age(days * 86_400.0) == shown


@given(st.floats(min_value=0, max_value=1e10))
def test_durations_ages_and_sizes_keep_their_columns(number: float) -> None:
    assert len(numbers.duration(number)) <= 7
    assert len(numbers.age(number)) <= 4
    assert len(numbers.size_bytes(number * 1e6)) <= 5
    assert len(numbers.percent(number)) == 5


@given(st.text(max_size=60))
def test_clean_leaves_no_control_character_and_is_stable(raw: str) -> None:
    safe = text.clean(raw)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in safe)
    assert not any(char in safe for char in "\u202a\u202e\u2066\u2069\u200b\u200d\ufeff\u2028")
    assert text.clean(safe) == safe
    assert text.clean(raw, ascii_only=True).isascii()


@given(st.text(max_size=40), st.integers(0, 30), st.sampled_from(["left", "right", "center"]))
def test_pad_is_exact(raw: str, width: int, align: str) -> None:
    safe = text.clean(raw)
    if not safe or text.cell_len(safe[0]):
        assert text.cell_len(text.pad(safe, width, align=align)) == width
        assert text.cell_len(text.clip(safe, width)) <= width
        assert text.cell_len(text.clip_left(safe, width)) <= width


def test_clip_shows_that_something_is_missing() -> None:
    assert text.clip("train/loss", 6) == "train…"
    assert text.clip_left("train/loss", 6) == "…/loss"
    assert text.clip("训练实验", 5) == "训练…"
    assert text.clip("训练实验", 4) == "训…"


def test_escape_sequences_become_harmless_text() -> None:
    assert text.clean("a\x1b[31mred\x07") == "a·[31mred·"
    assert text.clean("\u202eabc\u200b") == "abc"
    assert text.clean("e\u0301\u0301\u0301\u0301") == "é\u0301\u0301"
    assert text.clean("训…", ascii_only=True) == "??~"
