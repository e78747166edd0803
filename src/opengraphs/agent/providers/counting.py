"""Tokens and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from opengraphs.agent.providers.deltas import Usage
from opengraphs.agent.providers.messages import Message
from opengraphs.agent.providers.settings import AgentSettings

CHARACTERS_A_TOKEN = 3.5
"""Of code and English together, on the careful side; only where a provider tells no count."""


def estimate(text: str) -> int:
    """About how many tokens a text is."""
    return int(len(text) / CHARACTERS_A_TOKEN) + 1 if text else 0


def estimated(settings: AgentSettings, messages: Sequence[Message], answer: str) -> Usage:
    """The usage of a request whose provider told nothing."""
    asked = sum(estimate(message.get("text", "")) for message in messages)
    written = estimate(answer)
    return Usage(asked, 0, written, cost_usd(settings, asked, 0, written), True)


def cost_usd(
    settings: AgentSettings, input_tokens: int, cached_tokens: int, output_tokens: int
) -> float | None:
    """What the request cost, by the prices that the user gave; None without them."""
    if settings.price_input is None or settings.price_output is None:
        return None
    cached_price = settings.price_input if settings.price_cached is None else settings.price_cached
    fresh = max(0, input_tokens - cached_tokens)
    total = (
        fresh * settings.price_input + cached_tokens * cached_price + output_tokens * settings.price_output
    )
    return total / 1e6
