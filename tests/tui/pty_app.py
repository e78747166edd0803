"""The UI on the fake daemon in a real terminal: what test_on_a_pty.py starts. Prints how it was left."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(os.environ["PTY_APP"]).parent))
os.environ.update({"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"})

from tui_fakes import METRICS, RUN, FakeSource

from opengraphs.tui import driver, entry, looks
from opengraphs.tui.app import OgApp
from opengraphs.tui.handover import OwnedRun
from opengraphs.tui.model import Desk
from opengraphs.tui.widgets.canvas import Palette


def main() -> None:
    source = FakeSource()
    source.add_run(RUN, name="train-gpt", metrics={key: list(points) for key, points in METRICS.items()})
    source.logs[RUN] = [f"line {n}" for n in range(300)]
    look = looks.settle(
        store=Path("/store"), theme_name=None, glyphs=None, ui=None, refresh_ms=None, color=True
    )
    desk = Desk(look.choices, screen="graphs", owned=OwnedRun(RUN, "train-gpt"))
    desk.open_run(RUN)
    app = OgApp(source, desk, Palette(look.theme, look.depth), driver_class=driver.make(mouse=True))
    print(entry.run_to_end(app, mouse=True), flush=True)


main()
