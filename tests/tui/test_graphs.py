"""The Graphs screen: sections, read-out, mouse, axes, marks, groups, the choice of charts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tui_fakes import NOW, OLD_RUN, RUN, FakeSource, Session, curve, run_app_test, until

from opengraphs.tui.model import Desk

MakeDesk = Callable[..., Desk]


def place_of(session: Session, metric: str) -> Any:
    return next(rect for name, rect in session.app.view.wall.placed if name == metric)


def test_sections_fold_to_a_count_and_unfold(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        assert "▾ train" in session.text
        await session.press("z")
        assert "▸ train  2 metrics" in session.text
        assert "┌ train/loss" not in session.text
        assert session.desk.graphs.focused() == "train/loss"
        await session.press("down")
        assert session.desk.graphs.focused() == "grad_norm"
        await session.press("up", "enter")
        assert "┌ train/loss" in session.text
        assert not session.desk.graphs.enlarged

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_search_finds_in_folded_sections(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("z", "slash")
        await session.type("loss")
        assert "┌ train/loss" in session.text
        assert "┌ eval/loss" in session.text

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_new_metric_moves_no_chart(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        before = dict(session.app.view.wall.placed)
        source.log(RUN, 372, general_new=1.0)
        await until(lambda: "general_new" in session.desk.graphs.order)
        await session.settle()
        after = dict(session.app.view.wall.placed)
        assert "general_new" in after
        assert {metric: after[metric] for metric in before} == before

    run_app_test(script, source, make_desk(screen="graphs"))


def test_f_shows_the_curve_of_the_family_and_the_run_alone_again(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    run = next(one for one in source.runs if one["run_id"] == RUN)
    run["parent"] = {"run_id": OLD_RUN, "checkpoint_id": "c", "step": 20, "reason": "user"}
    source.metrics[OLD_RUN] = {"train/loss": curve(60)}
    source.metrics[RUN]["train/loss"] = [(step + 21, value) for step, value in curve(40)]

    def asked() -> Any:
        return [query for path, query in source.asked if path == "/series"][-1].get("lineage", False)

    async def script(session: Session) -> None:
        state = session.desk.graphs
        await until(lambda: "train/loss" in state.curves)
        assert not asked()
        await session.press("f")
        await until(lambda: any("family" in one for one in state.curves["train/loss"].series))
        await session.settle()
        assert "abandoned branches dim" in session.text
        spec = session.app.view.wall._spec_of("train/loss")
        path = [one for one in spec.curves if one.label]
        left = [one for one in spec.curves if not one.label]
        assert (path[0].x[0], path[0].x[-1]) == (0, 60)
        assert [(one.thin, one.x[0], one.series == path[0].series) for one in left] == [(True, 21, True)]
        await session.press("x")
        await until(lambda: not asked())
        await session.press("x", "x", "f")
        await until(lambda: state.curves_x == "step" and not asked())
        await until(lambda: not any("family" in one for one in state.curves["train/loss"].series))

    run_app_test(script, source, make_desk(screen="graphs"))


def test_pages_hold_every_chart_once(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        seen: list[str] = []
        for _ in range(session.app.view._lay.grid.pages):
            seen += session.app.view.wall.metrics
            await session.press("pagedown")
        assert sorted(seen) == sorted(source.metrics[RUN])

    run_app_test(script, source, make_desk(screen="graphs"), size=(80, 24))


def test_the_read_out_tells_the_log_line_and_o_goes_there(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("end")
        await until(lambda: "step   371 loss" in session.text)
        await session.press("o")
        assert session.desk.screen == "logs"
        assert session.desk.logs.top <= 371 < session.desk.logs.top + session.desk.logs.height
        assert "step   371 loss" in session.text

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_read_out_can_stand_in_one_chart_only(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("home")
        slots = session.app.view.wall._slots
        assert {slots[metric].spec.cursor for metric in session.app.view.wall.metrics} == {0}
        await session.press("i")
        specs = {metric: slot.spec for metric, slot in session.app.view.wall._slots.items()}
        assert specs["train/loss"].cursor == 0
        assert specs["lr"].cursor is None

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_drag_zooms_to_what_it_marks_and_shift_pans(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        app, state = session.app, session.desk.graphs
        rect = place_of(session, "train/loss")
        start, end = (rect.x + 12, rect.y + 3), (rect.x + 24, rect.y + 4)
        app.take_click(*start)
        app.take_drag(start, end, done=False, button=1, modifiers=frozenset())
        await session.settle()
        assert app.view.wall.selection is not None
        assert "━" in app.canvas.text()[rect.y + rect.height - 1]
        app.take_drag(start, end, done=True, button=1, modifiers=frozenset())
        await session.settle()
        low, high = state.x.zoom
        assert 0 < low < high < 371
        assert state.x.cursor is None
        assert app.view.wall.selection is None
        app.take_drag(end, start, done=True, button=1, modifiers=frozenset({"shift"}))
        await session.settle()
        assert state.x.zoom[0] > low
        assert abs((state.x.zoom[1] - state.x.zoom[0]) - (high - low)) < 1e-6

    run_app_test(script, source, make_desk(screen="graphs"))


def test_clicks_read_out_and_the_right_button_too(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        app, state = session.app, session.desk.graphs
        rect = place_of(session, "lr")
        at = (rect.x + 14, rect.y + 3)
        app.take_click(*at)
        await session.settle()
        first = state.x.cursor
        assert first is not None
        assert state.focused() == "lr"
        at = (rect.x + 20, rect.y + 3)
        app.take_drag(at, at, done=False, button=3, modifiers=frozenset())
        app.take_drag(at, at, done=True, button=3, modifiers=frozenset())
        await session.settle()
        assert state.x.cursor > first

    run_app_test(script, source, make_desk(screen="graphs"))


def test_any_metric_is_an_x_axis(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("X")
        await session.type("grad")
        await session.press("tab", "enter")
        assert session.desk.graphs.x.kind == "metric:grad_norm"
        assert [body["x"] for path, body in source.asked if path == "/series"][-1] == "metric:grad_norm"
        await session.press("x")
        assert session.desk.graphs.x.kind == "step"

    source.metrics[RUN] = {"grad_norm": curve(50), "train/loss": curve(50)}
    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_note_is_written_at_the_cursor_and_becomes_a_mark(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("end", "n")
        assert "at step 371" in session.text
        await session.type("a spike")
        await session.press("enter")
        await until(lambda: source.noted.get(RUN))
        assert source.noted[RUN] == [{"time": NOW, "kind": "note", "text": "a spike", "step": 371}]
        await until(lambda: "¶ a spike" in session.text)
        session.desk.toast = None
        await session.press("escape")
        assert "¶ 1 note" in session.text

    run_app_test(script, source, make_desk(screen="graphs"))


def test_tags_come_and_go(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("t")
        await session.type("good, -old")
        await session.press("enter")
        await until(lambda: len(source.noted.get(RUN, ())) == 2)
        assert [(one["kind"], one["tags"]) for one in source.noted[RUN]] == [
            ("tag", ["good"]),
            ("untag", ["old"]),
        ]

    run_app_test(script, source, make_desk(screen="graphs"))


def test_marks_of_a_run_differ_by_more_than_colour(source: FakeSource, make_desk: MakeDesk) -> None:
    source.noted[RUN] = [
        {"time": NOW, "kind": "checkpoint", "path": "ckpt/100.pt", "step": 100},
        {"time": NOW, "kind": "alert", "level": "info", "title": "a", "step": 150},
        {"time": NOW, "kind": "alert", "level": "warn", "title": "b", "step": 250},
        {"time": NOW, "kind": "alert", "level": "error", "title": "c", "step": 300},
        {"time": NOW, "kind": "status", "status": "running"},
    ]

    async def script(session: Session) -> None:
        await until(lambda: "1 checkpoint" in session.text)
        rect = place_of(session, "train/loss")
        axis_row = session.app.canvas.text()[rect.y + rect.height - 1]
        assert all(axis_row.count(mark) >= 1 for mark in "◆△▲!")

    run_app_test(script, source, make_desk(screen="graphs"))


def test_groups_are_a_mean_with_a_band_and_escape_leaves_them(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    source.runs[0]["config"] = {"lr": 0.1}
    source.runs[1]["config"] = {"lr": 0.2}

    async def script(session: Session) -> None:
        await session.press("g")
        await session.type("config.l")
        await session.press("tab", "enter")
        await until(lambda: "0.1 n=1" in session.text and "0.2 n=1" in session.text)
        assert "by config.lr: 2 groups, 1 without it" in session.text
        spec = session.app.view.wall._slots["train/loss"].spec
        assert len(spec.bands) == 2
        await session.press("escape")
        assert "n=1" not in session.text
        assert session.desk.graphs.curves["train/loss"].series

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_picker_chooses_charts_and_their_order(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        first, second, *_ = session.desk.graphs.shown()
        await session.press("b", "a", "space", "down", "space", "shift+up", "enter")
        assert session.desk.graphs.shown() == [second, first]
        assert session.app.view.wall.metrics == [second, first]
        await session.press("b", "a", "enter")
        assert len(session.desk.graphs.shown()) == len(source.metrics[RUN])

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_view_is_kept_and_looks_the_same_again(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        view = session.app.view
        await session.press("m", "x", "y", "i", "z")
        kept = view.saved()
        view.restore(
            {"metrics": ["lr"], "x": "step", "smooth": "", "log_y": [], "linked": True, "folded": []}
        )
        session.app.changed()
        await session.settle()
        assert session.app.view.wall.metrics == ["lr"]
        view.restore(kept)
        assert view.saved() == kept
        view.restore({"metrics": 7, "x": "nonsense", "smooth": "ma(0)", "linked": "yes"})
        assert view.saved() == kept

    run_app_test(script, source, make_desk(screen="graphs"))


def test_metrics_named_at_launch_outlast_a_saved_view(source: FakeSource, make_desk: MakeDesk) -> None:
    desk = make_desk(screen="graphs", bound=("lr",))
    desk.graphs.restore({"metrics": ["train/acc"]})
    assert desk.graphs.picked is None


def test_an_alert_that_gets_graver_is_one_mark():
    from opengraphs.tui.screens.run_marks import _grown

    told = [
        {"kind": "alert", "alert_id": "a", "state": "firing", "level": "warn", "step": 5},
        {"kind": "note", "step": 6, "text": "hm"},
        {"kind": "alert", "alert_id": "a", "state": "firing", "level": "error", "step": 9},
        {"kind": "alert", "alert_id": "a", "state": "resolved", "step": 20},
        {"kind": "alert", "alert_id": "a", "state": "firing", "level": "warn", "step": 40},
        {"kind": "alert", "state": "fired", "step": 50},
    ]
    shown = [
        (event.get("step"), event.get("level")) for event in _grown(told) if event.get("state") != "resolved"
    ]
    assert shown == [(9, "error"), (6, None), (40, "warn"), (50, None)]
