"""`og completion`: the script a shell loads; nothing of the user's files is touched."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from opengraphs.cli import output
from opengraphs.cli.options import no_color, og_command
from opengraphs.errors import UsageError

_LOAD = {
    "bash": 'eval "$(og completion bash)"    in ~/.bashrc',
    "zsh": 'eval "$(og completion zsh)"    in ~/.zshrc, after compinit',
    "fish": "og completion fish > ~/.config/fish/completions/og.fish",
}


@og_command(
    "completion",
    examples=('eval "$(og completion bash)"', "og completion fish > ~/.config/fish/completions/og.fish"),
)
@click.argument("shell", type=click.Choice(tuple(_LOAD)))
@no_color
def command(shell: str) -> None:
    """Print a completion script: commands, options and the ids of runs."""
    from opengraphs.cli.app import og

    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"no completion for {shell}", hint=f"there is one for {', '.join(_LOAD)}")
    output.put(kind(og, {}, "og", "_OG_COMPLETE").source())
    output.say(f"load it with: {_LOAD[shell]}")
