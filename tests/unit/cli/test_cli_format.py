"""Numbers, times and untrusted text as the command line prints them."""

from __future__ import annotations

import pytest

from opengraphs.cli import format as fmt

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (0.0, "0"),
        (372, "372"),
        (0.41234567, "0.4123"),
        (3e-4, "0.0003"),
        (1.5e-7, "1.5e-07"),
        (12_345_678.0, "1.235e+07"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        ("NaN", "NaN"),
    ],
)
def test_number_keeps_four_digits_and_names_what_is_no_number(value: float | str | None, shown: str) -> None:
    assert fmt.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0, "0"), (9_999, "9999"), (10_000, "10k"), (3_400_000, "3400k"), (12_345_678, "12.3M")],
)
def test_count_stays_short(value: int | None, shown: str) -> None:
    assert fmt.count(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (-1, "-"),
        (0.42, "0.4s"),
        (9.97, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (252, "4m12s"),
        (3720, "1h02m"),
        (273_600, "3d04h"),
        (float("inf"), "-"),
    ],
)
def test_duration_has_two_units_at_most(seconds: float | None, shown: str) -> None:
    assert fmt.duration(seconds) == shown


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (3_400, "3.4 kB"),
        (999_600, "1.0 MB"),
        (123e9, "123 GB"),
        (2.5e12, "2.5 TB"),
    ],
)
def test_size_counts_in_thousands(size_bytes: float, shown: str) -> None:
    assert fmt.size(size_bytes) == shown


def test_age_is_counted_from_now_and_never_negative() -> None:
    assert fmt.age("2027-01-15T08:00:00.000000Z", now=NOW) == "just now"
    assert fmt.age("2027-01-15T07:55:30.000000Z", now=NOW) == "4m ago"
    assert fmt.age("2027-01-13T08:00:00Z", now=NOW) == "2d ago"
    assert fmt.age("2027-01-16T08:00:00Z", now=NOW) == "just now"
    assert fmt.age("2026-11-15T08:00:00Z", now=NOW) == "8w ago"
    assert fmt.age("2020-02-20T08:00:00Z", now=NOW) == "6.9y ago"
    assert fmt.age("1970-01-01T00:00:00Z", now=NOW) == "57y ago"
    assert fmt.age("not a time", now=NOW) == "-"
    assert fmt.age(None, now=NOW) == "-"


def test_clean_lets_no_control_character_through() -> None:
    hostile = "a\x1b]0;owned\x07b\x1b[2Jc\nd\x9be\x00"
    assert fmt.clean(hostile).isprintable()
    assert fmt.clean("plain ✓ naïve") == "plain ✓ naïve"


def test_without_colour_takes_colours_only() -> None:
    assert fmt.without_colour("\x1b[31mred\x1b[0m and \ttab") == "red and \ttab"


def test_progress_is_the_furthest_step_that_was_seen_and_its_total() -> None:
    assert fmt.progress({"progress": {"step": 0, "total": 10}, "last_step": 7}) == "7/10"
    assert fmt.progress({"progress": {"step": 9, "total": 10}, "last_step": 7}) == "9/10"
    assert fmt.progress({"progress": {"step": 0, "total": None}}) == "0"
    assert fmt.progress({"progress": None, "last_step": 7}) == "7"
    assert fmt.progress({}) == "-"


def test_took_counts_to_now_only_while_it_runs() -> None:
    start = {"started_at": "2027-01-15T07:59:00Z"}
    assert fmt.took({**start, "status": "running"}, now=NOW) == 60
    assert fmt.took({**start, "status": "finished", "ended_at": "2027-01-15T07:59:30Z"}, now=NOW) == 30
    assert fmt.took({**start, "status": "crashed", "heartbeat_at": "2027-01-15T07:59:15Z"}, now=NOW) == 15
    assert fmt.took({**start, "status": "crashed"}, now=NOW) is None
    at_once = {**start, "heartbeat_at": start["started_at"]}
    assert fmt.took({**at_once, "status": "finished"}, now=NOW) is None  # nobody has said yet when it ended
    assert fmt.took({**at_once, "status": "finished", "ended_at": start["started_at"]}, now=NOW) == 0
    assert fmt.took({"status": "running"}, now=NOW) is None


def test_shown_metric_is_the_main_one_with_its_last_value() -> None:
    assert fmt.shown_metric({"main_metric": "train/loss", "last": {"train/loss": 0.25}}) == "train/loss 0.25"
    assert fmt.shown_metric({"main_metric": "train/loss", "last": {"train/loss": "NaN"}}) == "train/loss NaN"
    assert fmt.shown_metric({"main_metric": "train/loss"}) == "train/loss"
    assert fmt.shown_metric({}) == ""
