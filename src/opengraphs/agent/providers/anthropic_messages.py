"""Messages, as Anthropic speaks it, by Anthropic's SDK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opengraphs.agent.providers.counting import cost_usd, estimated
from opengraphs.agent.providers.deltas import Usage
from opengraphs.agent.providers.failure import ProviderError
from opengraphs.agent.providers.messages import Message, ToolSpec
from opengraphs.agent.providers.settings import AgentSettings
from opengraphs.agent.providers.streaming import Heard, Streaming


class AnthropicMessages(Streaming["_Heard"]):
    """One model behind a Messages address."""

    def __init__(self, settings: AgentSettings, key: str) -> None:
        try:
            import anthropic
        except ImportError as error:
            raise ProviderError("not_installed", "the anthropic library is not installed") from error
        super().__init__(settings)
        self._errors = anthropic.AnthropicError
        self._client = anthropic.AsyncAnthropic(
            api_key=key, base_url=settings.base_url or None, timeout=settings.timeout_s, max_retries=0
        )

    def _hearer(self) -> _Heard:
        return _Heard()

    async def _open(self, messages: Sequence[Message], tools: Sequence[ToolSpec], max_tokens: int) -> Any:
        return await self._client.messages.create(**self._request(messages, tools, max_tokens))

    def _request(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], max_tokens: int
    ) -> dict[str, Any]:
        system = "\n\n".join(message.get("text", "") for message in messages if message["role"] == "system")
        request: dict[str, Any] = {
            "model": self.model,
            "max_tokens": max_tokens,
            "messages": _wire([message for message in messages if message["role"] != "system"]),
            "stream": True,
        }
        if system:  # the same in every request of a session: the provider may keep it
            request["system"] = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
        if tools:
            request["tools"] = [
                {"name": t.name, "description": t.description, "input_schema": t.schema} for t in tools
            ]
        return request

    def _usage(self, heard: _Heard, messages: Sequence[Message]) -> Usage:
        if not heard.input_tokens and not heard.output_tokens:
            return estimated(self._settings, messages, heard.text)
        asked, cached, written = heard.input_tokens, heard.cached_tokens, heard.output_tokens
        return Usage(asked, cached, written, cost_usd(self._settings, asked, cached, written), False)


def _wire(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Turns of user and assistant in which results of tools are the user's; neighbours of one role are one turn."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        role = "assistant" if message["role"] == "assistant" else "user"
        blocks = _blocks(message)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message) -> list[dict[str, Any]]:
    text = message.get("text", "")
    if message["role"] == "tool":
        return [
            {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": text or "(nothing)"}
        ]
    blocks: list[dict[str, Any]] = [{"type": "text", "text": text}] if text.strip() else []
    blocks += [
        {"type": "tool_use", "id": call["call_id"], "name": call["name"], "input": call["arguments"]}
        for call in message.get("tool_calls", ())
    ]
    return blocks


class _Heard(Heard):
    """What came so far. Event types that are not known are passed over."""

    def __init__(self) -> None:
        super().__init__()
        self.input_tokens = self.cached_tokens = self.output_tokens = 0
        self._stop: str | None = None
        self._ended = False

    def _take(self, event: Any) -> str:
        kind, text = event.type, ""
        if kind == "message_start":
            self._count(event.message.usage)
        elif kind == "content_block_start" and event.content_block.type == "tool_use":
            block = event.content_block
            self._parts[event.index] = {"id": block.id, "name": block.name, "arguments": ""}
        elif kind == "content_block_delta" and event.delta.type == "text_delta":
            text = event.delta.text
        elif kind == "content_block_delta" and event.delta.type == "input_json_delta":
            self._add_arguments(self._parts[event.index], event.delta.partial_json)
        elif kind == "message_delta":
            self._stop = event.delta.stop_reason or self._stop
            self._count(event.usage)
        elif kind == "message_stop":
            self._ended = True
        return text

    def _count(self, usage: Any) -> None:
        """Counts are totals, not additions; input that was kept counts beside the rest."""
        cached = int(getattr(usage, "cache_read_input_tokens", None) or 0)
        written = int(getattr(usage, "cache_creation_input_tokens", None) or 0)
        fresh = int(getattr(usage, "input_tokens", None) or 0)
        if fresh or cached or written:
            self.input_tokens, self.cached_tokens = fresh + cached + written, cached
        self.output_tokens = int(getattr(usage, "output_tokens", None) or self.output_tokens)

    def _check_end(self) -> None:
        if not self._ended or self._stop is None:
            raise ProviderError("cut", "the answer ended in the middle")
        if self._stop in ("max_tokens", "model_context_window_exceeded"):
            raise ProviderError("cut", "the answer is longer than it may be", hint="raise agent.max_tokens")
        if self._stop == "refusal":
            raise ProviderError("refused", "the model refuses to answer", hint="ask differently")
