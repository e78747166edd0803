"""The palette beside its actions: runs, metrics and views, letters that fit, what was used before."""

from __future__ import annotations

from collections.abc import Callable

from tui_fakes import OLD_RUN, FakeSource, Session, run_app_test, until

from opengraphs.tui.model import Desk


async def choose(session: Session, text: str) -> None:
    await session.press("ctrl+p")
    await session.type(text)
    await session.press("enter")


def test_a_run_is_opened_by_its_name_or_id(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        await choose(session, "baseline")
        assert (session.desk.screen, session.desk.graphs.ref) == ("graphs", OLD_RUN)
        await session.press("1")
        await choose(session, "k7f3")
        assert session.desk.graphs.run["name"] == "train-gpt"

    run_app_test(script, source, make_desk())


def test_a_metric_is_gone_to(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        await session.press("4")
        await choose(session, "grnorm")
        assert session.desk.screen == "graphs"
        assert session.desk.graphs.focused() == "grad_norm"

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_view_is_applied(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    source.views = {"mine": {"screen": "logs"}}

    async def script(session: Session) -> None:
        await session.press("ctrl+p")
        await until(lambda: session.desk.views.known, what="the views of the project")
        await session.type("mine")
        assert "view" in next(
            line for line in session.text.splitlines() if "mine" in line and "❯" not in line
        )
        await session.press("enter")
        assert session.desk.screen == "logs"

    run_app_test(script, source, make_desk(screen="graphs"))


def test_what_was_used_before_stands_in_front(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        await choose(session, "log y")
        await choose(session, "rescan")
        await session.press("ctrl+p")
        names = [target.name for target, _ in session.app.overlay.found()]
        assert names[:2] == ["Rescan: ask for all again", "Log y, on or off"]
        assert len(names) == len(set(names))

    run_app_test(script, source, make_desk(screen="graphs"))


def test_the_letters_that_fit_are_lit(source: FakeSource, make_desk: Callable[..., Desk]) -> None:
    async def script(session: Session) -> None:
        await session.press("ctrl+p")
        await session.type("logy")
        row = next(
            row for row in session.app.canvas.rows if any("y, on or off" in t or t == "Log" for t, _ in row)
        )
        lit = [text for text, role in row if role.endswith("b:accent")]
        assert "".join(lit) == "Logy"

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_name_from_a_run_cannot_reach_the_terminal(
    source: FakeSource, make_desk: Callable[..., Desk]
) -> None:
    source.runs[1]["name"] = "base\x1b[2Jline\u202e"

    async def script(session: Session) -> None:
        await session.press("ctrl+p")
        await session.type("base")
        assert "\x1b" not in session.text
        assert "\u202e" not in session.text
        assert {len(line) for line in session.text.split("\n")} == {120}

    run_app_test(script, source, make_desk())
