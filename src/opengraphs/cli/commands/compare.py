"""`og compare`: runs, or groups of runs, side by side."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import compare_page, comparing, completing, output, targets
from opengraphs.cli.nearest import no_metric
from opengraphs.cli.options import og_command, reading
from opengraphs.cli.waiting import ProgressLine, wait_read
from opengraphs.client.sync import Client
from opengraphs.errors import NotFoundError, UsageError
from opengraphs.protocol.compare import CompareRequest, GroupRequest
from opengraphs.protocol.version import SCHEMA

MAX_RUNS = 50
"""Most that one request compares; more are grouped."""
_ALIGNS = ("step", "time", "wall")
_COLUMNS = 2 * compare_page.MOST_CURVE


@og_command(
    "compare",
    examples=(
        "og compare k7f3 b2cd",
        "og compare k7f3 b2cd --metric eval/loss --smooth 'ma(15)'",
        "og compare --filter 'tag:sweep' --group-by config.lr",
    ),
)
@click.argument("runs", nargs=-1, metavar="[RUN…]", shell_complete=completing.runs)
@click.option(
    "--metric",
    "--metrics",
    "metrics",
    multiple=True,
    metavar="KEY",
    help="What to compare (globs work); repeatable. Default: the main metric.",
    shell_complete=completing.metrics,
)
@click.option(
    "--align",
    type=click.Choice(_ALIGNS),
    default="step",
    show_default=True,
    help="Lay curves over each other by step, by seconds since each run's start, or by the clock.",
)
@click.option("--smooth", metavar="HOW", help="Draw curves smoothed: 'ma(15)' or 'ema(0.9)'.")
@click.option(
    "--better",
    type=click.Choice(("min", "max")),
    help="Which end is better, where the name of the metric does not tell.",
)
@click.option(
    "--filter",
    "filter_",
    metavar="QUERY",
    help="The runs that fit, instead of naming them.",
    shell_complete=completing.filters,
)
@click.option(
    "--group-by",
    "by",
    metavar="KEY",
    help="Mean, p50 and p95 of groups: tag:KEY, config.KEY, project…",
    shell_complete=completing.group_keys,
)
@click.option("--plain", is_flag=True, help="No colours, and nothing fitted to the terminal.")
@reading
def command(
    runs: tuple[str, ...],
    metrics: tuple[str, ...],
    align: str,
    smooth: str | None,
    better: str | None,
    filter_: str | None,
    by: str | None,
    plain: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Compare runs on a metric: last, best, the change against the first run, and a curve each.

    RUN is any unique part of its id, its name, or its folder. Two or more are named, or
    found with --filter; with --group-by they are put together by a tag or a config key.
    """
    if runs and filter_:
        raise UsageError("runs and --filter do not go together", hint="name runs, or describe them")
    place, refs = comparing.one_store(runs, store=store) if runs else (targets.store_of(store), None)
    request = _Request(metrics, align, smooth, better)
    with clients.connect(store=place) as client, ProgressLine() as line:
        if by is not None:
            replies = _groups(client, line, request, by, refs, filter_)
        else:
            replies = _compared(client, line, request, refs, filter_)
    if as_json:
        output.put_json({"schema": SCHEMA, ("groups" if by else "metrics"): replies})
        return
    limit, ink = (None, output.Ink(False)) if plain else (output.width(), output.ink())
    draw = compare_page.group_lines if by else compare_page.run_lines
    output.put("\n\n".join("\n".join(draw(reply, limit=limit, ink=ink)) for reply in replies))


class _Request:
    """What was asked on the command line, whichever runs it is about."""

    def __init__(self, metrics: Sequence[str], align: str, smooth: str | None, better: str | None) -> None:
        self.metrics = metrics
        self.align = align
        self.smooth = smooth
        self.better = better


def _compared(
    client: Client,
    line: ProgressLine,
    request: _Request,
    refs: list[str] | None,
    filter_: str | None,
) -> list[dict[str, Any]]:
    """One CompareReply a metric."""
    run_ids = _found(client, filter_) if refs is None else refs
    if len(run_ids) < 2:
        raise UsageError("one run is nothing to compare", hint="og compare A B; og list shows what there is")
    keys = _keys(client, line, run_ids, request.metrics)
    return [
        comparing.when_whole(
            lambda key=key: client.compare(  # type: ignore[misc]
                cast(
                    "CompareRequest",
                    {
                        "run_ids": run_ids,
                        "metric_key": key,
                        "align_by": request.align,
                        "smoothing": request.smooth,
                        "downsample": _COLUMNS,
                        "better": request.better,
                    },
                )
            ),
            line,
        )
        for key in keys
    ]


def _found(client: Client, filter_: str | None) -> list[str]:
    """Ids of the runs that fit, oldest first, so that the first is what the others are held against."""
    if filter_ is None:
        raise UsageError("which runs?", hint="og compare A B, or --filter QUERY, or --group-by KEY")
    reply = client.runs(filter=filter_, limit=MAX_RUNS, sort="created_at")
    if reply["total"] > MAX_RUNS:
        raise UsageError(
            f"{reply['total']} runs fit; at most {MAX_RUNS} are compared at once",
            hint="narrow --filter, or put them together with --group-by",
        )
    return _ids_of(reply)


def _ids_of(reply: Mapping[str, Any]) -> list[str]:
    """Raises NotFoundError where there is no run."""
    if not reply["runs"]:
        raise NotFoundError("no run fits", hint=str(reply.get("hint") or "og list shows what there is"))
    return [run["run_id"] for run in reply["runs"]]


def _keys(client: Client, line: ProgressLine, run_ids: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The metrics to compare: those that were asked for, else the main one of the first run that has one."""
    if wanted and not any(set(key) & set("*?[") for key in wanted):
        return list(dict.fromkeys(wanted))
    if not wanted:
        return [_main_metric(client, line, run_ids)]
    known = {metric["key"]: None for run in run_ids for metric in wait_read(client, run, line)["metrics"]}
    chosen: dict[str, None] = {}
    for pattern in wanted:
        fitting = [key for key in known if fnmatch.fnmatchcase(key, pattern)]
        if not fitting:
            raise no_metric(pattern, known)
        chosen.update(dict.fromkeys(fitting))
    return list(chosen)


def _main_metric(client: Client, line: ProgressLine, run_ids: Sequence[str]) -> str:
    for run in run_ids:
        run_id = wait_read(client, run, line)["run_id"]
        rows = client.runs(filter=f"id:{run_id}", limit=1)["runs"]
        if rows and (main := rows[0].get("main_metric")):
            return main
    raise NotFoundError("none of these runs has logged a metric", hint="og show RUN tells more")


def _groups(
    client: Client,
    line: ProgressLine,
    request: _Request,
    by: str,
    refs: list[str] | None,
    filter_: str | None,
) -> list[dict[str, Any]]:
    """One GroupReply a metric."""
    if request.better is not None:
        raise UsageError("--better is for runs, not for groups", hint="leave out --better or --group-by")
    of_runs: dict[str, Any] = {"filter": filter_ or ""} if refs is None else {"run_ids": refs}
    keys = request.metrics or [_main_metric(client, line, refs or _newest(client, filter_))]
    return [comparing.when_whole(_asking(client, request, by, key, of_runs), line) for key in keys]


def _newest(client: Client, filter_: str | None) -> list[str]:
    return _ids_of(client.runs(filter=filter_, limit=MAX_RUNS))


def _asking(
    client: Client, request: _Request, by: str, key: str, of_runs: dict[str, Any]
) -> Callable[[], Any]:
    body = {
        "metric_key": key,
        "by": by,
        "align_by": request.align,
        "smoothing": request.smooth,
        "columns": _COLUMNS,
        **of_runs,
    }
    return lambda: client.group(cast("GroupRequest", body))
