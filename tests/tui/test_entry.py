"""`run_app` around the app: what is checked first, and what is left of stage 0 when it cannot start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tui_fakes import RUN, FakeSource

from opengraphs import tui
from opengraphs.errors import DaemonError, UsageError
from opengraphs.tui import entry
from opengraphs.tui.app import OgApp
from opengraphs.tui.handover import ExitChoice
from opengraphs.tui.model import Desk
from opengraphs.tui.theme import THEMES
from opengraphs.tui.watched import WatchedClient
from opengraphs.tui.widgets.canvas import Palette


class FirstFrame:
    rows: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        self.restored = 0

    def restore(self) -> None:
        self.restored += 1


@pytest.fixture
def no_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise DaemonError("ogd cannot be started")

    monkeypatch.setattr("opengraphs.client.autostart.ensure_daemon", refuse)


@pytest.mark.usefixtures("no_daemon", "og_home")
@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"metric_filter": "("}, UsageError, "not a regular expression"),
        ({"theme": "plaid"}, UsageError, "plaid"),
        ({"refresh_ms": 1}, UsageError, "refresh_ms"),
        ({}, DaemonError, "cannot be started"),
    ],
)
def test_what_goes_wrong_before_the_screen_gives_the_terminal_back(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    first = FirstFrame()
    with pytest.raises(error, match=said):
        tui.run_app(socket=None, store=Path("/store"), stage0=first, **options)
    assert first.restored == 1


def app_that(desk: Desk, source: FakeSource, ready: Callable[[OgApp], object]) -> OgApp:
    class Scripted(OgApp):
        def run(self, **options: Any) -> Any:
            return super().run(headless=True, size=(80, 24), **options)

        def on_ready(self) -> None:
            ready(self)

    return Scripted(source, desk, Palette(THEMES["dark"], "truecolor"))


def test_a_defect_inside_the_ui_is_raised_after_it(
    source: FakeSource, make_desk: Callable[..., Desk]
) -> None:
    def break_it(app: OgApp) -> None:
        raise ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError, match="a defect"):
        entry.run_to_end(app_that(make_desk(), source, break_it), mouse=True)
    assert source.closed


def test_a_defect_in_the_data_layer_is_raised_too(
    source: FakeSource, make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(query: Any) -> Any:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(source, "_runs", broken)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        entry.run_to_end(app_that(make_desk(), source, lambda app: None), mouse=True)


def test_an_end_without_a_choice_is_a_lost_terminal(
    source: FakeSource, make_desk: Callable[..., Desk]
) -> None:
    desk = make_desk(screen="graphs")
    desk.open_run(RUN)
    left = entry.run_to_end(app_that(desk, source, lambda app: app.exit()), mouse=True)
    assert left == ExitChoice("signal", 129, RUN)


def test_the_client_tells_when_it_looks_for_its_daemon(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import asyncio

    def refuse(**_: Any) -> None:
        raise DaemonError("ogd cannot be started")

    monkeypatch.setattr("opengraphs.client.aio.ensure_daemon", refuse)
    told: list[bool] = []
    client = WatchedClient(store=tmp_path, socket_path=tmp_path / "s")
    client.on_search = lambda: told.append(True)

    async def main() -> None:
        with pytest.raises(DaemonError):
            await client.get("/runs")

    asyncio.run(main())
    assert told == [True]


def test_names_of_the_package_come_on_first_use() -> None:
    assert tui.ExitChoice is ExitChoice
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = tui.Nothing
