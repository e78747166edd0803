"""Saved views: `v` applies, saves, removes and chooses; nothing of others is lost."""

from __future__ import annotations

from collections.abc import Callable

from tui_fakes import FakeSource, Session, run_app_test

from opengraphs.tui.model import Desk
from opengraphs.tui.screens import views_state


def test_a_view_is_saved_and_applied_again(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        session.desk.graphs.search = "acc"
        await session.press("v", "a")
        await session.type("good ones")
        await session.press("enter")
        assert source.views["good ones"]["search"] == "acc"
        assert "good ones" in session.text
        await session.press("escape", "1")
        session.desk.graphs.search = ""
        await session.press("v", "enter")
        assert (session.desk.screen, session.desk.graphs.search) == ("graphs", "acc")

    run_app_test(script, source, make_desk(screen="graphs"))


def test_removing_asks_and_takes_only_that_one(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    source.views = {"a": {"screen": "logs"}, "b": {"screen": "runs"}}

    async def script(session: Session) -> None:
        await session.press("v", "d")
        assert "remove a?" in session.text
        await session.press("n")
        assert set(source.views) == {"a", "b"}
        await session.press("d", "y")
        assert set(source.views) == {"b"}

    run_app_test(script, source, make_desk())


def test_a_change_from_elsewhere_is_not_written_over(
    source: FakeSource, make_desk: Callable[..., Desk]
) -> None:
    source.views = {"a": {"screen": "logs"}}

    async def script(session: Session) -> None:
        await session.press("v")
        source.views_version = "somebody else"
        await session.press("d", "y")
        assert "a" in source.views
        assert "have changed" in session.text

    run_app_test(script, source, make_desk())


def test_the_default_is_marked(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    source.views = {"a": {"screen": "logs"}}

    async def script(session: Session) -> None:
        await session.press("v", "asterisk")
        assert source.default_view == "a"
        assert " * a" in session.text
        await session.press("asterisk")
        assert source.default_view == ""

    run_app_test(script, source, make_desk())


def test_built_in_views_apply_and_cannot_be_removed(
    source: FakeSource, make_desk: Callable[..., Desk]
) -> None:
    async def script(session: Session) -> None:
        await session.press("v", "d")
        assert "built in" in session.text
        await session.press("enter")
        assert (session.desk.screen, session.desk.graphs.search) == ("graphs", "loss")

    run_app_test(script, source, make_desk())


def test_what_cannot_be_stays_as_it_is(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(screen="logs")
    views_state.apply(desk, {}, {"screen": "nowhere", "minimal": "yes", "search": 3, "screens": [1]})
    assert (desk.screen, desk.choices.minimal, desk.graphs.search) == ("logs", False, "")


def test_the_overlay_fits_a_small_window(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        await session.press("v")
        assert "views of digits" in session.text

    run_app_test(script, source, make_desk(), size=(40, 10))
