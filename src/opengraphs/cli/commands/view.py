"""`og view`, and a bare `og`: a run, or all runs, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from opengraphs import tui
from opengraphs.cli import completing, foreign, output, targets, views
from opengraphs.cli.commands.list import print_runs
from opengraphs.cli.options import og_command, store, view
from opengraphs.tui import keys


@og_command(
    "view",
    examples=(
        "og",
        "og view k7f3 --graphs train/loss,eval/acc",
        "og view ~/work/llm",
        "og view runs/exp1/progress.csv",
        "og view k7f3 --once",
        "og view k7f3 --screen logs --export logs.svg",
    ),
)
@click.argument("target", metavar="[PATH|RUN]", required=False, shell_complete=completing.runs)
@click.option(
    "--screen", type=click.Choice(keys.ALL), help="The screen to open; else Graphs of a run, or Runs."
)
@click.option(
    "--with",
    "others",
    multiple=True,
    metavar="RUN",
    shell_complete=completing.runs,
    help="Another run: over this one on Graphs, beside it on Compare; repeatable.",
)
@click.option("--once", is_flag=True, help="Print one frame and leave.")
@click.option("--export", metavar="FILE", help="Save one frame as a new .svg, .txt or .csv file, and leave.")
@click.option("--plain", is_flag=True, help="Lines instead of a screen: the runs, or a run's steps.")
@store
@view
def command(
    target: str | None,
    screen: tui.ScreenName | None,
    others: tuple[str, ...],
    once: bool,
    export: str | None,
    plain: bool,
    store: str | None,
    **options: Any,
) -> int:
    """Open a run's graphs, or the runs of a store, a project or a folder.

    PATH is a store, a project folder, a run folder, or a file or folder of other programs' runs
    (TensorBoard, W&B, Trackio, MLflow, CSV, JSON Lines, logs), which are followed live; RUN any unique part of a run's id, or its name.
    """
    is_screen = output.is_terminal() and not (once or export or plain)
    notes: list[str] = []  # a screen is up, or soon: they come after it
    heard = notes.extend if is_screen else None
    found = foreign.resolve(target, store=store, patient=not is_screen, heard=heard)
    chosen = views.look(options)
    ref = views.run_id_of(found)
    selected = views.select(found.store, ref, others)
    if once or export or ((ref or screen) and not plain and not output.is_terminal()):
        views.print_once(
            found.store,
            ref,
            chosen,
            screen=screen,
            export=Path(export) if export else None,
            selected=selected,
        )
        return 0
    if plain or not output.is_terminal():
        _print_lines(found.store, ref, chosen)
        return 0
    place = targets.shown_place(found.store, target)
    code = views.leave(
        views.open_screen(found.store, ref, chosen, screen=screen, selected=selected, place=place)
    )
    foreign.say(notes)
    return code


def _print_lines(store: Path, ref: str | None, chosen: views.Look) -> None:
    if ref:
        views.follow_lines(store, ref, chosen)
    else:
        print_runs(store)
