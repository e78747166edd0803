"""The rasteriser: every point is lit, lines have no holes, zoomed lines run to the edge."""

from __future__ import annotations

import itertools
import math

from hypothesis import example, given, settings
from hypothesis import strategies as st

from opengraphs.tui.glyphs import BLOCK, BRAILLE, GLYPHS
from opengraphs.tui.painters import raster
from opengraphs.tui.painters.cells import plain

points = st.lists(
    st.tuples(st.integers(0, 500), st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf]))),
    max_size=60,
).map(sorted)


def spans_of(
    found: list[tuple[int, float]], columns: int, rows: int
) -> tuple[list[int], list[int], tuple[float, float], tuple[float, float]]:
    xs, ys = [float(x) for x, _ in found], [y for _, y in found]
    finite = [y for y in ys if math.isfinite(y)]
    x_range = (min(xs), max(xs) or 1.0) if xs else (0.0, 1.0)
    y_range = (min(finite), max(finite)) if finite else (0.0, 1.0)
    top, bottom = raster.envelope(xs, ys, x_range=x_range, y_range=y_range, columns=columns, rows=rows)
    return top, bottom, x_range, y_range


@settings(deadline=None, max_examples=80)
@given(points, st.integers(1, 90), st.integers(1, 60))
@example([(140, 0.0), (192, 1.0), (500, 0.0)], 46, 22)  # half way between two columns
@example([(0, 0.0), (1, 1e-311), (2, 2e-311)], 3, 60)  # rows a unit are more than a float holds
def test_every_finite_point_lies_in_its_columns_span(
    found: list[tuple[int, float]], columns: int, rows: int
) -> None:
    top, bottom, (x0, x1), (y0, y1) = spans_of(found, columns, rows)
    for x, y in found:
        if math.isfinite(y):
            column = int((x - x0) * ((columns - 1) / (x1 - x0)) + 0.5) if x1 > x0 else 0
            row = int((y1 - y) / (y1 - y0) * (rows - 1) + 0.5) if y1 > y0 else 0
            assert top[column] - 1 <= row <= bottom[column] + 1
            assert top[column] <= bottom[column]


@settings(deadline=None, max_examples=80)
@given(points, st.integers(2, 90), st.integers(2, 60))
def test_a_line_without_gaps_has_no_holes(found: list[tuple[int, float]], columns: int, rows: int) -> None:
    solid = [(x, y) for x, y in found if math.isfinite(y)]
    top, bottom, _, _ = spans_of(solid, columns, rows)
    lit = [column for column in range(columns) if top[column] <= bottom[column]]
    if lit:
        assert lit == list(range(lit[0], lit[-1] + 1))
        for left, right in itertools.pairwise(lit):
            assert top[right] <= bottom[left] + 1
            assert bottom[right] >= top[left] - 1


@settings(deadline=None, max_examples=60)
@given(points, st.integers(1, 40), st.integers(1, 15), st.sampled_from(list(GLYPHS)))
def test_packed_cells_hold_exactly_the_spans(
    found: list[tuple[int, float]], columns: int, rows: int, name: str
) -> None:
    glyphs = GLYPHS[name]
    wide, high = columns * glyphs.dots[0], rows * glyphs.dots[1]
    top, bottom, _, _ = spans_of(found, wide, high)
    cells = raster.pack(top, bottom, columns, rows, glyphs)
    assert len(cells) == columns * rows
    for x in range(wide):
        for y in range(high):
            cell = cells[x // glyphs.dots[0] * rows + y // glyphs.dots[1]]
            bit = x % glyphs.dots[0] * glyphs.dots[1] + y % glyphs.dots[1]
            assert bool(cell >> bit & 1) == (top[x] <= y <= bottom[x])


def test_nan_breaks_the_line() -> None:
    top, bottom = raster.envelope(
        [0.0, 1.0, 2.0, 3.0, 4.0],
        [0.0, 0.0, math.nan, 1.0, 1.0],
        x_range=(0, 4),
        y_range=(0, 1),
        columns=5,
        rows=4,
    )
    assert [low >= high for low, high in zip(bottom, top, strict=True)] == [True, True, False, True, True]


def test_zoomed_line_runs_to_both_edges() -> None:
    top, bottom = raster.envelope(
        [0.0, 100.0], [0.0, 100.0], x_range=(40.0, 60.0), y_range=(40.0, 60.0), columns=10, rows=10
    )
    assert (top[0], bottom[0]) == (9, 9)
    assert (top[9], bottom[9]) == (0, 0)


def test_values_far_outside_the_axis_do_not_light_the_border() -> None:
    top, bottom = raster.envelope(
        [0.0, 1.0], [1e300, 1e300], x_range=(0, 1), y_range=(0, 1), columns=4, rows=4
    )
    assert raster.pack(top, bottom, 2, 1, BRAILLE) == bytes(2)


def test_the_layer_added_last_owns_its_cells() -> None:
    canvas = raster.Canvas(3, 1, BLOCK)
    canvas.add(bytes([1, 1, 0]), "series.0")
    canvas.add(bytes([0, 2, 2]), "series.1")
    assert canvas.render() == [[("▀", "series.0"), ("█▄", "series.1")]]


def test_a_replacing_layer_hides_other_dots_in_its_cells() -> None:
    canvas = raster.Canvas(2, 1, BLOCK)
    canvas.add(bytes([3, 3]), "series.0.dim")
    canvas.add(bytes([1, 0]), "series.0", replace=True)
    assert canvas.render() == [[("▀", "series.0"), ("█", "series.0.dim")]]


def test_empty_cells_are_blanks_that_join_the_run_at_their_left() -> None:
    canvas = raster.Canvas(4, 1, BRAILLE)
    canvas.add(bytes([0, 1, 0, 0]), "series.2")
    assert canvas.render() == [[(" ⠁  ", "series.2")]]
    assert plain(raster.Canvas(3, 2, BRAILLE).render()) == ["   ", "   "]
