"""The Logs screen: find, filter, jump, wrap, mark and copy."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from test_frames import check_shape, compare
from tui_fakes import RUN, FakeSource, Session, run_app_test, until

from opengraphs.tui.model import Desk
from opengraphs.tui.screens import log_jump
from opengraphs.tui.screens.log_jump import Jump
from opengraphs.tui.screens.log_matches import LogMatches, Wanted
from opengraphs.tui.screens.logs_questions import MatchesQuestion

MakeDesk = Callable[..., Desk]


def mixed(source: FakeSource) -> None:
    source.logs[RUN] = [
        "start",
        "WARNING: the disk is nearly full",
        "a long line " + "that goes on and on " * 20 + "to its end",
        "Traceback (most recent call last):",
        "ValueError: lr must be positive",
        *(f"step {n} loss {1 / (n + 1):.3f}" for n in range(100)),
    ]


def shown(session: Session) -> str:
    return str(session.text)


@pytest.mark.parametrize(
    "size", [(120, 40), (80, 24), (60, 20), (40, 10)], ids=lambda size: f"{size[0]}x{size[1]}"
)
def test_wrapped_lines_go_on_below(source: FakeSource, make_desk: MakeDesk, size: tuple[int, int]) -> None:
    mixed(source)

    async def script(session: Session) -> None:
        await session.press("home", "w")
        check_shape(session, *size)
        compare(f"logs-wrapped-{size[0]}x{size[1]}", session.app.canvas.text())
        await session.press("end")
        check_shape(session, *size)
        assert "step 99 loss 0.010" in shown(session)

    run_app_test(script, source, make_desk(screen="logs"), size=size)


def test_the_end_of_a_wrapped_log_is_in_view_when_it_grows(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("w")
        source.logs[RUN] = [*source.logs[RUN], "wide " * 100 + "the very end"]
        source.emit("log", run=RUN, size_bytes=1)
        await until(lambda: "the very end" in shown(session))

    run_app_test(script, source, make_desk(screen="logs"), size=(60, 20))


def test_lines_that_say_so_are_marked_by_a_sign(source: FakeSource, make_desk: MakeDesk) -> None:
    mixed(source)

    async def script(session: Session) -> None:
        await session.press("home")
        lines = shown(session).split("\n")
        assert "2 ▲ WARNING: the disk" in lines[2]
        assert "5 ! ValueError" in lines[5]
        assert "6 │ step 0" in lines[6]

    run_app_test(script, source, make_desk(screen="logs"))


def test_find_counts_what_it_finds(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("home", "slash", *"99 loss", "enter")
        await until(lambda: "line 100, 1 of 10" in shown(session))
        await session.press("n")
        await until(lambda: "line 200, 2 of 10" in shown(session))

    run_app_test(script, source, make_desk(screen="logs"))


def test_plain_words_and_case(source: FakeSource, make_desk: MakeDesk) -> None:
    source.logs[RUN] = ["a.b", "axb", "A.B"]

    async def script(session: Session) -> None:
        state = session.desk.logs
        await session.press("slash", *"a.b", "enter")
        await until(lambda: "1 of 3" in shown(session))
        await session.press("alt+r")
        assert "plain, case smart" in shown(session)
        await session.press("n")
        await until(lambda: state.match == 2 and "2 of 2" in shown(session))
        await session.press("alt+i")
        await session.press("N")
        await until(lambda: state.match == 0 and "1 of 1" in shown(session))

    run_app_test(script, source, make_desk(screen="logs"))


def test_filter_shows_only_what_fits_with_its_own_numbers(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("ampersand", *"loss 0.002", "enter")
        await until(lambda: session.desk.logs.only.next is None and session.desk.logs.shown_total)
        fitting = [n + 1 for n, text in enumerate(source.logs[RUN]) if "loss 0.002" in text]
        await session.press("home")
        numbers = [int(found) for found in re.findall(r"^ *(\d+) │ step", shown(session), re.MULTILINE)]
        assert numbers == fitting[: len(numbers)]
        assert session.desk.logs.shown_total == len(fitting)
        assert f"{len(fitting)} matches in 1000 lines" in shown(session)
        source.logs[RUN] = [*source.logs[RUN], "step 1000 loss 0.0020 new"]
        source.emit("log", run=RUN, size_bytes=1)
        await until(lambda: session.desk.logs.shown_total == len(fitting) + 1)
        await session.press("escape")
        assert session.desk.logs.only is None
        assert "of 1001" in shown(session)

    run_app_test(script, source, make_desk(screen="logs"))


def test_a_filter_that_is_no_regex_says_so(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("ampersand", *"a(")
        assert "not a regular expression" in shown(session)
        await session.press("alt+r")
        assert "not a regular expression" not in shown(session)
        await session.press("alt+i")
        assert "plain, case exact" in shown(session)

    run_app_test(script, source, make_desk(screen="logs"))


@pytest.mark.parametrize(
    ("typed", "line"), [("120", 119), ("50%", 499), ("step 300", 300), ("+2m", 120), ("99999", 999)]
)
def test_jump(source: FakeSource, make_desk: MakeDesk, typed: str, line: int) -> None:
    async def script(session: Session) -> None:
        await session.press("colon")
        await session.type(typed)
        await session.press("enter")
        await until(lambda: session.desk.logs.match == line)
        assert f"{line + 1} │ step {line:5d}" in shown(session)

    run_app_test(script, source, make_desk(screen="logs"))


def test_a_place_that_is_none_keeps_the_line_open(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("colon", *"nowhere", "enter")
        assert "a place is one of" in shown(session)
        assert session.app.view.edit is not None
        await session.press("escape", "colon", *"-30d", "enter")
        await until(lambda: "no line is known of -30d" in shown(session))

    run_app_test(script, source, make_desk(screen="logs"))


def test_a_drag_marks_and_a_key_copies(source: FakeSource, make_desk: MakeDesk) -> None:
    source.logs[RUN] = ["\x1b[32mgreen\x1b[0m one", "two", "three"]

    async def script(session: Session) -> None:
        session.app.take_drag((8, 1), (8, 2), done=True, button=1, modifiers=frozenset())
        await session.settle()
        assert "2 marked" in shown(session)
        await session.press("Y")
        await until(lambda: session.desk.clipboard.text == "green one\ntwo")
        assert session.desk.logs.marked is None

    run_app_test(script, source, make_desk(screen="logs"))


def test_marking_scrolls_along_and_escape_leaves_it(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("home", "V", "pagedown", "pagedown")
        assert session.desk.logs.marked == (0, 74)
        assert session.desk.logs.top > 0
        await session.press("escape")
        assert session.desk.logs.marked is None

    run_app_test(script, source, make_desk(screen="logs"))


def test_a_saved_view_comes_back(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("w", "alt+r", "alt+i", "ampersand", *"loss", "enter")
        view = session.app.view
        kept = view.saved()
        assert kept == {"wrap": True, "only": "loss", "regex": False, "case": "exact"}
        view.restore({"wrap": False, "only": "", "regex": True, "case": "smart"})
        view.restore({"wrap": 1, "only": 2, "regex": "x", "case": "loud"})
        assert view.saved() == {"wrap": False, "only": "", "regex": True, "case": "smart"}
        view.restore(kept)
        assert view.saved() == kept

    run_app_test(script, source, make_desk(screen="logs"))


NOON = 1_795_694_400.0  # 2026-11-26T12:00:00Z


@pytest.mark.parametrize(
    ("text", "jump"),
    [
        ("7", Jump(line=6)),
        ("0", Jump(line=-1 + 1)),
        ("100%", Jump(line=9)),
        ("@12", Jump(step=12)),
        ("-90s", Jump(time=NOON - 90)),
        ("+1h", Jump(time=NOON - 7200 + 3600)),
    ],
)
def test_places(text: str, jump: Jump) -> None:
    assert log_jump.parse(text, total=10, start_s=NOON - 7200, end_s=NOON) == jump


def test_times_of_day_are_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert log_jump.parse("11:30", total=1, start_s=NOON - 7200, end_s=NOON).time == NOON - 1800
    assert log_jump.parse("23:59:30", total=1, start_s=NOON - 86_400, end_s=NOON).time == NOON - 43_230
    with pytest.raises(ValueError, match="25:00 is no time of day"):
        log_jump.parse("25:00", total=1, start_s=NOON, end_s=NOON)


def test_the_last_line_of_a_live_log_is_looked_at_again() -> None:
    matches = LogMatches(Wanted().compiled("x"), "log.found")
    first = matches.question("r")
    assert first is not None
    matches.take(first, {"lines": [{"n": 4, "text": "x"}], "next": None, "total_lines": 5})
    assert matches.question("r") is None
    matches.grown(6)
    again = matches.question("r")
    assert again == MatchesQuestion("r", "(?i)x", 4, "log.found")
    matches.take(
        again, {"lines": [{"n": 4, "text": "xy"}, {"n": 5, "text": "x"}], "next": None, "total_lines": 6}
    )
    assert [(line["n"], line["text"]) for line in matches.lines] == [(4, "xy"), (5, "x")]
    assert matches.count_text(5) == "2 of 2"
