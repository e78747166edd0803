"""The agent's routes of the fake daemon: sessions as lists of records, streamed to who listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fakes.store import NOW, RUN, FakeStore
from opengraphs.errors import NotFoundError, UnreachableError


class FakeChat(FakeStore):
    """sessions: by id, its facts; said: by id, its records. A test says what the agent does with `say`."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions: dict[str, dict[str, Any]] = {}
        self.said: dict[str, list[dict[str, Any]]] = {}
        self.agent: dict[str, Any] = {
            "schema": 1, "state": "ready", "pid": 7, "provider": "fake", "model": "fake-1", "trouble": "", "hint": "",
            "disabled": "",
        }  # fmt: skip
        self.stopped = ""
        self.modes: dict[str, str] = {}
        self.refuse: Exception | None = None
        """What the next message is answered with."""
        self.decisions: list[dict[str, Any]] = []
        self.streams: list[dict[str, Any]] = []
        """What was asked of each stream, the newest last."""
        self.unfinished: dict[str, str] = {}
        self._readers: dict[str, list[asyncio.Queue[dict[str, Any] | None]]] = {}

    def add_session(
        self, name: str = "abcd", *, run: str = RUN, mode: str = "propose", title: str = ""
    ) -> str:
        session = f"{run}.{name}"
        self.sessions = {session: {
            "session_id": session, "run_id": run, "title": title, "state": "idle", "mode": mode, "turns": 0, "seq": 0,
            "created_at": NOW, "updated_at": NOW, "tokens": 0, "cost_usd": 0.0, "parent": None,
        }, **self.sessions}  # fmt: skip
        self.said[session] = []
        self.say(session, "session", session_id=session, run_id=run, mode=mode, title=title, parent=None)
        return session

    def say(self, session: str, kind: str, **fields: Any) -> dict[str, Any]:
        """One more record, or a piece of one, for the file and for who listens."""
        record = {"time": NOW, "kind": kind, **fields}
        if kind not in ("delta", "thinking"):
            record["seq"] = len(self.said[session]) + 1
            self.said[session].append(record)
            run = self.sessions[session]["run_id"]
            self.emit("chat", run=run, session_id=session, record_kind=kind)
            self._facts(session, record)
        if kind == "delta":
            self.unfinished[session] = self.unfinished.get(session, "") + fields["text"]
        elif kind in ("assistant", "turn"):
            self.unfinished.pop(session, None)
        for reader in self._readers.get(session, ()):
            reader.put_nowait(record)
        return record

    def _facts(self, session: str, record: dict[str, Any]) -> None:
        facts = self.sessions[session]
        facts["seq"] = record["seq"]
        if record["kind"] == "approval":
            facts["state"] = "waiting"
        elif record["kind"] == "decision":
            facts["state"] = "idle"
        elif record["kind"] == "user":
            facts["title"] = facts["title"] or record["text"]

    def turn(self, session: str, number: int, text: str, **more: Any) -> None:
        """A question that the agent begins to answer."""
        self.say(session, "user", turn=number, text=text, origin="tui", **{"attachments": [], **more})
        self.say(session, "turn", turn=number, state="started", error=None)

    def answer(self, session: str, number: int, text: str, item: str = "t1") -> None:
        self.say(session, "assistant", turn=number, item=item, text=text, model="fake-1")
        self.say(session, "turn", turn=number, state="done", error=None)

    def drop_streams(self) -> None:
        """The line to every reader breaks."""
        for readers in self._readers.values():
            for reader in readers:
                reader.put_nowait(None)

    async def stream(self, path: str, **query: Any) -> AsyncIterator[dict[str, Any]]:
        assert path == "/chat/stream"
        session = query["session_id"]
        self.streams.append(query)
        if session not in self.said:
            raise NotFoundError("there is no such session")
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        for record in self.said[session]:
            if record["seq"] > query["since"]:
                queue.put_nowait(record)
        if session in self.unfinished:
            turn = sum(record["kind"] == "user" for record in self.said[session])
            queue.put_nowait({"kind": "delta", "turn": turn, "item": "t1", "text": self.unfinished[session]})
        readers = self._readers.setdefault(session, [])
        readers.append(queue)
        try:
            while True:
                record_or_end = await queue.get()
                if record_or_end is None:
                    raise UnreachableError("gone")
                yield record_or_end
        finally:
            readers.remove(queue)

    def _chat(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answers every route of the agent."""
        if path == "/agent":
            return dict(self.agent)
        if path == "/auto":
            return {
                "schema": 1,
                "actions": [],
                "modes": dict(self.modes),
                "stopped": self.stopped,
                "total": 0,
            }
        if path == "/chat/sessions":
            found = [one for one in self.sessions.values() if body.get("run") in (None, one["run_id"])]
            return {"schema": 1, "sessions": [dict(one) for one in found], "total": len(found)}
        return getattr(self, "_do_" + path.rpartition("/")[2])(body)

    def _do_send(self, body: dict[str, Any]) -> dict[str, Any]:
        refuse, self.refuse = self.refuse, None
        if refuse is not None:
            raise refuse
        session = body.get("session_id") or ""
        if not session:
            of_run = [one for one, facts in self.sessions.items() if facts["run_id"] == body["run"]]
            session = (
                of_run[0]
                if of_run and not body["new"]
                else self.add_session(f"n{len(self.sessions):03}", run=body["run"])
            )
        turn = sum(record["kind"] == "user" for record in self.said[session]) + 1
        self.turn(session, turn, body["text"], attachments=body.get("attachments", []))
        run = self.sessions[session]["run_id"]
        seq = len(self.said[session])
        return {"schema": 1, "session_id": session, "run_id": run, "turn": turn, "seq": seq, "queued": False}

    def _do_interrupt(self, body: dict[str, Any]) -> dict[str, Any]:
        session = body["session_id"]
        turn = sum(record["kind"] == "user" for record in self.said[session])
        self.say(session, "turn", turn=turn, state="interrupted", error=None)
        return {"schema": 1}

    def _do_fork(self, body: dict[str, Any]) -> dict[str, Any]:
        old = body["session_id"]
        session = self.add_session(f"f{len(self.sessions):03}", run=self.sessions[old]["run_id"])
        return {"schema": 1, "session_id": session}

    def _do_decide(self, body: dict[str, Any]) -> dict[str, Any]:
        self.decisions.append(body)
        session = next(
            one
            for one, said in self.said.items()
            for record in said
            if record.get("approval_id") == body["approval_id"]
        )
        self.say(session, "decision", **{"note": "", "origin": "tui", **body})
        return {
            "schema": 1,
            "approval_id": body["approval_id"],
            "decision": body["decision"],
            "session_id": session,
        }

    def _do_stop(self, body: dict[str, Any]) -> dict[str, Any]:
        self.stopped = f"the switch of {body['run']}" if body["run"] else "the switch of the store"
        self.emit("auto", run=body["run"] or RUN)
        return {"schema": 1}

    def _do_mode(self, body: dict[str, Any]) -> dict[str, Any]:
        self.modes[body["run"]] = body["mode"]
        return {"schema": 1, "mode": body["mode"]}
