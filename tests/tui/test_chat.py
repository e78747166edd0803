"""The Chat screen: what is said, streamed, asked for, decided and proven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from key_cases.chat import EDITS, asked, long_talk
from test_frames import check_shape, compare
from tui_fakes import NOW, OLD_RUN, RUN, FakeSource, Session, run_app_test, until

from opengraphs.errors import NotFoundError
from opengraphs.tui.model import Desk

MakeDesk = Callable[..., Desk]
SIZES = [(200, 50), (120, 40), (80, 24), (60, 20), (40, 10)]
EFFECT = {
    "metric": "train/loss", "direction": "min", "paired": True, "points": 50, "needed": 50, "from_step": 100,
    "to_step": 150, "before": 1.2, "after": 0.8, "effect": 0.4, "low": 0.3, "high": 0.5, "margin": 0.1,
    "verdict": "improved", "guards": [], "text": "lower by 33 % over 50 equal steps",
}  # fmt: skip


def chat(session: Session) -> Any:
    return session.app.views["chat"]


def whole_story(source: FakeSource) -> str:
    """A question, what the agent looked at, what it did, and a second question that waits for an answer."""
    name = source.add_session(mode="guarded")
    source.turn(name, 1, "why does the loss rise?", attachments=[{"kind": "metric", "ref": "train/loss"}])
    source.say(
        name, "tool", turn=1, call_id="c", name="log_tail", arguments={"lines": 20}, ok=True, summary="20 lines",
        result="first line\nlast line",
    )  # fmt: skip
    source.answer(
        name, 1,
        "## What happened\nThe **learning rate** is too high since `step 400`: see [train/loss @ 320].\n\n"
        "- it is ten times as high as in the run before, and nothing else differs between the two of them\n"
        "- gradients grow\n\n```python\nlr = 3e-4\n```\nMore at https://example.org.",
    )  # fmt: skip
    source.say(
        name, "usage", turn=1, provider="fake", model="fake-1", input_tokens=1200, cached_tokens=0,
        output_tokens=300, cost_usd=0.0123,
    )  # fmt: skip
    for step in ("judged", "approved", "snapshot", "stopping", "patched", "restarting", "verifying"):
        source.say(name, "action", action_id="x1", step=step, text="")
    source.say(
        name,
        "result",
        action_id="x1",
        outcome="kept",
        text="The child is kept.",
        child_run_id=OLD_RUN,
        effect=EFFECT,
    )
    source.turn(name, 2, "and now?")
    return name


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_it_looks_like(source: FakeSource, make_desk: MakeDesk, size: tuple[int, int]) -> None:
    whole_story(source)

    async def script(session: Session) -> None:
        check_shape(session, *size)
        compare(f"chat-some-{size[0]}x{size[1]}", session.app.canvas.text())
        await session.press("home", "tab", "enter")
        check_shape(session, *size)
        compare(f"chat-some-{size[0]}x{size[1]}-opened", session.app.canvas.text())

    run_app_test(script, source, make_desk(screen="chat"), size=size)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_what_an_approval_looks_like(source: FakeSource, make_desk: MakeDesk, size: tuple[int, int]) -> None:
    asked(source)

    async def script(session: Session) -> None:
        check_shape(session, *size)
        compare(f"chat-asked-{size[0]}x{size[1]}", session.app.canvas.text())

    run_app_test(script, source, make_desk(screen="chat"), size=size)


def test_an_ascii_terminal_gets_ascii_only(source: FakeSource, make_desk: MakeDesk) -> None:
    whole_story(source)

    async def script(session: Session) -> None:
        assert session.text.isascii(), [char for char in session.text if not char.isascii()]
        await session.press("home", "tab", "enter", "a", "slash")
        assert session.text.isascii()

    run_app_test(script, source, make_desk(screen="chat", glyphs="ascii"), size=(120, 60))


def test_who_speaks_is_told_without_colour(source: FakeSource, make_desk: MakeDesk) -> None:
    whole_story(source)

    async def script(session: Session) -> None:
        roles = {text.strip(): role for row in session.app.canvas.rows for text, role in row}
        assert roles["you"] == "b:accent"
        assert roles["agent"] == "b:ok"
        assert roles["why does the loss rise?"] == "accent"

    run_app_test(script, source, make_desk(screen="chat"), size=(120, 60))


def test_a_message_is_sent_and_its_answer_grows_at_the_end(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("a")
        await session.type("why?")
        await session.press("enter")
        await until(lambda: "you  why?" in session.text)
        name = chat(session).conversation.session_id
        source.say(name, "thinking", turn=1)
        await until(lambda: "thinking" in session.text)
        for word in ("The loss ", "is ", "too high"):
            source.say(name, "delta", turn=1, item="t1", text=word)
        await until(lambda: "agent  The loss is too high" in session.text)
        assert "thinking" not in session.text
        source.answer(name, 1, "The loss is too high.")
        await until(
            lambda: "agent  The loss is too high." in session.text and not chat(session).conversation.busy
        )
        assert "waiting for the agent" not in session.text
        assert session.text.count("The loss is too high") == 1

    run_app_test(script, source, make_desk(screen="chat"))


def test_the_end_is_followed_only_from_the_end(source: FakeSource, make_desk: MakeDesk) -> None:
    long_talk(source)

    async def script(session: Session) -> None:
        name = chat(session).conversation.session_id
        await session.press("home")
        before = session.text.split("\n")[1:-3]
        source.say(name, "delta", turn=51, item="t1", text="far below")
        await until(
            lambda: any("far below" in item.data.get("text", "") for item in chat(session).conversation.items)
        )
        await session.settle()
        assert session.text.split("\n")[1:-3] == before
        assert "more rows below" in session.text
        await session.press("end")
        assert "far below" in session.text

    run_app_test(script, source, make_desk(screen="chat"))


def test_a_dropped_line_goes_on_where_it_broke(source: FakeSource, make_desk: MakeDesk) -> None:
    name = source.add_session()
    source.turn(name, 1, "why?")

    async def script(session: Session) -> None:
        source.say(name, "delta", turn=1, item="t1", text="half of it")
        await until(lambda: "half of it" in session.text)
        source.drop_streams()
        await until(lambda: len(source.streams) == 2)
        assert source.streams[1]["since"] == 3
        source.answer(name, 1, "half of it, and the rest")
        await until(lambda: "half of it, and the rest" in session.text)
        assert session.text.count("half of it") == 1

    run_app_test(script, source, make_desk(screen="chat"))


def test_an_interrupted_answer_is_marked(source: FakeSource, make_desk: MakeDesk) -> None:
    name = source.add_session()
    source.turn(name, 1, "why?")

    async def script(session: Session) -> None:
        source.say(name, "delta", turn=1, item="t1", text="I think that")
        await until(lambda: "I think that" in session.text)
        await session.press("a", "ctrl+c")
        await until(lambda: "-- interrupted" in session.text)
        assert session.app.view.edit is not None
        assert source.asked[-1][0] != "/chat/send"

    run_app_test(script, source, make_desk(screen="chat"))


def test_a_cut_answer_is_never_taken_for_a_whole_one(source: FakeSource, make_desk: MakeDesk) -> None:
    name = source.add_session()
    source.turn(name, 1, "why?")

    async def script(session: Session) -> None:
        source.say(name, "delta", turn=1, item="t1", text="Because")
        error = {"code": "cut", "message": "the stream ended early", "hint": "send it again"}
        source.say(name, "turn", turn=1, state="failed", error=error)
        await until(lambda: "the answer was cut" in session.text and "send it again" in session.text)

    run_app_test(script, source, make_desk(screen="chat"))


def test_a_rate_limit_counts_down(source: FakeSource, make_desk: MakeDesk) -> None:
    now = [NOW]
    name = source.add_session()
    source.turn(name, 1, "why?")
    error = {"code": "rate_limited", "message": "too many requests", "hint": "", "retry_after_s": 30}
    source.say(name, "turn", turn=1, state="failed", error=error)

    async def script(session: Session) -> None:
        session.desk.clock = lambda: now[0]
        assert "too many requests (again in 30s)" in session.text
        now[0] += 10
        await until(lambda: "(again in 20s)" in session.text)
        now[0] += 30
        await until(lambda: "now it may be tried again" in session.text)

    run_app_test(script, source, make_desk(screen="chat"))


def test_without_a_key_the_command_that_sets_it_is_named(source: FakeSource, make_desk: MakeDesk) -> None:
    source.agent.update(state="off", trouble="there is no key for openai", hint="og config agent")

    async def script(session: Session) -> None:
        await until(lambda: "there is no key for openai" in session.text)
        assert "og config agent" in session.text

    run_app_test(script, source, make_desk(screen="chat"))


def test_a_message_that_is_not_taken_is_there_again(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        source.refuse = NotFoundError("no such run")
        await session.press("2", "at", "8", "a")
        await session.type("why?")
        await session.press("enter")
        await until(lambda: "no such run" in session.text)
        assert session.app.view.edit.text == "why?"
        assert len(session.desk.agent.attached) == 1

    run_app_test(script, source, make_desk(screen="chat"))


def test_what_is_attached_goes_along_once(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("at", "8")
        assert "with [metric " in session.text
        await session.press("a")
        await session.type("why?")
        await session.press("enter")
        await until(lambda: "you  why?" in session.text)
        sent = next(body for path, body in source.asked if path == "/chat/send")
        assert sent["attachments"][0]["kind"] == "metric"
        assert session.desk.agent.attached == []

    run_app_test(script, source, make_desk(screen="graphs"))


def test_a_paste_of_many_lines_goes_along_as_it_is(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("a")
        session.app.take_paste("one\ntwo\x1b[2J\nthree\n")
        await session.settle()
        assert "with [text 3 lines]" in session.text
        assert session.desk.agent.attached[0]["text"].startswith("one\ntwo")
        await session.press("backspace")
        assert session.desk.agent.attached == []
        session.app.take_paste("one line\n")
        assert session.app.view.edit.text == "one line"

    run_app_test(script, source, make_desk(screen="chat"))


def test_commands_complete_and_do_what_they_say(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_session("aaaa", title="old")
    source.add_session("bbbb", title="new")

    async def script(session: Session) -> None:
        assert chat(session).conversation.session_id.endswith("bbbb")
        await session.press("slash")
        await session.type("mo")
        assert "tab: /mode" in session.text
        await session.press("tab")
        await session.type(" guarded")
        await session.press("enter")
        await until(lambda: "Auto mode: agent will apply fixes" in session.text)
        await session.type("/resume aaaa")
        await session.press("enter")
        assert chat(session).conversation.session_id.endswith("aaaa")
        await session.type("/attach file train.py")
        await session.press("enter")
        assert session.desk.agent.attached == [{"kind": "file", "ref": "train.py", "run": RUN}]
        await session.type("/dance")
        await session.press("enter")
        assert "no command /dance" in session.text

    run_app_test(script, source, make_desk(screen="chat"))


@pytest.mark.parametrize(
    "line",
    ["!og rm k7f3", "!og", "!og tail -f x", "!og export k7f3", "!og alerts ack x", "!og list --output=x"],
)
def test_og_commands_that_write_are_not_run(source: FakeSource, make_desk: MakeDesk, line: str) -> None:
    async def script(session: Session) -> None:
        await session.press("a")
        await session.type(line)
        await session.press("enter")
        assert "from here og only reads" in session.text

    run_app_test(script, source, make_desk(screen="chat"))


def test_an_og_command_shows_what_it_prints(source: FakeSource, make_desk: MakeDesk) -> None:
    async def script(session: Session) -> None:
        await session.press("a")
        await session.type("!og list --help")
        await session.press("enter")
        await until(lambda: "Show this message and exit." in session.text)
        await session.press("escape", "home")
        assert "$ og list --help" in session.text
        assert "Usage: og list" in session.text

    run_app_test(script, source, make_desk(screen="chat"))


def test_a_decision_that_is_waited_for_can_be_seen_on_every_screen(
    source: FakeSource, make_desk: MakeDesk
) -> None:
    name = source.add_session()

    async def script(session: Session) -> None:
        assert "chat" in session.text.split("\n")[0]
        source.say(name, "approval", approval_id="ap1", title="x", risk="low", diff="", expires_at=NOW + 60)
        await until(lambda: "chat▲" in session.text.split("\n")[0])
        assert "the agent asks for a decision" in session.text
        await session.press("8", "n")
        await until(lambda: source.decisions and "denied" in session.text)
        assert "chat▲" not in session.text

    run_app_test(script, source, make_desk(screen="runs"))


def test_too_late_is_a_no(source: FakeSource, make_desk: MakeDesk) -> None:
    asked(source)
    now = [NOW]

    async def script(session: Session) -> None:
        session.desk.clock = lambda: now[0]
        assert "no in 5m00s" in session.text
        now[0] += 301
        await until(lambda: "no: nobody decided in time" in session.text)
        await session.press("y")
        assert "too late" in session.text
        assert source.decisions == []

    run_app_test(script, source, make_desk(screen="chat"))


def test_an_edit_that_changes_nothing_decides_nothing(source: FakeSource, make_desk: MakeDesk) -> None:
    asked(source)

    async def script(session: Session) -> None:
        shown: list[str] = []
        session.app.edit_text = lambda text: shown.append(text) or text
        await session.press("e")
        assert shown == [EDITS]
        assert source.decisions == []
        session.app.edit_text = lambda text: text.replace("3e-4", "1e-4")
        await session.press("e")
        await until(lambda: source.decisions)
        assert source.decisions[0]["decision"] == "approve"
        assert "1e-4" in source.decisions[0]["edits"]

    run_app_test(script, source, make_desk(screen="chat"))


def test_an_action_is_one_block_that_changes_in_place(source: FakeSource, make_desk: MakeDesk) -> None:
    name = source.add_session()

    async def script(session: Session) -> None:
        source.say(name, "action", action_id="x1", step="judged", text="")
        source.say(name, "action", action_id="x1", step="verifying", text="")
        effect = {**EFFECT, "points": 12, "verdict": "waiting"}
        source.say(name, "verify", action_id="x1", effect=effect)
        await until(lambda: "verify 12 of 50" in session.text)
        assert "effect 0.4 [0.3, 0.5]" in session.text
        source.say(
            name,
            "result",
            action_id="x1",
            outcome="rolled_back",
            text="",
            effect=EFFECT,
            child_run_id=OLD_RUN,
        )
        await until(lambda: "rolled back" in session.text and "it helped: lower by 33 %" in session.text)
        assert session.text.count("action x1") == 1
        await until(lambda: "─ train/loss ─" in session.text or "┌ train/loss" in session.text)

    run_app_test(script, source, make_desk(screen="chat"))


def test_a_citation_is_opened_with_the_mouse(source: FakeSource, make_desk: MakeDesk) -> None:
    whole_story(source)

    async def script(session: Session) -> None:
        y, line = next((y, line) for y, line in enumerate(session.text.split("\n")) if "@ 320]" in line)
        session.app.take_click(line.index("@ 320]"), y)
        assert session.desk.screen == "graphs"
        assert session.desk.graphs.x.cursor == 320.0
        assert session.desk.graphs.focus == "train/loss"

    run_app_test(script, source, make_desk(screen="chat"), size=(120, 60))


def test_the_kill_switch_asks_and_then_says_that_it_is_on(source: FakeSource, make_desk: MakeDesk) -> None:
    source.add_session(mode="guarded")

    async def script(session: Session) -> None:
        await session.press("K", "enter")
        assert not source.stopped
        await session.press("K", "s")
        await until(lambda: "agent stopped: the switch of" in session.text)

    run_app_test(script, source, make_desk(screen="chat"))


def test_hostile_text_never_reaches_the_terminal(source: FakeSource, make_desk: MakeDesk) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e" + "e\u0301\u0301\u0301\u0301" * 9
    name = source.add_session(title=evil)
    source.turn(name, 1, evil, attachments=[{"kind": evil, "ref": evil}])
    source.say(
        name,
        "tool",
        turn=1,
        call_id="c",
        name=evil,
        arguments={evil: evil},
        ok=False,
        summary=evil,
        result=evil,
    )
    source.answer(name, 1, f"**{evil}** `{evil}` [{evil} @ 3]\n```\n{evil}\n```\n- {evil}")
    finding = {"rule": evil, "level": "ask", "text": evil, "path": evil, "line": 1}
    source.say(
        name, "approval", approval_id=evil, title=evil, risk=evil, diff=f"+{evil}", command=evil, findings=[finding],
        expires_at=NOW + 9,
    )  # fmt: skip
    source.say(name, "notice", level="warn", code=evil, text=evil)
    source.say(name, "action", action_id=evil, step=evil, text=evil)
    source.agent.update(model=evil, state="broken", trouble=evil, hint=evil)

    async def script(session: Session) -> None:
        await session.press("home", "tab", "enter", "tab", "enter", "S", "escape", "end")
        bad = {char for char in session.text if char != "\n" and (ord(char) < 32 or 0x7F <= ord(char) < 0xA0)}
        assert not bad
        assert "\u202e" not in session.text
        check_shape(session, 120, 40)

    run_app_test(script, source, make_desk(screen="chat"))


def test_a_long_text_is_wrapped_and_a_resize_wraps_it_anew(source: FakeSource, make_desk: MakeDesk) -> None:
    name = source.add_session()
    source.turn(name, 1, "w" * 500 + " " + "漢字" * 200)
    source.answer(name, 1, "word " * 3000)

    async def script(session: Session) -> None:
        check_shape(session, 120, 40)
        rows = chat(session)._rows
        await session.pilot.resize_terminal(60, 20)
        await until(lambda: len(session.app.canvas.rows) == 20)
        await session.settle()
        check_shape(session, 60, 20)
        assert chat(session)._rows > rows
        assert "word" in session.text, "it still follows the end"

    run_app_test(script, source, make_desk(screen="chat"))


def test_another_run_has_its_own_conversation(source: FakeSource, make_desk: MakeDesk) -> None:
    asked(source)

    async def script(session: Session) -> None:
        assert "Lower the learning rate" in session.text
        session.desk.open_run(OLD_RUN)
        session.app.changed()
        await until(lambda: "Nothing has been said about this run." in session.text)

    run_app_test(script, source, make_desk(screen="chat"))


def test_a_start_loads_nothing_of_chat() -> None:
    import subprocess
    import sys

    code = (
        "import sys, opengraphs.tui.app as app; from opengraphs.tui.screens.late import Views;"
        "print([m for m in sys.modules if 'chat_' in m or m.endswith(('.chat', 'talk', 'proof', 'markdown'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = done.stdout.strip()
    assert found == "['opengraphs.protocol.chat']", found
