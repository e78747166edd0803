"""The screens' states without any screen: axes, metrics in their places, table pages, log windows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from opengraphs.errors import UsageError
from opengraphs.tui.questions import FindQuestion, LogQuestion, RunsQuestion, SeriesQuestion
from opengraphs.tui.screens.graphs_state import GraphsState
from opengraphs.tui.screens.logs_state import KEPT_LINES, LogsState
from opengraphs.tui.screens.runs_state import KEPT_PAGES, PAGE, RunsState
from opengraphs.tui.screens.x_view import XView

# x axis


def x_view(low: float = 0, high: float = 100) -> XView:
    view = XView()
    view.saw(low, high, whole=True)
    return view


def test_zoom_halves_towards_the_newest_point_and_follows_it() -> None:
    view = x_view()
    assert view.zoom_in()
    assert view.zoom == (50, 100)
    view.saw(50, 101, whole=False)
    assert view.zoom is not None
    low, high = view.zoom
    assert high > 101
    assert high - low == pytest.approx(50)
    view.saw(50, 102, whole=False)
    assert view.zoom == (low, high), "the view stands still between two moves"


def test_zoom_is_about_the_read_out_cursor() -> None:
    view = x_view()
    view.cursor = 20
    view.zoom_in()
    assert view.zoom == (10, 60)
    assert not view.follows


def test_zooming_out_beyond_the_data_is_the_whole_range() -> None:
    view = x_view()
    view.zoom_in()
    view.zoom_out()
    assert view.zoom is None


def test_zoom_ends_somewhere() -> None:
    view = x_view()
    for _ in range(100):
        view.zoom_in()
    assert view.zoom is not None
    assert view.zoom[1] > view.zoom[0]


def test_pan_stays_inside_the_data() -> None:
    view = x_view()
    view.zoom_in()
    assert view.pan(-1)
    assert view.zoom == (37.5, 87.5)
    for _ in range(10):
        view.pan(-1)
    assert view.zoom == (0, 50)
    assert not view.pan(-1)


def test_nothing_can_be_zoomed_before_there_is_data() -> None:
    view = XView()
    assert not view.zoom_in()
    assert not view.pan(1)
    assert not view.cursor_to_end([], 1)


def test_another_axis_forgets_zoom_and_cursor() -> None:
    view = x_view()
    view.zoom_in()
    view.cursor = 3
    assert view.cycle() == "time"
    assert (view.zoom, view.cursor, view.domain) == (None, None, None)


# metrics


def run_reply(*keys: str, **facts: Any) -> dict[str, Any]:
    summary = {"points": 1, "last": 1.0, "min": 1.0, "max": 1.0, "first_step": 0, "last_step": 0}
    return {
        "run_id": "r1",
        "name": "one",
        "status": "running",
        "metrics": [{"key": k, **summary} for k in keys],
        **facts,
    }


def viewing(*keys: str, **choices: Any) -> GraphsState:
    state = GraphsState(**choices)
    state.view_run("r1")
    state.take_run(run_reply(*keys))  # type: ignore[arg-type]
    return state


def test_metrics_stand_in_groups_as_a_person_would_put_them() -> None:
    state = GraphsState()
    state.view_run("r1")
    reply = run_reply("critic/reward", "eval/acc", "eval/loss", "grad_norm", "lr", "train/acc", "train/loss")
    logged = {"critic": (200, 5), "eval": (0, 40), "train": (0, 1000), "lr": (0, 1000), "grad_norm": (0, 998)}
    for summary in reply["metrics"]:
        first, points = logged[summary["key"].split("/")[0]]
        summary.update(first_step=first, points=points)
    state.take_run(reply)  # type: ignore[arg-type]
    assert state.shown() == [
        "train/loss", "train/acc", "grad_norm", "lr", "eval/loss", "eval/acc", "critic/reward",
    ]  # fmt: skip


def test_graphs_flag_puts_metrics_first_in_its_order() -> None:
    state = viewing("train/loss", "eval/loss", "lr", "train/acc", bound=("lr", "acc", "eval/*"))
    assert state.shown() == ["lr", "train/acc", "eval/loss", "train/loss"]


def test_a_new_series_takes_the_next_place_and_moves_nobody() -> None:
    state = viewing("train/loss", "eval/loss")
    assert state.saw_metrics({"train/loss": 5, "train/acc": 5}) == ["train/acc"]
    assert state.shown() == ["train/loss", "eval/loss", "train/acc"]
    assert state.saw_metrics({"train/acc": 6}) == []


def test_a_run_without_metrics_takes_its_first_ones_silently_and_as_bound() -> None:
    state = viewing(bound=("lr", "acc"))
    assert state.saw_metrics({"train/loss": 0, "train/acc": 0, "lr": 0}) == []
    assert state.shown() == ["lr", "train/acc", "train/loss"]
    assert state.saw_metrics({"eval/acc": 0, "eval/loss": 0}) == ["eval/acc", "eval/loss"]
    assert state.shown() == ["lr", "train/acc", "eval/acc", "train/loss", "eval/loss"]


def test_the_filter_of_the_command_line_hides_new_series_silently() -> None:
    state = viewing("train/loss", "lr", metric_filter="loss$")
    assert state.saw_metrics({"grad_norm": 1}) == []
    assert state.shown() == ["train/loss"]


def test_search_wants_every_word_in_any_order() -> None:
    state = viewing("train/loss", "eval/loss", "train/acc")
    state.set_search("LOSS tr")
    assert state.shown() == ["train/loss"]
    assert state.focused() == "train/loss"


def test_a_metric_without_any_point_leaves_and_the_others_stay() -> None:
    state = viewing("train/loss", "loss", "lr")
    curve = {"run": "r1", "derived": None, "rank": None, "x": [0], "y": [1.0], "last": None}
    reply = {"series": [{**curve, "metric": "train/loss"}, {**curve, "metric": "lr"}]}
    question = state.series_question(("train/loss", "loss", "lr"), 80)
    assert question is not None
    state.take_series(question._replace(range=(0.0, 1.0)), reply)
    state.take_series(question, {**reply, "pending": {"r1": 0.5}})
    assert state.shown() == ["train/loss", "loss", "lr"]  # nothing in a range, or not read yet, is no absence
    state.take_series(question, reply)
    assert state.shown() == ["train/loss", "lr"]
    assert state.saw_metrics({"loss": 5}) == ["loss"]


def test_a_bad_metric_filter_is_an_error() -> None:
    with pytest.raises(re.error):
        GraphsState(metric_filter="(")


def test_runs_keep_their_colours_while_others_come_and_go() -> None:
    state = viewing("loss")
    state.set_overlay([("r2", "two"), ("r3", "three")])
    assert (state.colors["r1"], state.colors["r2"], state.colors["r3"]) == (0, 1, 2)
    state.set_overlay([("r3", "three"), ("r1", "one")])
    assert state.colors["r3"] == 2
    assert state.runs_shown() == ("r3", "r1")
    state.set_overlay([("r4", "four"), ("r3", "three")])
    assert state.colors["r4"] == 1, "a colour nobody in view has"


def series(metric: str, xs: list[float], ys: list[float], **more: Any) -> dict[str, Any]:
    return {
        "run": "r1", "metric": metric, "derived": None, "rank": None, "x": xs, "y": ys, "points": len(xs),
        "last": {"step": int(xs[-1]), "time": xs[-1], "value": ys[-1]} if xs else None, **more,
    }  # fmt: skip


def test_an_equal_answer_is_no_new_version() -> None:
    state = viewing("loss")
    question = state.series_question(["loss"], 80)
    assert question is not None
    state.take_series(question, {"series": [series("loss", [0, 1], [3, 2])]})
    first = state.curves["loss"].version
    state.take_series(question, {"series": [series("loss", [0, 1], [3, 2])]})
    assert state.curves["loss"].version == first
    state.take_series(question, {"series": [series("loss", [0, 1, 2], [3, 2, 1])]})
    assert state.curves["loss"].version == first + 1
    assert state.x.domain == (0, 2)


def test_an_answer_for_another_axis_or_run_is_left_lying() -> None:
    state = viewing("loss")
    old = SeriesQuestion(("r1",), ("loss",), "time", None, 80, ())
    state.take_series(old, {"series": [series("loss", [0, 1], [3, 2])]})
    state.take_series(old._replace(runs=("r9",), x="step"), {"series": [series("loss", [0, 1], [3, 2])]})
    assert state.curves == {}


def test_pages_follow_the_chart_cursor() -> None:
    state = viewing(*[f"m{n:02d}" for n in range(25)])
    assert state.turn_page(1, starts=[0, 9, 18])
    assert (state.page, state.focus) == (1, "m09")
    state.move_focus(-1)
    state.follow_focus(starts=[0, 9, 18])
    assert (state.page, state.focus) == (0, "m08")
    assert not state.turn_page(-1, starts=[0, 9, 18])


# runs


def page(start: int, count: int, total: int, *, next_: str | None, **facts: Any) -> dict[str, Any]:
    rows = [
        {"run_id": f"r{n}", "name": f"n{n}", "status": "finished", **facts}
        for n in range(start, start + count)
    ]
    return {"schema": 1, "runs": rows, "total": total, "next": next_}


def test_the_cursor_starts_on_the_newest_live_run_until_it_is_moved() -> None:
    state = RunsState()
    state.resize(10)
    reply = page(0, 20, 20, next_=None)
    reply["runs"][3]["status"] = "running"
    state.take(state.question(), reply)
    assert state.current() == reply["runs"][3]
    state.move(-2)
    state.take(state.question(), reply)
    assert state.cursor == 1


def test_a_jump_to_the_end_asks_for_the_last_page_alone() -> None:
    state = RunsState()
    state.resize(10)
    total = 100 * PAGE + 20
    state.take(state.question(), page(0, PAGE, total, next_="x"))
    state.move_to(10**6)
    question = state.question()
    assert question.offset == 100 * PAGE
    state.take(question, page(100 * PAGE, 20, total, next_=None))
    assert not state.missing()
    assert state.current() == {"run_id": f"r{total - 1}", "name": f"n{total - 1}", "status": "finished"}


def test_a_page_of_other_runs_voids_the_others() -> None:
    state = RunsState()
    state.resize(10)
    state.take(state.question(), page(0, PAGE, 2 * PAGE, next_="x"))
    state.move_to(PAGE + 5)
    state.take(state.question(), page(PAGE, PAGE, 2 * PAGE, next_=None))
    state.take(state.question(), page(PAGE - 1, PAGE, 2 * PAGE + 1, next_=None))
    assert 0 not in state.rows
    current = state.current()
    assert current is not None
    assert current["run_id"] == f"r{PAGE + 5}"


def test_only_pages_near_the_screen_are_kept() -> None:
    state = RunsState()
    state.resize(10)
    total = 20 * PAGE
    state.take(state.question(), page(0, PAGE, total, next_="1"))
    for n in range(1, 20):
        state.move_to(n * PAGE + 5)
        state.take(state.question(), page(n * PAGE, PAGE, total, next_=str(n + 1)))
    assert len(state.rows) <= (KEPT_PAGES + 1) * PAGE
    state.move_to(0)
    assert state.missing()
    assert state.question().offset == 0


def test_a_new_run_on_top_keeps_the_cursor_on_its_run() -> None:
    state = RunsState()
    state.resize(10)
    state.take(state.question(), page(0, 5, 5, next_=None))
    state.move_to(2)
    newer = page(0, 5, 6, next_=None)
    newer["runs"].insert(0, {"run_id": "new", "name": "new", "status": "running"})
    state.take(state.question(), newer)
    current = state.current()
    assert current is not None
    assert current["run_id"] == "r2"


def test_an_answer_to_an_older_filter_is_left_lying() -> None:
    state = RunsState()
    old = state.question()
    state.set_filter("loss")
    state.take(old, page(0, 3, 3, next_=None))
    assert state.total == 0


def test_a_filter_error_stands_until_the_filter_changes() -> None:
    state = RunsState()
    state.set_filter("(")
    state.take_failure(UsageError("filter breaks at column 1", hint="close it"))
    assert state.error == "filter breaks at column 1 (close it)"
    state.set_filter("")
    assert state.error == ""


def test_selection_keeps_names_and_order() -> None:
    state = RunsState()
    state.resize(5)
    state.take(state.question(), page(0, 5, 5, next_=None))
    state.toggle_selected()
    state.move(2)
    state.toggle_selected()
    assert list(state.selected.items()) == [("r0", "n0"), ("r2", "n2")]
    state.toggle_selected()
    assert list(state.selected) == ["r0"]


def test_cards_are_asked_for_only_where_the_table_shows_something_else() -> None:
    state = RunsState()
    assert state.cards_question() is None
    state.set_sort(("name", False))
    assert state.cards_question() == RunsQuestion("cards", "", "-created_at", 0, 8)


def test_a_run_is_compared_with_its_parent_else_with_the_one_before() -> None:
    state = RunsState()
    rows: list[Any] = [
        {"run_id": "c", "project": "p", "created_at": "3", "parent": {"run_id": "a"}},
        {"run_id": "b", "project": "p", "created_at": "2"},
        {"run_id": "o", "project": "q", "created_at": "15"},
        {"run_id": "a", "project": "p", "created_at": "1"},
    ]
    state.take(state.question(), {"runs": rows, "total": 4, "next": None})
    found = [state.before(row) for row in rows]
    assert [row["run_id"] if row else None for row in found] == ["a", "a", None, None]


# logs


def log_reply(state: LogsState, total: int) -> None:
    question = state.question()
    if question is None:
        return
    start = max(0, total + question.start) if question.start < 0 else question.start
    lines = [{"n": n, "text": f"line {n}"} for n in range(start, min(total, start + question.lines))]
    state.take(question, {"lines": lines, "total_lines": total, "size_bytes": 9 * total})


def logs(total: int = 1000, height: int = 20) -> LogsState:
    state = LogsState()
    state.view_run("r1")
    state.resize(height)
    log_reply(state, total)
    return state


def test_a_log_opens_at_its_end_and_follows() -> None:
    state = logs()
    assert state.window()[-1] == {"n": 999, "text": "line 999"}
    log_reply(state, 1005)
    assert state.window()[-1]["n"] == 1004


def test_scrolling_up_stops_following_and_the_end_follows_again() -> None:
    state = logs()
    state.scroll(-5)
    assert not state.follow
    assert state.question() == LogQuestion("r1", 800, 400)
    log_reply(state, 1000)
    assert state.question() is None, "what is in the cache is not asked again"
    assert state.window()[0]["n"] == 975
    state.go_to(10**9)
    assert state.follow


def test_a_million_lines_stay_bounded() -> None:
    state = logs(10**6)
    for top in range(0, 10**6, 20_011):
        state.go_to(top)
        while state.question() is not None and not state.follow:
            log_reply(state, 10**6)
        assert [line["n"] for line in state.window()] == list(range(top, top + 20))
    assert len(state.lines) <= KEPT_LINES


def test_find_goes_from_match_to_match_in_both_directions() -> None:
    state = logs()
    assert state.set_pattern("line 50") == ""
    state.go_to(0)
    first = state.find(1)
    assert first == FindQuestion("r1", "(?i)line 50", 0, "forward", 1)
    assert state.take_find(first, {"lines": [{"n": 50, "text": "line 50"}]}) == ""
    assert state.top <= 50 < state.top + state.height
    second = state.find(1)
    assert second is not None
    assert second.start == 51
    back = state.find(-1)
    assert back is not None
    assert (back.start, back.direction) == (49, "back")
    assert state.take_find(second, {"lines": [{"n": 500, "text": "x"}]}) == "", (
        "an older search is left lying"
    )
    assert state.match == 50
    assert state.take_find(back, {"lines": []}) == "no match above"


def test_a_pattern_with_capitals_is_case_sensitive() -> None:
    state = logs()
    state.set_pattern("Error")
    question = state.find(1)
    assert question is not None
    assert question.pattern == "Error"


def test_a_wrong_pattern_says_where() -> None:
    state = logs()
    assert state.set_pattern("a(b") == "not a regular expression: missing ), unterminated subpattern at 1"
    assert state.find(1) is None


def test_another_run_starts_afresh() -> None:
    state = logs()
    state.set_pattern("x")
    state.view_run("r2")
    assert (state.total, state.known, state.pattern, state.follow) == (0, False, None, True)


def test_a_run_that_is_gone_leaves_the_table_and_what_is_below_moves_up() -> None:
    state = RunsState()
    state.resize(10)
    state.take(state.question(), page(0, 5, 5, next_=None))
    state.move_to(3)
    state.selected["r1"] = "n1"
    assert state.forget("r1")
    assert [state.rows[n]["run_id"] for n in range(4)] == ["r0", "r2", "r3", "r4"]
    assert (state.total, state.selected) == (4, {})
    current = state.current()
    assert current is not None
    assert current["run_id"] == "r3", "the cursor stays on its run"
    assert not state.knows("r1")
    assert not state.forget("r1"), "twice is once"
    state.move_to(3)
    state.forget("r4")
    assert state.cursor == 2, "of the last run the cursor goes to the one above"


def test_a_gone_run_far_away_moves_the_known_rows_above_nothing() -> None:
    state = RunsState()
    state.resize(10)
    state.take(state.question(), page(0, PAGE, 10 * PAGE, next_="x"))
    assert not state.forget(f"r{5 * PAGE}")
    assert state.rows[0]["run_id"] == "r0"


@pytest.mark.parametrize(("filter_", "listed"), [("", False), ("archived:true", True), ("id:r1", True)])
def test_an_archived_run_leaves_unless_the_filter_speaks_of_it(filter_: str, listed: bool) -> None:
    state = RunsState()
    state.resize(10)
    state.set_filter(filter_)
    state.take(state.question(), page(0, 3, 3, next_=None))
    assert state.take_facts("r1", {"run_id": "r1", "archived": True}) is listed
    assert state.knows("r1") is listed


# ranks


def ranked(count: int) -> GraphsState:
    state = GraphsState()
    state.view_run("r0")
    seen = [{"rank": rank, "writer": f"a0-r{rank}", "attempt": 0} for rank in range(count)]
    state.take_run({"run_id": "r0", "status": "running", "ranks_seen": seen})  # type: ignore[typeddict-item]
    return state


def test_ranks_go_from_the_band_to_a_handful_at_a_time_and_back() -> None:
    state = ranked(11)
    asked = [state.ranks_asked()]
    said = [state.cycle_ranks()]
    for _ in range(2):
        asked.append(state.ranks_asked())
        said.append(state.cycle_ranks())
    assert asked == ["band", tuple(range(8)), (8, 9, 10)]
    assert said == ["ranks 0 to 7 of 11", "ranks 8 to 10 of 11", "11 ranks merged, with their band"]
    assert state.ranks_asked() == "band"


def test_a_run_of_one_rank_has_no_ranks_to_show() -> None:
    state = ranked(1)
    assert state.cycle_ranks() == "only one rank logs here"
    assert state.ranks_asked() == "band"
    assert state.ranks_question() is None


def test_the_ranks_of_a_live_run_are_asked_for_again() -> None:
    state = ranked(2)
    question = state.ranks_question()
    assert question is not None
    assert question.slot == "ranks"
    state.take_facts({"status": "finished"})
    assert state.ranks_question() is None
