"""One odd step among ten million points is drawn, in its place, at every zoom level.

From the journal through the engine to the characters on the screen: the whole run, and
ever closer until single points are left, on the step and the time axis, in every glyph set.
`OG_SPIKE_POINTS=10000000` is the nightly recipe.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from opengraphs.engine import EngineStore
from opengraphs.tui.glyphs import GLYPHS, Glyphs
from opengraphs.tui.painters import chart
from opengraphs.tui.painters.cells import plain
from opengraphs.tui.painters.chart import ChartSpec, curves_of

POINTS = int(os.environ.get("OG_SPIKE_POINTS", "2000000"))
RUN = "20261122-093012-k7f3"
FIRST = 10_000_000
"""First step: all steps have eight digits, so that lines have one length."""
SPIKE = int(POINTS * 0.61803)
DIP = int(POINTS * 0.3333)
SIZES = ((80, 14), (200, 40), (30, 8))
LINE = b'{"step":%d,"time":%d,"metrics":{"loss":0.%03d}}\n'


def write_journal(path: Path) -> None:
    """Noise between 0 and 1, a spike of 9.999 at SPIKE and a dip of -9.99 at DIP."""
    line = np.frombuffer(LINE % (FIRST, FIRST, 0), np.uint8)
    places = [at for at in range(len(line) - 8) if line[at : at + 8].tobytes() == b"%d" % FIRST]
    value = (LINE % (FIRST, FIRST, 0)).index(b"0.000")
    digits = 10 ** np.arange(7, -1, -1)
    with path.open("wb") as file:
        for start in range(0, POINTS, 1 << 18):
            steps = FIRST + np.arange(start, min(POINTS, start + (1 << 18)))
            text = np.tile(line, (len(steps), 1))
            spelled = (steps[:, None] // digits % 10 + 48).astype(np.uint8)
            for place in places:
                text[:, place : place + 8] = spelled
            noise = (steps * 7919) % 1009 % 1000
            text[:, value + 2 : value + 5] = noise[:, None] // (100, 10, 1) % 10 + 48
            for at, spelling in ((SPIKE, b"9.999"), (DIP, b"-9.99")):
                if start <= at < start + len(steps):
                    text[at - start, value : value + 5] = np.frombuffer(spelling, np.uint8)
            file.write(text.tobytes())


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineStore]:
    root = tmp_path_factory.mktemp("spike")
    folder = root / "store" / "runs" / RUN
    (folder / "metrics").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    (folder / "exit.json").write_text('{"code":0}')
    write_journal(folder / "metrics" / "a0-r0.jsonl")
    store = EngineStore.open(root / "store", index_dir=root / "index")
    store.scan()
    while store.backlog():
        store.ingest_backlog(budget_s=1.0)
    yield store
    store.close()


def windows(at: int) -> Iterator[tuple[float, float]]:
    """From all points down to less than three, the odd one at four tenths of each."""
    span = float(POINTS - 1)
    yield FIRST, FIRST + span
    while span > 2.0:
        span /= 1.9
        low = min(max(0.0, at - 0.4 * span), POINTS - 1 - span)
        yield FIRST + low, FIRST + low + span


@pytest.mark.timeout(600)
@pytest.mark.parametrize("axis", ["step", "time", "relative"])
@pytest.mark.parametrize(("at", "value"), [(SPIKE, 9.999), (DIP, -9.99)])
def test_odd_step_is_drawn_in_its_place_at_every_zoom(
    engine: EngineStore, axis: str, at: int, value: float
) -> None:
    zero = FIRST if axis == "relative" else 0
    levels = 0
    for low, high in windows(at):
        window = (low - zero, high - zero)
        for width, height in SIZES:
            for glyphs in GLYPHS.values():
                spec = ChartSpec("loss", x_kind=axis, x_range=window, live=False)
                columns = plot_width(spec, width, height, glyphs) * glyphs.dots[0]
                reply = engine.series(
                    {"runs": [RUN], "metrics": ["loss"], "x": axis, "range": list(window), "columns": columns}
                )
                (out,) = reply["series"]
                spec.curves = curves_of([out], metric="loss", colors={RUN: 0})
                picture = plain(chart.paint(spec, width, height, glyphs))
                check_drawn(picture, spec, width, height, glyphs, FIRST + at - zero, value)
        levels += 1
    assert levels > 15


def plot_width(spec: ChartSpec, width: int, height: int, glyphs: Glyphs) -> int:
    return chart.Geometry(width, height, 6, False).plot_width


def check_drawn(
    picture: list[str], spec: ChartSpec, width: int, height: int, glyphs: Glyphs, x: float, y: float
) -> None:
    """The cell of (x, y) is filled; where points are dense, nothing else in its row but its neighbours is."""
    assert spec.axis.x is not None
    assert spec.axis.y is not None
    box = chart.Geometry(width, height, spec.axis.label_width, False)
    columns, rows = box.plot_width * glyphs.dots[0], box.plot_height * glyphs.dots[1]
    dot_x = (x - spec.axis.x[0]) / (spec.axis.x[1] - spec.axis.x[0]) * (columns - 1)
    dot_y = (spec.axis.y[1] - y) / (spec.axis.y[1] - spec.axis.y[0]) * (rows - 1)
    places = {
        (1 + int(dot_y + up) // glyphs.dots[1], box.plot_x + int(dot_x + right) // glyphs.dots[0])
        for up in (0.5 - 1e-6, 0.5 + 1e-6)
        for right in (0.5 - 1e-6, 0.5 + 1e-6)
    }
    empty = (" ", glyphs.guide)
    assert any(picture[row][column] not in empty for row, column in places), (places, picture)
    if spec.axis.x[1] - spec.axis.x[0] < columns:
        return  # the flanks of the spike are columns wide
    for row in {row for row, _ in places}:
        drawn = {
            column
            for column in range(box.plot_x, box.plot_x + box.plot_width)
            if picture[row][column] not in empty
        }
        near = {column for _, column in places}
        assert drawn <= {column + beside for column in near for beside in (-1, 0, 1)}, (drawn, near, picture)
