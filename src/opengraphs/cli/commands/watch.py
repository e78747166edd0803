"""`og watch`: a command's metrics while it runs, and its exit code."""

from __future__ import annotations

from typing import Any

import click

from opengraphs.cli import command_line, views, watching
from opengraphs.cli.launching import order
from opengraphs.cli.options import launch, og_command, view


@og_command(
    "watch", passes_on=True, examples=("og watch -- python train.py", "og watch --plain -- make train")
)
@click.option("--plain", is_flag=True, help="A line for each step instead of the screen.")
@launch
@view
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--] COMMAND...")
def command(words: tuple[str, ...], plain: bool, **options: Any) -> int:
    """Start COMMAND as a run, show its graphs, and end with its exit code.

    Without a terminal, or with --plain, each step is one line: a log of numbers.
    """
    program = command_line.parse(list(words), prompt=options["prompt"], behind_graphs=bool(options["graphs"]))
    return watching.start_and_watch(
        program, order(options), views.look(options), plain=plain, steps_only=True
    )
