"""`og view`, and a bare `og`: a run, or all runs, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opengraphs.cli import completing, output, targets, views
from opengraphs.cli.commands.list import print_runs
from opengraphs.cli.options import og_command, store, view


@og_command(
    "view",
    examples=("og", "og view k7f3 --graphs train/loss,eval/acc", "og view ~/work/llm", "og view k7f3 --once"),
)
@click.argument("target", metavar="[PATH|RUN]", required=False, shell_complete=completing.runs)
@click.option("--once", is_flag=True, help="Print one frame and leave.")
@click.option("--plain", is_flag=True, help="Lines instead of a screen: the runs, or a run's steps.")
@store
@view
def command(target: str | None, once: bool, plain: bool, store: str | None, **options: Any) -> int:
    """Open a run's graphs, or the runs of a store or project.

    PATH is a store, a project folder or a run folder; RUN any unique part of a run's id, or its name.
    """
    found = targets.resolve(target, store=store)
    chosen = views.look(options)
    ref = views.run_id_of(found)
    if once or (ref and not plain and not output.is_terminal()):
        views.print_once(found.store, ref, chosen)
        return 0
    if plain or not output.is_terminal():
        _print_lines(found.store, ref, chosen)
        return 0
    return views.leave(views.open_screen(found.store, ref, chosen))


def _print_lines(store: Path, ref: str | None, chosen: views.Look) -> None:
    if ref:
        views.follow_lines(store, ref, chosen)
    else:
        print_runs(store)
