"""The options that several commands share, and the look of a command's help."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from opengraphs.cli.words import split_graphs
from opengraphs.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
UI_CHOICES = ("full", "minimal")
GLYPH_CHOICES = ("auto", "braille", "block", "ascii")


class _WithExamples:
    """Help that shows examples before options."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What it does, then examples."""
        super().format_help_text(ctx, formatter)  # type: ignore[misc]  # the click class beside it
        if self.examples:
            formatter.write("\nExamples:\n")
            for line in self.examples:
                formatter.write(f"  {line}\n")


class OgCommand(_WithExamples, click.Command):
    """A command of og."""


class OgGroup(_WithExamples, click.Group):
    """A command with commands below it."""


SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def og_command(
    name: str, *, examples: tuple[str, ...], passes_on: bool = False
) -> Callable[[Callable[..., Any]], OgCommand]:
    """Declare a command.

    Args:
        passes_on: its words from the first positional on are somebody else's.
    """
    settings = {**SETTINGS, "allow_interspersed_args": not passes_on}
    return click.command(name, cls=OgCommand, examples=examples, context_settings=settings)


def _stack(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def apply(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def _no_color(_ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        os.environ["NO_COLOR"] = "1"


def _graphs(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> list[str]:
    return split_graphs(value)


def _regex(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Checked before a run is started for a view that could not be drawn."""
    try:
        re.compile(value or "")
    except re.error as error:
        hint = "where one run is viewed, --filter chooses metrics by regular expression"
        raise UsageError(f"--filter {value!r} is no regular expression: {error.msg}", hint=hint) from None
    return value


store = click.option("--store", metavar="PATH", help="The store to use instead of the one found from here.")
project = click.option("--project", metavar="NAME", help="Project of the runs.")
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object, with stable keys.")
no_color = click.option(
    "--no-color",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_no_color,
    help="No colours at all.",
)
reading: Callable[[F], F] = _stack(store, as_json, no_color)

_graphs_option = click.option(
    "--graphs",
    multiple=True,
    metavar="NAMES",
    callback=_graphs,
    help="Metrics to show: repeated, a,b or '{a, b}'.",
)
_look: tuple[Callable[[F], F], ...] = (
    click.option(
        "--refresh-ms", type=click.IntRange(33, 60_000), metavar="MS", help="How often a view is drawn."
    ),
    click.option("--ui", type=click.Choice(UI_CHOICES), help="Everything, or just the graphs."),
    click.option("--glyphs", type=click.Choice(GLYPH_CHOICES), help="What curves are drawn with."),
    click.option("--theme", metavar="NAME", help="Colour theme."),
    click.option("--panels", metavar="NAMES", help="Panels of plug-ins beside the graphs: a,b."),
    no_color,
)
metric_filter = click.option(
    "--filter", "filter_", metavar="REGEX", callback=_regex, help="Show the metrics that match."
)
view: Callable[[F], F] = _stack(_graphs_option, metric_filter, *_look)
"""Options of everything that opens a view; they arrive as graphs, filter_, refresh_ms, ui, glyphs, theme, panels."""
launch: Callable[[F], F] = _stack(
    project,
    click.option("--run", "--name", "name", metavar="NAME", help="Name of the run; its id is made by og."),
    click.option("--tags", multiple=True, metavar="K=V", help="Tag the run (k or k=v); repeatable."),
    click.option("--prompt", metavar="TEXT", help="What the agent should know about this run."),
    click.option("--pty", is_flag=True, help="Give the command a terminal of its own."),
    click.option(
        "--alert",
        "alerts",
        multiple=True,
        metavar="RULE",
        help="Alert when it holds: 'train/loss > 5 for 10 after 200 !error'; repeatable.",
    ),
    click.option(
        "--restart-on-crash",
        type=click.IntRange(0, 1000),
        default=0,
        metavar="N",
        help="Go on from the newest checkpoint when it crashes, N times at most.",
    ),
    click.option("--mirror-to", metavar="URL", help="Forward the run to this Trackio server."),
    click.option(
        "--no-hooks", is_flag=True, help="Do not capture wandb, TensorBoard and others in the command."
    ),
    click.option(
        "--pattern",
        "patterns",
        multiple=True,
        metavar="REGEX",
        help="Metrics in the output: named groups are metrics, 'step' the step; repeatable.",
    ),
    click.option(
        "--no-stdout-metrics", is_flag=True, help="Do not look for metrics in what the command prints."
    ),
    click.option(
        "--no-ingest",
        is_flag=True,
        help="Do not point Trackio clients in the command at a running og ingest.",
    ),
    store,
)
"""Options of everything that starts a run."""
