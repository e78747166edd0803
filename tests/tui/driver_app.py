"""A small app on og's driver, for test_driver.py: a counter, a field of cells, keys to change them."""

import os
import random
import sys
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from opengraphs.tui import driver

STYLES = [Style(), Style(color="#56b4e9"), Style(color="#e69f00", bold=True), Style(bgcolor="#22303f")]


class Field(Widget):
    """Rows of letters; `scatter` changes a few and refreshes just those lines."""

    DEFAULT_CSS = "Field { width: 100%; height: 100%; }"

    def __init__(self) -> None:
        super().__init__()
        self.random = random.Random(1)
        self.ticks = 0
        self.lines: list[list[tuple[str, int]]] = []

    def fit(self) -> None:
        width, height = self.size
        self.lines = [
            [(self.random.choice("abc⠁⣿ ·─"), self.random.randrange(4)) for _ in range(width)]
            for _ in range(height)
        ]

    def on_resize(self) -> None:
        self.fit()
        self.refresh()

    def scatter(self, count: int = 9) -> None:
        self.ticks += 1
        for _ in range(count):
            y = self.random.randrange(1, len(self.lines))
            x = self.random.randrange(len(self.lines[y]))
            self.lines[y][x] = (self.random.choice("xyz⢸█ "), self.random.randrange(4))
            self.refresh(Region(max(0, x - 3), y, 9, 1))
        self.refresh(Region(0, 0, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0 or y >= len(self.lines):
            text = f"tick {self.ticks} size {self.size.width}x{self.size.height}" if y == 0 else ""
            return Strip([Segment(text.ljust(width)[:width], STYLES[1])], width)
        return Strip([Segment(char, STYLES[style]) for char, style in self.lines[y]], width)


class FieldApp(App[int]):
    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { overflow: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "scatter", "scatter"),
        Binding("l", "live", "live"),
        Binding("d", "dump", "dump"),
        Binding("r", "repaint", "repaint"),
        Binding("q", "leave", "leave"),
        Binding("e", "crash", "crash"),
    ]

    def compose(self) -> ComposeResult:
        self.field = Field()
        yield self.field

    def action_scatter(self) -> None:
        self.field.scatter()

    def action_live(self) -> None:
        self.set_interval(0.02, self.field.scatter)

    def action_dump(self) -> None:
        """What should be on the screen, for the test to compare."""
        lines = ["".join(s.text for s in self.field.render_line(y)) for y in range(self.size.height)]
        with open(sys.argv[1], "w") as file:
            file.write("\n".join(lines))

    def action_repaint(self) -> None:
        self._driver.repaint()

    def action_crash(self) -> None:
        raise RuntimeError("a defect of the app")

    def action_leave(self) -> None:
        self.facts = self._driver.line_facts()
        self.exit(7)


def main() -> None:
    painted = None
    if len(sys.argv) > 2:
        from opengraphs.tui import stage0

        painted = stage0.paint("runs", store="/tmp/store", socket=sys.argv[2])
    app = FieldApp(driver_class=driver.make(stage0=painted), ansi_color=True)
    app.theme = "ansi-dark"
    code = app.run()
    sys.stdout.write("left\n")
    if code is not None:
        sys.stdout.write(f"{app.facts}\n")
    sys.stdout.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    main()
