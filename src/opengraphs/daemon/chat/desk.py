"""The door to all conversations of this daemon: find or begin a session, append to it, follow it, fork it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import secrets
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs.daemon.chat import turns
from opengraphs.daemon.chat.process import AgentProcess
from opengraphs.daemon.chat.session import FOLDER, OpenSession, Turn, path_of
from opengraphs.daemon.encode import encode_line
from opengraphs.daemon.idle import leaving
from opengraphs.errors import ConflictError, NotFoundError, OgError, StoreError, UsageError
from opengraphs.protocol.chat import Mode, Session

if TYPE_CHECKING:
    from opengraphs.daemon.core import Core

log = logging.getLogger("ogd.chat")
MAX_OPEN = 64
MAX_QUEUED = 16
MAX_RUNNING = 4
"""Turns of different sessions that the agent works on at once; others wait."""
MAX_NAMED = 5000
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,100}\.[a-z0-9]{4}")


class ChatDesk:
    """Loop thread only. A session is known by its id, which has its run's; it is open from the first time that
    somebody names its store with it."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._open: dict[str, OpenSession] = {}
        self._opening: dict[tuple[Path, str], asyncio.Task[OpenSession]] = {}
        self._closed = False
        self.agent = AgentProcess(
            asyncio.get_running_loop(), core.claim.path, ended=self._agent_ended, ready=self._begin_next
        )
        self._watch = asyncio.get_running_loop().create_task(turns.watch(self))

    # sessions

    async def session_for(self, store: Path, run_id: str, *, new: bool = False, title: str = "") -> str:
        """The newest session of a run, or one that is made now; it is open.

        Raises:
            StoreError: the store cannot be written.
        """
        known = [] if new else await asyncio.to_thread(_newest, store, run_id, 1)
        if known:
            return (await self.open(store, known[0])).session_id
        return self._make(store, run_id, title=title).session_id

    async def open(self, store: Path, session_id: str) -> OpenSession:
        """A session, read from its file where it is not open yet.

        Turns that an earlier daemon left unfinished are ended now, as failed.

        Raises:
            UsageError: the id is none. NotFoundError: there is no such session.
        """
        if not _ID.fullmatch(session_id):
            raise UsageError(f"{session_id!r} is no session", hint="og chat list names them")
        found = self._open.get(session_id)
        if found is not None and found.store == store:
            found.used_at = time.monotonic()
            return found
        key = (store, session_id)
        if key not in self._opening:
            self._opening[key] = asyncio.ensure_future(self._load(store, session_id))
            self._opening[key].add_done_callback(lambda _: self._opening.pop(key, None))
        return await asyncio.shield(self._opening[key])

    def append(self, session_id: str, kind: str, **fields: Any) -> int:
        """Keep one record of an open session and tell everybody who listens; its `seq`.

        Raises:
            NotFoundError: the session is not open.
            StoreError: the record cannot be written.
        """
        session = self._open.get(session_id)
        if session is None:
            raise NotFoundError(f"the session {session_id} is not open", hint="open it first")
        return self.keep(session, kind, **fields)

    def keep(self, session: OpenSession, kind: str, **fields: Any) -> int:
        """As `append`, of a session in hand."""
        seq = session.append(kind, **fields)
        payload = {"session_id": session.session_id, "session_seq": seq, "record_kind": kind}
        self._core.hub.publish("chat", str(session.store), session.run_id, payload)
        return seq

    async def listed(self, store: Path, run_id: str | None, limit: int) -> tuple[list[Session], int]:
        """The newest sessions, of one run or of all, and how many there are."""
        names = await asyncio.to_thread(_newest, store, run_id, MAX_NAMED)
        found = [await self._summary(store, name) for name in names[:limit]]
        return [one for one in found if one is not None], len(names)

    async def fork(self, store: Path, session_id: str, at: int | None) -> str:
        """A new session that begins as another did, up to the record `at`.

        Raises:
            UsageError: there is no such record.
        """
        parent = await self.open(store, session_id)
        until = parent.file.seq if at is None else at
        if not 1 <= until <= parent.file.seq:
            raise UsageError(f"at = {until} is no record", hint=f"1 to {parent.file.seq}")
        link = {"session_id": session_id, "seq": until}
        child = self._make(store, parent.run_id, title=parent.title, mode=parent.mode, parent=link)
        cursor = 1
        while cursor < until:
            lines, cursor = await asyncio.to_thread(parent.file.read, cursor, until=until)
            for line in lines.splitlines():
                _copy(child, json.loads(line))
        turns.recover(self, child)
        return child.session_id

    def mode_of(self, session_id: str) -> Mode:
        """Of an open session; `off` for others."""
        session = self._open.get(session_id)
        return session.mode if session is not None else "off"

    # messages

    async def send(self, session: OpenSession, message: Mapping[str, Any]) -> dict[str, Any]:
        """Take a message; its turn begins when those before it are over.

        Args:
            message: checked; text, attachments, origin, mode (None: as before), message_id.

        Raises:
            ConflictError: too many messages wait, or another daemon has the session.
            StoreError: it cannot be kept.
        """
        known = session.names.get(message["message_id"])
        if known is not None:
            return _sent(session, *known, queued=session.turns.get(known[0]) == "queued")
        if len(session.queue) >= MAX_QUEUED:
            raise ConflictError(
                f"{MAX_QUEUED} messages wait for an answer", hint="og chat --interrupt, or wait"
            )
        session.file.hold()
        number = max(session.turns, default=0) + 1
        text = session.clean(message["text"])
        extra = {key: message[key] for key in ("mode", "message_id") if message[key]}
        body = {"text": text, "attachments": message["attachments"], "origin": message["origin"]}
        try:
            seq = self.keep(session, "user", turn=number, **body, **extra)
            self.keep(session, "turn", turn=number, state="queued", error=None)
        except OgError:
            turns.let_go(session)
            raise
        queued = session.running is not None or bool(session.queue)
        session.queue.append(Turn(number, text, message["attachments"]))
        self._begin_next()
        return _sent(session, number, seq, queued=queued)

    def interrupt(self, session: OpenSession) -> bool:
        """End the turn that is going on, else those that wait; whether there was one."""
        if session.running is not None:
            self.agent.tell({"kind": "interrupt", **turns.name_of(session, session.running)})
            turns.end(self, session, "interrupted", None)
        elif session.queue:
            for turn in session.queue:
                self.keep(session, "turn", turn=turn.number, state="interrupted", error=None)
            session.queue.clear()
            turns.let_go(session)
        else:
            return False
        self._begin_next()
        return True

    def take(self, session: OpenSession, number: int, items: list[dict[str, Any]]) -> dict[str, Any]:
        """What the agent says of a turn; `stop` once it is over."""
        seqs, stop = turns.take(self, session, number, items)
        self._begin_next()
        return {"seqs": seqs, "stop": stop}

    # following

    async def follow(self, session: OpenSession, since: int, *, live: bool) -> AsyncGenerator[bytes, None]:
        """Records after `since`, and with `live` what comes, with the text of an answer as it grows."""
        view = turns.View(since)
        session.readers += 1
        try:
            while True:
                changed = session.changed
                lines, view.cursor = await asyncio.to_thread(session.file.read, view.cursor)
                if lines:
                    yield lines
                    continue
                if not live:
                    return
                if piece := view.news(session):
                    yield b"".join(map(encode_line, piece))
                    continue
                if self._closed:
                    raise leaving()
                await changed.wait()
        finally:
            session.readers -= 1

    # life

    @property
    def is_busy(self) -> bool:
        """Whether a turn goes on or waits: the daemon stays for it."""
        return any(session.running or session.queue for session in self._open.values())

    @property
    def sessions(self) -> list[OpenSession]:
        """Those that are open."""
        return list(self._open.values())

    async def close(self) -> None:
        """End turns and the agent; sessions say that they were cut."""
        self._closed = True
        self._watch.cancel()
        for session in self.sessions:
            turns.end_all(self, session, "agent_interrupted", "ogd ended while this was answered")
            session.wake()
        await self.agent.close()

    def _begin_next(self) -> None:
        """Begin what can begin now."""
        if self._closed or not self.is_busy:
            return
        running = sum(session.running is not None for session in self._open.values())
        for session in self.sessions:
            if running >= MAX_RUNNING:
                return
            if session.queue and session.running is None and self.agent.wake():
                running += turns.begin(self, session)

    def _agent_ended(self, code: str, why: str) -> None:
        """The agent's process is gone, or never came; turns that it had are over."""
        for session in self.sessions:
            if session.running is not None or code == "agent_not_started":
                turns.end_all(self, session, code, why, only_running=code != "agent_not_started")
        self._begin_next()

    async def _load(self, store: Path, session_id: str) -> OpenSession:
        session = OpenSession(store, session_id)
        await asyncio.to_thread(session.load)
        if not session.facts:
            raise StoreError("the session's file has no beginning", path=str(session.file.path))
        turns.recover(self, session)
        self._admit(session)
        return session

    def _make(self, store: Path, run_id: str, **facts: Any) -> OpenSession:
        while True:
            letters = "".join(secrets.choice(_LETTERS) for _ in range(4))
            session = OpenSession(store, f"{run_id}.{letters}")
            if not session.file.path.exists():
                break
        head = {
            "session_id": session.session_id,
            "run_id": run_id,
            "mode": "off",
            "title": "",
            "parent": None,
        }
        self.keep(session, "session", **{**head, **facts})
        self._admit(session)
        return session

    def _admit(self, session: OpenSession) -> None:
        if len(self._open) >= MAX_OPEN:
            idle = [one for one in self._open.values() if not one.is_wanted]
            for one in sorted(idle, key=lambda one: one.used_at)[: len(self._open) - MAX_OPEN + 1]:
                del self._open[one.session_id]
        self._open[session.session_id] = session

    async def _summary(self, store: Path, session_id: str) -> Session | None:
        session = self._open.get(session_id)
        if session is None or session.store != store:
            session = OpenSession(store, session_id)
            try:
                await asyncio.to_thread(session.load)
            except OgError:
                return None
        return session.summary() if session.facts else None


def _sent(session: OpenSession, turn: int, seq: int, *, queued: bool) -> dict[str, Any]:
    ids = {"session_id": session.session_id, "run_id": session.run_id}
    return {**ids, "turn": turn, "seq": seq, "queued": queued}


def _copy(child: OpenSession, record: dict[str, Any]) -> None:
    kind = record.pop("kind")
    for name in ("seq", "message_id"):
        record.pop(name, None)
    if kind not in ("session", "approval", "decision"):  # an approval belongs to the session that asked
        child.append(kind, **record)


def _newest(store: Path, run_id: str | None, limit: int) -> list[str]:
    """Sessions, the one that was written last first."""
    runs = [run_id] if run_id is not None else _names(store / "runs")
    found: list[tuple[float, str]] = []
    for run in runs:
        for name in _names(store / "runs" / run / FOLDER):
            session_id = f"{run}.{name.removeprefix('session-').removesuffix('.jsonl')}"
            if _ID.fullmatch(session_id) and path_of(store, session_id).name == name:
                found += _dated(store, session_id)
    return [session_id for _, session_id in sorted(found, reverse=True)[:limit]]


def _dated(store: Path, session_id: str) -> list[tuple[float, str]]:
    try:
        return [(path_of(store, session_id).lstat().st_mtime, session_id)]
    except OSError:
        return []


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  # names alone, of thousands
    except OSError:
        return []
