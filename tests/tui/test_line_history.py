"""What was entered in an input line comes back with up, on its screen and at the next start."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tui_fakes import FakeSource, Session, run_app_test, until

from opengraphs.tui.app import OgApp
from opengraphs.tui.model import Desk
from opengraphs.tui.theme import THEMES
from opengraphs.tui.widgets.canvas import Palette

MakeDesk = Callable[..., Desk]


def line(session: Session) -> str:
    assert session.app.view.edit is not None
    return session.app.view.edit.text


async def enter(session: Session, key: str, text: str) -> None:
    await session.press(key, "ctrl+u")
    await session.type(text)
    await session.press("enter")


@pytest.mark.parametrize(
    ("screen", "key"),
    [
        ("runs", "slash"),
        ("runs", "n"),
        ("graphs", "slash"),
        ("graphs", "a"),
        ("logs", "slash"),
        ("logs", "ampersand"),
        ("system", "slash"),
        ("samples", "slash"),
        ("alerts", "slash"),
    ],
)
def test_up_brings_back_what_was_entered(
    source: FakeSource, make_desk: MakeDesk, screen: str, key: str
) -> None:
    async def script(session: Session) -> None:
        for text in ("loss", "lr"):
            await enter(session, key, text)
            if session.desk.screen != screen:  # the prompt goes to Chat
                await session.press("escape", "2")
        await session.press(key, "ctrl+u", "up")
        assert line(session) == "lr"
        await session.press("up")
        assert line(session) == "loss"
        await session.press("down", "down")
        assert line(session) == ""

    run_app_test(script, source, make_desk(screen=screen))


def test_each_kind_of_line_has_its_own(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await enter(session, "slash", "loss")
        await session.press("a", "up")
        assert line(session) == ""

    run_app_test(script, source, make_desk(screen="graphs"))


def test_what_comes_back_is_in_force_at_once(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await enter(session, "slash", "loss")
        await session.press("escape", "slash", "up")
        assert session.desk.graphs.search == "loss"

    run_app_test(script, source, make_desk(screen="graphs"))


def test_above_the_first_completion_lies_the_history(source: FakeSource, make_desk: MakeDesk) -> None:
    """Down chooses in the list, up goes back to its top, and from there to what was entered."""

    async def script(session: Session) -> None:
        await enter(session, "slash", "gpt")
        await session.press("slash", "ctrl+u")
        await until(lambda: "status:" in session.text, what="completions")
        await session.press("down", "up")
        assert line(session) == ""
        await session.press("up")
        assert line(session) == "gpt"
        await session.press("down")
        assert line(session) == ""
        await session.press("down", "alt+p")
        assert line(session) == "gpt"

    run_app_test(script, source, make_desk())


def run_with_file(
    script: Callable[[Session], Awaitable[None]], source: FakeSource, desk: Desk, kept: Path
) -> None:
    async def main() -> None:
        source._events = asyncio.Queue()
        app = OgApp(source, desk, Palette(THEMES["dark"], "truecolor"), refresh_s=0.01, lasting=kept)
        async with app.run_test(size=(120, 40)) as pilot:
            session = Session(app, pilot, source)
            await session.settle()
            await script(session)

    asyncio.run(main())


def test_the_next_start_still_has_it_but_for_prose_and_secrets(
    source: FakeSource, make_desk: MakeDesk, tmp_path: Path
) -> None:
    kept = tmp_path / "screens" / "one.json"

    def entered() -> dict[str, list[str]]:
        found: dict[str, list[str]] = json.loads(kept.read_text()).get("history", {}) if kept.exists() else {}
        return found

    async def first(session: Session) -> None:
        await enter(session, "a", "my own words")
        await session.press("2")
        await enter(session, "slash", "ghp_" + "a" * 30)
        await enter(session, "slash", "loss")
        await until(lambda: entered() == {"graphs.search": ["loss"]}, what="the file")
        assert kept.stat().st_mode & 0o777 == 0o600

    async def second(session: Session) -> None:
        await session.press("slash", "up")
        assert line(session) == "loss"

    run_with_file(first, source, make_desk(screen="graphs"), kept)
    run_with_file(second, source, make_desk(screen="graphs"), kept)
