"""`og demo`: a real training to look at, in about a minute."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import click

from opengraphs.cli import views, watching
from opengraphs.cli.command_line import Program
from opengraphs.cli.launching import Order
from opengraphs.cli.options import og_command, store, view
from opengraphs.errors import NotFoundError

DEFAULT_STEPS = 1000
_NEEDS = ("sklearn", "numpy")


@og_command("demo", examples=("og demo", "og demo --steps 200 --plain"))
@click.option(
    "--steps",
    default=DEFAULT_STEPS,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Training steps.",
)
@click.option("--plain", is_flag=True, help="Print the training's output instead of opening the screen.")
@click.option("--detach", is_flag=True, help="Print the run's id and leave at once.")
@store
@view
def command(steps: int, plain: bool, detach: bool, store: str | None, **options: Any) -> int:
    """Train a small network on scikit-learn's handwritten digits and watch it.

    Needs scikit-learn: pip install 'opengraphs[demo]'.
    """
    _check_needs()
    argv = [sys.executable, "-m", "opengraphs.demo.train", "--steps", str(steps)]
    order = Order(store=store, project="demo", name="digits")
    program = Program(argv, None, None)
    return watching.start_and_watch(program, order, views.look(options), detach=detach, plain=plain)


def _check_needs() -> None:
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise NotFoundError(
            "the demo needs scikit-learn", hint="pip install 'opengraphs[demo]', then og demo again"
        )
