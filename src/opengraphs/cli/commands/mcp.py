"""`og mcp`: runs, metrics, alerts and logs as tools for coding agents."""

from __future__ import annotations

import asyncio
from pathlib import Path

from opengraphs.cli import targets
from opengraphs.cli.options import no_color, og_command, store


@og_command("mcp", examples=("og mcp", "claude mcp add og -- og mcp", "codex mcp add og -- og mcp"))
@store
@no_color
def command(store: str | None) -> None:
    """Serve og's reading tools to an agent by the Model Context Protocol, on stdin and stdout.

    An agent starts it by itself once it was told to. It ends when its stdin does.
    """
    asyncio.run(_serve(targets.store_of(store)))


async def _serve(place: Path) -> None:
    from opengraphs.agent import mcp
    from opengraphs.client.aio import AsyncClient

    async with AsyncClient(store=place) as client:
        await mcp.serve(client)
