"""What every adapter does with a stream, whatever its events are called."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import Any, Generic, TypeVar

from opengraphs.agent.providers import refusals
from opengraphs.agent.providers.deltas import Delta, Done, TextDelta, ToolCall, Usage
from opengraphs.agent.providers.failure import ProviderError
from opengraphs.agent.providers.messages import Message, ToolSpec
from opengraphs.agent.providers.settings import AgentSettings

MAX_ANSWER = 1_000_000
"""Characters; a model that writes more has run wild."""


class Heard(ABC):
    """What came of one answer so far. begun: anything at all."""

    def __init__(self) -> None:
        self.text = ""
        self.begun = False
        self._parts: dict[int, dict[str, str]] = {}
        self._size = 0

    def take(self, event: Any) -> str:
        """The text in an event."""
        self.begun = True
        text = self._take(event)
        self.text += text
        self._size += len(text)
        if self._size > MAX_ANSWER:
            raise ProviderError("protocol", f"the answer is longer than {MAX_ANSWER} characters")
        return text

    def calls(self) -> list[ToolCall]:
        """The calls, once the provider said that it is done.

        Raises:
            ProviderError: it did not, or what it said is no call.
        """
        self._check_end()
        return [refusals.call(f"call-{n}", known) for n, known in sorted(self._parts.items())]

    def _add_arguments(self, part: dict[str, str], more: str) -> None:
        part["arguments"] += more
        self._size += len(more)

    @abstractmethod
    def _take(self, event: Any) -> str:
        """Keep what an event says of calls and usage; its text."""

    @abstractmethod
    def _check_end(self) -> None:
        """Raise a ProviderError unless the provider said that the answer is whole."""


HeardT = TypeVar("HeardT", bound=Heard)


class Streaming(ABC, Generic[HeardT]):
    """One model at one address, by the library `_client` is of; `_errors` is the root of its errors."""

    _client: Any
    _errors: type[Exception]

    def __init__(self, settings: AgentSettings) -> None:
        self.name, self.model = settings.provider, settings.model
        self._settings = settings

    async def stream(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], *, max_tokens: int
    ) -> AsyncIterator[Delta]:
        heard = self._hearer()
        with refusals.translated(self._settings, self._errors, has_begun=lambda: heard.begun):
            answer = await self._open(messages, tools, max_tokens)
            async with answer:
                async for event in answer:
                    text = heard.take(event)
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

    @abstractmethod
    def _hearer(self) -> HeardT:
        """What takes the events of one answer."""

    @abstractmethod
    async def _open(self, messages: Sequence[Message], tools: Sequence[ToolSpec], max_tokens: int) -> Any:
        """Make the request; its stream of events."""

    @abstractmethod
    def _usage(self, heard: HeardT, messages: Sequence[Message]) -> Usage:
        """What the answer took."""
