"""Help: searched, scrolled, with what the line to the terminal carries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tui_fakes import FakeSource, Session, run_app_test

from opengraphs.tui.linemeter import LineFacts, LineMeter
from opengraphs.tui.model import Desk


def test_help_is_searched_while_one_types(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        await session.press("question_mark", "slash")
        await session.type("zoom")
        assert "Zoom out" in session.text
        assert "Leave (asks" not in session.text
        await session.type("xx")
        assert "nothing fits" in session.text
        await session.press("backspace", "backspace", "enter")
        assert "Zoom out" in session.text
        assert "esc all keys" in session.text
        await session.press("escape")
        assert "Leave (asks" in session.text
        await session.press("escape")
        assert session.app.overlay is None

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_box_stays_as_high_while_one_types(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        def borders() -> list[int]:
            return [
                n
                for n, line in enumerate(session.text.split("\n"))
                if "any other key" in line or ": keys" in line
            ]

        await session.press("question_mark")
        before = borders()
        await session.press("slash")
        await session.type("zoom")
        await session.press("enter")
        assert borders() == before

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_wheel_scrolls(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        await session.press("question_mark")
        session.app.take_wheel(10, 5, 1)
        await session.settle()
        assert session.app.overlay.top == 3
        session.app.take_wheel(10, 5, -1)
        await session.settle()
        assert session.app.overlay.top == 0

    run_app_test(script, source, make_desk(screen="graphs"), size=(80, 24))


def test_the_line_is_told_about(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        session.app._driver.line_facts = lambda: LineFacts(23_100, 37, 4, 36, 0.041, False)
        await session.press("question_mark")
        assert "22.6K in all; 37 frames, 4 dropped; 36 acknowledged, the last in 41 ms" in session.text

    run_app_test(script, source, make_desk(screen="graphs"))


@pytest.mark.parametrize("size", [(40, 10), (20, 5), (13, 4)])
def test_it_fits(source: FakeSource, make_desk: Callable[..., Desk], size: tuple[int, int]) -> None:
    async def script(session: Session) -> None:
        session.app._driver.line_facts = lambda: LineFacts(0, 0, 0, 0, None, True)
        for key in ("question_mark", "slash", "z"):
            await session.press(key)
            assert {len(line) for line in session.text.split("\n")} == {size[0]}

    run_app_test(script, source, make_desk(screen="graphs"), size=size)


def test_bytes_a_second_are_those_of_the_last_seconds() -> None:
    now, size = [0.0], [0]
    meter = LineMeter(lambda: LineFacts(size[0], 1, 0, 0, None, False), lambda: now[0])
    assert meter.text().startswith("terminal: measuring")
    for _ in range(20):
        now[0] += 1
        size[0] += 1024
        text = meter.text()
    assert text.startswith("terminal: 1.0K/s, 20.0K in all")
    assert text.endswith("no answers from this terminal")
    now[0] += 100
    assert meter.text().startswith("terminal: 0B/s")
