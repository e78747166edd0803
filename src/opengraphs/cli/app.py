"""The click program: loads one command's module and runs it."""

from __future__ import annotations

import importlib
import re
from typing import Any, NoReturn

import click

from opengraphs.cli import catalog
from opengraphs.cli.nearest import did_you_mean
from opengraphs.errors import UsageError, UserInterruptError

_OUR_WORDS = (
    (r"is not a valid integer( range)?$", "is no whole number"),
    (r"is not a valid float( range)?$", "is no number"),
    (r"is not in the range (\S+)<=x<=(\S+)$", r"is not within \1 and \2"),
    (r"is not in the range x>=(\S+)$", r"is less than \1"),
)
"""Complaints of click that name its types, and what a reader knows them by."""


class LazyGroup(click.Group):
    """Knows its commands by name and imports the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the help text."""
        return list(catalog.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command behind a name or its short form; None when there is none."""
        entry = catalog.COMMANDS.get(catalog.ALIASES.get(cmd_name, cmd_name))
        if entry is None:
            return None
        module = importlib.import_module(f"opengraphs.cli.commands.{entry.module}")
        command: click.Command = module.command
        return command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The same text that `og --help` prints without click."""
        formatter.write(catalog.top_help())


og = LazyGroup("og", help="htop for experiments", context_settings={"help_option_names": ["-h", "--help"]})


def dispatch(args: list[str]) -> int:
    """Run one command line through click and return its exit code.

    Not through `Group.main`, which has ideas of its own about closed pipes and ctrl-c.

    Raises:
        OgError: whatever went wrong, click's own complaints as UsageError.
    """
    try:
        with og.make_context("og", args) as ctx:
            result: Any = og.invoke(ctx)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.Abort:
        raise UserInterruptError("interrupted") from None
    except click.ClickException as complaint:
        _refuse(complaint)
    return int(result or 0)


def complete() -> int:
    """Answer the shell's completion script, as `_OG_COMPLETE` asks."""
    og.main([], prog_name="og", standalone_mode=False)
    return 0


def _refuse(complaint: click.ClickException) -> NoReturn:
    """Say it in og's words: what was wrong, what was meant, where the help is."""
    context = getattr(complaint, "ctx", None)
    where = context.command_path if context is not None else "og"
    hints = [f"{where} --help shows how it is used"]
    message = complaint.format_message().rstrip(".")
    for theirs, ours in _OUR_WORDS:
        message = re.sub(theirs, ours, message)
    if isinstance(complaint, click.NoSuchOption):
        message = f"no option {complaint.option_name} for {where}"
        names = [name for param in context.command.params for name in param.opts] if context else []
        guess = did_you_mean(complaint.option_name, names)
        hints = [guess, *hints] if guess else hints
    raise UsageError(message[:1].lower() + message[1:], hint="\n".join(hints)) from None
