"""One small request to the model that is set up: does it answer, how fast, and does it know tools?

`python -m opengraphs.agent.check` prints one JSON object; `og config agent` starts it, so that the model
libraries stay out of the command line.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TypedDict

from opengraphs.agent.providers import (
    AgentSettings,
    Done,
    Message,
    ProviderError,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
    load_settings,
    make_provider,
)
from opengraphs.errors import OgError

_MAX_TOKENS = 256
_TOOL = ToolSpec("ready", "Say that you are ready.", {"type": "object", "properties": {}})
_ASKED: list[Message] = [{"role": "user", "text": "Call the tool `ready`, or answer with the word ready."}]


class Checked(TypedDict, total=False):
    """kind: "" when all is well, else a ProviderError's, or `usage`. first_s: until the first piece came."""

    ok: bool
    kind: str
    message: str
    hint: str
    provider: str
    model: str
    key_source: str
    first_s: float
    whole_s: float
    tools: bool
    tokens: int


async def check(settings: AgentSettings) -> Checked:
    """Ask once; raises ProviderError as the provider does."""
    begun = time.monotonic()
    first, tools, tokens = 0.0, False, 0
    provider = make_provider(settings)
    try:
        async for delta in provider.stream(_ASKED, (_TOOL,), max_tokens=_MAX_TOKENS):
            if not first and isinstance(delta, (TextDelta, ToolCall, Done)):
                first = time.monotonic() - begun
            tools = tools or isinstance(delta, ToolCall)
            tokens = delta.input_tokens + delta.output_tokens if isinstance(delta, Usage) else tokens
    finally:
        await provider.close()
    return {
        "ok": True,
        "kind": "",
        "provider": settings.provider,
        "model": settings.model,
        "key_source": settings.key_source,
        "first_s": round(first, 3),
        "whole_s": round(time.monotonic() - begun, 3),
        "tools": tools,
        "tokens": tokens,
    }


def main() -> int:
    """Print what was found; 0 when the model answers, else 7."""
    try:
        found = asyncio.run(check(load_settings()))
    except OgError as error:
        kind = error.kind if isinstance(error, ProviderError) else error.code
        found = {"ok": False, "kind": kind, "message": str(error), "hint": error.hint}
    sys.stdout.write(json.dumps(found) + "\n")
    return 0 if found["ok"] else 7


if __name__ == "__main__":
    sys.exit(main())
