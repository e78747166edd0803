"""Talk to a scripted model on loopback through og's own providers."""

from __future__ import annotations

import asyncio
from typing import Any

from opengraphs.agent.providers import (
    AgentSettings,
    Delta,
    Message,
    TextDelta,
    ToolSpec,
    load_settings,
    make_provider,
)
from opengraphs.demo.model_server import ModelServer

PROVIDERS = ("openai", "anthropic")
TOOL = ToolSpec(
    "log_tail",
    "The end of the log.",
    {"type": "object", "properties": {"lines": {"type": "integer"}}, "required": ["lines"]},
)
HELLO: list[Message] = [{"role": "system", "text": "You help."}, {"role": "user", "text": "Hello?"}]


def settings_for(server: ModelServer, provider: str, **more: Any) -> AgentSettings:
    """As a user would have them who runs a model of their own at the server's address."""
    env = {
        "OG_AGENT_PROVIDER": provider,
        "OG_AGENT_MODEL": "scripted",
        "OG_AGENT_BASE_URL": server.origin if provider == "anthropic" else server.url,
        "XDG_CONFIG_HOME": "/nonexistent",
    }
    return load_settings(env)._replace(**more)


def ask(
    server: ModelServer,
    provider: str,
    messages: list[Message] = HELLO,
    *,
    tools: tuple[ToolSpec, ...] = (TOOL,),
    **more: Any,
) -> list[Delta]:
    """Everything that one request brings; raises as the provider does."""

    async def collect() -> list[Delta]:
        settings = settings_for(server, provider, **more)
        made = make_provider(settings, {"OPENAI_API_KEY": "k-test", "ANTHROPIC_API_KEY": "k-test"})
        try:
            return [delta async for delta in made.stream(messages, tools, max_tokens=500)]
        finally:
            await made.close()

    return asyncio.run(collect())


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
