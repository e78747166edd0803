"""`og attach`: back to a run that is going on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opengraphs import client as clients
from opengraphs.cli import completing, first_frame, output, targets, views
from opengraphs.cli.options import og_command, store, view
from opengraphs.errors import NotFoundError


@og_command("attach", examples=("og attach", "og attach k7f3 --graphs loss,lr"))
@click.argument("run", required=False, shell_complete=completing.runs)
@click.option("--plain", is_flag=True, help="A line a step instead of the screen.")
@store
@view
def command(run: str | None, plain: bool, store: str | None, **options: Any) -> int:
    """Watch a run that is going on, the newest by default; ended runs open too.

    RUN is any unique part of a run's id, its name, or its folder.
    """
    found = targets.one_run(run, store=store) if run else targets.Target(targets.store_of(store), None)
    run_id = views.run_id_of(found) or first_frame.live_run() or newest_live(found.store)
    chosen = views.look(options)
    if plain or not output.is_terminal():
        views.follow_lines(found.store, run_id, chosen)
        return 0
    return views.leave(views.open_screen(found.store, run_id, chosen))


def newest_live(store: Path) -> str:
    """The id of the run that started last and still runs.

    Raises:
        NotFoundError: none does; the hint says what can be opened instead.
    """
    with clients.connect(store=store) as client:
        running = client.runs(status="running", sort="-created_at", limit=1)["runs"]
        if running:
            return running[0]["run_id"]
        ended = client.runs(sort="-created_at", limit=1)["runs"]
    hint = "start one: og run train.py"
    if ended:
        hint = f"og attach {ended[0]['run_id'].rpartition('-')[2]} opens the last one, og list shows all"
    raise NotFoundError("no run is going on", hint=hint)
