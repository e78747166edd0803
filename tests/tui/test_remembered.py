"""A dropped line, a signal and a detach keep where the user was; leaving does not; a default view opens a fresh start."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tui_fakes import RUN, FakeSource, Session, until

from opengraphs.tui import remembered
from opengraphs.tui.app import OgApp
from opengraphs.tui.handover import ExitChoice
from opengraphs.tui.model import Desk
from opengraphs.tui.remembered import Lasting, Memory
from opengraphs.tui.theme import THEMES
from opengraphs.tui.widgets.canvas import Palette
from opengraphs.tui.widgets.line_history import Histories

STORE = Path("/store")


def run(
    script: Callable[[Session], Awaitable[None]],
    source: FakeSource,
    desk: Desk,
    folder: Path,
    *,
    opened: str | None = None,
) -> None:
    """As `run_app_test`, with a memory in `folder`."""

    async def main() -> None:
        source._events = asyncio.Queue()
        app = OgApp(
            source,
            desk,
            Palette(THEMES["dark"], "truecolor"),
            refresh_s=0.01,
            memory=Memory(STORE, opened, folder=folder),
            resume=True,
        )
        async with app.run_test(size=(120, 40)) as pilot:
            session = Session(app, pilot, source)
            await session.settle()
            await script(session)

    asyncio.run(main())


@pytest.mark.parametrize("way", ["signal", "detach", "lost"])
def test_the_same_screen_and_filters_after_a_dropped_line(
    source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path, way: Any
) -> None:
    async def drop(session: Session) -> None:
        await session.press("slash")
        await session.type("gpt")
        await session.press("enter", "space", "2", "slash")
        await session.type("loss")
        await session.press("enter", "4")
        session.app.exit(ExitChoice(way, 129, None) if way != "lost" else None)

    async def again(session: Session) -> None:
        assert session.desk.screen == "logs"
        assert session.desk.graphs.run_id == RUN
        assert session.desk.graphs.search == "loss"
        assert session.desk.runs.filter == "gpt"
        assert session.desk.runs.selected == {RUN: "train-gpt"}
        assert "as you left it" in session.text

    run(drop, source, make_desk(), tmp_path)
    run(again, source, make_desk(), tmp_path)


def test_leaving_forgets(source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path) -> None:
    async def leave(session: Session) -> None:
        await session.press("4")
        await until(lambda: (tmp_path / "screens.json").exists(), what="something kept while og runs")
        await session.pilot.press("q")

    async def again(session: Session) -> None:
        assert session.desk.screen == "runs"
        assert "as you left it" not in session.text

    run(leave, source, make_desk(), tmp_path)
    assert json.loads((tmp_path / "screens.json").read_text())["screens"] == {}
    run(again, source, make_desk(), tmp_path)


def test_another_run_begins_afresh(
    source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    async def drop(session: Session) -> None:
        await session.press("4")
        session.app.exit(ExitChoice("signal", 129, None))

    async def other(session: Session) -> None:
        assert session.desk.screen == "graphs"

    run(drop, source, make_desk(screen="graphs"), tmp_path, opened=RUN)
    run(other, source, make_desk(screen="graphs"), tmp_path, opened="another")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"screens": 3}',
        json.dumps({"screens": {f"{STORE}\n": {"at": 1.0}}}),
        json.dumps({"screens": {f"{STORE}\n": {"at": "x"}}}),
    ],
)
def test_what_was_kept_may_be_damaged_or_old(tmp_path: Path, text: str) -> None:
    (tmp_path / "screens.json").write_text(text)
    memory = Memory(STORE, None, folder=tmp_path)
    assert memory.load() is None
    memory.keep({"run": RUN})
    found = memory.load()
    assert found is not None
    assert found["run"] == RUN


def test_odd_values_are_passed_over(
    source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    odd = {"run": 3, "runs": {"filter": 1, "sort": [1]}, "look": {"screen": "nowhere"}, "recent": [1]}
    Memory(STORE, None, folder=tmp_path).keep(odd)

    async def script(session: Session) -> None:
        assert session.desk.screen == "runs"

    run(script, source, make_desk(), tmp_path)


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    for n in range(remembered.MAX_ENTRIES + 5):
        Memory(STORE, f"run-{n}", folder=tmp_path).keep({"run": str(n)})
    assert len(json.loads((tmp_path / "screens.json").read_text())["screens"]) == remembered.MAX_ENTRIES
    assert Memory(STORE, "run-0", folder=tmp_path).load() is None


def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Memory(STORE, None, folder=tmp_path / "file").keep({"run": RUN})


def test_a_fresh_start_is_the_projects_default_view(
    source: FakeSource, make_desk: Callable[..., Desk], tmp_path: Path
) -> None:
    source.views = {"mine": {"screen": "logs", "search": "loss"}}
    source.default_view = "mine"

    async def script(session: Session) -> None:
        await until(lambda: session.desk.graphs.search == "loss", what="the default view")
        assert session.desk.screen == "graphs"

    run(script, source, make_desk(screen="graphs"), tmp_path)


@pytest.mark.parametrize("text", [None, "[1]", "{", '{"runs": 3, "history": [1]}', "\x00"])
def test_a_file_of_another_kind_is_passed_over(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kept.json"
    if text is not None:
        path.write_text(text)
    histories = Histories()
    Lasting(path).restore((), histories)
    assert histories.lasting() == {}


def test_the_files_are_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "kept.json"
    remembered.write(path, {"a": 1})
    assert remembered.read(path) == {"a": 1}
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
