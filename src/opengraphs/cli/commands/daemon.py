"""`og daemon`: the background process that answers every view. Trainings do not need it."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, cast

import click

from opengraphs.cli import following, output
from opengraphs.cli import format as fmt
from opengraphs.cli.options import SETTINGS, OgCommand, OgGroup, as_json, no_color
from opengraphs.client import lifecycle
from opengraphs.errors import DaemonError
from opengraphs.protocol.version import SCHEMA


@click.group(
    "daemon", cls=OgGroup, context_settings=SETTINGS, examples=("og daemon status", "og daemon restart")
)
def command() -> None:
    """Look at, start and stop ogd. Commands start it when they need it; runs go on without it."""


@command.command("start", cls=OgCommand)
@no_color
def start() -> None:
    """Start ogd unless it runs."""
    output.say(_line(cast("dict[str, Any]", lifecycle.start())))


@command.command("stop", cls=OgCommand)
@no_color
def stop() -> None:
    """Stop ogd. Trainings go on; the next command that needs it starts it again."""
    output.say("ogd stopped" if lifecycle.stop() else "ogd was not running")


@command.command("restart", cls=OgCommand)
@no_color
def restart() -> None:
    """Stop ogd and start this version of it."""
    output.say(_line(cast("dict[str, Any]", lifecycle.restart())))


@command.command("status", cls=OgCommand, examples=("og daemon status --json",))
@as_json
@no_color
def status(as_json: bool) -> int:
    """Say whether ogd runs, its version, and what it looks after. Exit code 5 when it does not run."""
    found = cast("dict[str, Any] | None", lifecycle.status())
    if as_json:
        output.put_json({**(found or {}), "schema": SCHEMA, "running": found is not None})
    else:
        output.put(_line(found) if found else "ogd is not running")
    return 0 if found else DaemonError.exit_code


@command.command("logs", cls=OgCommand, examples=("og daemon logs -n 50 --follow",))
@click.option(
    "-n",
    "count",
    default=100,
    show_default=True,
    type=click.IntRange(0),
    metavar="N",
    help="Lines from the end.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on as lines are written.")
@click.option("--path", "only_path", is_flag=True, help="Print where the log is.")
@no_color
def logs(count: int, follow: bool, only_path: bool) -> None:
    """Print the end of ogd's own log."""
    path = lifecycle.log_path()
    if only_path:
        output.put(str(path))
        return
    if not path.exists():
        raise DaemonError("ogd has written no log yet", hint="og daemon start", path=str(path))
    with path.open("rb") as file:
        for line in deque(file, count):
            output.put(following.printable(line))
        if follow:
            following.follow_file(path, file, output.put)


def _line(found: dict[str, Any]) -> str:
    """`ogd 0.1.0 runs (pid 71, up 4m12s): 1 live run, 2 clients, 1 store`."""
    since = fmt.epoch(found.get("started_at"))
    up = f", up {fmt.duration(time.time() - since)}" if since else ""
    counts = [
        _counted(found.get("live_runs", 0), "live run"),
        _counted(found.get("clients", 0), "client"),
        _counted(len(found.get("stores", [])), "store"),
    ]
    return f"ogd {found['version']} runs (pid {found.get('pid')}{up}): {', '.join(counts)}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
