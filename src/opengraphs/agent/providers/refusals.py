"""From what an SDK raises to one kind of ProviderError. Both SDKs have the same tree of errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opengraphs.agent.providers.deltas import ToolCall
from opengraphs.agent.providers.failure import Kind, ProviderError
from opengraphs.agent.providers.settings import AgentSettings

_TOO_LONG = re.compile(
    r"context.{0,20}(?:length|window)|too long|maximum context|prompt is too|exceeds? .{0,40}tokens",
    re.IGNORECASE,
)
_MAX_SAID = 300


@contextmanager
def translated(
    settings: AgentSettings, root: type[Exception], *, has_begun: Callable[[], bool]
) -> Iterator[None]:
    """What goes wrong inside is a ProviderError; defects of ours stay what they are.

    Args:
        root: of the SDK's errors.
        has_begun: whether a part of the answer came already; then a line that breaks has cut it.
    """
    import httpx2

    try:
        yield
    except ProviderError:
        raise
    except httpx2.TransportError as error:  # inside a stream the SDKs let these through
        raise ProviderError(
            "cut", f"the line broke in the middle of the answer ({type(error).__name__})"
        ) from error
    except json.JSONDecodeError as error:
        raise ProviderError("protocol", f"what the provider sends is no JSON: {error}") from error
    except root as error:
        found = _of_sdk(error, settings)
        if found.kind == "offline" and has_begun():
            found = ProviderError("cut", f"the answer ended in the middle: {_said(error.__cause__ or error)}")
        raise found from error


def _of_sdk(error: Exception, settings: AgentSettings) -> ProviderError:
    names = {kind.__name__ for kind in type(error).__mro__}
    where = settings.base_url or settings.provider
    if "APITimeoutError" in names:
        return ProviderError("offline", f"{where} does not answer within {settings.timeout_s:g} s")
    if "APIConnectionError" in names:
        return ProviderError("offline", f"{where} cannot be reached: {_said(error.__cause__ or error)}")
    if "APIStatusError" in names:
        return _of_status(error, getattr(error, "status_code", 0), settings)
    if "APIResponseValidationError" in names:
        return ProviderError("protocol", f"the answer is none: {_said(error)}")
    if "APIError" in names:  # told inside a stream
        return ProviderError(_kind_of_body(error) or "protocol", f"{settings.provider}: {_said(error)}")
    return ProviderError("protocol", _said(error))


def _of_status(error: Exception, status: int, settings: AgentSettings) -> ProviderError:
    said = f"{settings.provider} says {status}: {_said(error)}"
    kind = _kind_of_body(error)
    if kind is None:
        kind = _kind_of_status(status)
    hint = f"{settings.model!r} may not be one of its models: og config agent" if status == 404 else ""
    return ProviderError(kind, said, hint=hint, retry_after_s=_retry_after(error))


def _kind_of_status(status: int) -> Kind:
    if status in (401, 402, 403):
        return "refused"
    if status == 429:
        return "rate_limited"
    if status == 413:
        return "context_too_long"
    if status == 408 or status >= 500:
        return "overloaded"
    return "protocol"


def _kind_of_body(error: Exception) -> Kind | None:
    """What the body says where the status alone would mislead."""
    body = getattr(error, "body", None)
    inner = body.get("error", body) if isinstance(body, Mapping) else {}
    told = " ".join(str(inner.get(key, "")) for key in ("code", "type")) if isinstance(inner, Mapping) else ""
    if "insufficient_quota" in told or "billing" in told:
        return "refused"
    if "overloaded" in told:
        return "overloaded"
    if "rate_limit" in told:
        return "rate_limited"
    if "context_length" in told or _TOO_LONG.search(str(error)):
        return "context_too_long"
    return None


def _retry_after(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _MAX_SAID else text[:_MAX_SAID] + "…"


def call(default_id: str, known: Mapping[str, str]) -> ToolCall:
    """A call from its parts.

    Raises:
        ProviderError: its arguments are no JSON object, or it has no name.
    """
    try:
        arguments: Any = json.loads(known["arguments"] or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict) or not known["name"]:
        raise ProviderError("cut", f"the model's call of {known['name'] or 'a tool'} has no whole arguments")
    return ToolCall(known["id"] or default_id, known["name"], arguments)
