"""Runs of several ranks on Graphs, a run that is still being read, and runs that go."""

from __future__ import annotations

from collections.abc import Callable

from tui_fakes import METRICS, OLD_RUN, RUN, FakeSource, Session, rank_seen, run_app_test, until

from opengraphs.tui.model import Desk

MakeDesk = Callable[..., Desk]
CHECKER = "⢕"
"""A cell in the middle of a band."""


def asked_ranks(source: FakeSource) -> object:
    return next(body for path, body in reversed(source.asked) if path == "/series")["ranks"]


# ranks


def test_a_run_of_several_ranks_shows_their_band_and_e_each_of_them(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    source.ranks[RUN] = [rank_seen(rank) for rank in range(3)]

    async def script(session: Session) -> None:
        assert asked_ranks(source) == "band"
        assert CHECKER in session.text
        assert "3 ranks" in session.text
        assert "all in step" in session.text
        await session.press("e")
        assert asked_ranks(source) == [0, 1, 2]
        assert CHECKER not in session.text
        assert "■ r2" in session.text
        await session.press("e")
        assert asked_ranks(source) == "band"
        assert CHECKER in session.text

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_run_of_one_rank_has_neither_band_nor_a_word_about_ranks(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    async def script(session: Session) -> None:
        assert CHECKER not in session.text
        await session.press("e")
        assert "only one rank logs here" in session.text

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_rank_that_falls_silent_is_told_while_the_others_go_on(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    source.ranks[RUN] = [rank_seen(0), rank_seen(1)]

    async def script(session: Session) -> None:
        assert "all in step" in session.text
        source.ranks[RUN] = [
            rank_seen(0),
            rank_seen(1, "silent", silent_s=252.0),
            rank_seen(2, "lagging", lag_steps=120),
        ]
        source.log(RUN, 372, lr=1e-4)
        await until(lambda: "silent 4m12s" in session.text, what="the silent rank")
        assert "120 steps behind" in session.text
        assert "1 silent, 1 lagging" in session.text

    run_app_test(script, source, make_desk(screen="graphs"))


# reading


def test_a_run_that_is_being_read_says_how_far_and_stops_saying_it(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    whole = list(METRICS["train/loss"])
    source.metrics[RUN] = {"train/loss": whole[:40] + whole[300:]}
    source.pending[RUN], source.unread[RUN] = 0.63, (39.0, 300.0)

    async def script(session: Session) -> None:
        assert "reading 37 %" in session.text
        assert "╌╌╌" in session.text
        # Half of what was missing arrives: the same axis, a shorter gap.
        axis = session.app.views["graphs"].wall._slots["train/loss"].axis
        bounds = axis.y
        source.metrics[RUN] = {"train/loss": whole[:170] + whole[300:]}
        source.pending[RUN], source.unread[RUN] = 0.3, (169.0, 300.0)
        source.emit("metrics", run=RUN, keys={}, points=0, pending=0.3)
        await until(lambda: "reading 70 %" in session.text, what="more of it")
        assert axis.y == bounds
        source.metrics[RUN] = {"train/loss": whole}
        source.pending.clear()
        source.unread.clear()
        source.emit("metrics", run=RUN, keys={}, points=0, pending=0.0)
        await until(lambda: "reading" not in session.text, what="the end of reading")
        assert "╌" not in session.text

    run_app_test(script, source, make_desk(screen="graphs"))


def test_no_line_is_drawn_across_what_is_not_read_yet(source: FakeSource, make_desk: MakeDesk) -> None:
    source.metrics[RUN] = {"flat": [(step, 1.0) for step in (*range(10), *range(90, 100))]}
    source.pending[RUN], source.unread[RUN] = 0.8, (9.0, 90.0)

    async def script(session: Session) -> None:
        await session.press("m", "m")  # no average beside it
        row = next(
            line for line in session.app.canvas.text() if "⠤⠤⠤" in line or "⠒⠒⠒" in line or "⣀⣀⣀" in line
        )
        middle = row[len(row) // 3 - 10 : len(row) // 3 + 10]
        assert not any(0x2801 <= ord(char) <= 0x28FF for char in middle), row

    run_app_test(script, source, make_desk(screen="graphs"))


# runs that go


def test_a_removed_run_leaves_the_table_at_once_and_comes_back_when_restored(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    async def script(session: Session) -> None:
        assert "baseline" in session.text
        old = next(run for run in source.runs if run["run_id"] == OLD_RUN)
        source.runs.remove(old)
        source.hold = None
        source.emit("gone", run=OLD_RUN)
        await until(lambda: "baseline" not in session.text, what="the run gone")
        assert session.desk.runs.total == 2
        source.runs.append(old)
        source.emit("run", run=OLD_RUN, facts=old)
        await until(lambda: "baseline" in session.text, what="the run back")

    run_app_test(script, source, make_desk(screen="runs"))


def test_a_row_goes_before_the_daemon_is_asked_again(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        session.app.live.pause(True)
        asked = len(source.asked)
        source.emit("gone", run=OLD_RUN)
        await until(lambda: "baseline" not in session.text, what="the run gone")
        assert len(source.asked) == asked

    run_app_test(script, source, make_desk(screen="runs"))


def test_an_archived_run_leaves_the_table(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        old = next(run for run in source.runs if run["run_id"] == OLD_RUN)
        source.runs.remove(old)
        source.emit("run", run=OLD_RUN, facts={**old, "archived": True})
        await until(lambda: "baseline" not in session.text, what="the archived run gone")

    run_app_test(script, source, make_desk(screen="runs"))


def test_the_run_in_view_says_that_it_was_removed(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        source.runs.remove(next(run for run in source.runs if run["run_id"] == RUN))
        source.emit("gone", run=RUN)
        await until(lambda: "train-gpt was removed" in session.text, what="a word about it")

    run_app_test(script, source, make_desk(screen="graphs"))


def test_an_ended_run_gets_its_metric_when_the_daemon_has_read_it(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    old = next(run for run in source.runs if run["run_id"] == OLD_RUN)
    known = {key: old[key] for key in ("main_metric", "last", "spark", "points", "last_step")}
    old.update(main_metric=None, last={}, spark=[], points=0, last_step=None)

    async def script(session: Session) -> None:
        row = next(line for line in session.app.canvas.text() if "baseline" in line and "digits" in line)
        assert "train/loss" not in row
        old.update(known)
        source.emit("run", run=OLD_RUN, facts={"run_id": OLD_RUN, "status": "finished"})
        await until(
            lambda: any("baseline" in line and "train/loss" in line for line in session.app.canvas.text()),
            what="the row's metric",
        )

    run_app_test(script, source, make_desk(screen="runs"), size=(160, 40))
