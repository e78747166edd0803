"""What a user does and sees, screen by screen, on the fake daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tui_fakes import METRICS, OLD_RUN, RUN, FakeSource, Session, run_app_test, until

from opengraphs.tui import ExitChoice, OwnedRun
from opengraphs.tui.model import Desk

MakeDesk = Callable[..., Desk]

# Runs


def test_og_opens_with_the_newest_live_run_under_the_cursor(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_run("20261122-095900-aaaa", name="newest-but-over", status="finished", age_s=5)

    async def script(session: Session) -> None:
        current = session.desk.runs.current()
        assert current is not None
        assert current["name"] == "train-gpt"
        assert "4 runs, 1 live" in session.text

    run_app_test(script, source, make_desk())


def test_the_filter_works_while_it_is_typed_and_escape_takes_it_back(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    async def script(session: Session) -> None:
        await session.press("slash")
        await session.type("base")
        assert session.desk.runs.total == 1
        assert "1 run" in session.text
        await session.press("enter")
        assert session.app.view.edit is None
        assert session.desk.runs.filter == "base"
        await session.press("escape")
        assert session.desk.runs.total == 3

    run_app_test(script, source, make_desk())


def test_a_bad_filter_says_where_it_broke_and_the_rows_stay(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("slash")
        await session.type("(")
        assert "filter breaks at column 1" in session.text
        assert "train-gpt" in session.text
        await session.press("ctrl+u")
        assert "breaks" not in session.text

    run_app_test(script, source, make_desk())


def test_typing_a_filter_never_triggers_actions(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("slash")
        await session.type("q12?h ox")
        assert session.desk.screen == "runs"
        assert session.desk.runs.filter == "q12?h ox"
        assert session.app.overlay is None

    run_app_test(script, source, make_desk())


def test_selected_runs_lie_over_the_opened_one(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("home", "space", "space", "home", "enter")
        assert session.desk.graphs.runs_shown() == (OLD_RUN, RUN)
        await until(lambda: "baseline" in session.text, what="a legend with both names")
        assert "train-gpt" in session.text

    run_app_test(script, source, make_desk())


def test_a_card_opens_its_run(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("tab", "right", "enter")
        assert session.desk.graphs.run_id == OLD_RUN

    run_app_test(script, source, make_desk())


def test_ten_thousand_runs_are_paged_not_loaded(make_desk: MakeDesk) -> None:
    source = FakeSource()
    for n in range(10_000):
        source.add_run(f"run-{n:05d}", name=f"run {n}", status="finished", age_s=10 + n)

    async def script(session: Session) -> None:
        assert session.desk.runs.total == 10_000
        await session.press("end")
        await until(lambda: not session.desk.runs.missing())
        assert "run 9999" in session.text
        assert len(session.desk.runs.rows) < 2_000
        assert all(query["limit"] <= 128 for path, query in source.asked if path == "/runs")

    run_app_test(script, source, make_desk())


def test_an_empty_store_says_how_to_begin(make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        assert "no runs yet: og run python train.py" in session.text
        await session.press("enter", "space", "end", "tab", "left")
        assert session.desk.screen == "runs"

    run_app_test(script, FakeSource(), make_desk())


# Graphs


def test_one_request_a_tick_for_all_charts_in_view(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        before = len(source.asked)
        for step in range(372, 380):
            source.log(RUN, step, train__loss=0.1, lr=1e-4)
        await until(lambda: session.desk.graphs.raw("lr")["last"]["step"] == 379)
        asked = [body for path, body in source.asked[before:] if path == "/series"]
        assert 1 <= len(asked) <= 8
        assert all(set(body["metrics"]) == set(METRICS) for body in asked)
        assert all(body["columns"] < 120 for body in asked)

    run_app_test(script, source, make_desk(screen="graphs"))


def test_only_changed_charts_are_painted_again(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        charts = session.app.views["graphs"].wall._slots
        before = {metric: slot.rows for metric, slot in charts.items()}
        source.log(RUN, 372, lr=1e-4)
        await until(lambda: charts["lr"].rows is not before["lr"])
        assert [m for m in charts if charts[m].rows is not before[m]] == ["lr"]

    run_app_test(script, source, make_desk(screen="graphs"))


def test_nothing_is_asked_or_painted_while_nothing_happens(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        asked, frames = len(source.asked), session.app.frames
        await session.pilot.pause(0.3)
        assert (len(source.asked), session.app.frames) == (asked, frames)

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_new_series_announces_itself_and_moves_nobody(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        before = list(session.desk.graphs.shown())
        source.log(RUN, 372, critic__rewards__mean=0.4)
        await until(lambda: "new series discovered: critic/rewards/mean" in session.text)
        assert session.desk.graphs.shown() == [*before, "critic/rewards/mean"]
        await until(lambda: "critic/rewards/mean" in session.desk.graphs.curves)

    run_app_test(script, source, make_desk(screen="graphs"))


def test_search_narrows_the_grid_while_it_is_typed(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("slash")
        await session.type("loss")
        assert session.desk.graphs.shown() == ["train/loss", "eval/loss"]
        assert "2 metrics" in session.text
        assert "grad_norm" not in session.text
        await session.press("escape")
        assert len(session.desk.graphs.shown()) == len(METRICS)

    run_app_test(script, source, make_desk(screen="graphs"))


def test_an_enlarged_chart_asks_for_its_own_width(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("enter")
        body = next(body for path, body in reversed(source.asked) if path == "/series")
        assert body["metrics"] == ["train/loss"]
        assert body["columns"] > 120
        await session.press("j")
        assert session.desk.graphs.focused() == "train/acc"
        await session.press("escape")
        assert not session.desk.graphs.enlarged

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_read_out_is_on_all_charts_and_escape_takes_it_away(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    async def script(session: Session) -> None:
        await session.press("home", *["right"] * 10)
        cursor = session.desk.graphs.x.cursor
        assert cursor is not None
        specs = [slot.spec for slot in session.app.views["graphs"].wall._slots.values()]
        assert {spec.cursor for spec in specs} == {cursor}
        await session.press("escape")
        assert session.desk.graphs.x.cursor is None
        assert session.desk.screen == "graphs"

    run_app_test(script, source, make_desk(screen="graphs"))


def test_keys_faster_than_pictures_all_count(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        for key in ("end", *["left"] * 10):
            session.app.take_key(key, None)
        fast = session.desk.graphs.x.cursor
        await session.press("end", *["left"] * 10)
        assert session.desk.graphs.x.cursor == fast

    run_app_test(script, source, make_desk(screen="graphs"))


def test_zoom_asks_for_the_range_and_comes_back(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("plus")
        body = next(body for path, body in reversed(source.asked) if path == "/series")
        assert body["range"] == [185.5, 371.0]
        await session.press("0")
        body = next(body for path, body in reversed(source.asked) if path == "/series")
        assert body["range"] is None

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_zoomed_live_view_follows_without_asking_for_ever(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("plus")
        source.log(RUN, 400, train__loss=0.1)
        await until(lambda: session.desk.graphs.x.zoom[1] > 400)
        await session.settle()
        asked = len(source.asked)
        await session.pilot.pause(0.2)
        assert len(source.asked) == asked

    run_app_test(script, source, make_desk(screen="graphs"))


def test_pause_holds_the_curves_and_says_so(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("p")
        assert "paused" in session.text
        source.log(RUN, 372, lr=1e-4)
        await session.pilot.pause(0.2)
        assert session.desk.graphs.raw("lr")["last"]["step"] == 371
        await session.press("p")
        await until(lambda: session.desk.graphs.raw("lr")["last"]["step"] == 372)

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_prompt_begins_a_conversation_and_goes_there(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("a")
        await session.type("why is it slow?")
        assert "why is it slow?" in session.text
        await session.press("enter")
        assert session.desk.screen == "chat"
        await until(lambda: "you  why is it slow?" in session.text)
        await session.press("2")
        assert "why is it slow?" not in session.text, "what was sent is not said twice"

    run_app_test(script, source, make_desk(screen="graphs"), size=(140, 40))


def test_what_is_typed_in_the_prompt_waits_for_the_next_time(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("a")
        await session.type("why is it slow?")
        await session.press("escape")
        assert session.app.view.edit is None
        assert "why is it slow?" in session.text

    run_app_test(script, source, make_desk(screen="graphs"), size=(140, 40))


def test_tab_goes_round_charts_statistics_and_prompt(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        view = session.app.views["graphs"]
        seen = []
        for _ in range(4):
            await session.press("tab")
            seen.append(view.panel)
        assert seen == ["stats", "prompt", "charts", "stats"]

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_run_that_ends_says_so(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        run = source.runs[0]
        run.update(status="failed", exit_code=3)
        source.emit("run", run=RUN, facts=dict(run))
        await until(lambda: "train-gpt failed, exit code 3" in session.text)
        assert "ended" in session.text

    run_app_test(script, source, make_desk(screen="graphs"))


def test_an_unknown_run_is_named_with_its_nearest(source: FakeSource, make_desk: MakeDesk) -> None:
    desk = make_desk(screen="graphs")
    desk.open_run("trane-gpt")

    async def script(session: Session) -> None:
        await until(lambda: "no run 'trane-gpt'" in session.text)
        assert "nearest: train-gpt, baseline" in session.text

    run_app_test(script, source, desk, size=(140, 40))


def test_a_run_the_daemon_has_not_seen_yet_appears_when_it_has(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    new = "20261122-100000-new1"
    desk = make_desk(screen="graphs")
    desk.open_run(new)

    async def script(session: Session) -> None:
        await until(lambda: "no run" in session.text)
        run = source.add_run(new, name="just-started", metrics={"loss": [(0, 1.0)]})
        source.emit("run", run=new, facts=run)
        await until(lambda: "just-started" in session.text and "loss" in session.desk.graphs.curves)
        assert "no run" not in session.text

    run_app_test(script, source, desk)


def test_a_run_that_shows_only_a_bar_moves_on_in_the_header(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        only = "20260725-120000-bars"
        run = source.add_run(only, name="only-a-bar", progress={"step": 3, "total": 200, "unit": "step"})
        source.emit("run", run=only, facts=run)
        session.desk.open_run(only)
        await until(lambda: "step 3/200" in session.text)
        run["progress"] = {"step": 90, "total": 200, "unit": "step", "eta_s": 11.0}
        source.emit("log", run=only, size_bytes=100)
        await until(lambda: "step 90/200" in session.text and "eta 11s" in session.text)

    run_app_test(script, source, make_desk(screen="graphs"), size=(140, 40))


@pytest.mark.parametrize("key", ["4", "5", "6"])
def test_the_header_moves_on_where_no_curves_are_asked_for(
    source: FakeSource, make_desk: MakeDesk, key: str
) -> None:
    async def script(session: Session) -> None:
        run = next(run for run in source.runs if run["run_id"] == RUN)
        await until(lambda: "step 371/1000" in session.text)
        await session.press(key)
        run["progress"] = {"step": 684, "total": 1000, "unit": "step"}
        source.emit("metrics", run=RUN, keys={"train/loss": 684}, points=1)
        await until(lambda: "step 684/1000" in session.text)

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_metric_filter_of_the_command_line_holds(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        assert session.desk.graphs.shown() == ["train/loss", "eval/loss"]

    run_app_test(script, source, make_desk(screen="graphs", metric_filter="loss"))


def test_the_whole_view_looks_the_same_after_a_zoom_however_slow_the_answers_are(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    """Bounds that were fitted to the last stretch's points must not outlive them."""

    async def script(session: Session) -> None:
        before = session.text
        session.desk.graphs.x.show(45.0, 371.0)
        session.app.view.wall.refit()
        await session.press("shift+right")
        assert session.desk.graphs.x.zoom == (45.0, 371.0)
        source.hold = asyncio.Event()
        await session.pilot.press("0")
        await until(lambda: session.desk.graphs.x.zoom is None)
        await session.pilot.pause()
        source.hold.set()
        source.hold = None
        await session.settle()
        assert session.text == before

    source.metrics[RUN]["train/loss"] = [
        (step, 2.19 if step < 30 else 2.05 - 1.95 * (step - 45) / 326) for step in range(372)
    ]
    run_app_test(script, source, make_desk(screen="graphs", metric_filter="train/loss"))


# Logs


def test_logs_follow_and_stop_following(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        assert "step   999" in session.text
        source.logs[RUN].append("step  1000 done")
        source.emit("log", run=RUN, size_bytes=1)
        await until(lambda: "step  1000 done" in session.text)
        await session.press("home")
        assert "step     0" in session.text
        source.logs[RUN].append("step  1001 done")
        source.emit("log", run=RUN, size_bytes=2)
        await session.pilot.pause(0.1)
        assert "step     0" in session.text

    run_app_test(script, source, make_desk(screen="logs"))


def test_log_of_a_run_without_output_promises_none(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        ended = "20260725-120000-done"
        run = source.add_run(ended, status="finished")
        source.logs[ended] = []
        source.emit("run", run=ended, facts=run)
        session.desk.open_run(ended)
        session.desk.screen = "logs"
        await until(lambda: "no output was kept" in session.text)

    run_app_test(script, source, make_desk(screen="graphs"))


def test_find_in_logs(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("home", "slash")
        await session.type("step +5[05]0")
        await session.press("enter")
        await until(lambda: session.desk.logs.match == 500)
        await session.press("n")
        await until(lambda: session.desk.logs.match == 550)
        assert "step   550" in session.text
        await session.press("n")
        await until(lambda: "no match below" in session.text)
        await session.press("slash")
        await session.type("(")
        assert "not a regular expression" in session.text
        await session.press("enter")
        assert session.app.view.edit is not None, "a wrong expression keeps the line open"

    run_app_test(script, source, make_desk(screen="logs"))


# Leaving


def test_q_without_live_work_of_ones_own_leaves(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.pilot.press("q")

    assert run_app_test(script, source, make_desk()) == ExitChoice("quit", None, None)


@pytest.mark.parametrize("presses", [("q", "enter"), ("q", "d"), ("ctrl+c", "ctrl+c")])
def test_detaching(source: FakeSource, make_desk: MakeDesk, presses: tuple[str, ...]) -> None:
    async def script(session: Session) -> None:
        await session.press(*presses[:-1])
        assert "train-gpt is still running" in session.text
        await session.pilot.press(presses[-1])

    left = run_app_test(script, source, make_desk(screen="graphs", owned=OwnedRun(RUN, "train-gpt")))
    assert left == ExitChoice("detach", None, RUN)


def test_stopping_waits_for_the_end_and_returns_its_code(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("q")
        await session.pilot.press("s")
        await until(lambda: session.app.return_value is not None)

    left = run_app_test(script, source, make_desk(screen="graphs", owned=OwnedRun(RUN, "train-gpt")))
    assert left == ExitChoice("stop", 128 + 15, RUN)


def test_stopping_without_a_daemon_goes_to_the_runner(source: FakeSource, make_desk: MakeDesk) -> None:
    stopped: list[bool] = []
    owned = OwnedRun(RUN, "train-gpt", stop=lambda: stopped.append(True))

    async def script(session: Session) -> None:
        source.down = True
        await session.press("q")
        await session.pilot.press("s")
        await until(lambda: stopped)
        await session.pilot.press("q")

    left = run_app_test(script, source, make_desk(screen="graphs", owned=owned))
    assert left == ExitChoice("stop", None, RUN)


def test_cancel_and_help_of_the_menu_stay(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("q", "c")
        assert session.app.overlay is None
        await session.press("q", "h")
        assert "Graphs: keys" in session.text
        await session.press("escape")
        assert session.app.overlay is None

    run_app_test(script, source, make_desk(screen="graphs", owned=OwnedRun(RUN, "train-gpt")))


def test_an_ended_owned_run_needs_no_question(source: FakeSource, make_desk: MakeDesk) -> None:
    source.runs[0].update(status="failed", exit_code=3)

    async def script(session: Session) -> None:
        await session.pilot.press("q")

    desk = make_desk(screen="graphs", owned=OwnedRun(RUN, "train-gpt"))
    desk.open_run(RUN)
    assert run_app_test(script, source, desk) == ExitChoice("quit", 3, RUN)


# The line to the daemon


def test_a_lost_daemon_is_shown_and_comes_back_silently(
    source: FakeSource, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opengraphs.tui.live.RETRY_S", 0.02)

    async def script(session: Session) -> None:
        source.down = True
        source.log(RUN, 372, lr=1e-4)
        await until(lambda: "connecting" in session.text)
        assert "train/loss" in session.text, "the last picture stays"
        source.down = False
        await until(lambda: "connecting" not in session.text)
        await until(lambda: session.desk.graphs.raw("lr")["last"]["step"] == 372)

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_resync_asks_for_what_is_shown(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        source.metrics[RUN]["lr"].append((400, 1e-5))
        source.emit("resync")
        await until(lambda: session.desk.graphs.raw("lr")["last"]["step"] == 400)

    run_app_test(script, source, make_desk(screen="graphs"))


# Mouse


def where(session: Session, text: str, *, last: bool = False) -> tuple[int, int]:
    lines = list(enumerate(session.app.canvas.text()))
    for y, line in reversed(lines) if last else lines:
        if text in line:
            return line.index(text), y
    raise AssertionError(f"{text!r} is not on the screen")


async def click(session: Session, text: str, *, last: bool = False) -> None:
    await session.pilot.mouse_down("#canvas", offset=where(session, text, last=last))
    await session.settle()


def test_clicks_go_where_they_point(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await click(session, " logs")
        assert session.desk.screen == "logs"
        await click(session, " runs")
        assert session.desk.screen == "runs"
        await click(session, "tiny", last=True)
        assert session.desk.runs.cursor == 2
        await click(session, " graphs")
        await click(session, "┌ eval/acc")
        assert session.desk.graphs.focused() == "eval/acc"
        await click(session, "┌ eval/acc")
        assert session.desk.graphs.enlarged

    desk = make_desk()
    desk.open_run(RUN)
    run_app_test(script, source, desk)


def test_a_card_is_opened_by_two_clicks(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await click(session, "baseline")
        assert (session.desk.runs.on_cards, session.desk.runs.card) == (True, 1)
        await click(session, "baseline")
        assert session.desk.graphs.run_id == OLD_RUN

    run_app_test(script, source, make_desk())


def wheel(session: Session, x: int, y: int, direction: int) -> None:
    session.app.take_wheel(x, y, direction)


def test_the_wheel_zooms_scrolls_and_moves(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        x, y = where(session, "train/loss")
        wheel(session, x + 20, y + 3, -1)
        await session.settle()
        low, high = session.desk.graphs.x.zoom
        assert low > 0
        assert high < 371
        await session.press("4")
        wheel(session, 5, 5, -1)
        assert not session.desk.logs.follow
        await session.press("1")
        wheel(session, 5, 15, 1)
        await session.press("question_mark")
        wheel(session, 5, 5, 1)
        await session.settle()

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_menu_takes_clicks_on_its_entries_and_closes_beside_them(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    async def script(session: Session) -> None:
        await session.press("q")
        await session.pilot.mouse_down("#canvas", offset=(0, 5))
        await session.settle()
        assert session.app.overlay is None
        await session.press("q")
        await session.pilot.mouse_down("#canvas", offset=where(session, "Detach"))

    left = run_app_test(script, source, make_desk(screen="graphs", owned=OwnedRun(RUN, "train-gpt")))
    assert left.kind == "detach"


def test_paste_goes_into_the_line_that_is_open(source: FakeSource, make_desk: MakeDesk) -> None:
    from textual import events

    async def script(session: Session) -> None:
        session.app.canvas.post_message(events.Paste("lost"))
        await session.settle()
        await session.press("slash")
        session.app.canvas.post_message(events.Paste("train\nlo"))
        await until(lambda: session.desk.graphs.search == "train lo")
        assert session.desk.graphs.shown() == ["train/loss"]

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_palette_finds_and_performs_actions(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("ctrl+p")
        assert "Smoothing: ma, ema, off" in session.text
        await session.type("log")
        assert "Smoothing" not in session.text
        await session.press("enter")
        assert session.desk.graphs.log_y == {"train/loss"}
        assert session.app.overlay is None
        await session.press("ctrl+p")
        await session.type("nothing like it")
        assert "nothing fits" in session.text
        await session.press("enter")
        assert session.app.overlay is not None
        await session.press("escape")
        assert session.app.overlay is None

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_palette_may_open_another_overlay(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("ctrl+p")
        await session.type("help")
        await session.press("enter")
        assert "Graphs: keys" in session.text

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_palette_takes_the_mouse(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("ctrl+p")
        session.app.take_wheel(60, 20, 1)
        await session.settle()
        assert session.app.overlay.cursor == 3
        await click(session, "Smoothing")
        assert session.app.overlay is None

    run_app_test(script, source, make_desk(screen="graphs"))


def test_events_of_runs_nobody_sees_cost_no_picture(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        frames = session.app.frames
        for n in range(2000):
            source.emit("run", run=f"elsewhere-{n}", facts={"status": "finished"})
            source.emit("metrics", run=f"elsewhere-{n}", keys={"loss": n}, points=1)
        await until(lambda: source._events.empty())
        await session.settle()
        assert session.app.frames - frames <= 5

    run_app_test(script, source, make_desk(screen="graphs"))
