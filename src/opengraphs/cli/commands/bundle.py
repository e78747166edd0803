"""`og bundle`: how to run a run again exactly, and what is missing for that."""

from __future__ import annotations

from pathlib import Path

import click

from opengraphs import client as clients
from opengraphs.cli import bundle_page, completing, output, targets
from opengraphs.cli.border import from_os_error
from opengraphs.cli.options import og_command, reading
from opengraphs.client.wire import run_path
from opengraphs.errors import StoreError


@og_command(
    "bundle",
    examples=("og bundle k7f3", "og bundle k7f3 --export k7f3.tar.gz", "og bundle k7f3 --json | jq .missing"),
)
@click.argument("run", shell_complete=completing.runs)
@click.option(
    "--export", "file", metavar="FILE.tar.gz", help="Write it all, without secrets, into an archive."
)
@reading
def command(run: str, file: str | None, store: str | None, as_json: bool) -> None:
    """Say how to run RUN again exactly (code, changes, packages, variables, command), and what is missing for that.

    RUN is any unique part of its id, its name, or its folder.
    """
    target = targets.one_run(run, store=store)
    with clients.connect(store=target.store) as client:
        reply = client.get(run_path(target.ref, "bundle"), contents=True if file else None)
    if file:
        _write(Path(file), bundle_page.archive(reply))
        reply.pop("contents", None)
    if as_json:
        output.put_json(reply)
    elif file:
        output.say(
            f"{reply['run_id']}: written to {file}; {len(reply['missing'])} things are missing, see its README.md"
        )
    else:
        output.put("\n".join(bundle_page.lines(reply, limit=output.width(), ink=output.ink())))


def _write(path: Path, data: bytes) -> None:
    """Only its owner may read it, as with everything of a run."""
    try:
        with path.open("wb") as file:
            path.chmod(0o600)
            file.write(data)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise StoreError(f"cannot be written ({error.strerror})", path=str(path)) from error
    except OSError as error:
        raise from_os_error(error) from error
