"""`og diff`: what is different about runs, and did it help."""

from __future__ import annotations

import click

from opengraphs import client as clients
from opengraphs.cli import comparing, completing, diff_page, output
from opengraphs.cli.options import og_command, reading
from opengraphs.cli.waiting import ProgressLine
from opengraphs.errors import UsageError
from opengraphs.protocol.compare import DiffRequest

USUAL = "usual"
"""What the daemon takes for its own list of patterns."""


@og_command(
    "diff",
    examples=(
        "og diff k7f3 b2cd",
        "og diff k7f3 b2cd --metrics 'eval/*' --ignore seed",
        "og diff k7f3 b2cd --json | jq .config",
    ),
)
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN…", shell_complete=completing.runs)
@click.option(
    "--metrics",
    "--metric",
    "metrics",
    multiple=True,
    metavar="KEY",
    help="Only these (globs work); repeatable.",
    shell_complete=completing.metrics,
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="GLOB",
    help="Leave out such keys too (`lr`, `env.CUDA_*`); repeatable.",
)
@click.option(
    "--all", "show_all", is_flag=True, help="Also what says where and when a run ran: folders, ids, ports."
)
@reading
def command(
    runs: tuple[str, ...],
    metrics: tuple[str, ...],
    ignore: tuple[str, ...],
    show_all: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Tell what is different about runs: config, arguments, environment, git, packages, and their metrics.

    Metrics are compared at the last step that all runs have, and at their best. RUN is any
    unique part of its id, its name, or its folder.
    """
    if len(runs) < 2:
        raise UsageError("a diff takes at least two runs", hint=f"og show {runs[0]} shows one")
    place, refs = comparing.one_store(runs, store=store)
    request: DiffRequest = {"run_ids": refs, "ignore": [*([] if show_all else [USUAL]), *ignore]}
    if metrics:
        request["metrics"] = list(metrics)
    with clients.connect(store=place) as client, ProgressLine() as line:
        reply = comparing.when_whole(lambda: client.diff(request), line)
    if as_json:
        output.put_json(reply)
    else:
        output.put("\n".join(diff_page.lines(reply, limit=output.width(), ink=output.ink())))
