"""`og rename`: another name for a run; its id never changes."""

from __future__ import annotations

from typing import Any, cast

import click

from opengraphs import client as clients
from opengraphs.cli import completing, output, several, targets
from opengraphs.cli.options import og_command, reading


@og_command("rename", examples=("og rename k7f3 baseline", 'og rename train-gpt "gpt, long warm-up"'))
@click.argument("run", shell_complete=completing.runs)
@click.argument("name")
@reading
def command(run: str, name: str, store: str | None, as_json: bool) -> None:
    """Give RUN another NAME.

    RUN is any unique part of its id, its name, or its folder.
    """
    target = targets.one_run(run, store=store)
    with clients.connect(store=target.store) as client:
        reply = cast("dict[str, Any]", client.edit(target.ref, {"name": name}))
    if as_json:
        output.put_json(reply)
    else:
        output.say(several.called(reply))
