"""Files of a run's project, as far as the agent may read them, without secrets."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opengraphs.errors import NotFoundError, UsageError
from opengraphs.protocol.version import SCHEMA

if TYPE_CHECKING:
    from opengraphs.daemon.app import Call

MAX_LINES = 2000
MAX_CHARS = 200_000


async def read(call: Call) -> Mapping[str, Any]:
    """`GET /runs/{ref}/file`: lines of a text file of the project; which ones, docs/agent.md says."""
    store, path = await call.store(), call.params.required("path")
    start = call.params.integer("from", 1, low=1, high=1 << 31)
    count = call.params.integer("lines", 400, low=1, high=MAX_LINES)
    facts = dict(await store.ask(lambda engine: engine.facts(engine.resolve(call.ref)), runs=(call.ref,)))
    text = await asyncio.to_thread(_text, facts, store.path, path)
    lines = text.splitlines()
    return {
        "schema": SCHEMA,
        "path": path,
        "from": start,
        "lines": _within(lines[start - 1 : start - 1 + count]),
        "total_lines": len(lines),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }


def _text(facts: Mapping[str, Any], store: Path, path: str) -> str:
    from opengraphs.daemon.agentsettings import agent_table
    from opengraphs.guard.policy import Refused, open_readable, reading_policy
    from opengraphs.guard.project import place_of
    from opengraphs.redaction import Redactor, secret_values

    if path == facts.get("script"):  # as run.json has it: of the working folder, or absolute
        path = place_of(facts).script or path
    if path == facts.get("script"):  # as it was typed, which is seen from where the run was started
        path = place_of(facts).script or path
    policy = reading_policy(facts, settings=agent_table(str(facts.get("cwd") or "")), store=store)
    try:
        text = open_readable(policy, path)
    except Refused as refusal:
        finding = refusal.finding
        kind = NotFoundError if finding.rule in ("missing", "not_found") else UsageError
        error = kind(finding.text, hint=f"rule {finding.rule}: docs/agent.md", path=path)
        raise error from None
    return Redactor(secret_values(os.environ)).text(text)


def _within(lines: list[str]) -> list[str]:
    """As many of the lines as are no longer than a reply may be."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line)
        if size > MAX_CHARS:
            return lines[:number] or [line[:MAX_CHARS]]
    return lines
