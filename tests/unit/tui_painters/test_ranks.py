"""Ranks in few words, and their band behind the curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from conftest_frames import check_frame

from opengraphs.tui.glyphs import ASCII, BLOCK, BRAILLE, GLYPHS, Glyphs
from opengraphs.tui.painters import chart, ranks
from opengraphs.tui.painters.cells import Row, plain, row_width
from opengraphs.tui.painters.chart import Band, ChartSpec, Curve

Golden = Callable[[str, Sequence[Row]], None]


def seen(rank: int, state: str = "ok", **more: Any) -> Any:
    facts = {"attempt": 0, "writer": f"a0-r{rank}", "last_step": 10, "last_time": 100.0, "alive": True}
    return {"rank": rank, **facts, "lag_steps": 0, "silent_s": 1.0, "interval_s": 0.1, "state": state, **more}


def missing(rank: int) -> Any:
    return seen(rank, "missing", writer="", last_step=None, last_time=None, lag_steps=None, silent_s=None)


def told(found: list[Any], *, most: int = 5, glyphs: Glyphs = BRAILLE) -> list[str]:
    rows = ranks.rows(found, 32, glyphs, most=most)
    assert all(row_width(row) == 32 for row in rows)
    return [" ".join(line.split()) for line in plain(rows)]


def test_ranks_in_step_are_one_calm_line() -> None:
    assert told([seen(n) for n in range(8)]) == ["8 ranks all in step"]
    assert told([seen(n, "ended") for n in range(2)]) == ["2 ranks all ended"]


def test_the_worst_ranks_are_named_first_and_the_rest_counted() -> None:
    found = [seen(0), seen(1, "lagging", lag_steps=5), seen(2, "lagging", lag_steps=120)]
    found += [seen(3, "silent", silent_s=252.0), missing(4)]
    assert told(found) == [
        "5 ranks 4 in trouble",
        "▲ rank 4 missing",
        "▲ rank 3 silent 4m12s",
        "▲ rank 2 120 steps behind",
        "▲ rank 1 5 steps behind",
    ]
    assert told(found, most=3)[1:] == ["▲ rank 4 missing", "3 more"]
    assert len(told(found, most=1)) == 1


def test_a_run_where_one_rank_logs_has_nothing_to_tell() -> None:
    assert told([seen(0)]) == []
    assert told([seen(0), *(missing(n) for n in range(1, 8))]) == []


def test_of_a_rank_the_newest_attempt_counts_and_of_its_journals_the_one_written_last() -> None:
    found = [
        seen(0, "ended", attempt=0, last_time=500.0),
        seen(0, "ok", attempt=1, last_time=200.0),
        seen(0, "silent", attempt=1, last_time=150.0, writer="stdout"),
        seen(1),
    ]
    assert [one["state"] for one in ranks.by_rank(found)] == ["ok", "ok"]


def test_an_ascii_terminal_reads_it_too() -> None:
    assert all(line.isascii() for line in told([seen(0), seen(1, "silent")], glyphs=ASCII))


# The band


def spec(**more: Any) -> ChartSpec:
    xs = [float(x) for x in range(0, 200, 2)]
    middle = [2.0 - x / 150 for x in xs]
    band = Band((xs, [y - 0.4 for y in middle]), (xs, [y + 0.4 for y in middle]), series=0)
    return ChartSpec("train/loss", [Curve(xs, middle)], bands=[band], live=False, **more)


@pytest.mark.parametrize("name", list(GLYPHS))
def test_a_band_is_quiet_texture_behind_the_line(golden: Golden, name: str) -> None:
    rows = chart.paint(spec(), 60, 14, GLYPHS[name])
    check_frame(rows, 60, 14)
    golden(f"chart_band_{name}", rows)


def test_a_band_is_seen_without_colour(golden: Golden) -> None:
    rows = chart.paint(spec(), 60, 14, BRAILLE.with_texture())
    golden("chart_band_textured", rows)


def test_the_axis_holds_the_whole_band() -> None:
    one = spec()
    chart.paint(one, 60, 14, BRAILLE)
    assert one.axis.y is not None
    low, high = one.axis.y
    assert low <= 2.0 - 198 / 150 - 0.4
    assert high >= 2.4


def test_a_band_with_holes_and_odd_values_is_drawn_where_it_can_be() -> None:
    xs = [0.0, 1.0, 2.0, 3.0]
    band = Band((xs, [0.0, "NaN", 0.0, 0.0]), (xs, [1.0, 1.0, "Infinity", 1.0]))
    rows = chart.paint(ChartSpec("m", [Curve(xs, [0.5] * 4)], bands=[band], log_y=False), 40, 10, BLOCK)
    check_frame(rows, 40, 10)
    logged = chart.paint(ChartSpec("m", [Curve(xs, [0.5] * 4)], bands=[band], log_y=True), 40, 10, BRAILLE)
    check_frame(logged, 40, 10)


# What is not read yet


def test_no_line_crosses_what_is_still_to_be_read(golden: Golden) -> None:
    xs = [float(x) for x in (*range(30), *range(80, 100))]
    curve = Curve(xs, [1.0 + x / 100 for x in xs], unread=(29.0, 80.0))
    rows = chart.paint(ChartSpec("train/loss", [curve], live=False), 60, 10, BRAILLE)
    check_frame(rows, 60, 10)
    golden("chart_unread", rows)


@pytest.mark.parametrize("unread", [(-5.0, -1.0), (200.0, 300.0), (5.0, 25.0)])
def test_a_stretch_that_lies_elsewhere_or_holds_points_breaks_nothing(unread: tuple[float, float]) -> None:
    xs = [float(x) for x in range(100)]
    whole = chart.paint(ChartSpec("m", [Curve(xs, xs)], live=False), 60, 10, BRAILLE)
    same = chart.paint(ChartSpec("m", [Curve(xs, xs, unread=unread)], live=False), 60, 10, BRAILLE)
    assert plain(whole)[:-1] == plain(same)[:-1]


def test_the_curve_itself_keeps_its_points() -> None:
    curve = Curve([0.0, 9.0, 90.0, 99.0], [1.0] * 4, unread=(9.0, 90.0))
    one = ChartSpec("m", [curve], live=False, cursor=50.0)
    rows = chart.paint(one, 60, 10, BRAILLE)
    assert "NaN" not in "".join(plain(rows)), "the read-out goes from point to point"
    assert chart.move_cursor(one, 60, 10, 1, BRAILLE) in curve.x
