"""What every screen knows of the agent: who waits for a decision, what the next message is about, and how to say it.

Small on purpose: it is there from the first picture on. The conversation itself is `screens.chat`'s.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from opengraphs.protocol.chat import Attachment
from opengraphs.tui.questions import Source

if TYPE_CHECKING:
    from opengraphs.protocol.events import Event

WAITING_SLOT, SEND_SLOT, STOP_SLOT = "agent.waiting", "chat.send", "agent.stop"
MOST_SESSIONS = 100
MOST_ATTACHED = 8


class WaitingQuestion(NamedTuple):
    """The newest conversations of every run, to see which of them wait for a decision."""

    slot: str = WAITING_SLOT

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get("/chat/sessions", limit=MOST_SESSIONS)


class SendRequest(NamedTuple):
    """A message to the agent. session: of the conversation, "" for the newest of `run`; new: begin another one."""

    run: str
    session: str
    text: str
    attachments: tuple[Attachment, ...]
    message_id: str
    new: bool = False
    slot: str = SEND_SLOT

    async def ask(self, source: Source) -> dict[str, Any]:
        where = {"session_id": self.session} if self.session else {"run": self.run, "new": self.new}
        body = {"text": self.text, "origin": "tui", "message_id": self.message_id, **where}
        if self.attachments:
            body["attachments"] = [dict(one) for one in self.attachments]
        return await source.post("/chat/send", body)


class StopAllRequest(NamedTuple):
    """The kill switch. run: "" for everywhere."""

    run: str
    slot: str = STOP_SLOT

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.post(
            "/auto/stop", {"run": self.run or None, "on": True, "note": "a key in the screen"}
        )


class AgentWatch:
    """waiting: conversations (session ids) in which a decision is waited for.

    attached: what the next message is about. chosen: the conversation the user picked, by run; "" for a new one.
    """

    def __init__(self) -> None:
        self.waiting: set[str] = set()
        self.attached: list[Attachment] = []
        self.chosen: dict[str, str] = {}

    def take(self, reply: Mapping[str, Any]) -> None:
        """An answer to WaitingQuestion."""
        sessions = reply.get("sessions") or ()
        self.waiting = {one["session_id"] for one in sessions if one.get("state") == "waiting"}

    def hear(self, event: Event) -> bool:
        """An event of kind `chat`; True when somebody is asked for a decision now who was not before."""
        session = str(event.get("session_id") or "")
        kind = event.get("record_kind")
        if kind == "decision":
            self.waiting.discard(session)
        elif kind == "approval" and session and session not in self.waiting:
            self.waiting.add(session)
            return True
        return False

    def attach(self, attachment: Attachment) -> bool:
        """Take it along with the next message; False when it is there, or there are too many."""
        if attachment in self.attached or len(self.attached) >= MOST_ATTACHED:
            return False
        self.attached.append(attachment)
        return True

    def message(self, run: str, text: str) -> SendRequest:
        """The message with all that is attached, which is taken along once."""
        attached, self.attached = tuple(self.attached), []
        session = self.chosen.get(run)
        return SendRequest(run, session or "", text, attached, uuid.uuid4().hex, new=session == "")
