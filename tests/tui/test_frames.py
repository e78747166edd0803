"""What the screens look like: golden frames as text, every size, every degraded terminal.

`OG_UPDATE_GOLDEN=1 pytest tests/tui/test_frames.py` writes the frames anew; look at the diff.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tui_fakes import RUN, FakeSource, Session, run_app_test

from opengraphs.tui import OwnedRun
from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.model import Desk
from opengraphs.tui.painters.cells import row_width
from opengraphs.tui.theme import THEMES
from opengraphs.tui.widgets.canvas import Palette

GOLDEN = Path(__file__).parent / "golden"
SIZES = [(200, 50), (120, 40), (80, 24), (40, 10)]
SCREENS = ["runs", "graphs", "compare", "logs", "system", "samples", "alerts", "chat"]

MakeDesk = Callable[..., Desk]


def compare(name: str, lines: list[str]) -> None:
    """The frame must be the one in golden/; blanks at line ends do not count."""
    found = "\n".join(line.rstrip() for line in lines) + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("OG_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found)
    assert found == path.read_text(), f"{path.name} differs; see OG_UPDATE_GOLDEN in {Path(__file__).name}"


def check_shape(session: Session, width: int, height: int) -> None:
    """Every line is exactly as wide as the terminal, and there are exactly as many as it has."""
    rows = session.app.canvas.rows
    assert len(rows) == height
    assert {row_width(row) for row in rows} == {width}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_screen(source: FakeSource, make_desk: MakeDesk, screen: Any, size: tuple[int, int]) -> None:
    async def script(session: Session) -> None:
        check_shape(session, *size)
        compare(f"{screen}-{size[0]}x{size[1]}", session.app.canvas.text())

    run_app_test(script, source, make_desk(screen=screen), size=size)


SCENES: dict[str, tuple[str, tuple[str, ...]]] = {
    "help": ("graphs", ("question_mark",)),
    "menu": ("graphs", ("q",)),
    "palette": ("graphs", ("ctrl+p",)),
    "enlarged": ("graphs", ("enter", "home", *["right"] * 20)),
    "search": ("graphs", ("slash", *"loss")),
    "overlaid": ("runs", ("home", "space", "space", "home", "enter")),
    "filter": ("runs", ("slash", *"train")),
    "columns": ("runs", ("C", *"lo", "space")),
    "open-card": ("runs", ("tab",)),
    "completion": ("runs", ("slash", *"s")),
    "find": ("logs", ("home", "slash", *"99", "enter")),
    "log-y": ("graphs", ("y", "escape")),
    "help-searched": ("logs", ("question_mark", "slash", *"line")),
    "palette-typed": ("logs", ("ctrl+p", *"los")),
    "options": ("logs", ("comma", "down")),
    "options-keys": ("logs", ("comma", "tab")),
    "options-list": ("logs", ("comma", "enter")),
}


@pytest.mark.parametrize("scene", SCENES)
def test_scene(source: FakeSource, make_desk: MakeDesk, scene: str) -> None:
    screen, keys = SCENES[scene]

    async def script(session: Session) -> None:
        await session.press(*keys)
        session.desk.toast = None
        session.app.changed()
        await session.settle()
        compare(scene, session.app.canvas.text())

    run_app_test(script, source, make_desk(screen=screen, owned=OwnedRun(RUN, "train-gpt")), size=(120, 40))


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("size", [(60, 20), (30, 8), (20, 5), (15, 4), (12, 3), (10, 3), (5, 2), (1, 1)])
def test_small_terminals_are_calm(
    source: FakeSource, make_desk: MakeDesk, screen: Any, size: tuple[int, int]
) -> None:
    async def script(session: Session) -> None:
        check_shape(session, *size)
        for keys in (
            ("question_mark", "escape"),
            ("slash", "x", "escape"),
            ("q", "escape"),
            ("ctrl+p", "escape"),
            ("comma", "escape"),
            ("v", "escape"),
        ):
            await session.press(*keys)
            check_shape(session, *size)
        await session.press("down", "enter", "tab", "end", "left", "plus", "pagedown", "space", "4", "n")
        check_shape(session, *size)

    run_app_test(script, source, make_desk(screen=screen, owned=OwnedRun(RUN, "train-gpt")), size=size)


@pytest.mark.parametrize("screen", SCREENS)
def test_an_ascii_terminal_gets_ascii_only(source: FakeSource, make_desk: MakeDesk, screen: Any) -> None:
    source.runs[0]["name"] = "größe-漢字"

    async def script(session: Session) -> None:
        overlays = [(key, "escape") for key in ("question_mark", "ctrl+p", "comma", "v")]
        for keys in (*overlays, ("slash", "ü", "escape"), ("q",)):
            await session.press(*keys)
            assert session.text.isascii(), [char for char in session.text if not char.isascii()]
        compare(f"ascii-{screen}", session.app.canvas.text())

    desk = make_desk(screen=screen, glyphs="ascii")
    run_app_test(script, source, desk, size=(120, 40))


def test_without_colour_overlaid_runs_still_differ(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("home", "space", "space", "home", "enter", "enter")
        compare("no-colour-overlaid", session.app.canvas.text())
        for row in session.app.canvas.rows:
            for _, role in row:
                style = session.app.canvas._palette.style(role)
                assert style.color is None
                assert style.bgcolor is None

    desk = make_desk()
    desk.glyphs = GLYPHS["braille"].with_texture()
    palette = Palette(THEMES["dark"], "none")
    run_app_test(script, source, desk, size=(120, 40), palette=palette)


def test_sixteen_colours_are_all_that_is_used(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        for row in session.app.canvas.rows:
            for _, role in row:
                for color in (session.app.canvas._palette.style(role).color,):
                    assert color is None or (color.number is not None and color.number < 16)

    run_app_test(script, source, make_desk(screen="graphs"), palette=Palette(THEMES["dark"], "16"))


def test_a_resize_storm_settles_on_the_last_size(source: FakeSource, make_desk: MakeDesk) -> None:
    from textual.events import Resize
    from textual.geometry import Size

    async def script(session: Session) -> None:
        frames = session.app.frames
        for width in range(60, 140):
            session.app._driver._size = (width, 30)
            session.app.post_message(Resize(Size(width, 30), Size(width, 30)))
        await session.pilot.resize_terminal(90, 30)
        from tui_fakes import until

        await until(
            lambda: len(session.app.canvas.rows) == 30 and row_width(session.app.canvas.rows[0]) == 90
        )
        check_shape(session, 90, 30)
        assert session.app.frames - frames < 20

    run_app_test(script, source, make_desk(screen="graphs"))


def test_minimal_has_curves_and_nothing_beside_them(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        assert "stats" not in session.text
        assert "ask the agent" not in session.text
        compare("minimal", session.app.canvas.text())

    run_app_test(script, source, make_desk(screen="graphs", minimal=True))


def test_names_from_runs_never_reach_the_terminal_raw(source: FakeSource, make_desk: MakeDesk) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil"
    source.runs[0].update(name=evil, main_metric=evil, tags=[evil])
    source.metrics[RUN][evil] = [(0, 1.0), (1, 2.0)]
    source.logs[RUN].append(evil)

    async def script(session: Session) -> None:
        for keys in ((), ("2",), ("4",), ("q",)):
            await session.press(*keys)
            bad = {
                char for char in session.text if char != "\n" and (ord(char) < 32 or 0x7F <= ord(char) < 0xA0)
            }
            assert not bad
            assert "\u202e" not in session.text

    run_app_test(script, source, make_desk(owned=OwnedRun(RUN, evil)))
