"""Which charts a machine's figures make, and how rows of shades are painted."""

from __future__ import annotations

import math
from typing import Any

import pytest

from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.painters import strips, top
from opengraphs.tui.painters.axis import FilledAxis
from opengraphs.tui.painters.cells import plain, row_width
from opengraphs.tui.painters.chartspec import ChartSpec
from opengraphs.tui.painters.devices import panels_of

BRAILLE, ASCII = GLYPHS["braille"], GLYPHS["ascii"]


def figures(gpus: int, host: str = "box") -> dict[tuple[str, str], float]:
    known = {}
    for n in range(gpus):
        known |= {(host, f"gpu.{n}.util_percent"): 50.0, (host, f"gpu.{n}.mem_used_bytes"): 2.0**30}
        known |= {(host, f"gpu.{n}.mem_total_bytes"): 2.0**33}
    return known | {(host, "cpu.percent"): 1.0, (host, "my.figure"): 3.0}


def test_seven_gpus_have_charts_and_eight_have_rows() -> None:
    seven = [panel for panel in panels_of(figures(7)) if panel.section.startswith("gpu")]
    eight = [panel for panel in panels_of(figures(8)) if panel.section.startswith("gpu")]
    assert [panel.strips for panel in seven] == [False] * 14
    assert [(panel.title, len(panel.metrics)) for panel in eight] == [("gpus util %", 8), ("gpus mem GiB", 8)]


def test_gpus_are_in_the_order_of_their_numbers() -> None:
    (panel, *_) = panels_of(figures(12))
    assert panel.labels == tuple(str(n) for n in range(12))


def test_memory_is_full_at_what_there_is() -> None:
    panel = next(panel for panel in panels_of(figures(1)) if "mem" in panel.title)
    assert panel.full == (2.0**33,)


def test_an_unknown_figure_has_a_chart_and_a_total_has_none() -> None:
    metrics = [metric for panel in panels_of(figures(1)) for metric in panel.metrics]
    assert "my.figure" in metrics
    assert "gpu.0.mem_total_bytes" not in metrics


def test_hosts_come_one_after_the_other() -> None:
    hosts = [panel.host for panel in panels_of({**figures(1, "b"), **figures(1, "a")})]
    assert hosts == sorted(hosts)
    assert set(hosts) == {"a", "b"}


def spec(**more: Any) -> ChartSpec:
    return ChartSpec("gpus util %", x_kind="relative", x_range=(0.0, 10.0), **more)


def rows(count: int) -> list[strips.Strip]:
    x = [float(at) for at in range(11)]
    return [strips.Strip(str(n), x, [100.0 * n / max(1, count - 1)] * 11, 100.0) for n in range(count)]


@pytest.mark.parametrize("glyphs", [BRAILLE, ASCII], ids=["braille", "ascii"])
@pytest.mark.parametrize("size", [(60, 12), (30, 5), (20, 4), (12, 3), (120, 3)])
def test_strips_fill_their_place_exactly(glyphs: Any, size: tuple[int, int]) -> None:
    painted = strips.paint(rows(8), *size, glyphs, spec=spec(cursor=4.0))
    assert len(painted) == size[1]
    assert {row_width(row) for row in painted} == {size[0]}
    assert glyphs is BRAILLE or "".join(plain(painted)).isascii()


def test_shades_rise_with_what_they_stand_for() -> None:
    for glyphs, ramp in ((BRAILLE, strips.SHADES), (ASCII, strips.ASCII_SHADES)):
        seen = [strips.shade(percent / 100, glyphs) for percent in range(101)]
        assert sorted(seen, key=ramp.index) == seen
        assert (seen[0], seen[100]) == (ramp[0], ramp[-1])
        assert set(seen) == set(ramp)
        assert strips.shade(math.nan, glyphs) == " "


def test_more_strips_than_rows_show_the_lowest_or_the_highest() -> None:
    low = plain(strips.paint(rows(8), 60, 6, BRAILLE, spec=spec(), lowest=True))
    high = plain(strips.paint(rows(8), 60, 6, BRAILLE, spec=spec()))
    assert "0-1     0 " in low[1]
    assert "0-1  14.3 " in high[1]


def test_time_without_samples_stays_blank() -> None:
    gap = strips.Strip("0", [0.0, 0.5, 1.0, 9.5, 10.0], [100.0] * 5, 100.0)
    line = plain(strips.paint([gap], 60, 3, BRAILLE, spec=spec()))[1]
    assert "█          " in line
    assert line.rstrip("│ ").endswith("█")


def test_nothing_is_shown_of_the_time_behind_the_newest_sample() -> None:
    strip = strips.Strip("0", [float(x) for x in range(6)], [50.0] * 6, 100.0)
    row = plain(strips.paint([strip], 60, 3, BRAILLE, spec=spec()))[1]
    cells = row[row.index("▒") : -1]
    known = len(cells.rstrip())
    assert 0.5 * len(cells) < known <= 0.65 * len(cells), "half of the window, and one interval more"


def test_the_value_at_the_cursor_stands_in_row_and_title() -> None:
    one = strips.Strip("0", [0.0, 5.0, 10.0], [10.0, 20.0, 30.0], 100.0)
    painted = plain(strips.paint([one], 60, 3, BRAILLE, spec=spec(cursor=5.0)))
    assert "20 to 20" in painted[0]
    assert " 20 " in painted[1]


def test_a_filled_axis_reaches_from_zero_to_what_is_full() -> None:
    assert FilledAxis(100.0).fit_y(41.0, 42.0) == (0.0, 100.0)
    assert FilledAxis(None).fit_y(0.0, 0.0)[0] == 0.0


def test_the_cores_hang_on_the_chart_above_them() -> None:
    sample = {"metrics": {"cpu.percent": 40.0, "cpu.0.percent": 40.0, "cpu.1.percent": 41.0}}

    def history(metric: str) -> tuple[list[float], list[float]]:
        return [0.0, 1.0], [40.0, 40.0]

    rows = plain(top.paint(sample, history, 120, 30, BRAILLE, process=None, sort="cpu", message="").rows)
    axis = next(row for row in rows if row.startswith("├"))
    assert axis[axis.index("┤") - 1] in "─ "
    assert [row[0] for row in rows[rows.index(axis) + 1 :][:2]] == ["│", "└"]


@pytest.mark.parametrize("size", [(200, 50), (80, 24), (40, 8), (20, 4), (12, 1)])
@pytest.mark.parametrize("cores", [0, 2, 128])
def test_the_machine_now_fills_its_place_exactly(size: tuple[int, int], cores: int) -> None:
    metrics = {f"cpu.{n}.percent": 50.0 for n in range(cores)} | {"cpu.percent": 50.0}
    metrics |= {f"gpu.{n}.util_percent": 50.0 for n in range(16)}
    sample = {"metrics": metrics, "host": "box", "processes": [{"pid": 1, "command": "x" * 300}]}
    for told in ({}, sample):
        picture = top.paint(
            told, lambda _: ([1.0], [50.0]), *size, BRAILLE, process=1, sort="cpu", message="asking"
        )
        assert len(picture.rows) == size[1]
        assert {row_width(row) for row in picture.rows} == {size[0]}
