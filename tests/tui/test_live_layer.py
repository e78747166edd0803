"""The data layer: one question a slot, one round a tick, nothing while nothing changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from tui_fakes import until

from opengraphs.errors import NotFoundError, UnreachableError, VersionError
from opengraphs.tui.live import MAX_INTERVAL_S, Live
from opengraphs.tui.messages import Answer, Failure, Link, LiveMessage


class Ask(NamedTuple):
    """A question whose answer says which it was."""

    slot: str
    what: int

    async def ask(self, source: Any) -> dict[str, Any]:
        return await source.get(f"/{self.slot}", what=self.what)


class Source:
    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        self.asked.append((path[1:], query["what"]))
        await self.gate.wait()
        if self.error:
            raise self.error
        return {"what": query["what"]}

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return body

    async def events(self) -> Any:
        for number in range(3):
            yield {"kind": "hello", "seq": number}


def play(script: Callable[[Live, Source, list[LiveMessage]], Awaitable[None]], **options: Any) -> None:
    async def main() -> None:
        source, got = Source(), []
        defects: list[BaseException] = []
        live = Live(source, got.append, on_defect=defects.append, **{"refresh_s": 0.02, **options})
        await script(live, source, got)
        await live.close()
        if defects:
            raise defects[0]

    asyncio.run(main())


def answers(got: list[LiveMessage]) -> list[int]:
    return [message.reply["what"] for message in got if isinstance(message, Answer)]


def test_a_new_question_is_asked_at_once_and_the_same_one_not_again() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        live.want(Ask("a", 1))
        await until(lambda: answers(got) == [1])
        live.want(Ask("a", 1))
        await asyncio.sleep(0.05)
        assert source.asked == [("a", 1)]

    play(script)


def test_only_the_newest_of_several_questions_is_asked_after_the_one_in_flight() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        source.gate.clear()
        for what in range(5):
            live.want(Ask("a", what))
            await asyncio.sleep(0)
        source.gate.set()
        await until(lambda: answers(got) == [0, 4])
        assert source.asked == [("a", 0), ("a", 4)]

    play(script)


def test_touches_between_two_ticks_are_one_round() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        live.want(Ask("a", 1))
        live.want(Ask("b", 1))
        await until(lambda: len(got) == 2)
        for _ in range(50):
            live.touch("a", "b", "c")
        await until(lambda: len(got) == 4)
        await asyncio.sleep(0.06)
        assert source.asked == [("a", 1), ("b", 1)] * 2

    play(script)


def test_what_is_not_on_the_screen_is_not_asked() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        live.want(Ask("a", 1))
        await until(lambda: got)
        live.drop("a")
        live.touch("a")
        await asyncio.sleep(0.05)
        assert len(source.asked) == 1
        live.want(Ask("a", 1))
        await until(lambda: len(got) == 2, what="asked again when it comes back")

    play(script)


def test_nothing_runs_while_nothing_is_dirty() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        live.want(Ask("a", 1))
        await until(lambda: got)
        live.touch("a")
        await until(lambda: len(got) == 2)
        await asyncio.sleep(0)
        assert live._timer is None
        assert not live._tasks

    play(script)


def test_pause_keeps_still_and_going_on_catches_up() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        live.want(Ask("a", 1))
        await until(lambda: got)
        live.pause(True)
        live.touch("a")
        await asyncio.sleep(0.06)
        assert len(source.asked) == 1
        live.want(Ask("a", 2))
        await until(lambda: answers(got) == [1, 2], what="what the user asks for comes while paused")
        live.touch("a")
        live.pause(False)
        await until(lambda: answers(got) == [1, 2, 2])

    play(script)


def test_a_slow_slot_waits_longer() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        live.want(Ask("slow", 1))
        live.want(Ask("fast", 1))
        await until(lambda: len(got) == 2)
        live.touch("slow", "fast")
        await until(lambda: len(got) == 3)
        assert source.asked[-1] == ("fast", 1)
        await until(lambda: len(got) == 4)

    play(script, slow_slots={"slow": 0.3})


def test_without_a_daemon_the_question_comes_back_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opengraphs.tui.live.RETRY_S", 0.05)

    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        source.error = UnreachableError("gone")
        live.want(Ask("a", 1))
        await until(lambda: got)
        assert isinstance(got[0], Failure)
        source.error = None
        await until(lambda: answers(got) == [1])

    play(script)


def test_a_refusal_is_told_and_not_repeated() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        source.error = NotFoundError("no such run")
        live.want(Ask("a", 1))
        await until(lambda: got)
        await asyncio.sleep(0.05)
        assert len(source.asked) == 1
        live.ask_all()
        await until(lambda: len(source.asked) == 2, what="asked again when the user wants it")

    play(script)


def test_dear_frames_come_less_often() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        assert live.interval_s == 0.02
        for _ in range(30):
            live.frame_took(0.03)
        assert live.interval_s == pytest.approx(0.24, rel=0.1)
        for _ in range(30):
            live.frame_took(5.0)
        assert live.interval_s == MAX_INTERVAL_S

    play(script)


def test_events_are_passed_on_in_order() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        live.follow()
        await until(lambda: len(got) == 3)
        assert [message.event["seq"] for message in got] == [0, 1, 2]  # type: ignore[union-attr]

    play(script)


def test_closing_ends_what_is_under_way() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        source.gate.clear()
        live.want(Ask("a", 1))
        await asyncio.sleep(0)
        await live.close()
        assert not live._tasks
        assert got == []

    play(script)


def test_a_defect_is_told_and_not_lost() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        source.error = ZeroDivisionError("a defect")
        live.want(Ask("a", 1))
        await until(lambda: not live._tasks)

    with pytest.raises(ZeroDivisionError, match="a defect"):
        play(script)


def test_a_stream_that_ends_for_good_says_why() -> None:
    async def script(live: Live, source: Source, got: list[LiveMessage]) -> None:
        async def events() -> Any:
            raise VersionError("ogd speaks another protocol")
            yield

        source.events = events  # type: ignore[method-assign]
        live.follow()
        await until(lambda: got)
        assert got == [Link(False, "ogd speaks another protocol", final=True)]

    play(script)
