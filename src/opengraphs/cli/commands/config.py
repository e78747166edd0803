"""`og config`: the settings in force."""

from __future__ import annotations

import click

from opengraphs.cli import output, table
from opengraphs.cli.options import SETTINGS, OgCommand, OgGroup, as_json, no_color
from opengraphs.protocol.version import SCHEMA


@click.group("config", cls=OgGroup, context_settings=SETTINGS, examples=("og config show --origin",))
def command() -> None:
    """Settings come from flags, the environment, og.toml of the project, and config.toml of the user."""


@command.command("show", cls=OgCommand, examples=("og config show", "og config show --origin --json"))
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@as_json
@no_color
def show(origin: bool, as_json: bool) -> None:
    """Print every setting and its value."""
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
        [name, str(value), loaded.sources[name]][: len(columns)] for name, value in loaded.values.items()
    ]
    output.put("\n".join(table.render(columns, cells, limit=output.width(), ink=output.ink())))
