"""The Compare screen, used: which runs, what is said of them, grouping, filters, live, saved views."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tui_fakes import OLD_RUN, RUN, FakeSource, Session, curve, run_app_test, until

from opengraphs.tui.glyphs import GLYPHS
from opengraphs.tui.model import Desk
from opengraphs.tui.painters.cells import row_width
from opengraphs.tui.theme import THEMES
from opengraphs.tui.widgets.canvas import Palette

GOLDEN = Path(__file__).parent / "golden"
CHOOSE = ("1", "home", "space", "space", "c")
MakeDesk = Callable[..., Desk]


@pytest.fixture
def two(source: FakeSource) -> FakeSource:
    """Two runs that differ in a setting of each kind."""
    source.runs[0]["config"] = {"lr": 3e-4, "model.width": 256, "model.depth": 12, "out_dir": "/a"}
    source.runs[1]["config"] = {"lr": 1e-4, "model.width": 512, "model.depth": 24, "out_dir": "/b"}
    return source


def golden(name: str, lines: list[str]) -> None:
    found = "\n".join(line.rstrip() for line in lines) + "\n"
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("OG_UPDATE_GOLDEN"):
        path.write_text(found)
    assert found == path.read_text()


def state(session: Session) -> Any:
    return session.app.views["compare"].state


def play(source: FakeSource, desk: Desk, script: Callable[[Session], Any], **more: Any) -> None:
    run_app_test(script, source, desk, **more)


@pytest.mark.parametrize("size", [(200, 50), (120, 40), (80, 24), (60, 20), (40, 10)])
def test_what_it_looks_like(two: FakeSource, make_desk: MakeDesk, size: tuple[int, int]) -> None:
    async def script(session: Session) -> None:
        await session.press(*CHOOSE)
        for panel in ("chart", "verdicts", "diff") if size[0] < 100 else ("chart",):
            assert state(session).panel == panel
            assert {row_width(row) for row in session.app.canvas.rows} == {size[0]}
            name = f"compare-two-{size[0]}x{size[1]}"
            golden(name if size[0] >= 100 else f"{name}-{panel}", session.app.canvas.text())
            await session.press("tab")

    play(two, make_desk(), script, size=size)


@pytest.mark.parametrize("size", [(20, 5), (15, 4), (12, 3), (5, 2), (1, 1), (99, 29), (151, 21), (100, 30)])
def test_odd_sizes_are_filled(two: FakeSource, make_desk: MakeDesk, size: tuple[int, int]) -> None:
    async def script(session: Session) -> None:
        await session.press(*CHOOSE)
        for keys in (("tab",), ("tab",), ("g", "l"), ("enter",), ("slash", "l"), ("enter", "end", "right")):
            await session.press(*keys)
            rows = session.app.canvas.rows
            assert len(rows) == size[1]
            assert {row_width(row) for row in rows} == {size[0]}

    play(two, make_desk(), script, size=size)


def test_fewer_than_two_runs_are_told_how_to_choose(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("1", "home", "space", "c")
        assert "space selects" in session.text
        assert not [path for path, _ in session.source.asked if path in ("/compare", "/diff")]

    play(source, make_desk(), script)


def test_the_first_selected_is_the_baseline(two: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("1", "home", "down", "space", "home", "space", "c")
        assert state(session).runs == (OLD_RUN, RUN)
        assert "baseline baseline" in session.text
        assert "train-gpt ends 17 % lower at step 371" not in session.text  # it still runs
        assert "train-gpt is 17 % lower so far at step 371" in session.text
        assert "lr 1e-4 → 3e-4" in session.text

    play(two, make_desk(), script)


def test_runs_overlaid_on_graphs_are_compared(two: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("1", "home", "down", "space", "home", "enter", "c")
        assert state(session).runs == (OLD_RUN, RUN)
        colors = session.app.view._colors()
        assert colors == {run: session.desk.graphs.colors[run] for run in (OLD_RUN, RUN)}
        await session.press("escape")
        assert session.desk.screen == "runs"

    play(two, make_desk(), script)


def test_two_runs_of_one_colour_get_two(two: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        session.desk.graphs.colors.update({RUN: 0, OLD_RUN: 0})
        await session.press(*CHOOSE)
        assert len(set(session.app.view._colors().values())) == 2

    play(two, make_desk(), script)


def test_grouping_completes_a_key_and_leaves_again(two: FakeSource, make_desk: MakeDesk) -> None:
    two.runs[2]["config"] = {"lr": 1e-4}
    two.metrics[two.runs[2]["run_id"]] = {"train/loss": curve(300)}

    async def script(session: Session) -> None:
        await session.press("1", "home", "space", "space", "space", "c", "g", "l", "r")
        assert "config.lr" in session.text
        assert "summary.x" not in session.text
        await session.press("tab")
        assert session.app.view.edit.text == "config.lr"
        await session.press("enter")
        assert state(session).by == "config.lr"
        assert "1e-4 n=2" in session.text
        assert "3e-4 n=1" in session.text
        assert session.app.view._spec.bands
        await session.press("escape")
        assert state(session).by == ""
        await session.press("g", "escape")
        assert session.app.view.edit is None

    play(two, make_desk(), script)


def test_what_cannot_be_grouped_by_is_said(two: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press(*CHOOSE, "g", *"zzz", "enter")
        assert "runs cannot be grouped by 'zzz'" in session.text

    play(two, make_desk(), script)


def test_noise_is_hidden_until_asked_for(two: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press(*CHOOSE)
        assert "out_dir" not in session.text
        assert "1 hidden" in session.text
        await session.press("a")
        assert "out_dir" in session.text

    play(two, make_desk(), script)


def test_the_filter_is_of_the_diff_and_the_search_of_metrics(two: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press(*CHOOSE, "tab", "tab", "slash", *"width", "enter")
        lines = [line.text for line in session.app.view._lines()]
        assert lines == ["config", "model.width"]
        await session.press("shift+tab", "slash", *"eval", "enter")
        assert state(session).metrics() == ["eval/loss", "eval/acc"]
        assert state(session).chosen() == "eval/loss"

    play(two, make_desk(), script)


def test_a_new_point_of_a_compared_run_is_shown(two: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press(*CHOOSE)
        session.source.log(RUN, 372, train__loss=0.0123)
        await until(lambda: "0.0123" in session.text, what="the new point")

    play(two, make_desk(), script)


def test_a_removed_run_leaves(two: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("1", "home", "space", "space", "space", "c")
        assert len(state(session).runs) == 3
        session.source.emit("gone", run=OLD_RUN)
        await until(lambda: len(state(session).runs) == 2, what="two runs")

    play(two, make_desk(), script)


def test_without_colour_runs_differ(two: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press(*CHOOSE)
        chart = "\n".join(session.app.canvas.text()[3:16])
        assert "●" in chart
        assert "▲" in chart

    desk = make_desk()
    desk.glyphs = GLYPHS["braille"].with_texture()
    play(two, desk, script, palette=Palette(THEMES["dark"], "none"))


def test_an_ascii_terminal_gets_ascii_only(two: FakeSource, make_desk: MakeDesk) -> None:
    two.runs[0]["name"] = "größe"

    async def script(session: Session) -> None:
        await session.press(*CHOOSE)
        for keys in ((), ("tab",), ("tab",), ("g",)):
            await session.press(*keys)
            assert session.text.isascii(), [char for char in session.text if not char.isascii()]

    play(two, make_desk(glyphs="ascii"), script)


def test_text_of_runs_never_reaches_the_terminal_raw(two: FakeSource, make_desk: MakeDesk) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202eevil"
    two.runs[0]["name"] = evil
    two.runs[0]["config"][evil] = evil
    two.metrics[RUN] = {evil: [(0, 1.0)], **two.metrics[RUN]}

    async def script(session: Session) -> None:
        await session.press(*CHOOSE)
        for keys in ((), ("g",), ("enter",)):
            await session.press(*keys)
            bad = {c for c in session.text if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0)}
            assert not bad
            assert "\u202e" not in session.text

    play(two, make_desk(), script)


def test_a_saved_view_comes_back(two: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press(*CHOOSE, "n", "x", "m", "m", "g", *"lr", "enter", "tab", "tab", "slash", *"model")
        view = session.app.view
        saved = view.saved()
        assert saved == {
            "metric": "train/acc",
            "axis": "time",
            "smoothing": "ma(200)",
            "group_by": "config.lr",
            "filter": "model",
        }
        view.restore({"metric": "eval/acc", "axis": "sideways", "smoothing": 7, "group_by": "", "filter": ""})
        assert view.saved() == {**saved, "metric": "eval/acc", "group_by": "", "filter": ""}
        view.restore(saved)
        assert view.saved() == saved

    play(two, make_desk(), script)


def test_many_runs_scroll_and_the_baseline_stays(two: FakeSource, make_desk: MakeDesk) -> None:
    for n in range(20):
        two.add_run(
            f"20261101-000000-m{n:03d}",
            name=f"more-{n}",
            age_s=200_000 + n,
            metrics={"train/loss": curve(300, scale=1 + n)},
        )
        two.runs[-1]["config"] = {"lr": n}

    async def script(session: Session) -> None:
        await session.press("1", "home", *["space"] * 23, "c", "tab", "tab")
        assert len(state(session).runs) == 23
        assert "first 16 of 23 runs" in session.text
        await session.press(*["right"] * 30)
        diff = "\n".join(session.app.canvas.text()[28:])
        assert "train-gpt" in diff
        assert "more-12" in diff

    play(two, make_desk(), script)
