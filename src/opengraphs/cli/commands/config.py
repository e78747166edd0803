"""`og config`: the settings in force, and one of them changed in its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from opengraphs import paths
from opengraphs.cli import completing, output, table
from opengraphs.cli.options import SETTINGS, OgCommand, OgGroup, as_json, no_color
from opengraphs.protocol.version import SCHEMA

if TYPE_CHECKING:
    from opengraphs.tui.settings import Value


KEYS = "keys."
"""Before the name of an action: the keys it has."""


@click.group(
    "config",
    cls=OgGroup,
    context_settings=SETTINGS,
    examples=("og config list", "og config set ui.theme light", "og config path"),
)
def command() -> None:
    """Settings come from flags, the environment, og.toml of the project, and config.toml of the user."""


@command.command("list", cls=OgCommand, examples=("og config list", "og config list --json"))
@as_json
@no_color
def list_(as_json: bool) -> None:
    """Print every setting, its value and where that comes from."""
    _print_all(origin=True, as_json=as_json)


@command.command("show", cls=OgCommand, examples=("og config show", "og config show --origin --json"))
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@as_json
@no_color
def show(origin: bool, as_json: bool) -> None:
    """Print every setting and its value."""
    _print_all(origin=origin, as_json=as_json)


@command.command("get", cls=OgCommand, examples=("og config get ui.theme",))
@click.argument("name", shell_complete=completing.settings)
@no_color
def get(name: str) -> None:
    """Print the value of one setting, as it is in force."""
    from opengraphs.tui import config_edit, settings

    if name.startswith(KEYS):
        output.put("\n".join(_keys_of(name.removeprefix(KEYS), settings.load().keys)))
        return
    value = settings.load().values[config_edit.setting(name).name]
    output.put("\n".join(value) if isinstance(value, tuple) else _text(value))


@command.command(
    "set",
    cls=OgCommand,
    examples=(
        "og config set ui.refresh_ms 500",
        "og config set ui.theme --unset",
        "og config set keys.graphs.pause P,f5",
    ),
)
@click.argument("name", shell_complete=completing.settings)
@click.argument("value", required=False, shell_complete=completing.setting_values)
@click.option("--unset", is_flag=True, help="Take it out of the file, so that the default holds.")
@click.option("--project", is_flag=True, help="In og.toml of the project instead of the user's own file.")
@no_color
def set_(name: str, value: str | None, unset: bool, project: bool) -> None:
    """Write one setting into its file; comments and everything else there stay as they are."""
    from opengraphs.tui import config_edit, settings

    if (value is None) != unset:
        raise click.UsageError("give a VALUE, or --unset")
    path = _project_file() if project else paths.config_file()
    if name.startswith(KEYS):
        _set_keys(path, name.removeprefix(KEYS), value.split(",") if value else None)
        return
    if unset:
        config_edit.drop(path, name)
    else:
        config_edit.put(path, name, value)
    loaded = settings.load()
    output.say(f"{name} = {_text(loaded.values[name])}, from {loaded.sources[name]}")


@command.command(
    "agent",
    cls=OgCommand,
    examples=(
        "og config agent",
        "og config agent --provider anthropic --model claude-sonnet-4-5",
        "og config agent --provider openrouter --model qwen/qwen3-coder --key-cmd 'pass show openrouter'",
        "og config agent --provider ollama --model qwen3:8b",
    ),
)
@click.option("--provider", metavar="NAME", help="openai, anthropic, openrouter, ollama or vllm.")
@click.option("--model", metavar="NAME", help="The model, as the provider calls it.")
@click.option(
    "--base-url", metavar="URL", help="Where it answers, where that is not the provider's own address."
)
@click.option(
    "--key-env", "api_key_env", metavar="VAR", help="The variable of the environment that holds the key."
)
@click.option(
    "--key-file", "api_key_file", metavar="FILE", help="A file with the key that only you can read."
)
@click.option("--key-cmd", "api_key_cmd", metavar="COMMAND", help="A command that prints the key.")
@click.option("--no-test", is_flag=True, help="Make no request.")
@as_json
@no_color
def agent(no_test: bool, as_json: bool, **given: str | None) -> int:
    """Choose the model that the agent asks, and test it with one small request.

    Asks on a terminal where no option says anything. Keys themselves are never written.
    """
    from opengraphs.cli import agent_setup

    chosen = {name: value for name, value in given.items() if value is not None}
    if not chosen and not as_json and output.is_terminal():
        chosen = agent_setup.choose(chosen)
    agent_setup.write(paths.config_file(), chosen)
    return agent_setup.report(test=not no_test, as_json=as_json)


@command.command("path", cls=OgCommand, examples=("$EDITOR $(og config path)",))
@click.option("--project", is_flag=True, help="og.toml of the project instead of the user's own file.")
@no_color
def path(project: bool) -> None:
    """Print where the file of settings is, or would be."""
    output.put(str(_project_file() if project else paths.config_file()))


def _set_keys(path: Path, action: str, chosen: list[str] | None) -> None:
    """Checked together with what else was chosen: og would not start with a key that is given twice."""
    from opengraphs.tui import config_edit, keys, settings

    others = {name: given for name, given in settings.load().keys.items() if name != action}
    keys.Keymap({**others, **({action: chosen} if chosen else {})})
    config_edit.put_keys(path, action, chosen)
    output.say(f"{KEYS}{action} = {', '.join(_keys_of(action, settings.load().keys))}")


def _keys_of(action: str, chosen: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    from opengraphs.tui import keys

    keys.Keymap({action: ()})
    return chosen.get(action) or next(one.keys for one in keys.ACTIONS if one.id == action)


def _project_file() -> Path:
    """The nearest og.toml, else the one that would be made here."""
    from opengraphs.tui import settings

    return settings.project_file() or Path.cwd() / settings.PROJECT_FILE


def _print_all(*, origin: bool, as_json: bool) -> None:
    from opengraphs.tui import settings

    loaded = settings.load()
    if as_json:
        rows = [
            {"name": name, "value": value, "origin": loaded.sources[name]}
            for name, value in loaded.values.items()
        ]
        output.put_json({"schema": SCHEMA, "settings": rows})
        return
    columns = [table.Column("SETTING"), table.Column("VALUE"), *([table.Column("FROM")] if origin else [])]
    cells = [
        [name, _text(value), loaded.sources[name]][: len(columns)] for name, value in loaded.values.items()
    ]
    output.put("\n".join(table.render(columns, cells, limit=output.width(), ink=output.ink())))


def _text(value: Value) -> str:
    """A value as the file and the environment write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
