"""The agent's process: `python -m opengraphs.agent`, started by `ogd`, ended with it."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opengraphs.agent import context
from opengraphs.agent.loop import Turn
from opengraphs.agent.providers import AgentSettings, Message, Provider, load_settings, make_provider
from opengraphs.agent.speaking import Speaker, StoppedError
from opengraphs.client.aio import AsyncClient
from opengraphs.errors import OgError, UnreachableError

log = logging.getLogger("agent")
TOKEN, SOCKET = "OG_AGENT_TOKEN", "OGD_SOCKET"


class Agent:
    """Takes work until `ogd` ends it or goes away."""

    def __init__(self, token: str, socket: Path) -> None:
        self._token, self._socket = token, socket
        self._going: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._asides: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve; raises UnreachableError when `ogd` is gone."""
        async for line in self._client("/").stream("/agent/work", token=self._token):
            kind = line.get("kind")
            if kind == "turn":
                key = (line["session_id"], line["turn"])
                self._going[key] = task = asyncio.create_task(self._turn(line))
                task.add_done_callback(lambda _, key=key: self._going.pop(key, None))  # type: ignore[misc]
            elif kind == "interrupt":
                found = self._going.get((line["session_id"], line["turn"]))
                if found is not None:
                    found.cancel()
            elif kind == "preview":
                aside = asyncio.create_task(self._preview(line))
                self._asides.add(aside)
                aside.add_done_callback(self._asides.discard)
            elif kind == "end":
                return

    def _client(self, store: str) -> AsyncClient:
        return AsyncClient(store=Path(store), socket_path=self._socket, autostart=False, timeout_s=30.0)

    async def _turn(self, line: Mapping[str, Any]) -> None:
        """One turn, to an end that is told; the border of this process: no turn ends another."""
        async with self._client(line["store"]) as client:
            speaker = Speaker(client, self._token, line["session_id"], line["turn"])
            try:
                async with speaker.living():
                    await self._answer(client, speaker, line)
                await speaker.say({"kind": "turn", "state": "done"})
            except (StoppedError, asyncio.CancelledError):
                return
            except UnreachableError:
                raise
            except OgError as error:
                told = {
                    "code": getattr(error, "kind", error.code),
                    "message": error.message,
                    "hint": error.hint,
                    "retry_after_s": getattr(error, "retry_after_s", None),
                }
                await speaker.say({"kind": "turn", "state": "failed", "error": told})
            except Exception as error:  # a defect of ours ends this turn alone
                log.exception("a turn failed")
                told = {"code": "internal", "message": f"{type(error).__name__}: {error}", "hint": ""}
                await speaker.say({"kind": "turn", "state": "failed", "error": told})

    async def _answer(self, client: AsyncClient, speaker: Speaker, line: Mapping[str, Any]) -> None:
        run_id, session_id = line["run_id"], line["session_id"]
        guarded = context.Guarded()
        history = await self._history(client, session_id, line["turn"])
        built = await context.build(
            client,
            run_id,
            line["text"],
            attachments=line["attachments"],
            history=history,
            guarded=guarded,
        )
        settings = _settings(built.run)
        provider = await asyncio.to_thread(make_provider, settings)
        await self._say_hello(client, provider)
        try:
            turn = Turn(
                client,
                provider,
                speaker,
                guarded,
                run_id=run_id,
                session_id=session_id,
                mode=line["mode"],
                max_tokens=settings.max_tokens,
            )
            await turn.run(built)
        finally:
            await provider.close()

    async def _history(self, client: AsyncClient, session_id: str, turn: int) -> list[Message]:
        """What was said in turns before this one."""
        said: list[Message] = []
        async for record in client.stream("/chat/stream", session_id=session_id, since=0):
            kind, number = record.get("kind"), record.get("turn")
            if kind in ("user", "assistant") and isinstance(number, int) and number < turn:
                role: Any = kind
                said.append({"role": role, "text": str(record.get("text", ""))})
        return said

    async def _say_hello(self, client: AsyncClient, provider: Provider) -> None:
        hello = {"kind": "hello", "provider": provider.name, "model": provider.model}
        await client.post("/agent/items", {"token": self._token, "items": [hello]})

    async def _preview(self, line: Mapping[str, Any]) -> None:
        """Say what a message would send."""
        item: dict[str, Any] = {"kind": "preview", "name": line["name"]}
        async with self._client(line["store"]) as client:
            try:
                built = await context.build(client, line["run_id"], line["text"])
                item["messages"] = [
                    {"role": message["role"], "text": message.get("text", "")} for message in built.messages
                ]
                item["tokens_estimate"] = built.tokens_estimate
                item["hidden"] = [hidden._asdict() for hidden in built.hidden]
            except OgError as error:
                item["error"] = error.message
            await client.post("/agent/items", {"token": self._token, "items": [item]})


def _settings(run: Mapping[str, Any]) -> AgentSettings:
    """What the user and the run's project say."""
    cwd = Path(str(run.get("cwd") or "/"))
    return load_settings(cwd=cwd if cwd.is_dir() else Path("/"))


def main() -> int:
    """Serve until there is nothing to serve."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    token, socket = os.environ.pop(TOKEN, ""), os.environ.get(SOCKET, "")
    if not token or not socket:
        print("the agent is started by ogd: og chat", file=sys.stderr)  # noqa: T201
        return 2
    try:
        asyncio.run(Agent(token, Path(socket)).run())
    except OgError as error:
        log.warning("ogd is gone: %s", error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
