"""`s`: the picture as SVG or text, and what it shows as CSV; nothing is written over."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from tui_fakes import METRICS, RUN, FakeSource, Session, run_app_test, until

from opengraphs.tui import saving, svg
from opengraphs.tui.model import Desk
from opengraphs.tui.theme import THEMES


def save(source: FakeSource, desk: Desk, folder: Path, *keys: str, files: int = 1) -> list[Path]:
    """The files there are after these keys."""
    desk.choices = desk.choices._replace(export_dir=str(folder))

    async def script(session: Session) -> None:
        await session.press(*keys)
        await until(lambda: len(list(folder.iterdir())) == files, what="a file")
        await until(lambda: "saved " in session.text, what="a word about it")

    run_app_test(script, source, desk)
    return sorted(folder.iterdir())


def dots(document: ElementTree.Element) -> int:
    """Of all curves: lines without length, with round ends."""
    paths = [path.get("d", "") for path in document.findall("{*}path") if path.get("stroke-linecap")]
    return sum(path.count("h0") for path in paths)


def test_the_picture_as_svg(source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path) -> None:
    source.runs[0]["name"] = "a/b <c>"
    [path] = save(source, make_desk(screen="graphs"), tmp_path, "s", "s")
    assert path.name.startswith("og-graphs-a-b-c-2026")
    document = ElementTree.parse(path).getroot()
    words = "".join(document.itertext())
    assert "a/b" in words
    assert "<c>" in words
    assert "save what is shown" not in words
    assert dots(document) > 500


def test_the_picture_as_text(source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path) -> None:
    [path] = save(source, make_desk(screen="graphs"), tmp_path, "s", "t")
    lines = path.read_text().splitlines()
    assert len(lines) == 40
    assert "train/loss" in path.read_text()


def test_the_values_of_the_charts_in_view(
    source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    [path] = save(source, make_desk(screen="graphs", bound=("lr",)), tmp_path, "s", "c")
    rows = list(csv.DictReader(path.read_text().splitlines()))
    lr = [
        (int(float(r["step"])), float(r["value"])) for r in rows if r["metric"] == "lr" and not r["derived"]
    ]
    assert lr == METRICS["lr"]
    assert {row["run"] for row in rows} == {RUN}


@pytest.mark.parametrize(("screen", "expected"), [("runs", "train-gpt"), ("logs", "step   999 loss 0.0020")])
def test_the_rows_of_other_screens(
    source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path, screen: Any, expected: str
) -> None:
    [path] = save(source, make_desk(screen=screen), tmp_path, "s", "c")
    assert expected in path.read_text()


def test_nothing_is_written_over(source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path) -> None:
    keys = ("s", "t", "s", "t")
    stems = {path.stem for path in save(source, make_desk(screen="runs"), tmp_path, *keys, files=2)}
    shortest = min(stems, key=len)
    assert stems == {shortest, f"{shortest}-2"}


def test_a_folder_that_is_not_there_is_said(
    source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    desk = make_desk()
    desk.choices = desk.choices._replace(export_dir=str(tmp_path / "nowhere"))

    async def script(session: Session) -> None:
        await session.press("s", "s")
        await until(lambda: "cannot be written" in session.text, what="a word about it")

    run_app_test(script, source, desk)


def test_svg_has_no_control_characters_and_knows_every_colour() -> None:
    rows = [[("a\x1b&<b>", "error"), ("⣿█", "series.1.dim"), (" x ", "sel:text")]]
    for theme in THEMES.values():
        for depth in ("none", "16", "256", "truecolor"):
            ElementTree.fromstring(svg.document(rows, theme, depth))


def test_names_are_safe(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(screen="graphs")
    desk.graphs.run = {"name": "../../etc/passwd"}
    assert saving.stem(desk).startswith("og-graphs-etc-passwd-")


def test_svg_draws_what_fonts_draw_differently() -> None:
    """Every glyph that makes up curves, bars, strips and frames is a shape of its own, in its own cell."""
    rows = [[("┼─⣿▀█▒ ab", "text")]]
    document = ElementTree.fromstring(svg.document(rows, THEMES["dark"], "truecolor"))
    assert dots(document) == 8
    blocks, shade, lines, _dots = document.findall("{*}path")
    cell, top = svg.CELL_WIDTH, svg.MARGIN
    assert (
        blocks.get("d")
        == f"M{top + 3 * cell:.5g} {top:.5g}h{cell}v9h-{cell}zM{top + 4 * cell:.5g} {top:.5g}h{cell}v18h-{cell}z"
    )
    assert shade.get("fill-opacity") == "0.5"
    assert lines.get("d", "").count("M") == 3
    [word] = document.findall("{*}text")
    assert word.text == "ab"
    assert float(word.get("x", "")) == pytest.approx(svg.MARGIN + 7 * svg.CELL_WIDTH)


def test_what_touches_in_one_colour_is_one_path_in_svg() -> None:
    """Two shapes that share an edge show a seam when they are drawn one after the other."""
    rows = [
        [("▄█", "text"), ("░░", "text"), ("a", "sel:text")],
        [("██", "text"), ("░│", "text"), ("b", "sel:dim")],
    ]
    document = ElementTree.fromstring(svg.document(rows, THEMES["dark"], "truecolor"))
    looks = [
        (path.get("fill"), path.get("fill-opacity"), path.get("stroke"))
        for path in document.findall("{*}path")
    ]
    assert len(looks) == len(set(looks)) == 4


@pytest.mark.parametrize("char", svg._LINES)
def test_every_arm_of_a_frame_reaches_the_edge_of_its_cell_in_svg(char: str) -> None:
    document = ElementTree.fromstring(svg.document([[(char, "text")]], THEMES["dark"], "truecolor"))
    [path] = document.findall("{*}path")
    words = re.findall("([MHVh])([0-9.]+)(?: ([0-9.]+))?", path.get("d", ""))
    across, down = set[float](), set[float]()
    for kind, one, two in words:
        if kind in "MHh":
            across.add(float(one) + (svg.MARGIN if kind == "h" else 0.0))
        if kind in "MV":
            down.add(float(two or one))
    arms, edge = svg._LINES[char].lower(), svg.MARGIN
    assert (edge in across, edge + svg.CELL_WIDTH in across) == ("l" in arms, "r" in arms)
    assert (edge in down, edge + svg.CELL_HEIGHT in down) == ("u" in arms, "d" in arms)


def test_a_wide_character_takes_two_cells_in_svg() -> None:
    document = ElementTree.fromstring(svg.document([[("字x", "text")]], THEMES["dark"], "truecolor"))
    [word] = document.findall("{*}text")
    assert float(word.get("textLength", "")) == pytest.approx(3 * svg.CELL_WIDTH)


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({}, []),
        (
            {
                "alerts": {
                    "schema": 1,
                    "alerts": [{"id": 1, "level": "warn", "at": {}}, {"id": 2, "note": None}],
                }
            },
            [["id", "level", "note"], [1, "warn", ""], [2, "", ""]],
        ),
        (
            {"alerts": {"series": [{"run": "a", "metric": "m", "x": [1, 2], "y": [0.5, "NaN"]}]}},
            [
                ["run", "metric", "derived", "rank", "x", "value"],
                ["a", "m", "", "", 1, 0.5],
                ["a", "m", "", "", 2, "NaN"],
            ],
        ),
    ],
)
def test_a_screen_without_a_table_of_its_own_saves_what_its_answers_hold(
    source: FakeSource, make_desk: Callable[..., Desk], replies: dict[str, Any], expected: list[Any]
) -> None:
    async def script(session: Session) -> None:
        view = session.app.views["alerts"]
        view.__class__ = type("Own", (type(view),), {"own_slots": ("alerts",)})
        session.desk.replies = replies
        assert saving.table(view) == expected

    run_app_test(script, source, make_desk(screen="alerts"))
