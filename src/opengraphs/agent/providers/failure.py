"""Why a model gave no answer, as one kind each that a user can do something about."""

from __future__ import annotations

from typing import Literal

from opengraphs.errors import AgentError

Kind = Literal[
    "no_key",
    "no_model",
    "not_installed",
    "refused",
    "rate_limited",
    "context_too_long",
    "overloaded",
    "offline",
    "cut",
    "protocol",
    "budget",
]

HINTS: dict[Kind, str] = {
    "no_key": "og config agent says where a key may come from",
    "no_model": "og config agent, or OG_AGENT_MODEL=NAME",
    "not_installed": "pip install 'opengraphs[agent]'",
    "refused": "check the key and what it may do: og config agent",
    "rate_limited": "wait, or choose another model: og config agent",
    "context_too_long": "ask about less, or begin a new session",
    "overloaded": "try again in a moment",
    "offline": "check the network and the address: og config agent",
    "cut": "send the message again",
    "protocol": "check that the address speaks the protocol of this provider: og config agent",
    "budget": "raise [agent.budget] in config.toml, or go on without the agent",
}
RETRYABLE: frozenset[Kind] = frozenset(("rate_limited", "overloaded", "offline"))


class ProviderError(AgentError):
    """A model that cannot be asked, or whose answer is none.

    kind: one of `Kind`. retry_after_s: what the provider wants us to wait; None when it did not say.
    """

    def __init__(
        self, kind: Kind, message: str, *, hint: str = "", path: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, hint=hint or HINTS[kind], path=path)
        self.kind: Kind = kind
        self.retry_after_s = retry_after_s
        self.retryable = kind in RETRYABLE
