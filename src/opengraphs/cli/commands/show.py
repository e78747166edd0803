"""`og show`: everything about one run on a page."""

from __future__ import annotations

import time
from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, foreign, output, run_page
from opengraphs.cli.options import og_command, reading
from opengraphs.cli.waiting import ProgressLine, wait_read
from opengraphs.client.sync import Client
from opengraphs.protocol.runs import RunReply
from opengraphs.protocol.series import ProgressOut
from opengraphs.protocol.version import SCHEMA


@og_command("show", examples=("og show k7f3", "og show train-gpt --json | jq '.metrics[].key'"))
@click.argument("run", shell_complete=completing.runs)
@reading
def command(run: str, store: str | None, as_json: bool) -> None:
    """Show one run: facts, progress, family, config, checkpoints, ranks, metrics.

    RUN is any unique part of its id, its name, or its folder.
    """
    target = foreign.one_run(run, store=store)
    with ProgressLine() as line, clients.connect(store=target.store) as client:
        facts = wait_read(client, target.ref, line, partial=True)
        progress = None if as_json else _progress(client, facts)
    if as_json:
        output.put_json({"schema": SCHEMA, **facts})
        return
    page = run_page.lines(
        cast("dict[str, Any]", facts),
        now=time.time(),
        limit=output.width(),
        ink=output.ink(),
        progress=cast("dict[str, Any] | None", progress),
    )
    output.put("\n".join(page))


def _progress(client: Client, facts: RunReply) -> ProgressOut | None:
    """How far it is, how fast, and when it will be done: an answer about curves brings it along."""
    if not facts["metrics"]:
        return None
    run_id = facts["run_id"]
    reply = client.series({"runs": [run_id], "metrics": [facts["metrics"][0]["key"]], "columns": 1})
    return reply["progress"].get(run_id)
