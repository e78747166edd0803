"""What a model's answer is made of, piece by piece."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, TypeAlias


class TextDelta(NamedTuple):
    """More of the text."""

    text: str


class ToolCall(NamedTuple):
    """A whole call: the model asks for a tool. call_id: by which its result is sent back."""

    call_id: str
    name: str
    arguments: dict[str, Any]


class Usage(NamedTuple):
    """Tokens of one request. cached: of the input, how many the provider had kept.

    cost_usd: None where no price is known. estimated: the provider told nothing; counted from the text.
    """

    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float | None
    estimated: bool


class Waiting(NamedTuple):
    """The request is made again in so many seconds, since the provider is busy or cannot be reached."""

    kind: str
    seconds: float


class Done(NamedTuple):
    """The end, as the provider said it: the model is done, or waits for the results of its calls."""

    stop: Literal["end", "tools"]


Delta: TypeAlias = TextDelta | ToolCall | Usage | Waiting | Done
