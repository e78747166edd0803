"""A provider from settings: its adapter, and requests made again where that may help."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from opengraphs.agent.providers.deltas import Delta, Usage, Waiting
from opengraphs.agent.providers.failure import ProviderError
from opengraphs.agent.providers.messages import Message, ToolSpec
from opengraphs.agent.providers.settings import AgentSettings, find_key

MAX_TRIES = 5
FIRST_WAIT_S = 1.0
MAX_WAIT_S = 60.0
"""A provider that wants a longer wait is an error: somebody is looking at the screen."""


class Provider(Protocol):
    """A model that can be asked. name: of the provider; model: as the provider calls it."""

    name: str
    model: str

    def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], *, max_tokens: int
    ) -> AsyncIterator[Delta]:
        """One answer. Ends with `Done`, after one `Usage`; raises ProviderError otherwise."""
        ...

    async def close(self) -> None:
        """Hang up; the provider is not asked again."""
        ...


def make_provider(settings: AgentSettings, env: Mapping[str, str] | None = None) -> Provider:
    """The provider that these settings name; its SDK is imported now.

    Raises:
        ProviderError: `no_key`, or `not_installed` where the SDK is missing.
    """
    key = find_key(settings, env)
    if settings.dialect == "chat":
        from opengraphs.agent.providers.chat_completions import ChatCompletions

        return Retrying(ChatCompletions(settings, key))
    from opengraphs.agent.providers.anthropic_messages import AnthropicMessages

    return Retrying(AnthropicMessages(settings, key))


class Retrying:
    """Makes a request again when the provider is busy or away, as long as nothing of an answer was shown."""

    def __init__(
        self,
        inner: Provider,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._inner, self._sleep, self._chance = inner, sleep, chance
        self.name, self.model = inner.name, inner.model

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], *, max_tokens: int
    ) -> AsyncIterator[Delta]:
        for attempt in range(MAX_TRIES):
            shown = False
            try:
                async for delta in self._inner.stream(messages, tools, max_tokens=max_tokens):
                    shown = shown or not isinstance(delta, Usage)
                    yield delta
                return
            except ProviderError as error:
                wait = self._wait_s(error, attempt)
                if shown or wait is None:
                    raise
                kind = error.kind
            yield Waiting(kind, wait)
            await self._sleep(wait)

    async def close(self) -> None:
        await self._inner.close()

    def _wait_s(self, error: ProviderError, attempt: int) -> float | None:
        """Seconds until the next try; None for no other."""
        if not error.retryable or attempt == MAX_TRIES - 1:
            return None
        if error.retry_after_s is not None:
            return error.retry_after_s if error.retry_after_s <= MAX_WAIT_S else None
        return FIRST_WAIT_S * 2.0**attempt * (0.5 + self._chance() / 2)
