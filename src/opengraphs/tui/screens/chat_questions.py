"""What Chat asks the daemon, and the one stream it listens to."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple

from opengraphs.errors import UnreachableError
from opengraphs.tui.questions import Source

MOST_SESSIONS = 50
FIRST_RETRY_S, LAST_RETRY_S = 0.25, 5.0
COMMAND_S, COMMAND_BYTES = 30.0, 64 << 10
_OG = "from opengraphs.cli.main import main; main()"


class SessionsQuestion(NamedTuple):
    """The conversations of a run, newest first."""

    run: str
    slot: str = "chat.sessions"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get("/chat/sessions", run=self.run, limit=MOST_SESSIONS)


class AgentQuestion(NamedTuple):
    """How the agent is: off, ready, broken."""

    slot: str = "chat.agent"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get("/agent")


class SwitchQuestion(NamedTuple):
    """Whether the kill switch is on; of actions the newest alone."""

    run: str
    slot: str = "chat.switch"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.get("/auto", run=self.run, limit=1)


class ChatRequest(NamedTuple):
    """Something to be done. what: for the answer, `interrupt`, `fork`, `decide` or `mode`; fields: its body."""

    what: str
    path: str
    fields: tuple[tuple[str, Any], ...]
    slot: str = "chat.do"

    async def ask(self, source: Source) -> dict[str, Any]:
        return await source.post(self.path, dict(self.fields))


class CommandQuestion(NamedTuple):
    """An og command that only reads, without a shell; its output is the answer."""

    words: tuple[str, ...]
    slot: str = "chat.command"

    async def ask(self, source: Source) -> dict[str, Any]:
        store = getattr(source, "store", None)
        env = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
        if store is not None:
            env["OG_STORE"] = str(store)
        text, code = await _output([sys.executable, "-c", _OG, *self.words], env)
        return {"text": text, "exit_code": code}


async def _output(command: list[str], env: dict[str, str]) -> tuple[str, int]:
    """What a program prints, the beginning of it, and its exit code; ended when it takes too long."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=env,
    )
    try:
        text = await asyncio.wait_for(_read(process), COMMAND_S)
    except asyncio.TimeoutError:
        return f"ended: it took more than {COMMAND_S:.0f} s", 124
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return text, process.returncode or 0


async def _read(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    kept = bytearray()
    while piece := await process.stdout.read(8192):
        kept += piece[: max(0, COMMAND_BYTES - len(kept))]
    await process.wait()
    return kept.decode(errors="replace")


class ChatStream(NamedTuple):
    """The records of a session after `since`, and what is streamed; a dropped line goes on where it broke.

    `{"kind": "lost"}` tells of the drop.
    """

    session_id: str
    since: int = 0
    slot: str = "chat.stream"

    async def lines(self, source: Source) -> AsyncIterator[dict[str, Any]]:
        since, wait_s = self.since, FIRST_RETRY_S
        while True:
            try:
                stream = source.stream("/chat/stream", session_id=self.session_id, since=since, follow=1)
                async with aclosing(stream) as lines:
                    async for line in lines:
                        seq = line.get("seq")
                        since, wait_s = (seq if isinstance(seq, int) else since), FIRST_RETRY_S
                        yield line
            except UnreachableError:
                pass
            yield {"kind": "lost"}
            await asyncio.sleep(wait_s)
            wait_s = min(LAST_RETRY_S, 2 * wait_s)
