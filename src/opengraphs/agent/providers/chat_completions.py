"""Chat Completions, as OpenAI, vLLM, Ollama, OpenRouter and many others speak it, by OpenAI's SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from opengraphs.agent.providers import refusals
from opengraphs.agent.providers.counting import cost_usd, estimated
from opengraphs.agent.providers.deltas import Delta, Done, TextDelta, ToolCall, Usage
from opengraphs.agent.providers.failure import ProviderError
from opengraphs.agent.providers.messages import Message, ToolSpec
from opengraphs.agent.providers.settings import AgentSettings

MAX_ANSWER = 1_000_000
"""Characters; a model that writes more has run wild."""
_NO_KEY = "none"
"""What is sent where no key is needed: the SDK wants some."""


class ChatCompletions:
    """One model behind a Chat Completions address."""

    def __init__(self, settings: AgentSettings, key: str) -> None:
        try:
            import openai
        except ImportError as error:
            raise ProviderError("not_installed", "the openai library is not installed") from error
        self.name, self.model = settings.provider, settings.model
        self._settings = settings
        self._errors: type[Exception] = openai.OpenAIError
        self._client = openai.AsyncOpenAI(
            api_key=key or _NO_KEY,
            base_url=settings.base_url or None,
            timeout=settings.timeout_s,
            max_retries=0,
        )

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], *, max_tokens: int
    ) -> AsyncIterator[Delta]:
        heard = _Heard()
        with refusals.translated(self._settings, self._errors, has_begun=lambda: heard.begun):
            answer = await self._client.chat.completions.create(**self._request(messages, tools, max_tokens))
            async with answer:
                async for chunk in answer:
                    text = heard.take(chunk)
                    if text:
                        yield TextDelta(text)
        calls = heard.calls()
        yield self._usage(heard, messages)
        for call in calls:
            yield call
        yield Done("tools" if calls else "end")

    async def close(self) -> None:
        """Hang up."""
        await self._client.close()

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


class _Heard:
    """What came so far. Calls come in pieces by index; some servers send one whole, or leave out its id later."""

    def __init__(self) -> None:
        self.text = ""
        self.usage: Any = None
        self.begun = False
        self._finish: str | None = None
        self._parts: dict[int, dict[str, str]] = {}
        self._size = 0

    def take(self, chunk: Any) -> str:
        """The text in a chunk."""
        self.begun = True
        if chunk.usage is not None:
            self.usage = chunk.usage
        text = ""
        for choice in (chunk.choices or [])[:1]:
            delta = choice.delta
            text += (getattr(delta, "content", None) or "") if delta is not None else ""
            for part in (getattr(delta, "tool_calls", None) or []) if delta is not None else []:
                self._take_part(part)
            self._finish = choice.finish_reason or self._finish
        self.text += text
        self._size += len(text)
        if self._size > MAX_ANSWER:
            raise ProviderError("protocol", f"the answer is longer than {MAX_ANSWER} characters")
        return text

    def _take_part(self, part: Any) -> None:
        known = self._parts.setdefault(
            part.index if part.index is not None else len(self._parts),
            {"id": "", "name": "", "arguments": ""},
        )
        known["id"] = known["id"] or (part.id or "")
        if part.function is not None:
            known["name"] = known["name"] or (part.function.name or "")
            known["arguments"] += part.function.arguments or ""
            self._size += len(part.function.arguments or "")

    def calls(self) -> list[ToolCall]:
        """The calls, once the provider said that it is done.

        Raises:
            ProviderError: it did not, or what it said is no call.
        """
        if self._finish is None:
            raise ProviderError("cut", "the answer ended in the middle")
        if self._finish == "length":
            raise ProviderError("cut", "the answer is longer than it may be", hint="raise agent.max_tokens")
        if self._finish == "content_filter":
            raise ProviderError("refused", "the provider's filter stopped the answer", hint="ask differently")
        return [refusals.call(f"call-{n}", known) for n, known in sorted(self._parts.items())]
