"""Chat Completions, as OpenAI, vLLM, Ollama, OpenRouter and many others speak it, by OpenAI's SDK."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from opengraphs.agent.providers.counting import cost_usd, estimated
from opengraphs.agent.providers.deltas import Usage
from opengraphs.agent.providers.failure import ProviderError
from opengraphs.agent.providers.messages import Message, ToolSpec
from opengraphs.agent.providers.settings import AgentSettings
from opengraphs.agent.providers.streaming import Heard, Streaming

_NO_KEY = "none"
"""What is sent where no key is needed: the SDK wants some."""


class ChatCompletions(Streaming["_Heard"]):
    """One model behind a Chat Completions address."""

    def __init__(self, settings: AgentSettings, key: str) -> None:
        try:
            import openai
        except ImportError as error:
            raise ProviderError("not_installed", "the openai library is not installed") from error
        super().__init__(settings)
        self._errors = openai.OpenAIError
        self._client = openai.AsyncOpenAI(
            api_key=key or _NO_KEY,
            base_url=settings.base_url or None,
            timeout=settings.timeout_s,
            max_retries=0,
        )

    def _hearer(self) -> _Heard:
        return _Heard()

    async def _open(self, messages: Sequence[Message], tools: Sequence[ToolSpec], max_tokens: int) -> Any:
        return await self._client.chat.completions.create(**self._request(messages, tools, max_tokens))

    def _request(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], max_tokens: int
    ) -> dict[str, Any]:
        # `max_completion_tokens` is what OpenAI's newer models insist on, and what other servers do not know.
        limit = (
            "max_completion_tokens" if self.name == "openai" and not self._settings.base_url else "max_tokens"
        )
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [_wire(message) for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            limit: max_tokens,
        }
        if tools:
            request["tools"] = [
                {
                    "type": "function",
                    "function": {"name": t.name, "description": t.description, "parameters": t.schema},
                }
                for t in tools
            ]
        return request

    def _usage(self, heard: _Heard, messages: Sequence[Message]) -> Usage:
        told = heard.usage
        if told is None:
            return estimated(self._settings, messages, heard.text)
        details = getattr(told, "prompt_tokens_details", None)
        cached = int(getattr(details, "cached_tokens", None) or 0)
        asked, written = int(told.prompt_tokens or 0), int(told.completion_tokens or 0)
        said = getattr(told, "cost", None)  # OpenRouter's
        cost = (
            float(said)
            if isinstance(said, (int, float))
            else cost_usd(self._settings, asked, cached, written)
        )
        return Usage(asked, cached, written, cost, False)


def _wire(message: Message) -> dict[str, Any]:
    role, text = message["role"], message.get("text", "")
    if role == "tool":
        return {"role": "tool", "tool_call_id": message["tool_call_id"], "content": text}
    wire: dict[str, Any] = {"role": role, "content": text}
    if message.get("tool_calls"):
        wire["content"] = text or None
        wire["tool_calls"] = [
            {
                "id": call["call_id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])},
            }
            for call in message["tool_calls"]
        ]
    return wire


class _Heard(Heard):
    """What came so far. Calls come in pieces by index; some servers send one whole, or leave out its id later."""

    def __init__(self) -> None:
        super().__init__()
        self.usage: Any = None
        self._finish: str | None = None

    def _take(self, event: Any) -> str:
        if event.usage is not None:
            self.usage = event.usage
        text = ""
        for choice in (event.choices or [])[:1]:
            delta = choice.delta
            text += (getattr(delta, "content", None) or "") if delta is not None else ""
            for part in (getattr(delta, "tool_calls", None) or []) if delta is not None else []:
                self._take_part(part)
            self._finish = choice.finish_reason or self._finish
        return text

    def _take_part(self, part: Any) -> None:
        known = self._parts.setdefault(
            part.index if part.index is not None else len(self._parts),
            {"id": "", "name": "", "arguments": ""},
        )
        known["id"] = known["id"] or (part.id or "")
        if part.function is not None:
            known["name"] = known["name"] or (part.function.name or "")
            self._add_arguments(known, part.function.arguments or "")

    def _check_end(self) -> None:
        if self._finish is None:
            raise ProviderError("cut", "the answer ended in the middle")
        if self._finish == "length":
            raise ProviderError("cut", "the answer is longer than it may be", hint="raise agent.max_tokens")
        if self._finish == "content_filter":
            raise ProviderError("refused", "the provider's filter stopped the answer", hint="ask differently")
