"""The tools of the agent, and of others that ask like it: each reads, by one question to the daemon."""

from __future__ import annotations

from opengraphs.agent.tools import figures, runs, texts
from opengraphs.agent.tools.tool import Asks, Tool

TOOLS: tuple[Tool, ...] = (*runs.TOOLS, *figures.TOOLS, *texts.TOOLS)
BY_NAME = {tool.name: tool for tool in TOOLS}

__all__ = ["BY_NAME", "TOOLS", "Asks", "Tool"]
