"""Sessions on disk and their turns, with an agent that says what the test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from opengraphs.daemon.chat import desk as desks
from opengraphs.daemon.chat.desk import ChatDesk
from opengraphs.daemon.chat.session import OpenSession, path_of
from opengraphs.errors import ConflictError, NotFoundError, StoreError, UsageError

RUN = "20261122-093012-k7f3"
KEY = "sk-proj-" + "a1B2" * 8


class Hub:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def publish(self, kind: str, store: str, run: str, payload: dict[str, Any]) -> None:
        self.events.append({"kind": kind, "store": store, "run": run, **payload})


class Agent:
    """Listens from the first moment; `told` is what it should do."""

    def __init__(self, *_: Any, ended: Any, ready: Any) -> None:
        self.told: list[dict[str, Any]] = []
        self.listens = True
        self.ended = ended
        self.killed = ""

    def wake(self) -> bool:
        return self.listens

    def tell(self, line: dict[str, Any]) -> None:
        self.told.append(line)

    def retire(self) -> None:
        pass

    def kill(self, code: str, why: str) -> None:
        self.killed = code
        self.ended(code, why)

    async def close(self) -> None:
        pass


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(desks, "AgentProcess", Agent)
    (tmp_path / "runs" / RUN).mkdir(parents=True)
    return tmp_path


def talk(work: Callable[[ChatDesk], Awaitable[Any]]) -> Any:
    """What `work` returns, of a desk of its own."""

    async def within() -> Any:
        core: Any = SimpleNamespace(hub=Hub(), claim=SimpleNamespace(path=Path("/none")))
        desk = ChatDesk(core)
        try:
            return await work(desk)
        finally:
            await desk.close()

    return asyncio.run(within())


def message(text: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "attachments": [], "origin": "cli", "mode": None, "message_id": "", **more}


async def begun(desk: ChatDesk, store: Path, text: str = "why?", **more: Any) -> OpenSession:
    session = await desk.open(store, await desk.session_for(store, RUN))
    await desk.send(session, message(text, **more))
    return session


def records(store: Path, session_id: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path_of(store, session_id).read_text().splitlines()]


def test_a_message_becomes_a_turn_whose_end_the_agent_says(store: Path) -> None:
    async def work(desk: ChatDesk) -> OpenSession:
        session = await begun(desk, store)
        answer = {"kind": "assistant", "item": "a", "text": "the rate", "model": "m"}
        assert desk.take(session, 1, [{"kind": "delta", "item": "a", "text": "the"}, answer]) == {
            "seqs": [None, 5],
            "stop": False,
        }
        assert desk.take(session, 1, [{"kind": "turn", "state": "done"}])["stop"]
        assert desk.agent.told[0]["text"] == "why?"  # type: ignore[attr-defined]
        return session

    session = talk(work)
    found = records(store, session.session_id)
    assert [record["kind"] for record in found] == ["session", "user", "turn", "turn", "assistant", "turn"]
    assert [record["seq"] for record in found] == [1, 2, 3, 4, 5, 6]
    assert [record["state"] for record in found if record["kind"] == "turn"] == ["queued", "started", "done"]


def test_turns_of_a_session_follow_each_other(store: Path) -> None:
    async def work(desk: ChatDesk) -> None:
        session = await begun(desk, store)
        assert (await desk.send(session, message("and now?")))["queued"]
        assert session.running is not None
        assert session.running.number == 1
        desk.take(session, 1, [{"kind": "turn", "state": "done"}])
        assert session.running.number == 2

    talk(work)


def test_a_message_that_is_sent_twice_is_one_also_after_a_restart(store: Path) -> None:
    async def first(desk: ChatDesk) -> dict[str, Any]:
        session = await begun(desk, store, message_id="m-1")
        return await desk.send(session, message("why?", message_id="m-1"))

    async def second(desk: ChatDesk) -> dict[str, Any]:
        session = await desk.open(store, await desk.session_for(store, RUN))
        return await desk.send(session, message("why?", message_id="m-1"))

    assert talk(first)["seq"] == talk(second)["seq"] == 2


def test_interrupted_the_partial_answer_is_kept_as_cut_and_the_agent_told_to_stop(store: Path) -> None:
    async def work(desk: ChatDesk) -> list[dict[str, Any]]:
        session = await begun(desk, store)
        desk.take(session, 1, [{"kind": "delta", "item": "a", "text": "half an ans"}])
        assert desk.interrupt(session)
        assert desk.agent.told[-1]["kind"] == "interrupt"  # type: ignore[attr-defined]
        assert desk.take(session, 1, [{"kind": "delta", "item": "a", "text": "wer"}])["stop"]
        assert not desk.interrupt(session)
        return records(store, session.session_id)

    found = talk(work)
    assert (found[-2]["text"], found[-2]["cut"]) == ("half an ans", True)
    assert found[-1]["state"] == "interrupted"


def test_a_turn_that_a_dead_daemon_left_is_failed_when_the_session_is_opened(store: Path) -> None:
    path = path_of(store, f"{RUN}.abcd")
    path.parent.mkdir()
    lines: list[dict[str, Any]] = [
        {"seq": 1, "time": 1.0, "kind": "session", "session_id": f"{RUN}.abcd", "run_id": RUN},
        {"seq": 2, "time": 1.0, "kind": "user", "turn": 1, "text": "why?"},
        {"seq": 3, "time": 1.0, "kind": "turn", "turn": 1, "state": "started"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"seq": 4, "kind": "assis')

    async def work(desk: ChatDesk) -> str:
        session = await desk.open(store, f"{RUN}.abcd")
        return session.summary()["state"]

    assert talk(work) == "idle"
    last = json.loads(path.read_text().splitlines()[-1])
    assert (last["seq"], last["state"], last["error"]["code"]) == (4, "failed", "agent_interrupted")


def test_another_daemon_has_a_session_alone_while_it_answers(store: Path) -> None:
    async def work(desk: ChatDesk) -> None:
        session = await begun(desk, store)
        other = OpenSession(store, session.session_id)
        other.load()
        with pytest.raises(ConflictError):
            other.append("notice", level="info", text="me too", code="")
        desk.take(session, 1, [{"kind": "turn", "state": "done"}])
        assert other.append("notice", level="info", text="now", code="") == session.file.seq + 1
        assert desk.keep(session, "notice", level="info", text="after", code="") == 7

    talk(work)


def test_an_agent_that_dies_fails_the_running_turn_and_the_next_one_begins(store: Path) -> None:
    async def work(desk: ChatDesk) -> list[dict[str, Any]]:
        session = await begun(desk, store)
        await desk.send(session, message("and now?"))
        desk.agent.kill("agent_crashed", "gone")
        assert session.running is not None
        assert session.running.number == 2
        return records(store, session.session_id)

    errors = [one["error"]["code"] for one in talk(work) if one.get("error")]
    assert errors == ["agent_crashed"]


def test_a_fork_shares_a_beginning_and_names_its_parent(store: Path) -> None:
    async def work(desk: ChatDesk) -> tuple[str, str]:
        session = await begun(desk, store)
        desk.take(session, 1, [{"kind": "turn", "state": "done"}])
        await desk.send(session, message("other"))
        with pytest.raises(UsageError):
            await desk.fork(store, session.session_id, 99)
        return session.session_id, await desk.fork(store, session.session_id, 5)

    parent, child = talk(work)
    head, *rest = records(store, child)
    assert head["parent"] == {"session_id": parent, "seq": 5}
    assert [one["kind"] for one in rest] == ["user", "turn", "turn", "turn"]


def test_what_the_agent_may_not_say_is_refused(store: Path) -> None:
    async def work(desk: ChatDesk) -> None:
        session = await begun(desk, store)
        for kind in ("approval", "decision", "action", "result", "user", "session", 7, None):
            with pytest.raises(UsageError):
                desk.take(session, 1, [{"kind": kind, "decision": "approve", "text": "x"}])

    talk(work)


def test_keys_are_hidden_before_they_are_kept_or_given_to_the_agent(store: Path) -> None:
    async def work(desk: ChatDesk) -> str:
        session = await begun(desk, store, f"my key is {KEY}")
        desk.take(session, 1, [{"kind": "assistant", "item": "a", "text": KEY, "model": "m"}])
        assert KEY not in json.dumps(desk.agent.told)  # type: ignore[attr-defined]
        return path_of(store, session.session_id).read_text()

    assert KEY not in talk(work)


def test_followers_get_records_and_the_answer_as_it_grows_each_at_its_own_pace(store: Path) -> None:
    async def work(desk: ChatDesk) -> None:
        session = await begun(desk, store)
        desk.take(session, 1, [{"kind": "delta", "item": "a", "text": "one "}])
        late, early = (desk.follow(session, since, live=True) for since in (4, 0))
        assert json.loads(await anext(late))["text"] == "one "
        assert len((await anext(early)).splitlines()) == 4
        desk.take(session, 1, [{"kind": "delta", "item": "a", "text": "two"}])
        assert json.loads(await anext(late))["text"] == "two"
        assert json.loads(await anext(early))["text"] == "one two"
        desk.take(session, 1, [{"kind": "assistant", "item": "a", "text": "one two.", "model": "m"}])
        assert json.loads(await anext(late))["kind"] == json.loads(await anext(early))["kind"] == "assistant"
        for reader in (late, early):
            await reader.aclose()
        assert session.readers == 0

    talk(work)


def test_a_read_only_store_says_so(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    def refuse(*_: Any) -> int:
        raise OSError(errno.EROFS, "read-only file system")

    monkeypatch.setattr("opengraphs.daemon.chat.sessionfile.open_plain", refuse)

    async def work(desk: ChatDesk) -> None:
        with pytest.raises(StoreError, match="read-only"):
            await desk.session_for(store, RUN)

    talk(work)


@pytest.mark.parametrize("name", ["", "x", "../../etc.abcd", f"{RUN}.ABCD", f"{RUN}.abc", f"a/b.{'a' * 4}"])
def test_names_that_no_session_has_are_refused(store: Path, name: str) -> None:
    async def work(desk: ChatDesk) -> None:
        with pytest.raises((UsageError, NotFoundError)):
            await desk.open(store, name)

    talk(work)
