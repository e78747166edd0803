"""Emitter against Textual's own output: the same updates must leave the same screen in a terminal emulator."""

from __future__ import annotations

import itertools
import random

import pyte
import pytest
from rich.cells import cell_len, get_character_cell_size
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from opengraphs.tui.driver import Looks, put_update
from opengraphs.tui.emitter import Emitter

COLORS = [None, "#56b4e9", "#e69f00", "color(123)", "red", "bright_green", "default"]
GROUNDS = [None, None, None, "#22303f", "color(17)", "blue", "default"]
PLAIN_TEXT = "abc 012 .-─│┌┐⠁⣿⢸ ▁█ "
WIDE_TEXT = PLAIN_TEXT + "训练実験한국🚀⚡é"
SEQUENCES = {ColorSystem.TRUECOLOR: 50, ColorSystem.EIGHT_BIT: 12, ColorSystem.STANDARD: 12}
SYSTEMS = {ColorSystem.TRUECOLOR: "truecolor", ColorSystem.EIGHT_BIT: "256", ColorSystem.STANDARD: "standard"}


def random_style(rng: random.Random) -> Style | None:
    if rng.random() < 0.1:
        return None
    flags = {
        name: True for name in ("bold", "italic", "underline", "reverse", "strike") if rng.random() < 0.12
    }
    return Style(color=rng.choice(COLORS), bgcolor=rng.choice(GROUNDS), **flags)


def random_strip(rng: random.Random, width: int, letters: str, styles: list[Style | None]) -> Strip:
    """A strip of exactly `width` cells in a few segments."""
    segments: list[Segment] = []
    left = width
    while left:
        size = rng.randint(1, min(left, 9))
        text = " " * size if rng.random() < 0.35 else "".join(rng.choice(letters) for _ in range(size))
        while cell_len(text) > left:
            text = text[:-1]
        if text:
            segments.append(Segment(text, rng.choice(styles)))
            left -= cell_len(text)
    return Strip(segments, width)


class Twins:
    """One stream of updates on two terminals: stock output and ours."""

    def __init__(self, width: int, height: int, system: ColorSystem) -> None:
        self.width, self.height = width, height
        self.console = Console(
            color_system=SYSTEMS[system], force_terminal=True, width=width, legacy_windows=False
        )
        self.emitter = Emitter(width, height, char_width=get_character_cell_size)
        self.looks = Looks(self.emitter, system)
        self.stock_bytes = self.our_bytes = 0
        self._start(width, height)

    def _start(self, width: int, height: int) -> None:
        self.screens = [pyte.Screen(width, height) for _ in range(2)]
        self.streams = [pyte.Stream(screen) for screen in self.screens]
        for stream in self.streams:
            stream.feed("\x1b[?7l")

    def resize(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._start(width, height)
        self.emitter.resize(width, height)

    def show(self, update: LayoutUpdate | ChopsUpdate) -> None:
        stock = update.render_segments(self.console) + "\x1b[1;1H"
        put_update(self.emitter, self.looks, update)
        ours = self.emitter.flush()
        self.stock_bytes += len(stock.encode())
        self.our_bytes += len(ours.encode())
        self.streams[0].feed(stock)
        self.streams[1].feed(ours)

    def differences(self) -> list[str]:
        """Cells that look different. Blanks are compared by what can be seen of them."""
        stock, ours = self.screens
        return [
            f"({x},{y}): stock {stock.buffer[y][x]} ours {ours.buffer[y][x]}"
            for y in range(self.height)
            for x in range(self.width)
            if seen(whole(stock, x, y)) != seen(whole(ours, x, y))
        ]


def whole(screen: pyte.Screen, x: int, y: int) -> pyte.screens.Char:
    """A cell as a real terminal shows it: half of a wide character is a blank (pyte lets the other half stand)."""
    line = screen.buffer[y]
    char = line[x]
    lost_tail = cell_len(char.data) == 2 and (x + 1 >= screen.columns or line[x + 1].data != "")
    lost_head = char.data == "" and (x == 0 or cell_len(line[x - 1].data) != 2)
    return char._replace(data=" ") if lost_tail or lost_head else char


def seen(char: pyte.screens.Char) -> tuple[object, ...]:
    ground = (char.bg, char.reverse, char.underscore, char.strikethrough)
    if char.data == " " and not (char.reverse or char.underscore or char.strikethrough):
        return (" ", char.bg)
    return (char.data, char.fg, char.bold, char.italics, *ground)


def full_update(twins: Twins, rng: random.Random, letters: str, styles: list[Style | None]) -> LayoutUpdate:
    cut = rng.randint(1, twins.width - 1)
    strips = [
        [random_strip(rng, cut, letters, styles), random_strip(rng, twins.width - cut, letters, styles)]
        for _ in range(twins.height)
    ]
    return LayoutUpdate(strips, Region(0, 0, twins.width, twins.height))


def partial_update(twins: Twins, rng: random.Random, letters: str, styles: list[Style | None]) -> ChopsUpdate:
    """Some lines in two or three chops, some spans of them refreshed."""
    chops, ends = [], []
    spans: list[tuple[int, int, int]] = []
    cuts = sorted({0, twins.width, *(rng.randint(1, twins.width - 1) for _ in range(2))})
    for y in range(twins.height):
        pieces = {x: random_strip(rng, end - x, letters, styles) for x, end in itertools.pairwise(cuts)}
        chops.append(pieces)
        ends.append(cuts[1:])
        if rng.random() < 0.4:
            start = rng.choice(cuts[:-1])
            spans.append((y, start, rng.randint(start + 1, twins.width)))
    if not spans:
        spans.append((0, 0, twins.width))
    return ChopsUpdate(chops, spans, ends)


@pytest.mark.parametrize("system", list(SYSTEMS))
@pytest.mark.parametrize("letters", [PLAIN_TEXT, WIDE_TEXT], ids=["narrow", "wide"])
def test_emitter_and_stock_output_leave_the_same_screen(system: ColorSystem, letters: str) -> None:
    Segment._split_cells.cache_clear()  # its styles remember the codes of another colour system
    for seed in range(SEQUENCES[system]):
        rng = random.Random(f"{seed} {letters}")
        styles = [random_style(rng) for _ in range(rng.randint(2, 8))]
        twins = Twins(rng.randint(8, 60), rng.randint(2, 14), system)
        twins.show(full_update(twins, rng, letters, styles))
        for step in range(13):
            kind = partial_update if rng.random() < 0.85 else full_update
            twins.show(kind(twins, rng, letters, styles))
            assert twins.differences() == [], f"seed {seed} step {step}"


@pytest.mark.parametrize("letters", [PLAIN_TEXT, WIDE_TEXT], ids=["narrow", "wide"])
def test_spans_inside_a_chop_bring_the_screen_from_one_picture_to_the_next(letters: str) -> None:
    """What the canvas does: a whole line as one chop, and spans over all that is different in it."""
    for seed in range(60):
        rng = random.Random(f"spans {seed} {letters}")
        styles = [random_style(rng) for _ in range(rng.randint(2, 6))]
        width, height = rng.randint(8, 60), rng.randint(1, 6)
        ours = Twins(width, height, ColorSystem.TRUECOLOR)
        lines = [random_strip(rng, width, letters, styles)._segments for _ in range(height)]
        ours.show(LayoutUpdate([[Strip(line, width)] for line in lines], Region(0, 0, width, height)))
        for step in range(8):
            spans: list[tuple[int, int, int]] = []
            for y, line in enumerate(lines):
                at, fresh = 0, list[Segment]()
                for run in line:
                    if rng.random() < 0.2:
                        fresh += random_strip(rng, run.cell_length, letters, styles)._segments
                        spans.append((y, at, at + run.cell_length))
                    else:
                        fresh.append(run)
                    at += run.cell_length
                line[:] = fresh
            if not spans:
                continue
            chops = [{0: Strip(list(line), width)} for line in lines]
            put_update(ours.emitter, ours.looks, ChopsUpdate(chops, spans, [[width]] * height))
            ours.streams[1].feed(ours.emitter.flush())
            stock = LayoutUpdate([[Strip(list(line), width)] for line in lines], Region(0, 0, width, height))
            ours.streams[0].feed(stock.render_segments(ours.console) + "\x1b[1;1H")
            assert ours.differences() == [], f"seed {seed} step {step}"


def test_screen_is_right_after_resize_and_after_something_else_wrote_on_it() -> None:
    rng = random.Random(7)
    styles = [random_style(rng) for _ in range(5)]
    twins = Twins(40, 8, ColorSystem.TRUECOLOR)
    twins.show(full_update(twins, rng, PLAIN_TEXT, styles))
    twins.resize(52, 11)
    twins.show(full_update(twins, rng, PLAIN_TEXT, styles))
    assert twins.differences() == []
    twins.streams[1].feed("\x1b[1;1Hgarbage of another program\x1b[5;5H\x1b[31;44m")
    twins.emitter.invalidate()
    twins.streams[1].feed(twins.emitter.flush())
    assert twins.differences() == []


def test_partial_updates_that_cut_through_wide_characters_are_written_as_whole_lines() -> None:
    emitter = Emitter(10, 1, char_width=get_character_cell_size)
    screen = pyte.Screen(10, 1)
    stream = pyte.Stream(screen)
    plain = emitter.look(emitter._looks[0])
    emitter.put(0, 0, "训练训练训", plain)
    stream.feed(emitter.flush())
    emitter.put(0, 3, "xy", plain)
    stream.feed(emitter.flush())
    assert screen.display[0].replace("\x00", "") == "训 xy 练训"


def test_nothing_is_written_when_nothing_changed() -> None:
    rng = random.Random(3)
    styles = [random_style(rng) for _ in range(5)]
    twins = Twins(40, 8, ColorSystem.TRUECOLOR)
    update = full_update(twins, rng, PLAIN_TEXT, styles)
    twins.show(update)
    put_update(twins.emitter, twins.looks, update)
    assert twins.emitter.flush() == ""
