"""Models behind one small interface: text and tool calls come as a stream that says how it ended.

    provider = make_provider(load_settings())
    async for delta in provider.stream(messages, tools, max_tokens=4096):
        …

The SDKs of OpenAI and Anthropic do the talking; each is imported by its adapter when the first request is
made, in the agent's process only. A stream that ends early is a `ProviderError` of kind `cut`, never an answer.
"""

from __future__ import annotations

from opengraphs.agent.providers.deltas import Delta, Done, TextDelta, ToolCall, Usage, Waiting
from opengraphs.agent.providers.failure import Kind, ProviderError
from opengraphs.agent.providers.make import Provider, make_provider
from opengraphs.agent.providers.messages import Message, ToolSpec
from opengraphs.agent.providers.settings import AgentSettings, load_settings

__all__ = [
    "AgentSettings",
    "Delta",
    "Done",
    "Kind",
    "Message",
    "Provider",
    "ProviderError",
    "TextDelta",
    "ToolCall",
    "ToolSpec",
    "Usage",
    "Waiting",
    "load_settings",
    "make_provider",
]
