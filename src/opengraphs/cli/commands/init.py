"""`og init`: a store of the project's own."""

from __future__ import annotations

from pathlib import Path

import click

from opengraphs.cli import output
from opengraphs.cli.border import from_os_error
from opengraphs.cli.options import no_color, og_command
from opengraphs.cli.targets import PROJECT_STORE
from opengraphs.errors import StoreError
from opengraphs.sdk import layout

_IGNORE = "# Runs are data, not source: git leaves this folder alone.\n*\n"


@og_command("init", examples=("og init", "og init ~/work/llm"))
@click.argument("path", required=False, default=".")
@no_color
def command(path: str) -> None:
    """Make .opengraphs/ in PATH (here), where the runs of this project will lie.

    Doing it again changes nothing.
    """
    folder = Path(path).expanduser().absolute()
    if not folder.is_dir():
        raise StoreError("no such folder", hint="mkdir it first", path=str(folder))
    store = folder / PROJECT_STORE
    existed = (store / layout.RUNS).is_dir()
    try:
        make_store(store)
    except OSError as error:
        raise from_os_error(error) from error
    output.put(str(store))
    output.say("was there already" if existed else "runs started below this folder are kept here")


def make_store(store: Path) -> None:
    """The store's folder with its own .gitignore; what is there stays."""
    (store / layout.RUNS).mkdir(parents=True, exist_ok=True)
    ignore = store / ".gitignore"
    if not ignore.exists():
        ignore.write_text(_IGNORE, encoding="utf-8")
