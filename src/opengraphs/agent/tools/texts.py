"""Tools about texts: the log, and files of the project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opengraphs.agent.digests import log_digest
from opengraphs.agent.tools.runs import RUN
from opengraphs.agent.tools.tool import Asks, Tool, integer, run_path, schema, text


async def _log_tail(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    count = integer(arguments, "lines", 80, low=1, high=400)
    page = await client.get(run_path(text(arguments, "run"), "log"), lines=min(2000, 10 * count))
    lines = [line["text"] for line in page["lines"]]
    return {"lines": log_digest(lines, most=count), "total_lines": page["total_lines"]}


async def _log_search(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    query = {
        "grep": text(arguments, "pattern"),
        "matches": integer(arguments, "matches", 20, low=2, high=100),
    }
    start = {"from": integer(arguments, "from", 0, low=0, high=1 << 53)}
    page = await client.get(run_path(text(arguments, "run"), "log"), **query, **start)
    lines = [f"{line['n']}: {line['text']}" for line in page["lines"]]
    return {"lines": lines, "total_lines": page["total_lines"], "next": page["next"]}


async def _read_file(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    start = integer(arguments, "from", 1, low=1, high=1 << 30)
    count = integer(arguments, "lines", 400, low=1, high=800)
    path = text(arguments, "path")
    query: dict[str, Any] = {"path": path, "from": start, "lines": count}
    return await client.get(run_path(text(arguments, "run"), "file"), **query)


TOOLS = (
    Tool(
        "log_tail",
        "The end of the log: progress bars folded, equal lines counted, the last traceback whole.",
        schema("run", run=RUN, lines=("integer", "1 to 400")),
        _log_tail,
    ),
    Tool(
        "log_search",
        "Lines of the log that match a regular expression.",
        schema(
            "run",
            "pattern",
            run=RUN,
            pattern=("string", "regular expression"),
            matches=("integer", "2 to 100"),
            **{"from": ("integer", "first line, from 0")},
        ),
        _log_search,
    ),
    Tool(
        "read_file",
        "Lines of a text file of the run's project, such as the training script.",
        schema(
            "run",
            "path",
            run=RUN,
            path=("string", "relative to the project"),
            lines=("integer", "1 to 800"),
            **{"from": ("integer", "first line, from 1")},
        ),
        _read_file,
    ),
)
