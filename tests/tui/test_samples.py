"""The Samples screen: reading, searching, sorting and comparing what a model wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from test_frames import check_shape, compare
from tui_fakes import OLD_RUN, RUN, FakeSource, Session, run_app_test, until

from opengraphs.tui.model import Desk

MakeDesk = Callable[..., Desk]
SIZES = [(200, 50), (120, 40), (80, 24), (60, 20), (40, 10)]


def fill(source: FakeSource) -> None:
    source.add_samples(
        RUN,
        [
            {
                "step": step,
                "prompt": f"What is {n} + {n}?",
                "completion": f"It is {2 * n + (step < 20 and n % 2)}. " + "Adding is easy. " * n,
                "expected": f"It is {2 * n}. " + "Adding is easy. " * n,
                "score": n / 8 + step / 100,
                "chat": [{"role": "user", "content": "sum"}, {"role": "assistant", "content": "done"}],
            }
            for step in (0, 10, 20)
            for n in range(1, 6)
        ],
    )


def state(session: Session) -> Any:
    return session.app.views["samples"].state


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_it_looks_like(source: FakeSource, make_desk: MakeDesk, size: tuple[int, int]) -> None:
    fill(source)

    async def script(session: Session) -> None:
        name = f"samples-some-{size[0]}x{size[1]}"
        check_shape(session, *size)
        compare(name, session.app.canvas.text())
        await session.press("enter")
        check_shape(session, *size)
        compare(f"{name}-read", session.app.canvas.text())

    run_app_test(script, source, make_desk(screen="samples"), size=size)


def test_a_run_without_samples_says_how_to_log_them(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await until(lambda: "This run logged no samples." in session.text)
        assert "run.sample(prompt=" in session.text

    run_app_test(script, source, make_desk(screen="samples"))


def test_filter_narrows_while_typed_and_lights_what_it_found(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("slash")
        await session.type("prompt:3 score>0.4")
        await until(lambda: state(session).total == 2)
        assert "2 of 15" in session.text
        await session.press("enter")
        lit = [text for row in session.app.canvas.rows for text, role in row if role.endswith("hit")]
        assert set(lit) == {"3"}
        await session.press("escape")
        await until(lambda: state(session).total == 15)

    run_app_test(script, source, make_desk(screen="samples"))


def test_a_filter_nothing_fits_says_so(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("slash", *"nowhere", "enter")
        await until(lambda: "no sample fits 'nowhere'" in session.text)

    run_app_test(script, source, make_desk(screen="samples"))


def test_sorting_by_score_begins_with_the_worst(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("o", "o")
        await until(lambda: state(session).sort == "score" and state(session).rows)
        assert state(session).current()["columns"]["score"] == 1 / 8
        await session.press("O")
        await until(lambda: state(session).sort == "-score" and state(session).rows)
        assert state(session).current()["columns"]["score"] == 5 / 8 + 0.2

    run_app_test(script, source, make_desk(screen="samples"))


def test_diff_walks_through_the_answers_to_one_prompt(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("up", "up", "d")
        await until(lambda: "diff (2 of 2): step 10 → step 20" in session.text)
        assert "[-7-]{+6+}" in session.text
        await session.press("left")
        await until(lambda: "diff (1 of 2): step 0 → step 20" in session.text)
        await session.press("escape")
        assert state(session).view == "text"

    run_app_test(script, source, make_desk(screen="samples"))


def test_diff_with_a_run_that_is_selected(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_samples(RUN, [{"step": 5, "prompt": "hi", "completion": "hello there"}])
    source.add_samples(OLD_RUN, [{"step": 7, "prompt": "hi", "completion": "hello you"}])
    desk = make_desk(screen="samples")
    desk.runs.selected[OLD_RUN] = "baseline"

    async def script(session: Session) -> None:
        await session.press("d")
        await until(lambda: "diff: baseline step 7 → step 5" in session.text)
        assert "hello [-you-]{+there+}" in session.text

    run_app_test(script, source, desk)


def test_raw_shows_the_record_as_logged(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("w")
        assert '"role": "assistant",' in session.text
        assert '"id"' not in session.text

    run_app_test(script, source, make_desk(screen="samples"), size=(200, 50))


def test_new_samples_do_not_move_what_is_read(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("up")
        reading = state(session).current()["id"]
        source.add_samples(RUN, [{"step": 30, "prompt": "new", "completion": str(n)} for n in range(3)])
        source.log(RUN, 400, lr=1.0)
        await until(lambda: "3 new below" in session.text)
        assert state(session).current()["id"] == reading
        await session.press("end")
        await until(lambda: state(session).current()["columns"]["completion"] == "2")
        source.add_samples(RUN, [{"step": 31, "prompt": "new", "completion": "newest"}])
        source.log(RUN, 401, lr=1.0)
        await until(lambda: state(session).current()["columns"]["completion"] == "newest")
        assert "new below" not in session.text

    run_app_test(script, source, make_desk(screen="samples"))


def test_a_long_answer_is_asked_for_whole(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_samples(RUN, [{"prompt": "p", "completion": "word " * 300 + "the end"}])

    async def script(session: Session) -> None:
        await session.press("enter", "end")
        await until(lambda: "the end" in session.text)

    run_app_test(script, source, make_desk(screen="samples"))


def test_mouse_chooses_and_scrolls_the_panel_below_it(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        view = session.app.views["samples"]
        session.app.take_click(5, 4)
        await session.settle()
        assert (state(session).cursor, state(session).panel) == (1, "list")
        session.app.take_click(100, 10)
        await session.settle()
        assert state(session).panel == "detail"
        session.app.take_wheel(100, 10, 1)
        await session.settle()
        assert state(session).cursor == 1
        assert view.table()[0] == ["step", "prompt", "completion", "expected", "score", "chat"]

    run_app_test(script, source, make_desk(screen="samples"))


def test_a_saved_view_comes_back(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)

    async def script(session: Session) -> None:
        await session.press("o", "o", "O", "w", "slash", *"what", "enter")
        view = session.app.view
        kept = view.saved()
        assert kept == {"filter": "what", "sort": "-score", "view": "raw"}
        view.restore({"filter": "", "sort": "time", "view": "text"})
        view.restore({"filter": 3, "sort": "", "view": "sideways"})
        assert view.saved() == {"filter": "", "sort": "time", "view": "text"}
        view.restore(kept)
        assert view.saved() == kept

    run_app_test(script, source, make_desk(screen="samples"))


def test_another_run_begins_anew(source: FakeSource, make_desk: MakeDesk) -> None:
    fill(source)
    source.add_samples(OLD_RUN, [{"prompt": "old", "completion": "one"}])

    async def script(session: Session) -> None:
        await until(lambda: state(session).total == 15)
        session.desk.open_run(OLD_RUN)
        session.app.changed()
        await until(lambda: state(session).total == 1)

    run_app_test(script, source, make_desk(screen="samples"))


def test_hostile_text_reaches_no_terminal(source: FakeSource, make_desk: MakeDesk) -> None:
    evil = "\x1b]0;owned\x07 \x1b[2J\u202e"
    source.add_samples(RUN, [{"prompt": evil, "completion": evil, evil: evil, "score": 1}])

    async def script(session: Session) -> None:
        for keys in ((), ("w",), ("w", "d")):
            await session.press(*keys)
            check_shape(session, 120, 40)
            assert not any(char in session.text for char in "\x1b\x07\u202e")

    run_app_test(script, source, make_desk(screen="samples"))
