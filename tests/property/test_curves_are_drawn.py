"""Any curve, any window: every finite point is drawn, and overlaid runs can be told apart."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.painters import chart, raster
from opengraphs.tui.painters.cells import plain, row_width
from opengraphs.tui.theme import THEMES

VALUES = st.floats(-1e6, 1e6, allow_nan=False) | st.sampled_from([math.nan, math.inf, -math.inf])


@st.composite
def curves(draw: st.DrawFn) -> tuple[list[float], list[float]]:
    xs = sorted(draw(st.lists(st.integers(0, 500), min_size=1, max_size=60, unique=True)))
    ys = draw(st.lists(VALUES, min_size=len(xs), max_size=len(xs)))
    return [float(x) for x in xs], ys


@given(curves(), st.integers(2, 60), st.integers(2, 40), st.sampled_from(sorted(GLYPHS)))
def test_every_finite_point_is_lit(
    drawn: tuple[list[float], list[float]], columns: int, rows: int, name: str
) -> None:
    xs, ys = drawn
    glyphs = GLYPHS[name]
    finite = [y for y in ys if math.isfinite(y)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    low, high = (low, high) if high - low > 1e-6 else (low - 1, high + 1)
    wide, tall = columns * glyphs.dots[0], rows * glyphs.dots[1]
    x_range = (xs[0], xs[-1]) if xs[-1] > xs[0] else (xs[0], xs[0] + 1)
    top, bottom = raster.envelope(xs, ys, x_range=x_range, y_range=(low, high), columns=wide, rows=tall)
    cells = raster.pack(top, bottom, columns, rows, glyphs)
    for x, y in zip(xs, ys, strict=True):
        if math.isfinite(y):
            column = int((x - x_range[0]) * (wide - 1) / (x_range[1] - x_range[0]) + 0.5)
            row = (high - y) * (tall - 1) / (high - low)
            assert top[column] - 0.51 <= row <= bottom[column] + 0.51
            nearest = min(max(int(row + 0.5), top[column]), bottom[column])
            bit = column % glyphs.dots[0] * glyphs.dots[1] + nearest % glyphs.dots[1]
            assert cells[column // glyphs.dots[0] * rows + nearest // glyphs.dots[1]] >> bit & 1


@given(curves(), st.integers(12, 90), st.integers(4, 30), st.sampled_from(sorted(GLYPHS)), st.booleans())
def test_a_chart_kept_in_its_memo_is_the_chart_painted_afresh(
    drawn: tuple[list[float], list[float]], width: int, height: int, name: str, log_y: bool
) -> None:
    xs, ys = drawn
    glyphs = GLYPHS[name]

    def spec(memo: chart.Memo | None, cursor: float | None) -> chart.ChartSpec:
        return chart.ChartSpec("m", [chart.Curve(xs, ys)], memo=memo, cursor=cursor, log_y=log_y)

    memo = chart.Memo()
    for cursor in (None, xs[0], xs[-1], None):
        kept = chart.paint(spec(memo, cursor), width, height, glyphs)
        assert plain(kept) == plain(chart.paint(spec(None, cursor), width, height, glyphs))
        assert {row_width(row) for row in kept} == {width}
        assert len(kept) == height


@pytest.mark.parametrize("theme", sorted(THEMES))
@pytest.mark.parametrize("depth", ["none", "16", "256", "truecolor"])
@pytest.mark.parametrize("name", sorted(GLYPHS))
def test_two_overlaid_runs_differ(name: str, depth: str, theme: str) -> None:
    """By colour where there is one, and always by the marker in the legend."""
    glyphs = GLYPHS[name].with_texture(THEMES[theme].textured(depth))
    xs = [float(x) for x in range(100)]
    pair = [chart.Curve(xs, [x * (1 if n else -1) for x in xs], series=n, label=f"run{n}") for n in range(2)]
    rows = chart.paint(chart.ChartSpec("loss", pair), 60, 14, glyphs)
    legend = plain(rows)[1]
    first, second = (legend[legend.index(f"run{n}") - 2] for n in range(2))
    assert first != second
    if depth == "none":
        inside = "".join(plain(rows)[2:])
        assert first in inside
        assert second in inside
