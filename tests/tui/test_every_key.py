"""Every key of docs/keys.md, pressed: each action has a case here, and each of its keys goes through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from key_cases import alerts, chat, compare, everywhere, graphs, logs, runs, samples, system
from key_cases.case import Case
from tui_fakes import OLD_RUN, RUN, FakeSource, Session, curve, run_app_test, until

from opengraphs.tui import OwnedRun, keys
from opengraphs.tui.model import Desk

CASES: dict[str, Case] = {
    **everywhere.CASES,
    **runs.CASES,
    **graphs.CASES,
    **compare.CASES,
    **logs.CASES,
    **system.CASES,
    **samples.CASES,
    **alerts.CASES,
    **chat.CASES,
}

NOTHING_TO_GO_TO = {"logs"}
"""Screens that are one panel."""


def test_every_documented_action_has_a_case() -> None:
    assert set(CASES) == {action.id for action in keys.ACTIONS}


def presses() -> list[tuple[str, str, str]]:
    """(screen, action, key) of everything in docs/keys.md that is not tested elsewhere."""
    nothing = {(screen, f"panel.{way}") for screen in NOTHING_TO_GO_TO for way in ("next", "previous")}
    return [
        (screen, action.id, key)
        for action in keys.ACTIONS
        for screen in action.screens
        for key in action.keys
        if action.id != f"screen.{screen}" and (screen, action.id) not in nothing
    ]


@pytest.fixture
def store(source: FakeSource) -> FakeSource:
    """Enough metrics for two pages."""
    for n in range(4):
        source.metrics[RUN][f"more/{n}"] = curve(372)
    return source


@pytest.mark.parametrize(("screen", "action", "key"), presses())
def test_key(store: FakeSource, make_desk: Callable[..., Desk], screen: Any, action: str, key: str) -> None:
    case = CASES[action]
    desk = make_desk(screen=screen, owned=OwnedRun(RUN, "train-gpt"))
    if case.store is not None:
        case.store(store)

    async def script(session: Session) -> None:
        count_textual_actions(session)
        await session.press(*case.before)
        before = case.look(session)
        await session.pilot.press(key)
        if case.after is None:
            await until(lambda: case.look(session) != before, what=f"another value than {before!r}")
        else:
            assert before != case.after
            await until(
                lambda: case.look(session) == case.after, what=f"{case.after!r}, not {case.look(session)!r}"
            )

    run_app_test(script, store, desk, size=case.size)


def count_textual_actions(session: Session) -> None:
    """Suspending and redrawing belong to the terminal; here it is enough that they are asked for."""
    app = session.app
    app.suspended = app.redrawn = 0

    def suspended() -> None:
        app.suspended += 1

    def redrawn() -> None:
        app.redrawn += 1

    app.suspend_og, app.redraw = suspended, redrawn
    app.edit_text = lambda text: text + "edited"


@pytest.mark.parametrize("screen", sorted(NOTHING_TO_GO_TO))
def test_tab_in_a_single_panel_is_quietly_nothing(
    store: FakeSource, make_desk: Callable[..., Desk], screen: Any
) -> None:
    async def script(session: Session) -> None:
        before = session.text
        await session.press("tab", "shift+tab")
        assert session.text == before

    run_app_test(script, store, make_desk(screen=screen))


def test_remapped_keys_do_what_they_were_given(store: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        await session.press("P")
        assert session.desk.paused
        await session.press("question_mark")
        assert "P " in session.text

    run_app_test(script, store, make_desk(screen="graphs", keys={"graphs.pause": ("P",)}))
    assert OLD_RUN
