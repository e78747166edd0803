"""Tools about numbers: metrics, the machine, alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opengraphs.agent.digests import curve_digest
from opengraphs.agent.tools.runs import RUN, metric_of
from opengraphs.agent.tools.tool import Asks, Tool, integer, run_path, schema, text

METRIC = ("string", "the metric's key")
ALL = 4000


async def _list_metrics(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    query = {"q": text(arguments, "words", "") or None, "limit": 200}
    reply = await client.get("/metrics/keys", run=text(arguments, "run"), **query)
    return {"metrics": [metric_of(summary) for summary in reply["keys"]]}


async def _metric_tail(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    points = integer(arguments, "points", 20, low=1, high=200)
    run, metric = text(arguments, "run"), text(arguments, "metric")
    curve = await curve_of(client, run, metric, columns=1)  # the figures of the whole; its points come next
    last = curve.get("last_step")
    if isinstance(last, (int, float)):
        near = await curve_of(client, run, metric, [max(0, int(last) - 50 * points), int(last)])
        curve = {**curve, "x": near.get("x"), "y": near.get("y")}
    return curve_digest(curve, last=points)


async def _metric_window(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    around = integer(arguments, "step", 0, low=0, high=1 << 53)
    width = integer(arguments, "width", 50, low=1, high=100_000)
    stretch = [max(0, around - width), around + width]
    curve = await curve_of(client, text(arguments, "run"), text(arguments, "metric"), stretch, columns=50)
    return curve_digest(curve, onset=around, around=40)


async def curve_of(
    client: Asks, run: str, metric: str, stretch: list[int] | None = None, *, columns: int = ALL
) -> dict[str, Any]:
    """One curve of `POST /series`; with `stretch`, from step to step."""
    body = {"runs": [run], "metrics": [metric], "columns": columns, "range": stretch}
    reply = await client.post("/series", body)
    curves: list[dict[str, Any]] = reply["series"]
    return curves[0] if curves else {"metric": metric, "points": 0}


async def _system_history(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    keys = text(arguments, "keys", "") or None
    reply = await client.get(run_path(text(arguments, "run"), "system"), columns=20, keys=keys)
    return {
        "hosts": reply["hosts"],
        "series": [
            {"metric": curve["metric"], "host": curve["host"], "values": curve["y"][-20:]}
            for curve in reply["series"][:40]
        ],
    }


async def _list_alerts(client: Asks, arguments: Mapping[str, Any]) -> dict[str, Any]:
    run = text(arguments, "run", "") or None
    status = text(arguments, "status", "") or None
    reply = await client.get("/alerts", run=run, status=status, limit=30)
    return {"alerts": reply["alerts"], "counts": reply["counts"]}


TOOLS = (
    Tool(
        "list_metrics",
        "Metric keys of a run with their figures.",
        schema("run", run=RUN, words=("string", "words that must occur in the key")),
        _list_metrics,
    ),
    Tool(
        "metric_tail",
        "Figures and the newest points of a metric.",
        schema("run", "metric", run=RUN, metric=METRIC, points=("integer", "1 to 200")),
        _metric_tail,
    ),
    Tool(
        "metric_window",
        "Points of a metric around a step.",
        schema(
            "run",
            "metric",
            "step",
            run=RUN,
            metric=METRIC,
            step=("integer", "the middle"),
            width=("integer", "steps to each side"),
        ),
        _metric_window,
    ),
    Tool(
        "system_history",
        "What the machine did during the run: CPU, memory, GPU, disk, network.",
        schema(
            "run",
            run=RUN,
            keys=("string", "beginnings of metric names, with commas between, such as gpu,ram"),
        ),
        _system_history,
    ),
    Tool(
        "list_alerts",
        "Alerts with their evidence, newest first.",
        schema(run=RUN, status=("string", "firing, acknowledged or resolved")),
        _list_alerts,
    ),
)
