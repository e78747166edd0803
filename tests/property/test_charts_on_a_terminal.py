"""Any chart, in any size, glyph set, theme and depth: a terminal shows cell for cell what the painter says.

Three ways lead there: the emitter, fed with what differs from the last picture; one write of the whole screen, as
stage 0 and `--once` do it; and the painter's own cells with the theme's colours, which are the measure.
"""

from __future__ import annotations

import math

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.segment import Segment
from textual._compositor import ChopsUpdate
from textual.strip import Strip

from opengraphs.tui import ansi
from opengraphs.tui.driver import Looks, put_update
from opengraphs.tui.emitter import Emitter
from opengraphs.tui.glyphs import GLYPHS, Glyphs
from opengraphs.tui.painters import chart
from opengraphs.tui.painters.cells import Row, plain
from opengraphs.tui.painters.chartspec import ChartSpec, Curve, Mark
from opengraphs.tui.theme import THEMES, Theme
from opengraphs.tui.widgets.canvas import Palette, changed_spans

SYSTEMS = {
    "none": ColorSystem.STANDARD,
    "16": ColorSystem.STANDARD,
    "256": ColorSystem.EIGHT_BIT,
    "truecolor": ColorSystem.TRUECOLOR,
}
VALUES = st.floats(-1e9, 1e9, allow_nan=False) | st.sampled_from([math.nan, math.inf, -math.inf, 0.0])
KINDS = ("checkpoint", "note", "info", "warn", "error")


@st.composite
def curves(draw: st.DrawFn, number: int) -> Curve:
    xs = sorted(draw(st.lists(st.integers(0, 300), min_size=1, max_size=40, unique=True)))
    ys = draw(st.lists(VALUES, min_size=len(xs), max_size=len(xs)))
    lost = [float(x) for x, y in zip(xs, ys, strict=True) if not math.isfinite(y)]
    return Curve([float(x) for x in xs], ys, series=number, label=f"run-{number}", nonfinite=lost)


@st.composite
def specs(draw: st.DrawFn) -> ChartSpec:
    drawn = [draw(curves(number)) for number in range(draw(st.integers(0, 3)))]
    marks = draw(
        st.lists(st.builds(Mark, st.integers(0, 300).map(float), st.sampled_from(KINDS)), max_size=9)
    )
    return ChartSpec(
        draw(st.sampled_from(["train/loss", "a", "训练/loss", "a/very/long/name/of/a/metric"])),
        drawn,
        marks=marks,
        cursor=draw(st.none() | st.integers(0, 300).map(float)),
        focused=draw(st.booleans()),
        log_y=draw(st.booleans()),
    )


class Terminal:
    """A terminal emulator behind the emitter, fed as the canvas feeds it."""

    def __init__(self, width: int, height: int, theme: Theme, depth: str) -> None:
        self.width, self.height = width, height
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.Stream(self.screen)
        self._emitter = Emitter(width, height, char_width=get_character_cell_size)
        self._looks = Looks(self._emitter, SYSTEMS[depth])
        self._palette = Palette(theme, depth)
        self._shown: list[Row] = [[(" " * width, "text")] for _ in range(height)]

    def show(self, rows: list[Row]) -> None:
        style = self._palette.style
        chops = [{0: Strip([Segment(text, style(role)) for text, role in row], self.width)} for row in rows]
        spans = [
            (y, start, stop)
            for y, (old, new) in enumerate(zip(self._shown, rows, strict=True))
            for start, stop in changed_spans(old, new)
        ]
        put_update(self._emitter, self._looks, ChopsUpdate(chops, spans, [[self.width]] * self.height))
        self._stream.feed(self._emitter.flush())
        self._shown = rows


def seen(screen: pyte.Screen) -> list[list[tuple[object, ...]]]:
    """Each cell as far as it can be seen: of a blank only its ground."""

    def look(char: pyte.screens.Char) -> tuple[object, ...]:
        if char.data == " " and not (char.reverse or char.underscore):
            return (" ", char.bg)
        return (char.data, char.fg, char.bg, char.bold, char.underscore, char.reverse)

    return [[look(screen.buffer[y][x]) for x in range(screen.columns)] for y in range(screen.lines)]


def written_at_once(rows: list[Row], width: int, theme: Theme, depth: str) -> pyte.Screen:
    screen = pyte.Screen(width, len(rows))
    pyte.Stream(screen).feed("\x1b[?7l" + ansi.screen(rows, theme, depth))
    return screen


def emulated(color: str | None, named: str) -> str:
    """A resolved colour as the emulator tells it; `named` for one of the terminal's own, which it has names for."""
    if color is None:
        return "default"
    return color[1:] if color.startswith("#") else named


def check_colors(screen: pyte.Screen, rows: list[Row], theme: Theme) -> None:
    """In true colour every visible character has the colours that the theme gives its role."""
    for y, row in enumerate(rows):
        x = 0
        for text, role in row:
            style = theme.resolve(role, "truecolor")
            for char in text:
                cell = screen.buffer[y][x]
                if char != " ":
                    assert cell.data[:1] == char
                    assert cell.fg == emulated(style.fg, cell.fg), (y, x, role)
                    assert cell.bg == emulated(style.bg, cell.bg), (y, x, role)
                    assert (cell.bold, cell.reverse) == (bool(style.bold), bool(style.reverse))
                x += get_character_cell_size(char)


def painted(spec: ChartSpec, width: int, height: int, glyphs: Glyphs) -> list[Row]:
    return list(chart.paint(spec, width, height, glyphs))


@settings(deadline=None)
@given(
    st.lists(specs(), min_size=1, max_size=3),
    st.tuples(st.integers(12, 72), st.integers(4, 18)),
    st.sampled_from(sorted(GLYPHS)),
    st.sampled_from(sorted(THEMES)),
    st.sampled_from(sorted(SYSTEMS)),
)
def test_a_terminal_shows_what_the_painter_says(
    wanted: list[ChartSpec], size: tuple[int, int], name: str, theme_name: str, depth: str
) -> None:
    theme = THEMES[theme_name]
    glyphs = GLYPHS[name].with_texture(theme.textured(depth))
    terminal = Terminal(*size, theme, depth)
    for spec in wanted:
        rows = painted(spec, *size, glyphs)
        terminal.show(rows)
        assert [line.replace("\x00", "") for line in terminal.screen.display] == plain(rows)
        assert seen(terminal.screen) == seen(written_at_once(rows, size[0], theme, depth))
        if depth == "truecolor":
            check_colors(terminal.screen, rows, theme)
