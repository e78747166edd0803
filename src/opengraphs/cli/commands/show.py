"""`og show`: everything about one run on a page."""

from __future__ import annotations

import time
from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, run_page, targets
from opengraphs.cli.options import og_command, reading
from opengraphs.protocol.version import SCHEMA


@og_command("show", examples=("og show k7f3", "og show train-gpt --json | jq '.metrics[].key'"))
@click.argument("run", shell_complete=completing.runs)
@reading
def command(run: str, store: str | None, as_json: bool) -> None:
    """Show one run: facts, config, checkpoints, metrics.

    RUN is any unique part of its id, its name, or its folder.
    """
    target = targets.one_run(run, store=store)
    with clients.connect(store=target.store) as client:
        reply = cast("dict[str, Any]", client.run(target.ref))
    if as_json:
        output.put_json({"schema": SCHEMA, **reply})
    else:
        page = run_page.lines(reply, now=time.time(), limit=output.width(), ink=output.ink())
        output.put("\n".join(page))
