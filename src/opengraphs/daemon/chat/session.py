"""One session while the daemon holds it: what its records add up to, and what of an answer is there so far."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opengraphs.daemon.chat.sessionfile import SessionFile
from opengraphs.protocol.chat import Mode, Session
from opengraphs.redaction import Redactor, secret_values

FOLDER = "agent"
MAX_PARTIAL = 200_000
"""Characters of an answer that is still on its way; more of it is shown once it is whole."""
TITLE_CHARS = 80
OVER = ("done", "failed", "interrupted")


class Turn:
    """One message and what comes of it. heard_at: of the agent, by the loop's clock."""

    def __init__(self, number: int, text: str, attachments: list[dict[str, Any]]) -> None:
        self.number = number
        self.text = text
        self.attachments = attachments
        self.started_at = 0.0
        self.heard_at = 0.0


class OpenSession:
    """Loop thread only, but for `load`. `changed` wakes whoever follows; `readers` counts them.

    turns: by number, their last state. waiting: approvals that nobody has decided on. partial: of the answer
    (or part of one) that is being written, by item; at most one.
    """

    def __init__(self, store: Path, session_id: str) -> None:
        self.store = store
        self.session_id = session_id
        self.run_id, _, self.letters = session_id.rpartition(".")
        self.file = SessionFile(path_of(store, session_id))
        self.facts: dict[str, Any] = {}
        self.turns: dict[int, str] = {}
        self.names: dict[str, tuple[int, int]] = {}
        self.queue: list[Turn] = []
        self.running: Turn | None = None
        self.waiting: set[str] = set()
        self.partial: tuple[int, str, str] | None = None
        self.thinking = 0
        self.readers = 0
        self.changed = asyncio.Event()
        self.used_at = time.monotonic()
        self.mode: Mode = "off"
        self.title = ""
        self.tokens = 0
        self.cost_usd: float | None = 0.0
        self.updated_at = 0.0
        self._redactor = Redactor(secret_values(os.environ))

    def load(self) -> None:
        """Read the file; raises as `SessionFile.load`."""
        for record in self.file.load():
            self._note(record)

    def append(self, kind: str, **fields: Any) -> int:
        """Keep one record; raises as `SessionFile.append`."""
        record = {"time": time.time(), "kind": kind, **self._redactor.value(fields)}
        seq = self.file.append(record)
        self._note({"seq": seq, **record})
        self.wake()
        return seq

    def clean(self, text: str) -> str:
        """`text` without secrets."""
        return self._redactor.text(text)

    def wake(self) -> None:
        """Let everybody who follows look again."""
        self.changed.set()
        self.changed = asyncio.Event()

    def add_text(self, turn: int, item: str, text: str) -> None:
        """More of an answer."""
        before = self.partial[2] if self.partial and self.partial[:2] == (turn, item) else ""
        self.partial = (turn, item, (before + text)[:MAX_PARTIAL])
        self.wake()

    def think(self, turn: int) -> None:
        """The model thinks."""
        self.thinking = turn
        self.wake()

    @property
    def is_wanted(self) -> bool:
        """Whether the session may not be forgotten now."""
        return bool(self.readers or self.queue or self.running or self.waiting)

    def summary(self) -> Session:
        """As `GET /chat/sessions` tells it."""
        busy = self.running is not None or bool(self.queue)
        return {
            "session_id": self.session_id,
            "run_id": self.run_id,
            "title": self.title or str(self.facts.get("title", "")),
            "state": "waiting" if self.waiting else "thinking" if busy else "idle",
            "mode": self.mode,
            "turns": len(self.turns),
            "seq": self.file.seq,
            "created_at": float(self.facts.get("time", 0.0)),
            "updated_at": self.updated_at,
            "tokens": self.tokens,
            "cost_usd": self.cost_usd,
            "parent": self.facts.get("parent"),
        }

    def _note(self, record: Mapping[str, Any]) -> None:
        """Add one record up; a file of another version, or of anybody, may hold any value."""
        kind = record.get("kind")
        moment = record.get("time")
        if isinstance(moment, (int, float)):
            self.updated_at = float(moment)
        turn = record.get("turn")
        if kind == "session":
            self.facts = dict(record)
            self._note_mode(record)
        elif kind == "user" and isinstance(turn, int):
            self._note_message(record, turn)
        elif kind == "turn" and isinstance(turn, int):
            self.turns[turn] = str(record.get("state", ""))
        elif kind == "assistant":
            self.partial = None
        elif kind == "usage":
            self._note_usage(record)
        elif kind == "approval":
            self.waiting.add(str(record.get("approval_id", "")))
        elif kind == "decision":
            self.waiting.discard(str(record.get("approval_id", "")))

    def _note_message(self, record: Mapping[str, Any], turn: int) -> None:
        self.turns.setdefault(turn, "queued")
        self._note_mode(record)
        name = record.get("message_id")
        if isinstance(name, str) and name:
            self.names[name] = (turn, int(record.get("seq", 0)))
        text = str(record.get("text", ""))
        self.title = self.title or " ".join(text.split())[:TITLE_CHARS]

    def _note_mode(self, record: Mapping[str, Any]) -> None:
        mode = record.get("mode")
        if mode in ("off", "explain", "propose", "guarded", "full"):
            self.mode = mode

    def _note_usage(self, record: Mapping[str, Any]) -> None:
        for name in ("input_tokens", "output_tokens"):
            value = record.get(name)
            self.tokens += value if type(value) is int and value > 0 else 0
        cost = record.get("cost_usd")
        known = isinstance(cost, (int, float)) and self.cost_usd is not None
        self.cost_usd = self.cost_usd + cost if known else None  # type: ignore[operator]


def path_of(store: Path, session_id: str) -> Path:
    """Where a session lies; a name that leads elsewhere is one that no session has."""
    run_id, _, letters = session_id.rpartition(".")
    return store / "runs" / run_id / FOLDER / f"session-{letters}.jsonl"
