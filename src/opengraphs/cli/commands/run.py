"""`og run`: start a training that outlives the terminal, and watch it."""

from __future__ import annotations

from typing import Any

import click

from opengraphs.cli import command_line, views, watching
from opengraphs.cli.launching import order
from opengraphs.cli.options import launch, og_command, view


@og_command(
    "run",
    passes_on=True,
    examples=(
        "og run train.py --lr 3e-4",
        'og run train.py "stop if the loss diverges"',
        "og run --graphs reward,loss -- torchrun --nproc-per-node 2 train.py",
        "og run --detach --run baseline --tags lr=3e-4 train.py",
    ),
)
@click.option("--detach", is_flag=True, help="Print the run's id and leave at once.")
@click.option("--plain", is_flag=True, help="Print the command's output instead of opening the screen.")
@launch
@view
@click.argument(
    "words", nargs=-1, type=click.UNPROCESSED, metavar='[--] COMMAND...|FILE.py [ARGS]... ["PROMPT"]'
)
def command(words: tuple[str, ...], detach: bool, plain: bool, **options: Any) -> int:
    """Start COMMAND as a run. It goes on when the terminal, og or the daemon ends.

    On a terminal the graphs open; without one, or with --plain, the command's output is
    printed and its exit code returned (128 + N for a signal). og's own options end at
    the first word that is none. FILE.py runs under the python of your PATH.
    """
    program = command_line.parse(list(words), prompt=options["prompt"], behind_graphs=bool(options["graphs"]))
    return watching.start_and_watch(program, order(options), views.look(options), detach=detach, plain=plain)
