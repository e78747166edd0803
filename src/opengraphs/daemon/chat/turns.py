"""From a message to the end of its turn: what the agent may say, and what is said for it when it cannot."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING, Any

from opengraphs.daemon.chat.session import OVER, OpenSession, Turn
from opengraphs.errors import OgError, StoreError, UsageError

if TYPE_CHECKING:
    from opengraphs.daemon.chat.desk import ChatDesk

log = logging.getLogger("ogd.chat")
TURN_S = 900.0
"""A turn that takes longer is ended. OG_AGENT_TURN_S is another."""
SILENT_S = 60.0
"""The agent says that it is alive several times in this; one that does not hangs. OG_AGENT_SILENT_S is another."""
IDLE_S = 300.0
"""Without a turn for so long, the agent's process ends. OG_AGENT_IDLE_S is another."""
LOOK_S = 1.0
MAX_ITEMS = 500
MAX_TEXT = 200_000
MAX_RESULT = 10_000
_KEPT = {
    "assistant": ("item", "text", "model", "cut"),
    "tool": ("call_id", "name", "arguments", "ok", "summary", "result"),
    "usage": ("provider", "model", "input_tokens", "cached_tokens", "output_tokens", "cost_usd"),
    "plan": ("plan",),
    "verdict": ("plan_id", "verdict"),
    "notice": ("level", "text", "code", "retry_after_s"),
}
"""What the agent may have kept, and of it what; approvals, decisions and actions are not for it to say."""


class View:
    """How far one reader is. cursor: the last record it has; `_shown`: how much of which answer."""

    def __init__(self, since: int) -> None:
        self.cursor = since
        self._shown = (0, "", 0)
        self._thinking = 0

    def news(self, session: OpenSession) -> list[dict[str, Any]]:
        """What is only streamed and not told to this reader yet."""
        told: list[dict[str, Any]] = []
        if session.thinking != self._thinking:
            self._thinking = session.thinking
            told += [{"kind": "thinking", "turn": session.thinking}] if session.thinking else []
        if session.partial is not None:
            turn, item, text = session.partial
            begun = self._shown[2] if self._shown[:2] == (turn, item) else 0
            if len(text) > begun:
                told.append({"kind": "delta", "turn": turn, "item": item, "text": text[begun:]})
                self._shown = (turn, item, len(text))
        return told


def name_of(session: OpenSession, turn: Turn) -> dict[str, Any]:
    """By what the agent knows a turn."""
    return {"store": str(session.store), "session_id": session.session_id, "turn": turn.number}


def begin(desk: ChatDesk, session: OpenSession) -> bool:
    """Give the next message of a session to the agent; whether that could be."""
    turn = session.queue.pop(0)
    now = asyncio.get_running_loop().time()
    turn.started_at = turn.heard_at = now
    session.running = turn
    if not _say(desk, session, "turn", turn=turn.number, state="started", error=None):
        session.running = None
        return False
    what = {"text": turn.text, "attachments": turn.attachments, "mode": session.mode}
    desk.agent.tell({"kind": "turn", **name_of(session, turn), "run_id": session.run_id, **what})
    return True


def take(
    desk: ChatDesk, session: OpenSession, number: int, items: list[dict[str, Any]]
) -> tuple[list[int | None], bool]:
    """Items of the running turn, in order; those of another turn are not heard, and it is told to stop.

    Raises:
        UsageError: an item is none that the agent may say.
        StoreError: one cannot be kept; the turn is over then.
    """
    if len(items) > MAX_ITEMS:
        raise UsageError(f"more than {MAX_ITEMS} items")
    seqs: list[int | None] = []
    for item in items:
        if session.running is None or session.running.number != number:
            return [*seqs, *[None] * (len(items) - len(seqs))], True
        session.running.heard_at = asyncio.get_running_loop().time()
        seqs.append(_take(desk, session, number, item))
    return seqs, session.running is None or session.running.number != number


def _take(desk: ChatDesk, session: OpenSession, number: int, item: dict[str, Any]) -> int | None:
    kind = item.get("kind")
    if kind == "delta":
        session.add_text(number, _text(item.get("item"), 64), _text(item.get("text"), MAX_TEXT))
    elif kind == "thinking":
        session.think(number)
    elif kind == "turn" and item.get("state") in OVER:
        end(desk, session, str(item["state"]), _error(item.get("error")))
    elif isinstance(kind, str) and kind in _KEPT:
        fields = {name: _bounded(name, item[name]) for name in _KEPT[kind] if name in item}
        try:
            return desk.keep(session, kind, turn=number, **fields)
        except StoreError as error:
            end(desk, session, "failed", error.to_wire()["error"])
            raise
    else:
        raise UsageError(f"{kind!r} is not for the agent to say")
    return None


def end(desk: ChatDesk, session: OpenSession, state: str, error: dict[str, Any] | None) -> None:
    """The running turn is over; what of its answer is there is kept, marked as cut."""
    turn = session.running
    if turn is None:
        return
    if session.partial is not None and session.partial[0] == turn.number and session.partial[2]:
        _, item, text = session.partial
        _say(desk, session, "assistant", turn=turn.number, item=item, text=text, model="", cut=True)
    session.running, session.partial, session.thinking = None, None, 0
    _say(desk, session, "turn", turn=turn.number, state=state, error=error)
    let_go(session)


def end_all(desk: ChatDesk, session: OpenSession, code: str, why: str, *, only_running: bool = False) -> None:
    """The running turn, and those that wait, fail."""
    error = {"code": code, "message": why, "hint": "send the message again"}
    end(desk, session, "failed", error)
    if only_running:
        return
    for turn in session.queue:
        _say(desk, session, "turn", turn=turn.number, state="failed", error=error)
    session.queue.clear()
    let_go(session)


def recover(desk: ChatDesk, session: OpenSession) -> None:
    """End what an earlier daemon left; nothing where the file is another daemon's, or cannot be written."""
    left = [number for number, state in session.turns.items() if state not in OVER]
    error = {"code": "agent_interrupted", "message": "ogd ended while this was answered"}
    for number in left:
        full = {**error, "hint": "send the message again"}
        if not _say(desk, session, "turn", turn=number, state="failed", error=full):
            return


def let_go(session: OpenSession) -> None:
    """Other daemons may write, once nothing of ours goes on."""
    if session.running is None and not session.queue:
        session.file.release()


async def watch(desk: ChatDesk) -> None:
    """End turns that take too long, and an agent that hangs."""
    turn_s = _seconds("OG_AGENT_TURN_S", TURN_S)
    silent_s, idle_s = _seconds("OG_AGENT_SILENT_S", SILENT_S), _seconds("OG_AGENT_IDLE_S", IDLE_S)
    loop = asyncio.get_running_loop()
    busy_at = loop.time()
    while True:
        await asyncio.sleep(min(LOOK_S, silent_s / 4))
        busy_at = loop.time() if desk.is_busy else busy_at
        if loop.time() - busy_at > idle_s:
            desk.agent.retire()
        for session in desk.sessions:
            turn = session.running
            if turn is None:
                continue
            if loop.time() - turn.started_at > turn_s:
                desk.agent.tell({"kind": "interrupt", **name_of(session, turn)})
                hint = "ask for less at once, or set OG_AGENT_TURN_S"
                text = f"the turn took longer than {turn_s:g} s"
                end(desk, session, "failed", {"code": "agent_too_long", "message": text, "hint": hint})
            elif loop.time() - turn.heard_at > silent_s:
                desk.agent.kill("agent_hanging", f"the agent said nothing for {silent_s:g} s")


def _say(desk: ChatDesk, session: OpenSession, kind: str, **fields: Any) -> bool:
    """Keep what the daemon says by itself; whether it could."""
    try:
        desk.keep(session, kind, **fields)
    except OgError as error:
        log.warning("%s: %s is not kept: %s", session.session_id, kind, error)
        session.wake()
        return False
    return True


def _seconds(name: str, default: float) -> float:
    try:
        return max(0.1, float(os.environ.get(name, default)))
    except ValueError:
        return default


def _text(value: object, most: int) -> str:
    return str(value or "")[:most]


def _bounded(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value[: MAX_RESULT if name == "result" else MAX_TEXT]
    return value


def _error(value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    told: dict[str, Any] = {name: _text(value.get(name), 2000) for name in ("code", "message", "hint")}
    wait = value.get("retry_after_s")
    return {**told, "retry_after_s": wait} if isinstance(wait, (int, float)) else told
