"""The Runs screen: columns, families, filter completion, several runs at once, changes in place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tui_fakes import NOW, OLD_RUN, RUN, FakeSource, Session, iso, run_app_test, until

from opengraphs.errors import UsageError
from opengraphs.tui import remembered
from opengraphs.tui.model import Desk

MakeDesk = Callable[..., Desk]
TINY = "20261120-070000-zz9a"


@pytest.fixture
def store(source: FakeSource) -> FakeSource:
    """Configs, tags and a family on the three runs."""
    source.runs[0].update(
        config={"lr": 0.0003, "model": {"layers": 4}}, tags=["baseline"], notes="warm start"
    )
    source.runs[1].update(config={"lr": 0.001, "model": {"layers": 4}}, tags=["old"])
    source.runs[1]["parent"] = {"run_id": TINY, "step": 10}
    source.runs[2].update(config={"lr": 0.01}, signal=9)
    return source


def header(session: Session) -> str:
    return next(line for line in session.app.canvas.text() if " status " in line)


def edits(session: Session) -> list[tuple[str, Any]]:
    return [(path, body) for path, body in session.source.asked if path.startswith("/runs/2") and body]


async def press_at(session: Session, x: int, y: int, *, button: int = 1) -> None:
    """A press and a release on one cell; what is no left click comes as a drag that goes nowhere."""
    if button == 1:
        session.app.take_click(x, y)
    else:
        session.app.take_drag((x, y), (x, y), done=True, button=button, modifiers=frozenset())
    await session.settle()


def test_the_picker_shows_hides_and_orders_columns(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("C")
        await session.type("config.l")
        await session.press("space")
        assert [one.key for one in session.desk.runs.columns or ()][:2] == ["config.lr", "metric"]
        await session.press("ctrl+u")
        await session.press("greater_than_sign")
        assert [one.key for one in session.desk.runs.columns or ()][:2] == ["metric", "config.lr"]
        await session.press("escape", "C", "space", "escape")
        assert header(session).split()[:3] == ["status", "name", "lr"]
        line = next(line for line in session.app.canvas.text() if "train-gpt  " in line)
        assert " 3e-4 " in line

    run_app_test(script, store, make_desk())


def test_a_number_column_changes_its_format(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("C")
        await session.type("config.lr")
        await session.press("space", "equals_sign", "equals_sign")
        assert (session.desk.runs.columns or ())[0].form == "fixed 4"
        await session.press("escape")
        assert " 0.0003 " in session.text

    run_app_test(script, store, make_desk())


def test_the_end_of_a_metric_is_asked_for_and_sorted_by(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("C")
        await session.type("min.train/loss")
        await session.press("space", "escape")
        asked = [query for path, query in store.asked if path == "/runs"][-1]
        assert asked["values"] == "min.train/loss"
        x = header(session).index("min.train")
        await press_at(session, x, session.app.canvas.text().index(header(session)))
        assert session.desk.runs.sort == ("min.train/loss", True)
        await press_at(session, x, session.app.canvas.text().index(header(session)))
        assert session.desk.runs.sort == ("min.train/loss", False)

    run_app_test(script, store, make_desk())


def test_a_column_without_an_order_says_so(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await press_at(session, header(session).index("trend"), 6)
        assert session.desk.runs.sort == ("created_at", True)
        assert "trend has no order" in session.text
        await session.press("slash")
        assert "has no order" not in session.text

    run_app_test(script, store, make_desk())


def test_columns_last_from_one_start_to_the_next(
    store: FakeSource, make_desk: MakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opengraphs.tui import app

    kept = tmp_path / "screens" / "one.json"
    made = app.OgApp.__init__

    def with_file(self: Any, *args: Any, **more: Any) -> None:
        made(self, *args, **{**more, "lasting": kept})

    monkeypatch.setattr(app.OgApp, "__init__", with_file)

    async def choose(session: Session) -> None:
        await session.press("C")
        await session.type("config.lr")
        await session.press("space", "escape", "slash", *"train", "enter")
        await until(lambda: "columns" in remembered.read(kept).get("runs", {}))

    async def again(session: Session) -> None:
        assert header(session).split()[:3] == ["status", "name", "lr"]
        assert session.desk.runs.filter == ""

    run_app_test(choose, store, make_desk())
    store._events = asyncio.Queue()
    run_app_test(again, store, make_desk())


def test_the_filter_completes_fields_operators_and_values(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("slash", *"stat", "tab")
        assert session.app.view.edit is not None
        assert session.app.view.edit.text == "status:"
        await session.press("f", "down", "tab")
        assert session.app.view.edit.text == "status:failed "
        await session.press("ctrl+u", *"config.lr", "down")
        assert "config.lr!=" in session.text
        await session.press("tab")
        assert session.app.view.edit.text == "config.lr!="

    run_app_test(script, store, make_desk())


def test_half_a_filter_is_said_calmly_and_whole_it_is_an_error(
    store: FakeSource, make_desk: MakeDesk
) -> None:
    def roles(session: Session) -> set[str]:
        row = next(row for row in session.app.canvas.rows if any("breaks" in text for text, _ in row))
        return {role for text, role in row if "breaks" in text}

    async def script(session: Session) -> None:
        await session.press("slash", "(")
        assert roles(session) == {"dim"}
        assert session.desk.runs.total == 3
        await session.press("enter")
        assert roles(session) == {"error"}

    run_app_test(script, store, make_desk())


def test_families_stand_together_and_fold(store: FakeSource, make_desk: MakeDesk) -> None:
    def names(session: Session) -> list[str]:
        return [line[12:28].strip() for line in session.app.canvas.text()[7:10]]

    async def script(session: Session) -> None:
        await session.press("T")
        assert names(session) == ["train-gpt", "▾ tiny", "└ baseline"]
        await session.press("end", "f")
        assert names(session)[:2] == ["train-gpt", "▸ tiny"]
        assert "+1" in session.text
        assert session.desk.runs.total == 2
        assert session.desk.runs.cursor == 1
        await session.press("f")
        assert names(session) == ["train-gpt", "▾ tiny", "└ baseline"]

    run_app_test(script, store, make_desk())


def test_tags_go_on_and_off_all_selected_runs(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("home", "space", "space", "t", *"new -old", "enter")
        await until(lambda: store.runs[1]["tags"] == ["new"])
        assert store.runs[0]["tags"] == ["baseline", "new"]
        assert store.runs[2]["tags"] == []
        await session.settle()
        assert "tagged 2 runs" in session.text

    run_app_test(script, store, make_desk())


def test_tags_complete_with_those_of_other_runs(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("end", "t", "b", "tab", "enter")
        await until(lambda: store.runs[2]["tags"] == ["baseline"])

    run_app_test(script, store, make_desk())


def test_a_note_is_edited_in_place_and_a_name_too(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("home", "n", *"er", "enter")
        await until(lambda: store.runs[0]["notes"] == "warm starter")
        await session.press("R", "ctrl+u", *"first", "enter")
        await until(lambda: "first" in session.text)
        assert store.runs[0]["name"] == "first"
        await session.press("n", "x", "escape")
        assert store.runs[0]["notes"] == "warm starter"

    run_app_test(script, store, make_desk())


def test_only_one_run_is_renamed_at_a_time(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("home", "space", "space", "R")
        assert session.app.view.edit is None
        assert "only one run can be renamed" in session.text

    run_app_test(script, store, make_desk())


def test_archived_runs_leave_the_list(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("home", "shift+down", "D")
        await until(lambda: session.desk.runs.total == 1)
        assert [bool(run.get("archived")) for run in store.runs] == [True, True, False]
        assert session.desk.runs.selected == {}

    run_app_test(script, store, make_desk())


def test_what_is_refused_is_said(
    store: FakeSource, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(path: str, body: dict[str, Any]) -> dict[str, Any]:
        raise UsageError("a tag has no comma")

    monkeypatch.setattr(store, "patch", refuse)

    async def script(session: Session) -> None:
        await session.press("home", "t", "a", "comma", "enter")
        assert "a tag has no comma" in session.text

    run_app_test(script, store, make_desk())


def test_a_range_reaches_over_runs_that_are_not_on_the_screen(make_desk: MakeDesk) -> None:
    source = FakeSource()
    for n in range(1500):
        source.add_run(f"20261122-093012-{n:04}", age_s=10.0 + n, status="finished")

    async def script(session: Session) -> None:
        await session.press("home", "V", "end", "V")
        await until(lambda: len(session.desk.runs.selected) == 1500)
        await session.press("x", "home", "V", "down", "escape")
        assert not session.desk.runs.selected
        assert session.desk.runs.range_from is None

    run_app_test(script, source, make_desk())


def test_marks_and_the_right_button_select(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await press_at(session, 1, 8)
        assert list(session.desk.runs.selected) == [OLD_RUN]
        await press_at(session, 30, 9, button=3)
        assert list(session.desk.runs.selected) == [OLD_RUN, TINY]
        await press_at(session, 1, 8)
        assert list(session.desk.runs.selected) == [TINY]
        assert session.desk.screen == "runs"

    run_app_test(script, store, make_desk())


def test_control_and_a_click_selects_too(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.pilot.click("#canvas", offset=(30, 8), control=True)
        await session.settle()
        assert list(session.desk.runs.selected) == [OLD_RUN]
        assert session.desk.screen == "runs"

    run_app_test(script, store, make_desk())


def test_a_click_on_the_open_card_opens_its_run(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await press_at(session, 5, 2)
        assert session.desk.runs.on_cards
        assert "unlike baseline" in session.text
        await press_at(session, 5, 8)
        assert session.desk.screen == "graphs"
        assert session.desk.graphs.run_id == RUN

    run_app_test(script, store, make_desk())


def test_a_drag_over_rows_selects_them(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        for done in (False, True):
            session.app.take_drag((30, 7), (30, 8), done=done, button=1, modifiers=frozenset())
        await until(lambda: list(session.desk.runs.selected) == [RUN, OLD_RUN])
        assert session.desk.runs.range_from is None

    run_app_test(script, store, make_desk())


def test_the_card_at_the_cursor_opens_and_the_others_stay(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        before = session.app.canvas.text()
        await session.press("tab")
        text = session.text
        assert "unlike baseline" in text
        assert "lr 1e-3 → 3e-4" in text
        assert "eval/acc" in text
        assert "warm start" in text
        assert session.app.canvas.text()[1][60:] == before[1][60:]
        await session.press("escape")
        assert session.app.canvas.text() == before

    run_app_test(script, store, make_desk(), size=(120, 40))


def test_a_status_says_what_happened(store: FakeSource, make_desk: MakeDesk) -> None:
    store.runs[0]["heartbeat_at"] = iso(300)

    async def script(session: Session) -> None:
        assert "● silent" in session.text
        assert "✗ killed" in session.text

    run_app_test(script, store, make_desk())


def test_a_run_that_only_prints_moves_with_its_output(store: FakeSource, make_desk: MakeDesk) -> None:
    store.runs[2].update(status="running", progress={"step": 4, "total": 100, "unit": "step"}, ended_at=None)

    async def script(session: Session) -> None:
        assert "4/100" in session.text
        store.runs[2]["progress"] = {"step": 50, "total": 100, "unit": "step"}
        store.emit("log", run=TINY)
        await until(lambda: "50/100" in session.text)

    run_app_test(script, store, make_desk())


def test_ages_tick_without_anything_happening(store: FakeSource, make_desk: MakeDesk) -> None:
    desk = make_desk()
    now = [NOW]
    desk.clock = lambda: now[0]

    async def script(session: Session) -> None:
        assert "29m48s" in session.text
        now[0] += 1
        await until(lambda: "29m49s" in session.text)

    run_app_test(script, store, desk)


def test_text_of_runs_is_cleaned_in_columns_cards_and_completion(
    store: FakeSource, make_desk: MakeDesk
) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202eevil"
    store.runs[0].update(tags=[evil], notes=evil, config={evil: evil}, git={"branch": evil})

    async def script(session: Session) -> None:
        for keys in (
            ("tab",),
            ("escape", "C", *"config"),
            ("space", "escape", "slash", *"tag:"),
            ("escape",),
        ):
            await session.press(*keys)
            assert not {char for char in session.text if char != "\n" and not char.isprintable()}

    run_app_test(script, store, make_desk())


@pytest.mark.parametrize("size", [(200, 50), (80, 24), (40, 10), (30, 8), (20, 5)])
def test_every_mode_fits_every_size(store: FakeSource, make_desk: MakeDesk, size: tuple[int, int]) -> None:
    from opengraphs.tui.painters.cells import row_width

    async def script(session: Session) -> None:
        modes = (
            ("tab",),
            ("escape", "C"),
            ("space", "escape"),
            ("T",),
            ("slash", *"config"),
            ("escape", "t"),
        )
        for keys in modes:
            await session.press(*keys)
            assert {row_width(row) for row in session.app.canvas.rows} == {size[0]}
            assert len(session.app.canvas.rows) == size[1]

    run_app_test(script, store, make_desk(), size=size)


def test_a_saved_view_brings_columns_order_and_filter_back(store: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("C")
        await session.type("config.lr")
        await session.press("space", "escape", "slash", *"base", "enter", "T")
        saved = session.app.view.saved()
        await session.press("T", "escape", "C", "asterisk")
        assert session.desk.runs.columns is None
        session.app.view.restore({**saved, "sort": 3, "unknown": object()})
        session.app.changed()
        await session.settle()
        assert header(session).split()[:3] == ["status", "name", "lr"]
        assert (session.desk.runs.filter, session.desk.runs.tree) == ("base", True)
        assert session.desk.runs.total == 1
        assert RUN not in {row["run_id"] for row in session.desk.runs.visible()}

    run_app_test(script, store, make_desk())
