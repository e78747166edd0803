"""Charts: every point is on the picture, sizes are exact, odd data gets a calm picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from conftest_frames import check_frame, series, training
from hypothesis import given, settings
from hypothesis import strategies as st

from opengraphs.tui.glyphs import ASCII, BRAILLE, GLYPHS, Glyphs
from opengraphs.tui.painters import chart
from opengraphs.tui.painters.axis import AxisState
from opengraphs.tui.painters.cells import Row, plain
from opengraphs.tui.painters.chart import ChartSpec, Curve, Mark

Golden = Callable[[str, Sequence[Row]], None]

values = st.one_of(
    st.floats(-1e9, 1e9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["NaN", "Infinity", "-Infinity"]),
)
curves = st.lists(
    st.builds(
        lambda points, number, thin: Curve(
            [float(x) for x, _ in points],
            [y for _, y in points],
            series=number,
            thin=thin,
            label=f"run {number}",
        ),
        st.lists(st.tuples(st.integers(0, 10**7), values), max_size=30).map(
            lambda pairs: sorted(pairs, key=lambda pair: pair[0])
        ),
        st.integers(0, 9),
        st.booleans(),
    ),
    max_size=4,
)
looks = st.builds(
    lambda name, textured: GLYPHS[name].with_texture(textured), st.sampled_from(list(GLYPHS)), st.booleans()
)


@settings(deadline=None, max_examples=150)
@given(
    curves,
    st.integers(1, 70),
    st.integers(1, 24),
    looks,
    st.booleans(),
    st.sampled_from(["step", "time", "relative"]),
    st.one_of(st.none(), st.floats(0, 1e7)),
    st.one_of(st.none(), st.tuples(st.floats(0, 1e6), st.floats(1e6, 1e7))),
)
def test_a_chart_of_anything_has_exactly_its_size(
    drawn: list[Curve],
    width: int,
    height: int,
    glyphs: Glyphs,
    log_y: bool,
    x_kind: str,
    cursor: float | None,
    window: tuple[float, float] | None,
) -> None:
    marks = [Mark(1000.0, "checkpoint"), Mark(2e6, "error", "spike")]
    spec = ChartSpec(
        "\x1b[2Jmetric/名",
        drawn,
        x_kind=x_kind,
        x_range=window,
        log_y=log_y,
        cursor=cursor,
        marks=marks,
        focused=log_y,
    )
    check_frame(chart.paint(spec, width, height, glyphs), width, height)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.one_of(st.floats(-1e6, 1e6), st.just(math.nan))),
        min_size=1,
        max_size=40,
    ).map(lambda pairs: sorted(pairs, key=lambda pair: pair[0])),
    st.integers(30, 70),
    st.integers(6, 20),
    st.sampled_from(list(GLYPHS)),
)
def test_every_finite_point_is_on_the_picture(
    points: list[tuple[int, float]], width: int, height: int, name: str
) -> None:
    glyphs = GLYPHS[name]
    spec = ChartSpec("m", [Curve([float(x) for x, _ in points], [y for _, y in points])])
    picture = plain(chart.paint(spec, width, height, glyphs))
    finite = [(x, y) for x, y in points if math.isfinite(y)]
    if not finite:
        return
    assert spec.axis.x is not None
    assert spec.axis.y is not None
    left = 1 + spec.axis.label_width + 2
    columns, rows = (width - 1 - left) * glyphs.dots[0], (height - 2) * glyphs.dots[1]
    for x, y in finite:
        share_x = (x - spec.axis.x[0]) / (spec.axis.x[1] - spec.axis.x[0])
        share_y = (spec.axis.y[1] - y) / (spec.axis.y[1] - spec.axis.y[0])
        places = {
            (
                1 + int(share_y * (rows - 1) + half) // glyphs.dots[1],
                left + int(share_x * (columns - 1) + also) // glyphs.dots[0],
            )
            for half in (0.5 - 1e-6, 0.5 + 1e-6)
            for also in (0.5 - 1e-6, 0.5 + 1e-6)
        }
        assert any(picture[row][column] not in (" ", glyphs.guide) for row, column in places)


def spec_of(metric: str, found: list[Any], **more: Any) -> ChartSpec:
    runs = list(dict.fromkeys(one["run"] for one in found))
    colors = {run: index for index, run in enumerate(runs)}
    labels = {"r1": "baseline", "r2": "lr-1e-4", "r3": "warmup"}
    return ChartSpec(metric, chart.curves_of(found, metric=metric, colors=colors, labels=labels), **more)


@pytest.mark.parametrize("name", list(GLYPHS))
@pytest.mark.parametrize(("width", "height"), [(60, 14), (40, 10), (28, 8), (14, 5), (10, 3)])
def test_one_run(golden: Golden, name: str, width: int, height: int) -> None:
    rows = chart.paint(spec_of("train/loss", training()), width, height, GLYPHS[name])
    check_frame(rows, width, height)
    golden(f"chart_one_{name}_{width}x{height}", rows)


@pytest.mark.parametrize("name", list(GLYPHS))
def test_three_runs_without_colour(golden: Golden, name: str) -> None:
    found = training("r1") + training("r2", steps=300, seed=2, speed=0.6) + training("r3", seed=3, speed=1.5)
    glyphs = GLYPHS[name].with_texture()
    rows = chart.paint(spec_of("eval/acc", found, cursor=180.0), 60, 14, glyphs)
    check_frame(rows, 60, 14)
    golden(f"chart_three_textured_{name}", rows)
    for marker in glyphs.legend[:3]:
        assert sum(line.count(marker) for line in plain(rows)) >= 2, (
            f"{marker} must stand in legend and picture"
        )


def test_marks_cursor_and_focus(golden: Golden) -> None:
    xs = range(400)
    ys = [2 / (1 + x / 50) if not 300 < x < 306 else math.nan for x in xs]
    marks = [Mark(100, "checkpoint"), Mark(200, "warn"), Mark(260, "error")]
    spec = spec_of("train/loss", series("r1", "train/loss", xs, ys), marks=marks, cursor=180.0, focused=True)
    rows = chart.paint(spec, 60, 12, BRAILLE)
    golden("chart_marks", rows)
    axis_row = plain(rows)[-1]
    assert "◆" in axis_row
    assert "×" in axis_row
    assert " 180 " in axis_row


def test_many_checkpoints_leave_the_axis_its_numbers() -> None:
    xs = range(400)
    marks = [Mark(x, "checkpoint") for x in range(0, 400, 10)]
    spec = spec_of("train/loss", series("r1", "train/loss", xs, [1 / (1 + x) for x in xs]), marks=marks)
    axis_row = plain(chart.paint(spec, 60, 12, BRAILLE))[-1]
    assert " 200 " in axis_row
    assert "◆" in axis_row


@pytest.mark.parametrize(
    ("left", "right", "shown"),
    [
        (("note", "¶"), ("checkpoint", "◆"), "¶500◆"),
        (("checkpoint", "◆"), None, "◆500 "),
        (None, ("warn", "▲"), " 500▲"),
    ],
)
def test_a_mark_that_a_number_covers_stands_beside_it(
    left: tuple[str, str] | None, right: tuple[str, str] | None, shown: str
) -> None:
    xs = range(1100)
    marks = [Mark(x, "checkpoint") for x in (250, 750, 1000)] + [Mark(911, "error")]
    marks += [Mark(460.0, left[0])] if left else []
    marks += [Mark(510.0, right[0])] if right else []
    spec = spec_of("lr", series("r1", "lr", xs, [1.0 + x for x in xs]), marks=marks)
    axis_row = plain(chart.paint(spec, 36, 12, BRAILLE))[-1]
    assert shown in axis_row
    assert "!" in axis_row


@pytest.mark.parametrize("start", range(0, 60, 7))
def test_half_a_minute_has_two_times_below_it(start: int) -> None:
    xs = [1.7e9 + start + x for x in range(31)]
    spec = ChartSpec("cpu %", [Curve(xs, [float(x) for x in range(31)])], x_kind="time")
    assert plain(chart.paint(spec, 38, 8, BRAILLE))[-1].count(":") >= 2 * 2


@pytest.mark.parametrize("height", range(7, 16))
def test_a_chart_has_two_numbers_beside_it_at_least(height: int) -> None:
    xs = range(60)
    for low, high in ((773.4, 832.6), (0.95, 1.07), (-3.0, 0.4), (19.0, 21.5), (1e-5, 1.4e-5)):
        ys = [low + (high - low) * x / 59 for x in xs]
        rows = plain(chart.paint(spec_of("m", series("r1", "m", xs, ys)), 40, height, BRAILLE))
        assert len({row[1:9].split()[0] for row in rows[1:-1] if row[1:9].strip(" ·")}) >= 2, rows


def test_log_y(golden: Golden) -> None:
    xs = range(200)
    found = series("r1", "loss", xs, [10 ** (2 - x / 40) for x in xs])
    golden("chart_log", chart.paint(spec_of("loss", found, log_y=True), 50, 12, BRAILLE))


def test_wall_time_axis_labels_are_clock_times(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ChartSpec("loss", [Curve([1.7e9, 1.7e9 + 3600], [1.0, 2.0])], x_kind="time")
    assert plain(chart.paint(spec, 60, 10, BRAILLE))[-1].count(":") >= 2


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("empty", []),
        ("single", series("r1", "m", [5], [0.25])),
        ("constant", series("r1", "m", range(50), [3e-4] * 50, smooth=False)),
        ("all_nan", series("r1", "m", range(40), [math.nan] * 40)),
        ("huge", series("r1", "m", range(50), [1e15 * (x + 1) for x in range(50)], smooth=False)),
        ("tiny", series("r1", "m", range(50), [1e-9 * (x + 1) for x in range(50)], smooth=False)),
        ("negative", series("r1", "m", range(50), [-x / 10 for x in range(50)], smooth=False)),
    ],
)
def test_odd_data_gets_a_calm_picture(golden: Golden, name: str, found: list[Any]) -> None:
    rows = chart.paint(spec_of("m", found), 44, 10, BRAILLE)
    check_frame(rows, 44, 10)
    golden(f"chart_{name}", rows)


def test_stale_data_has_no_bright_colour() -> None:
    rows = chart.paint(spec_of("train/loss", training(), stale=True), 50, 12, BRAILLE)
    assert {role for row in rows for _, role in row} <= {"border", "dim", "faint", "series.0.dim"}


def test_a_live_tick_changes_few_rows_and_no_axis() -> None:
    state = AxisState()

    def frame(steps: int) -> list[Row]:
        ys = [0.5 + 0.4 * math.cos(x / 3) for x in range(steps)]
        found = series("r1", "m", range(steps), ys, smooth=False)
        return chart.paint(spec_of("m", found, axis=state), 60, 14, BRAILLE)

    before, after = frame(310), frame(312)
    changed = [y for y, row in enumerate(after) if row != before[y]]
    assert 0 < len(changed) <= 8
    assert len(after) - 1 not in changed


def test_a_finished_run_fills_its_chart() -> None:
    spec = spec_of("train/loss", training(steps=310), live=False)
    chart.paint(spec, 60, 12, BRAILLE)
    assert spec.axis.x == (0.0, 309.0)


def test_a_short_average_is_left_out_and_the_raw_curve_drawn_bright() -> None:
    curves = chart.curves_of(training(steps=40), metric="train/loss", colors={"r1": 3})
    assert [(curve.thin, curve.series) for curve in curves] == [(False, 3)]
    curves = chart.curves_of(training(), metric="train/loss", colors={"r1": 3})
    assert [curve.thin for curve in curves] == [True, False]


def test_cursor_snaps_to_points_and_always_moves() -> None:
    spec = ChartSpec("m", [Curve([0.0, 100.0, 1000.0], [1.0, 2.0, 3.0])])
    chart.paint(spec, 60, 12, BRAILLE)
    assert chart.move_cursor(spec, 60, 12, -1, BRAILLE) == 1000.0
    spec.cursor = 1000.0
    assert chart.move_cursor(spec, 60, 12, -1, BRAILLE) == 100.0
    assert chart.move_cursor(spec, 60, 12, 1, BRAILLE) == 1000.0
    spec.cursor = 0.0
    assert chart.move_cursor(spec, 60, 12, -5, BRAILLE) == 0.0


@given(st.integers(0, 59))
def test_the_mouse_finds_the_x_of_the_cell_it_is_on(column: int) -> None:
    spec = ChartSpec("m", [Curve([0.0, 1000.0], [1.0, 2.0])], live=False)
    chart.paint(spec, 60, 12, BRAILLE)
    x = chart.x_at(spec, 60, 12, column, BRAILLE)
    left = 1 + spec.axis.label_width + 2
    assert (x is not None) == (left <= column < 59)
    if x is not None:
        spec.cursor = x
        rows = plain(chart.paint(spec, 60, 12, BRAILLE))
        assert rows[1][column] == BRAILLE.cursor or rows[2][column] == BRAILLE.cursor


def test_ascii_chart_is_ascii() -> None:
    found = training("r1") + training("r2", seed=4)
    rows = chart.paint(spec_of("train/loss", found, cursor=20.0, marks=[Mark(50, "error")]), 60, 12, ASCII)
    assert "".join(plain(rows)).isascii()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(curves, min_size=1, max_size=3),
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from([(40, 12), (70, 14), (30, 8)]),
            looks,
            st.booleans(),
            st.one_of(st.none(), st.floats(0, 1e7)),
            st.booleans(),
        ),
        min_size=2,
        max_size=8,
    ),
)
def test_what_was_painted_before_changes_no_picture(
    data: list[list[Curve]],
    pictures: list[tuple[int, tuple[int, int], Glyphs, bool, float | None, bool]],
) -> None:
    """A chart with a memory of its last plot paints what one without it does, whatever came between."""
    memo, with_memory, without = chart.Memo(), AxisState(), AxisState()
    for which, size, glyphs, log_y, cursor, focused in pictures:
        drawn = data[which % len(data)]
        more: dict[str, Any] = {"log_y": log_y, "cursor": cursor, "focused": focused}
        remembering = ChartSpec("m", drawn, axis=with_memory, memo=memo, **more)
        fresh = ChartSpec("m", drawn, axis=without, **more)
        assert chart.paint(remembering, *size, glyphs) == chart.paint(fresh, *size, glyphs)


def test_only_the_frame_of_a_chart_is_painted_again_when_only_that_changed() -> None:
    memo, axis = chart.Memo(), AxisState()
    one = Curve([float(x) for x in range(50)], [float(x) for x in range(50)])
    first = chart.paint(ChartSpec("m", [one], axis=axis, memo=memo), 40, 10, BRAILLE)
    again = chart.paint(ChartSpec("m", [one], axis=axis, memo=memo, focused=True), 40, 10, BRAILLE)
    assert plain(first) == plain(again)
    assert first[3][0] != again[3][0]
    other = Curve(list(one.x), [50.0 - y for y in range(50)])
    changed = chart.paint(ChartSpec("m", [other], axis=axis, memo=memo), 40, 10, BRAILLE)
    assert plain(changed) != plain(first)
