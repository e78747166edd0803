"""Two overlaid runs can be told apart in every theme, at every depth and with every glyph set, through the painters."""

from __future__ import annotations

import itertools

import pytest

from opengraphs.tui.glyphs import GLYPHS, Glyphs
from opengraphs.tui.painters import chart
from opengraphs.tui.painters.cells import Row
from opengraphs.tui.theme import DEPTHS, THEMES

WIDTH, HEIGHT = 80, 16


def picture(glyphs: Glyphs) -> list[Row]:
    """Two level curves: the first run in the upper half, the second in the lower one."""
    xs = [float(x) for x in range(200)]
    curves = [
        chart.Curve(xs, [2.0 - number + 0.001 * x for x in xs], series=number, label=f"run {number}")
        for number in (0, 1)
    ]
    return chart.paint(chart.ChartSpec("loss", curves), WIDTH, HEIGHT, glyphs)


def runs_of(rows: list[Row], number: int) -> list[str]:
    """The text of one curve's cells, line by line; title and legend are not looked at."""
    return [text for row in rows[2:] for text, role in row if role == f"series.{number}"]


def gaps(rows: list[Row], number: int) -> int:
    """How often one curve is interrupted."""
    lines = ["".join(text if role == f"series.{number}" else " " for text, role in row) for row in rows[2:]]
    drawn = [any(line[x].strip() for line in lines if len(line) > x) for x in range(WIDTH)]
    inside = drawn[drawn.index(True) : WIDTH - drawn[::-1].index(True)]
    return sum(before and not after for before, after in itertools.pairwise(inside))


@pytest.mark.parametrize("glyph_set", GLYPHS)
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("name", THEMES)
def test_two_runs_differ(name: str, depth: str, glyph_set: str) -> None:
    theme = THEMES[name]
    glyphs = GLYPHS[glyph_set].with_texture(theme.textured(depth))
    rows = picture(glyphs)
    looks = [theme.resolve(f"series.{number}", depth).key() for number in (0, 1)]
    assert looks[0] != looks[1] or glyphs.textured
    if glyphs.textured:
        for number in (0, 1):
            own, other = glyphs.legend[number], glyphs.legend[1 - number]
            drawn = "".join(runs_of(rows, number))
            assert drawn.count(own) >= 3, "its marker stands on it"
            assert other not in drawn
            assert own in "".join(text for text, _ in rows[1]), "and in the legend"


@pytest.mark.parametrize("glyph_set", ["braille", "block"])
def test_textures_differ_and_only_where_they_are_needed(glyph_set: str) -> None:
    textured = picture(GLYPHS[glyph_set].with_texture())
    assert gaps(textured, 0) == 0, "the first run is solid"
    assert gaps(textured, 1) >= 5, "the second is dashed"
    assert gaps(picture(GLYPHS[glyph_set]), 1) == 0


def test_sixteen_colours_and_none_are_textured_in_every_theme() -> None:
    assert all(theme.textured(depth) for theme in THEMES.values() for depth in ("none", "16"))
