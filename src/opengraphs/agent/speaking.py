"""What the agent says of a turn, on its way to `ogd`: pieces of text gathered for a moment, and signs of life."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Protocol

GATHER_S = 0.1
ALIVE_S = 10.0


class StoppedError(Exception):
    """The turn is over for `ogd`: interrupted, or given up."""


class Posts(Protocol):
    """As much of a client as is needed to speak."""

    async def post(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]: ...


class Speaker:
    """Says things of one turn, in order. Every method but `text` raises StoppedError once the turn is over."""

    def __init__(self, client: Posts, token: str, session_id: str, turn: int) -> None:
        self._client = client
        self._body = {"token": token, "session_id": session_id, "turn": turn}
        self._pending: list[dict[str, Any]] = []
        self._lock = asyncio.Lock()
        self.stopped = asyncio.Event()

    def text(self, item: str, text: str) -> None:
        """More of an answer; told within a moment."""
        last = self._pending[-1] if self._pending else None
        if last is not None and last["item"] == item:
            last["text"] += text
        else:
            self._pending.append({"kind": "delta", "item": item, "text": text})

    async def say(self, *items: dict[str, Any]) -> None:
        """Tell items now, after the text that was gathered."""
        async with self._lock:
            told, self._pending = [*self._pending, *items], []
            reply = await self._client.post("/agent/items", {**self._body, "items": told})
        if reply["stop"] and not any(item.get("kind") == "turn" for item in items):
            self.stopped.set()
            raise StoppedError

    @contextlib.asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Tell gathered text, and that the agent lives, for as long as this lasts."""
        task = asyncio.create_task(self._live())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _live(self) -> None:
        quiet_s = ALIVE_S
        while True:
            if self._pending or quiet_s >= ALIVE_S:
                await self.say(*([] if self._pending else [{"kind": "thinking"}]))
                quiet_s = 0.0
            await asyncio.sleep(GATHER_S)
            quiet_s += GATHER_S
