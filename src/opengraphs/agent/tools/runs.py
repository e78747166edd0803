"""Tools about runs: which there are, what one is, how two differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opengraphs.agent.tools.tool import Asks, Tool, integer, run_path, schema, text
from opengraphs.errors import UsageError

RUN = ("string", "run id, a unique part of it, or a unique name")
_FACTS = (
    "run_id",
    "name",
    "project",
    "status",
    "created_at",
    "ended_at",
    "config",
    "summary",
    "tags",
    "notes",
)
_MORE = ("script", "command", "parent", "exit_code", "last_step", "progress", "metrics", "ranks_seen")


async def _list_runs(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    page = await client.get(
        "/runs",
        filter=text(arguments, "filter", "") or None,
        limit=integer(arguments, "limit", 20, low=1, high=100),
    )
    keys = ("run_id", "name", "status", "created_at", "last_step", "main_metric", "best", "parent")
    rows = [{key: row.get(key) for key in keys if row.get(key) is not None} for row in page["runs"]]
    return {"runs": rows, "total": page["total"]}


async def _get_run(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return facts_of(await client.get(run_path(text(arguments, "run"))))


def facts_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a model should know of a run, of what `GET /runs/{ref}` tells."""
    told = {key: run[key] for key in (*_FACTS, *_MORE) if run.get(key) not in (None, "", [], {})}
    told["metrics"] = [metric_of(metric) for metric in (run.get("metrics") or [])[:60]]
    return told


def metric_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A metric's figures, under the words of the other tools."""
    figures = ("points", "last", "min", "max", "last_step", "better")
    return {
        "metric": summary["key"],
        **{name: summary[name] for name in figures if summary.get(name) is not None},
    }


async def _compare_runs(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    runs = _runs(arguments)
    body = {"run_ids": runs, "metric_key": text(arguments, "metric"), "downsample": 10}
    reply = await client.post("/compare", body)
    keys = ("run", "name", "status", "missing", "points", "last", "best", "equal", "delta", "verdict")
    rows = [{key: row.get(key) for key in keys} for row in reply["runs"]]
    return {"direction": reply["direction"], "equal_step": reply["equal_step"], "runs": rows}


async def _config_diff(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return diff_of(await client.post("/diff", {"run_ids": _runs(arguments), "metrics": []}))


def diff_of(reply: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of a diff that say what was done differently."""
    sections = ("config", "args", "env", "git", "packages", "files")
    return {
        section: [{"name": row["key"], "values": row["values"]} for row in reply[section][:50]]
        for section in sections
        if reply.get(section)
    }


async def _lineage(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return await client.get(run_path(text(arguments, "run"), "lineage"))


async def _list_checkpoints(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return await client.get(run_path(text(arguments, "run"), "checkpoints"))


def _runs(arguments: Mapping[str, Any]) -> list[str]:
    runs = arguments.get("runs")
    if not isinstance(runs, list) or not 2 <= len(runs) <= 8 or not all(isinstance(run, str) for run in runs):
        raise UsageError("the argument 'runs' is a list of 2 to 8 runs")
    return runs


_SEVERAL = {"type": "array", "items": {"type": "string"}, "description": "2 to 8 runs, the reference first"}


def _of_runs(*required: str, **more: tuple[str, str]) -> dict[str, Any]:
    made = schema("runs", *required, **more)
    made["properties"]["runs"] = _SEVERAL
    return made


TOOLS = (
    Tool(
        "list_runs",
        "Runs of the store, newest first.",
        schema(
            filter=("string", "og's filter language, such as status:failed or config.lr>=1e-3"),
            limit=("integer", "1 to 100"),
        ),
        _list_runs,
    ),
    Tool("get_run", "Facts, config, summary and metrics of a run.", schema("run", run=RUN), _get_run),
    Tool(
        "compare_runs",
        "One metric of several runs at equal steps, at its best and at its end.",
        _of_runs("metric", metric=("string", "the metric's key")),
        _compare_runs,
    ),
    Tool(
        "config_diff", "What was done differently: config, command, git, packages.", _of_runs(), _config_diff
    ),
    Tool("list_checkpoints", "Checkpoints of a run.", schema("run", run=RUN), _list_checkpoints),
    Tool(
        "lineage",
        "The family of a run: what it went on from, and what from it.",
        schema("run", run=RUN),
        _lineage,
    ),
)
