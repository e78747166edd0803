"""`og archive`: put runs out of sight, and back."""

from __future__ import annotations

from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, several
from opengraphs.cli.options import og_command, reading


@og_command(
    "archive",
    examples=(
        "og archive k7f3 m2m2",
        "og archive --filter 'status:failed created>30d'",
        "og archive k7f3 --undo",
        "og list --archived",
    ),
)
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=completing.runs)
@click.option("--undo", is_flag=True, help="Bring them back into lists.")
@click.option(
    "--filter", "filter_", metavar="QUERY", help="All runs that match.", shell_complete=completing.filters
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask before many runs are changed.")
@reading
def command(
    runs: tuple[str, ...], undo: bool, filter_: str | None, yes: bool, store: str | None, as_json: bool
) -> int:
    """Leave runs out of lists. Nothing of them is lost: by id or name they are found as before.

    RUN is any unique part of its id, its name, or its folder.
    """
    query = f"archived:true ({filter_})" if undo and filter_ is not None else filter_
    with clients.connect(store=several.store_of(runs, store=store)) as client:
        chosen = several.chosen(client, runs, query, store=store)
        if chosen.found and chosen.refs:
            what = "bring back" if undo else "archive"
            several.confirm(f"{what} {len(chosen.refs)} runs", yes=yes, needed=False, names=chosen.names)
        done, failed = several.each(chosen.refs, lambda ref: client.edit(ref, {"archived": not undo}))
    state = "back in lists" if undo else "archived"
    return several.conclude(
        cast("list[dict[str, Any]]", done),
        failed,
        as_json=as_json,
        line=lambda item: f"{several.called(item)} {state}",
    )
