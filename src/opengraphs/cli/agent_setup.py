"""`og config agent`: which model the agent asks, and whether it answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from opengraphs import paths
from opengraphs.agent.providers.failure import ProviderError
from opengraphs.agent.providers.settings import PROVIDERS, TABLE, AgentSettings, load_settings
from opengraphs.cli import output
from opengraphs.errors import UsageError
from opengraphs.protocol.version import SCHEMA

TEST_S = 330.0
"""Longer than the provider's own tries together take."""
KEY_SOURCES = ("api_key_env", "api_key_file", "api_key_cmd")


def choose(given: dict[str, str]) -> dict[str, str]:
    """What a person answers, with what is in force as the answer to take."""
    known = _in_force()
    provider = click.prompt(
        "provider",
        type=click.Choice(tuple(PROVIDERS)),
        default=known.provider if known else "openai",
        err=True,
    )
    chosen = {"provider": provider}
    same = known is not None and known.provider == provider
    chosen["model"] = click.prompt("model", default=known.model if known and same else None, err=True)
    base = known.base_url if known and same else PROVIDERS[provider].base_url
    chosen["base_url"] = click.prompt(
        "address (empty: the provider's own)", default=base, show_default=bool(base), err=True
    )
    name = PROVIDERS[provider].key_env
    if name and not any((known.api_key_file, known.api_key_cmd) if known and same else ()):
        chosen["api_key_env"] = click.prompt(
            "variable of the environment that holds the key",
            default=(known.api_key_env if known and same else "") or name,
            err=True,
        )
    return {**chosen, **given}


def write(path: Path, chosen: dict[str, str]) -> None:
    """Into the user's file; an empty text takes a key out. One source of the key takes the others' place."""
    from opengraphs.tui import config_edit

    sources = [name for name in KEY_SOURCES if chosen.get(name)]
    if len(sources) > 1:
        raise UsageError(f"the key comes from one place, not from {' and '.join(sources)}")
    if sources:
        chosen = {**dict.fromkeys(KEY_SOURCES, ""), **chosen}
    for name, value in chosen.items():
        config_edit.change(path, TABLE, name, value or None)


def report(*, test: bool, as_json: bool) -> int:
    """Say what is set up and, with one small request, whether it works."""
    settings = load_settings()
    if not test:
        _tell(
            {
                "ok": True,
                "kind": "",
                "provider": settings.provider,
                "model": settings.model,
                "key_source": settings.key_source,
            },
            as_json,
        )
        return 0
    found = _asked()
    if as_json:
        _tell(found, as_json)
        return 0 if found["ok"] else 7
    if not found["ok"]:
        if found["kind"] == "usage":
            raise UsageError(found["message"], hint=found["hint"])
        raise ProviderError(found["kind"], found["message"], hint=found["hint"])
    _tell(found, as_json)
    return 0


def _in_force() -> AgentSettings | None:
    try:
        return load_settings()
    except ProviderError:  # nothing is set up yet: that is why we are here
        return None


def _asked() -> dict[str, Any]:
    """What the check says, made in a process of its own."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "opengraphs.agent.check"],
            capture_output=True,
            text=True,
            timeout=TEST_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        found: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise ProviderError("offline", f"no answer within {TEST_S:g} s") from error
    except ValueError as error:
        lines = done.stderr.strip().splitlines()
        raise ProviderError(
            "protocol", f"the check ended with {done.returncode}: {lines[-1] if lines else 'no word'}"
        ) from error
    return found


def _tell(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.put_json({"schema": SCHEMA, "file": str(paths.config_file()), **found})
        return
    source = f", key from {found['key_source']}" if found.get("key_source") else ", no key needed"
    output.put(f"{found['provider']} {found['model']}{source}")
    if "first_s" in found:
        tools = "calls tools" if found["tools"] else "calls no tools: plans are read from its text"
        output.put(
            f"answers: first word after {found['first_s']:.1f} s, whole after {found['whole_s']:.1f} s, {found['tokens']} tokens; {tools}"
        )
