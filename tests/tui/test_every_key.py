"""Every key of docs/keys.md, pressed: each action has a case here, and each of its keys goes through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tui_fakes import OLD_RUN, RUN, FakeSource, Session, curve, run_app_test, until

from opengraphs.tui import OwnedRun, keys
from opengraphs.tui.model import Desk

Look = Callable[[Session], Any]


class Case(NamedTuple):
    """before: keys that lead there. look: what is observed. after: what it must be, or None for "another"."""

    look: Look
    before: tuple[str, ...] = ()
    after: Any = None


def graphs(session: Session) -> Any:
    return session.desk.graphs


CASES: dict[str, Case] = {
    # everywhere; the screen is given by the parameter
    "screen.runs": Case(lambda s: s.desk.screen, after="runs"),
    "screen.graphs": Case(lambda s: s.desk.screen, after="graphs"),
    "screen.logs": Case(lambda s: s.desk.screen, after="logs"),
    "help": Case(lambda s: ": keys" in s.text, after=True),
    "leave": Case(lambda s: "still running" in s.text, after=True),
    "back": Case(lambda s: s.app.overlay is None, before=("question_mark",), after=True),
    "panel.next": Case(lambda s: (s.desk.runs.on_cards, s.app.views["graphs"].panel)),
    "panel.previous": Case(lambda s: (s.desk.runs.on_cards, s.app.views["graphs"].panel)),
    "palette": Case(lambda s: "actions" in s.text, after=True),
    "rescan": Case(lambda s: len(s.source.asked)),
    "suspend": Case(lambda s: s.app.suspended, after=1),
    "redraw": Case(lambda s: s.app.redrawn, after=1),
    # runs
    "runs.up": Case(lambda s: s.desk.runs.cursor, ("end",), after=1),
    "runs.down": Case(lambda s: s.desk.runs.cursor, ("home",), after=1),
    "runs.left": Case(lambda s: s.desk.runs.card, ("tab", "right", "right"), after=1),
    "runs.right": Case(lambda s: s.desk.runs.card, ("tab",), after=1),
    "runs.page_up": Case(lambda s: s.desk.runs.cursor, ("end",), after=0),
    "runs.page_down": Case(lambda s: s.desk.runs.cursor, ("home",), after=2),
    "runs.first": Case(lambda s: s.desk.runs.cursor, ("end",), after=0),
    "runs.last": Case(lambda s: s.desk.runs.cursor, ("home",), after=2),
    "runs.open": Case(lambda s: (s.desk.screen, graphs(s).run_id), after=("graphs", RUN)),
    "runs.select": Case(lambda s: list(s.desk.runs.selected), after=[RUN]),
    "runs.clear": Case(lambda s: list(s.desk.runs.selected), ("space", "space"), after=[]),
    "runs.filter": Case(lambda s: s.app.view.edit is not None, after=True),
    "runs.sort": Case(lambda s: s.desk.runs.sort),
    "runs.reverse": Case(lambda s: s.desk.runs.sort, after=("created_at", False)),
    # graphs
    "graphs.up": Case(lambda s: graphs(s).focused(), ("down",), after="train/loss"),
    "graphs.down": Case(lambda s: graphs(s).focused(), after="lr"),
    "graphs.next": Case(lambda s: graphs(s).focused(), after="train/acc"),
    "graphs.previous": Case(lambda s: graphs(s).focused(), ("l", "l"), after="train/acc"),
    "graphs.page_up": Case(lambda s: graphs(s).page, ("pagedown",), after=0),
    "graphs.page_down": Case(lambda s: graphs(s).page, after=1),
    "graphs.first": Case(lambda s: graphs(s).x.cursor, after=0),
    "graphs.last": Case(lambda s: graphs(s).x.cursor, after=371),
    "graphs.enlarge": Case(lambda s: graphs(s).enlarged, after=True),
    "graphs.search": Case(lambda s: s.app.view.purpose, after="search"),
    "graphs.ask": Case(lambda s: s.app.view.purpose, after="ask"),
    "graphs.log_y": Case(lambda s: set(graphs(s).log_y), after={"train/loss"}),
    "graphs.smooth": Case(lambda s: graphs(s).smooth, after="ma(50)"),
    "graphs.ranks": Case(lambda s: s.desk.toast and s.desk.toast.text, after="only one rank logs here"),
    "graphs.panels": Case(
        lambda s: s.desk.toast and s.desk.toast.text,
        after="no panel is installed; docs/plugins.md tells how to make one",
    ),
    "graphs.x_axis": Case(lambda s: graphs(s).x.kind, after="time"),
    "graphs.cursor_left": Case(lambda s: graphs(s).x.cursor),
    "graphs.cursor_right": Case(lambda s: graphs(s).x.cursor, ("home",)),
    "graphs.zoom_in": Case(lambda s: graphs(s).x.zoom, after=(185.5, 371.0)),
    "graphs.zoom_out": Case(lambda s: graphs(s).x.zoom, ("plus", "plus"), after=(185.5, 371.0)),
    "graphs.zoom_reset": Case(lambda s: graphs(s).x.zoom is None, ("plus",), after=True),
    "graphs.pan_left": Case(lambda s: graphs(s).x.zoom, ("plus",), after=(139.125, 324.625)),
    "graphs.pan_right": Case(lambda s: graphs(s).x.zoom, ("plus", "shift+left"), after=(185.5, 371.0)),
    "graphs.pause": Case(lambda s: (s.desk.paused, s.app.live.paused), after=(True, True)),
    # logs
    "logs.up": Case(lambda s: s.desk.logs.top, after=961),
    "logs.down": Case(lambda s: s.desk.logs.top, ("home",), after=1),
    "logs.left": Case(lambda s: s.desk.logs.left, ("right",), after=0),
    "logs.right": Case(lambda s: s.desk.logs.left, after=8),
    "logs.page_up": Case(lambda s: s.desk.logs.top, after=925),
    "logs.page_down": Case(lambda s: s.desk.logs.top, ("home",), after=37),
    "logs.first": Case(lambda s: (s.desk.logs.top, s.desk.logs.follow), after=(0, False)),
    "logs.last": Case(lambda s: (s.desk.logs.top, s.desk.logs.follow), ("home",), after=(962, True)),
    "logs.find": Case(lambda s: s.app.view.edit is not None, after=True),
    "logs.next": Case(lambda s: s.desk.logs.match, ("home", "slash", *"step", "enter"), after=1),
    "logs.previous": Case(lambda s: s.desk.logs.match, ("home", "slash", *"step", "enter", "n"), after=0),
}


SMALL = {
    "runs.page_up": (120, 5),
    "runs.page_down": (120, 5),
    "graphs.page_up": (80, 24),
    "graphs.page_down": (80, 24),
}
"""Where there has to be more than one page."""


def test_every_documented_action_has_a_case() -> None:
    assert set(CASES) == {action.id for action in keys.ACTIONS}


def presses() -> list[tuple[str, str, str]]:
    """(screen, action, key) of everything in docs/keys.md that is not tested elsewhere."""
    nothing_to_go_to = {("logs", "panel.next"), ("logs", "panel.previous")}
    return [
        (screen, action.id, key)
        for action in keys.ACTIONS
        for screen in action.screens
        for key in action.keys
        if action.id != f"screen.{screen}" and (screen, action.id) not in nothing_to_go_to
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
    size = SMALL.get(action, (120, 40))

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

    run_app_test(script, store, desk, size=size)


def count_textual_actions(session: Session) -> None:
    """Suspending and redrawing belong to the terminal; here it is enough that they are asked for."""
    app = session.app
    app.suspended = app.redrawn = 0

    def suspended() -> None:
        app.suspended += 1

    def redrawn() -> None:
        app.redrawn += 1

    app.suspend_og, app.redraw = suspended, redrawn


def test_tab_on_logs_is_quietly_nothing(store: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        before = session.text
        await session.press("tab", "shift+tab")
        assert session.text == before

    run_app_test(script, store, make_desk(screen="logs"))


def test_remapped_keys_do_what_they_were_given(store: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        await session.press("P")
        assert session.desk.paused
        await session.press("question_mark")
        assert "P " in session.text

    run_app_test(script, store, make_desk(screen="graphs", keys={"graphs.pause": ("P",)}))
    assert OLD_RUN
