"""`og lineage`: the family of a run as a tree."""

from __future__ import annotations

from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, lineage_page, output, targets
from opengraphs.cli.options import og_command, reading


@og_command("lineage", examples=("og lineage k7f3", "og lineage k7f3 --json | jq '.path'"))
@click.argument("run", shell_complete=completing.runs)
@reading
def command(run: str, store: str | None, as_json: bool) -> None:
    """Show the family of RUN: which runs went on from which, at which step, and why.

    RUN is any unique part of its id, its name, or its folder.
    """
    target = targets.one_run(run, store=store)
    with clients.connect(store=target.store) as client:
        reply = client.lineage(target.ref)
    if as_json:
        output.put_json(reply)
        return
    page = lineage_page.lines(cast("dict[str, Any]", reply), limit=output.width(), ink=output.ink())
    output.put("\n".join(page))
