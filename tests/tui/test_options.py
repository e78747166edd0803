"""`,`: every setting with its value and source, changed in place, kept in the user's file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tui_fakes import RUN, FakeSource, Session, run_app_test, until

from opengraphs.tui import OwnedRun, keys, settings
from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.keys import Keymap
from opengraphs.tui.model import Desk
from opengraphs.tui.theme import THEMES
from opengraphs.tui.widgets.canvas import Palette


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's settings file, in a configuration folder of the test's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for one in settings.SETTINGS:
        monkeypatch.delenv(one.env, raising=False)
    return tmp_path / "opengraphs" / "config.toml"


async def go_to(session: Session, name: str) -> None:
    """Open the options with the cursor on a setting."""
    await session.press("comma")
    names = [one.name for one in session.app.overlay._state.settings]
    await session.press(*["down"] * names.index(name))


async def kept(config: Path, text: str) -> None:
    await until(lambda: config.exists() and text in config.read_text(), what=f"{text} in {config}")


def test_a_theme_is_seen_while_it_is_chosen_and_kept_with_enter(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path
) -> None:
    config.parent.mkdir(parents=True)
    config.write_text('# mine\n[ui]\ntheme = "dark"  # at night\n')

    async def script(session: Session) -> None:
        await go_to(session, "ui.theme")
        await session.press("enter", "home", "down", "down")
        assert session.app.palette.theme is THEMES["light"]
        await session.press("escape")
        assert session.app.palette.theme is THEMES["dark"]
        assert "light" not in config.read_text()
        await session.press("enter", "home", *["down"] * 3, "enter")
        assert session.app.palette.theme is THEMES["high-contrast"]
        await kept(config, 'theme = "high-contrast"  # at night')
        await until(lambda: "kept in" in session.text, what="a word about it")

    run_app_test(script, source, make_desk(screen="graphs"))
    assert config.read_text().startswith("# mine\n[ui]\n")


@pytest.mark.parametrize("screen", keys.ALL)
def test_every_screen_takes_on_other_glyphs_at_once(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path, screen: Any
) -> None:
    pictures: list[str] = []

    async def changed(session: Session) -> None:
        await go_to(session, "ui.glyphs")
        await session.press("enter", "end", "enter", "escape")
        await kept(config, 'glyphs = "ascii"')
        pictures.append(session.text)

    async def from_the_start(session: Session) -> None:
        pictures.append(session.text)

    run_app_test(changed, source, make_desk(screen=screen))
    source._events = asyncio.Queue()  # of the second app's loop
    run_app_test(from_the_start, source, make_desk(screen=screen, glyphs="ascii"))
    assert pictures[0] == pictures[1]
    assert pictures[0].isascii()


def test_refresh_changes_in_steps_and_by_writing(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path
) -> None:
    async def script(session: Session) -> None:
        await go_to(session, "ui.refresh_ms")
        await session.press("right")
        assert session.desk.choices.refresh_ms == 500
        assert session.app.live._refresh_s == 0.5
        await session.press("enter", *["backspace"] * 3, "5")
        await session.press("enter")
        assert "between 33 and 60000" in session.text
        await session.type("00")
        await session.press("backspace", "backspace")
        await session.type("000")
        await session.press("enter")
        await kept(config, "refresh_ms = 5000")
        await session.press("left")
        await kept(config, "refresh_ms = 2000")
        await session.press("escape")
        assert session.desk.choices.refresh_ms == 2000
        assert session.app.overlay is None

    run_app_test(script, source, make_desk(screen="graphs"))


def test_where_a_value_comes_from_and_what_will_win(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OG_THEME", "light")
    chosen = settings.load(flags={"ui.refresh_ms": 100})

    async def script(session: Session) -> None:
        session.app.settings = chosen
        await session.press("comma")
        rows = {line.split()[1]: line for line in session.text.splitlines() if " ui." in line}
        assert "$OG_THEME" in rows["ui.theme"]
        assert "flag" in rows["ui.refresh_ms"]
        assert "default" in rows["ui.glyphs"]
        await session.press("right")
        await until(lambda: "$OG_THEME wins again at the next start" in session.text, what="a word about it")

    run_app_test(script, source, make_desk())


def test_minimal_and_the_export_folder(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path
) -> None:
    async def script(session: Session) -> None:
        await go_to(session, "ui.mode")
        await session.press("space")
        assert session.desk.choices.minimal
        await session.press("escape")
        await go_to(session, "ui.export_dir")
        await session.press("enter")
        await session.type("/tmp/x y")
        await session.press("enter")
        await kept(config, 'export_dir = "/tmp/x y"')
        assert session.desk.choices.export_dir == "/tmp/x y"

    run_app_test(script, source, make_desk(screen="graphs"))


def test_another_key_works_at_once_and_is_taken_back(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path
) -> None:
    async def script(session: Session) -> None:
        await session.press("comma", "tab")
        actions = [action.id for action in keys.actions_of("graphs")]
        await session.press(*["down"] * actions.index("graphs.pause"), "enter", "f5")
        await kept(config, '"graphs.pause" = ["f5"]')
        await session.press("escape", "f5")
        assert session.desk.paused
        await session.press("p")
        assert session.desk.paused
        await session.press(
            "comma", "tab", *["down"] * actions.index("graphs.pause"), "delete", "escape", "p"
        )
        assert not session.desk.paused
        await until(lambda: "graphs.pause" not in config.read_text(), what="its own key again")

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_key_that_another_action_was_given_is_refused(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path
) -> None:
    async def script(session: Session) -> None:
        session.app.settings.keys["graphs.pause"] = ("f5",)
        session.desk.keymap = Keymap(session.app.settings.keys)
        await session.press("comma", "tab", "enter", "f5")
        assert "is given to" in session.text
        assert not config.exists()

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_file_that_cannot_be_written_is_said(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path
) -> None:
    config.parent.write_text("in the way")

    async def script(session: Session) -> None:
        await go_to(session, "ui.mode")
        await session.press("space")
        await until(lambda: "not kept" in session.text, what="a word about it")
        assert " default" in next(line for line in session.text.splitlines() if " ui.mode" in line)
        await session.press("escape")
        assert "not kept" in session.text
        assert session.desk.choices.minimal

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_damaged_theme_is_said_and_nothing_changes(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path
) -> None:
    (config.parent / "themes").mkdir(parents=True)
    (config.parent / "themes" / "mine.toml").write_text('[colors]\nacent = "#fff"\n')

    async def script(session: Session) -> None:
        await go_to(session, "ui.theme")
        await session.press("enter", "end")
        assert "unknown role" in session.text
        await session.press("enter")
        assert session.app.palette.theme is THEMES["dark"]
        assert not config.exists()

    run_app_test(script, source, make_desk())


@pytest.mark.parametrize("size", [(200, 50), (80, 24), (40, 10), (31, 7)])
def test_it_fits_into_any_window(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path, size: tuple[int, int]
) -> None:
    async def script(session: Session) -> None:
        for key in ("comma", "down", "enter", "down", "escape", "tab", "end"):
            await session.press(key)
            lines = session.text.split("\n")
            assert {len(line) for line in lines} == {size[0]}
            assert len(lines) == size[1]

    run_app_test(script, source, make_desk(screen="graphs"), size=size)


def test_a_theme_without_colour_gives_curves_a_texture(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path
) -> None:
    async def script(session: Session) -> None:
        session.app.set_look(colors=THEMES["mono"])
        assert session.desk.glyphs.textured
        session.app.set_look(colors=THEMES["dark"], glyphs=GLYPHS["block"])
        assert not session.desk.glyphs.textured
        assert session.desk.glyphs.name == "block"

    run_app_test(script, source, make_desk(), palette=Palette(THEMES["dark"], "truecolor"))


def test_the_leave_menu_leads_to_the_options(
    source: FakeSource, make_desk: Callable[..., Desk], config: Path
) -> None:
    async def script(session: Session) -> None:
        await session.press("q", "o")
        assert "ui.refresh_ms" in session.text

    run_app_test(script, source, make_desk(screen="graphs", owned=OwnedRun(RUN, "train-gpt")))
